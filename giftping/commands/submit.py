"""What `giftping todo submit` does."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from giftping.commands.members import Members, open_members
from giftping.commands.session import Session
from giftping.errors import EXIT_FINE, EXIT_TROUBLE, UsageError
from giftping.output.json import id_text
from giftping.output.member_lines import streak_text
from giftping.output.phrases import who
from giftping.output.todo_objects import leg_object, role_object, streak_object, todo_object
from giftping.runs.sweep import run_submit
from giftping.settings.problems import nearest
from giftping.text import file_name, parse_id
from giftping.todo.model import Attachment, LegName, LegState, NoticeKind, RemovalState
from giftping.todo.report import FAILED, ActionResult
from giftping.todo.repository import MemberRepository
from giftping.todo.submit import SubmitReport, SubmitRequest, refuse_strangers
from giftping.todo.validation import ATTACHMENT_SIZE, TodoDraft, content_type_of, shown_member
from giftping.wiring import utc_now
from giftping.words.said import Said

if TYPE_CHECKING:
    from giftping.todo.days import Streak
    from giftping.todo.model import Member
    from giftping.todo.report import LegReport

TEXTS = ("name", "date", "must_do", "can_do", "dont_do")
IDS = ("user_id", "for", "by")

WHOSE = "say whose TODO it is: either USER, or --for USER and --by OWNER"


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line says of a TODO; None is left to the file."""

    user: int | None = None
    """The member who hands it in themselves."""
    for_user: int | None = None
    """The member whose it is, where somebody else hands it in."""
    by: int | None = None
    """Who hands it in for them."""
    name: str | None = None
    date: str | None = None
    must_do: str | None = None
    can_do: str | None = None
    dont_do: str | None = None
    attach: Path | None = None
    file: Path | None = None
    by_staff: bool = False
    """Whether `by` has the role of the staff, which counts as much as being the owner; only the bot can tell."""
    at: datetime | None = None
    """When Discord says that it was handed in; None for now."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of a TODO: how it was posted, or that it waits, and whether the role is still owed."""

    report: SubmitReport
    is_posted: bool
    is_owed_role: bool
    streak: Streak | None
    """None where the history cannot be read."""

    @property
    def exit_code(self) -> int:
        """0 when all is done, 69 when something is left to a sweep, or could not be read."""
        failed = self.streak is None or any(leg.result in FAILED for leg in self.report.legs)
        return EXIT_FINE if self.is_posted and not self.is_owed_role and not failed else EXIT_TROUBLE


def submit(session: Session, given: Given) -> int:
    """Hand a TODO in, tell what came of it, and return the exit code."""
    known = _read_file(given.file) if given.file is not None else {}
    user_id, by = _whose(given, known)
    attachment, content = _attached(given.attach)
    texts = {name: _first(getattr(given, name), known.get(name)) for name in TEXTS}
    request = SubmitRequest(user_id, TodoDraft(**texts, attachment=attachment), by, given.by_staff, given.at)
    with open_members(session, sends=True) as members:
        report = run_submit(session.wiring, members.repository, request, content)
        outcome = _outcome(members, report)
    session.give(_submit_object(outcome, by))
    _tell(session, outcome)
    return outcome.exit_code


def may_submit(session: Session, user_id: int, by: int | None = None, *, by_staff: bool = False) -> int:
    """0 for a TODO that may be handed in, by somebody else where `by` is given; for the bot's forms.

    Raise SubmissionError when it may not be.
    """
    # Discord gives three seconds for the answer, and nothing here is judged by the time.
    with session.store(read_only=True) as store:
        member = MemberRepository(store, utc_now).member(user_id)
        refuse_strangers(member, by, session.settings.todo.owner_id, by_staff=by_staff)
    return EXIT_FINE


def _first(option: str | None, in_file: object) -> str:
    return option if option is not None else str(in_file or "")


# What was given


