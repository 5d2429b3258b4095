"""What the `giftping guilds` commands do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from giftping.commands.session import Session
from giftping.errors import EXIT_FINE, EXIT_TROUBLE, UnknownGuildError, UsageError
from giftping.output.check_lines import NO_GUILDS
from giftping.output.code_objects import guild_object
from giftping.output.json import id_text
from giftping.settings.problems import nearest
from giftping.settings.secrets import SecretError, anchored_reference
from giftping.store.base import HOME_GAME, Destination, EntryState, GuildRecord
from giftping.store.records import Store
from giftping.text import counted, discord_time, when
from giftping.wiring import utc_now

if TYPE_CHECKING:
    from datetime import datetime

    from giftping.discord.message import Message
    from giftping.discord.outcome import Refused, Unclear

WHERE = "say where announcements go: either --webhook URL|env:NAME|file:PATH or --channel ID"


@dataclass(frozen=True, slots=True)
class GuildRequest:
    """What `guilds add` was asked for; None and () leave a known guild's setting as it is."""

    guild_id: int
    webhook: str | None = None
    """A reference (env:NAME, file:PATH), or the URL itself."""
    channel_id: int | None = None
    games: tuple[str, ...] = ()
    mention_role_id: int | None = None
    announce_current: bool = False
    """Whether what the sources list now goes out as well, instead of being recorded as there already."""
    mentions_nobody: bool = False
    """Whether the role that was mentioned so far is taken away."""
    records_current: bool = False
    """Whether `announce_current` is taken back, as long as no check has gone by it."""


def add(session: Session, request: GuildRequest) -> int:
    """Add a guild, or change the settings of a known one."""
    for game in request.games:
        session.check_game(game)
    if request.mentions_nobody and request.mention_role_id is not None:
        raise UsageError("--mention and --no-mention contradict each other")
    asked = _asked_destination(session, request)
    with session.store() as store:
        # Nothing slow comes between reading and writing: what a check notes of the guild meanwhile would be undone.
        known = store.guild(request.guild_id)
        guild = _merged(request, asked, known)
        store.put_guild(guild)
        again = _forget_seeds(store, guild) if request.announce_current else 0
    warning = _destination_warning(session, guild.destination)
    session.give(
        {"guild": guild_object(guild, label(guild.destination)), "added": known is None, "warning": warning or None}
    )
    if warning:
        session.trouble(f"warning: {warning}")
    verb = "added" if known is None else "changed"
    session.tell(f"Guild {guild.guild_id} {verb}: {', '.join(guild.games)} by {label(guild.destination)}.")
    session.tell(_what_follows(guild, known, again))
    return EXIT_FINE


def _asked_destination(session: Session, request: GuildRequest) -> Destination | None:
    if request.webhook is not None and request.channel_id is not None:
        raise UsageError(WHERE)
    if request.webhook is not None:
        return Destination(webhook=_checked_webhook(session, request.webhook))
    return Destination(channel_id=request.channel_id) if request.channel_id is not None else None


def _merged(request: GuildRequest, asked: Destination | None, known: GuildRecord | None) -> GuildRecord:
    destination = asked or (known.destination if known else None)
    if destination is None:
        raise UnknownGuildError(WHERE)
    now = utc_now()
    games = request.games or (known.games if known else (HOME_GAME,))
    base = known or GuildRecord(request.guild_id, destination, games, created_at=now, updated_at=now)
    moved = known is not None and destination != known.destination
    return replace(
        base,
        destination=destination,
        games=games,
        # What was claimed before this time is not looked for at the destination: nothing but a move may change it.
        updated_at=now if moved or known is None else base.updated_at,
        mention_role_id=_mentioned(request, base),
        seeded={} if request.announce_current else base.seeded,
        announce_current=_announced_at_first(request, base, games),
        # Who adds a guild again has mended what was broken, or wants to know by the next check that it is not.
        broken=None,
    )


def _mentioned(request: GuildRequest, base: GuildRecord) -> int | None:
    if request.mentions_nobody:
        return None
    return request.mention_role_id if request.mention_role_id is not None else base.mention_role_id


def _announced_at_first(request: GuildRequest, base: GuildRecord, games: tuple[str, ...]) -> tuple[str, ...]:
    if request.records_current:
        return ()
    return games if request.announce_current else base.announce_current


