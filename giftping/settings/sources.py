"""A source's definition: where a place lists codes and how to read it, as its TOML table says."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from giftping import __version__
from giftping.settings.declaring import holding, keys_of, required, setting
from giftping.settings.durations import parse_duration
from giftping.settings.problems import Problem, unknown_value
from giftping.settings.table_reader import TableReader
from giftping.settings.value_types import (
    WrongValueError,
    is_table,
    one_of,
    parse_flag,
    parse_pattern,
    parse_span,
    parse_text,
    parse_text_map,
    parse_texts,
    parse_zone,
    toml_type,
    whole_number,
)

MANUAL_SOURCE = "manual"
"""The source of codes that a person added."""

SOURCE_KINDS = ("json", "rss", "html", "embedded", "wikitext", "text")
PAYLOADS = ("json", "next")
EXPIRED_WORDS = ("expired", "exp")
SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")

# A token of HTTP (RFC 9110, section 5.6.2).
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_URL = re.compile(r"https?://[^\s/?#\\@]+(?:[/?#]\S*)?", re.IGNORECASE)


class SightingState(StrEnum):
    """What a source says of a code; UNSTATED where it only lists it."""

    ACTIVE = "active"
    EXPIRED = "expired"
    UNSTATED = "unstated"


MOST_HELD_ABOVE = 10_000
"""The largest number of codes by which a burst may be told: so many that none is one."""


def parse_slug(value: object) -> str:
    """A name that consists of lower-case letters, digits, hyphens and underscores."""
    slug = parse_text(value)
    if not SLUG.fullmatch(slug):
        raise ValueError(f"{slug!r} must be lower-case letters, digits, '-' and '_', at most 64")
    return slug


def _parse_url(value: object) -> str:
    url = parse_text(value)
    if _URL.fullmatch(url):
        return url
    if "@" in url.partition("//")[2].partition("/")[0]:
        raise ValueError("must not hold a user name or password; send them in headers, as env:NAME or file:PATH")
    raise ValueError(f"must be an http:// or https:// address, not {url!r}")


def _parse_headers(value: object) -> dict[str, str]:
    pairs = value.items() if is_table(value) else ()
    if problems := [Problem(name, reason) for name, text in pairs for reason in _header_mistakes(name, text)]:
        raise WrongValueError(problems)
    return parse_text_map(value)


def _header_mistakes(name: str, text: object) -> Iterator[str]:
    if not _HEADER_NAME.fullmatch(name):
        yield "is not the name of an HTTP header"
    if not isinstance(text, str):
        yield f"must be a string, not {toml_type(text)}"
    # RFC 9110, section 5.5, advises it; and a line break would begin another header.
    elif not text.isascii() or not text.isprintable():
        yield "must hold printable ASCII only"


def _parse_formats(value: object) -> tuple[str, ...]:
    formats = parse_texts(value)
    if wrong := [text for text in formats if "%" not in text]:
        problems = [Problem("", f"{text!r} holds no directive such as %Y-%m-%d") for text in wrong]
        raise WrongValueError(problems, rest=tuple(text for text in formats if text not in wrong))
    return formats


def _parse_expired(value: object) -> tuple[str, ...]:
    return (*EXPIRED_WORDS, *parse_texts(value))


@dataclass(frozen=True, slots=True)
class FieldRule:
    """Where one value of a row is."""

    path: str = setting(parse_text, "", kinds=("json", "rss", "html", "embedded", "wikitext"))
    """Where in the row it is, in the kind's language; empty for the row itself."""
    attribute: str = setting(parse_text, "", kinds=("html",))
    """The attribute to take in place of the text."""
    heading: bool = setting(parse_flag, default=False, kinds=("html", "wikitext"))
    """Whether it is the nearest heading above the row."""
    pattern: str = setting(parse_pattern, "")
    """A regular expression, of which the first group is kept, or the whole match."""
    split: str = setting(parse_text, "")
    """What cuts one text into several values."""
    values: Mapping[str, str] = setting(parse_text_map, {})
    """What is found, and what it means."""
    constant: str | None = setting(parse_text, None)
    """What the value always is."""


