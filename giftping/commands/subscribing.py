"""What `giftping guilds add` and `giftping guilds remove` do: which games a guild follows, and where they go."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from giftping.codes.subscriptions import by_destination
from giftping.commands.destination_checks import (
    LookedAt,
    look_and_warn,
    refuse_another_guilds,
    seen_object,
    seen_words,
)
from giftping.commands.guild_request import GuildRequest, as_known
from giftping.commands.guilds import guild_object, known_subscriptions, label
from giftping.commands.posting import (
    NOTHING_ASKED,
    checked_posting,
    posting_after,
    posting_words,
    with_posting,
    with_tag_ids,
)
from giftping.commands.session import Session
from giftping.doctor.one_destination import SeenFacts
from giftping.doctor.posting import UNSEEN, PlaceFacts
from giftping.errors import EXIT_FINE, UnknownGuildError, UsageError
from giftping.output.json import id_text
from giftping.settings.problems import nearest
from giftping.settings.secrets import SecretError, anchored_reference
from giftping.store.base import HOME_GAME, Destination, EntryState, Guild, Posting, Subscription
from giftping.store.records import Store

WHERE = "say where announcements go: either --webhook URL|env:NAME|file:PATH or --channel ID"


def add(session: Session, request: GuildRequest) -> int:
    """Add a guild's subscriptions, or change those that are named; the others stay as they are."""
    request = as_known(session, request)
    asked, now = _asked_destination(session, request), session.clock()
    # Discord is asked before: nothing slow comes between reading and writing, as it would undo what a check notes of
    # the guild meanwhile.
    looked = _looked_at(session, request, asked, now)
    request = _made_certain(request, looked)
    with session.store() as store:
        if asked is not None:
            refuse_another_guilds(session.wiring, _stand_in(request, asked, now), store.subscriptions())
        known = store.subscriptions(request.guild_id)

        def amended(there: Sequence[Subscription]) -> list[Subscription]:
            return changed(request, asked, _as_written_now(session, there, asked), now)

        after = store.change_subscriptions(request.guild_id, amended)
        seen = request.seen or (looked[0].facts.seen if looked and asked else None)
        named_here = {label(one.destination) for one in after}

        def renamed(guild: Guild) -> Guild:
            return _with_names(_changed_guild(guild, request), seen, asked, named_here)

        guild = store.change_guild(request.guild_id, renamed, now)
        named = [one for one in after if one.game in _named(request, known)]
        again = _forget_seeds(store, named) if request.announce_current else 0
    session.know({guild.guild_id: guild})
    groups = by_destination(named)
    unlooked = [] if looked else [_destination_warning(session, group[0]) for group in groups]
    warnings = list(filter(None, [*(line for one in looked for line in one.warnings), *unlooked]))
    session.give(
        {
            "guild": guild_object(guild, after),
            "added": not known,
            "seen": seen_object(looked[0].facts.seen) if looked and asked else None,
            "warning": "; ".join(warnings) or None,
        }
    )
    for warning in warnings:
        session.trouble(f"warning: {warning}")
    verb = "changed" if known else "added"
    for group in groups:
        games = ", ".join(one.game for one in group)
        where = f"{label(group[0].destination)}{seen_words(looked[0].facts.seen) if looked and asked else ''}"
        where += "".join(f", {said}" for said in dict.fromkeys(posting_words(one.posting) for one in group) if said)
        session.tell(f"Guild {request.guild_id} {verb}: {games} by {where}.")
    if request.mentions and any(one.facts.is_mention_unseen for one in looked):
        session.tell(f"No bot sees the guild's roles: {', '.join(request.mentions)} was not checked.")
    session.tell(_what_follows(named, known, again))
    return EXIT_FINE


def add_each(session: Session, requests: Sequence[GuildRequest]) -> int:
    """Add what each of several requests asks for, of games that differ in how they are announced; for the bot."""
    for request in requests:
        add(session, request)
    return EXIT_FINE


def _as_written_now(
    session: Session, known: Sequence[Subscription], asked: Destination | None
) -> Sequence[Subscription]:
    """The subscriptions, those that go to the destination that is asked for with that as it is written now."""
    if asked is None:
        return known
    is_same = session.wiring.is_same_destination
    return [replace(one, destination=asked) if is_same(one.destination, asked) else one for one in known]


