"""What holds for every file of the package."""

from __future__ import annotations

import ast
import builtins
import importlib
import keyword
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import grimp
import pytest

PACKAGE = Path(__file__).parents[2] / "giftping"
MODULES = sorted(PACKAGE.rglob("*.py"))
TEXTS = sorted(path for path in PACKAGE.rglob("*") if path.suffix in (".py", ".toml", ".typed"))


MOST_ROOMS = 18
MOST_LINES = 400

NAMES_OF_OTHERS = {
    *("MongoDB", "PyMongo", "TinyDB", "OpenAPI", "OpenSSL", "MediaWiki", "NaN"),
    *(
        "AuthenticationFailed",
        "UserNotFound",
        "RoleNotFound",
        "CannotAuthenticate",
        "ImmutableField",
    ),  # MongoDB's errors
    *("maxLength", "maxItems", "attachments", "Via"),  # Discord's API and its description
    *("LoadCredential", "export"),  # systemd, and the shell
    *("true", "false"),  # TOML
}
"""What docstrings may name although it is in no code of ours."""

DOING_THINGS = {
    *("asyncio", "concurrent", "fcntl", "glob", "http", "io", "logging", "multiprocessing", "os", "queue", "select"),
    *("shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "sys", "tempfile", "threading"),
    *("random", "secrets", "time", "uuid"),
    *("bson", "discord", "httpcore", "httpx", "pymongo", "rich", "tinydb", "typer"),
    *("giftping.cli", "giftping.commands", "giftping.net", "giftping.wiring"),
    *("giftping.discord.http", "giftping.discord.members", "giftping.discord.pacing", "giftping.discord.rest"),
    "giftping.discord.webhook",
}
"""What reads or writes, waits, runs side by side, draws lots, or tells the time: no pure module knows it."""

VALUES_OF_STORES = {
    f"giftping.store.{name}"
    for name in (
        "base",
        "code_documents",
        "documents",
        "engine",
        "errors",
        "fields",
        "guild_documents",
        "mirror.changes",
    )
}
"""What pure modules may know of the store: its records and documents, and nothing that opens one."""

DOING_CALLS = {"open", "print", "input", "now", "utcnow", "today", "utc_now", "read_text", "write_text", "urandom"}

KNOWN_IMPURITIES = {
    # discord.py's embeds are values; nothing is sent here.
    **{f"giftping/bot/{name}.py": {"discord"} for name in ("embeds", "code_embeds", "todo_embeds")},
    # These are looked at for their classes of errors alone.
    "giftping/discord/failures.py": {"socket", "ssl", "giftping.net.lean_httpx.httpx"}
    | {"giftping.net.transport.UNUSABLE_ENVIRONMENT"},
    # Each change makes its document's `rev` a new one, by lot.
    "giftping/store/engine.py": {"os", "os.urandom()"},
}
"""What modules that say they are pure do all the same."""

SHARED_NAMES = {
    # Each kind of source has its parser, and they are picked by the name of the kind.
    "parse": "a parser",
    # Commands are called as they are typed, in the module of their group, and so are those of the command line.
    **dict.fromkeys(("add", "doctor", "init", "migrate", "remove", "show", "status", "test"), "a command"),
    # A command, and what it has done.
    **dict.fromkeys(("check", "explain", "statistics", "submit", "sweep"), "a command's work"),
    # The two ways to start: the command line and the bot; and what each group of the bot's commands begins with.
    **dict.fromkeys(("add_commands", "run"), "a beginning"),
}
"""Names that stand in two modules for the same idea, and why that is."""


def name_of(path: Path) -> str:
    return str(path.relative_to(PACKAGE.parent))


@dataclass(frozen=True)
class Source:
    """A module as it is written: its docstrings, those of fields too, with their lines, and the names in its code."""

    tree: ast.Module
    docstrings: tuple[tuple[int, str], ...]
    names: frozenset[str]


@cache
def source_of(path: Path) -> Source:
    tree = ast.parse(path.read_text("utf-8"))
    written = [
        statement.value
        for node in ast.walk(tree)
        for statement in (getattr(node, "body", None) if isinstance(getattr(node, "body", None), list) else None) or []
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    ]
    docstrings = [one for one in written if isinstance(one.value, str)]
    skipped = {id(one) for one in docstrings}
    names = {name for node in ast.walk(tree) if id(node) not in skipped for name in names_in(node)}
    return Source(tree, tuple((one.lineno, str(one.value)) for one in docstrings), frozenset(names))


def names_in(node: ast.AST) -> Iterator[str]:
    """The names that a node of code holds; a text that is a key or a word counts whole."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.Constant(value=str(name)):
            yield name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.keyword(arg=str(name)):
            yield name
        case ast.alias(name=name, asname=alias):
            yield from name.split(".")
            yield alias or name
        case ast.ImportFrom(module=str(name)):
            yield from name.split(".")


def names_near(path: Path) -> frozenset[str]:
    """The names in a module and in those of ours that it imports; for a package, those of its modules."""
    source = source_of(path)
    found = set(source.names)
    if path.name == "__init__.py":
        found = found.union(
            *(source_of(module).names | {module.stem} for module in MODULES if path.parent in module.parents)
        )
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("giftping"):
            for dotted in (str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)):
                imported = PACKAGE.parent / Path(*dotted.split(".")).with_suffix(".py")
                if imported in MODULES:
                    found |= source_of(imported).names
    return frozenset(found)


@cache
def names_in_all(modules: tuple[Path, ...]) -> frozenset[str]:
    """The names in all modules, and their own."""
    own = {part for module in modules for part in module.relative_to(PACKAGE.parent).with_suffix("").parts}
    return frozenset(own.union(*(source_of(module).names for module in modules)))


@cache
def names_of_libraries() -> frozenset[str]:
    """What the libraries that the package imports have to offer at their top."""
    imported = {
        name
        for path in MODULES
        for node in ast.walk(source_of(path).tree)
        for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [])
    }
    ours = {name for name in imported if name.partition(".")[0] == "giftping"}
    return frozenset(name for library in imported - ours for name in dir(importlib.import_module(library)))


def unknown_names(path: Path) -> Iterator[str]:
    """What docstrings name that is not there: a field that is called otherwise now, a class that has gone."""
    near, everywhere = names_near(path), names_in_all(tuple(MODULES))
    spared = NAMES_OF_OTHERS | names_of_libraries() | set(dir(builtins)) | set(keyword.kwlist)
    # What people call a command may be named anywhere, too.
    spared |= {module.stem for module in MODULES if module.parent.name == "commands"}
    for line, text in source_of(path).docstrings:
        for quoted in re.findall(r"`([A-Za-z_][\w.]*)(?:\(\))?`", text):
            parts = quoted.removesuffix(".py").split(".")
            # A class may be named from afar, and so may what stands behind the name of its module or class.
            known = everywhere if "." in quoted or quoted[0].isupper() else near
            if not set(parts) <= known | spared:
                yield f"{name_of(path)}:{line}: `{quoted}`"
        for word in re.findall(r"\b[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]+)+\b", re.sub(r"`[^`]*`", "", text)):
            if word not in everywhere | spared:
                yield f"{name_of(path)}:{line}: {word}"


def test_there_is_a_package_to_look_at() -> None:
    assert len(MODULES) > 50


def test_no_file_names_a_folder_of_the_machine_it_was_written_on() -> None:
    folders = re.compile(r"(?<![\w/.])/(?:work|root|tmp)/|/home/[a-z]+/|" + re.escape(str(PACKAGE.parent)))
    naming = [name_of(path) for path in TEXTS if folders.search(path.read_text("utf-8"))]
    assert naming == []


def test_every_file_begins_by_saying_what_it_is_for() -> None:
    written = {name_of(path): text for path in MODULES if (text := path.read_text("utf-8"))}
    silent = [name for name, text in written.items() if not (ast.get_docstring(ast.parse(text)) or "").strip()]
    assert silent == []


def test_the_package_has_few_rooms_at_the_top() -> None:
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")} | {path.stem for path in PACKAGE.glob("*.py")}
    assert len(rooms - {"__init__", "__main__"}) <= MOST_ROOMS


def test_no_module_is_too_long_to_be_of_one_subject() -> None:
    lengths = {name_of(path): len(path.read_text("utf-8").splitlines()) for path in MODULES}
    long = {name: length for name, length in lengths.items() if length > MOST_LINES}
    assert set(long) <= {"giftping/cli.py"}, long


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Whatever is imported late or for types alone counts, too: such a circle cannot be understood one at a time."""
    graph = grimp.build_graph("giftping", cache_dir=None)
    behind = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    # Whoever imports nothing that is left, or is imported by nothing that is left, is in no circle.
    left = set(behind)
    while loose := {one for one in left if not behind[one] & left or not any(one in behind[two] for two in left)}:
        left -= loose
    assert sorted(left) == []


def test_docstrings_begin_with_what_comes_back_and_not_with_that_it_does() -> None:
    returning = [
        f"{name_of(path)}:{line}: {text}"
        for path in MODULES
        for line, text in source_of(path).docstrings
        if re.match(r"Returns?\b", text)
    ]
    assert returning == []


def test_the_names_in_docstrings_exist() -> None:
    assert [unknown for path in MODULES for unknown in unknown_names(path)] == []


def test_a_docstring_that_names_what_is_not_there_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "giftping" / "stale.py"
    path.parent.mkdir()
    path.write_text(
        'class Kept:\n    """Kept as `here`; `gone` is not, nor is OldClass, nor `Kept.gone`."""\n\n    here = 1\n'
    )
    monkeypatch.setitem(globals(), "PACKAGE", path.parent)
    monkeypatch.setitem(globals(), "MODULES", [path])
    assert [line.rpartition(": ")[2] for line in unknown_names(path)] == ["`gone`", "`Kept.gone`", "OldClass"]


@pytest.mark.parametrize("folder", ["codes", "todo", "store", "discord"])
def test_the_parts_that_do_the_work_write_nothing_and_end_nothing(folder: str) -> None:
    for path in sorted((PACKAGE / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func) not in ("print", "sys.exit", "exit", "input"), name_of(path)


def test_only_the_edge_asks_what_time_it_is() -> None:
    """Decisions get the clock passed in, so that tests and a run's one instant hold for all of them."""
    asking = {
        name_of(path)
        for folder in ("codes", "todo")
        for path in sorted((PACKAGE / folder).rglob("*.py"))
        if re.search(r"datetime\.now\(|\butcnow\(|time\.time\(", path.read_text("utf-8"))
    }
    assert asking == set()


def names_twice(paths: Iterable[Path]) -> dict[str, list[str]]:
    """The public classes and functions that several modules define, and where.

    The stand-in has Discord's names for Discord's things, and the inside of the store is not looked at yet.
    """
    places: dict[str, list[str]] = {}
    for path in paths:
        if path.parent.name not in ("demo", "store"):
            for node in ast.parse(path.read_text("utf-8")).body:
                if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name[0] != "_":
                    places.setdefault(node.name, []).append(path.stem)
    return {name: stems for name, stems in places.items() if len(stems) > 1}


def test_no_two_things_share_a_name() -> None:
    twice = names_twice(MODULES)
    assert {name: stems for name, stems in twice.items() if name not in SHARED_NAMES} == {}


def test_a_name_that_two_things_share_is_found(tmp_path: Path) -> None:
    for stem, text in {"one": "class Trouble: ...", "two": "class Trouble: ...\ndef _own(): ...", "three": ""}.items():
        (tmp_path / f"{stem}.py").write_text(text)
    assert names_twice(sorted(tmp_path.glob("*.py"))) == {"Trouble": ["one", "two"]}


def says_it_is_pure(path: Path) -> bool:
    """Whether a module, or the package that it stands in, says of itself that it is pure."""
    texts = [one.read_text("utf-8") for one in (path, path.with_name("__init__.py"))]
    # Most are not worth parsing: each worker of the tests looks at all of them before the first test.
    docstrings = [ast.get_docstring(ast.parse(text)) or "" for text in texts if "Pure" in text]
    return any(re.search(r"\bPure\b", text) for text in docstrings)


def impurities(tree: ast.Module) -> Iterator[str]:
    """What a module imports or calls that is more than values in and values out."""
    for node in ast.walk(tree):
        imported: list[str] = []
        if isinstance(node, ast.Import):
            imported = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imported = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in imported:
            parts = name.split(".")
            behind = {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
            opens_stores = "giftping.store" in behind and not behind & VALUES_OF_STORES
            # Of paths only those are pure that no file system is asked about.
            is_path = "pathlib" in behind and parts[-1] not in ("PurePath", "PurePosixPath")
            asks_the_net = name.startswith("urllib") and "urllib.parse" not in behind
            if behind & DOING_THINGS or opens_stores or is_path or asks_the_net:
                yield name
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called.rpartition(".")[2] in DOING_CALLS:
                yield f"{called}()"


PURE = [path for path in MODULES if says_it_is_pure(path)]


def test_there_are_pure_modules_and_a_package_of_them() -> None:
    assert {"plan.py", "merge.py", "refusals.py", "rules.py", "text.py", "html.py", "rss.py"} <= {
        one.name for one in PURE
    }


def test_a_module_that_says_it_is_pure_does_nothing_but_turn_values_into_values() -> None:
    found = {name_of(path): set(impurities(source_of(path).tree)) for path in PURE}
    assert {name: impure for name, impure in found.items() if impure} == KNOWN_IMPURITIES


@pytest.mark.parametrize(
    "text",
    [
        *("import os", "import io", "from pathlib import Path", "import urllib.request", "def f():\n    import socket"),
        *("import threading", "from concurrent.futures import ThreadPoolExecutor", "import queue"),
        *("import random", "from secrets import token_hex", "from uuid import uuid4"),
        *("import time", "datetime.now(UTC)", "date.today()", "wiring.utc_now()", "datetime.utcnow()"),
        *("import logging", "print('here')", "open('file')", "place.read_text()"),
        *("import httpx", "import pymongo", "import tinydb", "from rich.table import Table"),
        *("from giftping.net.transport import Transport", "from giftping.net import transport"),
        *(
            "from giftping.store.tiny.store import Store",
            "from giftping.store import mongo",
            "import giftping.store.tiny",
        ),
        *("from giftping.discord.rest import RestClient", "from giftping.discord import http"),
    ],
)
def test_what_is_not_pure_is_found(text: str) -> None:
    assert list(impurities(ast.parse(text)))


@pytest.mark.parametrize(
    "text",
    [
        *("from pathlib import PurePath", "from urllib.parse import quote", "import re", "self.now", "now - start"),
        *("from giftping.store.base import Subscription", "from giftping.discord.message import Message"),
    ],
)
def test_values_are_pure(text: str) -> None:
    assert list(impurities(ast.parse(text))) == []
