"""What `giftping todo status`, `list` and `history` do: they look, and change nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from giftping.commands.members import Desk, Forecast, forecast, open_desk
from giftping.commands.session import EXIT_FINE, Session, UsageError
from giftping.output.codes import counted, instant, snowflake, until, when
from giftping.output.todo import (
    due_object,
    due_words,
    event_object,
    event_text,
    leg_text,
    moment,
    pause_text,
    place_of,
    printable,
    roster_object,
    streak_object,
    streak_text,
    today_object,
    todo_object,
    who,
)
from giftping.runs.sweep import rules_of
from giftping.todo.days import Standing, Streak, TodayStanding, standings
from giftping.todo.history import Event
from giftping.todo.model import Lapse, Member, RemovalState
from giftping.todo.periods import unfrozen
from giftping.todo.repository import MemberChange, new_id
from giftping.todo.rules import Action, Due, Outlook, quiet_hours_of, why_left_alone

NOBODY = "Nobody is on the roster yet. Add members: giftping todo roster add USER"


# status


class _Look:
    """All there is to say of one member now."""

    def __init__(self, ahead: Forecast, member: Member, events: Sequence[Event]) -> None:
        self.member = member
        self.due: Due = ahead.due(member)
        self.outlook: Outlook = ahead.outlook(member)
        self.streak: Streak = ahead.desk.streak(member, events)
        self.ping_at = self._pinged_at(ahead)
        self.role_off_at = self.outlook.role_off_at or self._role_off_at(ahead)

    def _pinged_at(self, ahead: Forecast) -> datetime | None:
        """When the next ping comes: not before now, in no pause, and in no quiet hours."""
        if self.outlook.ping_at is None:
            return None
        pauses = [pause.period for pause in self.member.pauses]
        at = unfrozen(max(self.outlook.ping_at, ahead.desk.now), pauses)
        quiet = rules_of(ahead.desk.session.settings, ahead.host).quiet
        if at is None or quiet is None:
            return at
        return unfrozen(quiet_hours_of(self.member, quiet).until(at) or at, pauses)

    def _role_off_at(self, ahead: Forecast) -> datetime | None:
        """When the role would go if a warning were delivered now; None where none goes, or one was delivered."""
        member = self.member
        if self.outlook.remind_at is None or member.silent_since is None:
            return None
        warned = replace(member, lapse=Lapse(member.silent_since, warned_at=ahead.desk.now))
        return ahead.outlook(warned).role_off_at

    def object(self) -> dict[str, Any]:
        """Return it as it stands in JSON."""
        member, lapse = self.member, self.member.present_lapse
        taken = self.member.lapse.removal if self.member.lapse else None
        is_taken = taken is not None and taken.state is RemovalState.DONE
        return roster_object(member) | {
            "last_submit": instant(member.last_submit),
            "last_ping": instant(member.last_ping),
            "todo": todo_object(member.todo) if member.todo else None,
            "streak": streak_object(self.streak),
            "due": due_object(self.due),
            "next_ping": instant(self.ping_at),
            "role_off_at": instant(self.role_off_at),
            "warned_at": instant(lapse.warned_at) if lapse else None,
            "role_taken_at": instant(taken.at) if taken is not None and is_taken else None,
        }


def status(session: Session, user_id: int | None) -> int:
    """Say how one member stands, or everybody on the roster."""
    with open_desk(session, read_only=True) as desk:
        members = desk.roster() if user_id is None else [_known(desk, user_id)]
        events = desk.events(user_id)
        ahead = forecast(desk)
        looks = [_Look(ahead, member, events) for member in members]
    session.give({"members": [look.object() for look in looks]})
    if session.quiet or session.json:
        return EXIT_FINE
    if user_id is not None:
        from giftping.output.render import facts

        session.show(facts(list(_facts(desk, looks[0]))))
    elif looks:
        _show_everybody(desk, looks)
    else:
        session.tell(NOBODY)
    return EXIT_FINE


def _known(desk: Desk, user_id: int) -> Member:
    member = desk.member(user_id)
    if not member.on_roster and member.timestamps_document is None and not desk.events(user_id):
        raise UsageError(f"nothing is known of {user_id}; add them: giftping todo roster add {user_id}")
    return member


def _show_everybody(desk: Desk, looks: Sequence[_Look]) -> None:
    from giftping.output.render import table

    zone, now = desk.session.house.zone, desk.now
    rows = []
    for look in sorted(looks, key=lambda look: place_of(look.due)):
        what, at = due_words(look.due, zone, now)
        last = moment(look.member.last_submit, zone, now) if look.member.last_submit else "none"
        comes = f"{what} {at}" if (what, at) != ("–", "–") else "–"
        rows.append([who(look.member.user_id, look.member.name), last, comes, printable(look.due.why)])
    title = f"{counted(len(rows), 'member')}; times are {now.astimezone(zone):%Z}"
    desk.session.show(table(title, ["Member", "Last TODO", "Next", "Why"], rows))


def _facts(desk: Desk, look: _Look) -> Iterator[tuple[str, str]]:
    """Yield what there is to say of one member, with its name."""
    member, zone, now = look.member, desk.session.house.zone, desk.now
    yield "Member", f"{printable(member.name) or 'no name'} ({member.user_id}), days by {desk.zone(member).key}"
    yield "Roster", _roster_text(desk, member)
    yield "Last TODO", _last_text(desk, member)
    yield "Streak", streak_text(look.streak)
    what, at = due_words(look.due, zone, now)
    if look.due.action is not Action.NOTHING:
        yield "Due now", what
    elif look.due.then is not Action.NOTHING:
        yield "Next", f"{what} {at}"
    yield "Why", printable(look.due.why)
    yield "Next ping", _at_text(look.ping_at, desk) if look.ping_at else "none comes by itself"
    yield "Role", _role_text(desk, look)
    yield "Messages", _dm_text(desk, member)
    pauses = [pause for pause in member.pauses if pause.end is None or pause.end > now]
    yield "Pauses", "\n".join(printable(pause_text(pause, zone)) for pause in pauses) or "none"
    for notice in member.notices:
        legs = f"channel {leg_text(notice.channel)}, direct message {leg_text(notice.dm)}"
        yield "Under way", f"{notice.kind.value}: {legs}"


def _at_text(at: datetime, desk: Desk) -> str:
    return f"{when(at, desk.session.house.zone)}, {until(at, desk.now)}"


def _roster_text(desk: Desk, member: Member) -> str:
    if not member.on_roster:
        return "not on it"
    added = f"since {when(member.added, desk.session.house.zone)}" if member.added else "on it"
    is_exempt = member.exempt or member.user_id in desk.session.settings.todo.exempt
    return f"{added}{', exempt' if is_exempt else ''}"


def _last_text(desk: Desk, member: Member) -> str:
    if member.last_submit is None:
        return "none yet"
    said = _at_text(member.last_submit, desk)
    if member.todo is None:
        return said
    by = f", handed in by {member.todo.submitted_by}" if member.todo.submitted_by else ""
    return f"{said}, for {member.todo.date}{by}"


def _role_text(desk: Desk, look: _Look) -> str:
    member, zone = look.member, desk.session.house.zone
    removal = member.lapse.removal if member.lapse else None
    if desk.session.settings.todo.role_id is None:
        return "none is taken: ROLE_ID is not set"
    if removal is not None and removal.state is RemovalState.DONE:
        return f"taken {when(removal.at, zone)}; a TODO brings it back"
    if removal is not None and removal.state is RemovalState.CLAIMED:
        return f"being taken since {when(removal.at, zone)}"
    if reason := why_left_alone(member, rules_of(desk.session.settings, "")):
        return f"stays as it is: {reason}"
    if look.due.action is Action.REMOVE:
        return "goes with the next sweep"
    if look.role_off_at is not None:
        is_warned = look.outlook.role_off_at is not None
        condition = "unless a TODO comes" if is_warned else "at the earliest, and only after a warning"
        return f"goes {_at_text(look.role_off_at, desk)}, {condition}"
    if member.membership is not None and member.membership.in_guild and not member.membership.has_role:
        return "the member has none"
    return "stays as it is"


def _dm_text(desk: Desk, member: Member) -> str:
    if not desk.session.settings.todo.direct_messages:
        return "to the channel alone (todo.direct_messages is off)"
    if member.dms_closed_at is not None:
        return f"direct ones refused since {when(member.dms_closed_at, desk.session.house.zone)}; tried again weekly"
    return "to the channel and direct" if member.dm_channel_id else "to the channel; no direct one yet"


# list


def list_today(session: Session) -> int:
    """List who has handed in today, each by their own day."""
    with open_desk(session, read_only=True) as desk:
        rows = standings(desk.roster(), desk.zone, desk.now, session.settings.todo.exempt)
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
    if not (session.quiet or session.json):
        from giftping.output.render import table

        title = f"{counts[Standing.HANDED_IN]} of {counted(len(rows), 'member')} handed in today"
        session.show(table(title, ["Member", "Today", "Day", "Last TODO"], [_today_row(desk, row) for row in rows]))
    return EXIT_FINE


def _today_row(desk: Desk, row: TodayStanding) -> list[str]:
    last = row.member.last_submit
    at = when(last, desk.session.house.zone) if last else "none"
    return [who(row.member.user_id, row.member.name), row.standing.value, row.day.isoformat(), at]


# delete


def delete(session: Session, user_id: int) -> int:
    """Take the text of a member's TODO away; when it was handed in, and with it the clock, stays."""
    with open_desk(session) as desk:
        found = desk.member(user_id)
        event = Event(new_id(), user_id, "deleted", desk.now, desk.host)

        def without_text(member: Member) -> MemberChange | None:
            return MemberChange(replace(member, todo=None), (event,)) if member.todo is not None else None

        deleted = bool(desk.repository.amend([user_id], without_text))
    session.give({"user_id": snowflake(user_id), "deleted": deleted})
    name = who(user_id, found.name)
    session.tell(f"The TODO of {name} is deleted; the clock goes on." if deleted else f"{name} has no TODO to delete.")
    return EXIT_FINE


# history


def history(session: Session, user_id: int, limit: int) -> int:
    """Show what happened to a member, the newest last."""
    with open_desk(session, read_only=True) as desk:
        events = desk.events(user_id)
    shown = events[-limit:]
    session.give(
        {
            "user_id": snowflake(user_id),
            "total": len(events),
            "events": [event_object(event) for event in shown],
        }
    )
    if not events:
        session.tell(f"Nothing is recorded of {user_id}.")
    elif len(shown) < len(events):
        session.tell(f"… {len(events) - len(shown)} earlier: --limit {len(events)} shows all")
    for event in shown:
        session.tell(f"{when(event.at, session.house.zone)}  {printable(event_text(event))}")
    return EXIT_FINE
