"""The fields of a stored document, read by type, and times as documents hold them."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeGuard

from giftping.store.base import StoreError
from giftping.text import id_or_none

EARLIEST, LATEST = datetime(2, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)
"""Between these no zone takes a time out of the calendar; nobody means one beyond."""

EXACT = 2**53
"""Up to here a double is one whole number; beyond it stands for several."""


class DocumentError(StoreError):
    """A document is not what its collection holds; the text names the document, the field and the next step."""


@lru_cache(maxsize=5000)
def time_to_text(at: datetime) -> str:
    """An ISO 8601 UTC text with offset and microseconds, which sorts as the times do.

    Raise ValueError for a time without a zone.
    """
    if at.tzinfo is None:
        raise ValueError(f"a time without a zone cannot be stored: {at}")
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def time_from_value(value: object) -> datetime:
    """The time of a stored text or datetime, in UTC; without a zone it is read as UTC.

    Raise ValueError or TypeError for anything else, and for a time that nobody can mean.
    """
    return _in_utc(value) if isinstance(value, datetime) else _time_in(_as_text(value))


# One instant stands in thousands of documents: in all that a list brought, say.
@lru_cache(maxsize=5000)
def _time_in(text: str) -> datetime:
    return _in_utc(datetime.fromisoformat(text))


def _in_utc(value: datetime) -> datetime:
    try:
        at = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"not within the calendar: {value}") from error
    if not EARLIEST <= at <= LATEST:
        raise ValueError(f"too far away: {value}")
    return at


def time_or_none(value: object) -> datetime | None:
    """The time of a stored value, None where it is none that anybody can mean."""
    try:
        return time_from_value(value)
    except (TypeError, ValueError):
        return None


def epoch_seconds(value: object, otherwise: float) -> float:
    """A time, written as epoch seconds or as a text, in epoch seconds; another number where it is neither."""
    if isinstance(value, str | datetime):
        return otherwise if (at := time_or_none(value)) is None else at.timestamp()
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and value == value
    try:
        return float(value) if is_number else otherwise  # type: ignore[arg-type]  # a number
    except OverflowError:
        return otherwise


def table_in(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object in a field, an empty one where it holds none."""
    value = document.get(name)
    return value if isinstance(value, Mapping) else {}


def list_in(document: Mapping[str, Any], name: str) -> Sequence[Any]:
    """The list in a field, an empty one where it holds none."""
    value = document.get(name)
    return value if isinstance(value, list | tuple) else ()


def tables_in(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The objects of the list in a field."""
    return [one for one in list_in(document, name) if isinstance(one, Mapping)]


def is_text(value: object) -> TypeGuard[str]:
    """Whether a stored value is a text; Code, a type of BSON's own, is a class of texts, and none."""
    return type(value) is str


def whole_number(value: object) -> int | None:
    """The whole number that a stored value is, None for anything else; a double is one as far as it is exact."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= EXACT:
        return int(value)
    # MongoDB's driver gives whole numbers in a class of its own.
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else None


def plain_document(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with everything that JSON has no word for as a text; times become ISO 8601 UTC, in milliseconds."""
    # Nearly every value is a text: in a list that has changed there are thousands.
    return {str(name): value if type(value) is str else _plain(value) for name, value in document.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        # A class of texts, such as a phrase that can be said in other languages, is one text as soon as it is kept.
        return str(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, datetime):
        # As MongoDB gives it back, which keeps milliseconds: otherwise a mirror never is what it mirrors.
        kept = value.replace(microsecond=value.microsecond // 1000 * 1000, tzinfo=value.tzinfo or UTC)
        try:
            return time_to_text(kept)
        except OverflowError:
            return str(value)
    if isinstance(value, Mapping):
        return plain_document(value)
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else str(value)


class Fields:
    """A document's fields by type. Every method raises DocumentError when the field is not of that type."""

    def __init__(self, collection: str, document: Mapping[str, Any], whole: Mapping[str, Any] | None = None) -> None:
        self.document = document
        self._collection = collection
        self._whole = document if whole is None else whole

    def text(self, name: str) -> str:
        """A text that must be there."""
        value = self.document.get(name)
        if not is_text(value):
            raise self.wrong(name, "a text")
        return value

    def optional_text(self, name: str) -> str:
        """A text, empty where the field is not there."""
        return "" if self.document.get(name) is None else self.text(name)

    def optional_kind(self, name: str, kinds: Collection[str]) -> str:
        """A text that is one of several, empty where the field is not there."""
        found = self.optional_text(name)
        if found and found not in kinds:
            raise self.wrong(name, f"one of {', '.join(kinds)}")
        return found

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts, none where the field is not there."""
        values = self.document.get(name, ())
        if not isinstance(values, list | tuple) or not all(map(is_text, values)):
            raise self.wrong(name, "a list of texts")
        return tuple(values)

    def number(self, name: str) -> int:
        """A whole number that must be there."""
        if (found := whole_number(self.document.get(name))) is None:
            raise self.wrong(name, "a number")
        return found

    def optional_number(self, name: str, otherwise: int) -> int:
        """A whole number, another one where the field is not there."""
        return otherwise if self.document.get(name) is None else self.number(name)

    def flag(self, name: str) -> bool:
        """Whether a field is true; not where it is not there."""
        value = self.document.get(name)
        if value is not None and not isinstance(value, bool):
            raise self.wrong(name, "true or false")
        return value is True

    def id(self, name: str) -> int:
        """A Discord id that must be there, as a number or as a text."""
        if (found := id_or_none(self.document.get(name))) is None:
            raise self.wrong(name, "a Discord id")
        return found

    def optional_id(self, name: str) -> int | None:
        """A Discord id, None where the field is not there."""
        return None if self.document.get(name) is None else self.id(name)

    def time(self, name: str) -> datetime:
        """A time that must be there."""
        try:
            return time_from_value(self.document[name])
        except (KeyError, TypeError, ValueError) as error:
            raise self.wrong(name, "an ISO 8601 time") from error

    def first_time(self, *names: str) -> datetime | None:
        """The time of the first of the fields that is there, None where none is."""
        for name in names:
            if self.document.get(name) not in (None, ""):
                return self.time(name)
        return None

    def tables(self, name: str) -> tuple[Fields, ...]:
        """The fields of each object of a list, none where the field is not there."""
        values = self.document.get(name, ())
        if not isinstance(values, list | tuple) or not all(isinstance(value, Mapping) for value in values):
            raise self.wrong(name, "a list of objects")
        return tuple(Fields(self._collection, value, self._whole) for value in values)

    def table(self, name: str, *, optional: bool = False) -> Fields:
        """The fields of an object; one that is optional may be missing."""
        value = self.document.get(name)
        if value is None and optional:
            value = {}
        if not isinstance(value, Mapping):
            raise self.wrong(name, "an object")
        return Fields(self._collection, value, self._whole)

    def wrong(self, name: str, wanted: str) -> DocumentError:
        """The error that a field is not what is wanted: document, field, value, next step."""
        value = self.document.get(name)
        return DocumentError(
            f"{self._collection}: document {self._whole.get('_id')!r}: {name} is {value!r}, not {wanted};"
            " correct or remove the document"
        )


def _as_text(value: object) -> str:
    if not is_text(value):
        raise TypeError(f"not a text: {value!r}")
    return value
