"""Brings announcements out: claim, post, record. The only place that posts codes."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from giftping.codes.announcement import Announcement, announcements
from giftping.codes.broken_destination import broken_after
from giftping.codes.model import Code
from giftping.codes.report import DeliveryReport, DeliveryResult
from giftping.delivery.clock import Clock
from giftping.discord.meanings import meaning_of
from giftping.discord.outcome import Done, Refused, Route, Unclear
from giftping.settings.catalogue import Game
from giftping.store.base import Destination, EntryState, GuildRecord, LedgerEntry
from giftping.store.records import Store

Routes = Callable[[Destination], Route | Refused]


def new_delivery_id() -> str:
    """A fresh delivery id of 24 characters: Discord allows a nonce 25."""
    return base64.b32encode(secrets.token_bytes(15)).decode("ascii").lower()


@dataclass(frozen=True, slots=True)
class Origins:
    """Which kind of place each source is, in the words the ledger's `source` field has always used."""

    labels: Mapping[str, str]
    """For each source by its name: `api`, `rss` or `website`."""

    def of(self, code: Code) -> str:
        """One of `api`, `rss`, `website` and `manual`: the most direct place that lists the code."""
        found = {self.labels.get(source, "manual") for source in code.sources}
        return next((label for label in ("api", "rss", "website") if label in found), "manual")


