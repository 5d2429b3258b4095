"""The deliveries of gift codes that no run has brought to an end: uncertain ones, and claims that were left behind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from giftping.delivery.deliveries import UNDER_WAY, DeliveryState
from giftping.doctor.judgement import Checks, Judgement, fail, left_midway, named, ok, warn
from giftping.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime, timedelta

    from giftping.delivery.deliveries import Delivery


@dataclass(frozen=True, slots=True)
class DeliveriesFacts:
    """The codes whose delivery is open, each with its guild."""

    uncertain: tuple[str, ...] = ()
    """Of these nobody can tell whether they arrived; they wait for a person."""
    stale: tuple[str, ...] = ()
    """These were claimed longer ago than the lease."""


def look_at_deliveries(left_open: Sequence[Delivery], now: datetime, lease: timedelta) -> DeliveriesFacts:
    """What is open among the deliveries that are under way or unclear."""
    uncertain = [one for one in left_open if one.state is DeliveryState.UNCLEAR]
    # A younger one may be a run's that is at it right now.
    stale = [one for one in left_open if one.state in UNDER_WAY and now - one.since >= lease]
    return DeliveriesFacts(_labels(uncertain), _labels(stale))


def _labels(deliveries: Iterable[Delivery]) -> tuple[str, ...]:
    return tuple(f"{spelling} (guild {one.guild_id})" for one in deliveries for spelling in one.spellings)


def judge_uncertain(deliveries: DeliveriesFacts) -> Judgement:
    """Whether a person has to settle anything."""
    uncertain = deliveries.uncertain
    if uncertain:
        said = f"of {counted(len(uncertain), 'code')} nobody can tell whether it arrived: {named(uncertain)}"
        return fail(said, "look into the channels, then: giftping codes settle")
    return ok("of every code it is known whether it arrived")


def judge_claims(deliveries: DeliveriesFacts) -> Judgement:
    """Whether a run ended midway, and the next check has something to settle."""
    if deliveries.stale:
        said = left_midway(deliveries.stale, "code")
        return warn(said, "the next check looks; to have it look now: giftping codes check")
    return ok("no code is claimed for longer than the lease")


DELIVERIES_CHECKS: Checks[DeliveriesFacts] = (
    ("uncertain", judge_uncertain),
    ("claims", judge_claims),
)
