"""What runs remember of the last whole look at a long collection, so that it is not read whole by each of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from giftping.runs.codec import from_json, to_json
from giftping.runs.state_folder import EXAMINED
from giftping.store.base import Examined
from giftping.store.tiny.files import replace_file

if TYPE_CHECKING:
    from pathlib import Path


def look_through(state: Path, collection: str, look: Callable[[Examined | None], Examined]) -> None:
    """Look at a collection, given the last whole look at it, and remember this one where that spares anything."""
    path = state / EXAMINED.replace("*", collection)
    known = _read(path)
    found = look(known)
    # Without it the next run looks at all of it once more.
    with suppress(OSError):
        if found.is_long and found != known:
            replace_file(path, [f"{json.dumps(to_json(found))}\n".encode()], durable=False)
        elif known is not None and not found.is_long:
            path.unlink(missing_ok=True)


def _read(path: Path) -> Examined | None:
    try:
        return from_json(Examined, json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, RecursionError):
        return None
