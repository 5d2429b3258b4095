from __future__ import annotations

import json
from pathlib import Path

import pytest

from giftping.settings.load import load_settings
from giftping.settings.shown import describe

pytestmark = pytest.mark.usefixtures("bare_machine")


def test_every_value_is_shown_with_where_it_came_from(tmp_path: Path) -> None:
    file = tmp_path / "giftping.toml"
    todo = '[todo]\nguild = 4\nrole = 5\nlinger = "0s"\nquiet_hours = "23:00-07:00"\nexempt = [10, "9", 10]\n'
    file.write_text(
        f"{todo}"
        '[codes]\nlease = "600s"\n[sources.rise-api]\nenabled = false\n[games.new]\n'
        '[sources.mine]\nkind = "text"\ngame = "new"\nurl = "https://mine.example/list"\nrows = { code = "[A-Z]+" }\n'
    )
    (tmp_path / ".env").write_text("DISCORD_TOKEN=hunter2-hunter2\n")
    shown = describe(
        load_settings(
            {"HOME": "/home/me", "GIFTPING_STATE": "/srv/state", "GUILD_ID": "123456789012345678"}, cwd=tmp_path
        )
    )
    token = {
        "value": "***",
        "origin": "environment",
        "detail": f"environment variable DISCORD_TOKEN, {tmp_path}/.env",
    }
    default = {"origin": "default", "detail": ""}
    assert shown["values"] == {
        "state": {"value": "/srv/state", "origin": "environment", "detail": "GIFTPING_STATE"},
        "host": {"value": None, **default},
        "time_zone": {"value": None, **default},
        "language": {"value": "en", **default},
        "discord.api": {"value": "https://discord.com/api/v10", **default},
        "discord.token": token,
        "codes.unclear": {"value": "ask", **default},
        "codes.lease": {"value": "10m", "origin": "file", "detail": str(file)},
        "codes.budget": {"value": "5m", **default},
        "codes.skipped_regions": {"value": ["CN"], **default},
        "codes.built_in_sources": {"value": True, **default},
        "codes.contact": {"value": "", **default},
        "codes.edit_messages": {"value": True, **default},
        "todo.guild": {"value": "123456789012345678", "origin": "environment", "detail": "GUILD_ID"},
        "todo.channel": {"value": None, **default},
        "todo.role": {"value": "5", "origin": "file", "detail": str(file)},
        "todo.owner": {"value": None, **default},
        "todo.staff_role": {"value": None, **default},
        "todo.remind_after": {"value": "1d", **default},
        "todo.remind_every": {"value": "3h", **default},
        "todo.remove_after": {"value": "5d", **default},
        "todo.warning": {"value": "12h", **default},
        "todo.linger": {"value": "0s", "origin": "file", "detail": str(file)},
        "todo.downtime": {"value": "6h", **default},
        "todo.quiet_hours": {"value": "23:00-07:00", "origin": "file", "detail": str(file)},
        "todo.time_zone": {"value": None, **default},
        "todo.how_to": {"value": None, **default},
        "todo.direct_messages": {"value": True, **default},
        "todo.new_dms": {"value": 10, **default},
        "todo.exempt": {"value": ["9", "10"], "origin": "file", "detail": str(file)},
        "todo.budget": {"value": "5m", **default},
        "todo.lease": {"value": "10m", **default},
        "mongo.uri": {"value": None, **default},
        "mongo.database": {"value": None, **default},
        "mongo.on_outage": {"value": "continue", **default},
        "mongo.shared": {"value": False, **default},
        "mongo.server_selection": {"value": "3s", **default},
        "heartbeat.codes": {"value": None, **default},
        "heartbeat.todo": {"value": None, **default},
        "heartbeat.start": {"value": False, **default},
        "operator.webhook": {"value": None, **default},
    }
    assert shown["file"] == str(file)
    assert {slug: game["origin"] for slug, game in shown["games"].items()} == {"rise": "built-in", "new": "file"}
    origins = {name: (source["origin"], source["enabled"]) for name, source in shown["sources"].items()}
    assert origins == {"rise-api": ("changed", False), "mine": ("file", True)}
    assert "hunter2" not in json.dumps(shown)


def test_a_token_by_reference_is_shown_by_its_place_only(tmp_path: Path) -> None:
    (tmp_path / "giftping.toml").write_text('discord.token = "file:token"')
    (tmp_path / "token").write_text("hunter2-hunter2")
    shown = describe(load_settings({"HOME": "/home/me"}, cwd=tmp_path))
    assert shown["values"]["discord.token"] == {
        "value": "***",
        "origin": "file",
        "detail": f"file {tmp_path}/token, {tmp_path}/giftping.toml",
    }
    assert "hunter2" not in json.dumps(shown)


def test_without_a_file_or_token_there_is_nothing_to_show_of_them(tmp_path: Path) -> None:
    shown = describe(load_settings({"HOME": "/home/me"}, cwd=tmp_path))
    assert shown["file"] is None
    assert shown["sources"]["rise-api"]["origin"] == "built-in"
    assert shown["values"]["discord.token"] == {"value": None, "origin": "default", "detail": ""}
    assert set(shown) == {"file", "values", "games", "sources", "warnings"}
