"""The `rss` kind: RSS and Atom items, fields are the names of their elements."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from giftping.codes.model import Listing
from giftping.codes.sources.kinds import ShapeChangedError
from giftping.codes.sources.rows import LONGEST_TEXT, as_text, listing_of
from giftping.settings.sources import FieldRule, SourceDefinition

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_ROOTS = ("rss", "RDF", "feed")
_ITEMS = ("item", "entry")


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a feed."""

    element: Element
    heading: str = ""

    @property
    def text(self) -> str:
        """The item's title, or all of its text."""
        return next((as_text(value) for value in self.find(FieldRule(path="title"))), "") or _text(self.element)

    def find(self, rule: FieldRule) -> list[object]:
        """The texts of the item's elements of that name; a prefix as in `content:encoded` is not looked at."""
        name = rule.path.rpartition(":")[2]
        if not name:
            return [_text(self.element)]
        return [_text(child) for child in self.element if _local(child.tag) == name]


def parse(definition: SourceDefinition, body: bytes, content_type: str, now: datetime) -> Listing:  # noqa: ARG001
    """What a feed lists. Raise ShapeChangedError where the body is no feed, or declares a DTD or entities.

    The XML says itself how it is encoded, so the content type is not looked at.
    """
    if not body.strip():
        raise ShapeChangedError("the body is empty; a feed was expected")
    try:
        root = fromstring(body, forbid_dtd=True)
    except DefusedXmlException as error:
        raise ShapeChangedError(f"the feed declares what no feed needs ({type(error).__name__})") from None
    except (ParseError, ValueError, LookupError) as error:
        raise ShapeChangedError(f"the body is not XML ({str(error)[:80]}); a feed was expected") from None
    if _local(root.tag) not in _ROOTS:
        raise ShapeChangedError(f"the body is a {_local(root.tag)[:40]!r} document; a feed was expected")
    if _local(root.tag) == "rss" and not any(_local(child.tag) == "channel" for child in root):
        raise ShapeChangedError("the feed has no channel")
    items = [element for element in root.iter() if _local(element.tag) in _ITEMS]
    return listing_of(definition, ((rule, Item(item)) for rule in definition.rows for item in items), now)


def _local(tag: object) -> str:
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _text(element: Element) -> str:
    parts: list[str] = []
    size = 0
    for part in element.itertext():
        parts.append(part)
        size += len(part)
        if size > LONGEST_TEXT:
            break
    return "".join(parts)[:LONGEST_TEXT]
