"""The guilds of an older bot in the same database that get nothing by giftping, as they could not be taken over."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from giftping.doctor.judgement import Checks, Judgement, fail, ok
from giftping.store.base import HOME_GAME, Subscription
from giftping.store.documents import LEDGER
from giftping.store.legacy.left_out import left_out
from giftping.store.legacy.shapes import STATE
from giftping.store.records import Store


@dataclass(frozen=True, slots=True)
class LeftOutGuild:
    """A guild to which the older bot posted, and giftping does not."""

    guild_id: int
    why: str
    """What of it cannot be read."""
    add: str
    """The command that adds it."""


@dataclass(frozen=True, slots=True)
class OlderBotFacts:
    """What an older bot's own documents say that did not come over."""

    left_out: tuple[LeftOutGuild, ...] = ()


def look_at_older_bot(store: Store, subscriptions: Collection[Subscription]) -> OlderBotFacts | None:
    """What the older bot's documents beside the ledger still say; None where there are none, or MongoDB is away.

    Raise StoreError where they cannot be read.
    """
    from giftping.store.mirror.engine import MirroredEngine

    if not isinstance(store.engine, MirroredEngine) or store.is_away:
        return None
    old = store.engine.old_data()
    there = {one.guild_id for one in subscriptions if one.game == HOME_GAME}
    states = list(old.documents(STATE))
    found = left_out(states, old.documents(LEDGER)) if states else None
    return (
        None
        if found is None
        else OlderBotFacts(tuple(LeftOutGuild(id_, *why) for id_, why in found.items() if id_ not in there))
    )


def judge_older_bot(older: OlderBotFacts) -> Sequence[Judgement]:
    """The guilds that get nothing until a person has decided."""
    if not older.left_out:
        return [ok("no guild of the older bot was left out")]
    return [
        fail(
            f"guild {one.guild_id}, to which an older bot posted, gets nothing: {one.why}",
            f"mend that in {STATE} or {LEDGER}, or take the guild out there, and run giftping migrate; or, to begin"
            f" with what is new from then on: {one.add}",
            str(one.guild_id),
        )
        for one in older.left_out
    ]


OLDER_BOT_CHECKS: Checks[OlderBotFacts] = (("older bot", judge_older_bot),)
