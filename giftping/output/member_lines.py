"""How a member stands, and what happened to them, in the few words of a table or a line."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from giftping.output.phrases import moment
from giftping.text import counted, discord_time, when
from giftping.todo.model import LegName, NoticeKind
from giftping.todo.rules import Action
from giftping.words.said import DiscordText, Said

if TYPE_CHECKING:
    from giftping.todo.days import Streak
    from giftping.todo.history import Event
    from giftping.todo.model import Leg, Pause
    from giftping.todo.rules import Due


NOBODY = "Nobody is on the roster yet. Add members: giftping todo roster add USER"

ACTION_WORDS = {
    Action.NOTHING: "–",
    Action.REMIND: "reminder",
    Action.WARN: "warning",
    Action.REMOVE: "role off",
    Action.END: "end",
    Action.RESTORE: "role back",
}


def due_words(due: Due, zone: tzinfo | None, now: datetime) -> tuple[str, str]:
    """The action that is due or comes next, and when, in a table's few words."""
    if due.action is Action.NOTHING:
        at = moment(due.until, zone, now) if due.until else "–"
        return ACTION_WORDS[due.then], at
    one_leg = f", {due.legs[0].value}" if len(due.legs) == 1 else ""
    return f"{ACTION_WORDS[due.action]}{one_leg}", "now"


def place_of(due: Due) -> tuple[bool, bool, float]:
    """A sort key: what is due comes first, then what comes by its time, then what never comes by itself."""
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
    return f"{pause_span(pause, zone)}{f': {pause.reason}' if pause.reason else ''}"


def pause_span(pause: Pause, zone: tzinfo | None) -> Said:
    """From when until when a pause is, in words."""
    start = DiscordText(when(pause.start, zone), discord_time(pause.start))
    if pause.end is None:
        return Said("todo.pause.open", start=start)
    return Said("todo.pause.between", start=start, end=DiscordText(when(pause.end, zone), discord_time(pause.end)))
