"""Guilds and their subscriptions in a store: settings as people give them, and what checks note of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from giftping.store.base import Broken, Destination, GuildRecord, Subscription
from giftping.store.base_records import TRIES, BaseRecords
from giftping.store.documents import GUILDS, SUBSCRIPTIONS
from giftping.store.engine import Change
from giftping.store.guild_documents import (
    guild_of,
    guild_to_document,
    guilds_of,
    label_from_document,
    subscription_from_document,
    subscription_id,
    subscription_to_document,
    subscriptions_of,
    within_guild,
)


class GuildRecords(BaseRecords):
    """The guilds of a store. What checks note goes into one subscription, and leaves what others set."""

    def guilds(self) -> list[GuildRecord]:
        """All guilds that follow a game, by ascending id. Two queries."""
        labels = dict(self._readable(GUILDS, self.engine.find(GUILDS), label_from_document))
        subscriptions = self._readable(SUBSCRIPTIONS, self.engine.find(SUBSCRIPTIONS), subscription_from_document)
        return sorted(guilds_of(subscriptions, labels), key=lambda guild: guild.guild_id)

    def guild(self, guild_id: int) -> GuildRecord | None:
        """One guild, None where it is not known."""
        subscriptions = self.subscriptions(guild_id)
        if not subscriptions:
            return None
        own = self.engine.get(GUILDS, [str(guild_id)]).values()
        labels = dict(self._readable(GUILDS, own, label_from_document))
        return guild_of(subscriptions, labels.get(guild_id, ""))

    def subscriptions(self, guild_id: int) -> list[Subscription]:
        """The subscriptions of one guild, by game."""
        found = self.engine.find(SUBSCRIPTIONS, within=within_guild(guild_id))
        return list(self._readable(SUBSCRIPTIONS, found, subscription_from_document))

    def put_guild(self, guild: GuildRecord) -> None:
        """Write a guild's settings whole; games that it follows no more go, with their first looks."""
        for _ in range(TRIES):
            changes = self._changes_to(guild)
            if not changes or all(self.engine.change(changes)):
                return
        raise self._too_busy(GUILDS, str(guild.guild_id))

    def _changes_to(self, guild: GuildRecord) -> list[Change]:
        there = {one["_id"]: one for one in self.engine.find(SUBSCRIPTIONS, within=within_guild(guild.guild_id))}
        own = self.engine.get(GUILDS, [str(guild.guild_id)]).get(str(guild.guild_id))
        wanted: dict[str, Mapping[str, Any]] = {}
        for one in subscriptions_of(guild):
            id_ = subscription_id(one.guild_id, one.game)
            wanted[id_] = subscription_to_document(one, there.get(id_))
        changes = [Change(SUBSCRIPTIONS, there.get(id_), one) for id_, one in wanted.items() if there.get(id_) != one]
        changes += [Change(SUBSCRIPTIONS, one, None) for id_, one in there.items() if id_ not in wanted]
        after = guild_to_document(guild, own)
        return changes if own == after else [*changes, Change(GUILDS, own, after)]

    def remove_guild(self, guild_id: int) -> bool:
        """Remove a guild's settings, keep its ledger, and return whether it was there."""
        found = self.engine.find(SUBSCRIPTIONS, within=within_guild(guild_id))
        gone = self.remove_documents(SUBSCRIPTIONS, [one["_id"] for one in found])
        return bool(gone | self.remove_documents(GUILDS, [str(guild_id)]))

    def note_seeded(self, guild_id: int, game: str, sources: Collection[str], *, announced: bool = False) -> None:
        """Add sources to those the guild has had a first look at; `announced` ends `announce_current` for the game.

        Nothing where the guild does not follow the game.
        """

        def changed(one: Subscription) -> Subscription:
            known = one.seeded or ()
            seeded = (*known, *sorted(set(sources) - set(known)))
            is_first = one.seeded is None and not sources
            return replace(
                one,
                seeded=None if is_first else seeded,
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

    def _amend_subscriptions(self, ids: Collection[str], changed: Callable[[Subscription], Subscription]) -> None:
        def change(document: Mapping[str, Any]) -> Mapping[str, Any]:
            one = subscription_from_document(document)
            after = changed(one)
            return document if after == one else subscription_to_document(after, document)

        self._amend(SUBSCRIPTIONS, ids, change)
