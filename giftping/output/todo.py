"""What machines read of the TODO part, and its one-line texts. No rich in here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any
from unicodedata import east_asian_width

from giftping.output.codes import counted, instant, snowflake, when
from giftping.todo.model import LegName, NoticeKind
from giftping.todo.report import FAILED, ActionResult
from giftping.todo.rules import Action

if TYPE_CHECKING:
    from giftping.todo.days import Streak, TodayStanding
    from giftping.todo.history import Event
    from giftping.todo.model import Leg, Member, Pause, Todo
    from giftping.todo.report import LegReport, PlannedAction, RoleReport, SweepReport
    from giftping.todo.rules import Due

NAMES_SHOWN = 3
NAME_WIDTH = 20

LEG_WORDS = {LegName.CHANNEL: "channel", LegName.DM: "direct message"}

ACTION_WORDS = {
    Action.NOTHING: "–",
    Action.REMIND: "reminder",
    Action.WARN: "warning",
    Action.REMOVE: "role off",
    Action.END: "end",
    Action.RESTORE: "role back",
}


# JSON


def sweep_object(report: SweepReport, direct_messages: int) -> dict[str, Any]:
    """The object that `todo sweep --json` writes; `direct_messages` went out, or would."""
    return {
        "started_at": instant(report.started_at),
        "finished_at": instant(report.finished_at),
        "exit_code": report.exit_code,
        "dry_run": report.dry_run,
        "counts": report.counts(),
        "direct_messages": direct_messages,
        "plan": [planned_object(planned) for planned in report.plan],
        "legs": [leg_object(leg) for leg in report.legs],
        "roles": [role_object(role) for role in report.roles],
        "left": [snowflake(user_id) for user_id in report.left],
        "returned": [snowflake(user_id) for user_id in report.returned],
        "messages": [
            {"destination": destination, "payload": message.payload()} for destination, message in report.messages
        ],
        "downtime_since": instant(report.downtime_since),
        "waited_for": report.waited_for,
        "trouble": report.trouble_lines(),
        "notices": list(report.notices),
        "stopped": report.stopped,
    }


def planned_object(planned: PlannedAction) -> dict[str, Any]:
    """Return what is due for one member as it stands in JSON."""
    who = {"user_id": snowflake(planned.user_id), "name": planned.name}
    return who | due_object(planned.due) | {"trouble": planned.trouble}


def due_object(due: Due) -> dict[str, Any]:
    """Return what is due, or comes next, as it stands in JSON."""
    return {
        "action": due.action.value,
        "why": due.why,
        "until": instant(due.until),
        "then": due.then.value,
        "legs": [leg.value for leg in due.legs],
    }


def leg_object(leg: LegReport) -> dict[str, Any]:
    """How one leg of a notice ended as it stands in JSON."""
    return {
        "user_id": snowflake(leg.user_id),
        "kind": leg.kind.value,
        "leg": leg.leg.value,
        "result": leg.result.value,
        "reason": leg.reason,
        "message_id": snowflake(leg.message_id),
        "settled": leg.settled,
    }


def role_object(role: RoleReport) -> dict[str, Any]:
    """How a change of the role ended as it stands in JSON."""
    return {
        "user_id": snowflake(role.user_id),
        "given": role.given,
        "result": role.result.value,
        "reason": role.reason,
    }


def roster_object(member: Member) -> dict[str, Any]:
    """Return what the roster says of a member as it stands in JSON."""
    membership = member.membership
    return {
        "user_id": snowflake(member.user_id),
        "name": member.name,
        "on_roster": member.on_roster,
        "added": instant(member.added),
        "exempt": member.exempt,
        "time_zone": member.time_zone,
        "pauses": [pause_object(pause) for pause in member.pauses],
        "in_guild": None if membership is None else membership.in_guild,
        "has_role": None if membership is None else membership.has_role,
        "left_at": instant(member.left_at),
        "dms_closed_at": instant(member.dms_closed_at),
    }


def pause_object(pause: Pause) -> dict[str, Any]:
    """One pause as it stands in JSON."""
    return {"from": instant(pause.start), "to": instant(pause.end), "reason": pause.reason}


def todo_object(todo: Todo) -> dict[str, Any]:
    """One TODO as it stands in JSON."""
    return {
        "name": todo.name,
        "date": todo.date,
        "must_do": todo.must_do,
        "can_do": todo.can_do,
        "dont_do": todo.dont_do,
        "submitted_at": instant(todo.submitted_at),
        "submitted_by": snowflake(todo.submitted_by),
        "attachment": todo.attachment.filename if todo.attachment else None,
    }


def streak_object(streak: Streak) -> dict[str, Any]:
    """A streak as it stands in JSON."""
    last_day = streak.last_day.isoformat() if streak.last_day else None
    return {"current": streak.current, "longest": streak.longest, "last_day": last_day}


def today_object(row: TodayStanding) -> dict[str, Any]:
    """How one member stands with today's TODO as it stands in JSON."""
    return {
        "user_id": snowflake(row.member.user_id),
        "name": row.member.name,
        "day": row.day.isoformat(),
        "standing": row.standing.value,
        "last_submit": instant(row.member.last_submit),
    }


