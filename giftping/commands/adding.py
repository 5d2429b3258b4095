"""What `giftping codes add` does: a person says that something is a code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from giftping.commands.session import Session
from giftping.errors import EXIT_FINE, UsageError
from giftping.output.code_objects import code_object
from giftping.output.json import id_text, instant
from giftping.store.base import CodeRecord, EntryState, GuildAddition, LedgerEntry, Round, Ruling, SourceMemory
from giftping.text import counted, key_of, when
from giftping.words.said import Said

if TYPE_CHECKING:
    from collections.abc import Sequence

    from giftping.settings.catalogue import Game
    from giftping.store.base import Subscription
    from giftping.store.records import Store

_NAMES_IN_LINKS = ("code", "cdkey", "giftcode", "gift_code", "redeem_code")


@dataclass(frozen=True, slots=True)
class Addition:
    """What a person says of a code; of what is None nothing was said."""

    rewards: str | None = None
    expires_at: datetime | None = None
    anyway: bool = False
    """That it is one, whatever speaks against it."""
    again: bool = False
    """That it was issued anew, and goes out once more."""
    guild_id: int | None = None
    """The guild whose own people say so, for themselves alone; None where it is for all."""
    by: str = ""
    """Who says so."""


def add_code(
    session: Session,
    code: str,
    game: str,
    *,
    rewards: str = "",
    expires_at: datetime | None = None,
    anyway: bool = False,
    again: bool = False,
    guild_id: int | None = None,
    by: str = "",
) -> int:
    """Record a code by hand, to go out with the next check, and say where it will, and where it has been already.

    With a guild it goes there alone, until a source lists it, or it is added for all.
    """
    from giftping.codes.holds import JudgingRules, approved_by
    from giftping.codes.scope import seen_by
    from giftping.codes.spelling import bare_code
    from giftping.commands.next_check import check_that_sends

    session.check_game(game)
    if again and guild_id is not None:
        raise UsageError("--again begins a round for all guilds: leave --guild out")
    said = Addition(rewards or None, expires_at, anyway, again, guild_id, by or who_types())
    pattern = session.settings.games[game].code_pattern
    typed = code_in_link(code.strip(), session.settings.games[game])
    # What is nothing but marks is refused as it was typed.
    spelling = bare_code(typed, pattern) or typed
    now = session.clock()
    with session.store() as store:
        known = next((one for one in store.codes(game) if one.key == key_of(spelling)), None)
        subscriptions = [one for one in store.subscriptions(guild_id) if one.game == game]
        session.know(store.guilds())
        record = _added(session, spelling, game, known, said, now)
        entries = _entries(store, known, subscriptions, spelling)
        if again and entries:
            record = replace(record, rounds=_rounds(known, said, now))
            entries = {}
        record = store.remember([record])[record.id]
        if guild_id is None and all(one.spelling != record.spelling for one in record.sources.values()):
            # Who types a code is no list that folds its case: what nobody else writes was a slip of before.
            record = replace(record, spelling=spelling)
            store.amend_code(game, record.key, lambda one: replace(one, spelling=spelling))
        if anyway:
            ruling, rules = Ruling(said.by, now), JudgingRules.of(session.settings)
            store.amend_code(game, record.key, lambda one: approved_by(one, ruling, rules))
        check = check_that_sends(session, store)
    sent = [entry for entry in entries.values() if entry.state is not EntryState.SEEDED]
    seeded = len(entries) - len(sent)
    last_sent_at = max((entry.sent_at for entry in sent if entry.sent_at), default=None)
    shown = record if guild_id is None else seen_by(record, guild_id) or record
    session.give(
        {
            "code": code_object(shown, ""),
            "guild_id": id_text(guild_id),
            "guilds": len(subscriptions),
            "round": record.number,
            "goes_to": len(subscriptions) - len(entries),
            "sent": len(sent),
            "seeded": seeded,
            "last_sent_at": instant(last_sent_at),
        }
    )
    last_sent = when(last_sent_at, session.wiring.zone)
    is_for_all = guild_id is None
    sentences = _answer(len(subscriptions), len(entries), len(sent), seeded, last_sent, check, is_for_all=is_for_all)
    whose = f"{game} in guild {guild_id} alone" if guild_id is not None else game
    session.tell(f"{spelling} added for {whose}: {sentences}")
    return EXIT_FINE


def _added(
    session: Session, spelling: str, game: str, known: CodeRecord | None, said: Addition, now: datetime
) -> CodeRecord:
    """What is to be remembered of a code that is added. Raise UsageError for one that may not go out."""
    from giftping.codes.guards.refusals import clearance, never_reason
    from giftping.codes.model import Code
    from giftping.codes.rewards import clean_text
    from giftping.codes.scope import seen_by
    from giftping.settings.sources import MANUAL_SOURCE, SightingState

    before = seen_by(known, said.guild_id) if known and said.guild_id is not None else known
    is_settled = said.guild_id is not None and known is not None and known.is_for_all
    # What all know of a code no guild changes.
    named = None if is_settled else said.expires_at
    expires_at = named or (before.expires_at if before else None)
    expiry_text = (before.expiry_text if before else "") if named is None else _last_day(named)
    withdrawn = known.withdrawn if known else None
    judged = clearance(
        Code(
            game,
            key_of(spelling),
            spelling,
            (MANUAL_SOURCE,),
            expires_at=expires_at,
            expiry_text=expiry_text,
            state=SightingState(known.state) if known and known.state and is_settled else SightingState.UNSTATED,
            withdrawn=withdrawn.by if withdrawn else "",
        ),
        now,
        frozenset(),
        session.settings.games,
    )
    never = never_reason(spelling)
    if not judged.may_go_out and (never or not said.anyway):
        way_out = "" if never else "; --anyway adds it all the same"
        raise UsageError(Said("no_code.refused", code=repr(spelling), reason=judged.reason, way_out=way_out))
    base = known or CodeRecord(game, key_of(spelling), spelling, now, now)
    if said.guild_id is not None:
        addition = GuildAddition(
            spelling=spelling,
            at=now,
            by=said.by,
            rewards=(before.rewards if before else "") if said.rewards is None else clean_text(said.rewards),
            expires_at=expires_at,
            expiry_text=expiry_text,
        )
        return replace(base, own={**base.own, said.guild_id: addition})
    by_hand = SourceMemory(spelling, now, now, by=said.by)
    return replace(
        base,
        spelling=spelling,
        last_seen=now,
        sources={MANUAL_SOURCE: by_hand},
        # What is not said stays as it is.
        rewards=base.rewards if said.rewards is None else clean_text(said.rewards),
        expires_at=expires_at,
        expiry_text=expiry_text,
        latest_end=expires_at,
    )


def _rounds(known: CodeRecord | None, said: Addition, now: datetime) -> tuple[Round, ...]:
    """The rounds of a code with the one that begins because a person says so: that alone ends none."""
    from giftping.codes.rounds import end_before
    from giftping.settings.sources import SightingState

    by = f"said by {said.by}"
    if known is None:
        return (Round(now, by),)
    is_over = now if known.state == SightingState.EXPIRED else None
    return (*known.rounds, Round(now, by, end_before(known, now) or is_over))


def _last_day(expires_at: datetime) -> str:
    """The day that a code is valid through which ends at midnight; empty where it ends within a day."""
    day = expires_at.astimezone(UTC) - timedelta(days=1)
    return f"{day:%Y-%m-%d}" if day.time() == time() else ""


def _entries(
    store: Store, known: CodeRecord | None, subscriptions: Sequence[Subscription], spelling: str
) -> Mapping[int, LedgerEntry]:
    """What the ledger has of the code's present round, by guild."""
    number = known.number if known else 1
    found = {one.guild_id: store.entry(*one.key, key_of(spelling), number) for one in subscriptions}
    return {guild_id: entry for guild_id, entry in found.items() if entry is not None}


