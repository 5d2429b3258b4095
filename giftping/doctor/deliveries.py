"""The gift codes that no run has brought to an end: uncertain, left behind, refused, or held."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from giftping.codes.holds import commands_for
from giftping.codes.owed import at_their_place
from giftping.codes.places import meaning_told
from giftping.delivery.deliveries import UNDER_WAY, DeliveryState
from giftping.doctor.judgement import Checks, Judgement, fail, left_midway, named, ok, warn
from giftping.text import counted, to_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime, timedelta

    from giftping.codes.held_codes import HeldCode
    from giftping.delivery.deliveries import Delivery
    from giftping.store.base import Subscription


@dataclass(frozen=True, slots=True)
class DeliveriesFacts:
    """The codes whose delivery is open, each with its guild."""

    uncertain: tuple[str, ...] = ()
    """Of these nobody can tell whether they arrived; they wait for a person."""
    stale: tuple[str, ...] = ()
    """These were claimed longer ago than the lease."""
    refused: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By what somebody has to mend: what was refused, where it was not the destination's fault."""
    held: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By source: what is listed, is held until a person says so, and has guilds that wait for it."""
    held_for_now: int = 0
    """How many more codes are held, which time releases."""


def look_at_deliveries(
    left_open: Sequence[Delivery],
    held: Iterable[HeldCode],
    subscriptions: Iterable[Subscription],
    now: datetime,
    lease: timedelta,
) -> DeliveriesFacts:
    """What is open among the deliveries that are under way, unclear or refused, and among what is held."""
    uncertain = [one for one in left_open if one.state is DeliveryState.UNCLEAR]
    # A younger one may be a run's that is at it right now.
    stale = [one for one in left_open if one.state in UNDER_WAY and now - one.since >= lease]
    waited_for = [one for one in held if one.is_listed and one.guilds]
    # What time would have released by now waits for its source to answer, and nobody knows how long.
    for_now = [one for one in waited_for if one.clearance.held_until is not None and one.clearance.held_until > now]
    return DeliveriesFacts(
        _labels(uncertain),
        _labels(stale),
        _refused(left_open, subscriptions),
        _held(one for one in waited_for if one not in for_now),
        len(for_now),
    )


def _held(waiting: Iterable[HeldCode]) -> dict[str, tuple[str, ...]]:
    held: dict[str, tuple[str, ...]] = {}
    for one in waiting:
        source = one.clearance.held_by
        held[source] = (*held.get(source, ()), f"{one.record.spelling} ({counted(len(one.guilds), 'guild')})")
    return held


def _refused(left_open: Sequence[Delivery], subscriptions: Iterable[Subscription]) -> dict[str, tuple[str, ...]]:
    known = {one.key: one for one in subscriptions}
    refused: dict[str, list[Delivery]] = {}
    for one in at_their_place(left_open, known.values()):
        subscription = known.get((one.guild_id or 0, one.game))
        if one.state is not DeliveryState.REFUSED or subscription is None:
            continue
        meaning = meaning_told(subscription, one.reason)
        # What is wrong with a destination is said of the destination.
        if meaning.mend and not meaning.is_of_destination:
            refused.setdefault(meaning.mend, []).append(one)
    return {mend: _labels(deliveries) for mend, deliveries in refused.items()}


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


def judge_refused(deliveries: DeliveriesFacts) -> list[Judgement]:
    """What is tried again, in vain until somebody has mended something."""
    found = [
        warn(f"{counted(len(codes), 'code')} refused, and tried again at times: {named(codes)}", _next_step(mend))
        for mend, codes in deliveries.refused.items()
    ]
    return found or [ok("no code is refused for what somebody has to mend beside a destination")]


def _next_step(mend: str) -> str:
    # What says itself how to have it tried at once is left as it is.
    return mend if "giftping " in mend else f"{mend}, then: giftping guilds test GUILD"


def judge_held(deliveries: DeliveriesFacts) -> list[Judgement]:
    """What is listed, and goes out in no guild until a person says so."""
    found = [
        warn(
            f"{counted(len(codes), 'code', 'wait')} until you say whether they are real: {named(codes)}",
            f"look at them: {to_type('codes', 'held')}; then: {commands_for(source=source)}",
            source,
        )
        for source, codes in sorted(deliveries.held.items())
    ]
    for_now = deliveries.held_for_now
    said = f"; {counted(for_now, 'code', 'are')} held for a while" if for_now else ""
    return found or [ok(f"no code waits for you to say whether it is real{said}")]


DELIVERIES_CHECKS: Checks[DeliveriesFacts] = (
    ("uncertain", judge_uncertain),
    ("claims", judge_claims),
    ("refused", judge_refused),
    ("held", judge_held),
)
