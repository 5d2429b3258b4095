"""What a check did, as values: for the terminal, for `--json`, for the exit code."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from giftping.delivery.clock import UNKNOWN, ClockVerdict
from giftping.errors import EXIT_FINE, EXIT_TROUBLE

if TYPE_CHECKING:
    from giftping.codes.gather import SourceReport
    from giftping.discord.meanings import Meaning
    from giftping.discord.message import Message


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
    message: Message | None = None
    """What was, or would be, posted; None where it was only looked for."""
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


@dataclass(frozen=True, slots=True)
class SeedReport:
    """Codes recorded for a guild without being posted."""

    guild_id: int
    game: str
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RestingReport:
    """A guild that is owed codes at a broken destination."""

    guild_id: int
    owed: int
    """How many codes wait for it."""
    reason: str
    """What the destination said."""
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


@dataclass(frozen=True, slots=True)
class GuildWork:
    """What one guild brought in one run."""

    deliveries: tuple[DeliveryReport, ...] = ()
    seeded: tuple[SeedReport, ...] = ()
    resting: RestingReport | None = None


@dataclass(frozen=True, slots=True)
class CheckReport:
    """One run of `codes check`."""

    started_at: datetime
    finished_at: datetime
    dry_run: bool = False
    idle: bool = False
    """Whether it ended after its conditional GETs, as nothing had changed since the last run."""
    guild_count: int = 0
    games: tuple[str, ...] = ()
    lists: str = ""
    """What identifies the sources' lists that the run saw."""
    sources: tuple[SourceReport, ...] = ()
    settled: tuple[DeliveryReport, ...] = ()
    """What earlier runs had left open."""
    work: tuple[GuildWork, ...] = ()
    missed: tuple[MissedReport, ...] = ()
    """What earlier runs left owed, and has ended."""
    next_owed_end: datetime | None = None
    """When the next code ends that is owed; an idle run must not sleep past that."""
    broken: int = 0
    """How many guilds there are at the end whose destination a person has to mend."""
    uncertain: int = 0
    """How many codes there are of which nobody can tell whether they arrived, from this run and from earlier ones."""
    others_lease_ends: datetime | None = None
    """When what somebody else has under way may be settled by this host; an idle run must not sleep past that."""
    standing_trouble: bool = False
    """Whether an idle run stands on one that left something uncertain behind, or told of other trouble."""
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
        """The guilds that are owed codes at a broken destination."""
        for work in self.work:
            if work.resting is not None:
                yield work.resting

    @property
    def exit_code(self) -> int:
        """0 when all is well, 69 when something failed or is uncertain.

        A destination that a person has to mend counts only in the runs that tell of it, which is not known here: one
        deleted channel among a thousand must not deafen whoever watches the exit code.
        """
        failing_source = any(source.is_failing for source in self.sources)
        failing_delivery = any(
            delivery.result not in GOOD_RESULTS and not delivery.broke for delivery in self.deliveries()
        )
        standing = self.uncertain or self.standing_trouble or self.trouble or self.missed or not self.clock.may_send
        return EXIT_TROUBLE if failing_source or failing_delivery or standing else EXIT_FINE

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left that the next run would have to try again."""
        again = {DeliveryResult.REFUSED, DeliveryResult.UNCLEAR, DeliveryResult.RELEASED, DeliveryResult.PLANNED}
        return not self.stopped and not any(delivery.result in again for delivery in self.deliveries())
