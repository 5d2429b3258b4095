"""What is due for a member, and when: one function, and its reasons in words. Pure.

Two kinds of time are taken out of the clocks. Pauses stop all of them. Time in which giftping did not sweep stops
those that lead to the role's removal: nobody loses it for days on which nobody would have reminded them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from giftping.todo.local_time import LocalQuietHours
from giftping.todo.model import UNDER_WAY, Lapse, LegName, LegState, Member, NoticeKind, RemovalState
from giftping.todo.periods import Period, counted_time, reached, unfrozen
from giftping.words.said import Said

ALL_LEGS = tuple(LegName)


@dataclass(frozen=True, slots=True)
class TodoRules:
    """The settings that decide. Every threshold is inclusive."""

    host: str
    """In whose name it is done."""
    remind_after: timedelta
    """The silence after which the first reminder comes."""
    remind_every: timedelta
    """The ping interval."""
    remove_after: timedelta
    """The silence at whose end the role goes."""
    warning: timedelta
    """How long before that, at least, a warning was delivered."""
    lease: timedelta
    """How long another host is taken to be at what it has claimed."""
    takes_role: bool = True
    """Whether there is a role to take; else reminders end where it would have gone."""
    quiet: LocalQuietHours | None = None
    """The hours of the day without pings, by the member's own zone where they have one."""
    exempt: frozenset[int] = frozenset()
    """Members whom the settings leave alone, besides those of the roster who are exempt."""


class Action(StrEnum):
    """What a sweep does for a member. END is a lapse at whose end there is no role to take."""

    NOTHING = "nothing"
    REMIND = "remind"
    WARN = "warn"
    REMOVE = "remove"
    END = "end"
    RESTORE = "restore"


PING_ACTIONS = frozenset({Action.REMIND, Action.WARN})


@dataclass(frozen=True, slots=True)
class Due:
    """What is due now, and why."""

    action: Action
    why: str
    """In words, for `todo status` and a dry run."""
    until: datetime | None = None
    """With NOTHING: when that may change; None when nothing comes by itself."""
    then: Action = Action.NOTHING
    """With NOTHING: what comes then."""
    legs: tuple[LegName, ...] = ()
    """Those that a ping is to be sent by."""
    is_retry: bool = False
    """Whether the legs belong to a ping of which another leg was delivered."""

    @property
    def is_ping(self) -> bool:
        """Whether the member is to be told to hand in a TODO."""
        return self.action in PING_ACTIONS


@dataclass(frozen=True, slots=True)
class Outlook:
    """When what comes, if the member stays silent; None for what does not come, or not by itself."""

    remind_at: datetime | None = None
    """The first reminder of this silence, also when it has come."""
    ping_at: datetime | None = None
    """The next reminder or warning."""
    role_off_at: datetime | None = None


def due(member: Member, rules: TodoRules, now: datetime, downtimes: Sequence[Period] = ()) -> Due:
    """What is due for a member; `downtimes` are the times in which nobody swept."""
    restore, other = _restore(member, rules), _due_by_time(member, rules, now, downtimes)
    # A role that cannot be given back, because it was deleted for example, would put off the reminders for ever.
    return other if restore is None or other.action is Action.REMIND else restore


def _due_by_time(member: Member, rules: TodoRules, now: datetime, downtimes: Sequence[Period]) -> Due:
    if reason := why_left_alone(member, rules):
        return Due(Action.NOTHING, reason)
    pause = next((pause for pause in member.pauses if pause.period.holds(now)), None)
    if pause is not None:
        what = Said("todo.why.paused_for", reason=pause.reason) if pause.reason else Said("todo.why.paused")
        return Due(Action.NOTHING, what, unfrozen(now, [pause.period for pause in member.pauses]))
    step = _Timeline(member, rules, downtimes).next_step(now)
    if step.until is None or step.until > now:
        return Due(Action.NOTHING, step.why, _first_chance(member, rules, step.until), step.then)
    # Last, for all actions alike: a removal at night would be told at night.
    if quiet_until := _quiet_until(member, rules, now):
        return Due(Action.NOTHING, Said("todo.why.quiet", why=step.why), quiet_until, step.then)
    return Due(step.then, step.why, legs=step.legs, is_retry=step.is_retry)


def why_left_alone(member: Member, rules: TodoRules) -> str:
    """Why a member's clocks do not matter at all, empty when they do."""
    if not member.on_roster:
        return Said("todo.why.not_listed")
    if member.exempt or member.user_id in rules.exempt:
        return Said("todo.why.exempt")
    if member.left_at is not None:
        return Said("todo.why.left")
    if member.membership is not None and member.membership.is_bot:
        return Said("todo.why.bot")
    if member.silent_since is None:
        return Said("todo.why.no_clock")
    return ""


