"""What must hold of a time that was played, judged by what the stand-in Discord saw and what people did. Pure.

Nothing here asks giftping, its records or its arithmetic. Every violation is a sentence that names the member and the
times.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, tzinfo
from itertools import pairwise
from typing import Any

from giftping.demo.world import Notification, RoleChange

REMINDERS = frozenset({"⏰ TODO reminder", "🔔 TODO reminder"})
WARNING = "⚠️ Last call for your TODO"

FLIGHT = timedelta(seconds=15)
"""How long a request may be under way: one that went out before the quiet hours may arrive within them."""

MILLISECOND = timedelta(milliseconds=1)
"""What Discord's own time of a form does not say."""

SHIFT = timedelta(hours=25)
"""How long after a return giftping may take a member for absent: it asks once a day."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time, its end not included; without an end it goes on for good."""

    start: datetime
    end: datetime | None = None

    def holds(self, at: datetime) -> bool:
        return self.start <= at and (self.end is None or at < self.end)

    def overlap(self, start: datetime, end: datetime) -> timedelta:
        return max(min(end, self.end or end) - max(start, self.start), timedelta(0))


@dataclass(frozen=True, slots=True)
class Submitted:
    """What starts a member's clock, a TODO or the way back onto the roster: when the command began, and had ended."""

    began: datetime
    ended: datetime
    is_todo: bool = True


@dataclass(frozen=True, slots=True)
class Calm:
    """A stretch in which every delivery works, and a sweep comes at least every `period`."""

    start: datetime
    end: datetime
    period: timedelta


@dataclass
class Life:
    """What one simulated member did. `zone` is that of the quiet hours."""

    joined: datetime
    zone: tzinfo
    submissions: list[Submitted] = field(default_factory=list)
    pauses: list[Stretch] = field(default_factory=list)
    absences: list[Stretch] = field(default_factory=list)

    def last_submission(self, at: datetime) -> Submitted | None:
        """Return the last submission whose command had ended by then."""
        return next((one for one in reversed(self.submissions) if one.ended <= at), None)


@dataclass(frozen=True, slots=True)
class Promises:
    """What was promised. `quiet` are two times of day, by the member's own clock."""

    remind_after: timedelta = timedelta(hours=24)
    remind_every: timedelta = timedelta(hours=3)
    remove_after: timedelta = timedelta(days=5)
    warning: timedelta = timedelta(hours=12)
    quiet: tuple[time, time] | None = None


@dataclass(frozen=True, slots=True)
class Ping:
    """A reminder or a warning as a member got it by one leg; `round` is the reference that both legs show.

    `begun` is when its request was: what a member did later could not call it back.
    """

    user_id: int
    at: datetime
    leg: str
    round: str
    is_warning: bool
    begun: datetime


def at_once(arrived: datetime) -> datetime:
    """Return when a request was begun that arrived then, where it takes no time."""
    return arrived


def pings_among(notifications: Iterable[Notification], begun: Callable[[datetime], datetime] = at_once) -> list[Ping]:
    """Return the reminders and warnings among what members were notified of, oldest first."""
    return sorted(
        (ping for notification in notifications for ping in _pings_of(notification, begun)), key=lambda ping: ping.at
    )


def _pings_of(notification: Notification, begun: Callable[[datetime], datetime]) -> Iterator[Ping]:
    for embed in notification.message.embeds:
        title, text = embed.get("title", ""), embed.get("description", "")
        is_meant = notification.kind == "dm" or f"<@{notification.user_id}>" in text
        if is_meant and (title in REMINDERS or title == WARNING):
            round_ = _footer(embed).rpartition("ref ")[2]
            at = notification.at
            yield Ping(notification.user_id, at, notification.kind, round_, title == WARNING, begun(at))


def _footer(embed: Mapping[str, Any]) -> str:
    footer = embed.get("footer")
    return str(footer.get("text")) if isinstance(footer, Mapping) else ""


def by_member(pings: Iterable[Ping]) -> dict[int, list[Ping]]:
    """Return each member's pings in their order."""
    found: dict[int, list[Ping]] = {}
    for ping in pings:
        found.setdefault(ping.user_id, []).append(ping)
    return found


