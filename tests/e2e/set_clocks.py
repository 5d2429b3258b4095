"""The clocks of a forked run as a file sets them: while it goes on, and while it is frozen.

A process that was stopped finds, once it goes on, that all of its clocks have gone on; one whose wall clock is set
finds that this alone has jumped. The file tells in seconds how far the wall clock, and the one that nobody sets, are
ahead of this machine's.
"""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

ROOM = 64
"""More bytes than the two numbers take."""

_steady = time.clock_gettime
_monotonic = time.monotonic


def set_clocks(path: Path, wall: float, steady: float) -> None:
    """Set the clocks of all runs that go by the file, at one stroke."""
    text = f"{wall:.6f} {steady:.6f}".ljust(ROOM).encode()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.pwrite(descriptor, text, 0)
    finally:
        os.close(descriptor)


class SetClocks:
    """The clocks of this process; `look` takes over what the file says by now."""

    def __init__(self, path: str) -> None:
        import time_machine

        from giftping.discord.http import DiscordHttp

        self._file = os.open(path, os.O_RDONLY)
        self._wall, self._steady = self._read()
        self._steady_at_first = self._steady
        self._traveller = time_machine.travel(timedelta(seconds=self._wall)).start()
        time.clock_gettime = self._clock_gettime
        time.monotonic = self._monotonic
        # What was the default when the server imported it is no longer what `time.monotonic` is.
        DiscordHttp.__init__.__kwdefaults__["monotonic"] = time.monotonic

    def look(self) -> None:
        """Go by what the file says now."""
        wall, self._steady = self._read()
        if wall != self._wall:
            self._traveller.shift(timedelta(seconds=wall - self._wall))
            self._wall = wall

    def _read(self) -> tuple[float, float]:
        wall, steady = os.pread(self._file, ROOM, 0).split()
        return float(wall), float(steady)

    def _clock_gettime(self, which: int) -> float:
        return _steady(which) + (self._steady if which == time.CLOCK_BOOTTIME else 0)

    def _monotonic(self) -> float:
        return _monotonic() + self._steady - self._steady_at_first
