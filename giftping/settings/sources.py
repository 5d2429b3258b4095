"""A source's definition: where a place lists codes and how to read it, as its TOML table says."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from enum import StrEnum

from giftping import __version__
from giftping.settings.problems import Problem, unknown_value
from giftping.settings.tables import TableReader, is_table, pattern_mistake, toml_type

MANUAL_SOURCE = "manual"
"""The source of codes that a person added."""

DEFAULT_MIN_INTERVAL = timedelta(minutes=15)
PAYLOADS = ("json", "next")
SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")

_TOP_KEYS = ("kind", "game", "url", "rows", "dates", "headers", "min_interval", "enabled")
_DATE_KEYS = ("formats", "zone", "strip", "expired")
_FIELDS = ("code", "rewards", "expires", "state", "region", "skip")
_ROW_KEYS = {
    "json": ("at", *_FIELDS),
    "rss": _FIELDS,
    "html": ("at", "anchor", "under", *_FIELDS),
    "embedded": ("at", "payload", "script", "after", "find", *_FIELDS),
    "wikitext": ("at", "anchor", "under", *_FIELDS),
    "text": _FIELDS,
}
_FIELD_KEYS = {
    "json": ("path", "pattern", "split", "values", "constant"),
    "rss": ("path", "pattern", "split", "values", "constant"),
    "html": ("path", "attribute", "heading", "pattern", "split", "values", "constant"),
    "embedded": ("path", "pattern", "split", "values", "constant"),
    "wikitext": ("path", "heading", "pattern", "split", "values", "constant"),
    "text": ("pattern", "split", "values", "constant"),
}
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_URL = re.compile(r"https?://[^\s/?#\\@]+(?:[/?#]\S*)?", re.IGNORECASE)


class SightingState(StrEnum):
    """What a source says of a code; UNSTATED where it only lists it."""

    ACTIVE = "active"
    EXPIRED = "expired"
    UNSTATED = "unstated"


@dataclass(frozen=True, slots=True)
class FieldRule:
    """Where one value of a row is.

    `path` is in the kind's language and "" for the row itself; `pattern` keeps its first group or whole match;
    `split` cuts one text into several values; `values` maps what is found to what it means; `constant` is the value.
    """

    path: str = ""
    attribute: str = ""
    heading: bool = False
    pattern: str = ""
    split: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    constant: str | None = None


@dataclass(frozen=True, slots=True)
class RowRule:
    """Where the rows of one group are, and the fields of a row.

    `anchor` and `under` must be found, rows or no rows: they tell an empty list from a changed page.
    """

    code: FieldRule
    at: str = ""
    anchor: str = ""
    under: str = ""
    payload: str = "json"
    script: str = ""
    after: str = ""
    find: str = ""
    rewards: FieldRule | None = None
    expires: FieldRule | None = None
    state: FieldRule | None = None
    region: FieldRule | None = None
    skip: FieldRule | None = None


@dataclass(frozen=True, slots=True)
class DateRules:
    """How a source writes dates: strptime formats besides ISO 8601, the zone, what to strip, words for expired."""

    formats: tuple[str, ...] = ()
    zone: str = "UTC"
    strip: str = ""
    expired: tuple[str, ...] = ("expired", "exp")


@dataclass(frozen=True, slots=True)
class SourceDefinition:
    """One place that lists codes of one game. Header values may be secret references (`env:NAME`, `file:PATH`)."""

    name: str
    kind: str
    game: str
    url: str
    rows: tuple[RowRule, ...]
    dates: DateRules = DateRules()
    min_interval: timedelta = DEFAULT_MIN_INTERVAL
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    enabled: bool = True
    built_in: bool = False

    @property
    def fingerprint(self) -> str:
        """A hash of everything that changes what is parsed, this release included; 16 hexadecimal digits."""
        shape = {
            "version": __version__,
            "kind": self.kind,
            "game": self.game,
            "url": self.url,
            "headers": dict(self.headers),
            "rows": [asdict(rows) for rows in self.rows],
            "dates": asdict(self.dates),
        }
        text = json.dumps(shape, sort_keys=True, ensure_ascii=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_definition(
    name: str, table: Mapping[str, object], *, built_in: bool = False
) -> tuple[SourceDefinition | None, list[Problem]]:
    """The definition that a `[sources.NAME]` table holds, or None, and every mistake in it.

    The keys of the problems are relative to the table. CSS and JMESPath are not looked into here, because that
    takes their libraries: see `giftping.codes.sources.expressions`.
    """
    reader = TableReader(table)
    reader.only(_TOP_KEYS)
    _check_name(reader, name)
    kind = reader.choice("kind", _ROW_KEYS)
    definition = SourceDefinition(
        name=name,
        kind=kind,
        game=_game(reader),
        url=_url(reader),
        rows=_row_groups(reader, kind),
        dates=_dates(reader, deep=not built_in),
        min_interval=reader.duration("min_interval", default=DEFAULT_MIN_INTERVAL),
        headers=_headers(reader),
        enabled=reader.flag("enabled", default=True),
        built_in=built_in,
    )
    return (None if reader.problems else definition), reader.problems


def _check_name(reader: TableReader, name: str) -> None:
    if name == MANUAL_SOURCE:
        reader.problems.append(Problem("", f"the name {name!r} is kept for codes that were added by hand"))
    elif not SLUG.fullmatch(name):
        reason = f"the name {name!r} must be lower-case letters, digits, '-' and '_', at most 64"
        reader.problems.append(Problem("", reason))


def _game(reader: TableReader) -> str:
    game = reader.text("game", required=True, what="the slug of the game, such as whiteout-survival")
    if game and not SLUG.fullmatch(game):
        reader.wrong("game", f"{game!r} must be lower-case letters, digits, '-' and '_', at most 64")
    return game


def _url(reader: TableReader) -> str:
    url = reader.text("url", required=True, what="an http:// or https:// address")
    if not url or _URL.fullmatch(url):
        return url
    if "@" in url.partition("//")[2].partition("/")[0]:
        reader.wrong("url", "must not hold a user name or password; send them in headers, as env:NAME or file:PATH")
    else:
        reader.wrong("url", f"must be an http:// or https:// address, not {url!r}")
    return ""


def _headers(reader: TableReader) -> dict[str, str]:
    headers = reader.text_map("headers")
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            reader.wrong(f"headers.{name}", "is not the name of an HTTP header")
        if not value.isascii() or not value.isprintable():
            reader.wrong(f"headers.{name}", "must hold printable ASCII only")
    return headers


def _dates(reader: TableReader, *, deep: bool) -> DateRules:
    with reader.inside("dates") as dates:
        if dates is None:
            return DateRules()
        dates.only(_DATE_KEYS)
        rules = DateRules(
            formats=dates.texts("formats"),
            zone=dates.text("zone", default="UTC"),
            strip=dates.pattern("strip"),
            expired=(*DateRules().expired, *dates.texts("expired")),
        )
        for pattern in rules.formats:
            if "%" not in pattern:
                dates.wrong("formats", f"{pattern!r} holds no directive such as %Y-%m-%d")
        if deep:
            _check_zone(dates, rules.zone)
        return rules


def _check_zone(reader: TableReader, zone: str) -> None:
    if zone == "UTC":
        return
    from zoneinfo import ZoneInfo, available_timezones

    try:
        ZoneInfo(zone)
    except (ValueError, KeyError, OSError):
        reader.wrong("zone", unknown_value("zone", zone, available_timezones()).reason[:200])


def _row_groups(reader: TableReader, kind: str) -> tuple[RowRule, ...]:
    value = reader.table.get("rows")
    if value is None:
        reader.wrong("rows", "is missing: a table that says where the rows and their fields are")
        return ()
    groups = value if isinstance(value, list) else [value]
    if not groups:
        reader.wrong("rows", "must hold at least one table")
    rules: list[RowRule] = []
    for number, group in enumerate(groups):
        prefix = f"rows[{number}]" if isinstance(value, list) else "rows"
        if not is_table(group):
            reader.wrong(prefix, f"must be a table, not {toml_type(group)}")
        elif kind:
            rules.append(_row_rule(TableReader(group, prefix, reader.problems), kind))
    return tuple(rules)


def _row_rule(reader: TableReader, kind: str) -> RowRule:
    reader.only(_ROW_KEYS[kind])
    fields = {name: _field_rule(reader, name, kind) for name in _FIELDS}
    code = fields["code"]
    if code is None and "code" not in reader.table:
        reader.wrong("code", "is missing: where in the row the code is")
    _check_state(reader, fields["state"])
    payload = reader.choice("payload", PAYLOADS, default="json") if kind == "embedded" else "json"
    needs_script = kind == "embedded" and payload == "json"
    return RowRule(
        at=reader.text("at", required=kind in ("html", "wikitext"), what="where the rows are"),
        anchor=reader.text("anchor"),
        under=reader.pattern("under"),
        payload=payload,
        script=reader.text("script", required=needs_script, what="the CSS selector of the script that holds the JSON"),
        after=reader.pattern("after"),
        find=reader.text("find"),
        code=code or FieldRule(),
        rewards=fields["rewards"],
        expires=fields["expires"],
        state=fields["state"],
        region=fields["region"],
        skip=fields["skip"],
    )


def _field_rule(reader: TableReader, name: str, kind: str) -> FieldRule | None:
    value = reader.table.get(name)
    if isinstance(value, str):
        text = reader.text(name)
        if kind != "text":
            return FieldRule(path=text)
        mistake = pattern_mistake(text)
        if mistake:
            reader.wrong(name, mistake)
        return FieldRule(pattern=text)
    if value is not None and not is_table(value):
        reader.wrong(name, f"must be a string or a table, not {toml_type(value)}")
        return None
    with reader.inside(name) as table:
        if table is None:
            return None
        table.only(_FIELD_KEYS[kind])
        if not table.table:
            reader.wrong(name, "must not be an empty table")
        return FieldRule(
            path=table.text("path"),
            attribute=table.text("attribute"),
            heading=table.flag("heading", default=False),
            pattern=table.pattern("pattern"),
            split=table.text("split"),
            values=table.text_map("values"),
            constant=table.text("constant") if "constant" in table.table else None,
        )


def _check_state(reader: TableReader, rule: FieldRule | None) -> None:
    if rule is None:
        return
    words = [state.value for state in SightingState]
    if rule.constant is not None and rule.constant not in words:
        reader.wrong("state.constant", unknown_value("constant", rule.constant, words).reason)
    for found, meaning in rule.values.items():
        if meaning not in words:
            reader.wrong(f"state.values.{found}", unknown_value("values", meaning, words).reason)
