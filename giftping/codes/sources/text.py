"""The `text` kind: one row per line, fields are regular expressions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from giftping.codes.model import Listing
from giftping.codes.sources.bodies import looks_like_html, text_of
from giftping.codes.sources.kinds import ShapeChangedError
from giftping.codes.sources.rows import listing_of
from giftping.settings.sources import FieldRule, SourceDefinition


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a text."""

    text: str
    heading: str = ""

    def find(self, rule: FieldRule) -> list[object]:  # noqa: ARG002 - a line has no paths; patterns are applied to it whole
        """The line."""
        return [self.text]


def parse(definition: SourceDefinition, body: bytes, content_type: str, now: datetime) -> Listing:
    """What the lines list; no lines is an empty list. Raise ShapeChangedError for a web page, JSON or binary."""
    text = text_of(body, content_type)
    if text.strip():
        if looks_like_html(text, content_type):
            raise ShapeChangedError("the body is a web page; lines of text were expected")
        if text.lstrip()[0] in "{[" or "json" in content_type.lower():
            raise ShapeChangedError("the body is JSON; lines of text were expected")
        if "\0" in text:
            raise ShapeChangedError("the body is binary; lines of text were expected")
    lines = [Line(line) for line in text.splitlines() if line.strip()]
    return listing_of(definition, ((rule, line) for rule in definition.rows for line in lines), now)
