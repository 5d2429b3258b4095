"""What the older bots left, in every shape they had, read document by document. Pure.

The shapes are those of the older gift-code bot's four releases: `giftcode_state` as a JSON file or a document
(v0 to v1), `gift_codes`, and two shapes of `sent_giftcodes`: one document for each guild and code (v1), or one
for each guild with a list of codes (v2). What cannot be read is reported and skipped, one by one, and stops
nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum
from typing import Any, get_args

from giftping.store.base import HOME_GAME, CodeRecord, EntrySource, EntryState, SourceMemory
from giftping.store.documents import LEDGER, TODO_EVENTS, TODO_STATE, Document, entry_from_document
from giftping.store.fields import DocumentError, time_or_none
from giftping.text import cut, id_or_none, key_of

STATE = "giftcode_state"
GIFT_CODES = "gift_codes"
FLAG = "migrated_to_sent_adapter"
STATE_KEYS = frozenset({"channels", "sent", "initialized", FLAG})
EVERYWHERE = "global"
"""The key under `sent` whose list counts for every guild."""

MIGRATION_SOURCE = "migration"
KNOWN_SOURCES = frozenset(get_args(EntrySource))

_LONGEST_SHOWN = 60
_SHORTEST, _LONGEST = 2, 100
_WORDS_FOR_NOTHING = frozenset({"none", "null", "nan", "undefined", "true", "false"})
"""What programs write in place of a value that is not there."""


@dataclass(frozen=True, slots=True)
class Reported:
    """Something that was not taken over as it stands: where it is, what it is, and why."""

    where: str
    what: str
    why: str


class Evidence(IntEnum):
    """How an older system recorded that it knew a code, the most exact first."""

    OWN_DOCUMENT = 0
    GUILD_DOCUMENT = 1
    LIST = 2
    GLOBAL_LIST = 3
    GIFT_CODES = 4


@dataclass(frozen=True, slots=True)
class Times:
    """What a document says of its times, in UTC; None where it says nothing that can be read."""

    sent_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """One code that an older system knew, in a guild or everywhere."""

    spelling: str
    evidence: Evidence
    times: Times
    source: str = MIGRATION_SOURCE

    @property
    def key(self) -> str:
        """The key of the code, which is what the older bot made of it too."""
        return key_of(self.spelling)

    @property
    def state(self) -> EntryState:
        """Sent, or seeded where the older system held a code for known without a word on who was sent it."""
        return EntryState.SEEDED if self.evidence is Evidence.GIFT_CODES else EntryState.SENT


@dataclass(frozen=True, slots=True)
class Read:
    """What one old document says. `known` is by guild; None stands for every guild."""

    known: Mapping[int | None, tuple[Known, ...]] = field(default_factory=dict)
    channels: Mapping[int, int] = field(default_factory=dict)
    code: CodeRecord | None = None
    reported: tuple[Reported, ...] = ()
    lost: frozenset[int | None] = frozenset()
    """The guilds whose whole list cannot be read; None stands for every guild."""
    torn: frozenset[int | None] = frozenset()
    """The guilds of whose codes some cannot be read."""
    misplaced: frozenset[int] = frozenset()
    """The guilds whose channel cannot be read."""


def is_of_giftping(document: Mapping[str, Any]) -> bool:
    """Whether a document of the ledger is giftping's own: the older bots wrote neither field."""
    return "state" in document or "game" in document


def is_state(document: object) -> bool:
    """Whether this is the state of an older bot, of which every key may be missing."""
    return isinstance(document, Mapping) and (not document or not STATE_KEYS.isdisjoint(document))


