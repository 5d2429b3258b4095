"""One `todo sweep` or `todo submit` on this host: the lock, the settings made into rules, and Discord at hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from giftping.delivery.clock import Clock, ClockVerdict
from giftping.delivery.deliveries import Deliveries
from giftping.delivery.hosts import NotAloneError
from giftping.discord.members import MembersClient
from giftping.discord.message import Upload
from giftping.net.steady import steady_seconds
from giftping.net.waiting import sleep_unless
from giftping.runs.clock import NOT_YET_VALID, HostClock
from giftping.runs.how_to import how_to
from giftping.runs.lock import RunLock
from giftping.runs.refused_token import leave_refused_token, note_token
from giftping.runs.state_folder import ATTACHMENTS, SWEEP_LOCK
from giftping.runs.whole_look import look_through
from giftping.settings.file import Mistake, SettingsError
from giftping.store.documents import TODO_EVENTS
from giftping.store.holder import ProcessLock
from giftping.store.tiny.files import replace_file, storage_errors
from giftping.todo.local_time import LocalQuietHours, day_of
from giftping.todo.membership import MembershipReader
from giftping.todo.messenger import Addresses, Messenger
from giftping.todo.model import Todo
from giftping.todo.notices import Speech
from giftping.todo.periods import Period
from giftping.todo.report import SweepReport
from giftping.todo.repository import MemberRepository
from giftping.todo.roles import RoleKeeper
from giftping.todo.rules import TodoRules
from giftping.todo.submit import SubmitReport, SubmitRequest, SubmitTools, submit
from giftping.todo.sweep import SweepRules, SweepTools, sweep
from giftping.todo.sweep_begin import SweepTime
from giftping.todo.sweep_notes import SweepNotes, broken_in
from giftping.todo.validation import ATTACHMENT_SIZE, content_type_of
from giftping.wiring import POSTING_THREADS, Wiring, host_name, side_by_side, utc_now

if TYPE_CHECKING:
    from pathlib import Path

    from giftping.discord.rest import RestClient
    from giftping.settings.keys import Settings
    from giftping.store.records import Store
    from giftping.todo.model import Member


@dataclass(frozen=True, slots=True)
class Timing:
    """The clock of a run and how it waits; tests pass their own."""

    clock: Clock = utc_now
    sleep: Callable[[float], None] = time.sleep

    def steady(self) -> float:
        """Seconds of a clock that nobody sets; a clock of a test's own is its own witness."""
        return steady_seconds() if self.clock is utc_now else self.clock().timestamp()


def run_sweep(
    wiring: Wiring,
    *,
    dry_run: bool = False,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    timing: Timing | None = None,
) -> SweepReport:
    """What one sweep did.

    Raise SettingsError when it is not said where to sweep, LockHeldError when another sweep is at it, StoreError when
    the store cannot be read or written.
    """
    timing = timing or Timing()
    settings = wiring.settings
    leave_refused_token(wiring)
    place = _place(wiring)
    clock = HostClock(None if dry_run else settings.state, timing.clock, timing.steady, to_the_second=True)
    stage = _Stage(wiring, place, timing, clock, dry_run=dry_run)
    notices: Sequence[str] = ()
    with nullcontext() if dry_run else RunLock(settings.state / SWEEP_LOCK), closing(stage):
        # `sweep` opens and closes it; what it has to say of itself is asked for after that.
        opened: list[Store] = []

        def open_store() -> Store:
            opened.append(wiring.open_store_to_send(read_only=dry_run))
            return opened[0]

        todo = settings.todo
        rules = SweepRules(stage.rules, todo.linger, todo.downtime, dry_run)
        started = clock.now()
        try:
            report = sweep(stage.tools(open_store, on_progress), rules)
        except NotAloneError as error:
            why = str(error)
            return SweepReport(started, clock.now(), trouble=(why, *error.odd), notices=error.notices, standing=why)
        finally:
            if not dry_run:
                note_token(wiring)
        # What the store says of itself may be why nothing was sent, too: that is told below.
        notices = [one for one in opened[0].notices if one not in (*report.trouble, opened[0].held_back)]
        # What went out before the store was lost is in the report: it is not said that nothing was sent.
        held = (f"held back from then on: {opened[0].held_back}",) if opened[0].held_back else ()
    standing = opened[0].standing
    return replace(report, notices=tuple(notices), trouble=(*report.trouble, *held), standing=standing)


