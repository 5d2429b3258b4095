"""What a check did, as values: for the terminal, for `--json`, for the exit code."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from giftping.delivery.clock import UNKNOWN, ClockVerdict
from giftping.errors import EXIT_FINE, EXIT_TROUBLE

if TYPE_CHECKING:
    from giftping.codes.gather import SourceReport
    from giftping.discord.meanings import Meaning
    from giftping.discord.message import Message
    from giftping.store.base import Guild


class DeliveryResult(StrEnum):
    """How a delivery stands at the end of a run."""

    SENT = "sent"
    SETTLED = "settled"
    REFUSED = "refused"
    UNCLEAR = "unclear"
    UNCERTAIN = "uncertain"
    RELEASED = "released"
    CLOSED = "closed"
    PLANNED = "planned"
    TAKEN = "taken"


GOOD_RESULTS = frozenset(
    {
        DeliveryResult.SENT,
        DeliveryResult.SETTLED,
        DeliveryResult.RELEASED,
        DeliveryResult.CLOSED,
        DeliveryResult.PLANNED,
        DeliveryResult.TAKEN,
    }
)


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """One announcement for one guild and how it ended."""

    guild_id: int
    game: str
    destination: str
    """What to call it, without any secret; empty where there is no way to it."""
    codes: tuple[str, ...]
    """The spellings that it shows."""
    result: DeliveryResult
    reason: str = ""
    delivery_id: str = ""
    """Empty where nothing was claimed."""
    message_id: int | None = None
    opened_post: int | None = None
    """The post of a forum that it has opened, and that is kept up."""
    message: Message | None = None
    """What was, or would be, posted; None where it was only looked for."""
    can_look: bool = True
    """Whether there is anybody but a person who may look whether it arrived."""
    told: bool = True
    """False for trouble that an earlier run has told already."""
    broke: bool = False
    """Whether the destination said a lasting no."""
    everywhere: bool = False
    """Whether the no was not about this destination alone."""
    meaning: Meaning | None = None
    """What Discord's no means, None where it said none."""
    retry_at: datetime | None = None
    """When a broken destination is tried again, None for the next run or never."""

    @property
    def waits_for_a_person(self) -> bool:
        """Whether a person has to act, so that it counts in the exit code of the runs that tell of it, and no other."""
        return self.broke or self.is_of_message or self.result is DeliveryResult.UNCERTAIN

    def as_before(self, before: DeliveryReport) -> DeliveryReport:
        """The same, sharing the fate of the message before it: what is to be mended, and whether that was told."""
        return replace(self, told=before.told, broke=before.broke, meaning=before.meaning, retry_at=before.retry_at)

    @property
    def is_of_message(self) -> bool:
        """Whether the message alone was refused, which is left alone for a while: a person has to mend something."""
        return self.result is DeliveryResult.REFUSED and self.meaning is not None and self.meaning.is_of_message


@dataclass(frozen=True, slots=True)
class SeedReport:
    """Codes recorded for a guild without being posted."""

    guild_id: int
    game: str
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RestingReport:
    """A guild that is owed codes which are left alone for a while: for its destination, or for their message."""

    guild_id: int
    owed: int
    """How many codes wait for it."""
    reason: str
    """What the destination, or Discord, said."""
    since: datetime
    retry_at: datetime | None
    """When it is tried again; None when not until somebody mends it."""
    meaning: Meaning | None = None
    """What that means, and who has to do what."""


@dataclass(frozen=True, slots=True)
class MissedReport:
    """A code that ended before it could go out to a guild."""

    guild_id: int
    game: str
    spelling: str
    ended: str
    """How it ended, in words."""
    reason: str
    """What the destination, or Discord, had said."""


class EditResult(StrEnum):
    """What became of a message that showed what is not so any more."""

    EDITED = "edited"
    LATER = "later"
    """Discord did not take it now; a later run tries again."""
    GONE = "gone"
    """It is not there any more, or out of reach: it stays as it is."""
    PLANNED = "planned"


