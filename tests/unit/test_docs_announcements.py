"""The pages show announcements as a check's preview does."""

from __future__ import annotations

from datetime import UTC, timedelta
from pathlib import Path

import pytest
from docs_reading import DOCS, README, blocks, section
from fakes.records import NOON
from fakes.words import ENGLISH

from giftping.codes.announcement import announcements
from giftping.codes.look import Look
from giftping.codes.model import Code
from giftping.output.render import drawn, preview
from giftping.settings.catalogue import load_catalogue
from giftping.store.base import Style

PAGE = DOCS / "announcements.md"
GAMES = load_catalogue().games
ENDS = NOON.replace(microsecond=0) + timedelta(days=3)


def of(game: str, spelling: str, rewards: str, **more: object) -> Code:
    return Code(game, spelling, spelling, ("api",), rewards=rewards, **more)  # type: ignore[arg-type]  # by name


WINTER = of("whiteout-survival", "WINTERGIFT", "Meat x50,000")
MANY = [
    of("genshin", "GENSHINGIFT", "Primogem ×50", expires_at=ENDS),
    of("genshin", "SNOWPEAK24", "Mora ×10,000", expires_at=ENDS, expiry_text="2026-05-07"),
    of("genshin", "LANTERNRITE", ""),
]
SHOWN = [
    (README, 0, Look(GAMES["whiteout-survival"], ENGLISH, mentions=("200000000000000222",)), [WINTER]),
    (PAGE, 0, Look(GAMES["genshin"], ENGLISH, mentions=("200000000000000222",)), MANY[:2]),
    (PAGE, 1, Look(GAMES["genshin"], ENGLISH, Style.COMPACT, ("200000000000000222",)), MANY),
]


@pytest.mark.parametrize(("page", "number", "look", "listed"), SHOWN)
def test_a_page_shows_an_announcement_as_it_is(
    page: Path, number: int, look: Look, listed: list[Code], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    (part,) = announcements(look, listed)
    shown = [block.text for block in blocks(page) if block.language == "text"][number]
    assert shown.rstrip() == drawn(preview(part.message, UTC, now=NOON)).rstrip()


def test_the_page_names_as_many_codes_as_one_message_has_room_for() -> None:
    from giftping.codes.announcement import CODES_PER_MESSAGE

    assert f"({CODES_PER_MESSAGE[Style.FULL]})" in PAGE.read_text("utf-8")
    assert f"and {CODES_PER_MESSAGE[Style.COMPACT]} of them are one message" in section(PAGE, "Many codes")
