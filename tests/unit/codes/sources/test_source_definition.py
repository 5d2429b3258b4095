from datetime import timedelta
from typing import Any

import pytest
from source_helpers import BUILT_IN, define

from giftping.codes.sources.expressions import check_expressions
from giftping.codes.sources.kinds import KINDS
from giftping.settings.catalogue import load_catalogue, read_game
from giftping.settings.sources import read_definition

GOOD: dict[str, Any] = {"kind": "json", "game": "rise", "url": "https://a.example/c", "rows": {"code": "code"}}


def mistakes(name: str = "mine", **changes: Any) -> dict[str, str]:
    table = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    _, problems = read_definition(name, table)
    return {problem.key: problem.reason for problem in problems}


def test_a_small_table_is_a_whole_definition():
    definition, problems = read_definition("mine", GOOD)
    assert problems == []
    assert (definition.enabled, definition.built_in, definition.min_interval) == (True, False, timedelta(minutes=15))


def test_every_mistake_in_a_table_is_named_at_once_at_its_key():
    found = mistakes(
        kind="jsn",
        game="Rise of Kings",
        url="ftp://a.example",
        min_interval=5,
        enabled="yes",
        colour="red",
        headers={"X Y": "1", "X-Token": 7},
        dates={"zone": "Mars/Olympus", "formats": ["day"], "strip": "(", "fuzzy": True},
    )
    assert set(found) == {
        "kind", "game", "url", "min_interval", "enabled", "colour", "headers.X Y", "headers.X-Token",
        "dates.zone", "dates.formats", "dates.strip", "dates.fuzzy",
    }  # fmt: skip
    assert "did you mean 'json'?" in found["kind"]


def test_mistakes_in_rows_name_the_group_and_the_field():
    found = mistakes(
        kind="html",
        rows=[
            {"code": "td", "at": "tr", "cod": "x"},
            {"at": 3, "state": {"constant": "alive"}, "code": {"pattern": "["}},
        ],
    )
    assert set(found) == {"rows[0].cod", "rows[1].at", "rows[1].state.constant", "rows[1].code.pattern"}
    assert "did you mean 'code'?" in found["rows[0].cod"]


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"kind": None}, "kind"),
        ({"game": None}, "game"),
        ({"url": None}, "url"),
        ({"rows": None}, "rows"),
        ({"rows": []}, "rows"),
        ({"rows": "codes"}, "rows"),
        ({"rows": {}}, "rows.code"),
        ({"rows": {"code": 3}}, "rows.code"),
        ({"rows": {"code": {}}}, "rows.code"),
        ({"rows": {"code": "x", "attribute": "y"}}, "rows.attribute"),
        ({"rows": {"code": {"attribute": "y"}}}, "rows.code.attribute"),
        ({"rows": {"code": "x", "state": {"path": "s", "values": {"OK": "alive"}}}}, "rows.state.values.OK"),
        ({"kind": "html"}, "rows.at"),
        ({"kind": "embedded"}, "rows.script"),
        ({"kind": "text", "rows": {"code": "("}}, "rows.code"),
        ({"dates": "UTC"}, "dates"),
        ({"dates": {"formats": "%Y"}}, "dates.formats"),
        ({"headers": []}, "headers"),
        ({"headers": {"X-A": "one\r\nX-B: two"}}, "headers.X-A"),
        ({"min_interval": "5 minutes"}, "min_interval"),
        ({"url": "https://user:secret@a.example/"}, "url"),
        ({"url": "https://a.example/with space"}, "url"),
    ],
)
def test_a_mistake_is_named_at_its_key(changes, key):
    assert list(mistakes(**changes)) == [key]


def test_a_span_of_time_without_a_unit_is_told_as_in_every_other_setting():
    assert mistakes(min_interval=5)["min_interval"] == '5 has no unit; write "5s", "5m", "5h" or "5d"'


def test_a_password_in_an_address_is_not_repeated():
    assert "secret" not in mistakes(url="https://user:secret@a.example/")["url"]
    definition, _ = read_definition("mine", {**GOOD, "headers": {"Authorization": "secret"}})
    assert "secret" not in repr(definition)


@pytest.mark.parametrize("name", ["manual", "Mine", "a b", ""])
def test_a_name_that_sources_cannot_have_is_refused(name):
    assert list(mistakes(name)) == [""]


def test_the_fingerprint_changes_with_what_is_parsed_and_with_nothing_else():
    first = define('kind = "json"\nrows = { code = "code" }')
    assert first.fingerprint == define('rows = { code = "code" }\nkind = "json"\nmin_interval = "1h"').fingerprint
    others = [
        'kind = "json"\nrows = { code = "id" }',
        'kind = "json"\nurl = "https://b.example/"\nrows = { code = "code" }',
        'kind = "json"\nrows = { code = "code" }\ndates = { zone = "Asia/Tokyo" }',
        'kind = "json"\nrows = { code = "code" }\nheaders = { Accept = "text/x" }',
    ]
    assert len({first.fingerprint, *(define(text).fingerprint for text in others)}) == 5


def test_expressions_that_cannot_be_read_are_found_when_asked_for():
    broken = define("""
        kind = "html"
        [[rows]]
        at = "tr"
        code = "td"
        [[rows]]
        at = "tr["
        code = "td:nth-of-typo(1)"
    """)
    assert [problem.key for problem in check_expressions(broken)] == ["rows[1].at", "rows[1].code"]
    paths = define('kind = "json"\nrows = { at = "codes[?", code = "a b" }')
    assert [problem.key for problem in check_expressions(paths)] == ["rows.at", "rows.code"]


def test_the_catalogue_is_sound_in_depth_and_serves_every_game_it_names():
    catalogue = load_catalogue()
    assert {source.game for source in catalogue.sources} == set(catalogue.games)
    assert {source.kind for source in catalogue.sources} <= set(KINDS)
    for source in catalogue.sources:
        again, problems = read_definition(source.name, catalogue.tables[source.name])
        assert again.fingerprint == source.fingerprint, problems
        assert check_expressions(source) == []
        assert source.built_in
        assert source.min_interval >= timedelta(minutes=5)


def test_a_built_in_source_is_changed_by_what_a_user_says_of_it_and_keeps_the_rest():
    catalogue = load_catalogue()
    changed, problems = catalogue.changed("wostools", {"enabled": False})
    assert problems == []
    assert (changed.enabled, changed.fingerprint) == (False, BUILT_IN["wostools"].fingerprint)
    assert [problem.key for problem in catalogue.changed("wostools", {"enabld": False})[1]] == ["enabld"]


def test_a_game_of_ones_own_needs_nothing_but_a_name():
    game, problems = read_game("afk-journey", {})
    assert problems == []
    assert (game.title, game.color, game.redeem_url) == ("Afk Journey", 0xFFD700, "")


def test_mistakes_in_a_game_are_named_at_once():
    _, problems = read_game(
        "AFK", {"colour": "red", "color": "red", "redeem_url": "http://a.example/{kode}", "title": 3}
    )
    assert {problem.key for problem in problems} == {"", "colour", "color", "redeem_url", "title"}
