"""What a source kind is: a parser from bytes to a listing, picked by name, imported when configured."""

from __future__ import annotations

from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from giftping.codes.model import Listing

if TYPE_CHECKING:
    from giftping.settings.sources import SourceDefinition

KINDS = {
    "json": "giftping.codes.sources.json_api:parse",
    "rss": "giftping.codes.sources.rss:parse",
    "html": "giftping.codes.sources.html:parse",
    "embedded": "giftping.codes.sources.embedded:parse",
    "wikitext": "giftping.codes.sources.wikitext:parse",
    "text": "giftping.codes.sources.text:parse",
}


class ShapeChangedError(Exception):
    """The body is not what the source's definition describes; its text says what was missing where."""


class Parser(Protocol):
    """The one function of a source kind."""

    def __call__(self, definition: SourceDefinition, body: bytes, content_type: str, now: datetime) -> Listing:
        """What the body lists; an honest empty list is an empty listing.

        Raise ShapeChangedError when the body is not of the described shape. Nothing else may escape,
        whatever the bytes are.
        """


def parser_of(kind: str) -> Parser:
    """The parser of a kind, importing the module it lives in. Raise KeyError for an unknown kind."""
    module, _, function = KINDS[kind].partition(":")
    return cast("Parser", getattr(import_module(module), function))
