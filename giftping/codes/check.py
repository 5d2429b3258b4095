"""`codes check`: the story of one run, from sources to Discord.

Its steps, in order: what the sources list becomes codes, and the guards say which may go out; what an earlier run left
open is settled; what each guild is owed is planned; the courier claims, posts and records it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from giftping.codes.broken_destination import is_resting
from giftping.codes.courier import Courier, DiscordClock, Origins, Routes
from giftping.codes.gather import Gathered
from giftping.codes.guards import clearance
from giftping.codes.left_open import Settled, Settling, left_after, settle_left
from giftping.codes.merge import merge
from giftping.codes.model import Code
from giftping.codes.owed import OwedNow, owed_by, owed_now, without
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
from giftping.codes.report import CheckReport, DeliveryReport, DeliveryResult, GuildWork
from giftping.codes.request import CheckRequest
from giftping.delivery.clock import Clock
from giftping.delivery.deliveries import Deliveries, Delivery
from giftping.settings.catalogue import Game
from giftping.store.base import CodeRecord, GuildRecord
from giftping.store.documents import LEDGER
from giftping.store.records import Store
from giftping.text import key_of


@dataclass(frozen=True, slots=True)
class CheckRules:
    """The settings a check follows."""

    lease: timedelta
    """How long what another host has under way is left alone."""
    resend_unclear: bool = False
    """Whether a message of which nobody can tell whether it arrived is posted again, once."""
    skipped_regions: frozenset[str] = frozenset()
    """Codes for these regions alone go out nowhere."""


@dataclass(frozen=True, slots=True)
class CheckTools:
    """What a check works with, passed in by the wiring."""

    clock: Clock
    discord_now: DiscordClock
    gather: Callable[[Collection[str]], Gathered]
    """Asks the sources of these games."""
    open_store: Callable[[], Store]
    deliveries: Callable[[Store], Deliveries]
    """The deliveries in a store, in the name of this process."""
    routes: Routes
    games: Mapping[str, Game]
    """The games that the settings know, by slug."""
    origins: Origins
    side_by_side: Callable[[Callable[[GuildPlan], GuildWork], Sequence[GuildPlan]], list[GuildWork]]
    """Calls the function for each plan, several at a time, and returns the results in order."""
    gathered: Gathered | None = None
    """What the sources list, where they were asked before the check."""
    stopped: Callable[[], bool] = lambda: False
    """Once this says so nothing new is begun."""
    ends_by: Clock | None = None
    """Gives the instant by which a code has ended, once the sources have answered; by default the clock's."""


def check(tools: CheckTools, rules: CheckRules, request: CheckRequest) -> CheckReport:
    """What one run did. Raise StoreError when the ledger cannot be read or written."""
    started = tools.clock()
    with tools.open_store() as store:
        everyone = store.guilds()
        gathered = tools.gathered or tools.gather(games_of(request.concerned(everyone)))
        remembered = store.codes()
        codes = merge([*gathered.sightings, *sightings_by_hand(remembered)])
        # Now and not before: what the sources say the time is may be better than what this host does.
        ends_by = (tools.ends_by or tools.clock)()
        valid = [code for code in codes if clearance(code, ends_by, rules.skipped_regions).may_go_out]
        if not request.dry_run:
            store.remember(code_records(codes, started))

        # What an earlier run left open comes before anything new: a code in it is neither owed nor delivered yet.
        deliveries = tools.deliveries(store)
        courier = Courier(deliveries, tools.routes, tools.clock, tools.discord_now, tools.origins, tools.stopped)
        settled = settle_left(courier, _settling(tools, rules, request, ends_by), everyone, valid, remembered)
        # Settling may have found a destination broken, or working again.
        guilds = request.concerned(store.guilds() if settled.reports else everyone)

        listed = listed_by_game(gathered.sources, valid, remembered)
        owed = _owed(settled.refused, request, everyone, remembered, codes, rules, ends_by)
        known_games = {game: listed[game] for game in listed if game in tools.games}
        plans = _plan(store, guilds, known_games, settled.reports, owed.unlisted, tools)
        work = _deliver(courier, plans, settled.refused, tools, dry_run=request.dry_run)
        if not request.dry_run:
            _tidy(deliveries, settled, owed, request, everyone)

        left = left_after(deliveries)
        report = CheckReport(
            started_at=started,
            finished_at=tools.clock(),
            dry_run=request.dry_run,
            guild_count=len(guilds),
            games=games_of(guilds),
            lists=gathered.fingerprint,
            sources=gathered.sources,
            settled=settled.reports,
            work=tuple(work),
            missed=owed.missed,
            next_owed_end=owed.next_end,
            broken=_broken(guilds, work),
            uncertain=left.uncertain,
            others_lease_ends=left.first_lease_to_end(rules.lease, tools.clock(), tools.discord_now()),
            disagreements=tuple(text for code in codes for text in code.disagreements),
            trouble=(*_unknown_games(guilds, tools.games), *settled.odd, *store.odd, *filter(None, [store.held_back])),
            stopped=tools.stopped(),
        )
        if not request.dry_run:
            store.record_run(run_record(report, deliveries.host))
    return report


