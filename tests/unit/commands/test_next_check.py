"""Which check it is that sends is said in words that hold wherever it runs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from giftping.commands.next_check import check_that_sends


@pytest.mark.parametrize(
    ("refused", "held_back", "shared", "said"),
    [
        ("", "", False, "the next check"),
        ("", "", True, "the next check here, or one of another host within 10 minutes,"),
        ("", "MongoDB is away", True, "the first check that sends again (MongoDB is away)"),
        ("pi uses it, too", "", False, "the first check that sends again (pi uses it, too)"),
    ],
)
def test_no_check_is_promised_that_does_not_see_it_or_may_not_send(
    refused: str, held_back: str, shared: bool, said: str
) -> None:
    session: Any = SimpleNamespace(
        wiring=SimpleNamespace(join=lambda _store, *, read_only: refused if read_only else "joined"),
        settings=SimpleNamespace(mongo=SimpleNamespace(shared=shared)),
    )
    store: Any = SimpleNamespace(held_back=held_back)
    assert check_that_sends(session, store) == said
