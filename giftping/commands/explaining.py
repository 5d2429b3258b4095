"""What `giftping codes explain` does: the whole story of a code, in one guild or in all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from giftping.commands.session import Session
from giftping.errors import EXIT_FINE
from giftping.output.code_objects import code_object, entry_object, judging_object, timeline_object
from giftping.output.json import id_text
from giftping.store.base import NOT_RECORDED, CodeRecord, LedgerEntry, Subscription
from giftping.text import counted, key_of, when

if TYPE_CHECKING:
    from giftping.codes.explain import Explanation
    from giftping.codes.owed import Owed
    from giftping.codes.timeline import Episode
    from giftping.delivery.deliveries import Delivery
    from giftping.store.records import Store


@dataclass(frozen=True, slots=True)
class Kept:
    """What the store has of a code."""

    records: Sequence[CodeRecord]
    guilds: Mapping[int, Sequence[Subscription]]
    """What the guilds follow that the story is about, by id; nothing, of one that is not known."""
    entries: Sequence[LedgerEntry]
    deliveries: Mapping[str, Delivery]
    """Those of the entries that have not come to their end, by id."""
    owed: Sequence[Owed]
    missed: Sequence[Owed]
    """What was owed until it had ended."""
    cleared: Sequence[tuple[int, datetime]]
    held_back: str
    """Why nothing is sent now, empty where it is."""


def explain(session: Session, code: str, guild_id: int | None) -> int:
    """Say why a code was, or was not, announced, and all that happened to it."""
    from giftping.codes.holds import JudgingRules, remembered_clearance
    from giftping.codes.timeline import timeline
    from giftping.store.code_documents import code_to_document

    key, now = key_of(code), session.clock_of_look()
    with session.store(read_only=True) as store:
        kept = _kept(session, store, key, guild_id)
        session.know(store.guilds())
    rules, zone = JudgingRules.of(session.settings), session.wiring.zone
    told = _explanations(session, key, kept, now)
    answer = _together([one.answer for one in told.values()])
    steps = list(dict.fromkeys(step for one in told.values() for step in one.steps))
    owed = [*kept.owed, *kept.missed]
    everything = timeline(
        kept.records, kept.entries, kept.deliveries, owed, kept.cleared, lambda moment: when(moment, zone)
    )
    events = [event for event in everything if event.guild_id is None or guild_id in (None, event.guild_id)]
    games = {record.game for record in kept.records}
    session.give(
        {
            "guild_id": id_text(guild_id),
            "key": key,
            "answer": answer,
            "steps": steps,
            "guilds": [{"guild_id": id_text(id_), "answer": one.answer} for id_, one in told.items()],
            "events": [timeline_object(event) for event in events],
            "codes": [code_object(one, remembered_clearance(one, now, rules).reason) for one in kept.records],
            "entries": [entry_object(entry) for entry in kept.entries],
            "memory": [code_to_document(record) for record in kept.records],
            "rules": {"at": now.isoformat(), **judging_object(rules, games)},
        }
    )
    session.tell(answer)
    for line in _lines(events, steps, now, lambda moment: when(moment, zone)):
        session.tell(f"  {line}")
    return EXIT_FINE


def _kept(session: Session, store: Store, key: str, guild_id: int | None) -> Kept:
    from giftping.codes.owed import at_their_place, missed_by, owed_by
    from giftping.delivery.deliveries import DeliveryState
    from giftping.store.clears import clears_of

    records = [record for record in store.codes() if record.key == key]
    entries = [one for one in store.entries_of(key) if guild_id in (None, one.guild_id)]
    deliveries = session.wiring.deliveries(store, read_only=True)
    refused, missed = (
        [one for one in deliveries.load((state,)) if guild_id in (None, one.guild_id)]
        for state in (DeliveryState.REFUSED, DeliveryState.MISSED)
    )
    cleared = [(id_, at) for id_, at in clears_of(store, key) if guild_id in (None, id_)]
    known: dict[int, list[Subscription]] = {}
    refused = at_their_place(refused, subscriptions := store.subscriptions(guild_id))
    for subscription in subscriptions:
        known.setdefault(subscription.guild_id, []).append(subscription)
    games = {record.game for record in records}
    concerned = {id_ for id_, followed in known.items() if any(one.game in games for one in followed)}
    concerned |= {entry.guild_id for entry in entries}
    if not any(one.is_for_all for one in records):
        concerned &= {id_ for one in records for id_ in one.own} | {entry.guild_id for entry in entries}
    chosen = sorted(concerned or known) if guild_id is None else [guild_id]
    return Kept(
        records,
        {id_: known.get(id_, ()) for id_ in chosen},
        entries,
        deliveries.by_id([entry.delivery_id for entry in entries if entry.delivery_id]),
        [one for one in owed_by(refused) if one.key == key],
        [one for one in missed_by(missed) if one.key == key],
        cleared,
        session.wiring.join(store, read_only=True) or store.held_back,
    )


def _explanations(session: Session, key: str, kept: Kept, now: datetime) -> dict[int, Explanation]:
    """Why each guild did or did not get it."""
    from giftping.codes.explain import explain as explained
    from giftping.codes.holds import JudgingRules
    from giftping.runs.check import listed_now

    rules, zone, listed = JudgingRules.of(session.settings), session.wiring.zone, listed_now(session.settings)
    entries = _by_guild(kept.entries)
    owed: dict[int, dict[str, Owed]] = {}
    for one in kept.owed:
        owed.setdefault(one.guild_id, {})[one.game] = one
    return {
        guild_id: explained(
            key,
            subscriptions,
            kept.records,
            entries.get(guild_id, ()),
            listed=listed,
            now=now,
            when=lambda moment: when(moment, zone),
            rules=rules,
            owed=owed.get(guild_id, {}),
            missed=[one for one in kept.missed if one.guild_id == guild_id],
            deliveries=kept.deliveries,
            held_back=kept.held_back,
        )
        for guild_id, subscriptions in kept.guilds.items()
    }


def _by_guild(entries: Iterable[LedgerEntry]) -> dict[int, list[LedgerEntry]]:
    found: dict[int, list[LedgerEntry]] = {}
    for entry in entries:
        found.setdefault(entry.guild_id, []).append(entry)
    return found


def _together(answers: Sequence[str]) -> str:
    """The answers of several guilds, each once, with how many guilds it is for."""
    if len(answers) == 1:
        return answers[0]
    counts = {answer: answers.count(answer) for answer in dict.fromkeys(answers)}
    said = (f"{answer} ({counted(count, 'guild')})" for answer, count in counts.items())
    return " ".join(said) or "No guild is known that could get it: giftping guilds add"


def _lines(
    events: Sequence[Episode], steps: Sequence[str], now: datetime, said: Callable[[datetime], str]
) -> Iterator[str]:
    for event in events:
        where = f"guild {event.guild_id}: " if event.guild_id is not None else ""
        by = f", by {event.host}" if event.host else ""
        link = f": {event.link}" if event.link else ""
        to_come = "to come: " if event.at > now else ""
        at = "not recorded" if event.at == NOT_RECORDED else said(event.at)
        yield f"{at}  {where}{to_come}{event.said}{by}{link}"
    yield from steps
