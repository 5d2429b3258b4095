"""The `html` kind: rows and fields are CSS selectors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from bs4 import BeautifulSoup, Tag

from giftping.codes.model import Listing
from giftping.codes.sources.bodies import text_of
from giftping.codes.sources.kinds import ShapeChangedError
from giftping.codes.sources.markup import document_of, select
from giftping.codes.sources.rows import listing_of
from giftping.settings.sources import FieldRule, RowRule, SourceDefinition

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")


@dataclass(frozen=True, slots=True)
class ElementRow:
    """One element of a page."""

    element: Tag
    heading: str = ""

    @property
    def text(self) -> str:
        """The text of the element."""
        return text_in(self.element)

    def find(self, rule: FieldRule) -> list[object]:
        """The texts, or the attribute, of the elements that the rule's selector finds inside the row."""
        found = select(self.element, rule.path) if rule.path else [self.element]
        if rule.attribute:
            return [element[rule.attribute] for element in found if element.has_attr(rule.attribute)]
        return [text_in(element) for element in found]


def parse(definition: SourceDefinition, body: bytes, content_type: str, now: datetime) -> Listing:
    """What a page lists. Raise ShapeChangedError where an anchor or heading is missing, or rows without one."""
    page = document_of(text_of(body, content_type))
    try:
        return listing_of(definition, list(_rows(definition, page)), now)
    except RecursionError:
        raise ShapeChangedError("the page is nested too deep") from None


def text_in(element: Tag) -> str:
    """The text of an element; the texts of its parts stay apart."""
    return element.get_text(" ", strip=True)


def _rows(definition: SourceDefinition, page: BeautifulSoup) -> Iterator[tuple[RowRule, ElementRow]]:
    for rule in definition.rows:
        if rule.anchor and not select(page, rule.anchor, limit=1):
            raise ShapeChangedError(f"the page has no {rule.anchor!r}{_title(page)}")
        elements = select(page, rule.at)
        headings = _headings(page, elements) if rule.under or _wants_heading(rule) else None
        if rule.under and not any(re.search(rule.under, text_in(title)) for title in page.find_all(_HEADINGS)):
            raise ShapeChangedError(f"the page has no heading {rule.under!r}{_title(page)}")
        if not elements and not rule.anchor and not rule.under:
            raise ShapeChangedError(f"the page has no rows {rule.at!r}{_title(page)}")
        for element in elements:
            heading = headings[id(element)] if headings else ""
            if not rule.under or re.search(rule.under, heading):
                yield rule, ElementRow(element, heading)


def _wants_heading(rule: RowRule) -> bool:
    return any(field is not None and field.heading for field in (rule.rewards, rule.expires, rule.state, rule.region))


def _headings(page: BeautifulSoup, elements: list[Tag]) -> dict[int, str]:
    """The nearest heading above each element, by its id."""
    wanted = {id(element) for element in elements}
    found: dict[int, str] = {}
    heading = ""
    for element in page.find_all(True):
        if element.name in _HEADINGS:
            heading = text_in(element)[:200]
        if id(element) in wanted:
            found[id(element)] = heading
    return found


def _title(page: BeautifulSoup) -> str:
    return f"; its title is {text_in(page.title)[:80]!r}" if page.title else ""
