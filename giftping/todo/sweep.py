"""`todo sweep`: the story of one run, from the roster to Discord.

What is due for whom, the rules decide (`rules.py`). This is the order in which it is done: what earlier runs left open
is settled, everybody for whom something is due is looked at, roles change, then it is told; and those who fall due a
moment later are waited for, since their next chance would be the next sweep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from giftping.delivery.clock import Clock, is_from_future
from giftping.store.base import RunRecord
from giftping.store.records import Store
from giftping.todo.direct_messages import STOPPED_FOR
from giftping.todo.errands import Errand, Recipient, files_owed, news_of, posts_of, writes_of
from giftping.todo.legs_left_alone import legs_left_alone
from giftping.todo.member_documents import lacks_submission
from giftping.todo.membership import MembershipReader
from giftping.todo.membership_check import MembershipCheck
from giftping.todo.messenger import Messenger
from giftping.todo.model import Member
from giftping.todo.periods import Period
from giftping.todo.report import LegReport, PlannedAction, RoleReport, SweepReport, what_happened
from giftping.todo.repository import LoadedMembers, MemberChange, MemberRepository
from giftping.todo.roles import RoleKeeper
from giftping.todo.rules import Action, Due, TodoRules, due
from giftping.todo.settle_legs import LegSettler
from giftping.todo.settle_roles import RoleSettler
from giftping.todo.sweep_begin import SweepTime
from giftping.todo.sweep_notes import SKEW, SweepNotes, downtime_before, patience, with_sweep

JOB = "todo sweep"


@dataclass(frozen=True, slots=True)
class SweepRules:
    """The settings of a sweep."""

    todo: TodoRules
    """Those that decide what is due."""
    linger: timedelta
    """How long it waits for those who fall due in a moment."""
    downtime: timedelta
    """From which gap between two sweeps on nobody swept, so that the time is not charged to the members."""
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class SweepTools:
    """What a sweep works with, passed in by the wiring."""

    clock: Clock
    time: SweepTime
    """The same, as a sweep begins by it."""
    sleep: Callable[[float], None]
    open_store: Callable[[], Store]
    examine: Callable[[MemberRepository], object]
    """Looks for what cannot be read in the history: the store names it."""
    memberships: MembershipReader
    messenger: Callable[[MemberRepository, SweepNotes], Messenger]
    """Made for one repository and what sweeps have noted, which is only known once the store is open."""
    roles: Callable[[MemberRepository, Sequence[Period]], RoleKeeper | None]
    """Made for the downtimes; None where there is no role to take."""
    pool: Callable[[], AbstractContextManager[Executor]]
    """Runs what goes out side by side."""
    keep_files: Callable[[frozenset[str]], None] = lambda _todo_ids: None
    """Lets go of the files of TODOs other than those with these ids."""
    on_progress: Callable[[int, int], None] = lambda _done, _total: None
    """Is told how many legs of how many are done."""
    stopped: Callable[[], bool] = lambda: False
    """Once it says so nothing new is begun."""


def sweep(tools: SweepTools, rules: SweepRules) -> SweepReport:
    """What one sweep did. Raise StoreError when the store cannot be read or written."""
    with tools.open_store() as store:
        repository = MemberRepository(store, tools.clock)
        if not rules.dry_run:
            repository.put_right()
        tools.examine(repository)
        begun = tools.time.begin(repository, rules.todo, rules.downtime, writes=not rules.dry_run)
        started, notes = begun.at, begun.notes
        if not begun.may_go_on and not rules.dry_run:
            return SweepReport(started, tools.clock(), trouble=begun.trouble, clock=begun.clock)
        downtime = downtime_before(notes, started, rules.downtime)
        waits_until = started + patience(notes, started, rules.todo.remind_every, rules.linger)
        if rules.dry_run:
            uncharged = (*notes.downtimes, *([downtime] if downtime else ()))
            return _Sweep(tools, rules, repository, notes, uncharged).rehearsed(started)
        # Noted before anything is done: a sweep that is killed was no downtime.
        notes = repository.change_notes(lambda known: with_sweep(known, started, rules.downtime, rules.linger))
        run = _Sweep(tools, rules, repository, notes, notes.downtimes)
        run.note_oddities(begun.found)
        if store.held_back:
            return run.report(started, (), 0, downtime)
        everybody = repository.load() if repository.purge_forgotten(started) else begun.everybody
        run.settle_earlier_runs(everybody)
        run.start_clocks(everybody)
        plan = run.do_what_is_due()
        waited_for, clock = 0, begun.clock
        while fell_due := run.wait_for_the_next(waits_until):
            waited_for += fell_due
            # A sweep that had nothing to do at first has not asked yet; one that has is not asked again.
            clock, untold = tools.time.ask()
            if untold or not clock.may_send:
                run.tell(f"{untold}: nothing is sent" if untold else "")
                break
            run.do_what_is_due()
        report = replace(run.report(started, plan, waited_for, downtime), clock=clock)
        repository.change_notes(lambda known: run.notes_for_the_next(known, report))
        tools.keep_files(files_owed(repository.load().members.values()))
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
        self._repository = repository
        self._notes = notes
        self._downtimes = downtimes
        self._messenger = tools.messenger(repository, replace(notes, downtimes=tuple(downtimes)))
        stopped = notes.dms_stopped_until
        now = tools.clock()
        # Further ahead than it is ever put off, it was noted by a clock that was wrong.
        self._messenger.dms.may_open = stopped is None or stopped <= now or is_from_future(stopped - STOPPED_FOR, now)
        self._keeper = tools.roles(repository, downtimes)
        self._check = MembershipCheck(tools.memberships, repository, tools.clock, self._rules, downtimes, tools.stopped)
        self._legs: list[LegReport] = []
        self._roles: list[RoleReport] = []
        self._trouble: dict[str, None] = {}
        self._not_due_yet: dict[int, Due] = {}

    def settle_earlier_runs(self, loaded: LoadedMembers) -> None:
        """Settle what earlier runs left open: until that is known nobody can tell who is to be pinged again."""
        messenger, clock, stopped = self._messenger, self._tools.clock, self._tools.stopped
        settler = LegSettler(self._repository, messenger.deliveries, messenger.rest, clock, self._rules, stopped)
        self._legs += settler.settle(loaded.members.values())
        self._legs += settler.drop_old_news(loaded.members.values())
        if self._keeper is not None:
            self._roles += RoleSettler(self._keeper, messenger.dms.leg_state, stopped).settle(loaded.members.values())

    def tell(self, trouble: str) -> None:
        """Tell of something that went wrong, where anything is said of it."""
        if trouble:
            self._trouble[trouble] = None

    def start_clocks(self, loaded: LoadedMembers) -> None:
        """Start the clocks of those who have none: found on an older bot's roster, they are not late from the start.

        And say of each who never handed in that they did not: the older bot would take the role from them.
        """
        now = self._tools.clock()

        def started(member: Member) -> MemberChange | None:
            if member.on_roster and member.silent_since is None:
                return MemberChange(replace(member, clock_from=now))
            return MemberChange(member) if lacks_submission(member) else None

        members = loaded.members.values()
        left = [one for one in members if lacks_submission(one) or (one.on_roster and one.silent_since is None)]
        self._repository.amend([one.user_id for one in left], started)

    def do_what_is_due(self) -> list[PlannedAction]:
        """What was due and is done now, and what is not due yet, for everybody on the roster."""
        plan: list[PlannedAction] = []
        loaded = self._repository.load()
        self.note_oddities(loaded)
        for part in self._check.in_parts(loaded):
            present = self._check.looked_at(part)
            planned = self._plan(present)
            # Roles first, so that this sweep can tell of them.
            self._change_roles(present, planned)
            self._deliver(planned)
            plan += planned
        self._not_due_yet = {one.user_id: one.due for one in plan if one.due.action is Action.NOTHING}
        return sorted(plan, key=lambda one: one.user_id)

    def wait_for_the_next(self, waits_until: datetime) -> int:
        """How many members, close together, were waited for until they fell due; 0 when there are none to wait for.

        Those who have been pinged in this silence are waited for until `waits_until`, all others only for the linger
        time.
        """
        if self._tools.stopped():
            return 0
        now = self._tools.clock()
        loaded = self._repository.load()

        def is_waited_for(user_id: int, due: Due) -> bool:
            # A role is given back once it is known what became of it; nobody is kept waiting for that.
            if due.until is None or due.then in (Action.NOTHING, Action.RESTORE) or user_id not in loaded.members:
                return False
            return due.until <= (waits_until if loaded.members[user_id].last_ping else self._lingers_until)

        plan = self._plan(loaded)
        # While the others were told time has passed, too.
        before = {user_id for user_id, due in self._not_due_yet.items() if is_waited_for(user_id, due)}
        fell_due = [one for one in plan if one.due.action is not Action.NOTHING and one.user_id in before]
        if fell_due:
            return len(fell_due)
        soon = [one.due.until for one in plan if is_waited_for(one.user_id, one.due) and one.due.until is not None]
        together = [at for at in soon if at - min(soon) <= self._linger]
        if together:
            self._tools.sleep(max((max(together) - now).total_seconds(), 0.0))
        return len(together)

    def _plan(self, loaded: LoadedMembers) -> list[PlannedAction]:
        now = self._tools.clock()
        plan = []
        for member in loaded.members.values():
            # Whoever is off the roster may still be owed news, such as the post of a TODO.
            if not member.on_roster and not member.notices:
                continue
            trouble = self._check.unseen.get(member.user_id, "")
            found = due(member, self._rules, now, self._downtimes)
            if trouble and found.action is not Action.NOTHING:
                found = Due(Action.NOTHING, found.why)
            plan.append(PlannedAction(member.user_id, member.name, found, trouble))
        return plan

    def _change_roles(self, loaded: LoadedMembers, plan: Iterable[PlannedAction]) -> None:
        for one in plan:
            if self._tools.stopped():
                break
            self._change_role(loaded.members[one.user_id], one.due.action)

    def _change_role(self, member: Member, action: Action) -> None:
        if self._keeper is None or action not in (Action.REMOVE, Action.END, Action.RESTORE):
            return
        dm = self._messenger.dms.leg_state(member)
        report = None
        if action is Action.RESTORE:
            report = self._keeper.give_back(member.user_id, dm)
        elif self._repository.store.is_away and not self._repository.store.held_back:
            why = "no role is taken while the shared store is away: a submission elsewhere would not be seen"
            self._trouble[why] = None
        elif action is Action.END:
            self._keeper.end(member.user_id)
        else:
            report = self._keeper.take(member.user_id, dm)
        self._roles += [report] if report else []

    def _deliver(self, plan: Iterable[PlannedAction]) -> None:
        """Tell everybody what they are owed: news first, then pings; a ping's DM follows its post to the channel."""
        now = self._tools.clock()
        members = self._repository.load([one.user_id for one in plan]).members
        news = news_of(members.values())
        pings = [one for one in plan if one.due.is_ping]
        self._legs += legs_left_alone(news, [members[one.user_id] for one in pings if one.user_id in members], now)
        posts, writes = self._posts_of(news, pings), writes_of(news, pings)
        with self._tools.pool() as pool:
            self._legs += self._messenger.deliver(posts, writes, pool, self._tools.on_progress)

    def _posts_of(self, news: Sequence[Recipient], pings: Sequence[PlannedAction]) -> list[list[Errand]]:
        # Where nobody is told, nobody need know in which words.
        return list(posts_of(news, pings, self._messenger.speech)) if news or pings else []

    def note_oddities(self, loaded: LoadedMembers) -> None:
        """Tell of documents that are odd, and of dates that a wrong clock has written."""
        now = self._tools.clock()
        self._trouble |= dict.fromkeys(self._repository.store.odd)
        for odd in loaded.odd:
            self._trouble[f"{odd.where}: {odd.why}; skipped: correct or remove the document"] = None
        for member in loaded.on_roster():
            latest = max((at for at in (member.last_submit, member.last_ping) if at), default=now)
            if latest - now > SKEW:
                self._trouble[f"{member.label}: a time lies in the future ({latest:%Y-%m-%d}); check the clocks"] = None

    # What comes of it

    def rehearsed(self, started: datetime) -> SweepReport:
        """What this run would do, with nothing written and nothing posted."""
        everybody = self._repository.load()
        self.note_oddities(everybody)
        parts = [self._check.looked_at(part, writes=False) for part in self._check.in_parts(everybody)]
        loaded = LoadedMembers({user_id: member for part in parts for user_id, member in sorted(part.members.items())})
        plan = self._plan(loaded)
        pings = [one for one in plan if one.due.is_ping]
        news = news_of(loaded.members.values())
        posts = [self._messenger.preview(loaded, errands) for errands in self._posts_of(news, pings)]
        return replace(
            self.report(started, plan, 0, None),
            dry_run=True,
            messages=tuple(message for message in posts if message),
            writes=self._messenger.planned_writes(loaded, writes_of(news, pings)),
        )

    def report(
        self, started: datetime, plan: Sequence[PlannedAction], waited_for: int, downtime: Period | None
    ) -> SweepReport:
        """The report of the run so far."""
        return SweepReport(
            started_at=started,
            finished_at=self._tools.clock(),
            plan=tuple(plan),
            legs=tuple(self._legs),
            roles=tuple(self._roles),
            left=tuple(self._check.left),
            returned=tuple(self._check.returned),
            trouble=tuple(self._trouble),
            told_before=frozenset(self._notes.told),
            downtime_since=downtime.start if downtime else None,
            waited_for=waited_for,
            stopped=self._tools.stopped(),
            is_whole=not self._tools.stopped(),
        )

    def notes_for_the_next(self, notes: SweepNotes, report: SweepReport) -> SweepNotes:
        """What the next sweep is to know."""
        stopped = notes.dms_stopped_until
        if self._messenger.dms.stopped_reason:
            stopped = self._tools.clock() + STOPPED_FOR
        # A sweep that was told to stop has not met all the trouble that there is.
        before = notes.told if report.stopped else ()
        lines = map(what_happened, report.trouble_lines())
        return replace(notes, dms_stopped_until=stopped, told=tuple(dict.fromkeys((*before, *lines))))


def _record(report: SweepReport, host: str) -> RunRecord:
    details = {"members": len(report.plan), **report.counts(), "failed": len(list(report.failures()))}
    return RunRecord(JOB, host, report.started_at, report.finished_at, report.exit_code, details)
