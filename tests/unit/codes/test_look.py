"""How messages with codes look: content, card and buttons, in each style and language, also once codes have ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from code_builders import KINGSHOT, WOS, code, codes
from fakes.openapi import ABSENT, OpenApi, discord_openapi
from fakes.records import NOON
from fakes.words import ENGLISH, EVERY_LANGUAGE, WORDY
from hypothesis import given
from hypothesis import strategies as st

from giftping.codes.announcement import announcements, edited_message, shown_codes
from giftping.codes.look import GREY, MENTIONED, Look
from giftping.codes.model import Code
from giftping.codes.showing import Showing, Validity
from giftping.discord.buttons import linked
from giftping.discord.limits import BUTTONS, violations
from giftping.discord.message import Message
from giftping.discord.rest import edited_payload
from giftping.discord.webhook import payload
from giftping.settings.catalogue import Game
from giftping.store.base import EVERYONE, Style
from giftping.words.catalogue import Words

STYLES = pytest.mark.parametrize("style", list(Style))
ONE_PAGE = Game("a-game", "A Game", redeem_url="https://redeem.example/")

LONGEST_GAME = Game(
    "a-game",
    "🎁" * 300,
    0xFFFFFF,
    "https://redeem.example/" + "x" * 380 + "?c={code}",
    "https://pictures.example/" + "x" * 2020,
    "https://pictures.example/" + "y" * 2020,
    show_sources=True,
)
LONGEST_MENTIONS = (EVERYONE, *(str(2**63 + number) for number in range(100)))


def longest(number: int, letter: str) -> Code:
    """Return a code of which everything is as long as it may be."""
    return code(
        f"{number:03}" + letter * 97,
        rewards="🎁" * 2000,
        expires_at=NOON + timedelta(days=365 * 60),
        expiry_text="* " * 500,
        regions=("_" * 200, "EU"),
        sources=tuple(f"source-{one}" for one in range(100)),
    )


def shown_as(listed: Sequence[Code], *validities: Validity) -> list[Showing]:
    return [Showing(one, validity) for one, validity in zip(listed, validities, strict=True)]


def announced(listed: Sequence[Code], game: Game = WOS, words: Words = ENGLISH, **look: object) -> Message:
    (part,) = announcements(Look(game, words, **look), listed)  # type: ignore[arg-type]  # by name
    return part.message


@pytest.fixture(scope="module")
def openapi() -> OpenApi:
    description = discord_openapi()
    if description is None:
        pytest.skip(ABSENT)
    return description


BY_BOT, BY_WEBHOOK = "/channels/{channel_id}/messages", "/webhooks/{webhook_id}/{webhook_token}"
OF_BOT, OF_WEBHOOK = f"{BY_BOT}/{{message_id}}", f"{BY_WEBHOOK}/messages/{{message_id}}"


@given(
    st.sampled_from([*EVERY_LANGUAGE, WORDY]),
    st.sampled_from(Style),
    st.sampled_from([LONGEST_GAME, WOS, ONE_PAGE, KINGSHOT]),
    st.sampled_from("A_*ß🎁"),
    st.lists(st.sampled_from(Validity), min_size=1, max_size=30),
    st.sampled_from([(), LONGEST_MENTIONS]),
)
def test_every_body_is_one_that_discord_takes_in_every_language_style_and_destination(
    openapi: OpenApi,
    words: Words,
    style: Style,
    game: Game,
    letter: str,
    validities: list[Validity],
    mentions: tuple[str, ...],
) -> None:
    listed = [longest(number, letter) for number in range(len(validities))]
    look = Look(game, words, style, mentions)
    for part in announcements(look, listed):
        edited = edited_message(part.look, shown_as(part.codes, *validities[: len(part.codes)]))
        for message in (part.message, linked(part.message)):
            assert violations(message) == []
            once = {"nonce": "d" * 25, "enforce_nonce": True}
            assert openapi.request_violations("POST", BY_BOT, message.payload() | once) == []
            assert openapi.request_violations("POST", BY_WEBHOOK, payload(message)) == []
        for message in (edited, linked(edited)):
            assert violations(message) == []
            assert openapi.request_violations("PATCH", OF_BOT, edited_payload(message)) == []
            components = {"components": message.button_rows()}
            assert openapi.request_violations("PATCH", OF_WEBHOOK, payload(message) | components) == []


# The content


@STYLES
def test_each_code_stands_alone_in_a_line_below_whom_the_message_mentions(style: Style) -> None:
    message = announced(codes("Gift100", "Gift200"), style=style, mentions=("5",))
    assert message.content == "<@&5>\n`Gift100`\n`Gift200`"


def test_not_more_are_mentioned_than_have_room_beside_the_codes() -> None:
    message = announced(codes("Gift100"), mentions=LONGEST_MENTIONS)
    assert len(message.mention_roles) == MENTIONED - 1
    assert message.mention_everyone
    assert message.content.endswith("\n`Gift100`")


# Buttons, and links in their stead


@STYLES
def test_a_button_redeems_the_code_and_a_link_does_where_no_buttons_are_taken(style: Style) -> None:
    message = announced(codes("Gift100"), style=style)
    (button,) = message.buttons
    assert (button.label, button.url) == ("Redeem", "https://redeem.example/?code=Gift100")
    assert "redeem.example" not in str(message.embeds)
    assert "[Redeem](https://redeem.example/?code=Gift100)" in str(linked(message).embeds)
    assert linked(message).content == message.content
    assert linked(message).buttons == ()


@STYLES
def test_of_several_codes_each_has_its_button_that_says_which(style: Style) -> None:
    message = announced(codes("Gift100", "Gift200"), style=style)
    assert [(one.label, one.url[-7:]) for one in message.buttons] == [
        ("Redeem Gift100", "Gift100"),
        ("Redeem Gift200", "Gift200"),
    ]


@STYLES
def test_where_the_page_takes_no_code_there_is_one_button_for_all(style: Style) -> None:
    message = announced(codes("Gift100", "Gift200"), ONE_PAGE, style=style)
    assert [(one.label, one.url) for one in message.buttons] == [("Redeem", "https://redeem.example/")]
    assert "[Redeem](https://redeem.example/)" in str(linked(message).embeds)


@STYLES
def test_an_address_that_is_too_long_for_a_button_is_a_link(style: Style) -> None:
    game = replace(WOS, redeem_url="https://redeem.example/" + "x" * 500 + "?c={code}")
    message = announced(codes("Gift100"), game, style=style)
    assert message.buttons == ()
    assert message.without_buttons is None
    assert "[Redeem](https://redeem.example/xxx" in str(message.embeds)


@STYLES
def test_a_game_without_a_page_has_neither_buttons_nor_links(style: Style) -> None:
    message = announced(codes("Gift100"), KINGSHOT, style=style)
    assert (message.buttons, message.without_buttons) == ((), None)
    assert "Redeem" not in str(message.embeds)


# The card


def test_a_compact_message_has_a_line_for_each_code() -> None:
    ends = NOON + timedelta(days=3)
    first = code("Gift100", rewards="100  gems\nand *more*", expires_at=ends, regions=("EU",))
    message = announced([first, code("Gift200")], KINGSHOT, style=Style.COMPACT)
    stamp = int(ends.timestamp())
    assert message.embeds[0].description.splitlines() == [
        rf"`Gift100` · 100 gems and \*more\* · until <t:{stamp}:f> (<t:{stamp}:R>) · EU",
        "`Gift200`",
    ]
    assert message.embeds[0].fields == ()
    assert shown_codes(message.payload()) == {"Gift100", "Gift200"}


def test_a_compact_message_has_room_for_as_many_codes_as_there_may_be_buttons() -> None:
    parts = announcements(Look(WOS, ENGLISH, Style.COMPACT), codes(*(f"Code{one:04}" for one in range(60))))
    assert [len(part.codes) for part in parts] == [25, 25, 10]
    assert [len(part.message.buttons) for part in parts] == [BUTTONS, BUTTONS, 10]


@STYLES
def test_a_games_colour_and_pictures_are_the_messages(style: Style) -> None:
    game = replace(WOS, color=0x123456, thumbnail="https://p.example/a.png", image="https://p.example/b.png")
    (embed,) = announced(codes("Gift100"), game, style=style).embeds
    assert (embed.color, embed.thumbnail, embed.image) == (0x123456, game.thumbnail, game.image)


def test_who_lists_a_code_is_said_where_that_is_wished_and_a_person_is_no_source() -> None:
    game = replace(WOS, show_sources=True)
    listed = code("Gift100", sources=("api", "manual", "wiki"))
    assert "**Listed by:** api, wiki" in announced([listed], game).embeds[0].fields[0].value
    assert "Listed by" not in announced([listed]).embeds[0].fields[0].value
    by_hand = announced([code("Gift100", sources=("manual",))], game)
    assert "Listed by" not in by_hand.embeds[0].fields[0].value


def test_a_code_with_spaces_is_recognised() -> None:
    for style in Style:
        message = announced([code("OPEN THE GATES")], style=style)
        assert shown_codes(message.payload()) == {"OPEN THE GATES"}


# Edits


@STYLES
def test_what_has_ended_is_struck_through_in_content_and_card_and_its_button_goes(style: Style) -> None:
    look = Look(WOS, ENGLISH, style, ("5",))
    shown = shown_as(codes("Gift100", "Gift200", "Gift300"), Validity.VALID, Validity.ENDED, Validity.WITHDRAWN)
    message = edited_message(look, shown)
    assert message.content == "<@&5>\n`Gift100`\n~~Gift200~~\n~~Gift300~~"
    assert [one.label for one in message.buttons] == ["Redeem Gift100"]
    assert message.embeds[0].color == WOS.color
    text = f"{message.embeds[0].description}{[field.value for field in message.embeds[0].fields]}"
    assert "~~Gift200~~" in text
    assert "~~Gift300~~" in text
    assert "mistake" in text
    assert "code=Gift200" not in str(message.without_buttons)
    assert shown_codes(message.payload()) == {"Gift100"}


@STYLES
def test_a_message_whose_codes_are_all_over_is_grey_and_leads_nowhere(style: Style) -> None:
    message = edited_message(Look(ONE_PAGE, ENGLISH, style), shown_as(codes("Gift100"), Validity.ENDED))
    assert message.content == "~~Gift100~~"
    assert (message.buttons, message.without_buttons) == ((), None)
    assert message.embeds[0].color == GREY
    assert message.embeds[0].title.startswith("~~")
    assert "Redeem" not in str(message.embeds)


@STYLES
def test_a_message_without_its_codes_in_the_content_keeps_that_as_it_is(style: Style) -> None:
    message = edited_message(Look(WOS, ENGLISH, style), shown_as(codes("Gift100"), Validity.ENDED), has_content=False)
    assert "content" not in message.payload()
