"""`codes check`: the story of one run, from sources to Discord.

Its steps, in order: what the sources list becomes codes, and the guards say which may go out; what an earlier run left
open is settled; what each guild is owed is planned; the courier claims, posts and records it; messages of before that
are not true any more are put right.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from giftping.codes.announcement import Announcement, announcements
from giftping.codes.courier import Courier, Routes, Speech
from giftping.codes.edits import Concurrently, Editor, Edits
from giftping.codes.entries import Origins
from giftping.codes.fence import DiscordClock
from giftping.codes.gather import Gathered
from giftping.codes.holds import JudgingRules
from giftping.codes.judge import Lists, judge_lists
from giftping.codes.left_open import Settling, left_after, settle_left, tidy
from giftping.codes.look import look_for
from giftping.codes.merge import merge
from giftping.codes.model import Code
from giftping.codes.owed import OwedNow, messages_left_alone, owed_by, owed_now, resting_messages
from giftping.codes.plan import DestinationPlan, Listed, destination_plans, listed_by_game, plan_for, sightings_by_hand
from giftping.codes.publishing import Publish, Published, Publisher
from giftping.codes.record import run_record
from giftping.codes.report import CheckReport, DeliveryReport, DeliveryResult, DestinationWork
from giftping.codes.request import CheckRequest
from giftping.codes.scope import OwnCodes, own_codes
from giftping.codes.subscriptions import by_guild, games_of
from giftping.delivery.broken_destination import is_resting
from giftping.delivery.clock import NO_TIME_YET, Clock
from giftping.delivery.deliveries import Deliveries, Delivery
from giftping.settings.catalogue import Game
from giftping.settings.sources import SourceDefinition
from giftping.store.base import CodeRecord, Subscription
from giftping.store.records import Store
from giftping.text import key_of
from giftping.words.catalogue import Words


@dataclass(frozen=True, slots=True)
class CheckRules:
    """The settings a check follows."""

    lease: timedelta
    """How long what another host has under way is left alone."""
    resend_unclear: bool = False
    """Whether a message of which nobody can tell whether it arrived is posted again, once."""
    skipped_regions: frozenset[str] = frozenset()
    """Codes for these regions alone go out nowhere."""
    edit_messages: bool = False
    """Whether messages are put right that announced what has ended, was withdrawn or corrected since."""


@dataclass(frozen=True, slots=True)
class CheckTools:
    """What a check works with, passed in by the wiring."""

    clock: Clock
    discord_now: DiscordClock
    gather: Callable[[Collection[str]], Gathered]
    """Asks the sources of these games."""
    open_store: Callable[[], Store]
    examine: Callable[[Store], object]
    """Looks for what cannot be read in the ledger: the store names it."""
    deliveries: Callable[[Store], Deliveries]
    """The deliveries in a store, in the name of this process."""
    routes: Routes
    games: Mapping[str, Game]
    """The games that the settings know, by slug."""
    sources: Mapping[str, SourceDefinition]
    """The sources that they know, by name."""
    origins: Origins
    words: Callable[[str], Words]
    """What is said in a language; in that of the settings where it is not named."""
    side_by_side: Concurrently
    publish: Publish
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
        everyone, guilds = store.subscriptions(), store.guilds()
        # Only what is asked about is looked up below; an entry that cannot be read is told whatever it is of.
        tools.examine(store)
        gathered = tools.gathered or tools.gather(games_of(request.concerned(everyone)))
        remembered = store.codes()
        listed_codes = merge([*gathered.sightings, *sightings_by_hand(remembered)])
        # Now and not before: what the sources say the time is may be better than what this host does.
        ends_by = (tools.ends_by or tools.clock)()
        judging = JudgingRules(tools.games, tools.sources, rules.skipped_regions)
        unreadable = store.unreadable_codes()
        lists = Lists(listed_codes, gathered.sources, remembered, everyone, judging, ends_by, unreadable)
        judged = judge_lists(store, lists, seen_at=started, writes=not request.dry_run)
        own = own_codes(judged.records.values(), ends_by, rules.skipped_regions, tools.games)

        def speech(guild_id: int) -> Words:
            return tools.words(guilds[guild_id].language if guild_id in guilds else "")

        # What an earlier run left open comes before anything new: a code in it is neither owed nor delivered yet.
        deliveries = tools.deliveries(store)
        courier = Courier(
            deliveries, tools.routes, tools.clock, tools.discord_now, tools.origins, speech, tools.stopped
        )
        settling = _settling(tools, rules, request, ends_by)
        known = [*remembered, *judged.records.values()]
        settled = settle_left(courier, settling, everyone, judged.valid, known, own)
        # Settling may have found a destination broken, or working again.
        subscriptions = request.concerned(store.subscriptions() if settled.reports else everyone)

        added = {game for _, game in own}
        listed = listed_by_game(gathered.sources, judged.valid, remembered, judged.records, added)
        owed = _owed(settled.refused, request, everyone, remembered, judged.codes, judging, ends_by)
        known_games = {game: listed[game] for game in listed if game in tools.games}
        alone = messages_left_alone(settled.refused, subscriptions, tools.clock())
        not_again = _not_again(settled.reports, alone)
        plans = _plan(store, subscriptions, known_games, not_again, owed.unlisted, own, tools)
        work = _deliver(courier, plans, settled.refused, tools, dry_run=request.dry_run)
        if not request.dry_run:
            tidy(deliveries, settled, owed, request, started)
        published = _publish(deliveries.store, judged.records, subscriptions, ends_by, tools, request)
        edits = Edits()
        if rules.edit_messages:
            edits = _edit(deliveries, judged.records, subscriptions, speech, ends_by, tools, request)

        left = left_after(deliveries)
        report = CheckReport(
            started_at=started,
            finished_at=tools.clock(),
            dry_run=request.dry_run,
            guild_count=len(by_guild(subscriptions)),
            guilds=guilds,
            games=games_of(subscriptions),
            lists=gathered.fingerprint,
            sources=gathered.sources,
            settled=settled.reports,
            refused_messages=tuple(resting_messages(alone, subscriptions)),
            work=tuple(work),
            refused=judged.refused,
            held=judged.held,
            released=judged.released,
            missed=owed.missed,
            edits=edits.reports,
            edits_left=edits.left,
            next_edit_at=edits.next_at,
            published=published.reports,
            next_publishing_at=published.next_at,
            next_owed_end=owed.next_end,
            broken=_broken(subscriptions, work),
            uncertain=left.uncertain,
            others_lease_ends=left.first_lease_to_end(rules.lease, tools.clock(), tools.discord_now()),
            disagreements=tuple(text for code in listed_codes for text in code.disagreements),
            trouble=(*_unknown_games(subscriptions, tools.games), *store.odd, *filter(None, [store.held_back])),
            stopped=tools.stopped(),
            is_whole=request.is_complete and not tools.stopped(),
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
    everyone: Sequence[Subscription],
    records: Sequence[CodeRecord],
    codes: Sequence[Code],
    rules: JudgingRules,
    now: datetime,
) -> OwedNow:
    """What becomes of what earlier runs could not deliver to the guilds that this one is about, or that are gone."""
    before = [one for one in owed_by(refused) if request.is_about(one.guild_id)]
    listed = {(code.game, code.key): code for code in codes}
    return owed_now(before, everyone, records, listed, now=now, rules=rules)


def _broken(subscriptions: Iterable[Subscription], work: Iterable[DestinationWork]) -> int:
    """How many destinations there are that a person has to mend, once the work is done."""
    deliveries = [delivery for one in work for delivery in one.deliveries]
    mended = {(one.guild_id, one.game) for one in deliveries if one.result is DeliveryResult.SENT}
    broke = {(one.guild_id, one.game) for one in deliveries if one.broke}
    there = list(subscriptions)
    well = {(one.guild_id, one.destination) for one in there if one.key in mended}
    bad = {(one.guild_id, one.destination) for one in there if one.broken is not None} - well
    return len(bad | {(one.guild_id, one.destination) for one in there if one.key in broke})


def _plan(
    store: Store,
    subscriptions: Sequence[Subscription],
    listed: Mapping[str, Listed],
    not_again: Mapping[tuple[int, str], Collection[str]],
    unlisted: Mapping[tuple[int, str], Sequence[Code]],
    own: OwnCodes,
    tools: CheckTools,
) -> list[DestinationPlan]:
    """What each destination is owed but for what is not tried again now; one that is owed nothing has no plan."""
    also = {game: [code for (_, of), codes in unlisted.items() if of == game for code in codes] for game in listed}
    for (_, game), codes in own.items():
        if game in listed:
            also[game] += codes.values()
    # One question for all guilds of a game, whatever their number: a question each would be what a run costs.
    known = {
        game: store.recorded(
            game,
            {code.key: code.number for code in (*of_game.codes, *also[game])},
            [one.guild_id for one in subscriptions if one.game == game],
            with_strays=True,
        )
        for game, of_game in listed.items()
    }
    plans = (
        plan_for(
            one,
            listed[one.game],
            known[one.game][one.guild_id].union(not_again.get(one.key, ())),
            unlisted.get(one.key, ()),
            own.get(one.key, {}),
        )
        for one in subscriptions
        if one.game in listed
    )
    now = tools.clock()
    return destination_plans(
        (plan for plan in plans if not plan.is_empty),
        lambda one: is_resting(one.broken, now, by_webhook=one.destination.by_webhook),
    )


def _not_again(
    settled: Iterable[DeliveryReport], alone: Mapping[tuple[int, str], Sequence[Delivery]]
) -> dict[tuple[int, str], set[str]]:
    """By guild and game the keys that a run leaves to a later one.

    What settling has just looked into is, whatever came of it: the trouble would be the same. So is what was refused
    for its content not long ago.
    """
    keys = {of: {key_of(spelling) for one in refused for spelling in one.spellings} for of, refused in alone.items()}
    for report in settled:
        keys.setdefault((report.guild_id, report.game), set()).update(map(key_of, report.codes))
    return keys


def _deliver(
    courier: Courier,
    plans: Sequence[DestinationPlan],
    refused: Sequence[Delivery],
    tools: CheckTools,
    *,
    dry_run: bool,
) -> list[DestinationWork]:
    """What the plans brought: destinations side by side, because they wait for rate limits of their own."""
    if dry_run:
        return _rehearsed(courier, plans, tools.games)
    owed: dict[int | None, list[Delivery]] = {}
    for one in refused:
        owed.setdefault(one.guild_id, []).append(one)
    return tools.side_by_side(lambda plan: _carry_out(courier, plan, owed.get(plan.first.guild_id, ()), tools), plans)


def _carry_out(
    courier: Courier, destination: DestinationPlan, owed: Sequence[Delivery], tools: CheckTools
) -> DestinationWork:
    """What one destination brought: game by game, first what is only recorded, then what is posted."""
    deliveries: list[DeliveryReport] = []
    for plan in destination.plans:
        if tools.stopped() or courier.store.held_back:
            return DestinationWork(tuple(deliveries))
        subscription = plan.subscription
        if plan.seed:
            courier.seed(subscription, plan.seed)
        # After the seeding, never before it: a run that is killed in between would take old codes for new ones.
        if plan.looked_at or plan.ends_announce_current:
            courier.store.note_seeded(
                *subscription.key, plan.looked_at, plan.addresses, announced=plan.ends_announce_current
            )
        broke = next((delivery.reason for delivery in deliveries if delivery.broke), "")
        if destination.resting or broke:
            courier.owe(subscription, plan.announce, broke or destination.broken_reason, owed)
        else:
            deliveries += courier.announce(subscription, tools.games[subscription.game], plan.announce, owed)
    return DestinationWork(tuple(deliveries), destination.seeds(), destination.rest())


def _rehearsed(courier: Courier, plans: Sequence[DestinationPlan], games: Mapping[str, Game]) -> list[DestinationWork]:
    """What carrying the plans out would bring."""
    # Most guilds are owed the same, and would be sent the same: one message for all of them is kept.
    parts: dict[tuple[object, ...], list[Announcement]] = {}
    work = []
    for destination in plans:
        deliveries: list[DeliveryReport] = []
        for plan in () if destination.resting else destination.plans:
            one = plan.subscription
            words = courier.words(one.guild_id)
            key = (one.game, words.language, one.style, one.mentions, *map(id, plan.announce))
            if key not in parts:
                parts[key] = announcements(look_for(one, games[one.game], words), plan.announce)
            deliveries += courier.rehearse(one, parts[key])
        work.append(DestinationWork(tuple(deliveries), destination.seeds(), destination.rest()))
    return work


def _edit(
    deliveries: Deliveries,
    records: Mapping[str, CodeRecord],
    subscriptions: Iterable[Subscription],
    speech: Speech,
    ends_by: datetime,
    tools: CheckTools,
    request: CheckRequest,
) -> Edits:
    """What was put right in messages that were sent before; without a witness of the time nobody knows what ended."""
    store = deliveries.store
    if ends_by == NO_TIME_YET or tools.stopped() or store.held_back:
        return Edits()
    editor = Editor(
        store=store,
        routes=tools.routes,
        games={slug: game for slug, game in tools.games.items() if request.game in (None, slug)},
        clock=tools.clock,
        stopped=tools.stopped,
        side_by_side=tools.side_by_side,
        words=speech,
        records=records,
        subscriptions=by_guild(subscriptions),
        now=ends_by,
        host=deliveries.host,
    )
    return editor.rehearse() if request.dry_run else editor.keep_true(notes=request.is_complete)


def _publish(
    store: Store,
    records: Mapping[str, CodeRecord],
    subscriptions: Sequence[Subscription],
    ends_by: datetime,
    tools: CheckTools,
    request: CheckRequest,
) -> Published:
    """What was published of what this run, and earlier ones, have sent."""
    if ends_by == NO_TIME_YET or tools.stopped() or store.held_back:
        return Published()
    publisher = Publisher(
        store=store,
        publish=tools.publish,
        clock=tools.clock,
        stopped=tools.stopped,
        side_by_side=tools.side_by_side,
        records=records,
        subscriptions=subscriptions,
        now=ends_by,
    )
    return publisher.rehearse() if request.dry_run else publisher.publish_owed()


def _unknown_games(subscriptions: Iterable[Subscription], games: Mapping[str, Game]) -> Iterator[str]:
    for one in subscriptions:
        if one.game not in games:
            yield f"guild {one.guild_id} follows {one.game!r}, a game that no settings name: giftping config check"
