"""Which check it is that sends what a person has let go out, in words that hold on this host and on others."""

from __future__ import annotations

from giftping.commands.session import Session
from giftping.store.records import Store
from giftping.text import counted


def check_that_sends(session: Session, store: Store) -> str:
    """Which check sees, and may send, what was changed in the store just now: the subject of a sentence.

    Raise StoreError when the store cannot be read.
    """
    from giftping.codes.idle import GLANCE_EVERY

    if held_back := session.wiring.join(store, read_only=True) or store.held_back:
        return f"the first check that sends again ({held_back})"
    if not session.settings.mongo.shared:
        return "the next check"
    # A run with nothing new asks the database now and then only whether another host has changed anything.
    return f"the next check here, or one of another host within {counted(GLANCE_EVERY.seconds // 60, 'minute')},"
