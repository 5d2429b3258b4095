from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from giftping.settings.catalogue import load_catalogue
from giftping.settings.declaring import keys_of, sentences
from giftping.settings.keys import CodesSettings, Settings, TodoSettings, declared_tables
from giftping.settings.load import load_settings
from giftping.settings.starter import starter_toml

COMMENTED_OUT = re.compile(r"^# ((?:\[[^\]]+\]|[a-z_]+ = ).*)$", re.MULTILINE)
STATE = Path('/home/me/a "strange" \\ folder/état\n')

pytestmark = pytest.mark.usefixtures("bare_machine")


def starter(**settings: str) -> str:
    """Return a starter with settings, whose keys are written with __ for the dot."""
    written = {key.replace("__", "."): value for key, value in settings.items()}
    folder = Path("/home/me/.config/giftping\nx = 1")
    return starter_toml(folder=folder, state=STATE, source="rise-api", settings=written)


def load(toml: str, folder: Path) -> Settings:
    (folder / "giftping.toml").write_text(toml)
    secrets = {"DISCORD_TOKEN": "the token", "MONGO_URI": "mongodb://host"}
    return load_settings({"HOME": "/home/me", **secrets}, cwd=folder)


def test_the_starter_changes_nothing(tmp_path: Path) -> None:
    settings = load(starter(), tmp_path)
    assert settings.codes == CodesSettings()
    assert settings.todo == TodoSettings()
    assert not [key for key, origin in settings.origins.items() if origin.kind == "file"]
    assert set(settings.sources) == {"rise-api"}


@pytest.mark.parametrize("declared", declared_tables().values())
def test_the_starter_says_of_each_key_what_stands_below_its_field(declared: type) -> None:
    said, prose = sentences(declared), " ".join(starter().replace("\n# ", " ").split())
    keys = [key for key in keys_of(declared).values() if key.parse is not None]
    assert [key.name for key in keys if " ".join(said[key.field].split()) not in prose] == []


def test_every_line_of_the_starter_works_when_it_is_put_to_use(tmp_path: Path) -> None:
    settings = load(COMMENTED_OUT.sub(r"\1", starter()), tmp_path)
    assert settings.state == STATE
    assert set(settings.sources) == {"rise-api", "my-list"}
    assert not settings.sources["rise-api"].enabled
    assert settings.games["my-game"].redeem_url == "https://example.org/redeem?code={code}"


def test_every_single_line_of_the_starter_works_alone(tmp_path: Path) -> None:
    text = starter()
    singles = [found for found in COMMENTED_OUT.finditer(text) if found.start() < text.index("[sources.")]
    assert len(singles) > 8
    for found in singles:
        load(text[: found.start()] + found[1] + text[found.end() :], tmp_path)


def test_the_defaults_that_the_starter_shows_are_the_defaults(tmp_path: Path) -> None:
    settings = load(COMMENTED_OUT.sub(r"\1", starter()), tmp_path)
    assert settings.codes == CodesSettings(contact="you@example.org")
    examples = {"guild_id": None, "channel_id": None, "role_id": None, "owner_id": None, "staff_role_id": None}
    assert (
        replace(settings.todo, **examples, quiet_hours=None, exempt=frozenset(), time_zone=None, how_to="")
        == TodoSettings()
    )


@pytest.mark.parametrize("name", declared_tables())
def test_the_starter_shows_every_setting(name: str) -> None:
    shown = tomllib.loads(COMMENTED_OUT.sub(r"\1", starter()))
    table = shown[name] if name else shown
    assert set(keys_of(declared_tables()[name])) <= set(table)


def test_the_starter_reads_well_in_a_narrow_window() -> None:
    text = starter_toml(folder=Path("/etc/giftping"), state=Path("/var/lib/giftping"), source="rise-api")
    assert max(map(len, text.splitlines())) <= 110
    assert text.endswith("\n")


def test_what_is_filled_in_counts_whatever_characters_it_has(tmp_path: Path) -> None:
    strange = r'file:/home/me/a \1 "strange" token'
    text = starter(discord__token=strange, todo__guild="11")
    written = tomllib.loads(text)
    assert (written["discord"], written["todo"]) == ({"token": strange}, {"guild": "11"})


def test_a_key_that_there_is_not_cannot_be_filled_in() -> None:
    with pytest.raises(ValueError, match=r"no key todo\.gild"):
        starter(todo__gild="11")


def test_the_starter_works_with_the_catalogue_that_is_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("giftping.settings.load.load_catalogue", load_catalogue)
    name = next(iter(load_catalogue().tables))
    text = starter_toml(folder=tmp_path, state=STATE, source=name)
    assert not load(COMMENTED_OUT.sub(r"\1", text), tmp_path).sources[name].enabled
