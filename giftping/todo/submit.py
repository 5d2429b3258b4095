"""`todo submit`: a TODO is handed in. The one way of doing it, for the command line and the bot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from giftping.delivery.clock import UNKNOWN, Clock, ClockVerdict
from giftping.todo.errands import Errand
from giftping.todo.history import Event
from giftping.todo.messenger import Messenger
from giftping.todo.model import Leg, LegState, Member, Notice, NoticeKind, Todo
from giftping.todo.periods import Period
from giftping.todo.report import LegReport, RoleReport
from giftping.todo.repository import MemberChange, MemberRepository, new_id
from giftping.todo.roles import RoleKeeper
from giftping.todo.sweep_notes import SweepNotes
from giftping.todo.transitions import with_submission
from giftping.todo.validation import (
    NotOnRosterError,
    SubmissionError,
    TodoDraft,
    is_repeated,
    not_listed,
    shown_member,
    validated,
)
from giftping.words.said import Said

FARTHEST = timedelta(days=31)
"""How far from now Discord's word of when a TODO was handed in is believed: further off than that no clock is that got
a form through, and the ids of somebody's tests say nothing."""

SAME_TEXT = "the same text as before"


@dataclass(frozen=True, slots=True)
class SubmitRequest:
    """A TODO that is to be handed in."""

    user_id: int
    """Whose it is."""
    draft: TodoDraft
    by: int | None = None
    """Who hands it in where that is somebody else."""
    by_staff: bool = False
    """Whether that is one of the staff, as Discord says; the command line knows of none."""
    at: datetime | None = None
    """When, where Discord itself has said so; else it is now."""


@dataclass(frozen=True, slots=True)
class SubmitTools:
    """What a submission works with, passed in by the wiring."""

    clock: Clock
    today: Callable[[Member, datetime], date]
    """A member's own date."""
    owner_id: int | None
    """Who may hand in for others, and without being on the roster."""
    messenger: Callable[[MemberRepository, SweepNotes], Messenger | None]
    """None where Discord is not set up for it: what is to be told waits for a sweep then; so with the role."""
    keeper: Callable[[MemberRepository, Sequence[Period]], RoleKeeper | None]
    keep: Callable[[Todo], None] = lambda _todo: None
    """Puts a file aside under the TODO's id until it is posted."""
    ask_time: Callable[[], tuple[ClockVerdict, str]] = lambda: (UNKNOWN, "")
    """Has Discord say what time it is, by which the clock goes then; what this host's is worth, and why that is not
    known."""


@dataclass(frozen=True, slots=True)
class SubmitReport:
    """What came of a submission that was saved."""

    member: Member
    todo: Todo
    legs: tuple[LegReport, ...] = ()
    """What was posted and told at once; what is missing here waits for a sweep."""
    role: RoleReport | None = None
    """That the role was given back, or not; None where there was none to give back."""
    is_repeated: bool = False
    """Whether it says, word for word, what the one before it said."""
    held: str = ""
    """Why nothing was posted or changed in Discord, though it could be asked; empty where it was tried."""


def submit(tools: SubmitTools, repository: MemberRepository, request: SubmitRequest) -> SubmitReport:
    """What came of handing in a TODO.

    It is validated, then saved, then posted; what cannot be posted now goes out with a sweep, and is not reported as
    posted. Raise SubmissionError when it may not be handed in, StoreError when it cannot be saved.
    """
    # Before it is dated: that it is saved does not wait for an answer, but by whose time, the answer says.
    clock, untold = tools.ask_time()
    now = handed_in_at(request, tools.clock())
    member = repository.member(request.user_id)
    refuse_strangers(member, request.by, tools.owner_id, by_staff=request.by_staff)
    by = request.by if request.by != request.user_id else None
    todo = validated(request.draft, member, todo_id=new_id(), now=now, today=tools.today(member, now), submitted_by=by)
    repeated = is_repeated(todo, member.todo)
    notes = repository.notes()
    messenger, keeper = tools.messenger(repository, notes), tools.keeper(repository, notes.downtimes)
    dm = messenger.dms.leg_state(member) if messenger and by is not None else LegState.CLOSED
    notice = Notice(todo.id, NoticeKind.SUBMISSION, now, dm=Leg(dm), todo=todo)
    event = Event(
        f"{todo.id}:submission",
        request.user_id,
        NoticeKind.SUBMISSION.value,
        now,
        by=str(request.by or request.user_id),
        day=tools.today(member, now).isoformat(),
        result="handed in",
        reason=SAME_TEXT if repeated else "",
    )
    # The file first: a TODO that is saved is posted by a sweep, which would not find it.
    tools.keep(todo)
    saved = repository.amend(
        [request.user_id], lambda known: MemberChange(with_submission(known, todo, notice, now), (event,))
    )
    # From here on it counts, whatever Discord says.
    if not clock.may_send or untold:
        return SubmitReport(saved[request.user_id], todo, is_repeated=repeated, held=clock.line or untold)
    # That the role is back, the answer tells: no DM does.
    role = keeper.give_back(request.user_id, dm=LegState.CLOSED) if keeper else None
    legs = _told(messenger, repository, request.user_id) if messenger else []
    return SubmitReport(saved[request.user_id], todo, tuple(legs), role, repeated)


def handed_in_at(request: SubmitRequest, now: datetime) -> datetime:
    """When a TODO counts as handed in: when Discord says that it was, unless that cannot be."""
    at = request.at
    return at if at is not None and abs(at - now) <= FARTHEST else now


def refuse_strangers(member: Member, by: int | None, owner_id: int | None, *, by_staff: bool = False) -> None:
    """Raise SubmissionError for a member who may not hand in a TODO, or for whom nobody else may."""
    if by is not None and by != member.user_id:
        if by != owner_id and not by_staff:
            raise SubmissionError([("by", Said("todo.wrong.not_owner", by=shown_member(by)))])
        if not member.on_roster:
            raise SubmissionError([("for", not_listed(member.user_id))])
    elif not member.on_roster and member.user_id != owner_id:
        raise NotOnRosterError(member.user_id)


def _told(messenger: Messenger, repository: MemberRepository, user_id: int) -> list[LegReport]:
    """How what is to be told to or of a member went: the post of the TODO, and that the role is back."""
    reports: list[LegReport] = []
    for notice in repository.member(user_id).notices:
        errand = Errand(user_id, notice.id)
        if notice.channel.state is LegState.OPEN:
            reports += messenger.post([errand])
        if notice.dm.state is LegState.OPEN:
            reports += messenger.write(errand)
    messenger.tidy()
    return reports
