"""What the documentation says is what giftping does: examples are run, tables are compared, links are followed."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from docs_reading import (
    JSON_PAGE,
    PAGES,
    README,
    ROOT,
    SETTINGS_PAGE,
    SOURCES_PAGE,
    Block,
    anchor_of,
    blocks,
    commands,
    headings,
    prose,
    root,
    run,
    section,
    table,
    text_of,
    transcript,
)
from typer.core import TyperCommand, TyperGroup, TyperOption

from giftping import errors
from giftping.codes.fetch import printable_url
from giftping.codes.sources.kinds import KINDS
from giftping.demo.discord import StandInDiscord
from giftping.settings.catalogue import Game, load_catalogue
from giftping.settings.declaring import keys_of, sentences
from giftping.settings.durations import duration_text
from giftping.settings.file import FILE_VARIABLE
from giftping.settings.keys import declared_tables
from giftping.settings.sources import SOURCE_KINDS, DateRules, FieldRule, RowRule, SourceDefinition

ALL_BLOCKS = [block for page in PAGES for block in blocks(page)]
PLACEHOLDER = re.compile(r"^((GUILD_)?ID|USER)$")


# Worked examples


def worked() -> dict[tuple[Path, str], list[Block]]:
    """Return the blocks of each section that brings the files for its own commands."""
    by_section: dict[tuple[Path, str], list[Block]] = {}
    for block in ALL_BLOCKS:
        by_section.setdefault((block.page, block.section), []).append(block)
    return {key: found for key, found in by_section.items() if any(block.name for block in found)}


@pytest.mark.parametrize("place", worked(), ids=lambda place: f"{place[0].stem}: {place[1]}")
def test_a_worked_example_gives_what_the_page_shows(place: tuple[Path, str], tmp_path: Path) -> None:
    own = worked()[place]
    tables = "\n".join(block.text for block in own if block.language == "toml" and not block.name)
    (tmp_path / "giftping.toml").write_text(f'time_zone = "UTC"\n{tables}', "utf-8")
    for block in own:
        if block.name:
            (tmp_path / block.name).write_text(block.text, "utf-8")
    examples = [example for block in own if block.language == "console" for example in transcript(block)]
    assert examples
    for words, expected in examples:
        assert words[0] == "giftping"
        assert run(words[1:], tmp_path).shown.replace(str(tmp_path), "/home/you") == expected


def test_each_kind_of_source_has_a_worked_example() -> None:
    assert set(KINDS) <= {title for page, title in worked() if page == SOURCES_PAGE}


@pytest.mark.parametrize("block", [block for block in ALL_BLOCKS if block.language == "toml" and not block.name])
def test_every_piece_of_settings_on_a_page_is_valid(block: Block, tmp_path: Path) -> None:
    (tmp_path / "giftping.toml").write_text(block.text, "utf-8")
    with StandInDiscord(limits=None) as discord:
        discord.add_guild(1)
        discord.add_channel(2, 1)
        discord.add_webhook(3, "operators-token", 2)
        monitors = dict.fromkeys(("HEARTBEAT_CODES", "HEARTBEAT_TODO"), "http://127.0.0.1:9/ping")
        told = {"GIFTPING_DISCORD_API": discord.api, "OPERATOR_WEBHOOK": discord.webhook_url(3), **monitors}
        ran = run(["config", "check"], tmp_path, told)
    assert (ran.exit_code, ran.errors) == (0, "")


# Tables


def test_the_table_of_built_in_sources_is_the_catalogue() -> None:
    expected = [
        [
            source.name,
            source.game,
            source.kind,
            source.upstream,
            duration_text(source.min_interval) + ("" if source.enabled else ", switched off"),
            printable_url(source.url),
        ]
        for source in load_catalogue().sources
    ]
    assert table(section(SOURCES_PAGE, "Built-in sources")) == expected


def test_the_readme_names_the_games_of_the_catalogue() -> None:
    text = " ".join(text_of(README).split())
    assert [game.title for game in load_catalogue().games.values() if game.title not in text] == []


def test_the_keys_of_a_source_and_of_a_game_are_all_described() -> None:
    first, second = section(SOURCES_PAGE, "A source of your own").split("A game that giftping does not know")
    assert {row[0] for row in table(first)} == set(keys_of(SourceDefinition))
    assert {row[0] for row in table(second)} == set(keys_of(Game))
    assert {row[0] for row in table(section(SOURCES_PAGE, "Dates and zones"))} == set(keys_of(DateRules))


def test_the_keys_of_rows_and_fields_are_described_with_the_kinds_that_know_them() -> None:
    rows, fields = section(SOURCES_PAGE, "Rows").split("A field is a text")
    assert set(KINDS) == set(SOURCE_KINDS)
    for text, declared in ((rows, RowRule), (fields, FieldRule)):
        described = {row[0]: _kinds(row[1]) for row in table(text)}
        assert described == {
            key: {kind for kind in KINDS if key in keys_of(declared, kind)} for key in keys_of(declared)
        }


def _kinds(cell: str) -> set[str]:
    named = set(re.findall(r"[a-z]+", cell)) & set(KINDS)
    return set(KINDS) - named if cell.startswith("all") else named


def test_the_tables_of_the_settings_are_their_declarations() -> None:
    """Where this fails, the page lacks what is said below a field of `giftping.settings.keys`."""
    words = {None: "none", "": "none", True: "true", False: "false"}
    expected = [
        [
            f"{name}.{key.name}" if name else key.name,
            json.dumps(value) if isinstance(value, list) else words.get(value, str(value)),
            " ".join(sentences(declared)[key.field].split()),
        ]
        for name, declared in declared_tables().items()
        for key in keys_of(declared).values()
        if key.parse
        for value in [key.show(key.default)]
    ]
    todo = [row for row in expected if row[0].startswith("todo.")]
    assert table(section(SETTINGS_PAGE, "Keys")) == [row for row in expected if row not in todo]
    assert table(section(SETTINGS_PAGE, "TODO keys")) == todo


def test_every_variable_that_the_settings_read_is_in_the_table() -> None:
    code = "".join(text_of(path) for path in (ROOT / "giftping").rglob("*.py"))
    read = {
        name for pair in re.findall(r'\.get\("([A-Z_]{4,})"\)|_variable\([^)]*"([A-Z_]{4,})"\)', code) for name in pair
    }
    declared = {key.variable for each in declared_tables().values() for key in keys_of(each).values()}
    described = {row[0] for row in table(section(SETTINGS_PAGE, "Environment"))}
    assert (read | declared) - {""} | {FILE_VARIABLE} <= described
    assert [name for name in described if name not in code] == []


def test_the_exit_codes_of_the_readme_are_those_of_the_command_line() -> None:
    (line,) = re.findall(r"Exit codes: (.*?)\n\n", text_of(README), re.DOTALL)
    constants = {value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    assert {int(number) for number in re.findall(r"\*\*(\d+)\*\*", line)} == constants | {130, 143}


# The command line


def test_every_command_is_in_the_readme_and_has_a_section_of_its_own() -> None:
    known = {name for name, _ in commands()}
    listed = section(README, "Commands")
    for name in known:
        first, *others = name.split()
        then = "".join(rf".*\b{word}\b" for word in others)
        assert re.search(rf"^giftping (?:\w+ \| )*{first}\b{then}", listed, re.MULTILINE), name
    assert known - set(headings(JSON_PAGE)) == set()


@pytest.mark.parametrize("name", dict(commands()))
def test_every_option_is_in_the_section_of_its_command(name: str) -> None:
    introduction = text_of(JSON_PAGE).partition("\n## ")[0]
    text = introduction + prose(section(JSON_PAGE, name))
    options = [
        option for each in dict(commands())[name].params if isinstance(each, TyperOption) for option in each.opts
    ]
    assert [option for option in options if not re.search(rf"(?<![\w-]){option}(?![\w-])", text)] == []


def shown_lines(page: Path) -> list[str]:
    """Return each call of giftping on a page: at a prompt, in a crontab, and within a sentence."""
    in_blocks = "".join(block.text for block in blocks(page) if block.language in ("console", "crontab"))
    found = re.findall(r"^(?:\$ |(?:\S+ ){5})(giftping .*?)(?: \| .*)?$", in_blocks, re.MULTILINE)
    found += [" ".join(line.split()) for line in re.findall(r"`(giftping [^`]*)`", prose(text_of(page)))]
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_line_on_a_page_is_one_that_giftping_takes(page: Path) -> None:
    for line in shown_lines(page):
        giftping_takes(line)


def giftping_takes(line: str) -> None:
    """A line with choices in it, such as [--all] or (A | B), is a synopsis: its words have to be known."""
    is_synopsis = re.search(r"[\[(|…]", line) is not None
    command: TyperCommand = root()
    rest = shlex.split(re.sub(r"[\[\]()|…]", " ", line) if is_synopsis else line, comments=True)[1:]
    while isinstance(command, TyperGroup) and rest and not rest[0].startswith("-"):
        assert rest[0] in command.commands, line
        command, rest = command.commands[rest[0]], rest[1:]
    options = {option for each in command.params for option in (*each.opts, *each.secondary_opts)} | {"--help"}
    assert [word for word in rest if word.startswith("-") and word not in options] == [], line
    if not is_synopsis and not isinstance(command, TyperGroup):
        command.make_context(line, [PLACEHOLDER.sub("123", word) for word in rest])


# Links


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        path = page.parent / name if name else page
        assert path.is_file(), target
        assert not anchor or anchor in {anchor_of(heading) for heading in headings(path)}, target
