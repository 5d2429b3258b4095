"""What the `giftping todo roster` commands do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from giftping.commands.members import Members, open_members
from giftping.commands.session import Session
from giftping.errors import EXIT_FINE, UsageError
from giftping.output.json import id_text
from giftping.output.member_lines import NOBODY, pause_text
from giftping.output.phrases import who
from giftping.output.todo_objects import roster_object
from giftping.settings.value_types import parse_zone
from giftping.text import counted, printable, when
from giftping.todo.history import Event
from giftping.todo.model import Membership
from giftping.todo.repository import MemberChange, new_id
from giftping.todo.rules import span_text
from giftping.todo.validation import shown_member
from giftping.words.said import DiscordText, Said

if TYPE_CHECKING:
    from giftping.discord.members import MemberInfo
    from giftping.discord.outcome import Refused, Unclear
    from giftping.todo.model import Member

LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class RosterRequest:
    """What `roster add` was asked for; None leaves what is known of a member as it is."""

    user_id: int
    name: str | None = None
    time_zone: str | None = None
    exempt: bool | None = None
    seen: MemberInfo | None = None
    """How the bot met the member just now; without it Discord is asked."""


def add(session: Session, request: RosterRequest) -> int:
    """Add a member, or change what the roster says of one."""
    if request.time_zone:
        try:
            parse_zone(request.time_zone)
        except ValueError as error:
            raise UsageError(f"--time-zone: {error}") from None
    if request.name is not None and not 0 < len(request.name.strip()) <= LONGEST_NAME:
        raise UsageError(f"--name: write 1 to {LONGEST_NAME} characters")
    found = request.seen or _found(session, request.user_id)
    info, warning = _judged(request.user_id, found)
    with open_members(session) as members:
        before = members.member(request.user_id)
        amended = members.repository.amend(
            [request.user_id], lambda known: MemberChange(_listed(members, known, request, info))
        )
        member = amended.get(request.user_id, before)
        if not before.on_roster:
            _enter(members, member, "added")
        elif amended:
            _enter(members, member, "changed", ", ".join(_differences(before, member)))
    session.give(
        {"member": roster_object(member), "added": not before.on_roster, "warning": warning or None},
    )
    if warning:
        session.trouble(Said("todo.trouble.warning", warning=warning))
    for line in _said(session, before, member):
        session.tell(line)
    return EXIT_FINE


def _found(session: Session, user_id: int) -> MemberInfo | Refused | Unclear | None:
    """What Discord says of a user; None where there is no guild or no token to ask with."""
    guild_id = session.settings.todo.guild_id
    if guild_id is None or session.settings.discord.token is None:
        return None
    from giftping.discord.members import MembersClient

    return MembersClient(session.wiring.todo_client().http).member(guild_id, user_id)


def _judged(user_id: int, found: MemberInfo | Refused | Unclear | None) -> tuple[MemberInfo | None, str]:
    """What Discord knows of a member, and what to warn of, empty for nothing. Raise UsageError for a bot."""
    from giftping.discord.members import UNKNOWN_MEMBER, UNKNOWN_USER, MemberInfo
    from giftping.discord.outcome import Refused

    if isinstance(found, MemberInfo):
        if found.is_bot:
            raise UsageError(Said("todo.wrong.a_bot", who=DiscordText(f"{user_id} ({found.name})", f"<@{user_id}>")))
        return found, ""
    if found is None:
        return None, ""
    if isinstance(found, Refused) and found.code in (UNKNOWN_MEMBER, UNKNOWN_USER):
        return None, Said("todo.trouble.not_in_guild", who=shown_member(user_id))
    return None, Said("todo.trouble.unknown", who=shown_member(user_id), reason=found.reason)


def _listed(members: Members, known: Member, request: RosterRequest, info: MemberInfo | None) -> Member:
    """A member as the roster is to have them. One who was off it begins anew: the clock starts now."""
    seen = info.name if info else ""
    name = request.name.strip() if request.name is not None else known.name or seen[:LONGEST_NAME]
    member = replace(
        known,
        name=name,
        time_zone=request.time_zone if request.time_zone is not None else known.time_zone,
        exempt=known.exempt if request.exempt is None else request.exempt,
    )
    if known.on_roster:
        return member
    role_id = members.session.settings.todo.role_id
    membership = Membership(members.now, in_guild=True, has_role=role_id in info.role_ids) if info else None
    return replace(member, on_roster=True, added=members.now, membership=membership)


def _enter(members: Members, member: Member, kind: str, result: str = "") -> None:
    members.repository.enter([Event(new_id(), member.user_id, kind, members.now, members.host, result=result)])


def _differences(before: Member, after: Member) -> Iterator[str]:
    if after.name != before.name:
        yield f"name {after.name}"
    if after.time_zone != before.time_zone:
        yield f"time zone {after.time_zone or 'the usual one'}"
    if after.exempt != before.exempt:
        yield "exempt" if after.exempt else "not exempt"


def _said(session: Session, before: Member, after: Member) -> Iterator[str]:
    name = f"{who(after.user_id, after.name)} ({after.user_id})" if after.name else str(after.user_id)
    if before.on_roster:
        changes = ", ".join(_differences(before, after))
        yield f"{name}: {changes}." if changes else f"{name} is on the roster already, just so."
    elif after.exempt:
        yield f"{name} is on the roster, and exempt: no reminders."
    else:
        first = span_text(session.settings.todo.remind_after)
        yield f"{name} is on the roster."
        yield f"The clock starts now: the first reminder comes after {first} without a TODO."


def remove(session: Session, user_id: int, *, yes: bool) -> int:
    """Take a member off the roster; timestamps and history stay."""
    # Twice: whoever is asked in between may take their time, and a sweep need not wait for that.
    with open_members(session, read_only=True) as members:
        member = members.member(user_id)
    if not member.on_roster:
        raise UsageError(
            Said("todo.wrong.not_on_roster", who=shown_member(user_id), listed="giftping todo roster list")
        )
    name = who(user_id, member.name)
    if not yes and not session.confirm(f"Take {name} off the roster? No more reminders then."):
        raise UsageError("nobody was removed; say --yes to remove without being asked")
    with open_members(session) as members:
        removed = members.repository.remove_from_roster(user_id)
        forgotten = ", ".join(_set_by_staff(member))
        if removed:
            _enter(members, member, "removed", f"forgotten: {forgotten}" if forgotten else "")
    session.give({"user_id": id_text(user_id), "removed": removed})
    session.tell(f"{name} is off the roster: no reminders, and the role stays as it is.")
    session.tell("What was handed in and the history stay; added again, the clock starts anew.")
    if forgotten:
        session.tell(f"Forgotten with that: {forgotten}. Say it again for who is added again.")
    return EXIT_FINE


def _set_by_staff(member: Member) -> Iterator[str]:
    """What somebody has said of a member, and stands on the roster alone."""
    if member.exempt:
        yield "exempt"
    if member.time_zone:
        yield f"time zone {member.time_zone}"
    if member.pauses:
        yield counted(len(member.pauses), "pause")


def list_roster(session: Session) -> int:
    """List the members who take part."""
    with open_members(session, read_only=True) as members:
        listed = members.roster()
    session.give({"members": [roster_object(member) for member in listed]})
    if not listed:
        session.tell(NOBODY)
        return EXIT_FINE
    rows = (_row(members, member) for member in listed)
    session.show_table(counted(len(listed), "member"), ["Id", "Name", "Added", "Notes"], rows)
    return EXIT_FINE


def _row(members: Members, member: Member) -> list[str]:
    return [
        str(member.user_id),
        who(member.user_id, member.name) if member.name else "–",
        f"{member.added.astimezone(members.session.wiring.zone):%Y-%m-%d}" if member.added else "–",
        "\n".join(_notes(members, member)) or "–",
    ]


def _notes(members: Members, member: Member) -> Iterator[str]:
    """What is particular about a member, a line each."""
    zone = members.session.wiring.zone
    if member.exempt or member.user_id in members.session.settings.todo.exempt:
        yield "exempt"
    if member.time_zone:
        yield member.time_zone
    if member.left_at is not None:
        yield f"left the guild {when(member.left_at, zone)}"
    if member.membership is not None and member.membership.is_bot:
        yield "a bot: left alone"
    if member.dms_closed_at is not None:
        yield "takes no direct messages"
    for pause in member.pauses:
        if pause.end is None or pause.end > members.now:
            yield f"paused {printable(pause_text(pause, zone))}"
