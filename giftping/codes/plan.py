"""What a subscription is owed: which codes to seed, which to announce. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from giftping.codes.gather import SourceReport
from giftping.codes.holds import freed_at
from giftping.codes.model import Code, Sighting
from giftping.codes.report import DestinationWork, RestingReport, SeedReport
from giftping.codes.showing import all_shown
from giftping.codes.subscriptions import change_of
from giftping.delivery.broken_destination import meaning_of_broken
from giftping.settings.sources import MANUAL_SOURCE
from giftping.store.base import CodeRecord, Destination, SourceMemory, Subscription, code_id


@dataclass(frozen=True, slots=True)
class Plan:
    """What one subscription is owed."""

    subscription: Subscription
    seed: tuple[Code, ...] = ()
    """What is recorded without being posted."""
    announce: tuple[Code, ...] = ()
    looked_at: tuple[str, ...] = ()
    """The sources whose list it has now had its first look at."""
    addresses: Mapping[str, str] = field(default_factory=dict)
    """Where they were."""
    ends_announce_current: bool = False
    """Whether all of them are looked at now, so that codes may be seeded again from here on."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to record and nothing to post."""
        return not (self.seed or self.announce or self.looked_at or self.ends_announce_current)


@dataclass(frozen=True, slots=True)
class Listed:
    """What is listed of one game."""

    game: str
    codes: tuple[Code, ...]
    """Those that may go out now."""
    sources_with_list: frozenset[str]
    """Those of its sources that have answered at least once."""
    sources: frozenset[str]
    """All of its sources that are switched on."""
    added_by_hand: Mapping[str, datetime] = field(default_factory=dict)
    """When people added codes, by key."""
    addresses: Mapping[str, str] = field(default_factory=dict)
    """Where its sources are, as far as that is known."""
    freed: Mapping[str, datetime] = field(default_factory=dict)
    """When codes were held no more that had been, by key."""


@dataclass(frozen=True, slots=True)
class DestinationPlan:
    """What goes to one destination of a guild: what the subscriptions are owed that go there."""

    plans: tuple[Plan, ...]
    """One at least."""
    resting: bool = False
    """Whether the destination is broken, so that nothing is posted for the time being."""

    @property
    def first(self) -> Subscription:
        """The first of the subscriptions."""
        return self.plans[0].subscription

    @property
    def broken_reason(self) -> str:
        """What the destination said that is broken, empty where it is not."""
        return self.first.broken.reason if self.first.broken else ""

    def seeds(self) -> tuple[SeedReport, ...]:
        """What is recorded without being posted."""
        return tuple(
            SeedReport(*plan.subscription.key, tuple(code.spelling for code in plan.seed))
            for plan in self.plans
            if plan.seed
        )

    def rest(self) -> RestingReport | None:
        """What it is owed while it is broken, None when nothing is held back."""
        owed = sum(len(plan.announce) for plan in self.plans)
        broken = self.first.broken
        if not self.resting or broken is None or not owed:
            return None
        meaning = meaning_of_broken(broken, by_webhook=self.first.destination.by_webhook)
        return RestingReport(self.first.guild_id, owed, broken.reason, broken.since, broken.retry_at, meaning)


def destination_plans(plans: Iterable[Plan], is_resting: Callable[[Subscription], bool]) -> list[DestinationPlan]:
    """The plans by guild and destination: to one of them everything goes in turn."""
    grouped: dict[tuple[int, Destination], list[Plan]] = {}
    for plan in plans:
        grouped.setdefault((plan.subscription.guild_id, plan.subscription.destination), []).append(plan)
    # What broke it is noted in each of them, but for one that was added, or could not be read, at that moment.
    return [
        DestinationPlan(tuple(sorted(group, key=lambda one: one.subscription.broken is None)), True)
        if any(is_resting(one.subscription) for one in group)
        else DestinationPlan(tuple(group))
        for group in grouped.values()
    ]


def said_of_destinations(
    plans: Sequence[DestinationPlan], work: Sequence[DestinationWork], of_guild: Mapping[int, Sequence[Subscription]]
) -> list[DestinationWork]:
    """What the plans brought, with the commands in it that change the destinations which said no."""
    changes = [change_of(plan.first.key, of_guild[plan.first.guild_id]) for plan in plans]
    return [one.said_of(change) for one, change in zip(work, changes, strict=True)]