def read_state(document: Mapping[str, Any], where: str = STATE) -> Read:
    """The facts that a state tells, a file's (v0 to v1) or a document's: channels, and lists of codes by guild."""
    reported: list[Reported] = []
    if document.get("_id", STATE) != STATE:
        reported.append(_odd(STATE, document["_id"], "not where an older bot keeps its state; taken over all the same"))
    times = _times(document, where, reported)
    channels: dict[int, int] = {}
    misplaced = set[int]()
    for key, value in _table(document, "channels", where, reported).items():
        guild_id, channel_id = snowflake(key), snowflake(value)
        if guild_id is None:
            reported.append(_odd(f"{where}: channels", key, "not a guild id"))
        elif channel_id is None:
            reported.append(_odd(f"{where}: channels: {guild_id}", value, "not a channel id"))
            misplaced.add(guild_id)
        else:
            channels[guild_id] = channel_id
    known: dict[int | None, tuple[Known, ...]] = {}
    lost, torn = set[int | None](), set[int | None]()
    if "sent" in document and not isinstance(document["sent"], Mapping):
        reported += [] if document["sent"] is not None else [_odd(f"{where}: sent", None, "not an object")]
        lost.add(None)
    for key, values in _table(document, "sent", where, reported).items():
        guild_id = None if key == EVERYWHERE else snowflake(key)
        if guild_id is None and key != EVERYWHERE:
            reported.append(_odd(f"{where}: sent", key, "not a guild id"))
            # Whose list that was nobody knows.
            torn |= {None} if values else set()
            continue
        evidence = Evidence.LIST if guild_id is not None else Evidence.GLOBAL_LIST
        codes = _codes(values, evidence, times, f"{where}: sent: {key}", reported)
        known[guild_id] = (*known.get(guild_id, ()), *codes)
        _note_unread(guild_id, values, lost, torn)
    return Read(known, channels, None, tuple(reported), frozenset(lost), frozenset(torn), frozenset(misplaced))


def read_sent(document: Mapping[str, Any]) -> Read:
    """The facts that an older bot's document in `sent_giftcodes` tells, of either shape."""
    id_ = document.get("_id")
    head, colon, tail = id_.partition(":") if isinstance(id_, str) else ("", "", "")
    named, written = snowflake(head), snowflake(document.get("guild_id"))
    # Of an `_id` that names no code, where the field does, nobody knows that it is one.
    names_guild = bool(colon) or "codes" in document
    guild_id = (named or written) if names_guild else (written or named)
    if guild_id is None:
        says_something = colon or not {"code", "codes"}.isdisjoint(document)
        return _refused(LEDGER, id_, "not of any guild", torn={None} if says_something else set())
    where = f"{LEDGER}: {guild_id}" if "codes" in document else f"{LEDGER}: {id_!r}"
    reported = _oddities_of_sent(document, guild_id, where)
    source = document.get("source")
    source = source if type(source) is str and source in KNOWN_SOURCES else MIGRATION_SOURCE
    lost, torn = set[int | None](), set[int | None]()
    if "codes" in document:
        _note_unread(guild_id, document["codes"], lost, torn)
        times = _times(document, where, reported, sent="last_sent_at")
        known = _codes(document["codes"], Evidence.GUILD_DOCUMENT, times, f"{where}: codes", reported, source)
    elif "code" in document or colon:
        codes = _codes_of_one(document.get("code"), tail)
        _note_unread(guild_id, codes, lost, torn)
        times = _times(document, where, [])
        known = _codes(codes, Evidence.OWN_DOCUMENT, times, where, reported, source)
    else:
        return _refused(LEDGER, id_, "holds no code", torn={guild_id})
    # Where `_id` and field name two guilds, it may have been sent to either.
    other = {written} - {guild_id, None} if names_guild else set()
    of_each = dict.fromkeys((guild_id, *other), tuple(known))
    torn |= other if lost or torn else set()
    return Read(of_each, {}, None, tuple(reported), frozenset(lost), frozenset(torn))


def _codes_of_one(value: object, tail: str) -> list[object]:
    """What an older bot's document for one code is about: its field, and what its `_id` says where that is another.

    Both count then: one of them was announced, and neither is to be announced again.
    """
    written, named = spelling_of(value)[0], spelling_of(tail)[0]
    if not named:
        return [value if written or not tail else tail]
    if not written:
        return [tail]
    return [value] if key_of(written) == key_of(named) else [tail, value]


