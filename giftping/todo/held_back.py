"""What is not begun while the store holds back whatever is to be sent, since nobody would be there to referee it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from giftping.discord.outcome import WithdrawnError
from giftping.store.base import StoreAwayError
from giftping.store.records import Store


@contextmanager
def withdrawn_while_held(store: Store) -> Iterator[None]:
    """Let a claim, or a fence, be made only by a store that holds nothing back, before it and after it.

    Raise WithdrawnError when it does: a claim in which the store was lost has no referee, and is settled as that of a
    killed run.
    """
    _withdraw(store)
    try:
        yield
    except StoreAwayError:
        _withdraw(store)
        raise
    _withdraw(store)


def _withdraw(store: Store) -> None:
    if why := store.held_back:
        raise WithdrawnError(why)
