"""What an error of a command comes to in Discord."""

from __future__ import annotations

import logging

import pytest

from giftping.bot.failures import Failure, Told, failure_of
from giftping.errors import (
    EXIT_LOCKED,
    EXIT_SETTINGS,
    EXIT_TROUBLE,
    EXIT_UNEXPECTED,
    EXIT_USAGE,
    UnknownGuildError,
    UsageError,
)
from giftping.runs.lock import LockError, LockHeldError
from giftping.settings.file import Mistake, SettingsError
from giftping.settings.secrets import SecretError
from giftping.store.base import StoreAwayError
from giftping.todo.validation import NotOnRosterError


@pytest.mark.parametrize(
    ("error", "failure", "logged"),
    [
        (UsageError("say where"), Failure("say where", EXIT_USAGE), []),
        (
            UnknownGuildError("guild 5 is not known; did you mean 6?"),
            Failure("guild 5 is not known; did you mean 6?", EXIT_USAGE, Told.NOT_SET_UP),
            [],
        ),
        (NotOnRosterError(7), Failure(str(NotOnRosterError(7)), EXIT_USAGE, Told.NOT_LISTED), []),
        (LockHeldError(12), Failure(str(LockHeldError(12)), EXIT_LOCKED, Told.BUSY), []),
        (
            StoreAwayError("away: s3cret"),
            Failure("away: ***", EXIT_TROUBLE, Told.AWAY),
            [(logging.WARNING, "away: ***")],
        ),
        (
            LockError("full"),
            Failure("full", EXIT_TROUBLE, Told.AWAY),
            [(logging.WARNING, "full")],
        ),
        (
            SettingsError([Mistake("a.toml", "x", "wrong")]),
            Failure("a.toml: x: wrong", EXIT_SETTINGS, Told.AWAY),
            [(logging.WARNING, "a.toml: x: wrong")],
        ),
        (
            SecretError("env:HOOK", "is not set"),
            Failure("env:HOOK: is not set", EXIT_SETTINGS, Told.AWAY),
            [(logging.WARNING, "env:HOOK: is not set")],
        ),
        (
            RuntimeError("boom s3cret"),
            Failure("boom ***", EXIT_UNEXPECTED, Told.UNEXPECTED),
            [(logging.ERROR, "unexpected RuntimeError: boom ***")],
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_member_is_told_what_they_can_act_on_and_the_log_what_the_operator_can(
    error: Exception, failure: Failure, logged: list[tuple[int, str]], caplog: pytest.LogCaptureFixture
) -> None:
    assert failure_of(error, lambda text: text.replace("s3cret", "***")) == failure
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == logged
