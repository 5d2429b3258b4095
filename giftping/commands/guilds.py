"""What `giftping guilds list` and `giftping guilds test` do: how guilds and their destinations stand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from giftping.codes.subscriptions import by_destination, change_of
from giftping.commands.posting import posting_words
from giftping.commands.session import Session
from giftping.errors import EXIT_FINE, EXIT_TROUBLE, UnknownGuildError, UsageError
from giftping.output.check_lines import NO_GUILDS
from giftping.output.code_objects import subscription_object
from giftping.output.json import id_text
from giftping.settings.problems import nearest
from giftping.store.base import EVERYONE, HERE, Destination, Guild, Style, Subscription
from giftping.store.records import Store
from giftping.text import counted, printable, when

if TYPE_CHECKING:
    from giftping.codes.owed import Owed
    from giftping.delivery.deliveries import Delivery
    from giftping.discord.message import Message
    from giftping.discord.outcome import Refused, Unclear
    from giftping.words.catalogue import Words


@dataclass(frozen=True, slots=True)
class OpenCodes:
    """How the codes of one subscription stand: how many of them are in which state."""

    owed: tuple[Owed, ...] = ()
    claimed: int = 0
    uncertain: int = 0


def list_guilds(session: Session) -> int:
    """List the guilds, what they follow, and how their destinations stand."""
    from giftping.codes.subscriptions import by_guild

    with session.store(read_only=True) as store:
        subscriptions, guilds = store.subscriptions(), store.guilds()
        open_codes = _open_codes(session, store, subscriptions)
    session.know(guilds)
    known = [(guilds.get(guild_id, Guild(guild_id)), of_it) for guild_id, of_it in by_guild(subscriptions).items()]
    session.give({"guilds": [_listed(guild, of_it, open_codes) for guild, of_it in known]})
    if not known:
        session.tell(NO_GUILDS)
        return EXIT_FINE
    session.show_facts(
        (
            "\n".join(filter(None, (str(guild.guild_id), guild.shown_as, _language_words(guild)))),
            "\n".join(
                line
                for group in by_destination(of_it)
                for line in _about(
                    session, guild, group, of_it, _together([open_codes.get(one.key, OpenCodes()) for one in group])
                )
            ),
        )
        for guild, of_it in known
    )
    return EXIT_FINE


def _language_words(guild: Guild) -> str:
    """The language of what a guild's members see, empty where it is that of the settings."""
    return f"language {guild.language}" if guild.language else ""


def _open_codes(
    session: Session, store: Store, subscriptions: Sequence[Subscription]
) -> dict[tuple[int, str], OpenCodes]:
    """How each subscription stands of which codes are under way, uncertain or owed, by guild and game."""
    from giftping.codes.entries import ANNOUNCEMENT
    from giftping.codes.owed import at_their_place, owed_by
    from giftping.delivery.deliveries import UNDER_WAY, DeliveryState

    deliveries = session.wiring.deliveries(store, read_only=True).load(kinds=[ANNOUNCEMENT])
    found: dict[tuple[int, str], list[OpenCodes]] = {}
    for code in owed_by(at_their_place(deliveries, subscriptions)):
        found.setdefault((code.guild_id, code.game), []).append(OpenCodes(owed=(code,)))
    for one in deliveries:
        count = len(one.entries)
        left_open = OpenCodes(
            claimed=count if one.state in UNDER_WAY else 0,
            uncertain=count if one.state is DeliveryState.UNCLEAR else 0,
        )
        found.setdefault((one.guild_id or 0, one.game), []).append(left_open)
    return {key: _together(open_codes) for key, open_codes in found.items()}


def _together(open_codes: Sequence[OpenCodes]) -> OpenCodes:
    return OpenCodes(
        owed=tuple(code for one in open_codes for code in one.owed),
        claimed=sum(one.claimed for one in open_codes),
        uncertain=sum(one.uncertain for one in open_codes),
    )


