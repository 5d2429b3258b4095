"""Standard input, output and error as every command finds them: open, and such that no text and no reader ends it.

A character that the encoding does not have is replaced. Whoever has stopped reading gets no more, and the job goes on;
what cannot be written for any other reason is told at the end. Every run loads this.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from typing import TextIO

from giftping.errors import EXIT_FINE, EXIT_TROUBLE

_REPLACED = "giftping.replaced"
"""The name by which Python knows how characters are replaced."""

_PLAINLY = {
    **dict.fromkeys("–—−‐‑", "-"),
    **dict.fromkeys("─━═", "-"),
    **dict.fromkeys("‘’‚", "'"),
    **dict.fromkeys("“”„", '"'),
    "…": "...",
    "→": "->",
    "×": "x",
    "·": "-",
    "•": "*",
    "▌": "|",
    "│": "|",
    "█": "#",
    "✓": "v",
    "\u00a0": " ",
}
"""What stands for a character where the encoding has none; for any other a question mark."""


def replaced(error: UnicodeError) -> tuple[str | bytes, int]:
    """What is written in place of characters that an encoding does not have, and where it goes on. Raise others."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    characters = error.object[error.start : error.end]
    return "".join(_PLAINLY.get(character, "?") for character in characters), error.end


class _Sink(io.FileIO):
    """A file descriptor that takes everything: what it cannot write is lost, and why is kept."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.lost: OSError | None = None

    def write(self, data: object, /) -> int:
        """How much of the data is taken: all of what it was given, once something is lost."""
        content = memoryview(data)  # type: ignore[arg-type]  # bytes, as io gives them
        if self.lost is None:
            try:
                return super().write(content) or 0
            except OSError as error:
                self.lost = error
        return content.nbytes


class Streams:
    """The streams of this process."""

    def __init__(self, out: _Sink | None) -> None:
        self._out = out

    def exit_code(self, code: int) -> int:
        """What the process is to end in: with 0 only where standard output took what it was given, or nobody reads."""
        try:
            sys.stdout.flush()
        except (OSError, ValueError):
            # Not ours: a test's, or one that somebody has closed.
            return code
        lost = self._out.lost if self._out else None
        if lost is None or isinstance(lost, BrokenPipeError):
            return code
        sys.stderr.write(f"giftping: standard output cannot be written ({lost.strerror}); the rest was done\n")
        return EXIT_TROUBLE if code == EXIT_FINE else code


def take_streams() -> Streams:
    """The streams of this process, once they are made such that every command can use them."""
    codecs.register_error(_REPLACED, replaced)
    _open_what_is_closed()
    out, _ = _wrapped("stdout"), _wrapped("stderr")
    return Streams(out)


def _open_what_is_closed() -> None:
    """Let nothing else that is opened get the number of a stream that was closed: it would be written to."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 -- a stream like the others


def _wrapped(name: str) -> _Sink | None:
    """The sink that a stream writes to from now on; None for one that is not the process's own."""
    stream: TextIO = getattr(sys, name)
    if type(stream) is not io.TextIOWrapper or stream is not getattr(sys, f"__{name}__"):
        return None
    stream.flush()
    sink = _Sink(stream.fileno())
    text = io.TextIOWrapper(
        io.BufferedWriter(sink),
        encoding=stream.encoding,
        errors=_REPLACED,
        line_buffering=stream.line_buffering or name == "stderr",
        write_through=stream.write_through,
    )
    setattr(sys, name, text)
    return sink