def _oddities_of_sent(document: Mapping[str, Any], guild_id: int, where: str) -> list[Reported]:
    """What is odd in an older bot's document of the ledger, and does not keep what can be read of it from counting.

    Of one for a code it is what whoever reads the ledger says of it: all are to find the same.
    """
    id_, guild, source = document.get("_id"), document.get("guild_id"), document.get("source")
    if "codes" not in document:
        try:
            entry_from_document(document)
        except DocumentError as error:
            return [_odd(LEDGER, id_, str(error).removeprefix(f"{LEDGER}: document {id_!r}: "))]
        return []
    found = []
    if type(id_) is not str or snowflake(id_) is None:
        found.append(_odd(where, id_, "its _id does not name the guild"))
    if guild is not None and snowflake(guild) != guild_id:
        found.append(_odd(where, guild, "guild_id: not the guild of its _id, which counts"))
    if source is not None and type(source) is not str:
        found.append(_odd(where, source, "source: not a text"))
    return found


def _note_unread(guild_id: int | None, values: object, lost: set[int | None], torn: set[int | None]) -> None:
    """Note the guild of a list of codes that cannot be read, or not in full: another code may have stood there."""
    if not isinstance(values, list | tuple):
        lost.add(guild_id)
    elif any(spelling_of(value)[1] or _doubt(value) for value in values):
        torn.add(guild_id)


def _doubt(value: object) -> str:
    """Why what can be read as a code may have been put where another one stood; empty where it is like any code."""
    if not isinstance(value, str):
        return "a number, taken as a code"
    text = value.strip()
    if not _SHORTEST <= len(text) <= _LONGEST or text.lower() in _WORDS_FOR_NOTHING or not text.isprintable():
        return "hardly a code, taken as one"
    return ""


def read_gift_code(document: Mapping[str, Any], now: datetime) -> Read:
    """The record that a document of `gift_codes` holds; a code without a readable date is first seen `now`."""
    id_ = document.get("_id")
    own, _ = spelling_of(id_)
    written = [text for name in ("giftcode_original", "giftcode") if (text := spelling_of(document.get(name))[0])]
    # The `_id` is what the older bot looked codes up by; another field only says how it is spelled.
    fitting = [text for text in written if not own or key_of(text) == key_of(own)]
    spelling = next(iter(fitting), own)
    if not spelling:
        return _refused(GIFT_CODES, id_, "holds no code", torn={None})
    doubt = _doubt(spelling if written else id_)
    reported = [_odd(GIFT_CODES, id_, doubt)] if doubt else []
    date, created_at, updated_at = _read_times(
        document, ("date", "created_at", "updated_at"), f"{GIFT_CODES}: {id_!r}", reported
    )
    reported += [
        _odd(f"{GIFT_CODES}: {id_!r}", document[name], f"{name}: not a text")
        for name in ("validation_status", "giftcode_original", "giftcode")
        if document.get(name) is not None and not isinstance(document[name], str)
    ]
    times = Times(created_at=date or created_at)
    first_seen = times.created_at or now
    last_seen = max(first_seen, updated_at or first_seen)
    record = code_known(spelling, first_seen, last_seen)
    known = (Known(spelling, Evidence.GIFT_CODES, times),)
    torn = frozenset({None} if doubt else ())
    return Read(known={None: known}, code=record, reported=tuple(reported), torn=torn)


def code_known(spelling: str, first_seen: datetime, last_seen: datetime | None = None) -> CodeRecord:
    """What is remembered of a code that an older system knew."""
    last_seen = last_seen or first_seen
    sources = {MIGRATION_SOURCE: SourceMemory(spelling, first_seen, last_seen)}
    return CodeRecord(HOME_GAME, key_of(spelling), spelling, first_seen, last_seen, sources)


