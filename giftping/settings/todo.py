"""The [todo] settings: where reminders go, when they go out, and when the role is taken away."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import time, timedelta

from giftping.settings.durations import duration_text
from giftping.settings.tables import TableReader
from giftping.settings.values import lease_mistake, span, zone_mistake
from giftping.text import parse_id

# The older bot's names.
ID_VARIABLES = {"guild": "GUILD_ID", "channel": "TODO_CHANNEL_ID", "role": "ROLE_ID", "owner": "OWNER_ID"}

LONGEST_LINGER = timedelta(minutes=10)
MOST_NEW_DMS = 50


@dataclass(frozen=True, slots=True)
class QuietHours:
    """The part of the day, by the local clock, in which nobody is reminded; an `end` before `start` is past midnight.

    `start` is within, `end` is not; the two differ.
    """

    start: time
    end: time

    def __str__(self) -> str:
        """The hours as `parse_quiet_hours` reads them."""
        return f"{self.start:%H:%M}-{self.end:%H:%M}"


@dataclass(frozen=True, slots=True)
class TodoSettings:
    """How the TODO part reminds members, and takes the role away.

    Members are reminded in `channel_id` of `guild_id` after `remind_after` of silence and again every
    `remind_every`, and lose `role_id` after `remove_after`, once a delivered warning is `warning` old. A sweep
    waits `linger` for those who are about to fall due. A gap between sweeps longer than `downtime` is not charged to
    anybody. `quiet_hours` are counted in a member's own zone, else in `time_zone`. One sweep opens at most
    `new_dms` direct-message channels newly, and waits for rate limits for `budget` in total; what it has claimed
    is left to it for `lease`. `owner_id` is whose word counts as an administrator's; `exempt` are members who are
    never reminded and keep the role. Who has `staff_role_id` may do with the bot what the owner may.
    """

    guild_id: int | None = None
    channel_id: int | None = None
    role_id: int | None = None
    owner_id: int | None = None
    remind_after: timedelta = timedelta(hours=24)
    remind_every: timedelta = timedelta(hours=3)
    remove_after: timedelta = timedelta(days=5)
    warning: timedelta = timedelta(hours=12)
    linger: timedelta = timedelta(minutes=2)
    downtime: timedelta = timedelta(hours=6)
    quiet_hours: QuietHours | None = None
    time_zone: str = "Asia/Kolkata"
    direct_messages: bool = True
    new_dms: int = 10
    exempt: frozenset[int] = frozenset()
    staff_role_id: int | None = None
    budget: timedelta = timedelta(minutes=5)
    lease: timedelta = timedelta(minutes=10)


def read_todo(
    reader: TableReader, variable: Callable[[str, str], str], wrong_variable: Callable[[str, str], None]
) -> TodoSettings:
    """Return what the [todo] table and the variables say; a variable goes before the file.

    `variable` returns the text of a variable that sets a dotted key, empty when it is not set; `wrong_variable`
    notes a mistake in one. Mistakes in the table are noted with the reader.
    """
    default = TodoSettings()
    ids = {key: _id(reader, key, variable, wrong_variable) for key in ID_VARIABLES}
    todo = TodoSettings(
        guild_id=ids["guild"],
        channel_id=ids["channel"],
        role_id=ids["role"],
        owner_id=ids["owner"],
        remind_after=span(reader, "remind_after", default.remind_after),
        remind_every=span(reader, "remind_every", default.remind_every),
        remove_after=span(reader, "remove_after", default.remove_after),
        warning=span(reader, "warning", default.warning),
        linger=reader.duration("linger", default=default.linger),
        downtime=span(reader, "downtime", default.downtime),
        quiet_hours=_quiet_hours(reader),
        time_zone=_time_zone(reader, default.time_zone),
        direct_messages=reader.flag("direct_messages", default=default.direct_messages),
        new_dms=reader.count("new_dms", default=default.new_dms, most=MOST_NEW_DMS),
        exempt=reader.discord_ids("exempt"),
        staff_role_id=reader.discord_id("staff_role"),
        budget=span(reader, "budget", default.budget),
        lease=span(reader, "lease", default.lease),
    )
    wrong = {problem.key for problem in reader.problems}
    for keys, reason in _contradictions(todo):
        if wrong.isdisjoint(map(reader.key, keys)):
            reader.wrong(next(key for key in keys if key in reader.table), reason)
    return todo


def parse_quiet_hours(text: str) -> QuietHours:
    """The part of a day that a text like "23:00-07:00" names. Raise ValueError, with the fix, for others."""
    found = re.fullmatch(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])", text)
    if not found:
        raise ValueError(f'must be two times of day, like "23:00-07:00", not {text!r}')
    start_hour, start_minute, end_hour, end_minute = map(int, found.groups())
    hours = QuietHours(time(start_hour, start_minute), time(end_hour, end_minute))
    if hours.start == hours.end:
        raise ValueError("must not be the whole day: the two times are the same")
    return hours


def _id(
    reader: TableReader, key: str, variable: Callable[[str, str], str], wrong_variable: Callable[[str, str], None]
) -> int | None:
    written = reader.discord_id(key)
    text = variable(reader.key(key), ID_VARIABLES[key])
    if not text:
        return written
    try:
        return parse_id(text)
    except ValueError as error:
        wrong_variable(ID_VARIABLES[key], str(error))
        return None


def _quiet_hours(reader: TableReader) -> QuietHours | None:
    text = reader.text("quiet_hours")
    if not text:
        return None
    try:
        return parse_quiet_hours(text)
    except ValueError as error:
        reader.wrong("quiet_hours", str(error))
        return None


def _time_zone(reader: TableReader, default: str) -> str:
    name = reader.text("time_zone", default=default)
    # The default is not looked up: that would load all of zoneinfo into runs that have nothing to do with TODOs.
    if name != default and (reason := zone_mistake(name)):
        reader.wrong("time_zone", reason)
        return default
    return name


def _contradictions(todo: TodoSettings) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what cannot hold together: the keys, first the one to change if it was written, and why not."""
    if todo.remind_after >= todo.remove_after:
        after, removal = duration_text(todo.remind_after), duration_text(todo.remove_after)
        yield ("remind_after", "remove_after"), f"remind_after ({after}) must be shorter than remove_after ({removal})"
    elif todo.remind_after + todo.warning + todo.remind_every > todo.remove_after:
        warning, every = duration_text(todo.warning), duration_text(todo.remind_every)
        between = f"remind_after ({duration_text(todo.remind_after)}) and remove_after"
        reason = (
            f"warning ({warning}) and remind_every ({every}) must fit between {between} "
            f"({duration_text(todo.remove_after)}), or nobody could be warned in time"
        )
        yield ("warning", "remind_every", "remove_after", "remind_after"), reason
    every = duration_text(todo.remind_every)
    linger, downtime = duration_text(todo.linger), duration_text(todo.downtime)
    if todo.linger > LONGEST_LINGER:
        yield ("linger",), f"must be at most {duration_text(LONGEST_LINGER)}, not {linger}"
    elif todo.linger >= todo.remind_every:
        yield ("linger", "remind_every"), f"linger ({linger}) must be shorter than remind_every ({every})"
    if todo.downtime <= todo.remind_every:
        reason = (
            f"downtime ({downtime}) must be longer than remind_every ({every}), "
            "or a timer that runs that often would count as down"
        )
        yield ("downtime", "remind_every"), reason
    if reason := lease_mistake(todo.lease, todo.budget):
        yield ("lease", "budget"), reason
