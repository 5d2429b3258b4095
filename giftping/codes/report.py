"""What a check did, as values: for the terminal, for `--json`, for the exit code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from giftping.errors import EXIT_FINE, EXIT_TROUBLE

if TYPE_CHECKING:
    from giftping.codes.gather import SourceReport
    from giftping.discord.message import Message


class DeliveryResult(StrEnum):
    """How a delivery stands at the end of a run."""

    SENT = "sent"
    SETTLED = "settled"
    REFUSED = "refused"
    UNCLEAR = "unclear"
    UNCERTAIN = "uncertain"
    RELEASED = "released"
    PLANNED = "planned"
    TAKEN = "taken"


GOOD_RESULTS = frozenset(
    {DeliveryResult.SENT, DeliveryResult.SETTLED, DeliveryResult.RELEASED, DeliveryResult.PLANNED, DeliveryResult.TAKEN}
)


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """One announcement for one guild and how it ended.

    `told` is False for trouble that an earlier run has told already; `broke` when the destination said a
    lasting no; `everywhere` when the no was not about this destination alone.
    """

    guild_id: int
    game: str
    destination: str
    codes: tuple[str, ...]
    result: DeliveryResult
    reason: str = ""
    delivery_id: str = ""
    message_id: int | None = None
    message: Message | None = None
    told: bool = True
    broke: bool = False
    everywhere: bool = False


@dataclass(frozen=True, slots=True)
class SeedReport:
    """Codes recorded for a guild without being posted."""

    guild_id: int
    game: str
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RestingReport:
    """A guild whose destination is broken: what it is owed, why, and when it is tried again."""

    guild_id: int
    owed: int
    reason: str
    since: datetime
    retry_at: datetime | None


@dataclass(frozen=True, slots=True)
class GuildWork:
    """What one guild brought in one run."""

    deliveries: tuple[DeliveryReport, ...] = ()
    seeded: tuple[SeedReport, ...] = ()
    resting: RestingReport | None = None


@dataclass(frozen=True, slots=True)
class CheckReport:
    """One run of `codes check`.

    `lists` identifies the sources' lists that the run saw; `uncertain` counts ledger entries whose fate is not
    known, from this run and from earlier ones; `others_lease_ends` is when the first claim of another host may be
    settled by this one; `trouble` is what else went wrong, in words, and `notices` what the store has to tell of
    itself, which is no failure of the run; `stopped` when the run was told to stop, so that what it had not begun is
    left to the next one.
    """

    started_at: datetime
    finished_at: datetime
    dry_run: bool = False
    idle: bool = False
    guild_count: int = 0
    games: tuple[str, ...] = ()
    lists: str = ""
    sources: tuple[SourceReport, ...] = ()
    settled: tuple[DeliveryReport, ...] = ()
    work: tuple[GuildWork, ...] = ()
    uncertain: int = 0
    others_lease_ends: datetime | None = None
    standing_trouble: bool = False
    disagreements: tuple[str, ...] = ()
    trouble: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    stopped: bool = False

    def deliveries(self) -> Iterator[DeliveryReport]:
        """The settled deliveries, then the new ones."""
        yield from self.settled
        for work in self.work:
            yield from work.deliveries

    def quiet_since(self, before: Mapping[str, datetime]) -> dict[str, datetime]:
        """Return since when nobody is at the deliveries that are still open, by id.

        A delivery that was only looked for has been quiet since a run before this one, which held the same lock,
        and at the latest since this one began.
        """
        now = {
            delivery.delivery_id: self.finished_at
            if delivery.message is not None
            else before.get(delivery.delivery_id, self.started_at)
            for delivery in self.deliveries()
            if delivery.result is DeliveryResult.UNCLEAR
        }
        # A run that was told to stop may not have come to all of them.
        return {**before, **now} if self.stopped else now

    def refused_everywhere(self) -> dict[str, list[DeliveryReport]]:
        """The deliveries that were refused for reasons that concern more than their destination, by reason."""
        refused: dict[str, list[DeliveryReport]] = {}
        for delivery in self.deliveries():
            if delivery.everywhere:
                refused.setdefault(delivery.reason, []).append(delivery)
        return refused

    def seeded(self) -> Iterator[SeedReport]:
        """Yield what was recorded without being posted."""
        for work in self.work:
            yield from work.seeded

    def resting(self) -> Iterator[RestingReport]:
        """The guilds that are owed codes at a broken destination."""
        for work in self.work:
            if work.resting is not None:
                yield work.resting

    @property
    def exit_code(self) -> int:
        """0 when all is well, 69 when something failed or is uncertain."""
        failing_source = any(source.is_failing for source in self.sources)
        failing_delivery = any(delivery.result not in GOOD_RESULTS for delivery in self.deliveries())
        resting = any(True for _ in self.resting())
        standing = self.uncertain or self.standing_trouble or self.trouble
        return EXIT_TROUBLE if failing_source or failing_delivery or resting or standing else EXIT_FINE

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left that the next run would have to try again."""
        again = {DeliveryResult.REFUSED, DeliveryResult.UNCLEAR, DeliveryResult.RELEASED, DeliveryResult.PLANNED}
        return not self.stopped and not any(delivery.result in again for delivery in self.deliveries())
