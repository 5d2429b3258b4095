from datetime import UTC, datetime, timedelta

import pytest
from fakes.rules import SKIPPED_REGIONS
from hypothesis import given
from hypothesis import strategies as st

from giftping.codes.guards import clearance
from giftping.codes.model import Code
from giftping.settings.sources import SightingState

NOW = datetime(2026, 5, 10, 12, tzinfo=UTC)


def code(spelling: str, **values) -> Code:
    return Code(game="rise", key=spelling.upper(), spelling=spelling, sources=("a",), **values)


def reason(spelling: str, **values) -> str:
    found = clearance(code(spelling, **values), NOW, SKIPPED_REGIONS)
    assert found.may_go_out is not bool(found.reason)
    return found.reason


@pytest.mark.parametrize(
    "spelling",
    [
        "OMEGA", "WELLDONE", "Kingshot888", "VIP777", "VIP77", "FAMILY25", "KINGSHOTGIFT", "GENSHINGIFT", "gogoWOS",
        "AT45Q", "ITSTARTSIN60NODKRAI", "IFYOUAREREADINGTHIS", "84yQNP42a", "WOS-2026",
        "happy_mayday", "FATUI", "1224", "X" + "y" * 39,
    ],
)  # fmt: skip
def test_codes_that_are_words_numbers_or_mixed_case_pass(spelling):
    assert reason(spelling) == ""


@pytest.mark.parametrize("word", ["Copy", "COPY", "Expand", "Status", "rewards", "DOMContentLoaded", "URLSearchParams"])
def test_words_of_the_page_are_refused(word):
    assert reason(word) == "is a word of the page around the codes"


@pytest.mark.parametrize(
    "word", ["TEST", "test", "TESTCODE001", "Test-1", "EXAMPLE", "N/A", "TBA", "xxxxxx", "0000", "1234"]
)
def test_placeholders_are_refused(word):
    assert reason(word) == "is a placeholder"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("@everyone", "mention"),
        ("@here", "mention"),
        ("<@&123456789>", "mention"),
        ("https://evil.example/x", "address"),
        ("discord.gg/abcdef", "address"),
        ("**BOLD**", "'*'"),
        ("`CODE1`", "'`'"),
        ("GIFT\nCODE", r"'\\n'"),
        ("ABC", "3 characters"),
        ("A" * 41, "41 characters"),
        ("-----", "no letter or digit"),
        ("ABC�DEF", "REPLACEMENT CHARACTER"),
    ],
)
def test_what_is_no_code_is_refused_with_a_reason_that_names_it(text, word):
    assert word.replace(r"\\", "\\") in reason(text)


@pytest.mark.parametrize("text", ["КINGSHOT1", "KINGSΗOT1", "ＫINGSHOT1"])
def test_letters_that_look_latin_but_are_not_are_refused_by_name(text):
    assert "looks like a Latin letter" in reason(text)


def test_a_code_goes_out_until_the_instant_it_expires():
    assert reason("GIFT2026", expires_at=NOW + timedelta(microseconds=1)) == ""
    assert reason("GIFT2026", expires_at=NOW) == "expired on 2026-05-10 12:00 UTC"


def test_a_code_that_every_source_calls_expired_is_refused():
    assert "expired" in reason("GIFT2026", state=SightingState.EXPIRED)
    assert reason("GIFT2026", state=SightingState.ACTIVE) == ""


def test_a_code_of_skipped_regions_only_is_refused_and_one_that_works_elsewhere_too_is_not():
    assert reason("GIFT2026", regions=("CN",)) == "works in CN only"
    assert reason("GIFT2026", regions=("CN", "EU")) == ""
    assert reason("GIFT2026", regions=()) == ""
    assert clearance(code("GIFT2026", regions=("EU",)), NOW, frozenset({"EU"})).may_go_out is False
    assert clearance(code("GIFT2026", regions=("CN",)), NOW, frozenset()).may_go_out is True


@given(st.text(max_size=60))
def test_only_ascii_letters_digits_hyphens_and_underscores_ever_go_out(text):
    if clearance(code(text), NOW, SKIPPED_REGIONS).may_go_out:
        assert text.isascii()
        assert text.replace("-", "").replace("_", "").isalnum()
        assert 4 <= len(text) <= 40
