"""What holds for every file of the package."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "giftping"
MODULES = sorted(PACKAGE.rglob("*.py"))
TEXTS = sorted(path for path in PACKAGE.rglob("*") if path.suffix in (".py", ".toml", ".typed"))


def name_of(path: Path) -> str:
    return str(path.relative_to(PACKAGE.parent))


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