def _listed(
    guild: Guild, subscriptions: Sequence[Subscription], open_codes: Mapping[tuple[int, str], OpenCodes]
) -> dict[str, Any]:
    listed = guild_object(guild, subscriptions)
    for one, shown in zip(subscriptions, listed["subscriptions"], strict=True):
        left_open = open_codes.get(one.key, OpenCodes())
        shown |= {"owed": len(left_open.owed), "claimed": left_open.claimed, "uncertain": left_open.uncertain}
    return listed


def show(session: Session, guild_id: int) -> int:
    """Show one guild, none for one that follows nothing; for the bot."""
    with session.store(read_only=True) as store:
        guild, subscriptions = store.guild(guild_id), store.subscriptions(guild_id)
    session.give({"guild": guild_object(guild, subscriptions) if subscriptions else None})
    return EXIT_FINE


def _about(
    session: Session, guild: Guild, group: Sequence[Subscription], of_it: Sequence[Subscription], left_open: OpenCodes
) -> Iterator[str]:
    """Where the announcements of these go, of all `of_it`, and how they stand; fine only where nothing is open."""
    where = label(group[0].destination)
    name = printable(guild.destinations.get(where, ""))
    yield f"{where} ({name})" if name else where
    for (mentions, style, posting), alike in groupby(group, key=lambda one: (one.mentions, one.style, one.posting)):
        said = [", ".join(one.game for one in alike)]
        if mentions:
            said.append(f"mentions {', '.join(map(mention_label, mentions))}")
        if style is not Style.FULL:
            said.append(f"in the {style} style")
        yield ", ".join(filter(None, (*said, posting_words(posting))))
    open_ends = list(_open_ends(session, group, change_of(group[0].key, of_it), left_open))
    yield from open_ends
    if any(one.seeded is None for one in group):
        yield "first check to come"
    elif not open_ends:
        yield "fine"


def mention_label(mention: str) -> str:
    """What to call one of a subscription's mentions."""
    return f"@{mention}" if mention in (EVERYONE, HERE) else f"role {mention}"


def _open_ends(session: Session, group: Sequence[Subscription], change: str, left_open: OpenCodes) -> Iterator[str]:
    """What is not fine at a destination, with what there is to do; `change` begins the command that changes it."""
    from giftping.codes.places import meaning_told
    from giftping.delivery.broken_destination import meaning_of_broken
    from giftping.output.check_lines import what_follows

    for one in group:
        if one.game not in session.settings.games:
            yield f"{one.game}: unknown game; {nearest(one.game, session.settings.games)}"
    zone, guild_id = session.wiring.zone, group[0].guild_id
    by_webhook = group[0].destination.by_webhook
    broken = next((one.broken for one in group if one.broken is not None), None)
    if broken is not None:
        yield f"broken since {when(broken.since, zone)}: {broken.reason}"
        meaning = meaning_of_broken(broken, by_webhook=by_webhook).said_of(change)
        yield what_follows(meaning, guild_id, broken.retry_at, zone)
    if left_open.owed:
        yield f"{counted(len(left_open.owed), 'code')} owed: did not go out so far"
    followed = {one.game: one for one in group}
    for game, reason in dict.fromkeys((one.game, one.reason) for one in left_open.owed if broken is None):
        if mend := meaning_told(followed[game], reason).said_of(change).mend:
            yield f"{reason}; {mend}"
    if left_open.claimed:
        claimed = counted(left_open.claimed, "code")
        yield f"{claimed} on the way, or left by a run that was cut short: the next check looks"
    if left_open.uncertain:
        settle = f"look into the channel, then: giftping codes settle {guild_id}"
        yield f"{counted(left_open.uncertain, 'code')} uncertain; {settle}"


def guild_object(guild: Guild, subscriptions: Sequence[Subscription]) -> dict[str, Any]:
    """One guild as it stands in JSON, with its subscriptions."""
    return {
        "guild_id": id_text(guild.guild_id),
        "label": guild.label or None,
        "title": guild.title or None,
        "language": guild.language or None,
        "subscriptions": [
            subscription_object(one, where, guild.destinations.get(where), change=change_of(one.key, subscriptions))
            for one in subscriptions
            for where in (label(one.destination),)
        ],
    }


