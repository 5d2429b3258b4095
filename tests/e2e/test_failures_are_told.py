"""Every failure is told by the run that meets it, or found by `giftping doctor`: by name, and with what to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from forked import ForkedHost, Forker, forked
from scene import Ran, Scene
from test_failure_table import (
    CODE,
    FAULTS,
    FINE,
    GUILD,
    NOBODY_LISTENS,
    SLOW,
    STORIES,
    TROUBLE,
    Cell,
    Run,
    cells,
    dead_address,
    elsewhere,
    play_of,
)

from giftping.demo import faults
from giftping.demo.log import Match

WHAT_FOLLOWS = {
    "refused": "it goes out in a later run",
    "unclear": "the next run looks for it",
    "uncertain": "giftping codes settle",
}
"""How a line of trouble begins to say how a delivery ended, and what it then has to say."""

A_REASON = re.compile(r"\((?=[^()]*[a-zA-Z]{3})")

LEFT = {
    "broken": "destination",
    "broken for an hour": "destination",
    "uncertain": "uncertain",
    "uncertain soon": "uncertain",
}
"""The stories that end in trouble which only a person can end, and the check that finds it."""


def findings(ran: Ran) -> list[dict[str, Any]]:
    """Return what `doctor --json` found that is not well."""
    found = ran.json["findings"]
    assert [one for one in found if (one["verdict"] == "ok") != (one["next_step"] == "")] == []
    return [one for one in found if one["verdict"] != "ok"]


@pytest.mark.parametrize("cell", [pytest.param(cell, id=cell.name) for cell in cells()])
def test_a_failure_of_discord_is_told_with_its_guild_its_codes_why_and_what_follows(
    scene: Scene, forker: Forker, cell: Cell
) -> None:
    play = play_of(scene, forker, cell.route)
    extra = elsewhere(play.host, dead_address()) if cell.failure == NOBODY_LISTENS else {}
    if not extra:
        scene.discord.fail(FAULTS[cell.failure](), match=Match(method="POST"), after=cell.moment == "after")
    lines: list[str] = []
    for number, run in enumerate(story_of(cell)):
        play.host.patience = 0.5 if number == 0 and cell.failure in SLOW else None
        lines += play.check(run.after, **(extra if number == 0 else {})).errors.splitlines()
        is_told = any(CODE in line for line in lines)
        assert is_told or run.exit_code == FINE, "the first run that fails says so"
    for line in lines:
        assert is_something_to_act_on(line), line
    if name := LEFT.get(cell.story):
        found = {one["name"]: one for one in findings(play.host.run("doctor", "--json"))}[name]
        assert f"guild {GUILD}" in found["what"]
        assert "giftping " in found["next_step"]


def is_something_to_act_on(line: str) -> bool:
    """Return whether a line says why and what follows, names a command, or says that trouble is over."""
    if not (line.startswith(f"guild {GUILD}: ") and CODE in line):
        return "giftping " in line or " again" in line
    (ended,) = [how for how in WHAT_FOLLOWS if f": {how}" in line]
    return A_REASON.search(line) is not None and WHAT_FOLLOWS[ended] in line


def story_of(cell: Cell) -> tuple[Run, ...]:
    """Return the runs of a story, but for the one that ends the trouble of a permission that comes back."""
    story = STORIES[cell.story]
    return story[:-1] if cell.story == "broken for an hour" else story


# What fails beside Discord


def shapeless(host: ForkedHost, scene: Scene) -> None:
    scene.sources.set("/whiteout-survival", "<html>We have moved</html>", "text/html")


def failing(host: ForkedHost, scene: Scene) -> None:
    scene.sources.fail("/whiteout-survival", faults.status(503), times=None)


def damaged(host: ForkedHost, scene: Scene) -> None:
    (host.state / "giftping.json").write_text("{", "utf-8")


def no_token(host: ForkedHost, scene: Scene) -> None:
    host.environment["DISCORD_TOKEN"] = ""


def refused_token(host: ForkedHost, scene: Scene) -> None:
    host.environment["DISCORD_TOKEN"] = "another-token"


def gone_mongodb(host: ForkedHost, scene: Scene) -> None:
    host.environment["MONGO_URI"] = "mongodb://127.0.0.1:1/gifts?serverSelectionTimeoutMS=20"


def strange_game(host: ForkedHost, scene: Scene) -> None:
    toml = host.folder / "giftping.toml"
    toml.write_text(toml.read_text("utf-8") + '[games.other]\ntitle = "Other"\n', "utf-8")
    assert host.run("guilds", "add", str(2001), "--game", "other").exit_code == 0
    toml.write_text(toml.read_text("utf-8").replace("[games.other]", "[games.another]"), "utf-8")


Spoil = Callable[[ForkedHost, Scene], None]

AROUND: dict[str, tuple[Spoil, str, str, str]] = {
    "a source has another shape": (shapeless, "source", "has had another shape", "giftping sources test"),
    "a source fails": (failing, "source", "503", "giftping sources test"),
    "the ledger is damaged": (damaged, "ledger", "giftping.json", "mend that"),
    "the token is not set": (no_token, "bot token", "DISCORD_TOKEN", "set it"),
    "the token is refused": (refused_token, "bot token", "401", "developer portal"),
    "MongoDB cannot be reached": (gone_mongodb, "mongodb", "connection was refused", "mend that"),
    "a guild follows a game that nobody knows": (strange_game, "game", "other", "giftping guilds add"),
}


@pytest.mark.parametrize("what", AROUND)
def test_what_fails_around_it_is_told_by_the_run_and_found_by_the_doctor(
    scene: Scene, forker: Forker, what: str
) -> None:
    spoil, name, said, step = AROUND[what]
    scene.list_codes("FIRST111")
    host = forked(scene.host(), forker)
    scene.bot_guild(host)
    scene.discord.set_bot(2001)
    assert host.run("codes", "check").exit_code == 0
    spoil(host, scene)
    if spoil not in (shapeless, failing):
        scene.list_codes("FIRST111", "SECOND22")
    ran = host.run("codes", "check")
    assert ran.exit_code == TROUBLE
    assert ran.errors.strip()
    found = {one["name"]: one for one in findings(host.run("doctor", "--json"))}
    assert said in found[name]["what"]
    assert step in found[name]["next_step"]
    assert found[name]["verdict"] == ("warn" if spoil is failing else "fail")