@dataclass(frozen=True, slots=True)
class EditReport:
    """A message that is to be put right, and what became of that."""

    guild_id: int
    game: str
    message_id: int
    changes: tuple[tuple[str, str], ...]
    """The spelling of each code that it showed otherwise than it is, and how it is: see giftping.codes.showing."""
    result: EditResult
    reason: str = ""


class PublishResult(StrEnum):
    """What became of a message that is to be published."""

    PUBLISHED = "published"
    LATER = "later"
    """A later run tries again."""
    GONE = "gone"
    """It is not there any more, or no announcement channel is: it stays as it is."""
    PLANNED = "planned"


@dataclass(frozen=True, slots=True)
class PublishReport:
    """A message that is to be published to the channels that follow its own, and what became of that."""

    guild_id: int
    game: str
    channel_id: int
    message_id: int
    result: PublishResult
    reason: str = ""
    mend: str = ""
    """What a person has to mend, empty where nobody has to act."""
    retry_at: datetime | None = None
    """When it is tried again."""


@dataclass(frozen=True, slots=True)
class RefusedReport:
    """A code that is listed, and may not go out."""

    game: str
    spelling: str
    reason: str


@dataclass(frozen=True, slots=True)
class HeldReport:
    """A code that is kept back because its listing is doubtful."""

    game: str
    spelling: str
    source: str
    """Whose listing that is."""
    reason: str
    since: datetime
    until: datetime | None
    """When it is released, None where a person, or a second family, has to say so."""
    is_new: bool
    """Whether it was not held before this run."""
    is_overdue: bool = False
    """Whether its time is over, and it waits for a source that lists it to answer again."""
    is_doubtful: bool = True
    """False where it only waits for a second family, as the game's settings want."""


@dataclass(frozen=True, slots=True)
class DestinationWork:
    """What one destination of a guild brought in one run."""

    deliveries: tuple[DeliveryReport, ...] = ()
    seeded: tuple[SeedReport, ...] = ()
    resting: RestingReport | None = None

    def said_of(self, change: str) -> DestinationWork:
        """The same with the command in what it says that changes the destination, which begins with `change`."""
        deliveries = tuple(
            one if one.meaning is None else replace(one, meaning=one.meaning.said_of(change)) for one in self.deliveries
        )
        resting = self.resting
        if resting is not None and resting.meaning is not None:
            resting = replace(resting, meaning=resting.meaning.said_of(change))
        return replace(self, deliveries=deliveries, resting=resting)