def known_subscriptions(session: Session, guild_id: int) -> list[Subscription]:
    """The subscriptions of a guild. Raise UnknownGuildError, with the nearest id, for one that has none."""
    return _known_and_all(session, guild_id)[0]


def _known_and_all(
    session: Session, guild_id: int, *, may_be_none: bool = False
) -> tuple[list[Subscription], list[Subscription]]:
    with session.store(read_only=True) as store:
        found, everybody = store.subscriptions(guild_id), store.subscriptions()
    if not found and not may_be_none:
        others = list(dict.fromkeys(str(one.guild_id) for one in everybody))
        raise UnknownGuildError(f"guild {guild_id} is not known; {nearest(guild_id, others)}")
    return found, everybody


def test(session: Session, guild_id: int | None, *, post: bool, pings: bool) -> int:
    """Check a guild's destinations, post what an announcement of each game looks like there, and tell how it went.

    The only guild that there is need not be named. Without `pings` nobody is notified.
    """
    from giftping.runs.refused_token import note_token

    guild_id = _only_guild(session) if guild_id is None else guild_id
    todo = session.settings.todo
    has_todo = todo.guild_id == guild_id and todo.channel_id is not None
    known, everybody = _known_and_all(session, guild_id, may_be_none=has_todo)
    with session.store(read_only=True) as store:
        guild = store.guild(guild_id)
    words = session.wiring.words(guild.language)
    session.know({guild_id: guild})
    groups = by_destination(known)
    tested = [_tested(session, group, everybody, words, post=post, pings=pings) for group in groups]
    if has_todo:
        from giftping.commands.todo_channel import tested_todo_channel

        channels = [group[0].destination.channel_id for group in groups]
        tested += tested_todo_channel(session, dict(zip(channels, tested, strict=True)))
    # Runs go by what this has found of the bot token.
    note_token(session.wiring)
    works = all(one["works"] for one in tested)
    session.give({"guild_id": id_text(guild_id), "works": works, "destinations": tested})
    for one in tested:
        if one["works"]:
            session.tell(f"guild {guild_id}: {one['destination']} works. {_pinged(one)}".rstrip())
        else:
            session.trouble(f"guild {guild_id}: {one['destination']} {one['reason']}")
    return EXIT_FINE if works else EXIT_TROUBLE


def _only_guild(session: Session) -> int:
    """The only guild that follows games, else that of the TODOs. Raise UsageError where there are several, or none."""
    with session.store(read_only=True) as store:
        known = list(dict.fromkeys(one.guild_id for one in store.subscriptions()))
    todo = session.settings.todo.guild_id
    known = known or ([todo] if todo is not None else [])
    if not known:
        raise UsageError(NO_GUILDS)
    if len(known) > 1:
        raise UsageError(f"say which guild: {', '.join(map(str, known[:5]))}{', …' if len(known) > 5 else ''}")
    return known[0]


def _pinged(tested: Mapping[str, Any]) -> str:
    """Whom announcements ping, game by game; that a mention reaches nobody is told elsewhere."""
    by_game: dict[str, list[str]] = {game: [] for game in tested["games"]}
    for one in tested["mentions"]:
        if one["reaches"] is not False:
            name = f" ({one['name']})" if one["name"] else ""
            unsure = "" if one["reaches"] else ", if it may be mentioned there"
            by_game[one["game"]].append(f"{mention_label(one['mention'])}{name}{unsure}")
    return " ".join(f"{game} pings {', '.join(whom) or 'nobody'}." for game, whom in by_game.items())


