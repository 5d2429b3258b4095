"""What was refused stays owed: also when no source lists it any more, until it goes out or ends. Pure.

Whatever was claimed and did not go out is a refused delivery: its codes are free in the ledger, and it says that they
are to go out. A new attempt takes its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from giftping.codes.announcement import Announcement, announcements
from giftping.codes.entries import ANNOUNCEMENT
from giftping.codes.guards import clearance
from giftping.codes.holds import JudgingRules, code_of
from giftping.codes.look import look_for
from giftping.codes.model import Code
from giftping.codes.places import meaning_told
from giftping.codes.report import DeliveryReport, MissedReport, RestingReport
from giftping.codes.scope import seen_by
from giftping.delivery.deliveries import MISSED_KEPT, Delivery, DeliveryState, delivery_document, new_delivery_id
from giftping.delivery.retries import is_left_alone
from giftping.settings.catalogue import Game
from giftping.store.base import CodeRecord, Subscription, entry_id
from giftping.store.documents import DELIVERIES
from giftping.store.engine import Change
from giftping.text import counted, key_of
from giftping.words.catalogue import Words

OWED_FOR = timedelta(days=30)
"""How long a code stays owed whose end nobody knows."""


@dataclass(frozen=True, slots=True)
class Owed:
    """A code that a guild did not get because its destination, or Discord, said no."""

    id: str
    """Of the ledger entry that it is to get."""
    guild_id: int
    game: str
    key: str
    spelling: str
    since: datetime
    reason: str
    retry_at: datetime | None = None
    """When it is tried again; None for the next run."""
    over_at: datetime | None = None
    """When it was missed; None where it is owed still."""
    over_reason: str = ""
    """How it had ended then, in words."""


def owed_by(deliveries: Iterable[Delivery]) -> list[Owed]:
    """What is owed by the refused ones among the deliveries, each code once, by the one that has owed it longest."""
    found: dict[str, Owed] = {}
    for one in _codes_of(deliveries, DeliveryState.REFUSED):
        known = found.get(one.id)
        # Of several that carry it the last one to be tried again counts: until then it goes in none.
        latest = max(filter(None, (known.retry_at if known else None, one.retry_at)), default=None)
        found[one.id] = replace(one if known is None or one.since < known.since else known, retry_at=latest)
    return list(found.values())


def missed_by(deliveries: Iterable[Delivery]) -> list[Owed]:
    """What was owed until it had ended by those of the deliveries that were missed."""
    return list(_codes_of(deliveries, DeliveryState.MISSED))


def _codes_of(deliveries: Iterable[Delivery], state: DeliveryState) -> Iterator[Owed]:
    for one in deliveries:
        if one.state is not state or one.kind != ANNOUNCEMENT or one.guild_id is None:
            continue
        for id_, spelling in zip(one.entries, one.spellings, strict=False):
            yield Owed(
                id=id_,
                guild_id=one.guild_id,
                game=one.game,
                key=key_of(spelling),
                spelling=spelling,
                since=one.owed_since or one.since,
                reason=one.reason,
                retry_at=one.retry_at,
                over_at=one.over_at,
                over_reason=one.over_reason,
            )


def at_their_place(refused: Iterable[Delivery], subscriptions: Iterable[Subscription]) -> list[Delivery]:
    """The refused deliveries, those without a no whose game goes elsewhere since: it was said of another place."""
    moved_at = {one.key: one.updated_at for one in subscriptions}
    return [
        replace(one, reason="", noes=0, retry_at=None)
        if one.since < moved_at.get((one.guild_id or 0, one.game), one.since)
        else one
        for one in refused
    ]


def messages_left_alone(
    refused: Iterable[Delivery], subscriptions: Iterable[Subscription], now: datetime
) -> dict[tuple[int, str], list[Delivery]]:
    """Those of the refused deliveries whose message is not tried again yet, by guild and game."""
    followed = {one.key for one in subscriptions}
    found: dict[tuple[int, str], list[Delivery]] = {}
    for one in refused:
        key = (one.guild_id or 0, one.game)
        if key in followed and is_left_alone(one.retry_at, now):
            found.setdefault(key, []).append(one)
    return found


def resting_messages(
    alone: Mapping[tuple[int, str], Sequence[Delivery]], subscriptions: Iterable[Subscription]
) -> list[RestingReport]:
    """What is said of deliveries that are left alone, a report for each reason in each subscription."""
    followed = {one.key: one for one in subscriptions}
    by_reason: dict[tuple[tuple[int, str], str], list[Delivery]] = {}
    for key, of_it in alone.items():
        for one in of_it:
            by_reason.setdefault((key, one.reason), []).append(one)
    return [
        RestingReport(
            key[0],
            sum(len(one.entries) for one in of_reason),
            reason,
            min(one.owed_since or one.since for one in of_reason),
            min((one.retry_at for one in of_reason if one.retry_at), default=None),
            meaning_told(followed[key], reason),
        )
        for (key, reason), of_reason in by_reason.items()
    ]


def left_to_later(
    settled: Iterable[DeliveryReport], alone: Mapping[tuple[int, str], Sequence[Delivery]]
) -> dict[tuple[int, str], set[str]]:
    """By guild and game the keys that a run leaves to a later one.

    What settling has just looked into is, whatever came of it: the trouble would be the same. So is what was refused
    for its content not long ago.
    """
    keys = {of: {key_of(spelling) for one in refused for spelling in one.spellings} for of, refused in alone.items()}
    for report in settled:
        keys.setdefault((report.guild_id, report.game), set()).update(map(key_of, report.codes))
    return keys


def parts_of(
    subscription: Subscription, game: Game, codes: Sequence[Code], owed: Iterable[Delivery], words: Words
) -> list[Announcement]:
    """The announcements of these codes: one that was refused for its content goes alone, as it may be why."""
    refused = {id_ for one in owed if one.noes for id_ in one.entries}
    alone = [one for one in codes if entry_id(subscription.guild_id, one.game, one.key, one.number) in refused]
    look = look_for(subscription, game, words)
    parts = announcements(look, [one for one in codes if one not in alone])
    for one in alone:
        parts += announcements(replace(look, mentions=()) if parts else look, [one])
    return parts


@dataclass(frozen=True, slots=True)
class OwedNow:
    """What becomes, in a run, of what earlier ones left owed."""

    unlisted: Mapping[tuple[int, str], tuple[Code, ...]]
    """By guild and game: what no source lists any more, and may go out all the same."""
    missed: tuple[MissedReport, ...]
    """What has ended before it could go out."""
    over: Mapping[str, str]
    """The ids of what is not owed any more, each with how it had ended where it was missed."""
    next_end: datetime | None = None
    """When the next of them ends."""


def owed_now(
    owed: Sequence[Owed],
    subscriptions: Iterable[Subscription],
    records: Iterable[CodeRecord],
    listed: Mapping[tuple[str, str], Code],
    *,
    now: datetime,
    rules: JudgingRules,
) -> OwedNow:
    """What becomes of what is owed; `listed` is what the sources say now, by game and key."""
    following = {one.key for one in subscriptions}
    wanted = {(one.game, one.key) for one in owed}
    known = records if wanted else ()
    remembered = {key: record for record in known if (key := (record.game, record.key)) in wanted}
    unlisted: dict[tuple[int, str], list[Code]] = {}
    missed: list[MissedReport] = []
    over: dict[str, str] = {}
    ends: list[datetime] = []
    for one in owed:
        record = remembered.get((one.game, one.key))
        seen = seen_by(record, one.guild_id) if record is not None else None
        code = listed.get((one.game, one.key)) or (code_of(seen) if seen is not None else None)
        is_of_its_round = code is not None and one.id == entry_id(one.guild_id, one.game, one.key, code.number)
        if code is None or code.withdrawn or not is_of_its_round or (one.guild_id, one.game) not in following:
            over[one.id] = ""
            continue
        is_listed = (one.game, one.key) in listed or (record is not None and one.guild_id in record.own)
        judged = clearance(code, now, rules.skipped_regions, rules.games)
        ends += [code.expires_at] if code.expires_at is not None else []
        if judged.may_go_out and (is_listed or now - one.since < OWED_FOR):
            # What is still listed is planned as ever.
            if not is_listed:
                unlisted.setdefault((one.guild_id, one.game), []).append(code)
            continue
        why = judged.reason or f"it was owed for {counted(OWED_FOR.days, 'day')}"
        missed.append(MissedReport(one.guild_id, one.game, one.spelling, why, one.reason))
        over[one.id] = why
    by_guild = {guild_and_game: tuple(codes) for guild_and_game, codes in unlisted.items()}
    return OwedNow(by_guild, tuple(missed), over, min((end for end in ends if end > now), default=None))


def why_not_again(
    delivery: Delivery,
    subscriptions: Iterable[Subscription],
    records: Iterable[CodeRecord],
    *,
    now: datetime,
    rules: JudgingRules,
) -> dict[str, str]:
    """By entry why a code of a delivery would go out no more, though it did not arrive."""
    guild_id, game = delivery.guild_id or 0, delivery.game
    spellings = dict(zip(delivery.entries, delivery.spellings, strict=False))
    if (guild_id, game) not in {one.key for one in subscriptions}:
        return dict.fromkeys(spellings, "the guild does not follow the game")
    seen = {one.key: seen_by(one, guild_id) for one in records if one.game == game}
    known = {id_: record for id_, spelling in spellings.items() if (record := seen.get(key_of(spelling))) is not None}
    judged = {id_: clearance(code_of(record), now, rules.skipped_regions, rules.games) for id_, record in known.items()}
    return {id_: one.reason for id_, one in judged.items() if not one.may_go_out}


def without(deliveries: Iterable[Delivery], over: Mapping[str, str], now: datetime) -> list[Change]:
    """The changes after which the refused deliveries do not owe these entries any more; what was missed is on record.

    `over` says by entry how it had ended, nothing where it was not missed.
    """
    changes: list[Change] = []
    for delivery in deliveries:
        left: list[tuple[str, str]] = []
        missed: dict[str, list[tuple[str, str]]] = {}
        for pair in zip(delivery.entries, delivery.spellings, strict=False):
            if pair[0] not in over:
                left.append(pair)
            elif why := over[pair[0]]:
                missed.setdefault(why, []).append(pair)
        if len(left) == len(delivery.entries):
            continue
        parts = [delivery.carrying(left)] if left else []
        parts += [
            replace(delivery.carrying(pairs), state=DeliveryState.MISSED, over_at=now, over_reason=why)
            for why, pairs in missed.items()
        ]
        # One takes the place of what was refused; the others are new, and are there before that is narrowed.
        new = [replace(part, id=new_delivery_id(), document=None) for part in parts[1:]]
        changes += [Change(DELIVERIES, None, delivery_document(one)) for one in new]
        changes.append(Change(DELIVERIES, delivery.document, delivery_document(parts[0]) if parts else None))
    return changes


def no_longer_kept(missed: Iterable[Delivery], now: datetime) -> list[Change]:
    """The changes that take what was missed long ago off the record."""
    return [Change(DELIVERIES, one.document, None) for one in missed if one.over_at and one.over_at < now - MISSED_KEPT]