def event_object(event: Event) -> dict[str, Any]:
    """One entry of the history as it stands in JSON."""
    return {
        "at": instant(event.at),
        "kind": event.kind,
        "by": event.by,
        "leg": event.leg,
        "result": event.result,
        "reason": event.reason,
        "day": event.day,
        "message_id": snowflake(event.message_id),
    }


# Texts


def printable(text: str) -> str:
    """A text without control characters: what members call themselves is not for the terminal to obey."""
    return "".join(character if character.isprintable() else "�" for character in text)


def who(user_id: int, name: str) -> str:
    """Return what to call a member at a terminal: the name, cut short, else the id."""
    shown = printable(name.strip())
    if sum(map(_width, shown)) <= NAME_WIDTH:
        return shown or str(user_id)
    while sum(map(_width, shown)) >= NAME_WIDTH:
        shown = shown[:-1]
    return f"{shown}…"


def _width(character: str) -> int:
    """How many columns of a terminal a character takes."""
    return 2 if east_asian_width(character) in "WF" else 1


def moment(at: datetime, zone: tzinfo | None, now: datetime) -> str:
    """An instant in the user's zone, in a table's few letters: `today 17:30`, `2026-12-01 09:00`."""
    local, today = at.astimezone(zone), now.astimezone(zone).date()
    days: dict[date, str] = {
        today - timedelta(days=1): "yesterday",
        today: "today",
        today + timedelta(days=1): "tomorrow",
    }
    return f"{days.get(local.date(), f'{local:%Y-%m-%d}')} {local:%H:%M}"


def done_lines(report: SweepReport, zone: tzinfo | None) -> Iterator[str]:
    """Yield what a sweep brought about, a line each: for standard output."""
    if report.downtime_since is not None:
        since, until = when(report.downtime_since, zone), when(report.started_at, zone)
        yield f"no sweep between {since} and {until}: that time is not charged"
    for given, verb in ((False, "took the role from"), (True, "gave the role back to")):
        roles = [role for role in report.roles if role.given is given and role.result is ActionResult.DONE]
        if roles:
            yield f"{verb} {_members(roles)}"
    told = {(role.user_id, role.given) for role in report.roles}
    for kind, verb in _KIND_VERBS.items():
        legs = [leg for leg in report.legs if leg.kind is kind and leg.result is ActionResult.DONE]
        fresh = [leg for leg in legs if not leg.settled and (leg.user_id, kind is NoticeKind.RESTORE) not in told]
        if kind is NoticeKind.SUBMISSION:
            fresh = [leg for leg in fresh if leg.leg is LegName.CHANNEL]
        if fresh:
            yield f"{verb} {_members(fresh)}"
        if found := [leg for leg in legs if leg.settled]:
            yield f"found what an earlier run had sent: {kind.value} for {_members(found)}"
    names = {planned.user_id: planned.name for planned in report.plan}
    if report.left:
        yield f"left the guild: {_named([who(user_id, names.get(user_id, '')) for user_id in report.left])}"
    if report.returned:
        yield f"back in the guild: {_named([who(user_id, names.get(user_id, '')) for user_id in report.returned])}"


_KIND_VERBS = {
    NoticeKind.REMINDER: "reminded",
    NoticeKind.WARNING: "warned",
    NoticeKind.REMOVAL: "told of the role's loss:",
    NoticeKind.RESTORE: "told of the role's return:",
    NoticeKind.SUBMISSION: "posted the TODO of",
}


def waiting_lines(report: SweepReport, zone: tzinfo | None) -> Iterator[str]:
    """Yield what waits, and why, a line each: for those who ask with -v."""
    for leg in report.legs:
        if leg.result in (ActionResult.CLOSED, ActionResult.LATER):
            said = "takes no direct messages" if leg.result is ActionResult.CLOSED else f"{LEG_WORDS[leg.leg]} later"
            yield f"{who(leg.user_id, leg.name)}: {leg.kind.value}: {said} ({leg.reason})"
    for planned in report.plan:
        due = planned.due
        if due.action is Action.NOTHING and not planned.trouble:
            comes = f"{ACTION_WORDS[due.then]} " if due.then is not Action.NOTHING else ""
            at = f"{comes or 'waits until '}{when(due.until, zone)}: " if due.until else ""
            yield f"{who(planned.user_id, planned.name)}: {at}{due.why}"