def _checked_webhook(session: Session, reference: str) -> str:
    from pathlib import Path

    from giftping.discord.webhook import parse_webhook_url

    if reference.startswith(("env:", "file:")):
        _refuse_nameless(session, reference)
    else:
        try:
            parse_webhook_url(reference, api=session.settings.discord.api)
        except ValueError as error:
            raise UsageError(f"--webhook: {error}") from None
    return anchored_reference(reference, Path.cwd())


def _refuse_nameless(session: Session, reference: str) -> None:
    try:
        session.settings.secret(reference)
    except SecretError as error:
        # One that is not there yet may come. Where there is no name, the secret itself may stand in its place.
        if error.reference in ("env:", "file:"):
            raise UsageError(f"--webhook {error.reference} {error.reason}") from None


def _destination_warning(session: Session, destination: Destination) -> str:
    from giftping.discord.outcome import Refused

    route = session.wiring.route_to(destination)
    return route.reason if isinstance(route, Refused) else ""


def _forget_seeds(store: Store, guild: GuildRecord) -> int:
    seeds = [entry for entry in store.entries(guild.guild_id, (EntryState.SEEDED,)) if entry.game in guild.games]
    return sum(store.clear(guild.guild_id, game=entry.game, key=entry.key) for entry in seeds)


def _what_follows(guild: GuildRecord, known: GuildRecord | None, again: int) -> str:
    if guild.announce_current:
        extra = f", {again} of them recorded before without being posted" if again else ""
        return f"The next check announces the codes that are valid now{extra}."
    if known is None:
        return "The first check records what is valid now without posting it (--announce-current posts it)."
    return "What it has been sent stays recorded."


def list_guilds(session: Session) -> int:
    """List the guilds and how their destinations stand."""
    from giftping.codes.entries import ANNOUNCEMENT
    from giftping.codes.owed import owed_by
    from giftping.delivery.deliveries import UNDER_WAY, DeliveryState

    with session.store(read_only=True) as store:
        guilds = store.guilds()
        deliveries = session.wiring.deliveries(store, read_only=True).load(kinds=[ANNOUNCEMENT])
    owed = Counter(one.guild_id for one in owed_by(deliveries))
    uncertain, claimed = Counter[int | None](), Counter[int | None]()
    for one in deliveries:
        uncertain[one.guild_id] += len(one.entries) if one.state is DeliveryState.UNCLEAR else 0
        claimed[one.guild_id] += len(one.entries) if one.state in UNDER_WAY else 0
    session.give(
        {
            "guilds": [
                {
                    **guild_object(guild, label(guild.destination)),
                    "owed": owed[guild.guild_id],
                    "claimed": claimed[guild.guild_id],
                    "uncertain": uncertain[guild.guild_id],
                }
                for guild in guilds
            ]
        }
    )
    if not guilds:
        session.tell(NO_GUILDS)
        return EXIT_FINE
    session.show_facts(
        (
            str(guild.guild_id),
            "\n".join(_about(session, guild, owed[guild.guild_id], claimed[guild.guild_id], uncertain[guild.guild_id])),
        )
        for guild in guilds
    )
    return EXIT_FINE


def show(session: Session, guild_id: int) -> int:
    """Show one guild's settings, none for a guild that has none; for the bot."""
    with session.store(read_only=True) as store:
        guild = store.guild(guild_id)
    session.give({"guild": guild_object(guild, label(guild.destination)) if guild else None})
    return EXIT_FINE


def _about(session: Session, guild: GuildRecord, owed: int, claimed: int, uncertain: int) -> Iterator[str]:
    """Where a guild's announcements go, what it follows, and how it stands; it is fine only where nothing is open."""
    yield label(guild.destination)
    mention = f", mentions role {guild.mention_role_id}" if guild.mention_role_id is not None else ""
    yield f"{', '.join(guild.games) or 'no game'}{mention}"
    open_ends = list(_open_ends(session, guild, owed, claimed, uncertain))
    yield from open_ends
    if any(game not in guild.seeded for game in guild.games):
        yield "first check to come"
    elif not open_ends:
        yield "fine"