def plan_for(
    subscription: Subscription,
    listed: Listed,
    recorded: Collection[str],
    unlisted: Sequence[Code] = (),
    own: Mapping[str, Code] = MappingProxyType({}),
) -> Plan:
    """What the subscription is owed, given the keys its guild's ledger already holds.

    `unlisted` is owed from earlier runs, and no source lists it any more: it goes out without a look at the sources.
    So does what its guild's `own` people have added, by key.

    A code is seeded instead of announced when every source that lists it is one this subscription has had no look
    at yet, so that neither a new guild, nor a new source, nor one that failed in the first run brings a flood
    of old codes. `announce_current` turns the seeding off until every source has been looked at once.
    """
    seen = frozenset(
        name for name in subscription.seeded or () if subscription.has_looked_at(name, listed.addresses.get(name, ""))
    )
    there = {code.key: code for code in listed.codes}
    open_codes = [code for code in {**own, **there}.values() if code.key not in recorded]
    # A source that has only failed so far has no list: its first one is seeded, whenever it comes.
    fresh = listed.sources_with_list - seen
    announce_current = subscription.announce_current
    seed = (
        []
        if announce_current
        else [code for code in open_codes if code.key not in own and _is_from_before(subscription, listed, code, seen)]
    )
    seeded_keys = {code.key for code in seed}
    announce = [code for code in open_codes if code.key not in seeded_keys]
    # Where an older release looked at a source is noted once there is something to write anyway.
    noted = subscription.addresses
    unnoted = {name for name in seen & listed.addresses.keys() if not noted.get(name)} if announce or fresh else set()
    return Plan(
        subscription=subscription,
        seed=tuple(seed),
        announce=(
            *announce,
            *(code for code in unlisted if code.key not in recorded and code.key not in own),
        ),
        looked_at=tuple(sorted(fresh | unnoted)),
        addresses=listed.addresses,
        ends_announce_current=announce_current and listed.sources <= listed.sources_with_list,
    )


def _is_from_before(subscription: Subscription, listed: Listed, code: Code, seen: frozenset[str]) -> bool:
    added = listed.added_by_hand.get(code.key)
    # Where it has had a first look, what people had added by then is recorded: this came after it.
    if added is not None and (seen or added >= subscription.created_at):
        return False
    # A guild that came while it was held gets it as all others do, whether or not it has looked meanwhile.
    freed_at = listed.freed.get(code.key)
    if freed_at is not None and freed_at >= subscription.created_at:
        return False
    return not seen.intersection(source for source in code.sources if source != MANUAL_SOURCE)


def code_records(codes: Iterable[Code], known: Container[str], now: datetime) -> list[CodeRecord]:
    """What is to be remembered of the codes that are listed now.

    That of one which is not `known`, by id, says what all its messages show: there are none before it is remembered.
    """
    records = [
        CodeRecord(
            game=code.game,
            key=code.key,
            spelling=code.spelling,
            first_seen=now,
            last_seen=now,
            sources={name: SourceMemory(spelling, now, now) for name, spelling in code.spellings.items()},
            rewards=code.rewards,
            expires_at=code.expires_at,
            latest_end=code.expires_at,
            expiry_text=code.expiry_text,
            state=code.state.value,
            regions=code.regions,
        )
        for code in codes
    ]
    return [record if record.id in known else replace(record, shown=all_shown(record, now)) for record in records]


def sightings_by_hand(records: Iterable[CodeRecord]) -> list[Sighting]:
    """The codes that people added, as sightings of the manual source."""
    return [
        Sighting(
            source=MANUAL_SOURCE,
            game=record.game,
            spelling=record.sources[MANUAL_SOURCE].spelling,
            rewards=record.rewards,
            expires_at=record.expires_at,
            expiry_text=record.expiry_text,
        )
        for record in records
        if MANUAL_SOURCE in record.sources
    ]


def listed_by_game(
    sources: Sequence[SourceReport],
    valid: Sequence[Code],
    remembered: Iterable[CodeRecord],
    now_known: Mapping[str, CodeRecord] = MappingProxyType({}),
    added: Collection[str] = (),
) -> dict[str, Listed]:
    """For each game that was looked at, the codes that may go out and the sources that have a list.

    So it is for the games of which guilds' own people have `added` codes. `remembered` is what was known of codes
    before they were judged, `now_known` what is since then, by id.
    """
    by_hand = {
        (record.game, record.key): record.sources[MANUAL_SOURCE].first_seen
        for record in remembered
        if MANUAL_SOURCE in record.sources
    }
    codes = by_game(valid)
    freed = {
        (code.game, code.key): at
        for code in valid
        if (record := now_known.get(code_id(code.game, code.key))) is not None and (at := freed_at(record)) is not None
    }
    # A game whose codes people add by hand needs no source.
    games = {source.game for source in sources} | set(codes) | set(added)
    return {
        game: Listed(
            game=game,
            codes=tuple(codes.get(game, ())),
            sources=frozenset(source.name for source in sources if source.game == game),
            sources_with_list=frozenset(source.name for source in sources if source.game == game and source.has_list),
            added_by_hand={key: at for (of_game, key), at in by_hand.items() if of_game == game},
            addresses={source.name: source.address for source in sources if source.game == game and source.address},
            freed={key: at for (of_game, key), at in freed.items() if of_game == game},
        )
        for game in games
    }


def by_game(codes: Sequence[Code]) -> dict[str, list[Code]]:
    """The codes of each game, in their order."""
    grouped: dict[str, list[Code]] = {}
    for code in codes:
        grouped.setdefault(code.game, []).append(code)
    return grouped
