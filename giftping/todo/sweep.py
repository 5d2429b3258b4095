"""`todo sweep`: the story of one run, from the roster to Discord."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from giftping.discord.limits import EMBEDS
from giftping.store.base import RunRecord, Store
from giftping.todo.claims import Errand
from giftping.todo.direct_messages import STOPPED_FOR
from giftping.todo.history import Event
from giftping.todo.membership import MembershipReader
from giftping.todo.messenger import Messenger
from giftping.todo.model import PINGS, LegName, LegState, Member, Membership, Notice, Pause
from giftping.todo.notices import Told, batches
from giftping.todo.periods import Period
from giftping.todo.report import LegReport, Planned, RoleReport, SweepReport
from giftping.todo.repository import Clock, LoadedMembers, MemberChange, MemberRepository, new_id
from giftping.todo.roles import RoleKeeper
from giftping.todo.rules import Action, Due, TodoRules, due
from giftping.todo.settle_legs import LegSettler
from giftping.todo.sweep_notes import SKEW, SweepNotes, downtime_before, patience, with_sweep

JOB = "todo sweep"

SEEN_FOR = timedelta(hours=24)
"""How long a ping rests on what Discord last said of a member; whatever touches the role asks again."""

ABSENT_AGAIN = timedelta(hours=24)
"""How often it is asked whether a member who had left is back."""


@dataclass(frozen=True, slots=True)
class SweepRules:
    """The settings of a sweep: those of the rules, how long it waits, and from which gap on nobody swept."""

    todo: TodoRules
    linger: timedelta = timedelta(minutes=2)
    downtime: timedelta = timedelta(hours=6)
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class SweepTools:
    """What a sweep works with, passed in by the wiring."""

    clock: Clock
    sleep: Callable[[float], None]
    open_store: Callable[[], Store]
    memberships: MembershipReader
    messenger: Callable[[MemberRepository, Sequence[Period]], Messenger]
    """Made for one repository and the downtimes, which are only known once the store is open; so are the roles."""
    roles: Callable[[MemberRepository, Sequence[Period]], RoleKeeper | None]
    """None where there is no role to take."""
    pool: Callable[[], AbstractContextManager[Executor]]
    """Runs what goes out side by side."""
    keep_files: Callable[[frozenset[str]], None] = lambda _todo_ids: None
    """Lets go of the files of TODOs other than those with these ids."""
    on_progress: Callable[[int, int], None] = lambda _done, _total: None
    """Told how many legs of how many are done."""
    stopped: Callable[[], bool] = lambda: False
    """Once it says so nothing new is begun."""


def sweep(tools: SweepTools, rules: SweepRules) -> SweepReport:
    """Return what one sweep did. Raise StoreError when the store cannot be read or written."""
    started = tools.clock()
    with tools.open_store() as store:
        repository = MemberRepository(store, tools.clock)
        notes = repository.notes()
        downtime = downtime_before(notes, started, rules.downtime)
        waits_until = started + patience(notes, started, rules.todo.remind_every, rules.linger)
        if not rules.dry_run:
            notes = repository.change_notes(lambda known: with_sweep(known, started, rules.downtime, rules.linger))
        downtimes = (*notes.downtimes, *([downtime] if downtime and rules.dry_run else ()))
        run = _Sweep(tools, rules, repository, notes, downtimes)
        if rules.dry_run:
            return run.rehearsed(started)
        if store.holds:
            return run.report(started, (), 0, downtime)
        run.tidy()
        plan = run.go_round()
        waited_for = 0
        while found := run.wait(waits_until):
            waited_for += found
            run.go_round()
        report = run.report(started, plan, waited_for, downtime)
        repository.change_notes(lambda known: run.ended(known, report))
        tools.keep_files(_files_owed(repository.load()))
        store.record_run(_record(report, rules.todo.host))
        return report


class _Sweep:
    """One run under way: what it works with, and what has come of it so far."""

    def __init__(
        self,
        tools: SweepTools,
        rules: SweepRules,
        repository: MemberRepository,
        notes: SweepNotes,
        downtimes: Sequence[Period],
    ) -> None:
        self._tools = tools
        self._rules = rules.todo
        self._linger = rules.linger
        self._lingers_until = tools.clock() + rules.linger
        self._book = repository
        self._notes = notes
        self._downtimes = downtimes
        self._messenger = tools.messenger(repository, downtimes)
        stopped = notes.dms_stopped_until
        self._messenger.dms.may_open = stopped is None or stopped <= tools.clock()
        self._keeper = tools.roles(repository, downtimes)
        self._legs: list[LegReport] = []
        self._roles: list[RoleReport] = []
        self._left: list[int] = []
        self._returned: list[int] = []
        self._trouble: dict[str, None] = {}
        self._unseen: dict[int, str] = {}

    def tidy(self) -> None:
        """Settle what earlier runs left open, and start the clocks of those who have none."""
        loaded = self._book.load()
        leg_settler = LegSettler(self._book, self._messenger.rest, self._tools.clock, self._rules, self._tools.stopped)
        self._legs += leg_settler.settle(loaded.members.values())
        self._legs += leg_settler.drop_old_news(loaded.members.values())
        clockless = [member.user_id for member in loaded.on_roster() if member.silent_since is None]
        now = self._tools.clock()
        self._book.amend(
            clockless, lambda member: MemberChange(replace(member, added=now)) if not member.added else None
        )

    def go_round(self) -> list[Planned]:
        """Do what is due now, and return what that was and what is not due yet, for everybody on the roster."""
        plan: list[Planned] = []
        for part in self._parts(self._book.load()):
            loaded = self._looked_at(part)
            planned = self._plan(loaded)
            for one in planned:
                if self._tools.stopped():
                    break
                self._change_role(loaded.members[one.user_id], one.due.action)
            self._deliver(planned)
            plan += planned
        return sorted(plan, key=lambda one: one.user_id)

    def _parts(self, loaded: LoadedMembers) -> Iterator[LoadedMembers]:
        """The members in parts: those of whom each has to be asked about alone come ten at a time.

        Asking has a rate limit of its own; what is known meanwhile can go out beside it.
        """
        self._note_oddities(loaded)
        self._unseen = {}
        now = self._tools.clock()
        unseen = [member.user_id for member in loaded.on_roster() if self._is_to_be_seen(member, now)]
        if self._tools.memberships.sees_all(unseen):
            yield loaded
            return
        first, *others = [unseen[start : start + EMBEDS] for start in range(0, len(unseen), EMBEDS)]
        yield loaded.only({*loaded.members} - {*unseen} | {*first})
        for part in others:
            yield loaded.only(part)

    def wait(self, waits_until: datetime) -> int:
        """Wait for the next members who fall due, close together, and return how many they are.

        Those who have been pinged in this silence are waited for until then, all others only for the linger time.
        """
        if self._tools.stopped():
            return 0
        now = self._tools.clock()
        loaded = self._book.load()
        soon = [
            planned.due.until
            for planned in self._plan(loaded)
            if planned.due.then not in (Action.NOTHING, Action.RESTORE)
            and planned.due.until is not None
            and planned.due.until <= (waits_until if loaded.members[planned.user_id].last_ping else self._lingers_until)
        ]
        together = [at for at in soon if at - min(soon) <= self._linger]
        if together:
            self._tools.sleep(max((max(together) - now).total_seconds(), 0.0))
        return len(together)

    def _plan(self, loaded: LoadedMembers) -> list[Planned]:
        now = self._tools.clock()
        plan = []
        for member in loaded.members.values():
            if not member.on_roster and not member.notices:
                continue
            trouble = self._unseen.get(member.user_id, "")
            found = due(member, self._rules, now, self._downtimes)
            if trouble and found.action is not Action.NOTHING:
                found = Due(Action.NOTHING, found.why)
            plan.append(Planned(member.user_id, member.name, found, trouble))
        return plan

    # Who is there

    def _looked_at(self, loaded: LoadedMembers, *, writes: bool = True) -> LoadedMembers:
        """The members as Discord shows those of them for whom something is due."""
        now = self._tools.clock()
        wanted = [member.user_id for member in loaded.on_roster() if self._is_to_be_seen(member, now)]
        if not wanted:
            return loaded
        seen = self._tools.memberships.look(wanted)
        edits = []
        for user_id, membership in seen.items():
            if isinstance(membership, str):
                if not self._tools.stopped():
                    self._unseen[user_id] = membership
                continue
            edit = _seen(loaded.members[user_id], membership, now)
            edits.append(edit)
            self._note_moves(loaded.members[user_id], edit.member)
        if writes:
            self._book.save(edits)
            return LoadedMembers({**loaded.members, **self._book.load(wanted).members}, loaded.odd)
        return LoadedMembers({**loaded.members, **{edit.member.user_id: edit.member for edit in edits}}, loaded.odd)

    def _is_to_be_seen(self, member: Member, now: datetime) -> bool:
        membership = member.membership
        if member.left_at is not None:
            return membership is None or now - membership.at >= ABSENT_AGAIN
        found = due(member, self._rules, now, self._downtimes)
        touches_role = found.action in (Action.WARN, Action.REMOVE, Action.END)
        is_old = membership is None or now - membership.at >= SEEN_FOR
        return touches_role or (found.is_ping and is_old)

    def _note_moves(self, before: Member, after: Member) -> None:
        if after.left_at is not None and before.left_at is None:
            self._left.append(after.user_id)
        if before.left_at is not None and after.left_at is None:
            self._returned.append(after.user_id)

    def _note_oddities(self, loaded: LoadedMembers) -> None:
        now = self._tools.clock()
        for odd in loaded.odd:
            self._trouble[f"{odd.where}: {odd.why}; skipped: correct or remove the document"] = None
        for member in loaded.on_roster():
            latest = max((at for at in (member.last_submit, member.last_ping) if at), default=now)
            if latest - now > SKEW:
                self._trouble[f"{member.label}: a time lies in the future ({latest:%Y-%m-%d}); check the clocks"] = None

    # What is done

    def _change_role(self, member: Member, action: Action) -> None:
        if self._keeper is None or action not in (Action.REMOVE, Action.END, Action.RESTORE):
            return
        dm = self._messenger.dms.leg_state(member)
        report = None
        if action is Action.RESTORE:
            report = self._keeper.give_back(member.user_id, dm)
        elif self._book.store.is_away:
            why = "no role is taken while the shared store is away: a submission elsewhere would not be seen"
            self._trouble[why] = None
        elif action is Action.END:
            self._keeper.end(member.user_id)
        else:
            report = self._keeper.take(member.user_id, dm)
        self._roles += [report] if report else []

    def _deliver(self, plan: Iterable[Planned]) -> None:
        """Tell everybody what they are owed: news first, then pings; a ping's DM follows its post to the channel."""
        news = _news(self._book.load([one.user_id for one in plan]))
        pings = [one for one in plan if one.due.is_ping]
        posts, writes = list(_posts(news, pings)), _writes(news, pings)
        with self._tools.pool() as pool:
            self._legs += self._messenger.deliver(posts, writes, pool, self._tools.on_progress)

    # What comes of it

    def rehearsed(self, started: datetime) -> SweepReport:
        """Return what this run would do, with nothing written and nothing posted."""
        parts = [self._looked_at(part, writes=False) for part in self._parts(self._book.load())]
        loaded = LoadedMembers({user_id: member for part in parts for user_id, member in sorted(part.members.items())})
        plan = self._plan(loaded)
        pings = [one for one in plan if one.due.is_ping]
        news = _news(loaded)
        posts = [self._messenger.preview(loaded, errands) for errands in _posts(news, pings)]
        return replace(
            self.report(started, plan, 0, None),
            dry_run=True,
            messages=tuple(message for message in posts if message),
            writes=self._messenger.planned_writes(loaded, _writes(news, pings)),
        )

    def report(
        self, started: datetime, plan: Sequence[Planned], waited_for: int, downtime: Period | None
    ) -> SweepReport:
        """Return what came of the run."""
        return SweepReport(
            started_at=started,
            finished_at=self._tools.clock(),
            plan=tuple(plan),
            legs=tuple(self._legs),
            roles=tuple(self._roles),
            left=tuple(self._left),
            returned=tuple(self._returned),
            trouble=tuple(self._trouble),
            told_before=frozenset(self._notes.told),
            downtime_since=downtime.start if downtime else None,
            waited_for=waited_for,
            stopped=self._tools.stopped(),
        )

    def ended(self, notes: SweepNotes, report: SweepReport) -> SweepNotes:
        """Return what the next sweep is to know."""
        stopped = notes.dms_stopped_until
        if self._messenger.dms.stopped_reason:
            stopped = self._tools.clock() + STOPPED_FOR
        return replace(notes, dms_stopped_until=stopped, told=self._told(notes, report))

    @staticmethod
    def _told(notes: SweepNotes, report: SweepReport) -> tuple[str, ...]:
        # A sweep that was told to stop has not met all the trouble that there is.
        before = notes.told if report.stopped else ()
        return tuple(dict.fromkeys((*before, *report.trouble_lines())))


