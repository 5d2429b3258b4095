"""The store: records above engines of one contract, which are the JSON file, MongoDB, and the two together.

Programs of others enter by `open_ledger`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from giftping.store.errors import StoreError

if TYPE_CHECKING:
    from giftping.store.ledger import Ledger

__all__ = ["StoreError", "open_ledger"]


def open_ledger(config: Path | str | None = None) -> Ledger:
    """The ledger that giftping itself would use here, open; `with` closes it.

    The settings are those of the file at `config`, else of the one in the usual places, and of the environment. No
    query yet. Raise StoreError when the ledger cannot be opened, and `giftping.errors.GiftpingError`, of which
    StoreError is a kind, for mistakes in the settings.
    """
    # Every run imports this package, and an idle one is to load no more than it needs.
    from giftping.settings.file import Mistake, SettingsError
    from giftping.settings.load import load_settings
    from giftping.store.ledger import ledger_of

    if config is not None and not (str(config) and Path(config).exists()):
        raise SettingsError([Mistake(str(config) or "''", "", "no such file")])
    return ledger_of(load_settings(os.environ, None if config is None else Path(config), cwd=Path.cwd()))