def outlook(member: Member, rules: TodoRules, downtimes: Sequence[Period] = ()) -> Outlook:
    """When a member would be reminded first and next, and when the role would go: none of it in quiet hours."""
    if why_left_alone(member, rules):
        return Outlook()
    timeline = _Timeline(member, rules, downtimes)
    if timeline.is_over:
        return Outlook()
    ends_at = timeline.ends_at
    ping_at = timeline.ping_at
    still_pinged = ping_at is not None and (ends_at is None or ping_at < ends_at)
    role_off_at = ends_at if rules.takes_role and timeline.may_have_role else None
    first, following, off = (
        _first_chance(member, rules, at) for at in (timeline.remind_at, ping_at if still_pinged else None, role_off_at)
    )
    return Outlook(first, following, off)


def _restore(member: Member, rules: TodoRules) -> Due | None:
    """That the role is to be given back, None when it is not ours to give."""
    removal = member.lapse.removal if member.lapse else None
    if removal is None or removal.state is RemovalState.ABSENT or not member.lapse or not member.last_submit:
        return None
    if not rules.takes_role:
        return None
    if member.last_submit <= member.lapse.since or member.left_at is not None or not member.on_roster:
        return None
    # A run may be about to take the role: given back too early, it would be taken after all, for good.
    if removal.state is RemovalState.CLAIMED:
        return Due(Action.NOTHING, Said("todo.why.role_back_later"), None, Action.RESTORE)
    return Due(Action.RESTORE, Said("todo.why.role_back"))


def _first_chance(member: Member, rules: TodoRules, at: datetime | None) -> datetime | None:
    """The first instant from then on in which anything is done: in no quiet hours, and in no pause; None for never."""
    if at is None or rules.quiet is None:
        return at
    quiet_until = quiet_hours_of(member, rules.quiet).until(at)
    return at if quiet_until is None else unfrozen(quiet_until, [pause.period for pause in member.pauses])


def _quiet_until(member: Member, rules: TodoRules, now: datetime) -> datetime | None:
    return quiet_hours_of(member, rules.quiet).until(now) if rules.quiet else None


def quiet_hours_of(member: Member, quiet: LocalQuietHours) -> LocalQuietHours:
    """The quiet hours by the member's own clock."""
    return LocalQuietHours(quiet.start, quiet.end, ZoneInfo(member.time_zone)) if member.time_zone else quiet


@dataclass(frozen=True, slots=True)
class _Step:
    """What comes next, and when."""

    then: Action
    until: datetime | None
    """From when on; None when it never comes by itself."""
    why: str
    legs: tuple[LegName, ...] = ()
    is_retry: bool = False