@dataclass(frozen=True, slots=True)
class Courier:
    """Claims, posts and records announcements in the name of one host."""

    store: Store
    routes: Routes
    """The way to a destination, or why there is none."""
    clock: Clock
    host: str
    """The name under which it claims."""
    origins: Origins
    stopped: Callable[[], bool] = lambda: False
    """Once this says so nothing more is claimed."""

    def announce(self, guild: GuildRecord, game: Game, codes: Sequence[Code]) -> list[DeliveryReport]:
        """How the announcements of these codes ended; after the first failure the rest stay open."""
        if not codes:
            return []
        route = self.routes(guild.destination)
        reports: list[DeliveryReport] = []
        for announcement in announcements(game, codes, guild.mention_role_id):
            if self.stopped():
                break
            if isinstance(route, Refused):
                reports.append(_report(guild, announcement, "", DeliveryResult.REFUSED, reason=route.reason))
            # What has just refused would refuse the next part, too, and nobody is to see part 2 without part 1.
            elif reports and reports[-1].result in (DeliveryResult.REFUSED, DeliveryResult.UNCLEAR):
                reason, before = "not tried, because the message before it did not go out", reports[-1]
                report = _report(guild, announcement, route.label, DeliveryResult.REFUSED, reason=reason)
                # It shares the fate of the message before it: what has to be mended, and whether that was told.
                reports.append(
                    replace(
                        report,
                        told=before.told,
                        broke=before.broke,
                        meaning=before.meaning,
                        retry_at=before.retry_at,
                    )
                )
            else:
                reports.append(self._claim_and_post(guild, game, route, announcement))
        return reports

    def rehearse(self, guild: GuildRecord, game: Game, codes: Sequence[Code]) -> list[DeliveryReport]:
        """What `announce` would post, without claiming or posting anything."""
        route = self.routes(guild.destination)
        parts = announcements(game, codes, guild.mention_role_id)
        if isinstance(route, Refused):
            return [_report(guild, part, "", DeliveryResult.REFUSED, reason=route.reason) for part in parts]
        return [_report(guild, part, route.label, DeliveryResult.PLANNED) for part in parts]

    def _claim_and_post(
        self, guild: GuildRecord, game: Game, route: Route, announcement: Announcement
    ) -> DeliveryReport:
        delivery_id = new_delivery_id()
        now = self.clock()
        claims = [self._claim(guild, code, delivery_id, now) for code in announcement.codes]
        # The referee between hosts is the id of an entry: of all who insert one, one wins.
        won = self.store.insert(claims)
        mine = [code for code, claim in zip(announcement.codes, claims, strict=True) if claim.id in won]
        if not mine:
            return _report(guild, announcement, route.label, DeliveryResult.TAKEN, reason="another host has it")
        # Another host shows the rest: in both messages a code would be announced twice.
        if len(mine) < len(announcement.codes):
            mention = guild.mention_role_id if announcement.message.mention_roles else None
            announcement = announcements(game, mine, mention)[0]
        return self.post(guild, route, announcement, delivery_id, sorted(won))

    def post(
        self,
        guild: GuildRecord,
        route: Route,
        announcement: Announcement,
        delivery_id: str,
        ids: Sequence[str],
        *,
        may_be_there: bool = False,
    ) -> DeliveryReport:
        """How the post of an announcement ended whose entries this host has claimed; that is recorded.

        `may_be_there` when an earlier post of the same delivery is unclear: a no to this one says nothing of that.
        """
        outcome = route.post(announcement.message, delivery_id)
        if isinstance(outcome, Done):
            # A run that is killed before this leaves a claim, and the message is found in the channel.
            self.store.mark_sent(
                delivery_id, ids, message_id=outcome.message_id, channel_id=outcome.channel_id, at=self.clock()
            )
            if guild.broken is not None:
                self.store.note_broken(guild.guild_id, guild.destination, None)
            report = _report(guild, announcement, route.label, DeliveryResult.SENT, delivery_id)
            return replace(report, message_id=outcome.message_id)
        # The claim stays as it is: whoever settles it later looks for the message first.
        if isinstance(outcome, Unclear):
            return _report(guild, announcement, route.label, DeliveryResult.UNCLEAR, delivery_id, outcome.reason)
        if not may_be_there:
            self.store.release(delivery_id, ids)
        meaning = meaning_of(outcome.status, outcome.code, by_webhook=bool(guild.destination.webhook))
        # A no to the token, or to this address, says nothing of the destination.
        broke = outcome.lasting and not outcome.everywhere
        broken = broken_after(guild.broken, outcome, meaning, self.clock()) if broke else None
        if broken is not None:
            self.store.note_broken(guild.guild_id, guild.destination, broken)
        if outcome.withdrawn and not may_be_there:
            return _report(guild, announcement, route.label, DeliveryResult.RELEASED, delivery_id, outcome.reason)
        result = DeliveryResult.UNCLEAR if may_be_there else DeliveryResult.REFUSED
        report = _report(guild, announcement, route.label, result, delivery_id, outcome.reason)
        return replace(
            report,
            told=guild.broken is None,
            broke=broke and result is DeliveryResult.REFUSED,
            everywhere=outcome.everywhere,
            meaning=meaning,
            retry_at=broken.retry_at if broken else None,
        )

    def seed(self, guild: GuildRecord, codes: Sequence[Code]) -> None:
        """Record codes for a guild without posting them."""
        now = self.clock()
        self.store.insert([self._entry(guild, code, EntryState.SEEDED, now) for code in codes])

    def _claim(self, guild: GuildRecord, code: Code, delivery_id: str, now: datetime) -> LedgerEntry:
        return replace(
            self._entry(guild, code, EntryState.CLAIMED, now),
            delivery_id=delivery_id,
            claimed_by=self.host,
            claimed_at=now,
            channel_id=guild.destination.channel_id,
        )

    def _entry(self, guild: GuildRecord, code: Code, state: EntryState, now: datetime) -> LedgerEntry:
        return LedgerEntry(
            guild_id=guild.guild_id,
            game=code.game,
            key=code.key,
            spelling=code.spelling,
            source=self.origins.of(code),
            state=state,
            created_at=now,
            updated_at=now,
        )


def _report(
    guild: GuildRecord,
    announcement: Announcement,
    destination: str,
    result: DeliveryResult,
    delivery_id: str = "",
    reason: str = "",
) -> DeliveryReport:
    return DeliveryReport(
        guild_id=guild.guild_id,
        game=announcement.game,
        destination=destination,
        codes=tuple(code.spelling for code in announcement.codes),
        result=result,
        reason=reason,
        delivery_id=delivery_id,
        message=announcement.message,
    )