def _open_ends(session: Session, guild: GuildRecord, owed: int, claimed: int, uncertain: int) -> Iterator[str]:
    from giftping.codes.broken_destination import meaning_of_broken
    from giftping.output.check_lines import what_follows

    for game in guild.games:
        if game not in session.settings.games:
            yield f"{game}: unknown game; {nearest(game, session.settings.games)}"
    zone, broken = session.wiring.zone, guild.broken
    if broken is not None:
        yield f"broken since {when(broken.since, zone)}: {broken.reason}"
        yield what_follows(meaning_of_broken(guild), guild.guild_id, broken.retry_at, zone)
    if owed:
        yield f"{counted(owed, 'code')} owed: did not go out so far"
    if claimed:
        yield f"{counted(claimed, 'code')} on the way, or left by a run that was cut short: the next check looks"
    if uncertain:
        settle = f"look into the channel, then: giftping codes settle {guild.guild_id}"
        yield f"{counted(uncertain, 'code')} uncertain; {settle}"


def _known_guild(session: Session, guild_id: int) -> GuildRecord:
    """The settings of a guild. Raise UnknownGuildError, with the nearest id, for one that has none."""
    with session.store(read_only=True) as store:
        found = store.guild(guild_id)
        others = [str(guild.guild_id) for guild in store.guilds()]
    if found is None:
        raise UnknownGuildError(f"guild {guild_id} is not known; {nearest(guild_id, others)}")
    return found


def remove(session: Session, guild_id: int, *, yes: bool) -> int:
    """Remove a guild's settings; its ledger stays, so that adding it again repeats nothing."""
    known = _known_guild(session, guild_id)
    if not yes and not session.confirm(f"Stop announcing in guild {guild_id} ({label(known.destination)})?"):
        raise UsageError("nothing was removed; say --yes to remove without being asked")
    with session.store() as store:
        removed = store.remove_guild(guild_id)
    session.give({"guild_id": id_text(guild_id), "removed": removed})
    session.tell(f"Guild {guild_id} removed. What it was sent stays in the ledger: adding it again repeats nothing.")
    return EXIT_FINE


def test(session: Session, guild_id: int, *, post: bool) -> int:
    """Check a guild's destination, post a test message there, and tell how it went."""
    from giftping.discord.outcome import Done, Refused

    guild = _known_guild(session, guild_id)
    route = session.wiring.route_to(guild.destination)
    if isinstance(route, Refused):
        return _tested(session, guild, label(guild.destination), f"cannot be used: {route.reason}")
    trouble = route.probe()
    if trouble is None and post:
        outcome = route.post(_test_message(guild, utc_now()), _test_delivery_id())
        trouble = None if isinstance(outcome, Done) else outcome
    if trouble is not None:
        return _tested(session, guild, route.label, f"failed: {trouble.reason}{_to_mend(guild, trouble)}")
    if guild.broken is not None:
        # The next check need not wait until the destination would have been tried again.
        with session.store() as store:
            store.note_broken(guild_id, guild.destination, None)
    return _tested(session, guild, route.label, "")


def _to_mend(guild: GuildRecord, trouble: Refused | Unclear) -> str:
    """What a person has to mend after a test that failed, as the rest of a line."""
    from giftping.discord.meanings import meaning_of
    from giftping.discord.outcome import Refused

    if not isinstance(trouble, Refused) or trouble.status is None:
        return ""
    mend = meaning_of(trouble.status, trouble.code, by_webhook=bool(guild.destination.webhook)).mend
    return f"; {mend}" if mend else ""


def _tested(session: Session, guild: GuildRecord, destination: str, trouble: str) -> int:
    session.give(
        {
            "guild_id": id_text(guild.guild_id),
            "destination": destination,
            "works": not trouble,
            "reason": trouble,
        }
    )
    if trouble:
        session.trouble(f"guild {guild.guild_id}: {destination} {trouble}")
        return EXIT_TROUBLE
    session.tell(f"guild {guild.guild_id}: {destination} works.")
    return EXIT_FINE


def _test_message(guild: GuildRecord, now: datetime) -> Message:
    from giftping.discord.message import Embed, Message

    text = f"Gift codes for {', '.join(guild.games)} will be announced here.\nTested {discord_time(now)}."
    return Message(embeds=(Embed(title="giftping can post here", description=text, color=0x3BA55D),))


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