def _seen(member: Member, membership: Membership, now: datetime) -> MemberChange:
    """How a member changes who was looked at: one who is gone is parked, and one who is back has had a pause."""
    seen = replace(member, membership=membership)
    if not membership.in_guild:
        if member.left_at is not None:
            return MemberChange(seen)
        return MemberChange(replace(seen, left_at=now), (Event(new_id(), member.user_id, "left", now),))
    if member.left_at is None:
        return MemberChange(seen)
    away = Pause(new_id(), member.left_at, now, "not in the guild")
    back = replace(seen, left_at=None, pauses=(*member.pauses, away))
    return MemberChange(back, (Event(new_id(), member.user_id, "returned", now),))


def _files_owed(loaded: LoadedMembers) -> frozenset[str]:
    """The ids of the TODOs whose file is yet to be posted."""
    todos = (notice.todo for member in loaded.members.values() for notice in member.notices)
    return frozenset(todo.id for todo in todos if todo and todo.attachment)


def _news(loaded: LoadedMembers) -> list[tuple[Member, Notice]]:
    """The notices, other than pings, of which a leg is yet to be delivered."""
    return [
        (member, notice)
        for member in loaded.members.values()
        for notice in member.notices
        if notice.kind not in PINGS and notice.legs_in(LegState.OPEN)
    ]


def _posts(news: Sequence[tuple[Member, Notice]], pings: Sequence[Planned]) -> Iterator[list[Errand]]:
    """Yield what goes into one channel message after the other."""
    for batch in batches([Told(member, notice) for member, notice in news if notice.channel.state is LegState.OPEN]):
        yield [Errand(told.member.user_id, told.notice.id) for told in batch]
    to_channel = [Errand(one.user_id) for one in pings if LegName.CHANNEL in one.due.legs]
    for start in range(0, len(to_channel), EMBEDS):
        yield to_channel[start : start + EMBEDS]


def _writes(news: Sequence[tuple[Member, Notice]], pings: Sequence[Planned]) -> list[Errand]:
    """Return what is to be told by direct message."""
    owed = [Errand(member.user_id, notice.id) for member, notice in news if notice.dm.state is LegState.OPEN]
    return [*owed, *(Errand(one.user_id) for one in pings)]


def _record(report: SweepReport, host: str) -> RunRecord:
    return RunRecord(
        job=JOB,
        host=host,
        started_at=report.started_at,
        finished_at=report.finished_at,
        exit_code=report.exit_code,
        details={"members": len(report.plan), **report.counts(), "failed": len(list(report.failures()))},
    )
