"""What is wrong on this host, whatever is run on it: what its settings warn of, and a disk that is nearly full."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from giftping.output.trouble import Trouble, over_line
from giftping.runs.state_folder import is_nearly_full
from giftping.settings.secrets import is_exposed_still

if TYPE_CHECKING:
    from giftping.settings.keys import Settings

WARNING, DISK = "settings", "disk"
"""How the keys begin of what the settings warn of, and of the disk's."""


def host_troubles(settings: Settings) -> Iterator[Trouble]:
    """What is wrong with the settings' files and with the disk, though a run can go on with it."""
    for warning in settings.warnings:
        yield Trouble(f"{WARNING} {warning}", f"warning: {warning}", is_of_host=True, level="warning")
    if is_nearly_full(settings.state):
        line = f"{settings.state}: the disk is nearly full; make room on it"
        yield Trouble(f"{DISK} {settings.state}", line, is_of_host=True, level="warning")


def host_trouble_over(key: str, line: str) -> str | None:
    """That trouble which no run meets any more is over, in words; None for trouble of another kind."""
    sort, _, what = key.partition(" ")
    if sort == DISK:
        return over_line(line)
    if sort != WARNING:
        return None
    # Another run, begun in another folder, may have read another `.env`: its silence says nothing of this one.
    return "" if is_exposed_still(what) else over_line(line)
