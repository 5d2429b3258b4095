"""docs/delivery.md says of each of Discord's codes what the table of refusals says."""

from __future__ import annotations

import re

import pytest
from docs_reading import DOCS, section, table

from giftping.discord.meanings import _BY_CODE, Again, Kind, Mender, meaning_of

PAGE = DOCS / "delivery.md"
AGAIN = {
    "after half an hour, then twice as long each time, up to a day": Again.SOON,
    "after an hour, then twice as long each time, up to a day": Again.HOURS,
    "not before you change it": Again.NEVER,
}
WHO = {"you": Mender.OPERATOR, "who manages the server": Mender.MANAGER, "nobody": None}
OF_OTHERS = {50007, 50033, 50278, 10007, 10013, 10011}
"""Codes that no announcement gets: they are of members, roles and direct messages."""


def rows(title: str) -> list[tuple[list[int], str]]:
    """The codes and the last cell of each row."""
    listed = table(section(PAGE, title))
    return [([int(code) for code in re.findall(r"\b\d{5,6}\b", row[0])], row[2]) for row in listed]


BROKEN, OTHERS = rows("Broken destinations"), rows("Other refusals")


def test_every_code_of_an_announcement_is_on_the_page() -> None:
    listed = [code for codes, _ in (*BROKEN, *OTHERS) for code in codes]
    assert sorted(listed) == sorted(set(_BY_CODE) - OF_OTHERS)


@pytest.mark.parametrize(("codes", "again"), BROKEN)
def test_a_destination_is_tried_again_when_the_page_says_so(codes: list[int], again: str) -> None:
    for code in codes:
        meaning = meaning_of(400, code)
        assert (meaning.kind, meaning.again) == (Kind.DESTINATION, AGAIN[again]), code


@pytest.mark.parametrize(("codes", "who"), OTHERS)
def test_who_acts_is_who_the_page_names(codes: list[int], who: str) -> None:
    for code in codes:
        meaning = meaning_of(400, code)
        assert (meaning.kind is not Kind.DESTINATION, meaning.who) == (True, WHO[who.partition(":")[0]]), code
