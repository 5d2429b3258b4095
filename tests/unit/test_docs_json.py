"""docs/json.md says which keys each command writes: the commands are run, and their objects compared."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from docs_reading import JSON_PAGE, anchor_of, blocks, commands, run, section, table
from docs_story import Story, paths

from giftping.codes.report import DeliveryResult
from giftping.todo.report import ActionResult

pytestmark = pytest.mark.xdist_group("story")
SHARED = {"A code", "A ledger entry", "An open code", "A delivery", "A guild"} | {
    "A member",
    "A TODO",
    "A streak",
    "A pause",
    "A leg",
    "A role change",
    "A clock",
}


def own_types(title: str) -> dict[str, str]:
    """Return the type of each key in a section's table."""
    return {key: kind for key, kind, _ in table(section(JSON_PAGE, title))}


def described(title: str) -> dict[str, str]:
    """Return the type of each key in a section's table, with those of the shared objects that it links to."""
    types = own_types(title)
    for key, kind in own_types(title).items():
        link = re.search(r"\]\(#([a-z-]+)\)", kind)
        if link:
            (shared,) = [each for each in SHARED if anchor_of(each) == link[1]]
            prefix = f"{key}[]." if kind.startswith("list of") else f"{key}."
            types |= {prefix + inner: of_inner for inner, of_inner in own_types(shared).items()}
    return types


def check_keys(title: str, objects: list[Any]) -> None:
    """Check the keys of some objects: all of the section's own ones, and of a shared object all or none that is."""
    types = described(title)
    seen: dict[str, list[Any]] = {}
    for path, value in (found for each in objects for found in paths(each, types)):
        seen.setdefault(path, []).append(value)
    assert set(seen) - set(types) == set()
    assert {path for path in set(types) - set(seen) if path in own_types(title) or any(_above(path, seen))} == set()
    for path, values in seen.items():
        assert [value for value in values if not _is(types[path], value)] == [], path


def _above(path: str, seen: dict[str, list[Any]]) -> list[Any]:
    """Return what was seen of the object that should hold the last key of a path."""
    return seen.get(path.rpartition(".")[0].removesuffix("[]"), [])


def _is(kind: str, value: Any) -> bool:
    if value is None:
        return kind.endswith(" or null") or kind == "any"
    match kind.removesuffix(" or null"):
        case "text":
            return isinstance(value, str)
        case "time":
            return datetime.fromisoformat(value).tzinfo is not None
        case "id":
            return isinstance(value, str) and value.isdigit()
        case "count":
            return type(value) is int
        case "boolean":
            return isinstance(value, bool)
        case "any":
            return True
        case "list of texts":
            return isinstance(value, list) and all(isinstance(item, str) for item in value)
        case "map of counts" | "map of texts" | "map of lists of texts" as kind:
            inner = {"counts": "count", "texts": "text"}.get(kind.removeprefix("map of "), "list of texts")
            return isinstance(value, dict) and all(_is(inner, item) for item in value.values())
        case kind if kind.startswith("list"):
            return isinstance(value, list)
        case _:
            return isinstance(value, dict)


APART = ("bot", "demo")
TOLD = sorted({name for name, _ in commands()} - set(APART))


@pytest.mark.parametrize("name", TOLD)
def test_a_command_writes_the_keys_that_its_page_describes(name: str, story: Story) -> None:
    check_keys(name, [told for _, told in story.told[name]])


@pytest.mark.parametrize("name", [*TOLD, *APART])
def test_the_example_of_a_command_has_the_keys_that_its_page_describes(name: str) -> None:
    own = [block.text for block in blocks(JSON_PAGE) if block.section == name and block.language == "json"]
    check_keys(name, [json.loads(text) for text in own])


def test_the_demo_writes_the_keys_that_its_page_describes(tmp_path: Path) -> None:
    check_keys("demo", [run(["demo", "--json"], tmp_path, {"TMPDIR": str(tmp_path)}).json])


def test_the_bot_writes_the_keys_that_its_page_describes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("giftping.bot.app.run", lambda settings, token, on_connected: None)
    ran = run(["bot", "--json"], tmp_path, {"DISCORD_TOKEN": "a.made-up.token"})
    check_keys("bot", [ran.json])


def test_every_result_of_a_delivery_is_explained() -> None:
    text = section(JSON_PAGE, "A delivery").partition("| result | meaning |")
    assert [row[0] for row in table(text[1] + text[2])] == [result.value for result in DeliveryResult]


def test_every_result_of_a_leg_or_a_role_change_is_explained() -> None:
    assert [row[0] for row in table(section(JSON_PAGE, "Results of legs and role changes"))] == list(ActionResult)


def test_list_and_explain_agree_on_whether_a_code_may_go_out(story: Story) -> None:
    ((_, listed),) = story.told["codes list"]
    by_key = {code["key"]: (code["may_go_out"], code["reason"]) for code in listed["codes"]}
    explained = [code for _, told in story.told["codes explain"] for code in told["codes"]]
    assert {(code["key"], code["may_go_out"]) for code in explained} == {("FROST2026", True), ("EXAMPLE", False)}
    assert [code for code in explained if by_key[code["key"]] != (code["may_go_out"], code["reason"])] == []