@dataclass(frozen=True, slots=True)
class RowRule:
    """Where the rows of one group are, and the fields of a row.

    `anchor` and `under` must be found, rows or no rows: they tell an empty list from a changed page.
    """

    code: FieldRule = holding(FieldRule, required="where in the row the code is")
    """The code."""
    at: str = setting(parse_text, "", kinds=("json", "html", "embedded", "wikitext"))
    """Where the rows are, in the kind's language."""
    anchor: str = setting(parse_text, "", kinds=("html", "wikitext"))
    """What must be on the page."""
    under: str = setting(parse_pattern, "", kinds=("html", "wikitext"))
    """A pattern for the heading that the rows are under."""
    payload: str = setting(one_of(PAYLOADS), "json", kinds=("embedded",))
    """How the JSON stands in the page: as such, or in the pieces that Next.js pushes."""
    script: str = setting(parse_text, "", kinds=("embedded",))
    """The CSS selector of the script with the JSON."""
    after: str = setting(parse_pattern, "", kinds=("embedded",))
    """A pattern for what stands before the JSON in that script."""
    find: str = setting(parse_text, "", kinds=("embedded",))
    """A key at any depth of the JSON, from whose value `at` starts."""
    rewards: FieldRule | None = holding(FieldRule, None)
    """What the code brings."""
    expires: FieldRule | None = holding(FieldRule, None)
    """When it ends."""
    state: FieldRule | None = holding(FieldRule, None)
    """Whether it still works."""
    region: FieldRule | None = holding(FieldRule, None)
    """Where it works."""
    skip: FieldRule | None = holding(FieldRule, None)
    """What tells that the row is no code."""


@dataclass(frozen=True, slots=True)
class DateRules:
    """How a source writes dates."""

    formats: tuple[str, ...] = setting(_parse_formats, ())
    """Formats of strptime, besides ISO 8601."""
    zone: str = setting(parse_zone, "UTC")
    """The time zone of times without one."""
    strip: str = setting(parse_pattern, "")
    """A pattern for what is no part of the date."""
    expired: tuple[str, ...] = setting(_parse_expired, EXPIRED_WORDS)
    """Words that stand where the date was, once the code has ended."""