def _settling(tools: CheckTools, rules: CheckRules, request: CheckRequest, ends_by: datetime) -> Settling:
    """What of the deliveries that earlier runs left open this run settles, and by which rules."""
    return Settling(
        games=tools.games,
        lease=rules.lease,
        resend=rules.resend_unclear,
        skipped_regions=rules.skipped_regions,
        request=request,
        ends_by=ends_by,
    )


def _owed(
    refused: Sequence[Delivery],
    request: CheckRequest,
    everyone: Sequence[GuildRecord],
    records: Sequence[CodeRecord],
    codes: Sequence[Code],
    rules: CheckRules,
    now: datetime,
) -> OwedNow:
    """What becomes of what earlier runs could not deliver to the guilds that this one is about, or that are gone."""
    left_out = _left_out(request, everyone)
    before = [one for one in owed_by(refused) if one.guild_id not in left_out]
    listed = {(code.game, code.key): code for code in codes}
    return owed_now(before, everyone, records, listed, now=now, skipped_regions=rules.skipped_regions)


def _left_out(request: CheckRequest, everyone: Sequence[GuildRecord]) -> set[int]:
    """The guilds that the run is not about."""
    return {guild.guild_id for guild in everyone} - {guild.guild_id for guild in request.concerned(everyone)}


def _tidy(
    deliveries: Deliveries,
    settled: Settled,
    owed: OwedNow,
    request: CheckRequest,
    everyone: Sequence[GuildRecord],
) -> None:
    """Remove the deliveries that are done, and what is not owed any more; a run that changes nothing writes nothing."""
    deliveries.remove_done(settled.done)
    left_out = _left_out(request, everyone)
    refused = [one for one in settled.refused if one.guild_id not in left_out]
    ids = {id_ for one in refused for id_ in one.entries}
    over = owed.over | (deliveries.store.engine.present(LEDGER, ids) if ids else frozenset())
    if changes := without(refused, over):
        deliveries.store.engine.change(changes)


def _broken(guilds: Iterable[GuildRecord], work: Iterable[GuildWork]) -> int:
    """How many of the guilds have a destination that a person has to mend, once the work is done."""
    before = {guild.guild_id for guild in guilds if guild.broken is not None}
    deliveries = [delivery for one in work for delivery in one.deliveries]
    mended = {delivery.guild_id for delivery in deliveries if delivery.result is DeliveryResult.SENT}
    return len((before - mended) | {delivery.guild_id for delivery in deliveries if delivery.broke})


