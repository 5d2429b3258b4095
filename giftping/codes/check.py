"""`codes check`: the story of one run, from sources to Discord.

Its steps, in order: what the sources list becomes codes, and the guards say which may go out; what an earlier run left
open is settled; what each guild is owed is planned; the courier claims, posts and records it; messages of before that
are not true any more are put right.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from giftping.codes.announcement import Announcement, announcements
from giftping.codes.check_tools import CheckRules, CheckTools
from giftping.codes.courier import Courier
from giftping.codes.edits import Editor, Edits
from giftping.codes.gather import Gathered
from giftping.codes.holds import JudgingRules
from giftping.codes.judge import Judged, Lists, judge_lists
from giftping.codes.left_open import Settled, Settling, left_after, settle_left, tidy
from giftping.codes.look import look_for
from giftping.codes.merge import merge
from giftping.codes.model import Code
from giftping.codes.owed import (
    OwedNow,
    at_their_place,
    left_to_later,
    messages_left_alone,
    owed_by,
    owed_now,
    resting_messages,
)
from giftping.codes.plan import (
    DestinationPlan,
    Listed,
    destination_plans,
    listed_by_game,
    plan_for,
    said_of_destinations,
    sightings_by_hand,
)
from giftping.codes.publishing import Published, Publisher
from giftping.codes.record import run_record
from giftping.codes.report import CheckReport, DeliveryReport, DeliveryResult, DestinationWork
from giftping.codes.request import CheckRequest
from giftping.codes.scope import OwnCodes, own_codes
from giftping.codes.subscriptions import by_guild, games_of
from giftping.delivery.broken_destination import is_resting
from giftping.delivery.clock import NO_TIME_YET
from giftping.delivery.deliveries import Delivery
from giftping.settings.catalogue import Game
from giftping.store.base import CodeRecord, Guild, Subscription
from giftping.store.records import Store
from giftping.words.catalogue import Words


def check(tools: CheckTools, rules: CheckRules, request: CheckRequest) -> CheckReport:
    """What one run did. Raise StoreError when the ledger cannot be read or written."""
    started = tools.clock()
    with tools.open_store() as store:
        run = _Check(tools, rules, request, store, _look(tools, rules, request, store, started))
        # What an earlier run left open comes before anything new: a code in it is neither owed nor delivered yet.
        settled = run.settle()
        owed = run.still_owed(settled)
        refused = at_their_place(settled.refused, run.subscriptions)
        alone = messages_left_alone(refused, run.subscriptions, tools.clock())
        plans = run.plan(owed, left_to_later(settled.reports, alone))
        work = run.deliver(plans, refused)
        run.tidy(settled, owed)
        published, edits = run.publish(), run.edit()
        report = run.report(settled, owed, alone, work, published, edits)
        if not request.dry_run:
            store.record_run(run_record(report, run.deliveries.host))
    return report


@dataclass(frozen=True, slots=True)
class _Looked:
    """What a run has seen before it does anything."""

    at: datetime
    everyone: Sequence[Subscription]
    """All subscriptions, also those that the run is not about."""
    guilds: Mapping[int, Guild]
    remembered: Sequence[CodeRecord]
    gathered: Gathered
    listed: Sequence[Code]
    """What the sources list, and people have added."""
    judged: Judged
    own: OwnCodes
    judging: JudgingRules
    ends_by: datetime
    """The instant by which a code has ended, once the sources have answered."""


def _look(tools: CheckTools, rules: CheckRules, request: CheckRequest, store: Store, at: datetime) -> _Looked:
    """What is followed, what is listed, and what of it may go out."""
    everyone, guilds = store.subscriptions(), store.guilds()
    # Only what is asked about is looked up below; an entry that cannot be read is told whatever it is of.
    tools.examine(store)
    gathered = tools.gathered or tools.gather(games_of(request.concerned(everyone)))
    remembered = store.codes()
    listed = merge([*gathered.sightings, *sightings_by_hand(remembered)])
    # Now and not before: what the sources say the time is may be better than what this host does.
    ends_by = (tools.ends_by or tools.clock)()
    judging = JudgingRules(tools.games, tools.sources, rules.skipped_regions)
    lists = Lists(listed, gathered.sources, remembered, everyone, judging, ends_by, store.unreadable_codes())
    judged = judge_lists(store, lists, seen_at=at, writes=not request.dry_run)
    own = own_codes(judged.records.values(), ends_by, rules.skipped_regions, tools.games)
    return _Looked(at, everyone, guilds, remembered, gathered, listed, judged, own, judging, ends_by)


class _Check:
    """One run under way: what it works with, and what it has seen."""

    def __init__(
        self, tools: CheckTools, rules: CheckRules, request: CheckRequest, store: Store, looked: _Looked
    ) -> None:
        self._tools = tools
        self._rules = rules
        self._request = request
        self._store = store
        self._looked = looked
        self.deliveries = tools.deliveries(store)
        self._courier = Courier(
            self.deliveries, tools.routes, tools.clock, tools.discord_now, tools.origins, self._speech, tools.stopped
        )
        self.subscriptions = request.concerned(looked.everyone)

    def _speech(self, guild_id: int) -> Words:
        guild = self._looked.guilds.get(guild_id)
        return self._tools.words(guild.language if guild else "")

    def settle(self) -> Settled:
        """How what earlier runs left open stands now."""
        looked = self._looked
        settling = Settling(
            games=self._tools.games,
            lease=self._rules.lease,
            resend=self._rules.resend_unclear,
            skipped_regions=self._rules.skipped_regions,
            request=self._request,
            ends_by=looked.ends_by,
        )
        known = [*looked.remembered, *looked.judged.records.values()]
        settled = settle_left(self._courier, settling, looked.everyone, looked.judged.valid, known, looked.own)
        if settled.reports:
            # Settling may have found a destination broken, or working again.
            self.subscriptions = self._request.concerned(self._store.subscriptions())
        return settled

    def still_owed(self, settled: Settled) -> OwedNow:
        """What becomes of what earlier runs could not deliver: to the guilds that this one is about, and those gone."""
        looked = self._looked
        before = [one for one in owed_by(settled.refused) if self._request.is_about(one.guild_id)]
        listed = {(code.game, code.key): code for code in looked.judged.codes}
        return owed_now(before, looked.everyone, looked.remembered, listed, now=looked.ends_by, rules=looked.judging)

    def plan(self, owed: OwedNow, not_again: Mapping[tuple[int, str], Collection[str]]) -> list[DestinationPlan]:
        """What each destination is owed but for what is not tried again now; one that is owed nothing has no plan."""
        looked, tools = self._looked, self._tools
        added = {game for _, game in looked.own}
        by_game = listed_by_game(
            looked.gathered.sources, looked.judged.valid, looked.remembered, looked.judged.records, added
        )
        listed = {game: by_game[game] for game in by_game if game in tools.games}
        subscriptions = [one for one in self.subscriptions if one.game in listed]
        known = self._recorded(subscriptions, listed, owed)
        plans = (
            plan_for(
                one,
                listed[one.game],
                known[one.game][one.guild_id].union(not_again.get(one.key, ())),
                owed.unlisted.get(one.key, ()),
                looked.own.get(one.key, {}),
            )
            for one in subscriptions
        )
        now = tools.clock()
        return destination_plans(
            (plan for plan in plans if not plan.is_empty),
            lambda one: is_resting(one.broken, now, by_webhook=one.destination.by_webhook),
        )

    def _recorded(
        self, subscriptions: Sequence[Subscription], listed: Mapping[str, Listed], owed: OwedNow
    ) -> dict[str, Mapping[int, frozenset[str]]]:
        """By game and guild the keys that the ledger knows.

        One question for all guilds of a game, whatever their number: a question each would be what a run costs.
        """
        codes = {game: [*of_game.codes] for game, of_game in listed.items()}
        for (_, game), unlisted in owed.unlisted.items():
            codes.get(game, []).extend(unlisted)
        for (_, game), own in self._looked.own.items():
            codes.get(game, []).extend(own.values())
        return {
            game: self._store.recorded(
                game,
                {code.key: code.number for code in of_game},
                [one.guild_id for one in subscriptions if one.game == game],
                with_strays=True,
            )
            for game, of_game in codes.items()
        }

    def deliver(self, plans: Sequence[DestinationPlan], refused: Sequence[Delivery]) -> list[DestinationWork]:
        """What the plans brought: destinations side by side, because they wait for rate limits of their own."""
        done = self._rehearsed(plans) if self._request.dry_run else self._carried_out(plans, refused)
        return said_of_destinations(plans, done, by_guild(self._looked.everyone))

    def _carried_out(self, plans: Sequence[DestinationPlan], refused: Sequence[Delivery]) -> list[DestinationWork]:
        owed: dict[int | None, list[Delivery]] = {}
        for one in refused:
            owed.setdefault(one.guild_id, []).append(one)
        return self._tools.side_by_side(lambda plan: self._carry_out(plan, owed.get(plan.first.guild_id, ())), plans)

    def _carry_out(self, destination: DestinationPlan, owed: Sequence[Delivery]) -> DestinationWork:
        """What one destination brought: game by game, first what is only recorded, then what is posted."""
        courier = self._courier
        deliveries: list[DeliveryReport] = []
        for plan in destination.plans:
            if self._tools.stopped() or self._store.held_back:
                return DestinationWork(tuple(deliveries))
            subscription = plan.subscription
            if plan.seed:
                courier.seed(subscription, plan.seed)
            # After the seeding, never before it: a run that is killed in between would take old codes for new ones.
            if plan.looked_at or plan.ends_announce_current:
                self._store.note_seeded(
                    *subscription.key, plan.looked_at, plan.addresses, announced=plan.ends_announce_current
                )
            broke = next((delivery.reason for delivery in deliveries if delivery.broke), "")
            if destination.resting or broke:
                courier.owe(subscription, plan.announce, broke or destination.broken_reason, owed)
            else:
                game = self._tools.games[subscription.game]
                deliveries += courier.announce(subscription, game, plan.announce, owed)
        return DestinationWork(tuple(deliveries), destination.seeds(), destination.rest())

    def _rehearsed(self, plans: Sequence[DestinationPlan]) -> list[DestinationWork]:
        """What carrying the plans out would bring."""
        # Most guilds are owed the same, and would be sent the same: one message for all of them is kept.
        parts: dict[tuple[object, ...], list[Announcement]] = {}
        work = []
        for destination in plans:
            deliveries: list[DeliveryReport] = []
            for plan in () if destination.resting else destination.plans:
                one = plan.subscription
                words = self._speech(one.guild_id)
                key = (one.game, words.language, one.style, one.mentions, *map(id, plan.announce))
                if key not in parts:
                    parts[key] = announcements(look_for(one, self._tools.games[one.game], words), plan.announce)
                deliveries += self._courier.rehearse(one, parts[key])
            work.append(DestinationWork(tuple(deliveries), destination.seeds(), destination.rest()))
        return work

    def tidy(self, settled: Settled, owed: OwedNow) -> None:
        """Remove what is done, and what is owed no more, unless the run only rehearses."""
        if not self._request.dry_run:
            tidy(self.deliveries, settled, owed, self._request, self._looked.at)

    @property
    def _leaves_messages_alone(self) -> bool:
        """Whether no message of before is touched: without a witness of the time nobody knows what ended."""
        return self._looked.ends_by == NO_TIME_YET or self._tools.stopped() or bool(self._store.held_back)

    def publish(self) -> Published:
        """What was published of what this run, and earlier ones, have sent."""
        if self._leaves_messages_alone:
            return Published()
        tools = self._tools
        publisher = Publisher(
            store=self._store,
            publish=tools.publish,
            clock=tools.clock,
            stopped=tools.stopped,
            side_by_side=tools.side_by_side,
            records=self._looked.judged.records,
            subscriptions=self.subscriptions,
            everyone=self._looked.everyone,
            now=self._looked.ends_by,
        )
        return publisher.rehearse() if self._request.dry_run else publisher.publish_owed()

    def edit(self) -> Edits:
        """What was put right in messages that were sent before."""
        if self._leaves_messages_alone or not self._rules.edit_messages:
            return Edits()
        tools, request = self._tools, self._request
        editor = Editor(
            store=self._store,
            routes=tools.routes,
            games={slug: game for slug, game in tools.games.items() if request.game in (None, slug)},
            clock=tools.clock,
            stopped=tools.stopped,
            side_by_side=tools.side_by_side,
            words=self._speech,
            records=self._looked.judged.records,
            subscriptions=by_guild(self.subscriptions),
            now=self._looked.ends_by,
            host=self.deliveries.host,
        )
        return editor.rehearse() if request.dry_run else editor.keep_true(notes=request.is_complete)

    def report(
        self,
        settled: Settled,
        owed: OwedNow,
        alone: Mapping[tuple[int, str], Sequence[Delivery]],
        work: Sequence[DestinationWork],
        published: Published,
        edits: Edits,
    ) -> CheckReport:
        """What the run did, and what it leaves for the next one."""
        looked, judged, tools, store = self._looked, self._looked.judged, self._tools, self._store
        left = left_after(self.deliveries)
        return CheckReport(
            started_at=looked.at,
            finished_at=tools.clock(),
            dry_run=self._request.dry_run,
            guild_count=len(by_guild(self.subscriptions)),
            guilds=looked.guilds,
            games=games_of(self.subscriptions),
            lists=looked.gathered.fingerprint,
            sources=looked.gathered.sources,
            settled=settled.reports,
            refused_messages=tuple(resting_messages(alone, self.subscriptions)),
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
            broken=_broken(self.subscriptions, work),
            uncertain=left.uncertain,
            others_lease_ends=left.first_lease_to_end(self._rules.lease, tools.clock(), tools.discord_now()),
            disagreements=tuple(text for code in looked.listed for text in code.disagreements),
            trouble=(*_unknown_games(self.subscriptions, tools.games), *store.odd, *filter(None, [store.held_back])),
            stopped=tools.stopped(),
            is_whole=self._request.is_complete and not tools.stopped(),
        )


def _broken(subscriptions: Iterable[Subscription], work: Iterable[DestinationWork]) -> int:
    """How many destinations there are that a person has to mend, once the work is done."""
    deliveries = [delivery for one in work for delivery in one.deliveries]
    mended = {(one.guild_id, one.game) for one in deliveries if one.result is DeliveryResult.SENT}
    broke = {(one.guild_id, one.game) for one in deliveries if one.broke}
    there = list(subscriptions)
    well = {(one.guild_id, one.destination) for one in there if one.key in mended}
    bad = {(one.guild_id, one.destination) for one in there if one.broken is not None} - well
    return len(bad | {(one.guild_id, one.destination) for one in there if one.key in broke})


def _unknown_games(subscriptions: Iterable[Subscription], games: Mapping[str, Game]) -> Iterator[str]:
    for one in subscriptions:
        if one.game not in games:
            yield f"guild {one.guild_id} follows {one.game!r}, a game that no settings name: giftping config check"