def _read_file(path: Path) -> dict[str, Any]:
    """The object of a file. Raise UsageError with all that is wrong in it."""
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--file: {path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:  # Python reads no number of more than 4,300 digits.
        raise UsageError(f"--file: this is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise UsageError("--file: this is not one JSON object")
    if mistakes := list(_file_mistakes(value)):
        raise UsageError("\n".join(mistakes))
    return value


def _file_mistakes(value: Mapping[str, Any]) -> Iterator[str]:
    for key, item in value.items():
        if key not in (*TEXTS, *IDS):
            yield f"{key}: unknown key; {nearest(key, (*TEXTS, *IDS))}"
        elif key in TEXTS and not isinstance(item, str | None):
            yield f"{key}: must be a text, not {json.dumps(item)}"
        elif key in IDS and item is not None:
            try:
                parse_id(item if isinstance(item, str) else json.dumps(item))
            except ValueError as error:
                yield f"{key}: {error}"


def _whose(given: Given, known: Mapping[str, Any]) -> tuple[int, int | None]:
    """Whose TODO it is, and who else hands it in. Raise UsageError when that is not said, or twice."""
    in_file = {name: parse_id(known[name]) for name in IDS if known.get(name) is not None}
    user, for_user = given.user, given.for_user
    if user is None and for_user is None:
        user, for_user = in_file.get("user_id"), in_file.get("for")
    by = given.by if given.by is not None or given.user is not None else in_file.get("by")
    if (user is None) == (for_user is None):
        raise UsageError(WHOSE)
    if user is not None:
        if by is not None:
            raise UsageError(f"--by goes with --for; {WHOSE}")
        return user, None
    if by is None or for_user is None:
        raise UsageError("--for needs --by OWNER: who hands it in is written into the history")
    return for_user, by


def _attached(path: Path | None) -> tuple[Attachment | None, bytes]:
    """A file to post along, and what is in it unless it is too large. Raise UsageError when it cannot be read.

    Discord finds an image of a post again only by a plain name.
    """
    if path is None:
        return None, b""
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= ATTACHMENT_SIZE else b""
    except OSError as error:
        raise UsageError(f"--attach: {path} cannot be read: {error.strerror}") from None
    name = file_name(path.name, plain=content_type_of(path.name).startswith("image/"))
    return Attachment(name, content_type_of(name), len(content) or size), content


# What came of it


def _outcome(members: Members, report: SubmitReport) -> _Outcome:
    """How a TODO stands now, looked up once more: a sweep that runs beside may have posted it."""
    member = members.member(report.member.user_id)
    notice = member.notice(report.todo.id)
    is_posted = notice is None or notice.channel.state is LegState.SENT
    removal = member.lapse.removal if member.lapse else None
    is_owed = removal is not None and removal.state is not RemovalState.ABSENT and member.left_at is None
    # The day that it counts for: it was dated by Discord's time, this command looks by this host's.
    as_dated = replace(members, now=member.last_submit or members.now)
    return _Outcome(report, is_posted, is_owed, _streak(as_dated, member))


def _streak(members: Members, member: Member) -> Streak | None:
    """The streak; None where the history cannot be read: the TODO is saved all the same."""
    return members.streak(member, members.events(member.user_id))


def _submit_object(outcome: _Outcome, by: int | None) -> dict[str, Any]:
    report = outcome.report
    return {
        "user_id": id_text(report.member.user_id),
        "by": id_text(by if by is not None else report.member.user_id),
        "todo": todo_object(report.todo),
        "posted": outcome.is_posted,
        "legs": [leg_object(leg) for leg in report.legs],
        "role": role_object(report.role) if report.role else None,
        "repeated": report.is_repeated,
        "streak": streak_object(outcome.streak) if outcome.streak else None,
        "exit_code": outcome.exit_code,
    }


def _tell(session: Session, outcome: _Outcome) -> None:
    report = outcome.report
    name = who(report.member.user_id, report.member.name)
    session.tell(f"Saved: the TODO of {name} for {report.todo.date}.")
    if report.is_repeated:
        session.tell("It says the same as the one before.")
    if outcome.is_posted:
        session.tell("Posted in the channel.")
    else:
        session.trouble(_not_posted(session, report))
    for leg in report.legs:
        if leg.leg is LegName.DM and leg.result is not ActionResult.LATER:
            _tell_dm(session, leg, name)
    if report.role is not None and report.role.result is ActionResult.DONE:
        session.tell("The role is back.")
    elif outcome.is_owed_role:
        reason = f" ({report.role.reason})" if report.role and report.role.reason else ""
        if report.role and report.role.mend:
            session.trouble(Said("todo.trouble.no_role_mend", reason=reason, mend=report.role.mend))
        else:
            session.trouble(Said("todo.trouble.no_role", reason=reason))
    if outcome.streak is not None:
        session.tell(f"Streak: {streak_text(outcome.streak)}.")


def _not_posted(session: Session, report: SubmitReport) -> Said:
    """Why a TODO is saved and not posted, and when it will be."""
    todo = session.settings.todo
    needed = {"GUILD_ID": todo.guild_id, "TODO_CHANNEL_ID": todo.channel_id}
    unset = [name for name, value in needed.items() if value is None]
    unset += ["DISCORD_TOKEN"] if session.settings.discord.token is None else []
    if len(unset) == 1:
        return Said("todo.trouble.unset.one", names=unset[0])
    if unset:
        return Said("todo.trouble.unset.other", names=tuple(unset))
    if report.held:
        return Said("todo.trouble.not_posted", reason=f": {report.held}")
    failed = [leg for leg in report.legs if leg.leg is LegName.CHANNEL and leg.kind is NoticeKind.SUBMISSION]
    # A post that was tried again, or settled first, may have failed twice for one reason: that is one reason.
    reason = "".join(f" ({why})" for why in dict.fromkeys(leg.reason for leg in failed if leg.reason))
    mend = tuple(dict.fromkeys(leg.mend for leg in failed if leg.mend))
    if mend:
        return Said("todo.trouble.not_posted_mend", reason=reason, mend=mend)
    return Said("todo.trouble.not_posted", reason=reason)


def _tell_dm(session: Session, leg: LegReport, name: str) -> None:
    if leg.result is ActionResult.DONE:
        session.tell(f"{name} was told by direct message.")
    elif leg.result is ActionResult.CLOSED:
        session.tell(f"{name} takes no direct messages.")
    elif leg.result in FAILED:
        who_is_meant, result = shown_member(leg.user_id, name), _result(leg)
        session.trouble(Said("todo.trouble.dm", who=who_is_meant, result=result, reason=leg.reason))


def _result(leg: LegReport) -> Said:
    if leg.result is ActionResult.REFUSED:
        return Said("todo.trouble.refused")
    return Said("todo.trouble.unclear") if leg.result is ActionResult.UNCLEAR else Said("todo.trouble.uncertain")
