"""Being told to stop: a run finishes the message in flight, writes down what came of it, and begins nothing new."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stop:
    """What the signals of a run set, and what its jobs look at between messages."""

    def __init__(self) -> None:
        self._signal = 0

    def asked(self) -> bool:
        """Whether the run is to stop."""
        return self._signal != 0

    @property
    def exit_code(self) -> int:
        """What a process that was told to stop ends with: 143 after SIGTERM, 130 after Ctrl-C; 0 when it was not."""
        # As shells tell of a process that a signal has ended.
        return 128 + self._signal if self._signal else 0

    def note(self, number: int) -> None:
        """Note that a signal has come."""
        self._signal = number


@contextmanager
def stopping() -> Iterator[Stop]:
    """Give what the signals that come within the block set; a second one does what it always does.

    Only the main thread of a process can have signals; in another one nothing is ever asked to stop.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def handle(number: int, _frame: FrameType | None) -> None:
        stop.note(number)
        restore()

    # Who has a signal ignored, as nohup and shells do for what runs in the background, wants it ignored.
    before = {number: signal.getsignal(number) for number in SIGNALS}
    before = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    for number in before:
        signal.signal(number, handle)
    try:
        yield stop
    finally:
        restore()
