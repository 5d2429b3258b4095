"""What fails beside Discord is told by the run that meets it, and found by `giftping doctor`, with what to do.

How Discord fails, and what is told of that, is the failure table's.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from forks import ForkedHost, Forker, forked
from scene import Scene, findings

from giftping.demo import faults


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
    assert ran.exit_code == 69
    assert ran.errors.strip()
    found = {one["name"]: one for one in findings(host.run("doctor", "--json"))}
    assert said in found[name]["what"]
    assert step in found[name]["next_step"]
    assert found[name]["verdict"] == ("warn" if spoil is failing else "fail")
