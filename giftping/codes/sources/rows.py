"""Rows become sightings: the part that every source kind shares."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol

from giftping.codes.model import Dropped, Listing, Sighting
from giftping.codes.rewards import clean_text, visible
from giftping.codes.sources.dates import read_expiry
from giftping.codes.sources.inline_html import BREAK, without_html
from giftping.codes.sources.kinds import ShapeChangedError
from giftping.codes.spelling import bare_code
from giftping.settings.sources import FieldRule, RowRule, SightingState, SourceDefinition
from giftping.text import counted, cut

MAX_ROWS = 2000
LONGEST_TEXT = 2000
LONGEST_HTML = 20_000
"""Of a text before its tags are taken out: feeds carry whole articles."""

LONGEST_CODE = 100

_NO = frozenset({"", "false", "no", "n", "0"})
_STATE_WORDS = {
    **dict.fromkeys(("active", "true", "ok", "on", "yes", "valid", "1"), SightingState.ACTIVE),
    **dict.fromkeys(("expired", "inactive", "false", "off", "no", "invalid", "0"), SightingState.EXPIRED),
}
_NAMES = ("name", "item", "title", "reward", "label")
_AMOUNTS = ("amount", "count", "quantity", "cost", "value")


class Row(Protocol):
    """One row of a body, of whatever kind."""

    @property
    def text(self) -> str:
        """The row in short, for messages."""

    @property
    def heading(self) -> str:
        """The heading that the row stands under, "" where the kind knows none."""

    def find(self, rule: FieldRule) -> list[object]:
        """The values at the rule's path, none where there is nothing. Raise RowError where it cannot be read."""


class RowError(Exception):
    """A row that is no code; its text says why."""


class SkippedRowError(RowError):
    """A row that the source itself marks as no code: no sign of a changed shape."""


def listing_of(definition: SourceDefinition, rows: Iterable[tuple[RowRule, Row]], now: datetime) -> Listing:
    """What the rows list. Raise ShapeChangedError when there are rows and none of them holds a code."""
    sightings: list[Sighting] = []
    dropped: list[Dropped] = []
    faults: list[str] = []
    beyond = 0
    for number, (rule, row) in enumerate(rows):
        if number >= MAX_ROWS:
            beyond += 1
            continue
        try:
            found, left_out = _sightings(definition, rule, row, now)
        except SkippedRowError as error:
            dropped.append(Dropped(_short(row.text), str(error)))
        except RowError as error:
            faults.append(str(error))
            dropped.append(Dropped(_short(row.text), str(error)))
        else:
            sightings += found
            dropped += left_out
    if beyond:
        dropped.append(Dropped(counted(beyond, "more row"), f"only the first {MAX_ROWS} rows of a source are read"))
    if faults and not sightings:
        raise ShapeChangedError(f"none of the {counted(len(faults), 'row')} holds a code; the first one: {faults[0]}")
    return Listing(tuple(sightings), tuple(dropped))


def as_text(value: object) -> str:
    """A found value as text, its white space folded; an object of name and amount as "name ×amount".

    Where it is HTML, its paragraphs and lines are kept apart, by `BREAK`.
    """
    if isinstance(value, str):
        return _folded(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value) if abs(value) < 1e18 else ""
    if isinstance(value, Mapping):
        name = next((as_text(value[key]) for key in _NAMES if isinstance(value.get(key), str)), "")
        amounts = (value[key] for key in _AMOUNTS if isinstance(value.get(key), int | float | str))
        amount = as_text(next(amounts, ""))
        return f"{name} ×{amount}" if name and amount else name
    return ""


def _folded(value: str) -> str:
    if "<" not in value and "&" not in value:
        return visible(value[:LONGEST_TEXT])
    lines = (visible(line) for line in without_html(value[:LONGEST_HTML]).split(BREAK))
    return BREAK.join(filter(None, lines))[:LONGEST_TEXT]