def run_submit(
    wiring: Wiring,
    repository: MemberRepository,
    request: SubmitRequest,
    content: bytes = b"",
    timing: Timing | None = None,
) -> SubmitReport:
    """What came of handing in a TODO; `content` is that of its file.

    Without a guild, a channel and a token it is saved all the same, and posted by a sweep that has them. Raise
    SubmissionError when it may not be handed in, StoreError when it cannot be saved.
    """
    timing = timing or Timing()
    settings = wiring.settings
    place = _place_if_any(wiring)
    clock = HostClock(settings.state, timing.clock, timing.steady, to_the_second=True)
    stage = _Stage(wiring, place, timing, clock, dry_run=False) if place else None
    folder = Attachments(settings.state / ATTACHMENTS)
    tools = SubmitTools(
        clock=clock.now,
        ask_time=stage.ask_time if stage else lambda: (clock.verdict, ""),
        today=lambda member, now: today_of(settings, member, now),
        owner_id=settings.todo.owner_id,
        messenger=stage.messenger if stage else lambda *_: None,
        keeper=stage.keeper if stage else lambda *_: None,
        keep=lambda todo: folder.keep(todo, content),
    )
    with closing(stage) if stage else nullcontext():
        return submit(tools, repository, request)


def rules_of(settings: Settings, host: str) -> TodoRules:
    """What decides, as the settings have it."""
    todo = settings.todo
    hours = todo.quiet_hours
    quiet = LocalQuietHours(hours.start, hours.end, settings.todo_zone) if hours else None
    return TodoRules(
        host=host,
        remind_after=todo.remind_after,
        remind_every=todo.remind_every,
        remove_after=todo.remove_after,
        warning=todo.warning,
        lease=todo.lease,
        takes_role=todo.role_id is not None,
        quiet=quiet,
        exempt=todo.exempt,
    )


def zone_of_member(settings: Settings, member: Member) -> ZoneInfo:
    """The zone by which a member's days go."""
    return ZoneInfo(member.time_zone) if member.time_zone else settings.todo_zone