@dataclass(frozen=True, slots=True)
class SourceDefinition:
    """One place that lists codes of one game."""

    name: str
    """What the source is called: the table's name."""
    kind: str = required(one_of(SOURCE_KINDS), f"one of {', '.join(sorted(SOURCE_KINDS))}")
    """How the place is read."""
    game: str = required(parse_slug, "the slug of the game, such as whiteout-survival")
    """The game, by its slug."""
    url: str = required(_parse_url, "an http:// or https:// address")
    """The address."""
    rows: tuple[RowRule, ...] = holding(RowRule, required="a table that says where the rows and their fields are")
    """Where the rows are, group by group."""
    dates: DateRules = holding(DateRules, DateRules())
    """How dates are written."""
    min_interval: timedelta = setting(parse_duration, timedelta(minutes=15))
    """The least time between two requests."""
    headers: Mapping[str, str] = setting(_parse_headers, {}, repr=False)
    """HTTP headers to send along; a value may be a secret's reference, `env:NAME` or `file:PATH`."""
    enabled: bool = setting(parse_flag, default=True)
    """Whether it is asked at all."""
    family: str = setting(parse_slug, "")
    """What it has in common with other sources of one upstream, which count as one opinion; else it is its own."""
    trusted: bool = setting(parse_flag, default=False)
    """Whether many new codes at once are nothing that makes its list doubtful."""
    hold_above: int | None = setting(whole_number(most=MOST_HELD_ABOVE), None)
    """How many new codes in one list are no burst yet; None for what the game says, as in the next two."""
    ask_above: int | None = setting(whole_number(most=MOST_HELD_ABOVE), None)
    """How many doubtful codes a burst may leave without a person being asked."""
    hold_for: timedelta | None = setting(parse_span, None)
    """How long what is doubtful is held, where nobody has to be asked."""
    code_pattern: str = ""
    """How the codes of its game look, as the game says; empty where nobody says."""
    built_in: bool = False
    """Whether it came with giftping, and nobody changed it."""

    @property
    def upstream(self) -> str:
        """The name of its family; its own where it is in none."""
        return self.family or self.name

    @property
    def judged_by(self) -> tuple[object, ...]:
        """What decides whether its codes may go out, and not how it is read."""
        return self.upstream, self.trusted, self.hold_above, self.ask_above, self.hold_for

    @property
    def fingerprint(self) -> str:
        """A hash of everything that changes what is parsed, this release included; 16 hexadecimal digits."""
        # Without what says when it is asked, and how it is judged: what is remembered of a page does not depend on it.
        shape = {
            "version": __version__,
            "kind": self.kind,
            "game": self.game,
            "url": self.url,
            "headers": dict(self.headers),
            "rows": [asdict(rows) for rows in self.rows],
            "code_pattern": self.code_pattern,
            "dates": asdict(self.dates),
        }
        text = json.dumps(shape, sort_keys=True, ensure_ascii=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_definition(
    name: str, table: Mapping[str, object], *, built_in: bool = False
) -> tuple[SourceDefinition, list[Problem]]:
    """The definition that a `[sources.NAME]` table holds, and every mistake in it; one with mistakes is of no use.

    The keys of the problems are relative to the table. CSS, JMESPath and date formats are not looked into here, because
    that takes their libraries: see `giftping.codes.sources.expressions`.
    """
    reader = TableReader(table, trusted=built_in)
    reader.only(keys_of(SourceDefinition))
    if name == MANUAL_SOURCE:
        reader.wrong("", f"the name {name!r} is kept for codes that were added by hand")
    elif not SLUG.fullmatch(name):
        reader.wrong("", f"the name {name!r} must be lower-case letters, digits, '-' and '_', at most 64")
    values = {"kind": "", "game": "", "url": "", **reader.values(SourceDefinition)}
    rows = _row_groups(reader, values["kind"])
    definition = SourceDefinition(name=name, rows=rows, dates=_dates(reader), built_in=built_in, **values)
    return definition, reader.problems


def _dates(reader: TableReader) -> DateRules:
    with reader.inside("dates") as dates:
        if dates is None:
            return DateRules()
        dates.only(keys_of(DateRules))
        return DateRules(**dates.values(DateRules))


def _row_groups(reader: TableReader, kind: str) -> tuple[RowRule, ...]:
    value = reader.table.get("rows", [])
    groups = value if isinstance(value, list) else [value]
    if not groups and "rows" in reader.table:
        reader.wrong("rows", "must hold at least one table")
    rules: list[RowRule] = []
    for number, group in enumerate(groups):
        prefix = f"rows[{number}]" if isinstance(value, list) else "rows"
        if not is_table(group):
            reader.wrong(prefix, f"must be a table, not {toml_type(group)}")
            rules.append(RowRule(FieldRule()))  # It keeps the place: the groups are counted once more later.
        elif kind:  # Without it nobody can say what belongs into the rows.
            rules.append(_row_rule(reader.within(group, prefix), kind))
    return tuple(rules)


def _row_rule(reader: TableReader, kind: str) -> RowRule:
    keys = keys_of(RowRule, kind)
    reader.only(keys)
    values = reader.values(RowRule, kind)
    fields: dict[str, Any] = {key.field: _field_rule(reader, name, kind) for name, key in keys.items() if key.table}
    _check_state(reader, fields["state"])
    if kind in ("html", "wikitext") and "at" not in reader.table:
        reader.wrong("at", "is missing: where the rows are")
    if kind == "embedded" and values.get("payload") != "next" and "script" not in reader.table:
        reader.wrong("script", "is missing: the CSS selector of the script that holds the JSON")
    fields["code"] = fields["code"] or FieldRule()  # For the mistakes that are looked for in what else there is.
    return RowRule(**values, **fields)


def _field_rule(reader: TableReader, name: str, kind: str) -> FieldRule | None:
    keys = keys_of(FieldRule, kind)
    value = reader.table.get(name)
    if isinstance(value, str):
        # A text is short for a table with the one key that a field of this kind is mostly about.
        short = keys["pattern" if kind == "text" else "path"]
        return FieldRule(**reader.value(name, short))
    if value is not None and not is_table(value):
        reader.wrong(name, f"must be a string or a table, not {toml_type(value)}")
    if not is_table(value):
        return None
    table = reader.within(value, name)
    table.only(keys)
    if not value:
        reader.wrong(name, "must not be an empty table")
    return FieldRule(**table.values(FieldRule, kind))


def _check_state(reader: TableReader, rule: FieldRule | None) -> None:
    if rule is None:
        return
    words = [state.value for state in SightingState]
    if rule.constant is not None and rule.constant not in words:
        reader.wrong("state.constant", unknown_value("constant", rule.constant, words).reason)
    for found, meaning in rule.values.items():
        if meaning not in words:
            reader.wrong(f"state.values.{found}", unknown_value("values", meaning, words).reason)