def _plan(
    store: Store,
    guilds: Sequence[GuildRecord],
    listed: Mapping[str, Listed],
    settled: Iterable[DeliveryReport],
    unlisted: Mapping[tuple[int, str], Sequence[Code]],
    tools: CheckTools,
) -> list[GuildPlan]:
    """What each guild is owed; a guild that is owed nothing has no plan."""
    also = {game: {code.key for (_, of), codes in unlisted.items() if of == game for code in codes} for game in listed}
    # One question for all guilds of a game, whatever their number: a question each would be what a run costs.
    known = {
        game: store.recorded(
            game,
            [*(code.key for code in of_game.codes), *sorted(also[game])],
            [guild.guild_id for guild in guilds if game in guild.games],
        )
        for game, of_game in listed.items()
    }
    # What settling has just looked into is left to the next run, whatever came of it: the trouble would be the same.
    tried: dict[tuple[int, str], set[str]] = {}
    for report in settled:
        tried.setdefault((report.guild_id, report.game), set()).update(map(key_of, report.codes))
    now = tools.clock()
    plans = []
    for guild in guilds:
        games = [
            plan_game(
                guild,
                listed[game],
                known[game][guild.guild_id] | tried.get((guild.guild_id, game), set()),
                unlisted.get((guild.guild_id, game), ()),
            )
            for game in guild.games
            if game in listed
        ]
        owed = tuple(game for game in games if not game.is_empty)
        if owed:
            plans.append(GuildPlan(guild, owed, is_resting(guild, now)))
    return plans


def _deliver(
    courier: Courier, plans: Sequence[GuildPlan], refused: Sequence[Delivery], tools: CheckTools, *, dry_run: bool
) -> list[GuildWork]:
    """What the plans brought: guilds side by side, because they wait for rate limits of their own."""
    if dry_run:
        return [_rehearse(courier, plan, tools.games) for plan in plans]
    owed: dict[int | None, list[Delivery]] = {}
    for one in refused:
        owed.setdefault(one.guild_id, []).append(one)
    return tools.side_by_side(lambda plan: _carry_out(courier, plan, owed.get(plan.guild.guild_id, ()), tools), plans)


def _carry_out(courier: Courier, plan: GuildPlan, owed: Sequence[Delivery], tools: CheckTools) -> GuildWork:
    """What one guild brought: game by game, first what is only recorded, then what is posted."""
    deliveries: list[DeliveryReport] = []
    for game_plan in plan.games:
        if tools.stopped() or courier.store.held_back:
            return GuildWork(tuple(deliveries))
        if game_plan.seed:
            courier.seed(plan.guild, game_plan.seed)
        # After the seeding, never before it: a run that is killed in between would take old codes for new ones.
        if game_plan.looked_at or game_plan.ends_announce_current:
            courier.store.note_seeded(
                plan.guild.guild_id,
                game_plan.game,
                game_plan.looked_at,
                announced=game_plan.ends_announce_current,
            )
        broke = next((delivery.reason for delivery in deliveries if delivery.broke), "")
        if plan.resting or broke:
            courier.owe(plan.guild, game_plan.announce, broke or plan.broken_reason, owed)
        else:
            deliveries += courier.announce(plan.guild, tools.games[game_plan.game], game_plan.announce, owed)
    return GuildWork(tuple(deliveries), plan.seeds(), plan.rest())


def _rehearse(courier: Courier, plan: GuildPlan, games: Mapping[str, Game]) -> GuildWork:
    """What carrying the plan out would bring."""
    deliveries: list[DeliveryReport] = []
    for game_plan in () if plan.resting else plan.games:
        deliveries += courier.rehearse(plan.guild, games[game_plan.game], game_plan.announce)
    return GuildWork(tuple(deliveries), plan.seeds(), plan.rest())


def _unknown_games(guilds: Iterable[GuildRecord], games: Mapping[str, Game]) -> Iterator[str]:
    for guild in guilds:
        for game in guild.games:
            if game not in games:
                yield f"guild {guild.guild_id} follows {game!r}, a game that no settings name: giftping config check"
