"""What a guild is owed: which codes to seed, which to announce. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from giftping.codes.broken_destination import meaning_of_broken
from giftping.codes.gather import SourceReport
from giftping.codes.model import Code, Sighting
from giftping.codes.report import RestingReport, SeedReport
from giftping.settings.sources import MANUAL_SOURCE
from giftping.store.base import CodeRecord, GuildRecord, SourceMemory


@dataclass(frozen=True, slots=True)
class GamePlan:
    """What one guild is owed of one game."""

    game: str
    seed: tuple[Code, ...] = ()
    """What is recorded without being posted."""
    announce: tuple[Code, ...] = ()
    looked_at: tuple[str, ...] = ()
    """The sources whose list the guild has now had its first look at."""
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


@dataclass(frozen=True, slots=True)
class GuildPlan:
    """What one guild is owed of all its games."""

    guild: GuildRecord
    games: tuple[GamePlan, ...]
    resting: bool = False
    """Whether its destination is broken, so that nothing is posted for the time being."""

    @property
    def broken_reason(self) -> str:
        """What its destination said that is broken, empty where it is not."""
        return self.guild.broken.reason if self.guild.broken else ""

    def seeds(self) -> tuple[SeedReport, ...]:
        """What is recorded without being posted."""
        return tuple(
            SeedReport(self.guild.guild_id, plan.game, tuple(code.spelling for code in plan.seed))
            for plan in self.games
            if plan.seed
        )

    def rest(self) -> RestingReport | None:
        """What the guild is owed while its destination is broken, None when nothing is held back."""
        owed = sum(len(plan.announce) for plan in self.games)
        broken = self.guild.broken
        if not self.resting or broken is None or not owed:
            return None
        meaning = meaning_of_broken(self.guild)
        return RestingReport(self.guild.guild_id, owed, broken.reason, broken.since, broken.retry_at, meaning)


def plan_game(guild: GuildRecord, listed: Listed, recorded: Collection[str], unlisted: Sequence[Code] = ()) -> GamePlan:
    """What the guild is owed of the game, given the keys its ledger already holds.

    `unlisted` is owed from earlier runs, and no source lists it any more: it goes out without a look at the sources.

    A code is seeded instead of announced when every source that lists it is one this guild has had no look
    at yet, so that neither a new guild, nor a new source, nor one that failed in the first run brings a flood
    of old codes. `announce_current` turns the seeding off until every source has been looked at once.
    """
    seen = frozenset(guild.seeded.get(listed.game, ()))
    open_codes = [code for code in listed.codes if code.key not in recorded]
    # A source that has only failed so far has no list: its first one is seeded, whenever it comes.
    fresh = listed.sources_with_list - seen
    announce_current = listed.game in guild.announce_current
    seed = [] if announce_current else [code for code in open_codes if _is_from_before(guild, listed, code, seen)]
    seeded_keys = {code.key for code in seed}
    return GamePlan(
        game=listed.game,
        seed=tuple(seed),
        announce=(
            *(code for code in open_codes if code.key not in seeded_keys),
            *(code for code in unlisted if code.key not in recorded),
        ),
        looked_at=tuple(sorted(fresh)),
        ends_announce_current=announce_current and listed.sources <= listed.sources_with_list,
    )


def _is_from_before(guild: GuildRecord, listed: Listed, code: Code, seen: frozenset[str]) -> bool:
    added = listed.added_by_hand.get(code.key)
    # Where the guild has had a first look, what people had added by then is recorded: this came after it.
    if added is not None and (seen or added >= guild.created_at):
        return False
    return not seen.intersection(source for source in code.sources if source != MANUAL_SOURCE)


def code_records(codes: Iterable[Code], now: datetime) -> list[CodeRecord]:
    """What is to be remembered of the codes that are listed now."""
    return [
        CodeRecord(
            game=code.game,
            key=code.key,
            spelling=code.spelling,
            first_seen=now,
            last_seen=now,
            sources={name: SourceMemory(spelling, now, now) for name, spelling in code.spellings.items()},
            rewards=code.rewards,
            expires_at=code.expires_at,
            expiry_text=code.expiry_text,
            state=code.state.value,
            regions=code.regions,
        )
        for code in codes
    ]


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
    sources: Sequence[SourceReport], valid: Sequence[Code], remembered: Iterable[CodeRecord]
) -> dict[str, Listed]:
    """For each game that was looked at, the codes that may go out and the sources that have a list."""
    added = {
        (record.game, record.key): record.sources[MANUAL_SOURCE].first_seen
        for record in remembered
        if MANUAL_SOURCE in record.sources
    }
    codes = by_game(valid)
    # A game whose codes people add by hand needs no source.
    games = {source.game for source in sources} | set(codes)
    return {
        game: Listed(
            game=game,
            codes=tuple(codes.get(game, ())),
            sources=frozenset(source.name for source in sources if source.game == game),
            sources_with_list=frozenset(source.name for source in sources if source.game == game and source.has_list),
            added_by_hand={key: at for (of_game, key), at in added.items() if of_game == game},
        )
        for game in games
    }


def by_game(codes: Sequence[Code]) -> dict[str, list[Code]]:
    """The codes of each game, in their order."""
    grouped: dict[str, list[Code]] = {}
    for code in codes:
        grouped.setdefault(code.game, []).append(code)
    return grouped


def games_of(guilds: Iterable[GuildRecord]) -> tuple[str, ...]:
    """The games that these guilds follow, sorted."""
    return tuple(sorted({game for guild in guilds for game in guild.games}))
