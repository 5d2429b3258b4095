"""The `json` kind: rows and fields are JMESPath expressions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import jmespath
from jmespath.exceptions import JMESPathError

from giftping.codes.model import Listing
from giftping.codes.sources.bodies import json_of, text_of
from giftping.codes.sources.kinds import ShapeChangedError
from giftping.codes.sources.rows import RowError, listing_of
from giftping.settings.sources import FieldRule, RowRule, SourceDefinition


@dataclass(frozen=True, slots=True)
class JsonRow:
    """One element of a list in a JSON document."""

    value: object
    heading: str = ""

    @property
    def text(self) -> str:
        """The element as JSON, in short."""
        try:
            return json.dumps(self.value, ensure_ascii=False)[:400]
        except (ValueError, RecursionError):
            return type(self.value).__name__

    def find(self, rule: FieldRule) -> list[object]:
        """What is at the rule's path, the elements of a list one by one."""
        try:
            found = _at(rule.path, self.value) if rule.path else self.value
        except JMESPathError as error:
            raise RowError(f"{rule.path!r} cannot be read in it: {one_line(error)}") from None
        if found is None:
            return []
        return [item for item in found if item is not None] if isinstance(found, list) else [found]


def parse(definition: SourceDefinition, body: bytes, content_type: str, now: datetime) -> Listing:
    """What a JSON body lists. Raise ShapeChangedError where it is no JSON, or has no list at the path."""
    document = json_of(text_of(body, content_type), content_type)
    try:
        return listing_of(definition, _rows(definition, document), now)
    except RecursionError:
        raise ShapeChangedError("the JSON is nested too deep") from None


def list_at(rule: RowRule, document: object) -> list[object] | None:
    """The list at the rule's path, None where there is none. Raise ShapeChangedError for a failing path."""
    try:
        found = _compiled(rule.at).search(document) if rule.at else document
    except JMESPathError as error:
        raise ShapeChangedError(f"{rule.at!r} cannot be read: {one_line(error)}") from None
    return found if isinstance(found, list) else None


def _at(path: str, value: object) -> object:
    """What is at a path in a value. Raise JMESPathError where it cannot be read."""
    # Most paths name a key and nothing else, and each of many rows is asked for some.
    if path.isidentifier() and path.isascii():
        return value.get(path) if isinstance(value, dict) else None
    return _compiled(path).search(value)


# Each row is asked for the same few.
_compiled = lru_cache(maxsize=1000)(jmespath.compile)


def one_line(error: Exception) -> str:
    """The first line of an error's text, in short."""
    return str(error).partition("\n")[0][:160]


def _rows(definition: SourceDefinition, document: object) -> Iterator[tuple[RowRule, JsonRow]]:
    for rule in definition.rows:
        values = list_at(rule, document)
        if values is None:
            raise ShapeChangedError(f"there is no list at {rule.at or '@'!r}{_said(document)}")
        for value in values:
            yield rule, JsonRow(value)


def _said(document: object) -> str:
    """What an error object says of itself, or which keys are there instead."""
    if not isinstance(document, dict):
        return f"; the document is {type(document).__name__}"
    for key in ("error", "message", "detail"):
        if isinstance(document.get(key), str):
            return f"; it says {key}: {document[key][:100]!r}"
    return f"; its keys are {', '.join(sorted(document)[:8])[:160]}" if document else "; the document is empty"