def _tested(
    session: Session,
    group: Sequence[Subscription],
    everybody: Sequence[Subscription],
    words: Words,
    *,
    post: bool,
    pings: bool,
) -> dict[str, Any]:
    """How one destination took a test, as it stands in JSON; that a mention reaches nobody is told."""
    from giftping.commands.destination_checks import (
        look_with_or_without_bot,
        mention_objects,
        mention_warnings,
        posting_warnings,
        reason_against,
    )
    from giftping.discord.outcome import Done, Refused

    destination = group[0].destination
    facts = look_with_or_without_bot(session.wiring, group, everybody)
    mentions = mention_objects(facts, group)
    if reason := reason_against(facts, session.clock_of_look()):
        return _outcome(group, label(destination) if facts.unusable else facts.label, reason, mentions)
    for message in _samples(session, group, words, pings=pings) if post else ():
        route = session.wiring.route_to(replace(destination, opens_post=message.post is not None))
        if isinstance(route, Refused):
            break
        outcome = route.post(message, _test_delivery_id())
        if not isinstance(outcome, Done):
            why = f"failed: {outcome.reason}{_to_mend(destination, outcome, change_of(group[0].key, everybody))}"
            return _outcome(group, route.label, why, mentions)
    for warning in (*posting_warnings(facts), *mention_warnings(facts)):
        session.trouble(f"warning: guild {facts.guild_id}: {warning}")
    _try_at_once(session, group)
    return _outcome(group, facts.label, "", mentions)


def _try_at_once(session: Session, group: Sequence[Subscription]) -> None:
    """Have the next check try what is left alone for a while: somebody has seen that it may go out now."""
    from giftping.codes.entries import ANNOUNCEMENT
    from giftping.delivery.deliveries import DeliveryState, LostDeliveryError

    keys, is_broken = {one.key for one in group}, any(one.broken is not None for one in group)

    def left_alone(store: Store) -> list[Delivery]:
        refused = session.wiring.deliveries(store, read_only=True).load((DeliveryState.REFUSED,), (ANNOUNCEMENT,))
        return [one for one in refused if (one.guild_id, one.game) in keys and one.retry_at is not None]

    with session.store(read_only=True) as store:
        is_left = bool(left_alone(store))
    if not is_left and not is_broken:
        return
    with session.store() as store:
        if is_broken:
            store.note_broken(group[0].guild_id, group[0].destination, None)
        deliveries = session.wiring.deliveries(store)
        for one in left_alone(store):
            # Whoever is at it tries it now.
            with suppress(LostDeliveryError):
                deliveries.change(replace(one, retry_at=None))


def _outcome(
    group: Sequence[Subscription], destination: str, reason: str, mentions: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    games = [one.game for one in group]
    return {
        "destination": destination,
        "games": games,
        "works": not reason,
        "reason": reason,
        "mentions": list(mentions),
    }


def _to_mend(destination: Destination, trouble: Refused | Unclear, change: str) -> str:
    """What a person has to mend after a test that failed, as the rest of a line; `change` begins what changes it."""
    from giftping.discord.meanings import meaning_of
    from giftping.discord.outcome import Refused

    if not isinstance(trouble, Refused) or trouble.status is None:
        return ""
    meaning = meaning_of(trouble.status, trouble.code, by_webhook=destination.by_webhook).said_of(change)
    return f"; {meaning.mend}" if meaning.mend else ""


def _samples(session: Session, group: Sequence[Subscription], words: Words, *, pings: bool) -> list[Message]:
    """What announcements of each game that goes to a destination will look like there."""
    from giftping.codes.look import look_for
    from giftping.codes.places import dressed_sample
    from giftping.codes.sample import sample_message
    from giftping.settings.catalogue import Game

    now, games = session.wiring.discord_now() or session.clock_of_look(), session.settings.games

    def sample(one: Subscription) -> Message:
        look = look_for(one, games.get(one.game) or Game(one.game, one.game), words)
        return dressed_sample(one, sample_message(look, now, pings=pings), words)

    return [sample(one) for one in group]


def _test_delivery_id() -> str:
    from giftping.delivery.deliveries import new_delivery_id

    return new_delivery_id()


def label(destination: Destination) -> str:
    """The name of a destination in lists: the channel, or where the webhook's URL comes from."""
    if destination.channel_id is not None:
        return f"channel {destination.channel_id}"
    if destination.webhook.startswith(("env:", "file:")):
        return f"webhook {destination.webhook}"
    found = re.search(r"/webhooks/([0-9]+)/", destination.webhook)
    return f"webhook {found[1]}" if found else "webhook"