def too_close(pings: Sequence[Ping], promises: Promises) -> Iterator[str]:
    """Yield what came twice, and the rounds that came closer than the interval to the one before."""
    for user_id, theirs in by_member(pings).items():
        rounds: dict[str, list[Ping]] = {}
        for ping in theirs:
            if any(other.leg == ping.leg for other in rounds.get(ping.round, ())):
                yield f"member {user_id} got the {ping.leg} leg of round {ping.round} twice, again at {_at(ping.at)}"
            rounds.setdefault(ping.round, []).append(ping)
        for before, after in pairwise(rounds.values()):
            last, first = max(ping.at for ping in before), min(ping.at for ping in after)
            if first - last < promises.remind_every:
                yield f"member {user_id} was pinged at {_at(last)} and {first - last} later, at {_at(first)}"


def after_a_submission(pings: Sequence[Ping], lives: Mapping[int, Life], promises: Promises) -> Iterator[str]:
    """Yield the pings of members whose silence, without their pauses, was not long enough for one."""
    for ping in pings:
        life = lives[ping.user_id]
        submission = life.last_submission(ping.begun)
        since = submission.began if submission else life.joined
        silence = ping.at - since - sum((pause.overlap(since, ping.at) for pause in life.pauses), timedelta(0))
        if silence < promises.remind_after:
            yield f"member {ping.user_id}, silent since {_at(since)}, was pinged at {_at(ping.at)}, after {silence}"


def while_away(pings: Sequence[Ping], lives: Mapping[int, Life]) -> Iterator[str]:
    """Yield the pings within a pause, and those of members who had left the guild."""
    for ping in pings:
        life = lives[ping.user_id]
        for what, stretches in (("paused", life.pauses), ("gone", life.absences)):
            if stretch := next((one for one in stretches if one.holds(ping.begun)), None):
                yield f"member {ping.user_id}, {what} since {_at(stretch.start)}, was pinged at {_at(ping.at)}"


def in_quiet_hours(pings: Sequence[Ping], lives: Mapping[int, Life], promises: Promises) -> Iterator[str]:
    """Yield the pings that went out in the quiet hours of the member's own clock."""
    for ping in pings:
        zone = lives[ping.user_id].zone
        if _is_quiet(ping.at, zone, promises) and _is_quiet(ping.at - FLIGHT, zone, promises):
            yield f"member {ping.user_id} was pinged at {_at(ping.at.astimezone(zone))}, in their quiet hours"


def _is_quiet(at: datetime, zone: tzinfo, promises: Promises) -> bool:
    if promises.quiet is None:
        return False
    (start, end), clock = promises.quiet, at.astimezone(zone).time()
    return start <= clock < end if start < end else clock >= start or clock < end


def wrongly_removed(
    changes: Sequence[RoleChange],
    pings: Sequence[Ping],
    lives: Mapping[int, Life],
    promises: Promises,
    begun: Callable[[datetime], datetime] = at_once,
) -> Iterator[str]:
    """Yield the removals without a delivered warning in good time, too early, in a pause, or twice in one silence."""
    theirs = by_member(pings)
    taken: dict[int, datetime] = {}
    for change in changes:
        if change.given or not change.by_bot:
            continue
        user_id, life = change.user_id, lives[change.user_id]
        submission = life.last_submission(begun(change.at))
        since = submission.began if submission else life.joined
        who = f"member {user_id}, silent since {_at(since)}, lost the role at {_at(change.at)}"
        warned = [ping.at for ping in theirs.get(user_id, ()) if ping.is_warning and since <= ping.at <= change.at]
        if not warned:
            yield f"{who} without a warning"
        elif change.at - warned[0] < promises.warning:
            yield f"{who}, warned only at {_at(warned[0])}"
        silence = change.at - since - sum((pause.overlap(since, change.at) for pause in life.pauses), timedelta(0))
        if silence < promises.remove_after:
            yield f"{who}, after {silence} only"
        if any(pause.holds(begun(change.at)) for pause in life.pauses):
            yield f"{who} in a pause"
        if user_id in taken and taken[user_id] >= since:
            yield f"{who} for the second time, after {_at(taken[user_id])}"
        taken[user_id] = change.at


def lost_or_repeated(posts: Iterable[str], handed_in: Collection[str]) -> Iterator[str]:
    """Yield the TODOs that were handed in and never posted, and those that were posted twice."""
    posted = Counter(posts)
    yield from (f"the TODO {text!r} was posted {times} times" for text, times in posted.items() if times > 1)
    yield from (f"the TODO {text!r} was never posted" for text in handed_in if text not in posted)


