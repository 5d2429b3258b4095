"""Brings announcements out: claim, fence, post, record. The only place that posts codes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from giftping.codes.announcement import Announcement, announcements
from giftping.codes.entries import ANNOUNCEMENT, Held, Origins, Publishing, claimed, freed, sent
from giftping.codes.fence import TAKEN, DeliveryFence, DiscordClock
from giftping.codes.model import Code
from giftping.codes.owed import parts_of
from giftping.codes.places import channel_in, dressed, meaning_there, next_place
from giftping.codes.report import DeliveryReport, DeliveryResult
from giftping.codes.showing import Showing
from giftping.delivery.broken_destination import broken_after
from giftping.delivery.clock import Clock
from giftping.delivery.deliveries import Deliveries, Delivery, DeliveryState, LostDeliveryError
from giftping.delivery.retries import message_retry_at
from giftping.discord.meanings import Kind, meaning_of
from giftping.discord.outcome import Done, Outcome, Refused, Route, Unclear
from giftping.discord.refusals import UNKNOWN_CHANNEL
from giftping.discord.snowflake import snowflake_at
from giftping.settings.catalogue import Game
from giftping.store.base import (
    Destination,
    EntryState,
    LedgerEntry,
    PostsIn,
    StoreAwayError,
    Subscription,
    entry_id,
)
from giftping.store.documents import LEDGER
from giftping.store.records import Store
from giftping.words.catalogue import Words

Routes = Callable[[Destination], Route | Refused]

Speech = Callable[[int], Words]
"""Gives what is said in a guild."""

NOT_TRIED = "not tried, because the message before it did not go out"

TRIES = 5
"""How often an arrival is noted anew because somebody else was at its delivery."""


@dataclass(frozen=True, slots=True)
class Courier:
    """Claims, posts and records announcements in the name of one process."""

    deliveries: Deliveries
    routes: Routes
    """The way to a destination, or why there is none."""
    clock: Clock
    discord_now: DiscordClock
    origins: Origins
    words: Speech
    stopped: Callable[[], bool] = lambda: False
    """Once this says so nothing more is claimed."""

    @property
    def store(self) -> Store:
        """Where it is recorded."""
        return self.deliveries.store

    def announce(
        self, subscription: Subscription, game: Game, codes: Sequence[Code], owed: Sequence[Delivery] = ()
    ) -> list[DeliveryReport]:
        """How the announcements of these codes ended; after the first failure the rest stay open.

        `owed` are the guild's refused deliveries: a new claim takes the place of those that it covers.
        """
        if not codes:
            return []
        route = self.routes(next_place(subscription))
        refused = route if isinstance(route, Refused) else _unheard(route)
        now = self.clock()
        # Discord has been asked since the run was planned: by its time some may have ended, which the next run tells.
        codes = [code for code in codes if code.expires_at is None or code.expires_at > now]
        reports: list[DeliveryReport] = []
        not_tried: list[Code] = []
        for announcement in parts_of(subscription, game, codes, owed, self.words(subscription.guild_id)):
            before = reports[-1] if reports else None
            if self.stopped() or self.store.held_back or (refused is not None and refused.withdrawn):
                break
            if isinstance(route, Refused) or refused is not None:
                reports.append(_not_tried(subscription, announcement, route, refused))
            # What has just refused would refuse the next part, too, and nobody is to see part 2 without part 1.
            elif before and before.result in (DeliveryResult.REFUSED, DeliveryResult.UNCLEAR):
                report = _report(subscription, announcement, route.label, DeliveryResult.REFUSED, reason=NOT_TRIED)
                reports.append(report.as_before(before))
            else:
                reports.append(self._claim_and_post(subscription, route, announcement, owed))
                if opened := reports[-1].opened_post:
                    # What comes next follows in the post that this one has opened, where that is kept up.
                    subscription = replace(subscription, kept_post=opened)
                    route = self.routes(next_place(subscription))
                continue
            not_tried += announcement.codes
        if not_tried:
            self.owe(subscription, not_tried, reports[-1].reason, owed)
        return reports

    def rehearse(self, subscription: Subscription, undressed: Sequence[Announcement]) -> list[DeliveryReport]:
        """What `announce` would post, without claiming or posting anything."""
        if not undressed:
            return []
        parts = [dressed(subscription, one) for one in undressed]
        route = self.routes(next_place(subscription))
        if isinstance(route, Refused):
            return [_report(subscription, part, "", DeliveryResult.REFUSED, reason=route.reason) for part in parts]
        return [_report(subscription, part, route.label, DeliveryResult.PLANNED) for part in parts]

    def owe(self, subscription: Subscription, codes: Sequence[Code], reason: str, owed: Sequence[Delivery]) -> None:
        """Remember that these codes of one game are to go out, where no refused delivery says so yet."""
        known = {id_ for one in owed for id_ in one.entries}
        new = {id_: code for id_, code in _by_entry(subscription, codes).items() if id_ not in known}
        if not new or self.store.held_back:
            return
        self.deliveries.claim(
            self._delivery(subscription, new, state=DeliveryState.REFUSED, reason=reason, owed_since=self.clock())
        )

    def _delivery(self, subscription: Subscription, codes: Mapping[str, Code], **fields: object) -> Delivery:
        """A new delivery of codes of one game, by the ids of their entries."""
        place = next_place(subscription)
        return self.deliveries.new(
            ANNOUNCEMENT,
            guild_id=subscription.guild_id,
            game=next(iter(codes.values())).game,
            channel_id=channel_in(place),
            opens_post=place.opens_post,
            entries=tuple(codes),
            spellings=tuple(code.spelling for code in codes.values()),
            **fields,
        )

    def _claim_and_post(
        self, subscription: Subscription, route: Route, announcement: Announcement, owed: Sequence[Delivery]
    ) -> DeliveryReport:
        now, codes = self.clock(), _by_entry(subscription, announcement.codes)
        before = [one for one in owed if codes.keys() & set(one.entries)]
        delivery = self._delivery(
            subscription,
            codes,
            anchor=route.anchor(),
            held_since=None if (heard := self.discord_now()) is None else snowflake_at(heard),
            webhook_id=route.webhook_id,
            owed_since=min((one.owed_since or one.since for one in before), default=None),
            is_resent=any(one.is_resent for one in before),
            noes=max((one.noes for one in before), default=0),
        )
        claims = {
            id_: claimed(
                replace(
                    self._entry(subscription, code, EntryState.OPEN, now),
                    delivery_id=delivery.id,
                    webhook_id=route.webhook_id,
                    shown=Showing(code).text,
                    style=announcement.look.style,
                    mentions=tuple(announcement.look.mentions),
                    publishing=Publishing.OWED if subscription.posting.publishes else "",
                )
            )
            for id_, code in codes.items()
        }
        covered = [one for one in before if codes.keys() >= set(one.entries)]
        try:
            # The referee between hosts is the id of an entry: of all who insert one, one wins.
            delivery, won = self.deliveries.claim(delivery, list(claims.values()), covered)
        except StoreAwayError as error:
            # Whatever of it was written: this process knows that nothing was sent.
            if not self.store.held_back:
                raise
            return _report(subscription, announcement, route.label, DeliveryResult.RELEASED, delivery.id, str(error))
        mine = {id_: code for (id_, code), is_won in zip(codes.items(), won, strict=True) if is_won}
        if not mine:
            self.deliveries.remove(delivery)
            return _report(subscription, announcement, route.label, DeliveryResult.TAKEN, reason=TAKEN)
        # Another host shows the rest: in both messages a code would be announced twice.
        if len(mine) < len(codes):
            announcement = announcements(announcement.look, list(mine.values()))[0]
            spellings = tuple(code.spelling for code in mine.values())
            delivery = replace(delivery, entries=tuple(mine), spellings=spellings)
        entries = {id_: claims[id_].after or {} for id_ in mine}
        announcement = dressed(subscription, announcement)
        return self.post(subscription, route, announcement, Held(delivery, entries))

    def post(
        self,
        subscription: Subscription,
        route: Route,
        announcement: Announcement,
        held: Held,
        *,
        may_be_there: bool = False,
        before: datetime | None = None,
    ) -> DeliveryReport:
        """How the post of an announcement ended that this process holds; that is recorded.

        `may_be_there` when an earlier post of the same delivery is unclear: a no to this one says nothing of that. It
        is not begun after `before`, by Discord's time.
        """
        fence = DeliveryFence(self.deliveries, self.discord_now, held.delivery, before)
        since = held.delivery.anchor
        outcome = route.post(announcement.message, held.delivery.id, since=since, fence=fence)
        held = replace(held, delivery=fence.delivery)
        if not may_be_there and (another := self._after_its_post_is_gone(subscription, held, outcome)):
            return self.post(*another[:2], announcement, another[2], before=before)

        def report(result: DeliveryResult, reason: str = "") -> DeliveryReport:
            said = _report(subscription, announcement, route.label, result, held.delivery.id, reason)
            return replace(said, can_look=route.can_look)

        if fence.is_lost:
            return report(DeliveryResult.TAKEN, TAKEN)
        if isinstance(outcome, Done):
            arrived = self._arrived(subscription, held, outcome, report)
            is_kept = held.delivery.opens_post and subscription.posting.posts is PostsIn.KEPT
            return replace(arrived, message_id=outcome.message_id, opened_post=outcome.message_id if is_kept else None)
        meaning, broken = None, None
        if isinstance(outcome, Refused):
            meaning = meaning_there(subscription, outcome.status, outcome.code)
            broken = broken_after(subscription.broken, outcome, meaning, self.clock())
            if broken is not None:
                self.store.note_broken(subscription.guild_id, subscription.destination, broken)
        if isinstance(outcome, Unclear) or may_be_there:
            # It stays written: whoever settles it looks for the message first.
            self.leave(held)
            return report(DeliveryResult.UNCLEAR, outcome.reason)
        # What is said of a post says nothing of the codes, which go out together once it is open.
        noes = held.delivery.noes + (meaning is not None and meaning.kind is Kind.CONTENT)
        retry_at = message_retry_at(meaning, max(noes, 1), self.clock()) if meaning else None
        if retry_at is not None:
            held = replace(held, delivery=replace(held.delivery, noes=noes, retry_at=retry_at))
        if not self.release(held, outcome.reason):
            return report(DeliveryResult.TAKEN, TAKEN)
        if outcome.withdrawn:
            return report(DeliveryResult.RELEASED, outcome.reason)
        return replace(
            report(DeliveryResult.REFUSED, outcome.reason),
            told=subscription.broken is None,
            broke=broken is not None,
            everywhere=outcome.everywhere,
            meaning=meaning,
            retry_at=broken.retry_at if broken else retry_at,
        )

    def _after_its_post_is_gone(
        self, subscription: Subscription, held: Held, outcome: Outcome
    ) -> tuple[Subscription, Route, Held] | None:
        """What opens another post where the one that was kept up was deleted, which said a clean no to the message."""
        is_gone = isinstance(outcome, Refused) and outcome.code == UNKNOWN_CHANNEL
        if not is_gone or subscription.posting.posts is not PostsIn.KEPT or subscription.kept_post is None:
            return None
        without = replace(subscription, kept_post=None)
        place = next_place(without)
        route = self.routes(place)
        if isinstance(route, Refused):
            return None
        delivery = replace(held.delivery, channel_id=channel_in(place), opens_post=place.opens_post)
        return without, route, replace(held, delivery=delivery)

    def _arrived(
        self, subscription: Subscription, held: Held, done: Done, report: Callable[..., DeliveryReport]
    ) -> DeliveryReport:
        """The report of a message that is there, and has been recorded."""
        try:
            # A run that is killed before this leaves it written, and the message is found in the channel.
            self.record(held, done.message_id, done.channel_id)
        except LostDeliveryError:
            self._note_arrival(held, done)
        except StoreAwayError as error:
            if not self.store.held_back:
                raise
            return report(DeliveryResult.UNCLEAR, f"it arrived, which could not be recorded: {error}")
        if subscription.broken is not None:
            self.store.note_broken(subscription.guild_id, subscription.destination, None)
        return report(DeliveryResult.SENT)

    def record(self, held: Held, message_id: int | None, channel_id: int | None) -> None:
        """Record a delivery, with its entries, as done. Raise LostDeliveryError where somebody else has settled it."""
        channel_id = held.delivery.channel_id if channel_id is None else channel_id
        if held.delivery.opens_post and message_id is not None:
            # Before it is done: a run that is killed in between finds it again, and comes by here.
            of = held.guild_id, held.delivery.game
            self.store.note_kept_post(*of, message_id, since=held.delivery.since)
        done = replace(held.delivery, state=DeliveryState.DONE, message_id=message_id, channel_id=channel_id, reason="")
        self.deliveries.change(done, sent(held.entries, done, self.clock()))

    def _note_arrival(self, held: Held, done: Done) -> None:
        """Record a message that went out although its delivery was lost meanwhile: whoever has it is not to post it."""
        delivery = held.delivery
        for _ in range(TRIES):
            now = self.deliveries.by_id([delivery.id]).get(delivery.id)
            there = self.store.engine.get(LEDGER, delivery.entries)
            entries = {id_: one for id_, one in there.items() if one.get("delivery_id") == delivery.id}
            if now is not None and now.state is not DeliveryState.DONE:
                try:
                    self.record(Held(now, entries), done.message_id, done.channel_id)
                except LostDeliveryError:
                    continue
            elif now is None:
                known = replace(delivery, message_id=done.message_id, channel_id=done.channel_id)
                missing = {id_: one for id_, one in held.entries.items() if id_ not in there}
                changes = sent(missing, known, self.clock())
                self.store.insert_documents(LEDGER, [change.after for change in changes if change.after])
            return

    def leave(self, held: Held) -> None:
        """Note that this process is not at a delivery any more that may have arrived."""
        try:
            self.deliveries.leave(held.delivery, self.discord_now())
        except (LostDeliveryError, StoreAwayError):
            # Somebody else has it, or will.
            return

    def release(self, held: Held, reason: str) -> bool:
        """Whether a delivery that surely did not arrive was still ours: it is owed now, and its codes are free."""
        try:
            self.deliveries.refuse(replace(held.delivery, reason=reason), freed(held.entries))
        except LostDeliveryError:
            return False
        except StoreAwayError:
            # It is as it was: its host looks, or sees that it never was written.
            if not self.store.held_back:
                raise
        return True

    def seed(self, subscription: Subscription, codes: Sequence[Code]) -> None:
        """Record codes for a guild without posting them."""
        now = self.clock()
        self.store.insert([self._entry(subscription, code, EntryState.SEEDED, now) for code in codes])

    def _entry(self, subscription: Subscription, code: Code, state: EntryState, now: datetime) -> LedgerEntry:
        return LedgerEntry(
            guild_id=subscription.guild_id,
            game=code.game,
            key=code.key,
            spelling=code.spelling,
            source=self.origins.of(code),
            state=state,
            created_at=now,
            updated_at=now,
            channel_id=channel_in(next_place(subscription)) if state is EntryState.OPEN else None,
            number=code.number,
        )


def _by_entry(subscription: Subscription, codes: Iterable[Code]) -> dict[str, Code]:
    """The codes by the ids of their ledger entries in a guild."""
    return {entry_id(subscription.guild_id, code.game, code.key, code.number): code for code in codes}


def _unheard(route: Route) -> Refused | None:
    """Why Discord does not say what time it is; without that there is no anchor, and nothing is sent."""
    unheard = route.ask()
    if isinstance(unheard, Unclear):
        return Refused(f"cannot ask Discord: {unheard.reason}", everywhere=True)
    return unheard


def _not_tried(
    subscription: Subscription, announcement: Announcement, route: Route | Refused, refused: Refused | None
) -> DeliveryReport:
    label = "" if isinstance(route, Refused) else route.label
    reason, everywhere = (refused.reason, refused.everywhere) if refused is not None else ("", False)
    report = _report(subscription, announcement, label, DeliveryResult.REFUSED, reason=reason)
    # What no request was made for means nothing; a refused token means the same in each run.
    meaning = meaning_of(refused.status, refused.code) if refused is not None and everywhere else None
    return replace(report, everywhere=everywhere, meaning=meaning)


def _report(
    subscription: Subscription,
    announcement: Announcement,
    destination: str,
    result: DeliveryResult,
    delivery_id: str = "",
    reason: str = "",
) -> DeliveryReport:
    return DeliveryReport(
        guild_id=subscription.guild_id,
        game=announcement.game,
        destination=destination,
        codes=tuple(code.spelling for code in announcement.codes),
        result=result,
        reason=reason,
        delivery_id=delivery_id,
        message=announcement.message,
    )
