"""Whether the bot is there to take TODOs: what it notes of itself in the store, and what follows from that. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from giftping.store.base import RunRecord
from giftping.text import id_or_none

JOB = "bot"
"""How its run record is called: it is written anew while the bot runs."""

NOTED_EVERY = timedelta(minutes=10)

BELIEVED_FOR = 3 * NOTED_EVERY
"""How long it is taken to be there after its last note: one that was killed has not said that it ends."""


def presence(host: str, guild_id: int | None, since: datetime, now: datetime, *, is_up: bool) -> RunRecord:
    """What the bot notes of itself: since when it runs, and for which guild it takes TODOs."""
    return RunRecord(JOB, host, since, now, 0, {"guild": str(guild_id), "up": is_up})


def is_bot_there(runs: Iterable[RunRecord], guild_id: int | None, now: datetime) -> bool:
    """Whether the bot of any host takes TODOs of a guild now, as far as it has noted that."""
    return any(
        run.job == JOB
        and run.details.get("up") is True
        and run.details.get("guild") == str(guild_id)
        and abs(now - run.finished_at) <= BELIEVED_FOR
        for run in runs
    )


def guilds_before(runs: Iterable[RunRecord], guild_id: int | None) -> list[int]:
    """The guilds that the bot of any host took TODOs for when it last ran, other than the one of today."""
    noted = {id_or_none(str(run.details.get("guild"))) for run in runs if run.job == JOB}
    return sorted(one for one in noted - {guild_id} if one is not None)
