"""What a guild's subscriptions say together: what they follow, and by which way a message of theirs came."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from giftping.discord.outcome import Refused, Route
from giftping.store.base import Destination, Subscription


def by_guild(subscriptions: Iterable[Subscription]) -> dict[int, list[Subscription]]:
    """The subscriptions of each guild, in their order."""
    grouped: dict[int, list[Subscription]] = {}
    for one in subscriptions:
        grouped.setdefault(one.guild_id, []).append(one)
    return grouped


def by_destination(subscriptions: Iterable[Subscription]) -> list[list[Subscription]]:
    """Those of one guild that go to the same destination, together, in their order."""
    grouped: dict[tuple[int, Destination], list[Subscription]] = {}
    for one in subscriptions:
        grouped.setdefault((one.guild_id, one.destination), []).append(one)
    return list(grouped.values())


def change_command(guild_id: int, games: Iterable[str]) -> str:
    """How the command begins that changes where these games of a guild go, and how; without any, all of them."""
    return " ".join((f"giftping guilds add {guild_id}", *(f"--game {game}" for game in games)))


def change_of(key: tuple[int, str], subscriptions: Iterable[Subscription]) -> str:
    """How the command begins that changes the destination of a subscription, by its key, and nothing else of its guild.

    With it go the games that are announced there, too; where all of the guild are, none has to be named.
    """
    guild_id, game = key
    groups = by_destination(one for one in subscriptions if one.guild_id == guild_id)
    there = (games_of(group) for group in groups if len(groups) > 1)
    return change_command(guild_id, next((games for games in there if game in games), ()))


def games_of(subscriptions: Iterable[Subscription]) -> tuple[str, ...]:
    """The games that these follow, sorted."""
    return tuple(sorted({one.game for one in subscriptions}))


def webhook_route(
    webhook_id: int | None, subscriptions: Iterable[Subscription], routes: Callable[[Destination], Route | Refused]
) -> Route | Refused | None:
    """The way to a webhook of one guild, None where none of its subscriptions goes there any more.

    A webhook's address is a secret, and stands in no delivery: only while a subscription has it is it known. Where an
    older release noted no id, the first one is taken; a way that cannot be told now is a refusal.
    """
    refused: Refused | None = None
    for destination in dict.fromkeys(one.destination for one in subscriptions if one.destination.webhook):
        route = routes(destination)
        if isinstance(route, Refused):
            refused = refused or route
        elif webhook_id in (None, route.webhook_id):
            return route
    return refused
