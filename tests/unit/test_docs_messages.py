"""docs/messages.md names every exit code, and lines that giftping really writes; docs/first-guild.md works."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from docs_reading import DOCS, ROOT, blocks, run, section, table, transcript

from giftping import errors
from giftping.demo.discord import StandInDiscord
from giftping.output.check_lines import _SAID
from giftping.runs.stopping import SIGNALS

PAGE, FIRST_GUILD = DOCS / "messages.md", DOCS / "first-guild.md"
PLACEHOLDER = re.compile(r"(?:(?:to|at|by) )?[A-Z]{2,}|…|current codes recorded|changes were")
"""What stands for something else in a line, or is put together from several pieces."""

GUILD, CHANNEL, HOOK = 123456789012345678, 123456789012345679, 123


def test_every_exit_code_is_in_the_table() -> None:
    known = {value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    named = [int(row[0]) for row in table(section(PAGE, "Exit codes"))]
    assert named == sorted({*known, *(128 + number for number in SIGNALS)})


def test_every_way_in_which_a_delivery_can_end_is_in_the_table() -> None:
    lines = [row[0] for row in table(section(PAGE, "Lines of codes check"))]
    assert [said for said in _SAID.values() if not any(f": {said}" in line for line in lines)] == []


def described_lines() -> Iterator[str]:
    for title in ("Lines of codes check", "Lines of every command"):
        yield from (row[0] for row in table(section(PAGE, title)))


@pytest.mark.parametrize("line", [*described_lines()])
def test_a_line_on_the_page_is_made_of_what_giftping_writes(line: str) -> None:
    written = "\n".join(path.read_text("utf-8") for path in sorted((ROOT / "giftping").rglob("*.py")))
    pieces = [piece.strip(" :()*") for piece in PLACEHOLDER.split(line)]
    words = [piece for piece in pieces if len(piece) > 5 and piece != "giftping"]
    assert [piece for piece in words if not all(part in written for part in piece.split(": "))] == []


def test_what_the_first_guild_page_says_to_do_works_from_the_first_line_to_the_last(tmp_path: Path) -> None:
    words = [words for block in blocks(FIRST_GUILD) if block.language == "console" for words, _ in transcript(block)]
    with StandInDiscord(limits=None) as discord:
        discord.add_guild(GUILD)
        discord.set_bot(GUILD)
        discord.add_channel(CHANNEL, GUILD)
        discord.add_webhook(HOOK, "a-secret-of-the-webhook", CHANNEL)
        environment = {"GIFTPING_DISCORD_API": discord.api}
        (tmp_path / "bot-token").write_text(discord.bot_token, "utf-8")
        (tmp_path / "bot-token").chmod(0o600)
        real = {"https://discord.com/api/webhooks/123/abc": discord.webhook_url(HOOK)}
        toml = tmp_path / "giftping.toml"
        for line in words:
            given = [real.get(word, word).replace("/home/you", str(tmp_path)) for word in line[1:]]
            if given[0] == "init":
                # Each of them is the first thing that somebody does.
                toml.unlink(missing_ok=True)
            ran = run(given, tmp_path, environment)
            if given[0] == "init":
                nobody_else = toml.read_text("utf-8").replace("# built_in_sources = true", "built_in_sources = false")
                toml.write_text(nobody_else, "utf-8")
            # The doctor minds that no source is switched on here.
            assert ran.exit_code == (69 if given[0] == "doctor" else 0), (line, ran)
        assert len(discord.arrived()) == 1
