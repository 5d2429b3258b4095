from __future__ import annotations

import pytest
from fakes.words import ENGLISH, EVERY_LANGUAGE, WORDY
from hypothesis import given
from hypothesis import strategies as st
from todo_builders import member, notice

from giftping.discord.limits import ELLIPSIS, text_length, violations
from giftping.todo.model import NoticeKind, Todo
from giftping.todo.notices import NoticeDetails, channel_message, submission_embed
from giftping.todo.texts import TEXT_LENGTH, pieces, shares

WHOLE = ["👩🏽‍🚀", "🇮🇳", "e\u0301\u0323", "क्ष", "நி", "각", "한", "ก็", "👍🏿", "1️⃣", "x"]

clusters = st.lists(st.sampled_from([*WHOLE, " ", "\n"]), max_size=120).map("".join)


@given(clusters, st.integers(30, 90))
def test_pieces_together_are_the_text_and_none_is_too_long(text, limit):
    found = list(pieces(text, limit))
    assert "".join("".join(found).split()) == "".join(text.split())
    assert all(0 < text_length(piece) <= limit for piece in found)


@pytest.mark.parametrize("character", WHOLE)
def test_what_is_seen_as_one_character_is_never_split(character):
    for limit in range(text_length(character), 4 * text_length(character)):
        assert all(len(piece) % len(character) == 0 for piece in pieces(character * 20, limit))


def test_a_text_is_parted_at_the_end_of_a_line_or_a_word():
    assert list(pieces("one two\nthree four", 12)) == ["one two", "three four"]
    assert list(pieces("aaaa bbbb cccc", 12)) == ["aaaa bbbb", "cccc"]


@given(st.lists(clusters, min_size=3, max_size=3), st.integers(3, 400))
def test_shares_fit_into_the_room_and_only_the_longest_are_cut(texts, room):
    shared = shares(dict(enumerate(texts)), room)
    assert sum(map(text_length, shared.values())) <= max(room, 3)
    cut = [number for number, text in shared.items() if text != texts[number] and text != texts[number].strip()]
    assert all(shared[number].endswith(ELLIPSIS) for number in cut)
    longest_kept = max((text_length(texts[n]) for n in shared if n not in cut), default=0)
    assert all(text_length(texts[number]) >= longest_kept for number in cut)


def post(**texts: str) -> Todo:
    return Todo(**{"name": "Ann", "date": "01/02/2026"} | texts)


@given(
    *[st.sampled_from(["", "x", "word " * 500, "👩🏽‍🚀" * 600, "x" * TEXT_LENGTH, "अ" * 1025])] * 3,
    st.sampled_from([*EVERY_LANGUAGE, WORDY]),
)
def test_a_todo_of_any_length_is_posted_and_says_where_it_was_cut(must_do, can_do, dont_do, words):
    todo = post(must_do=must_do, can_do=can_do, dont_do=dont_do, name="n" * 1500)
    details = NoticeDetails(member(), notice(NoticeKind.SUBMISSION, member().last_submit, todo=todo), words)
    message = channel_message([details])
    assert violations(message) == []
    assert message.embeds[0].description == words("todo.post.cut")


def test_a_todo_that_has_room_is_posted_whole():
    todo = post(must_do="one " * 300, can_do="two " * 300)
    embed = submission_embed(1, todo, notice(NoticeKind.SUBMISSION, member().last_submit, todo=todo), ENGLISH)
    shown = " ".join(field.value for field in embed.fields)
    assert (shown.count("one"), shown.count("two"), embed.description) == (300, 300, "")