class _Timeline:
    """The instants that matter for one member, as far as they are known now."""

    def __init__(self, member: Member, rules: TodoRules, downtimes: Sequence[Period]) -> None:
        self._member = member
        self._rules = rules
        # Whose clock has not started is left alone before this is asked for; the latest instant makes nothing due.
        self._since = member.silent_since or datetime.max.replace(tzinfo=UTC)
        self._lapse = member.present_lapse or Lapse(self._since)
        self._paused = [pause.period for pause in member.pauses]
        self._uncharged = [*self._paused, *downtimes]
        # Reminders are not put off by a downtime: nothing is lost by one, and it is late already.
        self.remind_at = reached(self._since, rules.remind_after, self._paused)

    @property
    def is_over(self) -> bool:
        """Whether this silence has brought all that it brings."""
        removal = self._lapse.removal
        return removal is not None and removal.state is not RemovalState.CLAIMED

    @property
    def may_have_role(self) -> bool:
        """Whether there is, as far as is known, a role to lose."""
        return self._member.membership is None or self._member.membership.has_role

    @property
    def silence_ends_at(self) -> datetime | None:
        """When the charged silence is as long as it may be."""
        return reached(self._since, self._rules.remove_after, self._uncharged)

    @property
    def ends_at(self) -> datetime | None:
        """When pings end: at the end of the silence, and not before a warning that was delivered is old enough."""
        ends_at = self.silence_ends_at
        if not self._rules.takes_role or not self.may_have_role:
            return ends_at
        warned_at = self._lapse.warned_at
        if ends_at is None or warned_at is None:
            return None
        # Counted from the delivery, and in charged time only: after a downtime there is the whole notice to act on it.
        warned_enough_at = reached(warned_at, self._rules.warning, self._uncharged)
        return None if warned_enough_at is None else max(ends_at, warned_enough_at)

    @property
    def warn_from(self) -> datetime | None:
        """From when on a ping is a warning: so early that one of the regular pings comes in time."""
        # Pings come an interval apart: of those from one interval before the last moment on, one is in time.
        lead = self._rules.warning + self._rules.remind_every
        return reached(self._since, max(self._rules.remove_after - lead, self._rules.remind_after), self._uncharged)

    @property
    def ping_at(self) -> datetime | None:
        """When the next ping is due."""
        if self.remind_at is None or self._member.last_ping is None:
            return self.remind_at
        again_at = reached(self._arrived_by(self._member.last_ping), self._rules.remind_every, self._paused)
        return None if again_at is None else max(self.remind_at, again_at)

    def _arrived_by(self, last_ping: datetime) -> datetime:
        """When the last ping had arrived; where nobody has said so, when it must have, if it did."""
        ping = self._member.ping
        # A claim is made before the request: counted from it, two deliveries could lie closer than the interval.
        legs = (ping.channel, ping.dm) if ping else ()
        return max([last_ping, *(leg.at + UNDER_WAY for leg in legs if leg.state is LegState.CLAIMED and leg.at)])

    def next_step(self, now: datetime) -> _Step:
        """What comes first."""
        removal = self._lapse.removal
        if removal is not None and removal.state is RemovalState.CLAIMED:
            # It is done again only by whoever has looked what became of it (roles.py).
            return _Step(Action.NOTHING, None, Said("todo.why.role_going"))
        if removal is not None:
            is_taken = removal.state is RemovalState.DONE
            return _Step(Action.NOTHING, None, Said("todo.why.role_gone") if is_taken else Said("todo.why.over"))
        end, ping = self._end(), self._ping(now)
        if end is None:
            return ping or _Step(Action.NOTHING, None, Said("todo.why.paused_open"))
        # Once both are due it is too late for a ping: it would ask for a TODO a moment before the role is gone.
        if ping is not None and ping.until is not None and end.until and max(ping.until, now) < end.until:
            return ping
        return end

    def _end(self) -> _Step | None:
        ends_at = self.ends_at
        if ends_at is None:
            return None
        span = span_text(self._rules.remove_after)
        if not self._rules.takes_role:
            over = Said("todo.why.reminders_over", span=span)
            return _Step(Action.NOTHING, None, over) if self._is_past(ends_at) else None
        if not self.may_have_role:
            return _Step(Action.END, ends_at, Said("todo.why.no_role", span=span))
        return _Step(Action.REMOVE, ends_at, Said("todo.why.warned", span=span))

    def _is_past(self, ends_at: datetime) -> bool:
        ping_at = self.ping_at
        return ping_at is None or ping_at >= ends_at

    def _ping(self, now: datetime) -> _Step | None:
        ping_at = self.ping_at
        if ping_at is None:
            return None
        if (retry := self._retry(now, ping_at)) is not None:
            return retry
        warn_from = self.warn_from
        warns = (
            self._rules.takes_role
            and self.may_have_role
            and self._lapse.warned_at is None
            and warn_from is not None
            and warn_from <= max(ping_at, now)
            and not self._is_told_first
        )
        return _Step(Action.WARN if warns else Action.REMIND, ping_at, self._why(now), ALL_LEGS)

    @property
    def _is_told_first(self) -> bool:
        """Whether this would be the first word in the silence of one whom an older bot has left behind.

        A last call is nobody's first message, but for settings that leave no room for another one.
        """
        is_pinged = self._member.last_ping is not None and self._member.last_ping >= self._since
        return self._member.is_found and not is_pinged and self.remind_at != self.warn_from

    def _retry(self, now: datetime, ping_at: datetime) -> _Step | None:
        """The leg of the present ping that was not delivered, to be sent alone, the other one having been."""
        ping = self._member.ping
        if ping is None or ping.counts_from is None or ping.made_at < self._since:
            return None
        # Only until the next ping: from then on both legs are sent again anyway.
        if self.remind_at is None or not self.remind_at <= now < ping_at:
            return None
        legs = ping.legs_in(LegState.OPEN)
        if not legs:
            return None
        action = Action.WARN if ping.kind is NoticeKind.WARNING else Action.REMIND
        why = Said("todo.why.channel_leg") if legs[0] is LegName.CHANNEL else Said("todo.why.dm_leg")
        return _Step(action, now, why, legs, is_retry=True)

    def _why(self, now: datetime) -> Said:
        span, last_ping = span_text(counted_time(self._since, now, self._paused)), self._member.last_ping
        has_handed_in = self._member.last_submit == self._since
        why = Said("todo.why.silent", span=span) if has_handed_in else Said("todo.why.nothing", span=span)
        return Said("todo.why.pinged", why=why, span=span_text(now - last_ping)) if last_ping else why


def span_text(span: timedelta) -> str:
    """A span in its two largest units, as people say it: `1 d 6 h`, `3 h`, `40 min`; none below 0."""
    minutes = max(int(span.total_seconds() // 60), 0)
    days, hours, minutes = minutes // 1440, minutes % 1440 // 60, minutes % 60
    parts = [(days, "d"), (hours, "h"), (minutes, "min")]
    while len(parts) > 1 and not parts[0][0]:
        parts.pop(0)
    return " ".join(f"{count} {unit}" for count, unit in parts[:2] if count) or f"0 {parts[0][1]}"
