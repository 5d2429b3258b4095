from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from code_builders import KINGSHOT, WOS, code, codes
from fakes.words import ENGLISH, EVERY_LANGUAGE, WORDY
from hypothesis import given, settings
from hypothesis import strategies as st

from giftping.codes.announcement import CODES_PER_MESSAGE, announcements, announces, shown_codes
from giftping.codes.look import Look
from giftping.codes.model import Code
from giftping.discord.limits import violations
from giftping.discord.message import Embed, Message
from giftping.settings.catalogue import Game
from giftping.store.base import EVERYONE, HERE, Style
from giftping.words.catalogue import Words

SPELLINGS = st.from_regex(r"[A-Za-z0-9_-]{4,40}", fullmatch=True)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=1200) | st.sampled_from(
    ["```\nFAKE1234\n```", "\\" * 900, "*" * 900, "🎁" * 600, "é" * 700, "@everyone <@&1> <#2>", "\n" * 500]
)
INSTANTS = st.none() | st.integers(0, 7_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
CODES = st.builds(
    lambda spelling, rewards, expires_at, expiry_text: code(
        spelling, rewards=rewards, expires_at=expires_at, expiry_text=expiry_text
    ),
    SPELLINGS,
    TEXTS,
    INSTANTS,
    TEXTS,
)
CODE_LISTS = st.lists(CODES, max_size=40, unique_by=lambda one: one.key)
TITLES = st.text(st.characters(codec="utf-8"), max_size=400)
PICTURES = st.sampled_from(["", "https://pictures.example/" + "x" * 2000 + ".png"])
ADDRESSES = st.sampled_from(
    [
        "",
        "https://redeem.example",
        "https://redeem.example/?c={code}",
        "https://redeem.example/" + "x" * 1500 + "?c={code}",
    ]
)
GAMES = st.builds(
    Game,
    st.just("a-game"),
    TITLES,
    st.integers(0, 0xFFFFFF),
    ADDRESSES,
    thumbnail=PICTURES,
    image=PICTURES,
    show_sources=st.booleans(),
)


STYLES = st.sampled_from(Style)


def linked(message: Message) -> Message:
    """Return a message as it is where Discord takes no buttons."""
    return message.without_buttons or message


def pieces_of(embed: Embed) -> list[dict[str, Any]]:
    """Return what a card says of each code, as Discord's JSON of a message that says that alone."""
    fields = [{"embeds": [{"fields": [{"value": field.value}]}]} for field in embed.fields]
    lines = [{"embeds": [{"description": line}]} for line in embed.description.splitlines() if line.startswith("`")]
    return fields + lines


def field_of(one: Code, game: Game = WOS) -> str:
    return linked(announcements(Look(game, ENGLISH), [one])[0].message).embeds[0].fields[0].value


MENTIONS = st.lists(st.sampled_from([EVERYONE, HERE]) | st.integers(1, 2**63).map(str), max_size=60, unique=True)

LANGUAGES = st.sampled_from([*EVERY_LANGUAGE, WORDY])


@given(GAMES, CODE_LISTS, MENTIONS, LANGUAGES, STYLES)
def test_no_announcement_ever_breaks_a_limit_of_discord(
    game: Game, listed: list[Code], mentions: list[str], words: Words, style: Style
) -> None:
    for announcement in announcements(Look(game, words, style, mentions), listed):
        assert violations(announcement.message) == []


@given(GAMES, CODE_LISTS, LANGUAGES, STYLES)
def test_every_code_is_shown_once_and_in_order_whatever_stands_beside_it(
    game: Game, listed: list[Code], words: Words, style: Style
) -> None:
    parts = announcements(Look(game, words, style), listed)
    assert [one for part in parts for one in part.codes] == listed
    for part in parts:
        for message in (part.message, linked(part.message)):
            pieces = pieces_of(message.embeds[0])
            assert [shown_codes(piece) for piece in pieces] == [frozenset({one.spelling}) for one in part.codes]


@given(GAMES, CODE_LISTS, LANGUAGES, STYLES)
def test_every_code_stands_alone_in_a_line_of_the_content(
    game: Game, listed: list[Code], words: Words, style: Style
) -> None:
    """A phone copies no text of a card, and a notification shows none."""
    parts = announcements(Look(game, words, style, ["5", "here"]), listed)
    lines = [line for part in parts for line in part.message.content.splitlines()]
    assert lines == [*(["<@&5> @here"] if listed else []), *(f"`{one.spelling}`" for one in listed)]


@given(GAMES, CODE_LISTS, STYLES)
@settings(max_examples=30)
def test_an_announcement_recognises_its_own_message_and_no_other_part_of_itself(
    game: Game, listed: list[Code], style: Style
) -> None:
    payloads = [part.message.payload() for part in announcements(Look(game, ENGLISH, style), listed)]
    for own in announcements(Look(game, ENGLISH, style), listed):
        matches = announces(one.spelling for one in own.codes)
        assert [matches(payload) for payload in payloads] == [payload == own.message.payload() for payload in payloads]


def test_twenty_three_codes_are_twenty_three_visible_codes() -> None:
    """D23: the older bot showed ten codes and marked all of them sent."""
    listed = codes(*(f"Code{number:04}" for number in range(23)))
    parts = announcements(Look(WOS, ENGLISH), listed)
    assert [len(part.codes) for part in parts] == [10, 10, 3]
    assert sum(len(part.message.embeds[0].fields) for part in parts) == 23
    assert "Part 3 of 3" in parts[2].message.embeds[0].footer


def test_nothing_to_announce_is_no_announcement() -> None:
    assert announcements(Look(WOS, ENGLISH, mentions=["5"]), []) == []


def test_only_the_first_of_several_messages_mentions_anybody() -> None:
    listed = codes(*(f"Code{number:04}" for number in range(CODES_PER_MESSAGE[Style.FULL] + 1)))
    parts = announcements(Look(WOS, ENGLISH, mentions=["42", "here"]), listed)
    assert [part.message.content.splitlines()[0] for part in parts] == ["<@&42> @here", "`Code0010`"]
    assert [part.message.allowed_mentions() for part in parts] == [
        {"parse": ["everyone"], "roles": ["42"], "users": []},
        {"parse": [], "roles": [], "users": []},
    ]


@pytest.mark.parametrize(
    "text", ["@everyone", "<@&99> come", "**bold** [x](https://evil.example)", "`tick` ||spoiler||"]
)
def test_mentions_and_markdown_in_rewards_are_shown_letter_by_letter(text: str) -> None:
    """D27: texts of sources went out as they were."""
    value = field_of(code(rewards=text))
    rewards = next(line for line in value.splitlines() if line.startswith("**Rewards:**"))
    assert re.sub(r"\\(.)|\u200b", r"\1", rewards.removeprefix("**Rewards:** ")) == text
    assert not re.search(r"(?<!\\)[*_`|<@\[]", rewards.removeprefix("**Rewards:** "))


def test_a_message_notifies_nobody_but_those_whom_the_subscription_mentions() -> None:
    message = announcements(Look(WOS, ENGLISH, mentions=["42"]), [code(rewards="@everyone <@&99> <@7>")])[0].message
    assert message.allowed_mentions() == {"parse": [], "roles": ["42"], "users": []}


def test_an_instant_is_shown_in_each_readers_own_time() -> None:
    expires_at = datetime(2026, 7, 31, 23, 59, tzinfo=UTC)
    instant = int(expires_at.timestamp())
    assert f"<t:{instant}:f> (<t:{instant}:R>)" in field_of(code(expires_at=expires_at))


def test_a_last_day_is_the_one_that_the_source_named_and_no_midnight() -> None:
    expires_at = datetime(2027, 2, 1, tzinfo=UTC)
    value = field_of(code(expires_at=expires_at, expiry_text="2027-01-31"))
    assert f"**Expires:** 2027-01-31 (<t:{int(expires_at.timestamp())}:R>)" in value
    assert ":f>" not in value


def test_where_alone_a_code_works_is_said() -> None:
    assert "\n**Region:** EU, NA" in field_of(code(regions=("EU", "NA")))
    assert "Region" not in field_of(code())


def test_what_the_source_wrote_stands_where_there_is_no_date() -> None:
    assert "**Expires:** End of May" in field_of(code(expiry_text="End of May"))
    assert "**Expires:** not stated" in field_of(code())
    assert "**Rewards:** not stated" in field_of(code(rewards="  "))


def test_the_code_stands_in_the_link_that_redeems_it() -> None:
    assert "[Redeem](https://redeem.example/?code=Gift100)" in field_of(code("Gift100"))
    assert "Redeem" not in field_of(code("Gift100"), KINGSHOT)


def test_a_link_that_does_not_fit_is_left_out_rather_than_the_code() -> None:
    long = Game("a-game", "A Game", redeem_url="https://redeem.example/" + "x" * 1500)
    value = field_of(code("Gift100"), long)
    assert "Redeem" not in value
    assert "```\nGift100\n```" in value


def test_the_exact_spelling_is_shown_because_redeeming_is_case_sensitive() -> None:
    assert "```\nGiFt100\n```" in field_of(code("GiFt100"))


def test_a_message_with_a_code_missing_is_not_the_one_looked_for() -> None:
    payload = announcements(Look(WOS, ENGLISH), codes("Gift100"))[0].message.payload()
    assert announces(["Gift100", "Gift200"])(payload) is False


def test_a_message_is_still_recognised_when_one_of_its_codes_was_settled_by_hand() -> None:
    payload = announcements(Look(WOS, ENGLISH), codes("Gift100", "Gift200"))[0].message.payload()
    assert announces(["Gift200"])(payload) is True


def test_the_case_of_a_code_counts_when_a_message_is_recognised() -> None:
    payload = announcements(Look(WOS, ENGLISH), codes("Gift100"))[0].message.payload()
    assert announces(["GIFT100"])(payload) is False


@pytest.mark.parametrize("hidden", [{}, {"content": "", "embeds": []}, {"content": None, "embeds": None}])
def test_a_message_whose_text_is_hidden_says_neither_yes_nor_no(hidden: dict[str, object]) -> None:
    assert announces(["Gift100"])(hidden) is None


def test_somebody_elses_message_is_not_ours() -> None:
    talk = Message(content="```\nGift100\n```", embeds=(Embed("hello"),)).payload()
    assert announces(["Gift100"])(talk) is False


def test_a_long_reward_is_cut_and_says_so() -> None:
    value = field_of(code(rewards="gems " * 400))
    assert "…" in value
    assert len(value) < 1024


def test_a_code_that_expires_long_after_now_is_shown_all_the_same() -> None:
    far = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=365 * 70)
    assert f"<t:{int(far.timestamp())}:f>" in field_of(code(expires_at=far))
