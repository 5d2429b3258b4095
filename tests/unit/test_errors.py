"""Every error that reaches a person has one root, which says what it ends in."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import giftping
from giftping.errors import (
    EXIT_LOCKED,
    EXIT_SETTINGS,
    EXIT_TROUBLE,
    EXIT_USAGE,
    GiftpingError,
    UnknownGuildError,
    UsageError,
)
from giftping.runs.lock import LockError, LockHeldError
from giftping.settings.file import Mistake, SettingsError
from giftping.settings.secrets import SecretError
from giftping.store.base import StoreError
from giftping.todo.validation import NotOnRosterError, SubmissionError

ENDS = {
    EXIT_USAGE: {UsageError, UnknownGuildError, SubmissionError, NotOnRosterError},
    EXIT_TROUBLE: {GiftpingError, StoreError, LockError},
    EXIT_LOCKED: {LockHeldError},
    EXIT_SETTINGS: {SettingsError, SecretError},
}


def below(kind: type[GiftpingError]) -> Iterator[type[GiftpingError]]:
    """Yield a class and all that derive from it, but for the store's own kinds."""
    yield kind
    for each in kind.__subclasses__() if kind is not StoreError else ():
        yield from below(each)


def test_each_class_ends_in_the_code_that_the_contract_names() -> None:
    for module in pkgutil.walk_packages(giftping.__path__, "giftping."):
        if not module.name.startswith(("giftping.__main__", "giftping.bot")):
            importlib.import_module(module.name)
    found: dict[int, set[type[GiftpingError]]] = {}
    for kind in below(GiftpingError):
        found.setdefault(kind.exit_code, set()).add(kind)
    assert found == ENDS


def test_an_error_of_the_store_ends_in_the_same_code_whichever_it_is() -> None:
    assert {kind.exit_code for kind in [StoreError, *StoreError.__subclasses__()]} == {EXIT_TROUBLE}


@pytest.mark.parametrize(
    ("error", "lines"),
    [
        (UsageError("say where"), ("say where",)),
        (SettingsError([Mistake("a.toml", "x", "wrong", 3), Mistake("environment", "Y", "no")]), None),
        (SubmissionError([("name", "is empty"), ("", "too long")]), ("name: is empty", "too long")),
    ],
)
def test_every_mistake_of_an_error_is_a_line(error: GiftpingError, lines: tuple[str, ...] | None) -> None:
    assert error.lines == (lines or ("a.toml:3: x: wrong", "environment: Y: no"))
