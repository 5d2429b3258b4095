from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from pathlib import Path

import giftping
from giftping.settings.catalogue import Game
from giftping.settings.declaring import keys_of
from giftping.settings.keys import declared_tables
from giftping.settings.sources import DateRules, FieldRule, RowRule, SourceDefinition

PACKAGE = Path(giftping.__file__).parent
NOTHING = (None, False, "", frozenset())
"""What a field may be when it is not told, whatever its key's default is."""


def plain(value: object) -> object:
    return frozenset(value) if isinstance(value, (tuple, set)) else value


def declared_defaults() -> Iterator[tuple[str, object]]:
    """Yield each key's field and default, but for those that say nothing."""
    for table in (*declared_tables().values(), Game, SourceDefinition, RowRule, FieldRule, DateRules):
        for key in keys_of(table).values():
            default = plain(key.default)
            if key.parse is not None and default not in NOTHING:
                yield key.field, default


def stated(tree: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Yield the fields of classes, and the parameters, that have a default."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for at in node.body:
                if isinstance(at, ast.AnnAssign) and isinstance(at.target, ast.Name) and at.value is not None:
                    yield at.target.id, at.value
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            given, defaults = [*node.args.posonlyargs, *node.args.args], node.args.defaults
            yield from zip([at.arg for at in given[len(given) - len(defaults) :]], defaults, strict=True)
            named = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
            yield from ((at.arg, default) for at, default in named if default is not None)


def second_statements(source: str, names: dict[str, object]) -> list[str]:
    """The names of fields and parameters of a module to which it gives the default of the key of that name."""
    declared = list(declared_defaults())
    found = [(name, value) for name, value in stated(ast.parse(source)) if name in {name for name, _ in declared}]
    return [name for name, value in found if (name, plain(_worth(value, names))) in declared]


def _worth(value: ast.expr, names: dict[str, object]) -> object:
    return eval(compile(ast.Expression(value), "a default", "eval"), names)


def modules() -> list[str]:
    paths = (path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
    # The store says what of it is its own; the settings are where defaults belong.
    kept = (path for path in paths if path.parts[0] not in ("settings", "store", "__main__.py"))
    return sorted(str(path) for path in kept)


def test_what_a_setting_is_by_default_is_said_by_its_key_alone() -> None:
    said_again = {}
    for path in modules():
        dotted = ".".join(("giftping", *Path(path).with_suffix("").parts)).removesuffix(".__init__")
        said_again[path] = second_statements((PACKAGE / path).read_text("utf-8"), vars(import_module(dotted)))
    assert len(said_again) > 50
    assert {path: names for path, names in said_again.items() if names} == {}


def test_a_default_that_is_said_a_second_time_is_found() -> None:
    source = """
class Rules:
    linger: timedelta = timedelta(seconds=120)
    downtime: timedelta = timedelta(hours=7)
    new_dms: int

def verdict(code, skipped_regions=frozenset({"CN"}), *, api=API): ...
"""
    names = {"timedelta": timedelta, "API": "https://discord.com/api/v10"}
    assert second_statements(source, names) == ["linger", "skipped_regions", "api"]