def forgotten(lives: Mapping[int, Life], known: Mapping[int, datetime | None]) -> Iterator[str]:
    """Yield the members whose last TODO is not the one that is known."""
    for user_id, life in lives.items():
        last, found = [one for one in life.submissions if one.is_todo][-1:], known.get(user_id)
        if last and (found is None or not last[0].began - MILLISECOND <= found <= last[0].ended):
            yield f"member {user_id} handed in at {_at(last[0].began)}, and {found and _at(found)} is known"


def unpinged(
    pings: Sequence[Ping],
    changes: Sequence[RoleChange],
    lives: Mapping[int, Life],
    promises: Promises,
    calm: Sequence[Calm],
    slack: timedelta = timedelta(minutes=5),
) -> Iterator[str]:
    """Yield the members who were overdue in a calm stretch and got no ping although a sweep must have come.

    A ping is due once the interval since the last one is over, pauses and absences not counted, and the next sweep has
    to bring it; `slack` is how long a sweep may take. Once five days are over, or the role is taken, none is asked for.
    """
    theirs = by_member(pings)
    for user_id, life in lives.items():
        times = [ping.at for ping in theirs.get(user_id, ())]
        taken = [change.at for change in changes if change.user_id == user_id and not change.given]
        for silence in _silences(life, promises, taken):
            for stretch in calm:
                limit = stretch.period + slack
                for start, end in _open_times(silence, stretch, life, promises):
                    before = [at for at in times if at < start][-1:]
                    frozen = sum((one.overlap(at, start) for at in before for one in _away(life)), timedelta(0))
                    due = max([start, *(at + promises.remind_every + frozen for at in before)])
                    for at in [*(at for at in times if start <= at < end), end]:
                        if at - due > limit:
                            yield (
                                f"member {user_id}, overdue, was to be pinged from {_at(due)} on, and was not until"
                                f" {_at(at)}, with a sweep every {stretch.period}"
                            )
                        due = max(due, at + promises.remind_every)


def _away(life: Life) -> list[Stretch]:
    return [*life.pauses, *(Stretch(one.start, one.end and one.end + SHIFT) for one in life.absences)]


def _silences(life: Life, promises: Promises, taken: Sequence[datetime]) -> Iterator[Stretch]:
    """Yield the times in which the member is surely overdue: what cannot be told for sure is left out."""
    starts = [Submitted(life.joined, life.joined), *life.submissions]
    away = _away(life)
    for this, following in zip(starts, [*life.submissions, None], strict=True):
        end = min([this.ended + promises.remove_after, *(at for at in taken if at >= this.began)])
        if following is not None:
            end = min(end, following.began)
        frozen = sum((one.overlap(this.ended, end) for one in away), timedelta(0))
        yield Stretch(this.ended + promises.remind_after + frozen, end)


def _open_times(silence: Stretch, calm: Calm, life: Life, promises: Promises) -> Iterator[tuple[datetime, datetime]]:
    """Yield the parts of an overdue time that lie in a calm stretch and outside pauses, absences and quiet hours."""
    start, end = max(silence.start, calm.start), min(silence.end or calm.end, calm.end)
    closed = [*life.pauses, *(Stretch(one.start, one.end and one.end + SHIFT) for one in life.absences)]
    step = timedelta(minutes=1)
    opened: datetime | None = None
    at = start
    while at < end:
        is_open = not any(one.holds(at) for one in closed) and not _is_quiet(at, life.zone, promises)
        if is_open and opened is None:
            opened = at
        if not is_open and opened is not None:
            yield opened, at - step
            opened = None
        at += step
    if opened is not None:
        yield opened, end


def gaps(pings: Iterable[Ping]) -> dict[tuple[int, str], list[timedelta]]:
    """Return the times between the pings of each member by each leg."""
    times: dict[tuple[int, str], list[datetime]] = {}
    for ping in pings:
        times.setdefault((ping.user_id, ping.leg), []).append(ping.at)
    return {key: [later - earlier for earlier, later in pairwise(their)] for key, their in times.items()}


def _at(at: datetime) -> str:
    return f"{at:%m-%d %H:%M:%S.%f}"[:-3]
