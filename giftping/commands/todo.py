"""What `giftping todo status`, `list`, `delete` and `history` do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from giftping.commands.members import Forecast, Members, forecast, open_members
from giftping.commands.session import Session
from giftping.errors import EXIT_FINE, UsageError
from giftping.output.json import id_text, instant
from giftping.output.member_lines import NOBODY, due_words, event_text, leg_text, pause_text, place_of, streak_text
from giftping.output.phrases import moment, who
from giftping.output.todo_objects import (
    due_object,
    event_object,
    roster_object,
    streak_object,
    today_object,
    todo_object,
)
from giftping.runs.sweep import rules_of
from giftping.text import counted, printable, until, when
from giftping.todo.days import Standing, Streak, TodayStanding, standings
from giftping.todo.history import Event
from giftping.todo.model import Lapse, Member, RemovalState
from giftping.todo.periods import unfrozen
from giftping.todo.repository import MemberChange, new_id
from giftping.todo.rules import Action, Due, Outlook, quiet_hours_of, why_left_alone

# status


class _Look:
    """All there is to say of one member now."""

    def __init__(self, ahead: Forecast, member: Member, events: Sequence[Event]) -> None:
        self.member = member
        self.due: Due = ahead.due(member)
        self.outlook: Outlook = ahead.outlook(member)
        self.streak: Streak | None = ahead.members.streak(member, events)
        self.ping_at = self._pinged_at(ahead)
        self.role_off_at = self.outlook.role_off_at or self._role_off_at(ahead)

    def _pinged_at(self, ahead: Forecast) -> datetime | None:
        """When the next ping comes: not before now, in no pause, and in no quiet hours."""
        if self.outlook.ping_at is None:
            return None
        pauses = [pause.period for pause in self.member.pauses]
        at = unfrozen(max(self.outlook.ping_at, ahead.members.now), pauses)
        quiet = rules_of(ahead.members.session.settings, ahead.host).quiet
        if at is None or quiet is None:
            return at
        return unfrozen(quiet_hours_of(self.member, quiet).until(at) or at, pauses)

    def _role_off_at(self, ahead: Forecast) -> datetime | None:
        """When the role would go if the next ping were a warning; None where none goes, or one was delivered."""
        member = self.member
        if self.outlook.remind_at is None or member.silent_since is None:
            return None
        warned = replace(member, lapse=Lapse(member.silent_since, warned_at=self.ping_at or ahead.members.now))
        return ahead.outlook(warned).role_off_at

    def object(self) -> dict[str, Any]:
        """The member as `todo status --json` has them."""
        member, lapse = self.member, self.member.present_lapse
        taken = self.member.lapse.removal if self.member.lapse else None
        is_taken = taken is not None and taken.state is RemovalState.DONE
        return roster_object(member) | {
            "last_submit": instant(member.last_submit),
            "last_ping": instant(member.last_ping),
            "todo": todo_object(member.todo) if member.todo else None,
            "streak": streak_object(self.streak) if self.streak else None,
            "due": due_object(self.due),
            "next_ping": instant(self.ping_at),
            "role_off_at": instant(self.role_off_at),
            "warned_at": instant(lapse.warned_at) if lapse else None,
            "role_taken_at": instant(taken.at) if taken is not None and is_taken else None,
        }


def status(session: Session, user_id: int | None) -> int:
    """Say how one member stands, or everybody on the roster."""
    with open_members(session, read_only=True) as members:
        shown = members.roster() if user_id is None else [_known(members, user_id)]
        events = members.events(user_id)
        ahead = forecast(members)
        looks = [_Look(ahead, member, events) for member in shown]
    session.give({"members": [look.object() for look in looks]})
    if user_id is not None:
        session.show_facts(_facts(members, looks[0]))
    elif looks:
        _show_everybody(members, looks)
    else:
        session.tell(NOBODY)
    return EXIT_FINE


def _known(members: Members, user_id: int) -> Member:
    member = members.member(user_id)
    if not member.on_roster and member.timestamps_document is None and not members.events(user_id):
        raise UsageError(f"nothing is known of {user_id}; add them: giftping todo roster add {user_id}")
    return member


def _show_everybody(members: Members, looks: Sequence[_Look]) -> None:
    rows = (_row(members, look) for look in sorted(looks, key=lambda look: place_of(look.due)))
    title = f"{counted(len(looks), 'member')}; times are {members.now.astimezone(members.session.wiring.zone):%Z}"
    members.session.show_table(title, ["Member", "Last TODO", "Next", "Why"], rows)


def _row(members: Members, look: _Look) -> list[str]:
    zone, now = members.session.wiring.zone, members.now
    what, at = due_words(look.due, zone, now)
    last = moment(look.member.last_submit, zone, now) if look.member.last_submit else "none"
    comes = f"{what} {at}" if (what, at) != ("–", "–") else "–"
    return [who(look.member.user_id, look.member.name), last, comes, printable(look.due.why)]


def _facts(members: Members, look: _Look) -> Iterator[tuple[str, str]]:
    """All there is to say of one member, each with its name."""
    member, zone, now = look.member, members.session.wiring.zone, members.now
    yield "Member", f"{printable(member.name) or 'no name'} ({member.user_id}), days by {members.zone(member).key}"
    yield "Roster", _roster_text(members, member)
    yield "Last TODO", _last_text(members, member)
    yield "Streak", streak_text(look.streak) if look.streak else "not known: some of the history cannot be read"
    what, at = due_words(look.due, zone, now)
    if look.due.action is not Action.NOTHING:
        yield "Due now", what
    elif look.due.then is not Action.NOTHING:
        yield "Next", f"{what} {at}"
    yield "Why", printable(look.due.why)
    yield "Next ping", _at_text(look.ping_at, members) if look.ping_at else "none comes by itself"
    yield "Role", _role_text(members, look)
    yield "Messages", _dm_text(members, member)
    pauses = [pause for pause in member.pauses if pause.end is None or pause.end > now]
    yield "Pauses", "\n".join(printable(pause_text(pause, zone)) for pause in pauses) or "none"
    for notice in member.notices:
        legs = f"channel {leg_text(notice.channel)}, direct message {leg_text(notice.dm)}"
        yield "Under way", f"{notice.kind.value}: {legs}"


def _at_text(at: datetime, members: Members) -> str:
    return f"{when(at, members.session.wiring.zone)}, {until(at, members.now)}"


def _roster_text(members: Members, member: Member) -> str:
    if not member.on_roster:
        return "not on it"
    added = f"since {when(member.added, members.session.wiring.zone)}" if member.added else "on it"
    is_exempt = member.exempt or member.user_id in members.session.settings.todo.exempt
    return f"{added}{', exempt' if is_exempt else ''}"


def _last_text(members: Members, member: Member) -> str:
    if member.last_submit is None:
        return "none yet"
    said = _at_text(member.last_submit, members)
    if member.todo is None:
        return said
    by = f", handed in by {member.todo.submitted_by}" if member.todo.submitted_by else ""
    return f"{said}, for {member.todo.date}{by}"


def _role_text(members: Members, look: _Look) -> str:
    member, zone = look.member, members.session.wiring.zone
    removal = member.lapse.removal if member.lapse else None
    if members.session.settings.todo.role_id is None:
        return "none is taken: ROLE_ID is not set"
    if removal is not None and removal.state is RemovalState.DONE:
        return f"taken {when(removal.at, zone)}; a TODO brings it back"
    if removal is not None and removal.state is RemovalState.CLAIMED:
        return f"being taken since {when(removal.at, zone)}"
    if reason := why_left_alone(member, rules_of(members.session.settings, "")):
        return f"stays as it is: {reason}"
    if look.due.action is Action.REMOVE:
        return "goes with the next sweep"
    if look.role_off_at is not None:
        is_warned = look.outlook.role_off_at is not None
        condition = "unless a TODO comes" if is_warned else "at the earliest, and only after a warning"
        return f"goes {_at_text(look.role_off_at, members)}, {condition}"
    if member.membership is not None and member.membership.in_guild and not member.membership.has_role:
        return "the member has none"
    return "stays as it is"


def _dm_text(members: Members, member: Member) -> str:
    if not members.session.settings.todo.direct_messages:
        return "to the channel alone (todo.direct_messages is off)"
    if member.dms_closed_at is not None:
        return (
            f"direct ones refused since {when(member.dms_closed_at, members.session.wiring.zone)}; tried again weekly"
        )
    return "to the channel and direct" if member.dm_channel_id else "to the channel; no direct one yet"


# list


def list_today(session: Session) -> int:
    """List who has handed in today, each by their own day."""
    with open_members(session, read_only=True) as members:
        rows = standings(members.roster(), members.zone, members.now, session.settings.todo.exempt)
    counts = Counter(row.standing for row in rows)
    session.give(
        {
            "members": [today_object(row) for row in rows],
            "handed_in": counts[Standing.HANDED_IN],
            "missing": counts[Standing.MISSING],
        }
    )
    if not rows:
        session.tell(NOBODY)
        return EXIT_FINE
    title = f"{counts[Standing.HANDED_IN]} of {counted(len(rows), 'member')} handed in today"
    session.show_table(title, ["Member", "Today", "Day", "Last TODO"], (_today_row(members, row) for row in rows))
    return EXIT_FINE


def _today_row(members: Members, row: TodayStanding) -> list[str]:
    last = row.member.last_submit
    at = when(last, members.session.wiring.zone) if last else "none"
    return [who(row.member.user_id, row.member.name), row.standing.value, row.day.isoformat(), at]


# delete


def delete(session: Session, user_id: int) -> int:
    """Take the text of a member's TODO away; when it was handed in, and with it the clock, stays."""
    with open_members(session) as members:
        found = members.member(user_id)
        event = Event(new_id(), user_id, "deleted", members.now, members.host)

        def without_text(member: Member) -> MemberChange | None:
            return MemberChange(replace(member, todo=None), (event,)) if member.todo is not None else None

        deleted = bool(members.repository.amend([user_id], without_text))
    session.give({"user_id": id_text(user_id), "deleted": deleted})
    name = who(user_id, found.name)
    session.tell(f"The TODO of {name} is deleted; the clock goes on." if deleted else f"{name} has no TODO to delete.")
    return EXIT_FINE


# history


def history(session: Session, user_id: int, limit: int) -> int:
    """Show what happened to a member, the newest last."""
    with open_members(session, read_only=True) as members:
        events = members.events(user_id)
        is_known = members.repository.is_history_known(user_id)
    shown = events[-limit:]
    session.give(
        {
            "user_id": id_text(user_id),
            "total": len(events),
            "events": [event_object(event) for event in shown],
        }
    )
    if not events and is_known:
        session.tell(f"Nothing is recorded of {user_id}.")
    elif len(shown) < len(events):
        session.tell(f"… {len(events) - len(shown)} earlier: --limit {len(events)} shows all")
    for event in shown:
        session.tell(f"{when(event.at, session.wiring.zone)}  {printable(event_text(event))}")
    return EXIT_FINE
