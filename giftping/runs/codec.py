"""Frozen dataclasses as plain JSON values, and back: one translation for all that is kept in the state folder. Pure.

What may stand in such a dataclass: texts, whole numbers, flags, aware times, enumerations, other dataclasses, tuples,
and mappings with texts as keys; each may be None where its type says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

Kind = TypeVar("Kind")
Translation = Callable[[Any], Any]

_PLAIN = frozenset({str, int, bool, NoneType})


def to_json(value: object, *, sparse: bool = False) -> Any:
    """The value as JSON has it. Raise ValueError for what could not be read again.

    A `sparse` object leaves out the fields that are None or empty texts and would be that by default: a memory of
    many small rows is half as long that way.
    """
    return _writer(_class_of(value), sparse)(value)


def from_json(kind: type[Kind], value: object, *, sparse: bool = False) -> Kind:
    """The value of that kind which `to_json` made this of. Raise ValueError for anything else.

    Keys that the kind does not have are passed over, because a newer release may have written them. A key that is
    missing is a mistake, unless the object is `sparse` and the field has a default.
    """
    read: Kind = _reader(cast("Any", kind), sparse)(value)
    return read


@cache
def _writer(kind: Any, sparse: bool) -> Translation:  # noqa: FBT001 - a cache goes by its positional arguments
    """How values of a class are written; found out once for each class, as a run writes thousands of rows."""
    if kind in _PLAIN:
        return _same
    if issubclass(kind, datetime):
        return _time_text
    if issubclass(kind, Enum):
        return _value_of
    if issubclass(kind, tuple):
        # By what is in it, not by its annotation: then writing never has to resolve type hints.
        return lambda values: [_writer(_class_of(value), sparse)(value) for value in values]
    if issubclass(kind, Mapping):
        return lambda values: {_text(key): _writer(_class_of(value), sparse)(value) for key, value in values.items()}
    if is_dataclass(kind):
        return _object_writer(kind, sparse=sparse)
    raise ValueError(f"a {kind.__name__} cannot be kept as JSON")


def _object_writer(kind: Any, *, sparse: bool) -> Translation:
    empty = {field.name: field.default for field in fields(kind) if sparse and field.default in (None, "")}
    names = [field.name for field in fields(kind)]

    def write(value: Any) -> dict[str, Any]:
        written = {}
        for name in names:
            part = getattr(value, name)
            if name not in empty or part != empty[name]:
                written[name] = _writer(_class_of(part), sparse)(part)
        return written

    return write


@cache
def _reader(kind: Any, sparse: bool) -> Translation:  # noqa: FBT001 - as above
    """How values of a type are read; type hints are texts, and looking into them is too slow for every row."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _optional_reader(arguments, sparse=sparse)
    if origin is tuple:
        return _tuple_reader(arguments, sparse=sparse)
    if origin in (dict, Mapping):
        return _mapping_reader(_reader(arguments[1], sparse))
    if kind in _PLAIN:
        return lambda value: _exactly(kind, value)
    if kind is datetime:
        return _time
    if issubclass(kind, Enum):
        return lambda value: kind(value)
    if is_dataclass(kind):
        return _object_reader(kind, sparse=sparse)
    raise TypeError(f"{kind} cannot be read from JSON")


def _object_reader(kind: Any, *, sparse: bool) -> Translation:
    hints = get_type_hints(kind)
    readers = [(field.name, _reader(hints[field.name], sparse)) for field in fields(kind)]
    may_be_missing = {field.name for field in fields(kind) if sparse and not _is_required(field)}

    def read(value: object) -> Any:
        entry = _exactly(dict, value)
        parts = {}
        for name, reader in readers:
            if name in entry:
                parts[name] = reader(entry[name])
            elif name not in may_be_missing:
                raise ValueError(f"{name} is missing")
        return kind(**parts)

    return read


def _is_required(field: Any) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _optional_reader(kinds: tuple[Any, ...], *, sparse: bool) -> Translation:
    (kind,) = (kind for kind in kinds if kind is not NoneType)
    reader = _reader(kind, sparse)
    return lambda value: None if value is None else reader(value)


def _tuple_reader(kinds: tuple[Any, ...], *, sparse: bool) -> Translation:
    reader = _reader(kinds[0], sparse)
    if kinds[1:] != (...,):
        raise TypeError("only tuples of any length, of one kind, can be read from JSON")
    return lambda value: tuple(reader(item) for item in _exactly(list, value))


def _mapping_reader(reader: Translation) -> Translation:
    return lambda value: {_text(key): reader(item) for key, item in _exactly(dict, value).items()}


def _class_of(value: object) -> Any:
    return type(value)


def _same(value: Any) -> Any:
    return value


def _exactly(kind: type, value: object) -> Any:
    """The value, where it is of that very class: JSON's true is not to pass for a number."""
    if type(value) is not kind:
        raise ValueError(f"a {kind.__name__} was expected, not a {type(value).__name__}")
    return value


def _text(value: object) -> Any:
    return _exactly(str, value)


def _value_of(value: Enum) -> Any:
    return value.value


def _time_text(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise ValueError("a time needs its zone")
    return moment.isoformat()


def _time(value: object) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError("a time needs its zone")
    return moment
