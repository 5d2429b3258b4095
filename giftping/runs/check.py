"""One `codes check` on this host: the lock, what is kept between runs, and the story in between."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from giftping import __version__
from giftping.codes.fetch import Failed, Fetched, Fetcher, Fetches, FetchRequest, user_agent
from giftping.codes.gather import Gathered, gather, sightings_of
from giftping.codes.idle import IdleMark, idle_report, next_mark
from giftping.codes.memory import SourceOutcome
from giftping.runs.clock import NOT_YET_VALID, HostClock, ask_discord, heard
from giftping.runs.last_check import LastCheck, read_last_check, write_last_check
from giftping.runs.lock import RunLock
from giftping.runs.sources_file import read_memory, write_memory
from giftping.runs.state_folder import CHECK_LOCK, LAST_CHECK, SOURCES
from giftping.settings.secrets import SecretError
from giftping.settings.sources import SourceDefinition
from giftping.store.tiny.files import fingerprint, next_step
from giftping.text import counted, verb_for
from giftping.wiring import Item, Result, Wiring, side_by_side

if TYPE_CHECKING:
    from pathlib import Path

    from giftping.codes.check_tools import CheckRules
    from giftping.codes.memory import Memory
    from giftping.codes.report import CheckReport
    from giftping.codes.request import CheckRequest
    from giftping.discord.outcome import Refused, Route
    from giftping.settings.keys import Settings
    from giftping.store.base import Destination
    from giftping.store.records import Store

ODDITIES_TOLD = 10

ORIGIN_OF_KIND = {"json": "api", "rss": "rss"}
"""What the ledger calls the place a code came from, by source kind; every other kind is a website."""


def run_check(
    wiring: Wiring, request: CheckRequest, on_progress: Callable[[int, int], None] | None = None
) -> CheckReport:
    """What one check did. Raise LockHeldError when another run is at it, and StoreError as `check` does."""
    settings = wiring.settings
    # A dry run writes nothing that another run could meet.
    with nullcontext() if request.dry_run else RunLock(settings.state / CHECK_LOCK):
        run = _Run(wiring, request, on_progress)
        report = run.idle()
        if report is None:
            from giftping.runs.refused_token import leave_refused_token, note_token

            leave_refused_token(wiring)
            report = run.full()
            if not request.dry_run:
                note_token(wiring)
        return run.finish(report)


class _Run:
    """What one run opens, and what it leaves for the next one."""

    def __init__(self, wiring: Wiring, request: CheckRequest, on_progress: Callable[[int, int], None] | None) -> None:
        self._wiring = wiring
        self._settings = wiring.settings
        # A dry run leaves nothing behind.
        self._clock = HostClock(None if request.dry_run else wiring.settings.state)
        self._request = request
        self._on_progress = on_progress
        self._store: Store | None = None
        self._trouble: list[str] = []
        self._notices: list[str] = []
        self._last = read_last_check(self._settings.state)
        self._mark = self._mark_that_holds()
        self._gathered: Gathered | None = None
        self._held: set[str] = set()

    def idle(self) -> CheckReport | None:
        """The report of a run that found everything as the last one left it, None when there may be work."""
        mark = self._mark
        # Whoever asks for a part, or for a dry run, wants to see it looked at.
        if mark is None or not self._request.is_complete:
            return None
        started = self._clock.now()
        # Kept: a run that turns out to have work is not to ask the sources twice.
        self._gathered = self._gather(mark.games)
        # Without a token nobody can be asked before the store has named a webhook.
        if self._clock.is_doubtful and self._settings.discord.token is None:
            return None
        self._clock.settle(self._ask_discord, is_judged_by=False)
        report = idle_report(mark, self._gathered, started, self._clock.now())
        # Only where the lists are the same: otherwise the store is opened anyway.
        if report is not None and mark.look_again_at <= started:
            if self._wiring.glance() != mark.shared:
                return None
            self._mark = mark.glanced(started)
        return report

    def full(self) -> CheckReport:
        """The report of a run that opens the store and does what there is to do."""
        from giftping.codes.check import check
        from giftping.codes.check_tools import CheckTools
        from giftping.codes.entries import Origins
        from giftping.codes.report import CheckReport
        from giftping.delivery.hosts import NotAloneError

        settings = self._settings
        tools = CheckTools(
            clock=self._clock.now,
            discord_now=self._wiring.discord_now,
            gather=self._gather,
            open_store=self._open_store,
            examine=self._examine,
            deliveries=partial(self._wiring.deliveries, clock=self._clock.now, read_only=self._request.dry_run),
            routes=self._route_to,
            games=settings.games,
            sources=settings.sources,
            origins=Origins(
                {name: ORIGIN_OF_KIND.get(source.kind, "website") for name, source in settings.sources.items()}
            ),
            words=self._wiring.words,
            side_by_side=self._side_by_side,
            publish=self._wiring.publish,
            gathered=self._gathered,
            stopped=self._wiring.is_stopped,
            ends_by=self._ends_by,
        )
        started = self._clock.now()
        try:
            return check(tools, self._rules(), self._request)
        except NotAloneError as error:
            now, why = self._clock.now(), str(error)
            return CheckReport(
                started, now, self._request.dry_run, trouble=(why, *error.odd), notices=error.notices, standing=why
            )

    def finish(self, report: CheckReport) -> CheckReport:
        """The report with this host's own trouble; what the next run starts from is written.

        What was posted is told even where nothing can be written: the next run just looks closer.
        """
        mark = self._next_mark(report)
        notices = (*report.notices, *self._notices, *(self._store.notices if self._store is not None else ()))
        trouble = (*report.trouble, *self._trouble)
        # What the store says of itself may be why nothing was sent, too.
        notices = tuple(one for one in notices if one not in trouble)
        # What the clock held back is told once, and not for each guild.
        report = replace(report.without_held(self._held), trouble=trouble, notices=notices, clock=self._clock.verdict)
        if self._store is not None:
            report = replace(report, standing=self._store.standing)
        if self._request.dry_run or not self._settings.state.exists():
            return report
        try:
            write_last_check(self._settings.state, LastCheck.after(report, self._last, mark))
        except OSError as error:
            return replace(report, trouble=(*report.trouble, _not_written(self._settings.state / LAST_CHECK, error)))
        return report

    def _next_mark(self, report: CheckReport) -> IdleMark | None:
        if report.idle:
            return self._mark
        if not self._request.is_complete or self._store is None or self._store.closed_fingerprint is None:
            return None
        glanced = self._glanced(self._store)
        # Nothing to compare the next glance with: what another host changed meanwhile would go unseen.
        if glanced is None:
            return None
        # As the store was left: what anybody writes to it later makes a difference.
        store, settings = self._store.closed_fingerprint, settings_fingerprint(self._settings)
        return next_mark(report, settings, store, glanced)

    def _glanced(self, store: Store) -> str | None:
        if self._settings.mongo.uri is None:
            return ""
        from giftping.store.mirror.engine import MirroredEngine

        return store.engine.glanced if isinstance(store.engine, MirroredEngine) else None

    def _rules(self) -> CheckRules:
        from giftping.codes.check_tools import CheckRules

        codes = self._settings.codes
        return CheckRules(
            lease=codes.lease,
            resend_unclear=codes.unclear == "resend",
            skipped_regions=frozenset(codes.skipped_regions),
            edit_messages=codes.edit_messages,
        )

    def _mark_that_holds(self) -> IdleMark | None:
        mark = self._last.mark if self._last else None
        unchanged = mark and mark.holds(
            settings=settings_fingerprint(self._settings),
            store=fingerprint(self._settings.state),
            now=self._clock.now(),
        )
        return mark if unchanged else None

    def _open_store(self) -> Store:
        self._store = self._wiring.open_store_to_send(read_only=self._request.dry_run)
        if self._settings.mongo.uri is not None and not self._request.dry_run:
            self._meet_shared(self._store)
        return self._store

    def _examine(self, store: Store) -> None:
        from giftping.runs.whole_look import look_through
        from giftping.store.clears import clears_of
        from giftping.store.documents import LEDGER

        now = self._clock.now()
        # A run asks for none of them.
        clears_of(store, "")
        if self._request.dry_run:
            store.examine_entries(now)
            return

        look_through(self._settings.state, LEDGER, lambda last: store.examine_entries(now, last))

    def _meet_shared(self, store: Store) -> None:
        """Take the older bots' data over before the first check that meets it."""
        from giftping.runs.migrate import migrate_at_first

        report = migrate_at_first(self._settings, store)
        if report is None:
            return
        if report.added:
            documents = f"{counted(report.added, 'document')} of an older bot {verb_for(report.added, 'were')}"
            self._notices.append(f"{documents} taken over from {report.target}; stop that bot, or both announce")
        self._trouble += [f"{odd.where}: {odd.what}: {odd.why}" for odd in report.reported[:ODDITIES_TOLD]]
        if len(report.reported) > ODDITIES_TOLD:
            self._notices.append(
                f"{len(report.reported)} oddities in all; giftping migrate --again --dry-run lists them"
            )

    def _gather(self, games: Collection[str]) -> Gathered:
        path = self._settings.state / SOURCES
        fetcher = SecretHeaders(self._settings, Fetcher(hear=self._clock.hear_source))
        memory = read_memory(path)
        if memory.trouble:
            self._trouble.append(memory.trouble)
        gathered = gather(sources_of(self._settings, games), memory, fetcher, self._clock.now())
        if is_not_yet_valid_anywhere(gathered):
            self._clock.hear_certificates()
            gathered = as_not_asked(gathered, memory)
        if gathered.is_memory_new and not self._request.dry_run:
            try:
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                write_memory(path, gathered.memory)
            except OSError as error:
                self._trouble.append(_not_written(path, error))
        return gathered

    # The clock

    def _ends_by(self) -> datetime:
        """The instant by which a code has ended."""
        self._clock.settle(self._ask_discord, is_judged_by=True)
        return self._clock.ends_by

    def _ask_discord(self) -> datetime | None:
        return ask_discord(
            self._wiring, self._clock, lambda: self._store.subscriptions() if self._store is not None else ()
        )

    def _route_to(self, destination: Destination) -> Route | Refused:
        """The way to a destination; none as long as this host's clock is wrong. Discord is asked before the first."""
        from giftping.discord.outcome import Refused

        route = self._wiring.route_to(destination)
        if isinstance(route, Refused) or self._request.dry_run:
            return route
        self._clock.hear_discord(heard(self._wiring, self._clock, route.ask()))
        if self._clock.verdict.may_send:
            return route
        self._held.add(line := self._clock.verdict.line)
        return Refused(line)

    def _side_by_side(self, work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        return side_by_side(work, items, self._on_progress)


def is_not_yet_valid_anywhere(gathered: Gathered) -> bool:
    """Whether all sources that were asked have certificates that begin only later: that is this host's clock."""
    asked = [source for source in gathered.sources if source.waiting_until is None]
    return bool(asked) and all(NOT_YET_VALID in source.reason for source in asked)


def as_not_asked(gathered: Gathered, memory: Memory) -> Gathered:
    """What was gathered, with nothing learnt of any source: none of them has failed, and none is left alone for it."""
    waiting = tuple(
        replace(source, outcome=SourceOutcome.WAITING, reason="", failing_since=None, failures=0)
        for source in gathered.sources
    )
    return replace(gathered, sources=waiting, memory=memory, is_memory_new=False)


def listed_now(settings: Settings) -> set[tuple[str, str]]:
    """Game and key of every code that the sources listed when this host last asked them."""
    memory = read_memory(settings.state / SOURCES)
    states = [memory.of(source) for source in settings.sources.values() if source.enabled]
    return {(sighting.game, sighting.key) for state in states for sighting in sightings_of(state)}


def _not_written(path: Path, error: OSError) -> str:
    why = f"{path.name} cannot be written ({error.strerror or error})"
    return f"{why}, so that the next check has more to do; {next_step(path, error)}"


def sources_of(settings: Settings, games: Collection[str]) -> list[SourceDefinition]:
    """The sources of these games that are not switched off."""
    return [source for source in settings.sources.values() if source.enabled and source.game in games]


@dataclass(frozen=True, slots=True)
class SecretHeaders:
    """Fetches with the user's contact, and the secrets that header values refer to filled in at the last moment."""

    settings: Settings
    fetcher: Fetches

    def fetch(self, request: FetchRequest, now: datetime) -> Fetched:
        """What came of the request; a secret that is not there is a failure of its source alone."""
        try:
            headers = {"User-Agent": user_agent(self.settings.codes.contact), **self._headers(request)}
        except SecretError as error:
            return Failed(str(error))
        return self.fetcher.fetch(replace(request, headers=headers), now)

    def _headers(self, request: FetchRequest) -> dict[str, str]:
        return {name: self._value(value) for name, value in request.headers.items()}

    def _value(self, value: str) -> str:
        return self.settings.secret(value).reveal() if value.startswith(("env:", "file:")) else value


def settings_fingerprint(settings: Settings) -> str:
    """A hash of the settings that decide what a check does."""
    deciding = [
        # A new release may read pages or judge codes in another way.
        __version__,
        # The repr has all fields: a setting that is added counts without being named here.
        repr(settings.codes),
        settings.discord.api,
        _which_ledger(settings),
        repr(sorted(settings.games.items())),
        repr([(name, source.enabled, source.fingerprint) for name, source in sorted(settings.sources.items())]),
        repr([source.judged_by for _, source in sorted(settings.sources.items())]),
    ]
    return hashlib.sha256("\n".join(deciding).encode()).hexdigest()[:16]


def _which_ledger(settings: Settings) -> str:
    # Only a hash of this is kept: the URI has a password in it.
    mongo = settings.mongo
    # Whether it is shared, and under which name, the other hosts are to learn.
    return f"{mongo.uri.reveal()} {mongo.database} {mongo.shared} {settings.host}" if mongo.uri else ""
