import pytest
from hypothesis import given
from hypothesis import strategies as st

from giftping.codes.spelling import bare_code

CODES = st.from_regex(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{2,20}[A-Za-z0-9])", fullmatch=True)
MARKS = st.text(alphabet="\"'“”„«»「」.,:;…-–— ", max_size=4)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("S3PUPDATE:", "S3PUPDATE"), ("SUOMI1205 –", "SUOMI1205"), ('GENSHINGIFT"', "GENSHINGIFT"),
        ("“WOS2026”.", "WOS2026"), ("- WOS-2026", "WOS-2026"), ("「原神」", "原神"), ("WOS_2026", "WOS_2026"),
        ("WOS2026…", "WOS2026"), ("«WOS2026»,", "WOS2026"),
    ],
)  # fmt: skip
def test_what_a_page_puts_around_a_code_is_taken_off(written, code):
    assert bare_code(written) == code


@given(MARKS, CODES, MARKS)
def test_any_marks_around_a_code_are_taken_off_and_none_within(before, code, after):
    assert bare_code(f"{before}{code}{after}") == code


@pytest.mark.parametrize("text", ["WELCOMETONTE🆕", "**1004**", "<GIFT>", "@everyone", "[GIFT2026]"])
def test_what_else_is_beside_a_code_is_left_for_the_guards_to_refuse(text):
    assert bare_code(text) == text


@pytest.mark.parametrize("code", ["NewCode!?", "UPDATE 1.5", "Alna&Patch154AFK", "Wax.", "-777-"])
def test_a_code_that_looks_as_its_game_says_stays_as_it_is(code):
    assert bare_code(code, r"[-\w&!?. ]{3,20}") == code
