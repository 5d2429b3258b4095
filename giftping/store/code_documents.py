"""What is known of a code as a document, and back; and what of it counts where two hosts have learnt of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from giftping.store.base import CodeRecord, GuildAddition, Hold, PastRuling, Round, Ruling, SourceMemory
from giftping.store.documents import CODES, Document, field_name, kept_in, plain_name, set_values, text_or_none
from giftping.store.fields import Fields, time_to_text
from giftping.text import id_or_none, is_folded, last_day

_OF_CODE = frozenset(
    {"_id", "game", "key", "spelling", "first_seen", "last_seen", "sources", "own", "rewards", "expires_at"}
    | {
        "expiry_text",
        "latest_end",
        "state",
        "regions",
        "rounds",
        "holds",
        "withdrawn",
        "approved",
        "past_rulings",
        "shown",
    }
)

_ONLY_GROW = ("latest_end", "rounds", "holds", "own", "past_rulings")


def code_to_document(code: CodeRecord, before: Mapping[str, Any] | None = None) -> Document:
    """The document of what is known of a code, written over the one `before`: what is not ours in that stays."""
    kept = kept_in(before, _OF_CODE)
    return (
        kept
        | {
            "_id": code.id,
            "game": code.game,
            "key": code.key,
            "spelling": code.spelling,
            "first_seen": time_to_text(code.first_seen),
            "last_seen": time_to_text(code.last_seen),
            "sources": {field_name(name): _memory_to_document(memory) for name, memory in code.sources.items()},
        }
        | set_values(
            own={str(guild_id): _addition_to_document(one) for guild_id, one in code.own.items()},
            rewards=code.rewards,
            expires_at=text_or_none(code.expires_at),
            latest_end=text_or_none(code.latest_end),
            expiry_text=code.expiry_text,
            state=code.state,
            regions=list(code.regions),
            rounds=[_round_to_document(one) for one in code.rounds],
            holds={field_name(source): _hold_to_document(hold) for source, hold in code.holds.items()},
            withdrawn=_ruling_to_document(code.withdrawn),
            approved=_ruling_to_document(code.approved),
            past_rulings=[_past_to_document(one) for one in code.past_rulings],
            shown=code.shown,
        )
    )


def code_from_document(document: Mapping[str, Any]) -> CodeRecord:
    """The record of a code that a document holds. Raise DocumentError when it says nothing of one."""
    fields = Fields(CODES, document)
    sources, holds = fields.table("sources", optional=True), fields.table("holds", optional=True)
    own = fields.table("own", optional=True)
    code = CodeRecord(
        game=fields.text("game"),
        key=fields.text("key"),
        spelling=fields.text("spelling"),
        first_seen=fields.time("first_seen"),
        last_seen=fields.time("last_seen"),
        sources={plain_name(name): _memory_from(sources.table(name)) for name in sources.document},
        own={_guild_of(own, name): _addition_from(own.table(name)) for name in own.document},
        rewards=fields.optional_text("rewards"),
        expires_at=fields.first_time("expires_at"),
        latest_end=fields.first_time("latest_end"),
        expiry_text=fields.optional_text("expiry_text"),
        state=_state_from(fields),
        regions=fields.texts("regions"),
        rounds=_rounds_from(fields),
        holds={plain_name(name): _hold_from(holds.table(name)) for name in holds.document},
        withdrawn=_ruling_from(fields, "withdrawn"),
        approved=_ruling_from(fields, "approved"),
        past_rulings=tuple(_past_from(one) for one in fields.tables("past_rulings")),
        shown=fields.optional_text("shown"),
    )
    if document.get("_id") != code.id:
        raise fields.wrong("_id", f"{code.id!r}")
    return code


def _state_from(fields: Fields) -> str:
    if fields.document.get("state") is None:
        return ""
    # Whoever keeps a ledger in the state folder alone loads no settings.
    from giftping.settings.sources import SightingState

    return fields.optional_kind("state", list(SightingState))


def _memory_to_document(memory: SourceMemory) -> Document:
    return {
        "spelling": memory.spelling,
        "first_seen": time_to_text(memory.first_seen),
        "last_seen": time_to_text(memory.last_seen),
    } | set_values(by=memory.by)


def _memory_from(fields: Fields) -> SourceMemory:
    return SourceMemory(
        fields.text("spelling"), fields.time("first_seen"), fields.time("last_seen"), fields.optional_text("by")
    )


def _addition_to_document(one: GuildAddition) -> Document:
    return {"spelling": one.spelling, "at": time_to_text(one.at)} | set_values(
        by=one.by, rewards=one.rewards, expires_at=text_or_none(one.expires_at), expiry_text=one.expiry_text
    )


def _addition_from(fields: Fields) -> GuildAddition:
    return GuildAddition(
        fields.text("spelling"),
        fields.time("at"),
        fields.optional_text("by"),
        fields.optional_text("rewards"),
        fields.first_time("expires_at"),
        fields.optional_text("expiry_text"),
    )


def _guild_of(fields: Fields, name: str) -> int:
    if (guild_id := id_or_none(name)) is None:
        raise fields.wrong(name, "under a guild's id")
    return guild_id


def _hold_to_document(hold: Hold) -> Document:
    return {"since": time_to_text(hold.since), "reason": hold.reason} | set_values(
        until=text_or_none(hold.until),
        released_at=text_or_none(hold.released_at),
        round=hold.number if hold.number > 1 else None,
    )


def _hold_from(fields: Fields) -> Hold:
    return Hold(
        fields.time("since"),
        fields.text("reason"),
        fields.first_time("until"),
        fields.first_time("released_at"),
        fields.optional_number("round", 1),
    )


def _rounds_from(fields: Fields) -> tuple[Round, ...]:
    return tuple(
        Round(one.time("began_at"), one.optional_text("reason"), one.first_time("ended_at"))
        for one in fields.tables("rounds")
    )


def _round_to_document(one: Round) -> Document:
    values = set_values(reason=one.reason, ended_at=text_or_none(one.ended_at))
    return {"began_at": time_to_text(one.began_at)} | values


def _ruling_to_document(ruling: Ruling | None) -> Document | None:
    return None if ruling is None else {"by": ruling.by, "at": time_to_text(ruling.at)}


def _ruling_from(fields: Fields, name: str) -> Ruling | None:
    if fields.document.get(name) is None:
        return None
    ruling = fields.table(name)
    return Ruling(ruling.text("by"), ruling.time("at"))


def _past_to_document(one: PastRuling) -> Document:
    return {
        "said": one.said,
        "by": one.ruling.by,
        "at": time_to_text(one.ruling.at),
        "ended_by": one.ended.by,
        "ended_at": time_to_text(one.ended.at),
    }


def _past_from(fields: Fields) -> PastRuling:
    said = fields.text("said")
    if said not in ("approved", "withdrawn"):
        raise fields.wrong("said", "approved or withdrawn")
    return PastRuling(
        "approved" if said == "approved" else "withdrawn",
        Ruling(fields.text("by"), fields.time("at")),
        Ruling(fields.text("ended_by"), fields.time("ended_at")),
    )


# What two hosts have learnt


def merge_code_records(known: CodeRecord, seen: CodeRecord) -> CodeRecord:
    """The record of a code after it was seen again, by the rule of `Store.remember`."""
    own = joined_additions(known.own, seen.own)
    # What guilds have said for themselves says nothing of it to others.
    if not seen.is_for_all:
        return replace(known, own=own)
    if not known.is_for_all:
        withdrawn, approved = known.withdrawn or seen.withdrawn, known.approved or seen.approved
        past = joined_past(known.past_rulings, seen.past_rulings)
        return replace(seen, own=own, withdrawn=withdrawn, approved=approved, past_rulings=past, shown=known.shown)
    sources = dict(known.sources)
    for name, memory in seen.sources.items():
        before = sources.get(name)
        sources[name] = memory if before is None else _joined_memory(before, memory)
    rounds = joined_rounds(known.rounds, seen.rounds)
    latest_end = max(filter(None, (known.latest_end, seen.latest_end)), default=None)
    # Written out, as each row of a list that has changed comes here twice: `replace` takes as long as all the rest.
    return CodeRecord(
        game=seen.game,
        key=seen.key,
        rewards=seen.rewards,
        expires_at=seen.expires_at,
        state=seen.state,
        regions=seen.regions,
        expiry_text=seen.expiry_text
        or _day_of_end(known, seen, latest_end, is_same_round=len(rounds) == known.number - 1),
        # Redeeming is case-sensitive: whoever folds the case of a code takes nothing back of what is known of it.
        spelling=known.spelling if is_folded(seen.spelling) and not is_folded(known.spelling) else seen.spelling,
        first_seen=min(known.first_seen, seen.first_seen),
        last_seen=max(known.last_seen, seen.last_seen),
        sources=sources,
        own=own,
        latest_end=latest_end,
        rounds=rounds,
        holds=joined_holds(known.holds, seen.holds),
        # Of these a sighting says nothing.
        withdrawn=known.withdrawn or seen.withdrawn,
        approved=known.approved or seen.approved,
        past_rulings=joined_past(known.past_rulings, seen.past_rulings),
        shown=known.shown,
    )


def _joined_memory(before: SourceMemory, memory: SourceMemory) -> SourceMemory:
    return SourceMemory(
        memory.spelling,
        first_seen=min(before.first_seen, memory.first_seen),
        last_seen=max(before.last_seen, memory.last_seen),
        by=memory.by or before.by,
    )


def _day_of_end(known: CodeRecord, seen: CodeRecord, latest_end: datetime | None, *, is_same_round: bool) -> str:
    """The day by which a source named the end, where a list without dates has the code now: it still ends on it."""
    is_without_date = is_same_round and seen.expires_at is None and latest_end == known.latest_end
    return known.expiry_text if is_without_date and last_day(latest_end, known.expiry_text) else ""


def joined_rounds(first: Sequence[Round], second: Sequence[Round]) -> tuple[Round, ...]:
    """The rounds that two hosts know of a code, in whatever order they are joined: the same one counts once."""
    if not first or not second:
        return tuple(first or second)
    longer, shorter = (first, second) if len(first) >= len(second) else (second, first)
    both = (
        min(pair, key=lambda one: (one.began_at, one.reason, str(one.ended_at)))
        for pair in zip(longer, shorter, strict=False)
    )
    return (*both, *longer[len(shorter) :])


def joined_additions(
    first: Mapping[int, GuildAddition], second: Mapping[int, GuildAddition]
) -> dict[int, GuildAddition]:
    """What guilds have said of a code for themselves, by guild the later word, in whatever order they are joined."""
    if not first and not second:
        return {}
    return {
        guild_id: max(
            (words[guild_id] for words in (first, second) if guild_id in words), key=lambda one: (one.at, str(one))
        )
        for guild_id in sorted({*first, *second})
    }


def joined_past(first: Sequence[PastRuling], second: Sequence[PastRuling]) -> tuple[PastRuling, ...]:
    """What two hosts know that people had said and took back, each once, in whatever order they are joined."""
    if not first and not second:
        return ()
    return tuple(sorted({*first, *second}, key=lambda one: (one.ruling.at, one.ended.at, str(one))))


def joined_holds(first: Mapping[str, Hold], second: Mapping[str, Hold]) -> dict[str, Hold]:
    """The doubts that two hosts have of a code, by source, in whatever order they are joined."""
    if not first and not second:
        return {}
    return {
        source: _joined_hold(first[source], second[source]) if source in first and source in second else hold
        for source, hold in {**first, **second}.items()
    }


def _joined_hold(first: Hold, second: Hold) -> Hold:
    if first.number != second.number:
        return max(first, second, key=lambda one: one.number)
    # What waits for a person goes before what time releases. No clock that is ahead prolongs it: the earlier counts.
    asking = [one for one in (first, second) if one.until is None]
    return Hold(
        since=min(first.since, second.since),
        reason=min(one.reason for one in asking or (first, second)),
        until=None if asking else min(one.until for one in (first, second) if one.until),
        released_at=min(filter(None, (first.released_at, second.released_at)), default=None),
        number=first.number,
    )


def joined_doubts(first: Mapping[str, Any], second: Mapping[str, Any]) -> Document:
    """The fields of a code's document that only grow, joined from two of them. Raise DocumentError for an odd one."""
    one, other = code_from_document(first), code_from_document(second)
    joined = replace(
        one,
        latest_end=max(filter(None, (one.latest_end, other.latest_end)), default=None),
        rounds=joined_rounds(one.rounds, other.rounds),
        holds=joined_holds(one.holds, other.holds),
        own=joined_additions(one.own, other.own),
        past_rulings=joined_past(one.past_rulings, other.past_rulings),
    )
    document = code_to_document(joined)
    return {name: document[name] for name in _ONLY_GROW if name in document}
