"""How a member changes: when a leg or a removal is claimed, when it is known what came of it, at a submission. Pure.

These are the only places where a ping's time is written, and where it is taken back.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from giftping.delivery.clock import is_from_future
from giftping.todo.model import (
    PINGS,
    Lapse,
    Leg,
    LegName,
    LegState,
    Member,
    Notice,
    NoticeKind,
    Removal,
    RemovalState,
    Todo,
)
from giftping.todo.rules import Action, Due


def ping_for(member: Member, due: Due, notice_id: str, now: datetime, *, dm: LegState) -> Notice:
    """The notice of a ping that is due: the present one for a leg that is still owed, else a new one.

    `dm` is how the DM leg of a new one stands: CLOSED where there is no use in it.
    """
    present = member.ping
    if due.is_retry and present is not None:
        return present
    kind = NoticeKind.WARNING if due.action is Action.WARN else NoticeKind.REMINDER
    # Of which surely nothing was delivered is tried again under its id: the history tells of a trouble once.
    if present is not None and present.kind is kind and present.counts_from is None:
        return replace(present, made_at=now, dm=replace(present.dm, state=dm), ping_before=member.last_ping)
    return Notice(notice_id, kind, now, dm=Leg(dm), ping_before=member.last_ping)


def with_claim(
    member: Member, notice: Notice, leg: LegName, *, now: datetime, delivery: str, channel_id: int | None
) -> Member:
    """The member with a leg claimed by a delivery: it is about to be sent, and counts as a ping from now on."""
    before = notice.leg(leg)
    claimed = Leg(
        LegState.CLAIMED, now, reason=before.reason, channel_id=channel_id, delivery=delivery, noes=before.noes
    )
    return _with(member, notice.with_leg(leg, claimed))


def with_delivery(
    member: Member, notice: Notice, leg: LegName, *, at: datetime, message_id: int, channel_id: int | None
) -> Member:
    """The member with a leg delivered; a warning counts from its first delivered leg."""
    sent = Leg(LegState.SENT, at, message_id=message_id, channel_id=channel_id)
    notice = notice.with_leg(leg, sent)
    # Here alone is anybody warned: without a delivered leg the role is never taken (rules.py).
    if notice.kind is NoticeKind.WARNING and member.silent_since is not None:
        lapse = member.present_lapse or Lapse(member.silent_since)
        member = replace(member, lapse=replace(lapse, warned_at=lapse.warned_at or notice.delivered_at))
    return _with_end(member, notice)


def with_refusal(
    member: Member,
    notice: Notice,
    leg: LegName,
    *,
    reason: str,
    state: LegState = LegState.OPEN,
    retry_at: datetime | None = None,
) -> Member:
    """The member with a leg surely not delivered, or not to be tried any more, or that nobody can tell of.

    `retry_at` is when the message is tried again whose content was refused, None after any other no.
    """
    before = notice.leg(leg)
    noes = before.noes + (retry_at is not None)
    # One that may have arrived keeps its time: it counts as a ping. One that surely did not leaves none behind.
    at = before.at if state is LegState.UNCERTAIN else None
    return _with_end(
        member,
        notice.with_leg(leg, Leg(state, at, reason=reason, channel_id=before.channel_id, noes=noes, retry_at=retry_at)),
    )


def with_late_claim(member: Member, notice: Notice, leg: LegName, *, at: datetime) -> Member:
    """The member with a claimed leg whose message went out later than it was claimed, if it did."""
    before = notice.leg(leg)
    return _with_end(member, notice.with_leg(leg, replace(before, at=max(at, before.at) if before.at else at)))


def with_stray_ping(member: Member, at: datetime) -> Member:
    """The member who got a ping that was given up before, unless a TODO has come since."""
    if member.silent_since is not None and member.silent_since > at:
        return member
    return replace(member, last_ping=max(at, member.last_ping) if member.last_ping else at)


def _with(member: Member, notice: Notice) -> Member:
    """The member with the notice as it is now, and the last ping's time as its legs say.

    When surely no leg of a ping was delivered, the last one is the one before it: the interval is not used up.
    """
    if notice.kind in PINGS:
        member = replace(member, last_ping=notice.counts_from or notice.ping_before)
    if notice.is_finished:
        return replace(member, notices=tuple(other for other in member.notices if other.id != notice.id))
    return member.with_notice(notice)


def _with_end(member: Member, notice: Notice) -> Member:
    """The member with a notice of which it is known now what came of one of its legs.

    A ping may be found to be behind another one: it was cut short in a shared store, and the mirror, which did not
    know of it, had the member pinged. The last ping stays the other one's then, and what is open is not sent any more.
    """
    known = member.notice(notice.id)
    own = known.counts_from if known else None
    if notice.kind not in PINGS or own is None or member.last_ping is None or member.last_ping <= own:
        return _with(member, notice)
    for name in notice.legs_in(LegState.OPEN):
        notice = notice.with_leg(name, replace(notice.leg(name), state=LegState.CLOSED))
    others = tuple(other for other in member.notices if other.id != notice.id)
    last_ping = max(member.last_ping, notice.counts_from or member.last_ping)
    return replace(member, last_ping=last_ping, notices=others if notice.is_finished else (*others, notice))


def with_removal(member: Member, state: RemovalState, *, now: datetime, by: str, delivery: str = "") -> Member:
    """The member whose role is about to be taken, was taken, or was not there to take.

    What came of a claim belongs to the lapse of the claim, also when a submission has ended that meanwhile.
    """
    lapse = member.lapse
    # A claim that a submission has overtaken is still settled where it was made: the role is owed back by it.
    if not (lapse and lapse.removal and lapse.removal.state is RemovalState.CLAIMED):
        lapse = member.present_lapse
    if lapse is None and member.silent_since is not None:
        lapse = Lapse(member.silent_since)
    return replace(member, lapse=replace(lapse, removal=Removal(state, now, by, delivery))) if lapse else member


def without_removal(member: Member) -> Member:
    """The member whose role was surely not taken after all."""
    return replace(member, lapse=replace(member.lapse, removal=None)) if member.lapse else member


def with_submission(member: Member, todo: Todo, notice: Notice, now: datetime) -> Member:
    """The member who has handed in a TODO: the clock starts anew, and the lapse is over.

    Of the lapse there stays only that the role was taken, or is being taken, until it has been given back. A ping that
    is owed is not any more; other notices are still news.
    """
    lapse = member.lapse
    removal = lapse.removal if lapse else None
    # Also one that is only claimed: whether it was taken, the run that took it will find out.
    is_owed_a_role = removal is not None and removal.state is not RemovalState.ABSENT
    before = member.last_submit
    # Two that come together may be saved in either order; but a date from the future is a wrong clock's.
    latest = before if before is not None and before > now and not is_from_future(before, now) else now
    return replace(
        member,
        last_submit=latest,
        last_ping=None,
        todo=todo,
        lapse=lapse if is_owed_a_role else None,
        notices=(*(other for other in member.notices if other.kind not in PINGS), notice),
    )