def today_of(settings: Settings, member: Member, now: datetime) -> date:
    """The member's own date of an instant."""
    return day_of(now, zone_of_member(settings, member))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where members are told: by the bot, in one channel of one guild."""

    rest: RestClient
    guild_id: int
    channel_id: int


def _place(wiring: Wiring) -> _Place:
    """Where to sweep. Raise SettingsError that names everything that is missing."""
    todo = wiring.settings.todo
    missing = [
        Mistake("environment", name, f"is not set; giftping todo sweep needs {what} (or {key} in giftping.toml)")
        for name, what, key, value in (
            ("GUILD_ID", "the guild", "todo.guild", todo.guild_id),
            ("TODO_CHANNEL_ID", "the channel of the reminders", "todo.channel", todo.channel_id),
            ("DISCORD_TOKEN", "the bot token", "discord.token", wiring.settings.discord.token),
        )
        if value is None
    ]
    place = _place_if_any(wiring)
    if missing or place is None:
        raise SettingsError(missing)
    return place


def _place_if_any(wiring: Wiring) -> _Place | None:
    todo = wiring.settings.todo
    rest = wiring.todo_client() if wiring.settings.discord.token else None
    if rest is None or todo.guild_id is None or todo.channel_id is None:
        return None
    return _Place(rest, todo.guild_id, todo.channel_id)


class _Stage:
    """What works on one guild in the name of this host."""

    def __init__(self, wiring: Wiring, place: _Place, timing: Timing, clock: HostClock, *, dry_run: bool) -> None:
        settings = wiring.settings
        self._is_dry_run = dry_run
        self._clock = clock
        self._settings = settings
        self._place = place
        self._timing = timing
        self._wiring = wiring
        self._members = MembersClient(place.rest.http)
        self._attachments = Attachments(settings.state / ATTACHMENTS)
        # A dry run leaves nothing behind, not even a name for this host.
        host = host_name(settings, create=not dry_run)
        self.rules = rules_of(settings, host)
        # Of each run one, also in the bot: what one has left open is not held by another that goes on.
        self._lock = ProcessLock(settings.state, host)

    def close(self) -> None:
        """Let go of what this run holds: whoever comes next may settle what it has left open."""
        self._lock.close()

    def _deliveries(self, repository: MemberRepository) -> Deliveries:
        return Deliveries(repository.store, self._lock, self._clock.now)

    def tools(self, open_store: Callable[[], Store], on_progress: Callable[[int, int], None]) -> SweepTools:
        """The tools of a sweep."""
        guild_id, role_id, clock = self._place.guild_id, self._settings.todo.role_id, self._clock.now
        memberships = MembershipReader(
            self._members, clock, guild_id, role_id, lambda look, ids: side_by_side(look, ids)
        )
        return SweepTools(
            clock=clock,
            time=SweepTime(clock, lambda: self._clock.is_doubtful, self.ask_time),
            sleep=self._sleep,
            open_store=open_store,
            examine=self._examine,
            memberships=memberships,
            messenger=self.messenger,
            roles=self.keeper,
            pool=_pool,
            keep_files=self._attachments.forget_others,
            on_progress=on_progress,
            stopped=self._wiring.is_stopped,
        )

    def _examine(self, repository: MemberRepository) -> None:
        now = self._clock.now()
        if self._is_dry_run:
            repository.examine_history(now)
        else:
            look_through(self._settings.state, TODO_EVENTS, lambda last: repository.examine_history(now, last))

    def ask_time(self) -> tuple[ClockVerdict, str]:
        """What this host's clock is worth by Discord's time, and why that is not known; one request at most.

        The clock of the run goes by Discord's from then on.
        """
        if self._clock.look_again():
            return self._clock.verdict, ""
        http = self._place.rest.http
        unheard = self._place.rest.ask(self._place.channel_id)
        if unheard is not None and NOT_YET_VALID in unheard.reason:
            self._clock.hear_certificates()
            return self._clock.verdict, ""
        self._clock.hear_discord(http.discord_now())
        return self._clock.verdict, f"Discord does not say what time it is ({unheard.reason})" if unheard else ""

    def _sleep(self, seconds: float) -> None:
        if self._wiring.stopped is None:
            self._timing.sleep(seconds)
        else:
            sleep_unless(self._wiring.stopped, seconds, self._timing.sleep)

    def messenger(self, repository: MemberRepository, notes: SweepNotes) -> Messenger:
        """What tells members things."""
        todo, store, channel_id = self._settings.todo, repository.store, self._place.channel_id
        return Messenger(
            repository=repository,
            deliveries=self._deliveries(repository),
            rest=self._place.rest,
            members=self._members,
            clock=self._clock.now,
            rules=self.rules,
            addresses=Addresses(self._place.guild_id, channel_id, todo.role_id, todo.direct_messages, todo.new_dms),
            ask_speech=lambda: self._speech(store),
            downtimes=notes.downtimes,
            broken=broken_in(notes, channel_id),
            upload=self._attachments.upload,
            stopped=self._wiring.is_stopped,
        )

    def _speech(self, store: Store) -> Speech:
        words = self._wiring.words(store.guild(self._place.guild_id).language)
        return Speech(words, how_to(store, self._settings, words, self._clock.now()))

    def keeper(self, repository: MemberRepository, downtimes: Sequence[Period]) -> RoleKeeper | None:
        """What takes and gives the role, None where none is named."""
        role_id = self._settings.todo.role_id
        if role_id is None:
            return None
        return RoleKeeper(
            repository,
            self._deliveries(repository),
            self._members,
            self._clock.now,
            self.rules,
            self._place.guild_id,
            role_id,
            downtimes,
        )


def _pool() -> AbstractContextManager[Executor]:
    return ThreadPoolExecutor(POSTING_THREADS)


@dataclass(frozen=True, slots=True)
class Attachments:
    """The files of TODOs that are yet to be posted, in the state folder, each under its TODO's id."""

    folder: Path

    def keep(self, todo: Todo, content: bytes) -> None:
        """Put the file of a TODO aside, if it has one. Raise StoreError when it cannot be written."""
        if todo.attachment is None:
            return
        path = self.folder / todo.id
        with storage_errors(path, "written"):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace_file(path, [content])

    def upload(self, todo: Todo) -> Upload | None:
        """The file of a TODO as it is sent, None where it is not, or no longer, on this host."""
        file, path = todo.attachment, self.folder / todo.id
        if file is None or not path.exists():
            return None
        with storage_errors(path, "read"):
            content = path.read_bytes()
        is_whole = 0 < len(content) <= ATTACHMENT_SIZE
        return Upload(file.filename, content, file.content_type or content_type_of(file.filename)) if is_whole else None

    def forget(self, todo_ids: frozenset[str]) -> int:
        """How many files of these TODOs were there, and are removed. Raise StoreError when that fails."""
        with storage_errors(self.folder, "emptied"):
            there = [path for path in self.folder.glob("*") if path.name in todo_ids] if self.folder.exists() else []
            for path in there:
                path.unlink(missing_ok=True)
        return len(there)

    def forget_others(self, still_owed: frozenset[str]) -> None:
        """Remove the files of TODOs that have been posted. Raise StoreError when that fails."""
        with storage_errors(self.folder, "emptied"):
            for path in self.folder.glob("*") if self.folder.exists() else ():
                if path.name not in still_owed:
                    path.unlink(missing_ok=True)
