"""The fields of a TODO document by type, and values as these documents hold them. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from giftping.store.documents import NEVER_SUBMITTED, Document
from giftping.store.fields import is_text, time_from_value, whole_number
from giftping.text import id_or_none

_LATEST = 1e11
"""Epoch seconds beyond every date that is meant; one in milliseconds is larger."""


class OddDocumentError(Exception):
    """A document is not what its collection holds; the text says which field, and why."""


class DocumentFields:
    """A document's fields by type. What is missing is None or empty; a field of another type raises OddDocumentError.

    The ledger's `store.fields.Fields` asks for what must be there. Here next to nothing must: the older TODO bot wrote
    these documents for years, and each of its versions left other fields out.
    """

    def __init__(self, collection: str, document: Mapping[str, Any]) -> None:
        self._collection = collection
        self._document = document

    def text(self, name: str) -> str:
        """A text."""
        value = self._document.get(name)
        if value is None:
            return ""
        if not is_text(value):
            raise self.odd(name, "a text")
        return str(value)

    def required_text(self, name: str) -> str:
        """A text that must be there, and nothing else."""
        value = self._document.get(name)
        if not is_text(value):
            raise self.odd(name, "a text")
        return str(value)

    def zone(self, name: str) -> str:
        """The name of a time zone that this machine knows."""
        value = self.text(name)
        try:
            return ZoneInfo(value).key if value else ""
        except (ValueError, KeyError, OSError):
            raise self.odd(name, "the name of a time zone") from None

    def flag(self, name: str) -> bool:
        """Whether a field is true."""
        value = self._document.get(name)
        # Who is exempt, and nobody can tell, is not to be pinged for it.
        if value is not None and not isinstance(value, bool):
            raise self.odd(name, "true or false")
        return value is True

    def count(self, name: str) -> int:
        """A whole number, 0 where there is none."""
        value = self._document.get(name)
        if value is None:
            return 0
        if (found := whole_number(value)) is None:
            raise self.odd(name, "a whole number")
        return found

    def id(self, name: str) -> int | None:
        """A Discord id, written as a text or as a number."""
        value = self._document.get(name)
        if value is None or value == "":
            return None
        if (found := id_or_none(value)) is None:
            raise self.odd(name, "a Discord id")
        return found

    def time(self, name: str) -> datetime | None:
        """An instant given in epoch seconds, as a date, or as ISO text; 0 is none, and so is what stands for never."""
        value = self._document.get(name)
        if value is None or (value == 0 and not isinstance(value, bool)) or value == NEVER_SUBMITTED:
            return None
        try:
            if isinstance(value, str | datetime):
                return instant_from(time_from_value(value).timestamp())
            return instant_from(value)
        except (TypeError, ValueError, OverflowError):
            raise self.odd(name, "a time in epoch seconds") from None

    def seconds(self, name: str) -> timedelta | None:
        """A length of time in seconds."""
        value = self._document.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _LATEST:
            raise self.odd(name, "a number of seconds")
        return timedelta(seconds=value)

    def table(self, name: str) -> DocumentFields | None:
        """The fields of an object."""
        value = self._document.get(name)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise self.odd(name, "an object")
        return DocumentFields(self._collection, value)

    def texts(self, name: str) -> list[str]:
        """A list of texts."""
        values = self._document.get(name, ())
        if values is None:
            return []
        if not isinstance(values, list | tuple) or not all(map(is_text, values)):
            raise self.odd(name, "a list of texts")
        return list(values)

    def tables(self, name: str) -> list[DocumentFields]:
        """The fields of each object of a list."""
        values = self._document.get(name)
        if values is None:
            return []
        if not isinstance(values, list | tuple) or not all(isinstance(value, Mapping) for value in values):
            raise self.odd(name, "a list of objects")
        return [DocumentFields(self._collection, value) for value in values]

    def one_of(self, name: str, kinds: Any) -> Any:
        """The member of an enumeration that a field names; one that is missing names none."""
        try:
            return kinds(self._document.get(name))
        except ValueError:
            raise self.odd(name, f"one of {', '.join(kinds)}") from None

    def odd(self, name: str, wanted: str) -> OddDocumentError:
        """The error that a field is not what is wanted."""
        return OddDocumentError(f"{self._collection}: {name} is {self._document.get(name)!r}, not {wanted}")


def instant_from(value: object) -> datetime:
    """The instant of a number of epoch seconds. Raise ValueError or TypeError for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"not a number: {value!r}")
    if not math.isfinite(value) or not 0 < value < _LATEST:
        raise ValueError(f"not epoch seconds: {value!r}")
    return datetime.fromtimestamp(value, UTC)


def epoch_of(at: datetime | None) -> float | None:
    """An instant as the older bot's readers expect it, None for none."""
    return None if at is None else at.timestamp()


def set_values(**values: Any) -> Document:
    """The values that are set: not None, and not empty."""
    return {name: value for name, value in values.items() if value is not None and value not in ("", [], {})}
