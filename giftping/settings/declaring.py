"""How a key of `giftping.settings.keys` is declared: once, by `setting`, on the field that holds its value.

The field's type and default are the key's, and the text below the field is its sentence. From there come what is read
and checked, "did you mean", `giftping config show`, the file that `giftping init` writes, and the tables of
docs/settings.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, field, fields
from datetime import timedelta
from functools import cache
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeVar, cast

from giftping.settings.durations import duration_text
from giftping.settings.secrets import MASK, Secret
from giftping.settings.value_types import reference_to

T = TypeVar("T")


def shown(value: object) -> object:
    """A value as `giftping config show` tells it, and JSON can hold it: texts as they are written, nothing as None."""
    match value:
        case bool() | int() | None:
            return value
        case timedelta():
            return duration_text(value)
        case tuple():
            return list(value)
        case frozenset():  # Ids; as texts, because JSON readers elsewhere lose the last digits of a number.
            return [str(item) for item in sorted(value)]
        case Secret():
            return MASK
    return str(value) or None


# No dataclass: to make one of so many fields takes half a millisecond, and every run would pay it.
class Key(NamedTuple):
    """What is known of a key besides the type, the default and the sentence, which are its field's own."""

    parse: Callable[[object], Any] | None = None
    """The value that a TOML value, or the text of a variable, stands for; None where the key holds a table.

    Raises ValueError, with the fix, for what stands for none.
    """
    name: str = ""
    """What the file calls it; its field's name where nothing else is said."""
    field: str = ""
    """The field with its value; found by `keys_of`, as the default is."""
    default: Any = None
    """Its value where nobody says one; MISSING where it is made anew each time, or has to be said."""
    show: Callable[[Any], object] = shown
    """Its value as `giftping config show` tells it."""
    variable: str = ""
    """The variable that goes before the file."""
    older_variable: str = ""
    """What an older program calls that variable; it counts where the own one is not set."""
    unset: str = ""
    """What the variable may say and mean nothing by it."""
    example: str | list[str] = ""
    """What `giftping init` shows of it where its default is nothing."""
    reference: Literal["", "kept", "looked up"] = ""
    """Whether it refers to a secret: "looked up" at once, or "kept" as a reference until it is needed."""
    why_none: Callable[[str], str] | None = None
    """Why the text that is looked up stands for nothing of the kind; empty where it may."""
    required: str = ""
    """What is missing where the key is; empty where it may be left out."""
    kinds: tuple[str, ...] = ()
    """The kinds of sources that know it; empty where all do."""
    table: type | None = None
    """The dataclass whose fields are the keys of the table that it holds."""
    many: bool = False
    """Whether it holds many such tables, each under a name that the user chose."""


def setting(parse: Callable[[object], T], default: T, *, repr: bool = True, **known: Any) -> T:  # noqa: A002
    """The field of a key that has a default; `known` is what else a `Key` holds."""
    metadata = {"key": Key(parse, **known)}
    if isinstance(default, dict):  # No two instances may share one.
        return cast("T", field(default_factory=dict, metadata=metadata, repr=repr))
    return field(default=default, metadata=metadata, repr=repr)


def secret(what: str, **known: Any) -> Secret | None:
    """The field of a key that names a secret, which is looked up at once; `what` it is called in a mistake."""
    return cast("Secret | None", setting(reference_to(what), cast("Any", None), reference="looked up", **known))


def required(parse: Callable[[object], T], missing: str, **known: Any) -> T:
    """The field of a key without a default; `missing` is what is said where it is not there."""
    return cast("T", field(metadata={"key": Key(parse, required=missing, **known)}))


def holding(table: type, default: object = MISSING, **known: Any) -> Any:
    """The field of a key that holds a table, or a group of tables, with the keys of a dataclass."""
    metadata = {"key": Key(table=table, **known)}
    return field(metadata=metadata) if default is MISSING else field(default=default, metadata=metadata)


@cache
def keys_of(table: type, kind: str = "") -> Mapping[str, Key]:
    """The keys that a dataclass declares, by name and in order; of a source's tables, those that its kind knows."""
    if kind:
        known = {name: key for name, key in keys_of(table).items() if not key.kinds or kind in key.kinds}
        return MappingProxyType(known)
    declared = [(at, at.metadata["key"]) for at in fields(table) if "key" in at.metadata]
    named = [key._replace(name=key.name or at.name, field=at.name, default=at.default) for at, key in declared]
    return MappingProxyType({key.name: key for key in named})


def sentences(table: type) -> dict[str, str]:
    """What stands below each field of a dataclass, by field. Python drops it, so that the source is read."""
    # Here, because only `giftping init` writes sentences.
    import ast
    import inspect

    body = next(node.body for node in ast.walk(ast.parse(inspect.getsource(table))) if isinstance(node, ast.ClassDef))
    return {
        field.target.id: inspect.cleandoc(below.value.value)
        for field, below in pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and isinstance(below.value.value, str)
    }