def read_member_document(collection: str, document: Mapping[str, Any]) -> tuple[Document | None, Reported | None]:
    """A document of the TODO system as it stands, its `_id` as a text, and what is odd about that id.

    None for one whose `_id` is neither a text nor a member's number: nobody would ask for it.
    """
    id_ = document.get("_id")
    # Code, a type of BSON's own, is a class of texts.
    if type(id_) is not str and (isinstance(id_, str) or snowflake(id_) is None):
        return None, _odd(collection, id_, "an id that is neither a text nor a member's number; skipped")
    if not isinstance(id_, str):
        return {**document, "_id": str(id_)}, _odd(collection, id_, "an id that is no text; taken over as a text")
    if collection not in (TODO_EVENTS, TODO_STATE) and snowflake(id_) is None:
        return dict(document), _odd(collection, id_, "not a member's id; taken over as it is")
    return dict(document), None


def snowflake(value: object) -> int | None:
    """A Discord id that was written as a number or as a text, None for anything else.

    Blanks and zeros before a number are forgiven: older states were edited by hand, and what is not read as a guild's
    would be announced there again.
    """
    return id_or_none(value.strip().lstrip("0") if isinstance(value, str) else value)


def spelling_of(value: object) -> tuple[str, str]:
    """How a code is spelled, trimmed; "" and the reason when this is none that a ledger can hold."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return "", "not a code"
    text = value.strip()
    if not text:
        return "", "an empty code"
    mark = next((mark for mark in ":~" if mark in text), "")
    if mark:
        return "", f"holds '{mark}', which no code does"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "", "not a text that can be stored"
    return text, ""


def _codes(
    values: object,
    evidence: Evidence,
    times: Times,
    where: str,
    reported: list[Reported],
    source: str = MIGRATION_SOURCE,
) -> list[Known]:
    if not isinstance(values, list | tuple):
        reported.append(_odd(where, values, "not a list of codes"))
        return []
    known = []
    for value in values:
        spelling, reason = spelling_of(value)
        if spelling:
            known.append(Known(spelling, evidence, times, source))
            reason = _doubt(value)
        if reason:
            reported.append(_odd(where, value, reason))
    return known


def _table(document: Mapping[str, Any], name: str, where: str, reported: list[Reported]) -> Mapping[Any, Any]:
    value = document.get(name)
    if isinstance(value, Mapping):
        return value
    if value is not None:
        reported.append(_odd(f"{where}: {name}", value, "not an object"))
    return {}


def _times(document: Mapping[str, Any], where: str, reported: list[Reported], sent: str = "sent_at") -> Times:
    return Times(*_read_times(document, (sent, "created_at", "updated_at"), where, reported))


def _read_times(
    document: Mapping[str, Any], names: Sequence[str], where: str, reported: list[Reported]
) -> list[datetime | None]:
    """The times of the fields; what is there and none is reported, and as if it were not there."""
    times = [time_or_none(document.get(name)) for name in names]
    for name, time in zip(names, times, strict=True):
        if time is None and document.get(name) not in (None, ""):
            reported.append(_odd(where, document[name], f"{name}: not a time"))
    return times


def _refused(where: str, what: object, why: str, *, torn: Collection[int | None]) -> Read:
    return Read(reported=(_odd(where, what, why),), torn=frozenset(torn))


def _odd(where: str, what: object, why: str) -> Reported:
    shown = repr(what)
    return Reported(where, cut(shown, _LONGEST_SHOWN), why)


def better(one: Known, other: Known) -> Known:
    """The one record that two of one code come to: what the more exact one says, in the more telling spelling.

    The same whichever of several records are put together first.
    """
    exact = min(one, other, key=_exactness)
    spelling = min(one.spelling, other.spelling, key=_plainness)
    return exact if exact.spelling == spelling else replace(exact, spelling=spelling)


def _exactness(known: Known) -> tuple[Evidence, bool, float, str]:
    at = known.times.sent_at or known.times.created_at or known.times.updated_at
    return known.evidence, at is None, at.timestamp() if at else 0.0, known.source


def _plainness(spelling: str) -> tuple[int, str]:
    """A rank, the lowest for mixed case: the older bots upper-cased, and people type in lower case."""
    is_upper, is_lower = spelling == spelling.upper(), spelling == spelling.lower()
    return (2 if is_upper else 1 if is_lower else 0), spelling
