"""All that is known to have happened to a code, in the order of time. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from giftping.codes.owed import Owed
from giftping.codes.showing import GONE, end_of, for_reader
from giftping.delivery.deliveries import Delivery, DeliveryState
from giftping.settings.sources import MANUAL_SOURCE
from giftping.store.base import CodeRecord, EntryState, Hold, LedgerEntry


class Happening(StrEnum):
    """What happens to a code."""

    ADDED = "added"
    LISTED = "listed"
    LISTED_LAST = "listed_last"
    ISSUED_ANEW = "issued_anew"
    ENDED = "ended"
    HELD = "held"
    RELEASED = "released"
    APPROVED = "approved"
    WITHDRAWN = "withdrawn"
    RESTORED = "restored"
    """It is withdrawn no more."""
    SEEDED = "seeded"
    CLAIMED = "claimed"
    SENT = "sent"
    EDITED = "edited"
    REFUSED = "refused"
    MISSED = "missed"
    """It was refused until it ended."""
    UNCLEAR = "unclear"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True)
class Episode:
    """One thing that happened to a code, or will."""

    at: datetime
    what: Happening
    said: str
    """In words."""
    game: str = ""
    source: str = ""
    """Whose list it is about, empty where it is about none."""
    guild_id: int | None = None
    host: str = ""
    """Which host did it, empty where that is not known, or was no host."""
    link: str = ""
    """Where the message is."""


def timeline(
    records: Iterable[CodeRecord],
    entries: Iterable[LedgerEntry],
    deliveries: Mapping[str, Delivery],
    owed: Iterable[Owed],
    cleared: Iterable[tuple[int, datetime]],
    when: Callable[[datetime], str],
) -> list[Episode]:
    """What happened to a code, oldest first.

    `deliveries` are those that have not come to their end, by id; `owed` is what was refused, and may have been missed
    since; `cleared` are guilds, and when the ledger forgot the
    code there; `when` writes an instant for the reader.
    """
    events = [event for record in records for event in _of_record(record, when)]
    events += [event for entry in entries for event in _of_entry(entry, deliveries.get(entry.delivery_id), when)]
    events += [event for one in owed for event in _of_owed(one)]
    events += [Episode(at, Happening.CLEARED, "cleared from the ledger", guild_id=guild_id) for guild_id, at in cleared]
    # What happens at one time is told in the order in which it does; two hosts may have put one thing on record.
    order = list(Happening)
    events = list(dict.fromkeys(events))
    return sorted(events, key=lambda one: (one.at, order.index(one.what), one.game, one.source, one.guild_id or 0))


def message_link(entry: LedgerEntry) -> str:
    """Where the message of an entry is, empty where that is not known."""
    if entry.message_id is None or entry.channel_id is None:
        return ""
    return f"https://discord.com/channels/{entry.guild_id}/{entry.channel_id}/{entry.message_id}"


# Of what is known of a code


def _of_record(record: CodeRecord, when: Callable[[datetime], str]) -> Iterator[Episode]:
    game = record.game
    for source, memory in record.sources.items():
        if source == MANUAL_SOURCE:
            yield Episode(memory.first_seen, Happening.ADDED, f"added by {memory.by or 'somebody'}", game, source)
            continue
        yield Episode(memory.first_seen, Happening.LISTED, f"{source} lists it as {memory.spelling}", game, source)
        if memory.last_seen > memory.first_seen:
            yield Episode(memory.last_seen, Happening.LISTED_LAST, f"{source} was last seen to list it", game, source)
    for guild_id, said in record.own.items():
        text = f"added by {said.by or 'somebody'} for this guild alone"
        yield Episode(said.at, Happening.ADDED, text, game, MANUAL_SOURCE, guild_id)
        if said.expires_at is not None and not record.is_for_all:
            yield Episode(said.expires_at, Happening.ENDED, "its end, as was said there", game, guild_id=guild_id)
    for number, one in enumerate(record.rounds, 2):
        yield Episode(one.began_at, Happening.ISSUED_ANEW, f"round {number} begins: {one.reason}", game)
    for source, hold in record.holds.items():
        yield from _of_hold(record, source, hold, when)
    if (ends_at := end_of(record)) is not None:
        yield Episode(ends_at, Happening.ENDED, "its end, as far as anybody has said", game)
    yield from _of_rulings(record)


def _of_hold(record: CodeRecord, source: str, hold: Hold, when: Callable[[datetime], str]) -> Iterator[Episode]:
    until = f"until {when(hold.until)}" if hold.until else "until a person, or a second family, says so"
    of_round = f" (round {hold.number})" if record.rounds else ""
    said = f"held because of {source}{of_round}, {until}: {hold.reason}"
    yield Episode(hold.since, Happening.HELD, said, record.game, source)
    if hold.released_at is not None:
        yield Episode(hold.released_at, Happening.RELEASED, f"no longer held because of {source}", record.game, source)


def _of_rulings(record: CodeRecord) -> Iterator[Episode]:
    """What people have said of it; each word once, though two hosts may have it as present and as past."""
    for now, what in ((record.approved, Happening.APPROVED), (record.withdrawn, Happening.WITHDRAWN)):
        past = [one for one in record.past_rulings if one.said == what.value]
        for ruling in dict.fromkeys([*(one.ruling for one in past), *filter(None, [now])]):
            yield Episode(ruling.at, what, f"{what.value} by {ruling.by}", record.game)
        # Who approves once more takes nothing back: that is told by itself.
        for one in past if what is Happening.WITHDRAWN else ():
            text = f"taken back by {one.ended.by} that it is withdrawn"
            yield Episode(one.ended.at, Happening.RESTORED, text, record.game)


# Of a guild


def _of_owed(one: Owed) -> Iterator[Episode]:
    said = f"refused, and owed since: {one.reason}" if one.over_at is None else f"refused, and owed: {one.reason}"
    yield Episode(one.since, Happening.REFUSED, said, one.game, guild_id=one.guild_id)
    if one.over_at is not None:
        text = f"missed: it {one.over_reason.removeprefix('it ')}, before it could go out"
        yield Episode(one.over_at, Happening.MISSED, text, one.game, guild_id=one.guild_id)


def _of_entry(entry: LedgerEntry, delivery: Delivery | None, when: Callable[[datetime], str]) -> Iterator[Episode]:
    def event(at: datetime, what: Happening, said: str, host: str = "", link: str = "") -> Episode:
        return Episode(at, what, said, entry.game, guild_id=entry.guild_id, host=host, link=link)

    if entry.state is EntryState.SEEDED:
        yield event(entry.created_at, Happening.SEEDED, "recorded at the guild's first look, and not posted")
        return
    carries = f" with delivery {entry.delivery_id}" if entry.delivery_id else ""
    claimer = delivery.holder.host if delivery is not None else entry.host
    yield event(entry.created_at, Happening.CLAIMED, f"claimed{carries}", claimer)
    if entry.state is EntryState.SENT:
        link = message_link(entry)
        at = entry.sent_at or entry.updated_at
        yield event(at, Happening.SENT, f"announced as {entry.spelling}, source {entry.source}", entry.host, link)
        if entry.edited_at is not None:
            shows = (
                "cannot be edited any more"
                if entry.shown == GONE
                else f"shows {entry.spelling}, {for_reader(entry.shown, when)}"
            )
            yield event(entry.edited_at, Happening.EDITED, f"its message {shows}", entry.edited_by, link)
    elif delivery is not None and delivery.state in (DeliveryState.UNCLEAR, DeliveryState.CLOSED):
        said = "nobody can tell whether it arrived" + (f": {delivery.reason}" if delivery.reason else "")
        yield event(entry.updated_at, Happening.UNCLEAR, said, delivery.holder.host)
