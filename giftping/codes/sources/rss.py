"""The `rss` kind: RSS and Atom items, fields are the names of their elements."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from giftping.codes.model import Listing
from giftping.codes.sources.inline_html import breaks
from giftping.codes.sources.kinds import ShapeChangedError
from giftping.codes.sources.rows import LONGEST_HTML, as_text, listing_of
from giftping.settings.sources import FieldRule, SourceDefinition

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

ROOTS = ("rss", "RDF", "feed")
ITEMS = ("item", "entry")


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a feed."""

    parts: tuple[tuple[str, str], ...]
    """Its elements, each by name, without a prefix as in `content:encoded`, and with its text, HTML and all."""
    heading: str = ""

    @property
    def text(self) -> str:
        """The item's title, or all of its text."""
        titles = (as_text(text) for text in self._named("title"))
        return next(filter(None, titles), "") or as_text(" ".join(text for _, text in self.parts))

    def find(self, rule: FieldRule) -> list[object]:
        """The texts of the item's elements of that name; a prefix as in `content:encoded` is not looked at."""
        name = rule.path.rpartition(":")[2]
        return list(self._named(name)) if name else [" ".join(text for _, text in self.parts)]

    def _named(self, name: str) -> Iterator[str]:
        return (text for of, text in self.parts if of.casefold() == name.casefold())


def parse(definition: SourceDefinition, body: bytes, content_type: str, now: datetime) -> Listing:
    """What a feed lists. Raise ShapeChangedError where the body is no feed, or declares a DTD or entities.

    A feed that is no proper XML is read all the same, as long as it is whole.
    """
    if not body.strip():
        raise ShapeChangedError("the body is empty; a feed was expected")
    try:
        # The XML says itself how it is encoded, so the content type is not looked at.
        root = fromstring(body, forbid_dtd=True)
    except DefusedXmlException as error:
        raise ShapeChangedError(f"the feed declares what no feed needs ({type(error).__name__})") from None
    except (ParseError, ValueError, LookupError) as error:
        # Imported late: nearly all feeds are XML, and what reads the others takes long to load.
        from giftping.codes.sources.broken_feed import items_of_broken

        items = items_of_broken(body, content_type)
        if items is None:
            raise ShapeChangedError(f"the body is not XML ({str(error)[:80]}); a feed was expected") from None
    else:
        items = _items(root)
    return listing_of(definition, ((rule, Item(item)) for rule in definition.rows for item in items), now)


def _items(root: Element) -> list[tuple[tuple[str, str], ...]]:
    if _local(root.tag) not in ROOTS:
        raise ShapeChangedError(f"the body is a {_local(root.tag)[:40]!r} document; a feed was expected")
    if _local(root.tag) == "rss" and not any(_local(child.tag) == "channel" for child in root):
        raise ShapeChangedError("the feed has no channel")
    found = (element for element in root.iter() if _local(element.tag) in ITEMS)
    return [tuple((_local(child.tag), _text(child)) for child in element) for element in found]


def _local(tag: object) -> str:
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _text(element: Element) -> str:
    """The text of an element; of markup in it what begins a line is kept."""
    parts: list[str] = []
    size = 0
    pending: list[Element | str] = [element]
    while pending and size <= LONGEST_HTML:
        item = pending.pop()
        if not isinstance(item, str):
            mark = "<br>" if item is not element and breaks(_local(item.tag)) else ""
            pending += [mark, *(part for child in reversed(item) for part in (child.tail or "", child))]
            item = f"{mark}{item.text or ''}"
        parts.append(item)
        size += len(item)
    return "".join(parts)[:LONGEST_HTML]
