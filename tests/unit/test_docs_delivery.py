"""docs/delivery.md says of each of Discord's codes what the table of refusals says."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from docs_reading import DOCS, section, table

from giftping.codes.owed import OWED_FOR
from giftping.codes.settle import FORSAKEN_AFTER, QUIET
from giftping.delivery.clock import NOTICEABLE, TOLERANCE
from giftping.delivery.deliveries import BLIND_MARGIN, WAITS_FOR
from giftping.discord.meanings import _BY_CODE, Again, Kind, Mender, meaning_of
from giftping.discord.rest import NONCE_WINDOW
from giftping.discord.witness import ANCHOR_MARGIN, HEARD_FOR
from giftping.runs.clock import PROVEN_FOR

PAGE = DOCS / "delivery.md"
AGAIN = {
    "after half an hour, then twice as long each time, up to a day": Again.SOON,
    "after an hour, then twice as long each time, up to a day": Again.HOURS,
    "not before you change it": Again.NEVER,
}
WHO = {"you": Mender.OPERATOR, "who manages the server": Mender.MANAGER, "nobody": None}
OF_OTHERS = {50007, 50033, 50278, 10007, 10013, 10011}
"""Codes that no announcement gets: they are of members, roles and direct messages."""


TIMES = {
    "a clock is taken to agree": NOTICEABLE,
    "a clock may be off before nothing is sent": TOLERANCE,
    "an anchor lies before Discord's time": ANCHOR_MARGIN,
    "Discord's time is carried on by the bot": HEARD_FOR,
    "a clock that Discord confirmed is not doubted for one source's sake": PROVEN_FOR,
    "Discord may still be busy with a post": QUIET,
    "Discord surely knows a nonce": NONCE_WINDOW,
    "a delivery without an anchor may have begun before its host said": BLIND_MARGIN,
    "a delivery of another host is left alone while Discord does not say what time it is": FORSAKEN_AFTER,
    "an uncertain announcement waits for a person": WAITS_FOR,
    "a post that was refused stays owed where its code has no end": OWED_FOR,
}
"""What giftping goes by, whatever the settings say."""

UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}


def rows(title: str) -> list[tuple[list[int], str]]:
    """The codes and the last cell of each row."""
    listed = table(section(PAGE, title))
    return [([int(code) for code in re.findall(r"\b\d{5,6}\b", row[0])], row[2]) for row in listed]


BROKEN, OTHERS = rows("Broken destinations"), rows("Other refusals")


def test_the_page_has_every_time_that_giftping_goes_by_and_says_why() -> None:
    spans = {}
    for what, how_long, why in table(section(PAGE, "Times")):
        number, unit = how_long.split()
        spans[what] = timedelta(seconds=int(number) * UNITS[unit.rstrip("s")])
        assert why
    assert spans == TIMES


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
