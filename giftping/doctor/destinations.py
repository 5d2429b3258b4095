"""The webhooks and channels that gift codes are announced in: whether each can be posted to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from giftping.codes.subscriptions import by_destination
from giftping.doctor.judgement import Checks, Judgement, judge_each, named, ok, warn
from giftping.doctor.one_destination import (
    DestinationFacts,
    judge_destination,
    known_destination,
    look_at_destination,
)
from giftping.settings.file import SettingsError
from giftping.text import counted, verb_for
from giftping.wiring import side_by_side

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from giftping.doctor.discord import BotClient
    from giftping.store.base import Subscription
    from giftping.wiring import Wiring

MOST_ASKED = 100
"""About how many destinations Discord is asked unless it is to be about all: four requests each."""


@dataclass(frozen=True, slots=True)
class DestinationsFacts:
    """The destinations of all subscriptions."""

    now: datetime
    """The time of the look."""
    destinations: tuple[DestinationFacts, ...] = ()


# Looking


def look_at_destinations(
    wiring: Wiring, bot: BotClient | None, subscriptions: Sequence[Subscription], now: datetime, *, live: bool
) -> DestinationsFacts:
    """How the destinations are, by guild; with `live` however many they are.

    Without a bot that Discord takes there are those of webhooks alone.
    """
    groups = by_destination(subscriptions)
    reachable = [group for group in groups if bot is not None or group[0].destination.webhook]
    # What is broken comes first: it is the last thing to leave out.
    in_turn = sorted(reachable, key=lambda group: all(one.broken is None for one in group))
    users = users_by_place(wiring, subscriptions)
    asked = side_by_side(lambda group: _look(wiring, bot, group, users), in_turn[: None if live else MOST_ASKED])
    left = [replace(known_destination(group), is_asked=False) for group in in_turn[len(asked) :]]
    guilds = Counter(group[0].guild_id for group in groups)
    found = [replace(one, is_one_of_several=guilds[one.guild_id] > 1) for one in (*asked, *left) if one]
    return DestinationsFacts(now, tuple(sorted(found, key=lambda one: one.guild_id)))


def _look(
    wiring: Wiring, bot: BotClient | None, group: Sequence[Subscription], users: Mapping[str, Collection[int]]
) -> DestinationFacts | None:
    try:
        facts = look_at_destination(wiring, bot, group)
        return replace(facts, shared_with=others_there(wiring, group[0], users))
    except SettingsError:
        # The token cannot be one, which stops every request; the check of the token says so.
        return None


def users_by_place(wiring: Wiring, subscriptions: Iterable[Subscription]) -> dict[str, dict[int, None]]:
    """The ids of the guilds that are given each destination, however that is written."""
    users: dict[str, dict[int, None]] = {}
    for one in subscriptions:
        users.setdefault(wiring.place_of(one.destination), {})[one.guild_id] = None
    return users


def others_there(wiring: Wiring, one: Subscription, users: Mapping[str, Collection[int]]) -> tuple[int, ...]:
    """The ids of the other guilds that are given the destination of a subscription."""
    return tuple(other for other in users.get(wiring.place_of(one.destination), ()) if other != one.guild_id)


# Judging


def judge_destinations(facts: DestinationsFacts) -> list[Judgement]:
    """Each destination that cannot be posted to, or soon not, and all others in one line."""
    troubled, well = judge_each(facts.destinations, partial(judge_destination, now=facts.now))
    asked = sum(one.is_asked for one in well)
    said = f"{asked} of {counted(len(facts.destinations), 'destination')} can be posted to"
    if left := len(well) - asked:
        said += f"; {left} {verb_for(left, 'were')} not asked about: giftping doctor --live asks about all"
    return troubled + ([ok(said)] if well else [])


def judge_vanished_webhooks(facts: DestinationsFacts) -> Judgement | None:
    """Whether webhooks are gone as they go where a certain older bot is about: a new one would go the same way."""
    webhooks = [one for one in facts.destinations if one.is_webhook and one.is_asked]
    gone = [f"guild {one.guild_id}" for one in webhooks if one.is_gone]
    if gone:
        said = (
            f"{counted(len(gone), 'webhook', 'are')} gone ({named(gone)}): an older TODO bot deletes, every few"
            " minutes, all webhooks of a guild that it has no note of"
        )
        next_step = "if that bot is in the guild, stop it before you make a new webhook, or use --channel instead"
        return warn(said, next_step)
    return ok("no webhook has vanished") if webhooks else None


DESTINATIONS_CHECKS: Checks[DestinationsFacts] = (
    ("destination", judge_destinations),
    ("webhook purge", judge_vanished_webhooks),
)
