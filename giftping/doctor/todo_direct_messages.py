"""The direct messages of the TODO part: whether members get them beside the mention in the channel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from giftping.doctor.judgement import Checks, Judgement, ok, warn
from giftping.text import when
from giftping.todo.direct_messages import CLOSED_FOR

if TYPE_CHECKING:
    from giftping.doctor.ledger import TodoContents
    from giftping.settings.keys import TodoSettings


@dataclass(frozen=True, slots=True)
class DirectMessagesFacts:
    """How members are written to, by the settings and by what sweeps met."""

    now: datetime
    """The time of the look."""
    is_on: bool = True
    """Whether the settings want direct messages at all."""
    most_new: int = 10
    """How many members one sweep may write to who were never written to before."""
    roster_size: int | None = 0
    """None where the ledger does not tell, and with that none of what follows."""
    closed: int = 0
    """How many on the roster take none."""
    stopped_until: datetime | None = None
    """Until when there are no new ones, as Discord found that they were opened too fast."""
    zone: tzinfo | None = None
    """The zone that times are shown in; None for the machine's."""


def look_at_direct_messages(
    todo: TodoSettings, contents: TodoContents | None, now: datetime, zone: tzinfo | None
) -> DirectMessagesFacts:
    """How members are written to; nothing is sent to find out, so who takes none is known from the sweeps."""
    if contents is None:
        return DirectMessagesFacts(now, todo.direct_messages, todo.new_dms, roster_size=None)
    closed_at = [member.dms_closed_at for member in contents.loaded.on_roster()]
    return DirectMessagesFacts(
        now,
        todo.direct_messages,
        todo.new_dms,
        roster_size=len(closed_at),
        closed=sum(at is not None and now - at < CLOSED_FOR for at in closed_at),
        stopped_until=contents.notes.dms_stopped_until,
        zone=zone,
    )


def judge_direct_messages(messages: DirectMessagesFacts) -> Judgement | None:
    """Whether direct messages go out. None of it is a failure: the channel tells everybody as well."""
    if not messages.is_on:
        return ok("switched off: members are told in the channel alone")
    if messages.roster_size is None:
        return None
    if messages.stopped_until is not None and messages.stopped_until > messages.now:
        until = when(messages.stopped_until, messages.zone)
        said = f"Discord found that they were opened too fast: no new ones until {until}"
        return warn(said, "wait; if it comes again, lower new_dms in [todo]")
    if not messages.most_new:
        return ok("new_dms is 0: only members who were written to before get them")
    take_none = f"{messages.closed} of {messages.roster_size} take none, and are told in the channel"
    return ok(f"switched on; {take_none}" if messages.closed else "switched on")


DIRECT_MESSAGES_CHECKS: Checks[DirectMessagesFacts] = (("direct messages", judge_direct_messages),)
