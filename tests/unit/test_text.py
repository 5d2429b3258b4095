"""Ids, and words for people."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import typer
from hypothesis import example, given
from hypothesis import strategies as st

import giftping
from giftping.cli import discord_id
from giftping.discord.bodies import read_json
from giftping.discord.http import Answer
from giftping.discord.outcome import Done
from giftping.discord.rest import done
from giftping.settings.file import SettingsError
from giftping.settings.keys import TodoSettings
from giftping.settings.load import load_settings
from giftping.settings.table_reader import TableReader
from giftping.store.fields import DocumentError, Fields
from giftping.store.legacy.shapes import snowflake as migrated_id
from giftping.text import (
    LARGEST_ID,
    counted,
    cut,
    day_first,
    discord_time,
    discord_until,
    escape_markdown,
    id_or_none,
    parse_id,
    until,
    verb_for,
    when,
)
from giftping.todo.document_fields import OddDocumentError
from giftping.todo.member_documents import user_id_of

# What int() takes, and what people paste: nearly ids.
DIGITS = st.sampled_from(["0123456789", "٠١٢٣٤٥٦٧٨٩", "０１２３４５６７８９", "०१२३४५६७८९", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗"])
NUMBERS = st.integers(-3, 12) | st.integers(0, 2**65) | st.integers(LARGEST_ID - 3, LARGEST_ID + 3)
LONG = st.sampled_from(["9" * 4300, "9" * 4301, "1" + "0" * 20, "0" * 30 + "1"])


@st.composite
def written(draw: st.DrawFn) -> str:
    """A text that is an id, or nearly one."""
    digits, number = draw(DIGITS), draw(NUMBERS)
    text = "".join(digits[int(digit)] if digit.isdigit() else digit for digit in str(number))
    at = draw(st.integers(0, len(text)))
    before = draw(st.sampled_from(["", "", "", "+", "-", "0", " ", "\n", "<@", "<@&", "#"]))
    within = draw(st.sampled_from(["", "", "", "_", ",", ".", "e", " ", "\u200b", "\0"]))
    after = draw(st.sampled_from(["", "", "", " ", "\n", ".0", "n", ">", "²"]))
    return before + text[:at] + within + text[at:] + after


TEXTS = written() | LONG | st.text(max_size=6)
VALUES = (
    TEXTS | NUMBERS | st.booleans() | st.none() | st.floats() | st.binary(max_size=4) | st.lists(NUMBERS, max_size=1)
)


def is_id_text(text: str) -> bool:
    """The rule, said a second way: the text is how some id is written."""
    return len(text) <= 20 and text in {str(number) for number in _read_by_python(text)}


def _read_by_python(text: str) -> list[int]:
    try:
        number = int(text)
    except ValueError:
        return []
    return [number] if 1 <= number <= LARGEST_ID else []


@given(VALUES)
def test_an_id_is_a_whole_number_of_64_bits_or_how_one_is_written(value: object) -> None:
    is_number = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LARGEST_ID
    is_text = isinstance(value, str) and is_id_text(value)
    assert (id_or_none(value) is not None) == (is_number or is_text)
    assert id_or_none(value) in (None, value if is_number else value and is_text and int(str(value)))


@pytest.mark.parametrize(
    "value",
    [
        "",
        "0",
        0,
        -1,
        True,
        None,
        1.0,
        b"1",
        "١٢٣",
        "１２３",
        "1_0",
        "+1",
        " 1",
        "1\n",
        "01",
        2**64,
        str(2**64),
        "9" * 5000,
        [],
    ],
)
def test_what_is_nearly_an_id_is_none(value: object) -> None:
    assert id_or_none(value) is None
    with pytest.raises(ValueError, match=r"^must be a Discord id: copy it from Discord with developer mode on$"):
        parse_id(value)


@pytest.mark.parametrize("number", [1, 175928847299117063, LARGEST_ID])
def test_ids_are_read_as_numbers_and_as_texts(number: int) -> None:
    assert parse_id(number) == parse_id(str(number)) == number


def test_what_the_mongodb_driver_gives_is_an_id_and_comes_back_as_a_plain_number() -> None:
    int64 = type("Int64", (int,), {})
    assert type(id_or_none(int64(5))) is int


# Every way by which an id comes in


def by_settings(value: Any) -> object:
    reader = TableReader({"guild": value})
    found = reader.values(TodoSettings).get("guild_id")
    assert (found is None) == bool(reader.problems)
    return found


def by_settings_list(value: Any) -> object:
    found = TableReader({"exempt": [value]}).values(TodoSettings).get("exempt", ())
    return next(iter(found), None)


def by_document(value: Any) -> object:
    try:
        return Fields("sent_giftcodes", {"guild_id": value}).id("guild_id")
    except DocumentError:
        return None


def by_answer(value: Any) -> object:
    outcome = done(Answer(200, read_json(json.dumps({"id": value}).encode())))
    return outcome.message_id if isinstance(outcome, Done) else None


def by_command_line(text: str) -> object:
    try:
        return discord_id(text)
    except typer.BadParameter:
        return None


def by_member_document(text: str) -> object:
    try:
        return user_id_of({"_id": text})
    except OddDocumentError:
        return None


@pytest.mark.parametrize("read", [by_settings, by_settings_list, by_document, by_answer])
@given(value=TEXTS | NUMBERS | st.booleans() | st.floats(allow_nan=False))
@example(value="١٢٣")
@example(value=1.0)
def test_every_way_in_reads_the_same_values_as_ids(read: Callable[[Any], object], value: object) -> None:
    assert read(value) == id_or_none(value)


@pytest.mark.parametrize("read", [by_command_line, by_member_document])
@given(text=TEXTS)
@example(text="١٢٣")
def test_every_way_in_reads_the_same_texts_as_ids(read: Callable[[str], object], text: str) -> None:
    assert read(text) == id_or_none(text)


@given(text=TEXTS)
def test_states_of_older_bots_may_hold_blanks_and_zeros_before_an_id(text: str) -> None:
    assert migrated_id(text) == id_or_none(text.strip().lstrip("0"))


@pytest.mark.parametrize("text", ["١٢٣", "１２３", "1_0", "+1", "01", str(2**64), "9" * 5000])
@pytest.mark.usefixtures("bare_machine")
def test_a_variable_that_is_nearly_an_id_is_a_mistake(text: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="GUILD_ID: must be a Discord id"):
        load_settings({"HOME": str(tmp_path), "GUILD_ID": text}, cwd=tmp_path)


# Words


def test_instants_are_shown_in_the_users_zone_and_its_summer_time() -> None:
    paris = ZoneInfo("Europe/Paris")
    assert when(datetime(2026, 1, 1, 12, tzinfo=UTC), paris) == "2026-01-01 13:00 CET"
    assert when(datetime(2026, 7, 1, 12, tzinfo=UTC), paris) == "2026-07-01 14:00 CEST"
    assert when(None, paris) == "–"


@pytest.mark.parametrize(
    ("away", "said"),
    [
        (timedelta(days=3), "in 3 days"),
        (timedelta(hours=-2), "2 hours ago"),
        (timedelta(minutes=1), "in 1 minute"),
        (timedelta(seconds=10), "now"),
        (timedelta(hours=-26), "1 day ago"),
    ],
)
def test_how_far_away_an_instant_is_in_the_largest_unit_that_fits(away: timedelta, said: str) -> None:
    assert until(datetime(2026, 5, 4, 12, tzinfo=UTC) + away, datetime(2026, 5, 4, 12, tzinfo=UTC)) == said


@pytest.mark.parametrize(
    ("noun", "plural"),
    [
        ("guild", "guilds"),
        ("person", "people"),
        ("ledger entry", "ledger entries"),
        ("day", "days"),
        ("more row", "more rows"),
    ],
)
def test_one_is_singular(noun: str, plural: str) -> None:
    assert [counted(number, noun) for number in (0, 1, 2)] == [f"0 {plural}", f"1 {noun}", f"2 {plural}"]


@pytest.mark.parametrize(("plural", "singular"), [("are", "is"), ("were", "was"), ("wait", "waits")])
def test_a_verb_goes_by_the_number_of_what_it_is_about(plural: str, singular: str) -> None:
    assert [verb_for(number, plural) for number in (0, 1, 2)] == [plural, singular, plural]
    assert [counted(number, "code", plural) for number in (1, 2)] == [f"1 code {singular}", f"2 codes {plural}"]


NOUNS = "characters|documents|codes|guilds|members|messages|rows|entries|days|hosts|changes|servers|sources|games"
NUMBERED_PLURAL = re.compile(rf"\{{(?![A-Z_]+\}})[^{{}}]*\}} (?:{NOUNS})\b")
"""A number that may be 1, in a text before a plural. What is at most so many is a constant."""


def test_a_number_and_its_noun_are_put_together_in_one_place() -> None:
    assert NUMBERED_PLURAL.search("{count} codes")
    package = Path(giftping.__file__).parent
    found = [path for path in package.rglob("*.py") if NUMBERED_PLURAL.search(path.read_text("utf-8"))]
    assert found == []


@given(text=st.text(max_size=12), length=st.integers(1, 10))
def test_what_was_cut_fits_and_says_so(text: str, length: int) -> None:
    short = cut(text, length)
    assert len(short) <= length
    assert short == text or (len(text) > length and text.startswith(short[:-1]) and short.endswith("…"))


@given(day=st.dates())
def test_the_older_bots_way_of_writing_a_day_is_read(day: date) -> None:
    assert day_first(f"{day.day}/{day.month}/{day.year:04}") == day


@pytest.mark.parametrize("text", ["", "31/02/2026", "2026-12-31", "31.12.2026", "31/12/26", "٣١/١٢/٢٠٢٦", "1/1/2026 "])
def test_other_ways_and_days_that_are_none_are_not(text: str) -> None:
    assert day_first(text) is None


@given(moment=st.datetimes(timezones=st.just(UTC)))
def test_discord_shows_the_very_second(moment: datetime) -> None:
    seconds = int(moment.timestamp())
    assert (discord_time(moment), discord_until(moment)) == (f"<t:{seconds}:f>", f"<t:{seconds}:R>")


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("*bold* _it_ ~~no~~ ||spoiler||", r"\*bold\* \_it\_ \~\~no\~\~ \|\|spoiler\|\|"),
        ("`code`", r"\`code\`"),
        ("@everyone <@1> <@&2> <#3>", "\\@\u200beveryone \\<\\@\u200b1\\> \\<\\@\u200b&2\\> \\<#3\\>"),
        ("join discord.gg/abc", "join discord.gg\u200b/abc"),
        ("-# small\r\n\tin", "\\-# small\n\tin"),
        ("</todo:1> <t:1> <:a:1>", r"\</todo:1\> \<t:1\> \<:a:1\>"),
        ("A\u202eB\u200b\x1b[1mC\u200dD \U000e0041", r"AB\[1mCD "),
        ("می\u200cخواهم 👨\u200d👩", "می\u200cخواهم 👨\u200d👩"),
        ("[here](https://example.com)", r"\[here\](https\://example.com)"),
        ("# big\n- point\n  + more\n> quote", "\\# big\n\\- point\n  \\+ more\n\\> quote"),
        ("back\\slash", "back\\\\slash"),
        ("GIFT-CODE 12:30 #1", "GIFT-CODE 12:30 #1"),
    ],
)
def test_markup_from_a_source_is_shown_letter_by_letter(text: str, escaped: str) -> None:
    assert escape_markdown(text) == escaped