def sweep_events(report: SweepReport) -> Iterator[tuple[str, dict[str, str]]]:
    """How each leg of a notice and each change of a role ended, with the level at which it is logged."""
    for leg in report.legs:
        fields = {
            "member": str(leg.user_id),
            "kind": leg.kind.value,
            "leg": leg.leg.value,
            "outcome": leg.result.value,
            "reason": leg.reason,
            "message_id": "" if leg.message_id is None else str(leg.message_id),
        }
        yield "error" if leg.result in FAILED else "info", fields
    for role in report.roles:
        kind = "role given" if role.given else "role taken"
        fields = {"member": str(role.user_id), "kind": kind, "outcome": role.result.value, "reason": role.reason}
        yield "error" if role.result in FAILED else "info", fields


def idle_line(report: SweepReport, zone: tzinfo | None) -> str:
    """One line about a sweep that had nothing to do, for a person at a terminal."""
    if not report.plan:
        return "Nobody is on the roster yet. Add members: giftping todo roster add USER"
    coming = [
        (planned.due.until, planned)
        for planned in report.plan
        if planned.due.until and planned.due.then is not Action.NOTHING
    ]
    members = counted(len(report.plan), "member")
    if not coming:
        return f"Nothing is due: {members}."
    at, first = min(coming, key=lambda pair: pair[0])
    name = who(first.user_id, first.name)
    return f"Nothing is due: {members}. Next: {ACTION_WORDS[first.due.then]} for {name}, {when(at, zone)}."


def due_words(due: Due, zone: tzinfo | None, now: datetime) -> tuple[str, str]:
    """Return what is due and when, in a table's few words."""
    if due.action is Action.NOTHING:
        at = moment(due.until, zone, now) if due.until else "–"
        return ACTION_WORDS[due.then], at
    one_leg = f", {due.legs[0].value}" if len(due.legs) == 1 else ""
    return f"{ACTION_WORDS[due.action]}{one_leg}", "now"


def place_of(due: Due) -> tuple[bool, bool, float]:
    """Return what sorts what is due first, then what comes by its time, then what never comes by itself."""
    at = due.until.timestamp() if due.until else 0.0
    return due.action is Action.NOTHING, due.until is None, at


def streak_text(streak: Streak) -> str:
    """A streak in words."""
    if not streak.longest:
        return "none yet"
    return f"{counted(streak.current, 'day')} (longest {streak.longest}, last on {streak.last_day})"


def event_text(event: Event) -> str:
    """One entry of the history in words."""
    by = f" by {event.by}" if event.by and event.by != str(event.user_id) else ""
    reason = f" ({event.reason})" if event.reason else ""
    if event.leg:
        leg = "direct message" if event.leg == LegName.DM else event.leg
        return f"{_KIND_WORDS.get(event.kind, event.kind)}, {leg}: {event.result}{reason}"
    if event.kind == NoticeKind.SUBMISSION:
        return f"TODO handed in{f' for {event.day}' if event.day else ''}{by}{reason}"
    said = _EVENT_WORDS.get((event.kind, event.result)) or _EVENT_WORDS.get((event.kind, ""))
    if said is None:
        return f"{event.kind}{f': {event.result}' if event.result else ''}{by}{reason}"
    details = f", {event.result}" if event.result and (event.kind, event.result) not in _EVENT_WORDS else ""
    return f"{said}{details}{reason}"


_KIND_WORDS = {"submission": "post of the TODO", "removal": "news of the loss", "restore": "news of the return"}

_EVENT_WORDS = {
    ("removal", "role taken"): "role taken",
    ("removal", "no role"): "the time was over, with no role to take",
    ("restore", "role given"): "role given back",
    ("left", ""): "left the guild",
    ("returned", ""): "back in the guild",
    ("added", ""): "added to the roster",
    ("changed", ""): "changed on the roster",
    ("removed", ""): "taken off the roster",
    ("paused", ""): "paused",
    ("unpaused", ""): "pause ended",
}


def leg_text(leg: Leg) -> str:
    """How one leg of a notice stands, in words."""
    return f"{leg.state.value}{f' ({leg.reason})' if leg.reason else ''}"


def pause_text(pause: Pause, zone: tzinfo | None) -> str:
    """A pause in words."""
    until = f"until {when(pause.end, zone)}" if pause.end else "until it is ended"
    return f"from {when(pause.start, zone)} {until}{f': {pause.reason}' if pause.reason else ''}"


def _members(reports: Sequence[LegReport | RoleReport]) -> str:
    """How many members reports are about, and the first of their names."""
    names = {report.user_id: who(report.user_id, report.name) for report in reports}
    return f"{counted(len(names), 'member')}: {_named(list(names.values()))}"


def _named(names: Sequence[str]) -> str:
    shown, rest = names[:NAMES_SHOWN], len(names) - NAMES_SHOWN
    return f"{', '.join(shown)} and {rest} more" if rest > 0 else ", ".join(shown)
