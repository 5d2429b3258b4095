"""What sources list, judged run by run: a store, a clock, and one guild that has looked at every source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from code_builders import sighting, source
from fakes.records import NOON, subscription
from fakes.rules import SKIPPED_REGIONS
from fakes.store import MemoryStore

from giftping.codes.holds import JudgingRules
from giftping.codes.judge import Judged, Lists, judge_lists
from giftping.codes.merge import merge
from giftping.codes.model import Sighting
from giftping.codes.plan import sightings_by_hand
from giftping.settings.catalogue import Game
from giftping.settings.sources import SourceDefinition, read_definition
from giftping.store.base import HOME_GAME, CodeRecord

ROUND = timedelta(minutes=10)


def definition(name: str, game: str = HOME_GAME, **keys: object) -> SourceDefinition:
    table = {"kind": "text", "game": game, "url": "https://codes.example/", "rows": {"code": ".*"}, **keys}
    found, problems = read_definition(name, table)
    assert not problems, problems
    return found


@dataclass
class Judging:
    """Runs of judging; `store` may be shared by several of them, as by hosts."""

    games: dict[str, Game] = field(default_factory=lambda: {HOME_GAME: Game(HOME_GAME, "Whiteout Survival")})
    sources: dict[str, SourceDefinition] = field(default_factory=dict)
    store: MemoryStore = field(default_factory=MemoryStore)
    now: datetime = NOON
    new_to: set[str] = field(default_factory=set)
    """The sources that nobody has looked at before."""
    failing: set[str] = field(default_factory=set)
    listed_at: dict[str, datetime] = field(default_factory=dict)

    def run(self, *, after: timedelta = ROUND, writes: bool = True, **lists: Sequence[str | Sighting]) -> Judged:
        """Judge what these sources list; a code is a text, or a whole sighting."""
        self.now += after
        names = {name.replace("_", "-"): rows for name, rows in lists.items()}
        for name in names:
            self.sources.setdefault(name, definition(name))
        sightings = [
            replace(row, source=name, game=self.sources[name].game)
            if isinstance(row, Sighting)
            else sighting(row, self.sources[name].game, name)
            for name, rows in names.items()
            for row in rows
        ]
        reports = [
            source(
                name,
                self.sources[name].game,
                failing_since=self.now if name in self.failing else None,
                listed_before=self.listed_at.get(name),
            )
            for name in names
        ]
        self.listed_at |= dict.fromkeys(names, self.now)
        remembered = self.store.codes()
        seeded: dict[str, tuple[str, ...]] = {}
        for name in names.keys() - self.new_to:
            game = self.sources[name].game
            seeded[game] = (*seeded.get(game, ()), name)
        listed = merge([*sightings, *sightings_by_hand(remembered)])
        rules = JudgingRules(self.games, self.sources, SKIPPED_REGIONS)
        subscriptions = [subscription(1, game, seeded=looked_at) for game, looked_at in seeded.items()]
        found = Lists(listed, reports, remembered, subscriptions, rules, self.now)
        return judge_lists(self.store, found, seen_at=self.now, writes=writes)

    def known(self, spelling: str, game: str = HOME_GAME) -> CodeRecord:
        return next(one for one in self.store.codes(game) if one.key == spelling.upper())


def out(judged: Judged) -> set[str]:
    """What may go out."""
    return {code.spelling for code in judged.valid}


def held(judged: Judged) -> dict[str, str]:
    """What is held, and why."""
    return {one.spelling: one.reason for one in judged.held}


def refused(judged: Judged) -> dict[str, str]:
    return {one.spelling: one.reason for one in judged.refused}


def some(count: int, stem: str = "Winter") -> list[str]:
    """So many codes that look like nothing else."""
    return [f"{stem}{number:02}Gift" for number in range(count)]
