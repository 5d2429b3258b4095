"""`codes check`: the story of one run, from sources to Discord.

Its steps, in order: what the sources list becomes codes, and the guards say which may go out; what an earlier run left
open is settled; what each guild is owed is planned; the courier claims, posts and records it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from giftping.codes.broken_destination import is_resting
from giftping.codes.courier import Courier, Origins, Routes
from giftping.codes.gather import Gathered
from giftping.codes.guards import clearance
from giftping.codes.merge import merge
from giftping.codes.model import Code
from giftping.codes.owed import Owed, OwedNow, arrived, owed_after, owed_document, owed_from, owed_now
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
from giftping.codes.settle import DeliverySettler, OpenDelivery, may_settle, open_deliveries
from giftping.delivery.clock import Clock
from giftping.settings.catalogue import Game
from giftping.store.base import CodeRecord, EntryState, GuildRecord, Store
from giftping.store.documents import OWED
from giftping.text import key_of


@dataclass(frozen=True, slots=True)
class CheckRules:
    """The settings a check follows, and what its host knows of earlier runs."""

    host: str
    """The name under which this host claims."""
    lease: timedelta
    """How long a claim of another host is left alone."""
    quiet_since: Mapping[str, datetime] = field(default_factory=dict)
    """Since when nobody is at the deliveries that this host left open, by their id."""
    resend_unclear: bool = False
    """Whether a message of which nobody can tell whether it arrived is posted again."""
    skipped_regions: frozenset[str] = frozenset()
    """Codes for these regions alone go out nowhere."""


@dataclass(frozen=True, slots=True)
class CheckTools:
    """What a check works with, passed in by the wiring."""

    clock: Clock
    gather: Callable[[Collection[str]], Gathered]
    """Asks the sources of these games."""
    open_store: Callable[[], Store]
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
        courier = Courier(store, tools.routes, tools.clock, rules.host, tools.origins, tools.stopped)
        settled = _settle(courier, tools, rules, request, valid, everyone)
        # Settling may have found a destination broken, or working again.
        guilds = request.concerned(store.guilds() if settled else everyone)

        listed = listed_by_game(gathered.sources, valid, remembered)
        owed = _owed(store, request, everyone, remembered, codes, rules, ends_by)
        known_games = {game: listed[game] for game in listed if game in tools.games}
        plans = _plan(store, guilds, known_games, settled, owed.now.unlisted, tools)
        work = _deliver(courier, plans, tools, dry_run=request.dry_run)
        if not request.dry_run:
            _note_owed(store, owed, settled, plans, work, tools.clock())

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
            missed=owed.now.missed,
            next_owed_end=owed.now.next_end,
            broken=_broken(guilds, work),
            uncertain=sum(entry.state is EntryState.UNCERTAIN for delivery in left for entry in delivery.entries),
            others_lease_ends=_first_lease_to_end(left, rules),
            disagreements=tuple(text for code in codes for text in code.disagreements),
            trouble=tuple(_unknown_games(guilds, tools.games)),
            stopped=tools.stopped(),
        )
        if not request.dry_run:
            store.record_run(run_record(report, rules.host))
    return report


def _settle(
    courier: Courier,
    tools: CheckTools,
    rules: CheckRules,
    request: CheckRequest,
    valid: Sequence[Code],
    guilds: Iterable[GuildRecord],
) -> list[DeliveryReport]:
    """How the deliveries stand that an earlier run left open, as far as this host may look into them."""
    left = [
        delivery
        for delivery in open_deliveries(courier.store, (EntryState.CLAIMED,), request.guild_id)
        if may_settle(delivery, rules.host, rules.lease, tools.clock())
        and request.game in (None, delivery.entries[0].game)
    ]
    settler = DeliverySettler(
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


@dataclass(frozen=True, slots=True)
class _OwedBefore:
    """What earlier runs left owed, and what becomes of it in this one."""

    before: tuple[Owed, ...]
    now: OwedNow


def _owed(
    store: Store,
    request: CheckRequest,
    everyone: Sequence[GuildRecord],
    records: Sequence[CodeRecord],
    codes: Sequence[Code],
    rules: CheckRules,
    now: datetime,
) -> _OwedBefore:
    """What earlier runs could not deliver to the guilds that this one is about, and to those that are there no more."""
    concerned = {guild.guild_id for guild in request.concerned(everyone)}
    left_out = {guild.guild_id for guild in everyone} - concerned
    before = [one for one in owed_from(store.documents(OWED)) if one.guild_id not in left_out]
    listed = {(code.game, code.key): code for code in codes}
    became = owed_now(before, everyone, records, listed, now=now, skipped_regions=rules.skipped_regions)
    return _OwedBefore(tuple(before), became)


def _note_owed(
    store: Store,
    owed: _OwedBefore,
    settled: Sequence[DeliveryReport],
    plans: Sequence[GuildPlan],
    work: Sequence[GuildWork],
    now: datetime,
) -> None:
    """Remember what is owed from now on, and forget what is not; a run that changes nothing of it writes nothing."""
    deliveries = [*settled, *(delivery for one in work for delivery in one.deliveries)]
    waiting = [(plan.guild, code) for plan in plans if plan.resting for game in plan.games for code in game.announce]
    known = {one.id for one in owed.before}
    after = owed_after(deliveries, waiting, now)
    there: set[str] = set()
    for game in {one.game for one in owed.before}:
        of_game = [one for one in owed.before if one.game == game]
        recorded = store.recorded(game, {one.key for one in of_game}, {one.guild_id for one in of_game})
        there |= {one.id for one in of_game if one.key in recorded[one.guild_id]}
    if over := (owed.now.over | there | (arrived(deliveries) & known)) - after.keys():
        store.remove_documents(OWED, over)
    if new := [owed_document(one) for id_, one in after.items() if id_ not in known]:
        store.insert_documents(OWED, new)


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


def _deliver(courier: Courier, plans: Sequence[GuildPlan], tools: CheckTools, *, dry_run: bool) -> list[GuildWork]:
    """What the plans brought: guilds side by side, because they wait for rate limits of their own."""
    if dry_run:
        return [_rehearse(courier, plan, tools.games) for plan in plans]
    return tools.side_by_side(lambda plan: _carry_out(courier, plan, tools), plans)


def _carry_out(courier: Courier, plan: GuildPlan, tools: CheckTools) -> GuildWork:
    """What one guild brought: game by game, first what is only recorded, then what is posted."""
    deliveries: list[DeliveryReport] = []
    for game_plan in plan.games:
        if tools.stopped():
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
        if not (plan.resting or any(delivery.broke for delivery in deliveries)):
            deliveries += courier.announce(plan.guild, tools.games[game_plan.game], game_plan.announce)
    return GuildWork(tuple(deliveries), plan.seeds(), plan.rest())


def _rehearse(courier: Courier, plan: GuildPlan, games: Mapping[str, Game]) -> GuildWork:
    """What carrying the plan out would bring."""
    deliveries: list[DeliveryReport] = []
    for game_plan in () if plan.resting else plan.games:
        deliveries += courier.rehearse(plan.guild, games[game_plan.game], game_plan.announce)
    return GuildWork(tuple(deliveries), plan.seeds(), plan.rest())


def _first_lease_to_end(left: Iterable[OpenDelivery], rules: CheckRules) -> datetime | None:
    """When this host may look into a delivery of another one; an idle run must not sleep past that."""
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
