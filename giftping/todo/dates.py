"""Dates in members' documents that a wrong clock has written: what lies in the future counts as now. Pure.

Left alone, they would hold a member up until they have come: nobody is reminded whose last TODO is of next month.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from giftping.delivery.clock import is_from_future
from giftping.todo.model import Leg, Member, Notice


def has_future(member: Member, now: datetime) -> bool:
    """Whether a document has such a date."""
    return without_future(member, now) != member


def without_future(member: Member, now: datetime) -> Member:
    """The member with each date that lies in the future put to now; a pause may lie there, and stays."""

    def past(at: datetime | None) -> datetime | None:
        return now if is_from_future(at, now) else at

    lapse, membership = member.lapse, member.membership
    if lapse is not None:
        removal = lapse.removal
        if removal is not None:
            removal = replace(removal, at=past(removal.at) or now)
        lapse = replace(lapse, since=past(lapse.since) or now, warned_at=past(lapse.warned_at), removal=removal)
    if membership is not None:
        membership = replace(membership, at=past(membership.at) or now)
    return replace(
        member,
        added=past(member.added),
        clock_from=past(member.clock_from),
        last_submit=past(member.last_submit),
        last_ping=past(member.last_ping),
        left_at=past(member.left_at),
        dms_closed_at=past(member.dms_closed_at),
        lapse=lapse,
        membership=membership,
        notices=tuple(_notice_without_future(notice, now) for notice in member.notices),
    )


def _notice_without_future(notice: Notice, now: datetime) -> Notice:
    def past(leg: Leg) -> Leg:
        return replace(leg, at=now) if is_from_future(leg.at, now) else leg

    made_at = now if is_from_future(notice.made_at, now) else notice.made_at
    before = now if is_from_future(notice.ping_before, now) else notice.ping_before
    return replace(notice, made_at=made_at, ping_before=before, channel=past(notice.channel), dm=past(notice.dm))