def _looked_at(session: Session, request: GuildRequest, asked: Destination | None, now: datetime) -> list[LookedAt]:
    """What Discord says of a new destination, or of those that have a new mention; nothing where none is to be asked.

    Raise UsageError or GiftpingError for a destination that is not taken.
    """
    if asked is None and not request.mentions and request.posting == NOTHING_ASKED:
        return []
    if asked is not None:
        checked_posting(request.posting, [asked])
        groups = [[_stand_in(request, asked, now)]]
    else:
        with session.store(read_only=True) as store:
            known = store.subscriptions(request.guild_id)
        named = _named(request, known)
        groups = by_destination(_as_asked(request, one) for one in known if one.game in named)
        checked_posting(request.posting, [group[0].destination for group in groups])
        if request.posting.tags and len(groups) > 1:
            raise UsageError("--tag: the games go to several places with tags of their own; name one: --game GAME")
    is_to_be_asked = asked is not None or request.mentions or request.posting.is_of_channel
    if not request.is_checked or not is_to_be_asked:
        return []

    def posted_as(known: Posting, place: PlaceFacts) -> Posting:
        asked_for = with_tag_ids(replace(request.posting, kind=place.kind), place.tags)
        return posting_after(asked_for, known, is_moved=False)

    # What was taken long ago is not judged anew: only who is mentioned is, and how is posted.
    is_new = asked is not None
    return [
        look_and_warn(
            session.wiring,
            group,
            now,
            named=tuple(one.game for one in group) if len(groups) > 1 else request.games,
            is_new=is_new,
            posted_as=posted_as,
        )
        for group in groups
    ]


def _made_certain(request: GuildRequest, looked: Sequence[LookedAt]) -> GuildRequest:
    """The request with what Discord has shown: what the channel is, and which tags those are."""
    place = looked[0].facts.place if len(looked) == 1 else UNSEEN
    kind = place.kind or request.posting.kind
    return replace(request, posting=with_tag_ids(replace(request.posting, kind=kind), place.tags))


def _stand_in(request: GuildRequest, asked: Destination, now: datetime) -> Subscription:
    """A subscription to be looked at, whichever games it is for."""
    one = Subscription(request.guild_id, HOME_GAME, asked, now, now, mentions=request.mentions)
    return _as_asked(request, one)


def _as_asked(request: GuildRequest, one: Subscription) -> Subscription:
    """A subscription to be looked at, with what is asked for of it so far as nobody has to be asked for that."""
    posting = posting_after(request.posting, one.posting, is_moved=False)
    return replace(one, mentions=request.mentions, posting=posting)


def changed(
    request: GuildRequest, asked: Destination | None, known: Sequence[Subscription], now: datetime
) -> list[Subscription]:
    """The subscriptions of a guild after a request. Raise UnknownGuildError when it does not say where one goes.

    A game that the guild did not follow goes where its others go, mentions whom they do, and looks as they do, unless
    that is said.
    """
    named = _named(request, known)
    there = {one.game: one for one in known}
    model = known[0] if len({one.destination for one in known}) == 1 else None
    place = max((one.place for one in known), default=-1) + 1
    for game in named:
        if game not in there:
            destination = asked or (model.destination if model else None)
            if destination is None:
                raise UnknownGuildError(WHERE)
            mentions = model.mentions if model and not asked else ()
            one = Subscription(request.guild_id, game, destination, now, now, place, mentions)
            there[game] = replace(one, posting=model.posting, style=model.style) if model and not asked else one
            place += 1
        there[game] = _changed(request, asked, there[game], now)
    # Who adds a guild again has mended what was broken, or wants to know by the next check that it is not.
    mended = {there[game].destination for game in named}
    return [replace(one, broken=None) if one.destination in mended else one for one in there.values()]


def _named(request: GuildRequest, known: Sequence[Subscription]) -> tuple[str, ...]:
    """The games that a request is about. Raise UsageError where it has to say which.

    Where they go to several places it has to: what is meant for one of these would change the others, too.
    """
    groups = by_destination(known)
    if len(groups) > 1 and not request.games and request.is_of_games:
        each = [
            f"{' '.join(f'--game {one.game}' for one in group)} ({label(group[0].destination)})" for group in groups
        ]
        said = f"guild {request.guild_id} announces in {len(groups)} places"
        raise UsageError(f"{said}; name the games that are meant: {', '.join(each)}")
    return request.games or tuple(one.game for one in known) or (HOME_GAME,)


def _changed(request: GuildRequest, asked: Destination | None, one: Subscription, now: datetime) -> Subscription:
    moved = asked is not None and asked != one.destination
    posting = posting_after(request.posting, one.posting, is_moved=moved)
    return replace(
        with_posting(one, posting, is_moved=moved),
        destination=asked or one.destination,
        # What was claimed before this time is not looked for at the destination: nothing but a move may change it.
        updated_at=now if moved else one.updated_at,
        mentions=() if request.mentions_nobody else request.mentions or one.mentions,
        seeded=None if request.announce_current else one.seeded,
        style=request.style or one.style,
        announce_current=not request.records_current and (request.announce_current or one.announce_current),
    )


