"""The JSON objects of sweeps, members, their TODOs and their history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from giftping.output.json import clock_object, id_text, instant

if TYPE_CHECKING:
    from giftping.todo.days import Streak, TodayStanding
    from giftping.todo.history import Event
    from giftping.todo.model import Member, Pause, Todo
    from giftping.todo.report import LegReport, PlannedAction, RoleReport, SweepReport
    from giftping.todo.rules import Due


def sweep_object(report: SweepReport, direct_messages: int, exit_code: int) -> dict[str, Any]:
    """The object that `todo sweep --json` writes; `direct_messages` went out, or would.

    The run ends in the exit code.
    """
    return {
        "started_at": instant(report.started_at),
        "finished_at": instant(report.finished_at),
        "exit_code": exit_code,
        "dry_run": report.dry_run,
        "counts": report.counts(),
        "direct_messages": direct_messages,
        "plan": [planned_object(planned) for planned in report.plan],
        "legs": [leg_object(leg) for leg in report.legs],
        "roles": [role_object(role) for role in report.roles],
        "left": [id_text(user_id) for user_id in report.left],
        "returned": [id_text(user_id) for user_id in report.returned],
        "messages": [
            {"destination": destination, "payload": message.payload()} for destination, message in report.messages
        ],
        "downtime_since": instant(report.downtime_since),
        "waited_for": report.waited_for,
        "clock": clock_object(report.clock),
        "trouble": report.trouble_lines(),
        "notices": list(report.notices),
        "stopped": report.stopped,
    }


def planned_object(planned: PlannedAction) -> dict[str, Any]:
    """One member of a sweep's plan as it stands in JSON."""
    who = {"user_id": id_text(planned.user_id), "name": planned.name}
    return who | due_object(planned.due) | {"trouble": planned.trouble}


def due_object(due: Due) -> dict[str, Any]:
    """The action that is due, and the one that comes next, as they stand in JSON."""
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
        "user_id": id_text(leg.user_id),
        "kind": leg.kind.value,
        "leg": leg.leg.value,
        "result": leg.result.value,
        "reason": leg.reason,
        "message_id": id_text(leg.message_id),
        "settled": leg.settled,
    }


def role_object(role: RoleReport) -> dict[str, Any]:
    """How a change of the role ended as it stands in JSON."""
    return {
        "user_id": id_text(role.user_id),
        "given": role.given,
        "result": role.result.value,
        "reason": role.reason,
    }


def roster_object(member: Member) -> dict[str, Any]:
    """One member of the roster as it stands in JSON."""
    membership = member.membership
    return {
        "user_id": id_text(member.user_id),
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
        "submitted_by": id_text(todo.submitted_by),
        "attachment": todo.attachment.filename if todo.attachment else None,
    }


def streak_object(streak: Streak) -> dict[str, Any]:
    """A streak as it stands in JSON."""
    last_day = streak.last_day.isoformat() if streak.last_day else None
    return {"current": streak.current, "longest": streak.longest, "last_day": last_day}


def today_object(row: TodayStanding) -> dict[str, Any]:
    """How one member stands with today's TODO as it stands in JSON."""
    return {
        "user_id": id_text(row.member.user_id),
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
        "message_id": id_text(event.message_id),
    }