@dataclass(frozen=True, slots=True)
class CheckReport:
    """One run of `codes check`."""

    started_at: datetime
    finished_at: datetime
    dry_run: bool = False
    idle: bool = False
    """Whether it ended after its conditional GETs, as nothing had changed since the last run."""
    guild_count: int = 0
    guilds: Mapping[int, Guild] = field(default_factory=dict)
    """What is known of guilds, their names among it."""
    games: tuple[str, ...] = ()
    lists: str = ""
    """What identifies the sources' lists that the run saw."""
    sources: tuple[SourceReport, ...] = ()
    settled: tuple[DeliveryReport, ...] = ()
    """What earlier runs had left open."""
    refused_messages: tuple[RestingReport, ...] = ()
    """What is left alone because Discord has refused the content of its message."""
    work: tuple[DestinationWork, ...] = ()
    refused: tuple[RefusedReport, ...] = ()
    """What is listed and may not go out."""
    held: tuple[HeldReport, ...] = ()
    """What is kept back for now."""
    released: tuple[HeldReport, ...] = ()
    """What was kept back until this run."""
    missed: tuple[MissedReport, ...] = ()
    """What earlier runs left owed, and has ended."""
    edits: tuple[EditReport, ...] = ()
    """The messages that were to be put right."""
    edits_left: int = 0
    """How many more are left to later runs."""
    next_edit_at: datetime | None = None
    """When the next message is to be put right; an idle run must not sleep past that."""
    published: tuple[PublishReport, ...] = ()
    """The messages that were to be published."""
    next_publishing_at: datetime | None = None
    """When the next message is to be published; an idle run must not sleep past that."""
    next_owed_end: datetime | None = None
    """When the next code ends that is owed; an idle run must not sleep past that."""
    broken: int = 0
    """How many destinations there are at the end that a person has to mend."""
    uncertain: int = 0
    """How many codes there are of which nobody can tell whether they arrived, from this run and from earlier ones."""
    others_lease_ends: datetime | None = None
    """When what somebody else has under way may be settled by this host; an idle run must not sleep past that."""
    standing_trouble: bool = False
    """Whether an idle run stands on one that told of trouble which a later run meets again."""
    disagreements: tuple[str, ...] = ()
    """Where sources contradict each other, in words."""
    trouble: tuple[str, ...] = ()
    """What else went wrong, in words."""
    notices: tuple[str, ...] = ()
    """What the store has to tell of itself, which is no failure of the run."""
    stopped: bool = False
    """Whether the run was told to stop, so that what it had not begun is left to the next one."""
    clock: ClockVerdict = UNKNOWN
    """What this host's clock was worth, as far as that was known."""
    standing: str | None = None
    """What lasts of the store, such as that MongoDB is away; empty where all is well, None where nobody has looked."""
    is_whole: bool = False
    """Whether everything was looked at: what was wrong before, and was not met, is over."""

    @property
    def news(self) -> tuple[str, ...]:
        """What the store has to tell of itself besides what lasts."""
        return tuple(one for one in self.notices if one != self.standing)

    def deliveries(self) -> Iterator[DeliveryReport]:
        """The settled deliveries, then the new ones."""
        yield from self.settled
        for work in self.work:
            yield from work.deliveries

    def without_held(self, lines: Collection[str]) -> CheckReport:
        """The report without the deliveries that were held for a reason of `lines`, which is told once for all."""
        kept = tuple(
            replace(one, deliveries=tuple(each for each in one.deliveries if each.reason not in lines))
            for one in self.work
        )
        return replace(self, settled=tuple(one for one in self.settled if one.reason not in lines), work=kept)

    def refused_everywhere(self) -> dict[str, list[DeliveryReport]]:
        """The deliveries that were refused for reasons that concern more than their destination, by reason."""
        refused: dict[str, list[DeliveryReport]] = {}
        for delivery in self.deliveries():
            if delivery.everywhere:
                refused.setdefault(delivery.reason, []).append(delivery)
        return refused

    def seeded(self) -> Iterator[SeedReport]:
        """What was recorded without being posted."""
        for work in self.work:
            yield from work.seeded

    def resting(self) -> Iterator[RestingReport]:
        """The guilds that are owed codes which are left alone for a while."""
        yield from self.refused_messages
        for work in self.work:
            if work.resting is not None:
                yield work.resting

    @property
    def next_hold_end(self) -> datetime | None:
        """When the next of the codes that are held is released; an idle run must not sleep past that."""
        return min((one.until for one in self.held if one.until is not None and not one.is_overdue), default=None)

    @property
    def awaited_sources(self) -> tuple[str, ...]:
        """The failing sources whose next good answer may release what is held; an idle run must not pass that by."""
        games = {one.game for one in self.held if one.is_overdue}
        return tuple(sorted(one.name for one in self.sources if one.is_failing and one.game in games))

    @property
    def exit_code(self) -> int:
        """0 when all is well, 69 when something failed.

        What waits for a person, a broken destination or an uncertain code, counts only in the runs that tell of it,
        which is not known here: one deleted channel among a thousand must not deafen whoever watches the exit code.
        """
        failing_source = any(source.is_failing for source in self.sources)
        failing_delivery = any(
            delivery.result not in GOOD_RESULTS and not delivery.waits_for_a_person for delivery in self.deliveries()
        )
        standing = self.standing_trouble or self.trouble or self.missed or not self.clock.may_send
        return EXIT_TROUBLE if failing_source or failing_delivery or standing else EXIT_FINE

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left that the next run would have to try again."""
        again = {DeliveryResult.REFUSED, DeliveryResult.UNCLEAR, DeliveryResult.RELEASED, DeliveryResult.PLANNED}
        return not self.stopped and not any(delivery.result in again for delivery in self.deliveries())