def follow_only(session: Session, guild_id: int, games: Sequence[str]) -> int:
    """Let a guild follow these games and no others; for the bot."""
    for game in games:
        session.check_game(game)
    now, request = session.clock(), GuildRequest(guild_id, games=tuple(games))
    with session.store() as store:
        after = store.change_subscriptions(
            guild_id, lambda there: [one for one in changed(request, None, there, now) if one.game in games]
        )
        guild = store.guild(guild_id)
    session.give({"guild": guild_object(guild, after)})
    return EXIT_FINE


def _changed_guild(guild: Guild, request: GuildRequest) -> Guild:
    return replace(
        guild,
        label=guild.label if request.label is None else request.label,
        language=guild.language if request.language is None else request.language,
    )


def _with_names(guild: Guild, seen: SeenFacts | None, asked: Destination | None, labels: Collection[str]) -> Guild:
    """A guild with what Discord calls it and the destination that it was asked about; what goes nowhere has no name."""
    kept = {one: name for one, name in guild.destinations.items() if one in labels}
    if seen is not None and asked is not None and seen.name:
        kept[label(asked)] = seen.name
    return replace(guild, title=(seen.guild_name if seen else "") or guild.title, destinations=kept)


def _asked_destination(session: Session, request: GuildRequest) -> Destination | None:
    if request.webhook is not None and request.channel_id is not None:
        raise UsageError(WHERE)
    if request.webhook is not None:
        return Destination(webhook=_checked_webhook(session, request.webhook))
    return Destination(channel_id=request.channel_id) if request.channel_id is not None else None


def _checked_webhook(session: Session, reference: str) -> str:
    from pathlib import Path

    from giftping.discord.webhook import parse_webhook_url

    is_reference = reference.startswith(("env:", "file:"))
    try:
        parse_webhook_url(session.settings.secret(reference).reveal(), api=session.settings.discord.api)
    except SecretError as error:
        # One that is not there yet may come. Where there is no name, the secret itself may stand in its place.
        if not is_reference or error.reference in ("env:", "file:"):
            raise UsageError(f"--webhook {error.reference} {error.reason}") from None
    except ValueError as error:
        if is_reference:
            raise SecretError(reference, str(error)) from None
        raise UsageError(f"--webhook: {error}") from None
    return anchored_reference(reference, Path.cwd())


def _destination_warning(session: Session, subscription: Subscription) -> str:
    from giftping.discord.outcome import Refused

    route = session.wiring.route_to(subscription.destination)
    return route.reason if isinstance(route, Refused) else ""


def _forget_seeds(store: Store, named: Sequence[Subscription]) -> int:
    games = {one.game for one in named}
    guild_id = named[0].guild_id
    seeds = [entry for entry in store.entries(guild_id, (EntryState.SEEDED,)) if entry.game in games]
    return sum(store.clear(guild_id, game=entry.game, key=entry.key) for entry in seeds)


def _what_follows(named: Sequence[Subscription], known: Sequence[Subscription], again: int) -> str:
    if any(one.announce_current for one in named):
        extra = f", {again} of them recorded before without being posted" if again else ""
        return f"The next check announces the codes that are valid now{extra}."
    if {one.game for one in named} - {one.game for one in known}:
        return "The first check records what is valid now without posting it (--announce-current posts it)."
    return "What it has been sent stays recorded."


def remove(session: Session, guild_id: int, game: str | None = None, *, yes: bool) -> int:
    """Remove a guild's subscriptions, or one; its ledger stays, so that adding it again repeats nothing."""
    known = known_subscriptions(session, guild_id)
    going = [one for one in known if game in (None, one.game)]
    if not going:
        followed = [one.game for one in known]
        raise UsageError(f"guild {guild_id} does not follow {game}; {nearest(game or '', followed)}")
    where = ", ".join(dict.fromkeys(label(one.destination) for one in going))
    what = f"announcing {game}" if game else "announcing"
    if not yes and not session.confirm(f"Stop {what} in guild {guild_id} ({where})?"):
        raise UsageError("nothing was removed; say --yes to remove without being asked")
    with session.store() as store:
        session.know(store.guilds())
        gone = store.remove_subscriptions(guild_id, game)
    session.give({"guild_id": id_text(guild_id), "removed": [one.game for one in gone]})
    said = f"Guild {guild_id} follows {game} no more." if game else f"Guild {guild_id} removed."
    session.tell(f"{said} What it was sent stays in the ledger: adding it again repeats nothing.")
    return EXIT_FINE
