"""The `embedded` kind: JSON inside a page, then paths as in `json`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime

from giftping.codes.model import Listing
from giftping.codes.sources.bodies import text_of
from giftping.codes.sources.json_api import JsonRow, list_at
from giftping.codes.sources.kinds import ShapeChangedError
from giftping.codes.sources.markup import document_of, select
from giftping.codes.sources.rows import listing_of
from giftping.settings.sources import RowRule, SourceDefinition

_PUSH = re.compile(r"__next_f\.push\(\s*(?=\[)")
_FLIGHT_ROW = re.compile(r"([0-9a-f]*):([A-Z]{0,2})")
_LONG_TEXT = re.compile(r"([0-9a-f]{1,8}),")


def parse(definition: SourceDefinition, body: bytes, content_type: str, now: datetime) -> Listing:
    """What the JSON in a page lists. Raise ShapeChangedError where the page has no such JSON or list."""
    page = document_of(text_of(body, content_type))
    try:
        rows = []
        for rule in definition.rows:
            scripts = [script.string or "" for script in select(page, rule.script or "script")]
            rows += [(rule, JsonRow(value)) for value in _values(rule, scripts)]
        return listing_of(definition, rows, now)
    except RecursionError:
        raise ShapeChangedError("the JSON in the page is nested too deep") from None


def _values(rule: RowRule, scripts: list[str]) -> list[object]:
    documents = list(_flight_documents(scripts) if rule.payload == "next" else _documents(rule, scripts))
    if not documents:
        where = "Next.js payload" if rule.payload == "next" else f"JSON in {rule.script!r}"
        raise ShapeChangedError(f"the page has no {where}")
    if rule.find:
        documents = [found for document in documents for found in _below(document, rule.find)]
        if not documents:
            raise ShapeChangedError(f"the JSON in the page has no {rule.find!r}")
    if rule.payload == "next":
        documents = [_plain(document) for document in documents]
    lists = [values for values in (list_at(rule, document) for document in documents) if values is not None]
    if not lists:
        raise ShapeChangedError(f"the JSON in the page has no list at {rule.at or '@'!r}")
    return [value for values in lists for value in values]


def _documents(rule: RowRule, scripts: list[str]) -> Iterator[object]:
    decoder = json.JSONDecoder(parse_constant=lambda _name: None)
    for script in scripts:
        match = re.search(rule.after, script) if rule.after else None
        if rule.after and match is None:
            continue
        text = script[match.end() if match else 0 :].lstrip()
        try:
            yield decoder.raw_decode(text)[0]
        except ValueError:
            continue


def _flight_documents(scripts: list[str]) -> Iterator[object]:
    """The JSON values of a React flight payload, which a page pushes in pieces."""
    decoder = json.JSONDecoder()
    pieces: list[str] = []
    for script in scripts:
        for push in _PUSH.finditer(script):
            try:
                pushed = decoder.raw_decode(script, push.end())[0]
            except ValueError:
                continue
            if len(pushed) > 1 and isinstance(pushed[1], str):
                pieces.append(pushed[1])
    payload = "".join(pieces)
    position = 0
    while position < len(payload):
        position, document = _flight_row(decoder, payload, position)
        if document is not None:
            yield document


def _flight_row(decoder: json.JSONDecoder, payload: str, position: int) -> tuple[int, object]:
    """Where the next row starts, and the value of this one, None where it holds no JSON."""
    end = payload.find("\n", position)
    end = len(payload) if end < 0 else end
    row = _FLIGHT_ROW.match(payload, position, end)
    if row is None:
        return end + 1, None
    if row[2] == "T":
        size = _LONG_TEXT.match(payload, row.end())
        if size:
            return _after_bytes(payload, size.end(), int(size[1], 16)), None
    try:
        return end + 1, decoder.raw_decode(payload, row.end())[0]
    except ValueError:
        return end + 1, None


def _after_bytes(payload: str, position: int, size: int) -> int:
    """Where a text of so many UTF-8 bytes ends; rows of text have no line break behind them."""
    return position + len(payload[position : position + size].encode(errors="replace")[:size].decode(errors="ignore"))


def _below(document: object, key: str) -> Iterator[object]:
    """The values of a key at any depth, outermost first, in the document's order."""
    pending = [document]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            if key in value:
                yield value[key]
            pending += [value[name] for name in reversed(value) if name != key]
        elif isinstance(value, list):
            pending += reversed(value)


def _plain(value: object) -> object:
    """A flight value without its marks: `$undefined`, `$D` before dates, `$$` for a dollar sign."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, str) and value.startswith("$"):
        if value == "$undefined":
            return None
        return value[2:] if value.startswith("$D") else value[1:] if value.startswith("$$") else value
    return value
