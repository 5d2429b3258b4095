"""Guilds and their subscriptions in a store: settings as people give them, and what checks note of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Any

from giftping.store.base import Broken, Destination, Guild, PostsIn, Subscription
from giftping.store.base_records import BaseRecords
from giftping.store.documents import GUILDS, SUBSCRIPTIONS
from giftping.store.engine import TRIES, Change
from giftping.store.guild_documents import (
    guild_from_document,
    guild_to_document,
    subscription_from_document,
    subscription_id,
    subscription_to_document,
    within_guild,
)


class GuildRecords(BaseRecords):
    """The guilds of a store. What checks note goes into one subscription, and leaves what others set."""

    def subscriptions(self, guild_id: int | None = None) -> list[Subscription]:
        """All subscriptions, or those of one guild, by guild and in the order in which it has them."""
        found = self.engine.find(SUBSCRIPTIONS, within="" if guild_id is None else within_guild(guild_id))
        readable = _sharing(self._readable(SUBSCRIPTIONS, found, subscription_from_document))
        return sorted(readable, key=lambda one: (one.guild_id, one.place, one.game))

    def change_subscriptions(
        self, guild_id: int, change: Callable[[Sequence[Subscription]], Iterable[Subscription]]
    ) -> list[Subscription]:
        """The subscriptions of a guild after `change`, which is given those there are, and leaves out what goes.

        Nothing that a check, or somebody else, notes of them meanwhile is undone: then it is asked anew.
        """
        for _ in range(TRIES):
            there = {one["_id"]: one for one in self.engine.find(SUBSCRIPTIONS, within=within_guild(guild_id))}
            readable = list(self._readable(SUBSCRIPTIONS, there.values(), subscription_from_document))
            known = {subscription_id(*one.key): one for one in readable}
            wanted = list(change(sorted(readable, key=lambda one: (one.place, one.game))))
            after = {subscription_id(*one.key): one for one in wanted}
            changes = [
                Change(SUBSCRIPTIONS, there.get(id_), subscription_to_document(one, there.get(id_)))
                for id_, one in after.items()
                if known.get(id_) != one
            ]
            changes += [Change(SUBSCRIPTIONS, there[id_], None) for id_ in known if id_ not in after]
            if not changes or all(self.engine.change(changes)):
                return wanted
        raise self._too_busy(SUBSCRIPTIONS, str(guild_id))

    def put_subscriptions(self, *subscriptions: Subscription) -> None:
        """Write subscriptions as they are here; others of their guilds stay."""
        for guild_id in dict.fromkeys(one.guild_id for one in subscriptions):
            new = {one.game: one for one in subscriptions if one.guild_id == guild_id}
            self.change_subscriptions(guild_id, partial(_with, new))

    def remove_subscriptions(self, guild_id: int, game: str | None = None) -> list[Subscription]:
        """The subscriptions of a guild that were removed, all or that of one game; its ledger is kept."""
        known = self.subscriptions(guild_id)
        if game is not None:
            self.remove_documents(SUBSCRIPTIONS, [subscription_id(guild_id, game)])
            return [one for one in known if one.game == game]
        # Those that cannot be read go as well: nothing is left of the guild.
        found = self.engine.find(SUBSCRIPTIONS, within=within_guild(guild_id))
        self.remove_documents(SUBSCRIPTIONS, [one["_id"] for one in found])
        self.remove_documents(GUILDS, [str(guild_id)])
        return known

    def guilds(self) -> dict[int, Guild]:
        """The guilds of which more is known than what they follow, by id. One query."""
        found = self._readable(GUILDS, self.engine.find(GUILDS), guild_from_document)
        return {guild.guild_id: guild for guild in found}

    def languages(self, known: Collection[str]) -> dict[int, str]:
        """The language of each guild that has one of those that are known. One query."""
        found = self.engine.find(GUILDS, {"language": sorted(known)})
        return {guild.guild_id: guild.language for guild in self._readable(GUILDS, found, guild_from_document)}

    def guild(self, guild_id: int) -> Guild:
        """What is known of a guild beside what it follows."""
        found = self.engine.get(GUILDS, [str(guild_id)]).values()
        return next(self._readable(GUILDS, found, guild_from_document), Guild(guild_id))

    def change_guild(self, guild_id: int, change: Callable[[Guild], Guild], now: datetime) -> Guild:
        """A guild after `change`, which is asked anew where somebody else changes it meanwhile."""
        for _ in range(TRIES):
            before = self.engine.get(GUILDS, [str(guild_id)]).get(str(guild_id))
            known = Guild(guild_id) if before is None else guild_from_document(before)
            guild = change(known)
            if guild == known:
                return guild
            if all(self.engine.change([Change(GUILDS, before, guild_to_document(guild, now, before))])):
                return guild
        raise self._too_busy(GUILDS, str(guild_id))

    def note_seeded(
        self,
        guild_id: int,
        game: str,
        sources: Collection[str],
        addresses: Mapping[str, str] = MappingProxyType({}),
        *,
        announced: bool = False,
    ) -> None:
        """Add sources to those it has had a first look at; `announced` ends its `announce_current`.

        `addresses` are those at which they were looked at, as far as that is known. Nothing where there is no such
        subscription.
        """

        def changed(one: Subscription) -> Subscription:
            known = one.seeded or ()
            seeded = (*known, *sorted(set(sources) - set(known)))
            is_first = one.seeded is None and not sources
            return replace(
                one,
                seeded=None if is_first else seeded,
                addresses={**one.addresses, **{name: addresses[name] for name in sources if addresses.get(name)}},
                announce_current=one.announce_current and not announced,
            )

        self._amend_subscriptions([subscription_id(guild_id, game)], changed)

    def note_broken(self, guild_id: int, destination: Destination, broken: Broken | None) -> None:
        """Record that the destination is broken, or works again, in each subscription that goes there."""
        found = self.engine.find(SUBSCRIPTIONS, within=within_guild(guild_id))
        self._amend_subscriptions(
            [one["_id"] for one in found],
            lambda one: replace(one, broken=broken) if one.destination == destination else one,
        )

    def note_kept_post(self, guild_id: int, game: str, post_id: int, *, since: datetime) -> None:
        """Note the post of a forum that is kept up for a game.

        Nothing where the game was sent elsewhere after `since`, when the message was claimed that says so.
        """
        self._amend_subscriptions(
            [subscription_id(guild_id, game)],
            lambda one: (
                replace(one, kept_post=post_id)
                if one.posting.posts is PostsIn.KEPT and one.updated_at <= since
                else one
            ),
        )

    def _amend_subscriptions(self, ids: Collection[str], changed: Callable[[Subscription], Subscription]) -> None:
        def change(document: Mapping[str, Any]) -> Mapping[str, Any]:
            one = subscription_from_document(document)
            after = changed(one)
            return document if after == one else subscription_to_document(after, document)

        self._amend(SUBSCRIPTIONS, ids, change)


def _with(new: Mapping[str, Subscription], known: Sequence[Subscription]) -> Iterable[Subscription]:
    return {**{one.game: one for one in known}, **new}.values()


def _sharing(subscriptions: Iterable[Subscription]) -> Iterator[Subscription]:
    """The subscriptions, sharing what is equal: thousands of equal first looks are much of a run's memory."""
    shared: dict[object, tuple[tuple[str, ...] | None, Mapping[str, str]]] = {}
    for one in subscriptions:
        key = (one.seeded, tuple(one.addresses.items()))
        seeded, addresses = shared.setdefault(key, (one.seeded, one.addresses))
        yield replace(one, seeded=seeded, addresses=addresses)
