"""The legs that a sweep leaves alone, because Discord refused the content of their message not long ago. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from giftping.delivery.retries import is_left_alone
from giftping.discord.meanings import meaning_in
from giftping.todo.claims import leg_report
from giftping.todo.errands import Recipient
from giftping.todo.model import LegState, Member
from giftping.todo.report import ActionResult, LegReport


def legs_left_alone(news: Iterable[Recipient], pinged: Sequence[Member], now: datetime) -> list[LegReport]:
    """A report for each leg of the news, and of those whose ping is due, that is not tried again yet."""
    pings = [(member, member.ping) for member in pinged]
    owed = [*news, *((member, ping) for member, ping in pings if ping is not None)]
    found = []
    for member, notice in owed:
        for name in notice.legs_in(LegState.OPEN):
            leg = notice.leg(name)
            if is_left_alone(leg.retry_at, now):
                report = leg_report(member, notice, name, ActionResult.REFUSED, leg.reason)
                found.append(replace(report, mend=meaning_in(leg.reason).mend, rests=True, is_left_alone=True))
    return found
