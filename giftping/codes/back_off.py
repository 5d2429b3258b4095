"""When a source may be asked again: its own interval, and the back-off after failures. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from giftping.codes.memory import SourceOutcome, SourceState, hides_changes, noted, size_of
from giftping.delivery.clock import is_from_future

if TYPE_CHECKING:
    from giftping.settings.sources import SourceDefinition

FIRST_BACK_OFF = timedelta(minutes=1)
LONGEST_BACK_OFF = timedelta(hours=6)

LONGEST_RETRY_AFTER = timedelta(hours=24)
"""A server that asks for more is asked again after a day: some send nonsense, and a code lives for days."""

LONGEST_CONDITIONAL = timedelta(days=1)
"""How long a source is only asked whether anything has changed: some say for ever that nothing has."""

LONGEST_SLACK = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Wait:
    """A source is left alone for now."""

    until: datetime
    reason: str


def wait_before_asking(state: SourceState, definition: SourceDefinition, now: datetime) -> Wait | None:
    """How long a source is left alone yet, None when it may be asked now.

    `min_interval` counts from the last request, less a little slack. What was noted by a clock that was wrong holds
    nobody up: a request that is yet to be made, or times further ahead than any wait can last.
    """
    if is_from_future(state.requested_at, now):
        return None
    if state.not_before and now < state.not_before <= now + LONGEST_RETRY_AFTER:
        return Wait(state.not_before, state.reason)
    if state.requested_at and state.requested_at <= now:
        next_request = state.requested_at + definition.min_interval
        if now < next_request - slack(definition.min_interval):
            return Wait(next_request, "asked less than min_interval ago")
    return None


def may_be_conditional(state: SourceState, now: datetime) -> bool:
    """Whether it is enough to ask a source for what has changed; once a day it is asked for all of it.

    Without a listing, that nothing has changed would be said of nothing.
    """
    if state.listing is None or state.whole_at is None or is_from_future(state.whole_at, now):
        return False
    if hides_changes(state.health):
        return False
    return now - state.whole_at < LONGEST_CONDITIONAL


def slack(wait: timedelta) -> timedelta:
    """How much earlier than a wait's end a source may be asked.

    A timer that fires every minute with jitter must meet a five-minute interval in the fifth minute, not in the sixth.
    """
    return min(wait / 4, LONGEST_SLACK)


def after_failure(
    state: SourceState, outcome: SourceOutcome, reason: str, now: datetime, retry_after: timedelta | None = None
) -> SourceState:
    """The state after a failure: the listing and its validators stand, and the source is left alone.

    The wait is the back-off, and at least what the server asked for, up to a day: that one to the second, without
    slack, because a server that is asked too early may ban who asks.
    """
    failures = state.failures + 1
    wait = back_off(failures)
    wait = max(wait - slack(wait), min(retry_after or timedelta(0), LONGEST_RETRY_AFTER))
    return replace(
        state,
        outcome=outcome,
        reason=reason,
        failing_since=state.failing_since or now,
        failures=failures,
        requested_at=now,
        not_before=now + wait,
        health=noted(state.health, now, size_of(state), failed=True),
    )


def back_off(failures: int) -> timedelta:
    """How long a source is left alone after so many failures in a row: twice as long each time, up to six hours."""
    # A source may fail for years: without a bound the doubling would outgrow what a timedelta holds.
    doublings = min(failures - 1, 16)
    return min(FIRST_BACK_OFF * (1 << doublings), LONGEST_BACK_OFF)
