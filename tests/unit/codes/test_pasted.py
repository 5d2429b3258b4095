"""Codes as people paste them."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from giftping.codes.pasted import codes_in
from giftping.text import key_of

# Games have codes with spaces and punctuation, too.
KNOWN = ("SnowDay26", "UPDATE 1.5", "JoJo Part 1", "NewCode!?", "Alna&Patch154AFK", "snow_day", "777", "A,B", "Mii-Go")
KEYS = {key_of(one) for one in KNOWN}


def found(*texts: str) -> list[str]:
    return [key_of(code) for code in codes_in(texts, KEYS.__contains__)]


@given(
    st.lists(st.sampled_from(KNOWN), min_size=1, unique=True),
    st.sampled_from([" ", ", ", "; ", "\n", "`, `", "  "]),
    st.sampled_from(["", "`", "**", "“", "> "]),
    st.sampled_from(["", " …", "...", ","]),
    st.sampled_from([str, str.lower, str.upper]),
    st.booleans(),
)
def test_every_code_of_a_message_is_found_whatever_stands_between_them(
    codes: Sequence[str], between: str, before: str, after: str, spelled: type[str], as_words: bool
) -> None:
    behind = before if before != "> " else ""
    text = before + between.join(map(spelled, codes)) + behind + after
    # A comma inside a code cannot be told from one between two, unless the code stands alone.
    wanted = [key_of(code) for code in codes if code != "A,B" or len(codes) == 1]
    texts = text.split(" ") if as_words and "A,B" not in codes else [text]
    assert [key for key in found(*texts) if key in KEYS] == wanted


def test_what_is_no_code_is_handed_back_as_it_was_written_so_that_it_can_be_told() -> None:
    assert list(codes_in(["SnowDay26, Snowdax27", "…"], KEYS.__contains__)) == ["SnowDay26", "Snowdax27"]
    assert list(codes_in([" … ", ","], KEYS.__contains__)) == []
