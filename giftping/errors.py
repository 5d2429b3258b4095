"""The root of the errors that whoever runs giftping is told of in words, and the exit codes that runs end in.

A class of error stands where its subject does, and says here what it ends in. The command line and the bot each map the
root at one place; an error that is none of these is a defect of giftping, and is told as unexpected.
"""

from __future__ import annotations

from typing import ClassVar

# Those from 64 on are BSD's (sysexits.h), which cron, systemd and shells know.
EXIT_FINE = 0
EXIT_UNEXPECTED = 1
EXIT_USAGE = 2
EXIT_TROUBLE = 69
"""Something failed, is held back or is uncertain, and the rest was done (EX_UNAVAILABLE)."""
EXIT_LOCKED = 75
"""Another run is at it: the same command works later (EX_TEMPFAIL)."""
EXIT_SETTINGS = 78
"""The settings cannot be used (EX_CONFIG)."""


class GiftpingError(Exception):
    """What cannot be done, and what to do about it; the text is for people, and may be several lines."""

    exit_code: ClassVar[int] = EXIT_TROUBLE
    """What a command that this error ends exits with."""

    @property
    def lines(self) -> tuple[str, ...]:
        """What is shown of it, a mistake a line."""
        return tuple(str(self).splitlines())


class UsageError(GiftpingError):
    """What was asked for cannot be; the text says why, and what to write instead."""

    exit_code = EXIT_USAGE


class UnknownGuildError(UsageError):
    """What was asked for is about a guild that is not set up: it is not known where announcements go in it."""


def error_lines(error: Exception) -> tuple[str, ...]:
    """What whoever runs giftping is told of an error that ends a command, a line each."""
    if isinstance(error, GiftpingError):
        return error.lines
    return (f"unexpected {type(error).__name__}: {error} (-vv shows where)",)


def exit_code_of(error: Exception) -> int:
    """What a command that this error ends exits with."""
    return error.exit_code if isinstance(error, GiftpingError) else EXIT_UNEXPECTED
