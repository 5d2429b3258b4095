"""The MongoDB that several hosts share: the server, its user, its clock, and the mirror of it on this host."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from giftping.doctor.clock import judge_clock_offset
from giftping.doctor.judgement import Checks, Judgement, fail, ok, warn
from giftping.store.base import StoreError
from giftping.text import counted

if TYPE_CHECKING:
    from giftping.delivery.clock import Clock
    from giftping.settings.keys import Settings


@dataclass(frozen=True, slots=True)
class MongoFacts:
    """The MongoDB that the settings name, and the mirror: this host's copy of it, which stands in while it is away."""

    now: datetime
    """The time of the look."""
    name: str = ""
    """What to call it; empty where the settings are no address."""
    trouble: str = ""
    """Why it cannot be used."""
    replica_set: str = ""
    """Empty for a server that stands alone."""
    members: int = 1
    """How many servers make up the replica set."""
    lacking: tuple[str, ...] | None = ()
    """The rights that its user lacks; None where they are not shown."""
    clock_offset: timedelta | None = None
    """How far its clock is ahead of ours; None where it does not tell."""
    waiting: int = 0
    """How many changes are yet to be carried back from the mirror."""
    in_step: bool = False
    """Whether the mirror has ever been the same as the database."""


def look_at_mongo(settings: Settings, clock: Clock, now: datetime) -> MongoFacts | None:
    """How MongoDB is, None where the settings name none. It is asked by a link of its own, not by the store's.

    The store would take the mirror where it does not answer, and so not tell.
    """
    mongo = settings.mongo
    if mongo.uri is None:
        return None
    from giftping.store.mirror.notes import synced_of, waiting
    from giftping.store.mongo.link import ANSWER, MongoLink
    from giftping.store.mongo.look import look_at
    from giftping.store.tiny.engine import TinyEngine

    facts = MongoFacts(now)
    try:
        link = MongoLink(mongo.uri, mongo.database or None, server_selection=mongo.server_selection, answer=ANSWER)
        # The mirror comes first: it can be looked at while the server is away.
        mirror = TinyEngine(settings.state, read_only=True)
        try:
            in_step = synced_of(mirror) is not None
            facts = replace(facts, name=link.name, waiting=waiting(mirror) if in_step else 0, in_step=in_step)
        finally:
            mirror.close()
        look = look_at(link, clock)
    except StoreError as error:
        return replace(facts, trouble=str(error))
    return replace(
        facts,
        replica_set=look.replica_set,
        members=look.members,
        lacking=look.lacking,
        clock_offset=look.clock_offset,
    )


def judge_server(mongo: MongoFacts) -> Judgement:
    """Whether there is a server that can be written to."""
    if mongo.trouble:
        return fail(mongo.trouble, "mend that, then run giftping doctor again")
    if mongo.replica_set:
        return ok(f"{mongo.name}: the primary of {mongo.replica_set} answers, of {counted(mongo.members, 'member')}")
    return ok(f"{mongo.name}: a server of its own answers")


def judge_user(mongo: MongoFacts) -> Judgement | None:
    """Whether the user may write, by what the server says was granted: nothing is written to find out."""
    if mongo.trouble:
        return None
    if mongo.lacking is None:
        return warn("what its user may do is not to be told", "see the server's log")
    if mongo.lacking:
        said = f"its user may not {', '.join(mongo.lacking)}"
        return fail(said, "grant it the role readWrite on the database")
    return ok("its user may read and write")


def judge_server_clock(mongo: MongoFacts) -> Judgement | None:
    """Whether MongoDB and this machine agree on the time."""
    return None if mongo.clock_offset is None else judge_clock_offset(mongo.clock_offset, "MongoDB's")


def judge_mirror(mongo: MongoFacts) -> Judgement | None:
    """Whether all that was written while MongoDB was away has been carried back."""
    if not mongo.in_step and mongo.trouble:
        return None
    if mongo.waiting:
        said = f"{counted(mongo.waiting, 'change', 'wait')} here to be carried back to MongoDB"
        if mongo.trouble:
            return warn(said, "mend MongoDB; the first check after that carries them back")
        return warn(said, "the next check does it; to have it done now: giftping codes check")
    if not mongo.in_step:
        return ok("made by the first check")
    return ok("in step, and nothing waits in it")


MONGO_CHECKS: Checks[MongoFacts] = (
    ("mongodb", judge_server),
    ("mongodb user", judge_user),
    ("mongodb clock", judge_server_clock),
    ("mirror", judge_mirror),
)