def _answer(guilds: int, entries: int, sent: int, seeded: int, last_sent: str, check: str, *, is_for_all: bool) -> str:
    if not guilds:
        return "no guild follows the game." if is_for_all else "the guild does not follow the game so far."
    goes = guilds - entries
    parts = [f"{check} announces it in {counted(goes, 'guild')}"] if goes else []
    if sent:
        parts.append(f"already sent to {counted(sent, 'guild')}, last on {last_sent}")
    if seeded:
        parts.append(f"there already at the first look of {counted(seeded, 'guild')}")
    again = "; --again announces it there as a new round" if entries and is_for_all else ""
    return f"{'; '.join(parts)}{again}."


def code_in_link(text: str, game: Game) -> str:
    """The code in a link to where it is redeemed; what is no link is as it was."""
    if "://" not in text:
        return text
    before, marked, behind = game.redeem_url.partition("{code}")
    found = re.fullmatch(f"{re.escape(before)}([^/?&#]+){re.escape(behind)}.*", text) if marked else None
    if found:
        return found[1]
    named = {name.lower(): values for name, values in parse_qs(urlsplit(text).query).items()}
    return next((named[name][0].strip() for name in _NAMES_IN_LINKS if name in named), text)


def who_types() -> str:
    """Who types this, as far as the machine knows."""
    import getpass

    try:
        return getpass.getuser()
    # Of containers often nobody knows who that is.
    except (OSError, KeyError, ImportError):
        return "somebody"
