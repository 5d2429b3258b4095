"""A recorded history of a source, played through the code of a check with its own clock and a store in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from giftping.codes.check import check
from giftping.codes.check_tools import CheckRules, CheckTools
from giftping.codes.entries import Origins
from giftping.codes.fetch import Body, Failed, Fetched, FetchRequest, NotModified
from giftping.codes.gather import Gathered, gather
from giftping.codes.memory import Memory
from giftping.codes.report import CheckReport, DeliveryResult, EditResult, HeldReport, RefusedReport
from giftping.codes.request import CheckRequest
from giftping.delivery.deliveries import Deliveries
from giftping.discord.message import Message
from giftping.discord.outcome import Absent, Done, Finding, Matcher, Outcome
from giftping.discord.snowflake import snowflake_at
from giftping.runs.recordings import Recorded
from giftping.settings.keys import Settings
from giftping.settings.sources import SourceDefinition
from giftping.store.base import Destination, Subscription
from giftping.store.holder import Holder
from giftping.store.memory import MemoryEngine
from giftping.store.records import Store
from giftping.wiring import Item, Result
from giftping.words.catalogue import words_of

GUILD = 1
"""The guild of the one subscription that there is."""


@dataclass(frozen=True, slots=True)
class Announced:
    """A code that went out."""

    spelling: str
    at: datetime


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A code that was held, or was held no more."""

    report: HeldReport
    at: datetime


@dataclass(frozen=True, slots=True)
class Reworded:
    """A code that its message shows otherwise than before."""

    spelling: str
    at: datetime
    shows: str
    """How it is: see giftping.codes.showing."""


@dataclass(slots=True)
class Replayed:
    """What a history came to."""

    checks: int = 0
    seeded: tuple[str, ...] = ()
    """What the first body listed, which is not announced."""
    announced: list[Announced] = field(default_factory=list)
    held: list[HeldBack] = field(default_factory=list)
    released: list[HeldBack] = field(default_factory=list)
    refused: dict[str, tuple[RefusedReport, datetime]] = field(default_factory=dict)
    """By spelling, with when that was first said."""
    edited: list[Reworded] = field(default_factory=list)
    """What was put right in messages that had gone out."""
    failures: list[tuple[datetime, str]] = field(default_factory=list)
    """When the source failed, and why."""

    def note(self, report: CheckReport, at: datetime) -> None:
        """Add what a check did."""
        self.checks += 1
        for delivery in report.deliveries():
            if delivery.result is DeliveryResult.SENT:
                self.announced += [Announced(spelling, at) for spelling in delivery.codes]
        self.seeded += tuple(code for seed in report.seeded() for code in seed.codes)
        self.held += [HeldBack(one, at) for one in report.held if one.is_new]
        self.released += [HeldBack(one, at) for one in report.released]
        for edit in report.edits:
            if edit.result is EditResult.EDITED:
                self.edited += [Reworded(spelling, at, shows) for spelling, shows in edit.changes]
        for one in report.refused:
            self.refused.setdefault(one.spelling, (one, at))
        self.failures += [(at, source.reason) for source in report.sources if source.failing_since == at]


