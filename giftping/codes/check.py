"""`codes check`: the story of one run, from sources to Discord."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from giftping.codes.broken_destination import is_resting
from giftping.codes.courier import Clock, Courier, Origins, Routes
from giftping.codes.gather import Gathered
from giftping.codes.guards import verdict
from giftping.codes.idle import FULL_LOOK_EVERY, GLANCE_EVERY, IdleMark
from giftping.codes.merge import merge
from giftping.codes.model import Code, key_of
from giftping.codes.plan import (
    GuildPlan,
    Listed,
    code_records,
    games_of,
    listed_by_game,
    plan_game,
    sightings_by_hand,
)
from giftping.codes.record import run_record
from giftping.codes.report import CheckReport, DeliveryReport, GuildWork
from giftping.codes.request import CheckRequest
from giftping.codes.settle import OpenDelivery, Settler, may_settle, open_deliveries
from giftping.settings.catalogue import Game
from giftping.store.base import EntryState, GuildRecord, Store

TOLD_AGAIN = timedelta(days=1, minutes=1)
"""After how long a run that could be idle looks again at what is wrong, so that it can be told once more."""


@dataclass(frozen=True, slots=True)
class CheckRules:
    """The settings a check follows, and since when deliveries that this host left open are left alone, by id."""

    host: str
    lease: timedelta
    quiet_since: Mapping[str, datetime] = field(default_factory=dict)
    resend_unclear: bool = False
    skipped_regions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CheckTools:
    """What a check works with, passed in by the wiring.

    `gathered` is what the sources list, where they were asked before; `side_by_side` calls the function for each
    plan and returns the results in order. Once `stopped` says so nothing new is begun.
    """

    clock: Clock
    gather: Callable[[Collection[str]], Gathered]
    open_store: Callable[[], Store]
    routes: Routes
    games: Mapping[str, Game]
    origins: Origins
    side_by_side: Callable[[Callable[[GuildPlan], GuildWork], Sequence[GuildPlan]], list[GuildWork]]
    gathered: Gathered | None = None
    stopped: Callable[[], bool] = lambda: False


def check(tools: CheckTools, rules: CheckRules, request: CheckRequest) -> CheckReport:
    """Return what one run did. Raise StoreError when the ledger cannot be read or written."""
    started = tools.clock()
    with tools.open_store() as store:
        courier = Courier(store, tools.routes, tools.clock, rules.host, tools.origins, tools.stopped)
        everyone = store.guilds()
        gathered = tools.gathered or tools.gather(games_of(request.concerned(everyone)))
        remembered = store.codes()
        codes = merge([*gathered.sightings, *sightings_by_hand(remembered)])
        valid = [code for code in codes if verdict(code, started, rules.skipped_regions).may_go_out]
        if not request.dry_run:
            store.remember(code_records(codes, started))
        settled = _settle(courier, tools, rules, request, valid, everyone)
        # Settling may have found a destination broken, or working again.
        guilds = request.concerned(store.guilds() if settled else everyone)
        listed = {
            game: of_game
            for game, of_game in listed_by_game(gathered.sources, valid, remembered).items()
            if game in tools.games
        }
        plans = _plan(store, guilds, listed, settled, tools.clock())
        if request.dry_run:
            work = [_rehearse(courier, plan, tools.games) for plan in plans]
        else:
            work = tools.side_by_side(lambda plan: _carry_out(courier, plan, tools), plans)
        left = open_deliveries(store, (EntryState.CLAIMED, EntryState.UNCERTAIN))
        report = CheckReport(
            started_at=started,
            finished_at=tools.clock(),
            dry_run=request.dry_run,
            guild_count=len(guilds),
            games=games_of(guilds),
            lists=gathered.fingerprint,
            sources=gathered.sources,
            settled=tuple(settled),
            work=tuple(work),
            uncertain=sum(entry.state is EntryState.UNCERTAIN for delivery in left for entry in delivery.entries),
            others_lease_ends=_first_lease_to_end(left, rules),
            disagreements=tuple(text for code in codes for text in code.disagreements),
            trouble=tuple(_unknown_games(guilds, tools.games)),
            stopped=tools.stopped(),
        )
        if not request.dry_run:
            store.record_run(run_record(report, rules.host))
    return report


def next_mark(report: CheckReport, settings: str, store: str, shared: str = "") -> IdleMark | None:
    """The mark that lets the next run be idle, None when there is something left to do."""
    if report.dry_run or not report.is_settled:
        return None
    due = [instant for instant in (*(rest.retry_at for rest in report.resting()), report.others_lease_ends) if instant]
    trouble = bool(report.uncertain or report.trouble or any(report.resting()))
    if trouble:
        due.append(report.finished_at + TOLD_AGAIN)
    return IdleMark(
        settings=settings,
        store=store,
        lists=report.lists,
        games=report.games,
        look_again_at=report.finished_at + (GLANCE_EVERY if shared else FULL_LOOK_EVERY),
        due_at=min(due, default=None),
        guild_count=report.guild_count,
        trouble=trouble,
        shared=shared,
    )


def _first_lease_to_end(left: Iterable[OpenDelivery], rules: CheckRules) -> datetime | None:
    ends = [
        delivery.held_since + rules.lease
        for delivery in left
        if delivery.held_by != rules.host and delivery.entries[0].state is EntryState.CLAIMED
    ]
    return min(ends, default=None)


def _unknown_games(guilds: Iterable[GuildRecord], games: Mapping[str, Game]) -> Iterator[str]:
    for guild in guilds:
        for game in guild.games:
            if game not in games:
                yield f"guild {guild.guild_id} follows {game!r}, a game that no settings name: giftping config check"


def _settle(
    courier: Courier,
    tools: CheckTools,
    rules: CheckRules,
    request: CheckRequest,
    valid: Sequence[Code],
    guilds: Iterable[GuildRecord],
) -> list[DeliveryReport]:
    store = courier.store
    left = [
        delivery
        for delivery in open_deliveries(store, (EntryState.CLAIMED,), request.guild_id)
        if may_settle(delivery, rules.host, rules.lease, tools.clock())
        and request.game in (None, delivery.entries[0].game)
    ]
    settler = Settler(
        courier=courier,
        guilds={guild.guild_id: guild for guild in guilds},
        games=tools.games,
        codes={(code.game, code.key): code for code in valid},
        lease=rules.lease,
        quiet_since=rules.quiet_since,
        resend=rules.resend_unclear,
    )
    if request.dry_run:
        return [settler.rehearse(delivery) for delivery in left]
    return [settler.settle(delivery) for delivery in left if not tools.stopped()]


def _plan(
    store: Store,
    guilds: Sequence[GuildRecord],
    listed: Mapping[str, Listed],
    settled: Iterable[DeliveryReport],
    now: datetime,
) -> list[GuildPlan]:
    known = {
        game: store.recorded(
            game,
            [code.key for code in of_game.codes],
            [guild.guild_id for guild in guilds if game in guild.games],
        )
        for game, of_game in listed.items()
    }
    tried: dict[tuple[int, str], set[str]] = {}
    for report in settled:
        tried.setdefault((report.guild_id, report.game), set()).update(map(key_of, report.codes))
    plans = []
    for guild in guilds:
        games = [
            plan_game(guild, listed[game], known[game][guild.guild_id] | tried.get((guild.guild_id, game), set()))
            for game in guild.games
            if game in listed
        ]
        plan = GuildPlan(guild, tuple(game for game in games if not game.is_empty), is_resting(guild, now))
        if plan.games:
            plans.append(plan)
    return plans


def _carry_out(courier: Courier, plan: GuildPlan, tools: CheckTools) -> GuildWork:
    deliveries: list[DeliveryReport] = []
    for game_plan in plan.games:
        if tools.stopped():
            return GuildWork(tuple(deliveries))
        if game_plan.seed:
            courier.seed(plan.guild, game_plan.seed)
        if game_plan.looked_at or game_plan.ends_announce_current:
            courier.store.note_seeded(
                plan.guild.guild_id,
                game_plan.game,
                game_plan.looked_at,
                announced=game_plan.ends_announce_current,
            )
        if not (plan.resting or any(delivery.broke for delivery in deliveries)):
            deliveries += courier.announce(plan.guild, tools.games[game_plan.game], game_plan.announce)
    return GuildWork(tuple(deliveries), plan.seeds(), plan.rest())


def _rehearse(courier: Courier, plan: GuildPlan, games: Mapping[str, Game]) -> GuildWork:
    deliveries: list[DeliveryReport] = []
    for game_plan in () if plan.resting else plan.games:
        deliveries += courier.rehearse(plan.guild, games[game_plan.game], game_plan.announce)
    return GuildWork(tuple(deliveries), plan.seeds(), plan.rest())