def _sightings(
    definition: SourceDefinition, rule: RowRule, row: Row, now: datetime
) -> tuple[list[Sighting], list[Dropped]]:
    if any(text.casefold() not in _NO for text in _texts(rule.skip, row)):
        raise SkippedRowError("the source marks it as no code")
    codes, left_out = _codes(rule.code, row, definition.code_pattern)
    expiry = read_expiry(_first(rule.expires, row), definition.dates, now)
    state = SightingState.EXPIRED if expiry.expired else _state(rule.state, row)
    rewards = clean_text(BREAK.join(_texts(rule.rewards, row)))
    region = _region(rule.region, row)
    found = [
        Sighting(
            source=definition.name,
            game=definition.game,
            spelling=code,
            rewards=rewards,
            expires_at=expiry.at,
            expiry_text=visible(expiry.text),
            state=state,
            region=region,
        )
        for code in codes
    ]
    return found, left_out


def _texts(rule: FieldRule | None, row: Row) -> list[str]:
    """The non-empty texts of a field: found, matched, split, folded."""
    if rule is None:
        return []
    if rule.constant is not None:
        return [rule.constant]
    return _texts_in(rule, [row.heading] if rule.heading else row.find(rule))


def _texts_in(rule: FieldRule, values: Iterable[object]) -> list[str]:
    """The non-empty texts of what was found of a field."""
    texts = (part for value in values for part in _parts(rule, as_text(value)))
    return [text for text in texts if text]


def _parts(rule: FieldRule, text: str) -> list[str]:
    if rule.pattern:
        match = re.search(rule.pattern, text)
        text = "" if match is None else (match[1] or "" if match.re.groups else match[0])
    lines = text.split(BREAK)
    parts = [part for line in lines for part in line.split(rule.split)] if rule.split else lines
    return [part.strip() for part in parts]


def _first(rule: FieldRule | None, row: Row) -> str:
    return next(iter(_texts(rule, row)), "")


def _meaning(rule: FieldRule, text: str) -> str | None:
    folded = {found.casefold(): meaning for found, meaning in rule.values.items()}
    return folded.get(text.casefold())


def _codes(rule: FieldRule, row: Row, pattern: str) -> tuple[list[str], list[Dropped]]:
    is_found = rule.constant is None and not rule.heading
    values = row.find(rule) if is_found else []
    odd = next((value for value in values if not isinstance(value, str)), None)
    if odd is not None:
        raise RowError(f"its code is {type(odd).__name__}, not text")
    codes: list[str] = []
    left_out: list[Dropped] = []
    for text in _texts_in(rule, values) if is_found else _texts(rule, row):
        code = bare_code(text, pattern)
        reason = _code_fault(code, pattern)
        if reason:
            left_out.append(Dropped(_short(text), reason))
        else:
            codes.append(code)
    if not codes:
        raise RowError(left_out[0].reason if left_out else "it has no code")
    return codes, left_out


def _code_fault(text: str, pattern: str) -> str:
    if not text:
        return "it has no code"
    if " " in text and not (pattern and re.fullmatch(pattern, text)):
        return f"its code is not one word: {_short(text)!r}"
    if len(text) > LONGEST_CODE:
        return f"its code has {counted(len(text), 'character')}"
    return ""


def _state(rule: FieldRule | None, row: Row) -> SightingState:
    if rule is None:
        return SightingState.UNSTATED
    if rule.constant is not None:
        return SightingState(rule.constant)
    text = _first(rule, row)
    if not text:
        return SightingState.UNSTATED
    meaning = _meaning(rule, text) if rule.values else _STATE_WORDS.get(text.casefold())
    if meaning is None:
        raise RowError(f"its state is {_short(text)!r}, which the source's definition does not know")
    return SightingState(meaning)


def _region(rule: FieldRule | None, row: Row) -> str:
    """The regions that a row names, separated by commas; "" as soon as one of them means everywhere."""
    if rule is None:
        return ""
    names = set()
    for text in _texts(rule, row):
        meaning = _meaning(rule, text)
        names.add(text.upper() if meaning is None else meaning)
    return "" if "" in names else ", ".join(sorted(names))


def _short(text: str) -> str:
    return cut(visible(text[:400]), 80)