def replay(
    settings: Settings,
    source: SourceDefinition,
    history: Sequence[Recorded],
    *,
    every: timedelta | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Replayed:
    """What a guild that follows the game would have been sent, and what would have been kept from it.

    There is a check at each of the times and whenever what is held may go out; with `every`, as often as that, by the
    body that stands then.
    """
    play, found = _Play(settings, source), Replayed()
    for number, at, recorded in _by_timer(play, history, every) if every else _as_recorded(play, history):
        found.note(play.run(at, recorded), at)
        if on_progress is not None:
            on_progress(number + 1, len(history))
    return found


def _as_recorded(play: _Play, history: Sequence[Recorded]) -> Iterator[tuple[int, datetime, Recorded | None]]:
    """When to check, at each of the recorded times and whenever that is due in between.

    With how far that is in the history, and what is recorded then; None where the body of before stands.
    """
    for number, recorded in enumerate(history):
        due_at = play.due_at
        while due_at is not None and due_at < recorded.at:
            yield number, due_at, None
            # What a check does not bring forward does not get any further by another one at the same time.
            due_at = play.due_at if play.due_at is not None and play.due_at > due_at else None
        yield number, recorded.at, recorded


def _by_timer(
    play: _Play, history: Sequence[Recorded], every: timedelta
) -> Iterator[tuple[int, datetime, Recorded | None]]:
    """When a timer's checks find something to do, likewise; where one date is a thousand years off those are few."""
    at, number = history[0].at, 0
    while at - history[-1].at <= every:
        while number + 1 < len(history) and history[number + 1].at <= at:
            number += 1
        yield number, at, history[number]
        # The check that was made just now has said what is due.
        later = [one.at for one in history[number + 1 : number + 2]] + ([play.due_at] if play.due_at else [])
        if not later:
            return
        wait = every * max(1, -((at - min(later)) // every))
        if wait > datetime.max.replace(tzinfo=UTC) - at:
            return
        at += wait


class _Play:
    """The stage: a host with a store in memory, one guild, and one source that answers what was recorded."""

    def __init__(self, settings: Settings, source: SourceDefinition) -> None:
        self._settings = settings
        self._source = replace(source, enabled=True)
        self._memory = Memory()
        self._standing: Recorded | None = None
        self._now = datetime.min.replace(tzinfo=UTC)
        self._store = Store(MemoryEngine())
        self.due_at: datetime | None = None
        """When what is held may go out, or what went out has ended."""

    def run(self, at: datetime, recorded: Recorded | None) -> CheckReport:
        """What a check did at that time; without a body the one before stands."""
        self._now, self._standing = at, recorded or self._standing
        if not self._store.subscriptions():
            destination = Destination(channel_id=GUILD)
            self._store.put_subscriptions(Subscription(GUILD, self._source.game, destination, at, at))
        tools = CheckTools(
            clock=self._clock,
            discord_now=self._clock,
            gather=self._gather,
            open_store=lambda: self._store,
            examine=lambda _store: None,
            deliveries=lambda store: Deliveries(store, _OnlyProcess(), self._clock),
            routes=lambda _: _Nowhere(self._clock),
            games=self._settings.games,
            sources=self._settings.sources,
            origins=Origins({}),
            words=lambda language: words_of(language or self._settings.language, self._settings.words),
            side_by_side=_in_turn,
            publish=_published,
        )
        report = check(tools, self._rules(), CheckRequest())
        due = (report.next_hold_end, report.next_edit_at)
        self.due_at = min((instant for instant in due if instant is not None), default=None)
        return report

    def _rules(self) -> CheckRules:
        codes = self._settings.codes
        regions = frozenset(codes.skipped_regions)
        return CheckRules(codes.lease, skipped_regions=regions, edit_messages=codes.edit_messages)

    def _clock(self) -> datetime:
        return self._now

    def _gather(self, games: Collection[str]) -> Gathered:
        sources = [self._source] if self._source.game in games else []
        gathered = gather(sources, self._memory, _Recording(self._standing), self._now, force=True)
        self._memory = gathered.memory
        return gathered


@dataclass(frozen=True, slots=True)
class _Recording:
    """Answers what was recorded, whoever asks."""

    recorded: Recorded | None

    def fetch(self, request: FetchRequest, now: datetime) -> Fetched:  # noqa: ARG002 -- as everything that fetches
        """The answer."""
        if self.recorded is not None and self.recorded.status == 304:
            return NotModified()
        if self.recorded is None or self.recorded.body is None or self.recorded.status != 200:
            return Failed(f"HTTP {self.recorded.status if self.recorded else 404}")
        content = self.recorded.body
        return Body(content, "", "", "", sha256(content).hexdigest())


class _OnlyProcess:
    """The lock of a process that has no brothers."""

    holder = Holder("replay", "replay")

    def take(self) -> Holder:
        return self.holder

    def is_gone(self, holder: Holder) -> bool:
        return holder != self.holder

    def forget(self, holder: Holder) -> None:
        """Nothing: there is no file."""


@dataclass(slots=True)
class _Nowhere:
    """A way to a channel that takes everything and shows it to nobody."""

    clock: Callable[[], datetime]
    label: str = "the replay"
    webhook_id: int | None = None
    repeats_safely_for: timedelta = timedelta(0)
    can_look: bool = True

    def ask(self) -> None:
        return None

    def anchor(self) -> int:
        return snowflake_at(self.clock())

    def post(
        self,
        message: Message,  # noqa: ARG002 -- as every route is called; so below
        delivery_id: str,  # noqa: ARG002
        *,
        since: int | None = None,  # noqa: ARG002
        fence: Callable[[], None] | None = None,
    ) -> Done:
        if fence is not None:
            fence()
        return Done(snowflake_at(self.clock()), GUILD)

    def edit(self, message: Message, message_id: int, channel_id: int | None) -> Done:  # noqa: ARG002
        return Done(message_id, channel_id)

    def find(
        self,
        matches: Matcher,  # noqa: ARG002
        *,
        since: int,  # noqa: ARG002
        until: int | None,  # noqa: ARG002
        accounted: frozenset[int],  # noqa: ARG002
        quiet: bool,  # noqa: ARG002
    ) -> Finding:
        return Absent()


def _published(channel_id: int, message_id: int) -> Outcome:
    """Nobody follows the replay's channel."""
    return Done(message_id, channel_id)


def _in_turn(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    return [work(item) for item in items]
