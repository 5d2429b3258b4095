from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from giftping.discord import limits
from giftping.discord.limits import message_length, text_length, truncate, violations
from giftping.discord.message import Embed, EmbedField, LinkButton, Message, Upload
from giftping.text import escape_markdown

TEXTS = st.text(st.characters() | st.sampled_from("\\*_👍🏽\u200d\u0301👩🇩🇪 \n"), max_size=80)


def test_characters_outside_the_basic_plane_count_twice_and_blanks_around_do_not_count():
    assert text_length("  gift 🎁\n") == len("gift ") + 2


@given(TEXTS)
def test_no_text_is_counted_shorter_than_by_code_points_or_by_utf_16(text):
    trimmed = text.strip()
    assert text_length(text) >= len(trimmed)
    assert text_length(text) == len(trimmed.encode("utf-16-le", "surrogatepass")) // 2


@given(TEXTS, st.integers(1, 60))
def test_a_truncated_text_keeps_the_limit_and_is_a_beginning_of_the_text(text, limit):
    short = truncate(text, limit)
    assert text_length(short) <= limit
    assert short == text.strip() or (short.endswith("…") and text.strip().startswith(short[:-1]))


@given(TEXTS, st.integers(1, 60))
def test_a_truncated_escaped_text_keeps_the_limit_and_ends_in_no_lone_backslash(text, limit):
    short = truncate(escape_markdown(text), limit)
    assert text_length(short) <= limit
    if short.endswith("…") and not text.strip().endswith("…"):
        kept = short[:-1]
        assert (len(kept) - len(kept.rstrip("\\"))) % 2 == 0


@pytest.mark.parametrize(
    ("text", "limit", "short"),
    [
        ("short", 5, "short"),
        ("longer", 5, "long…"),
        ("ab👍🏽cd", 6, "ab…"),
        ("ab👩\u200d👩\u200d👧cd", 8, "ab…"),
        ("abe\u0301x", 4, "ab…"),
        ("a b c d", 5, "a b…"),
        (r"ab\*cd", 4, "ab…"),
        (r"ab\\cd", 5, "ab\\\\…"),
    ],
)
def test_cutting_leaves_whole_characters(text, limit, short):
    assert truncate(text, limit) == short


def test_a_limit_without_room_for_an_ellipsis_is_a_mistake():
    with pytest.raises(ValueError, match="no room"):
        truncate("text", 0)


def embed(**parts):
    return Embed(**({"title": "t"} | parts))


def fields(count, name="n", value="v"):
    return tuple(EmbedField(name, value) for _ in range(count))


def button(label: str = "Redeem", url: str = "https://a.test/") -> LinkButton:
    return LinkButton(label, url)


def upload(size=1, filename="a.png"):
    return Upload(filename, b"x" * size, "image/png")


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (Message(), "the message is empty"),
        (Message(content=" \n"), "the message is empty"),
        (Message(content="x" * 2001), "content has 2001"),
        (Message(content="🎁" * 1001), "content has 2002"),
        (Message((embed(),) * 11), "11 embeds"),
        (Message((embed(description="x" * 3000),) * 2), "together have 6002"),
        (Message((embed(title="x" * 257),)), "embed 1: title has 257"),
        (Message((embed(description="x" * 4097),)), "description has 4097"),
        (Message((embed(footer="x" * 2049),)), "footer has 2049"),
        (Message((embed(fields=fields(26)),)), "26 fields"),
        (Message((embed(fields=fields(1, name="x" * 257)),)), "name has 257"),
        (Message((embed(fields=fields(1, value="x" * 1025)),)), "value has 1025"),
        (Message((embed(), embed(fields=fields(1, name=" ")))), "embed 2: field 1: the name is empty"),
        (Message((embed(fields=fields(1, value="")),)), "the value is empty"),
        (Message((embed(title=" "),)), "it is empty"),
        (Message((embed(color=0x1000000),)), "outside"),
        (Message(content="x", mention_roles=tuple(range(1, 102))), "101 mentioned roles"),
        (Message(content="x", mention_users=tuple(range(1, 102))), "101 mentioned users"),
        (Message((embed(author="x" * 257),)), "embed 1: author has 257"),
        (Message((embed(description="x" * 4096, author="a"), embed(footer="f" * 1902))), "together have 6001"),
        (
            Message((embed(timestamp=datetime.fromisoformat("2026-11-20T12:00")),)),
            "embed 1: the timestamp has no offset",
        ),
        (Message((embed(image="https://a.test/" + "x" * 2034),)), "embed 1: image has 2049"),
        (Message((embed(image="ftp://a.test/a.png"),)), "embed 1: image is not a URL that Discord takes"),
        (Message((embed(image="attachment://b.png"),), files=(upload(),)), "image names a file"),
        (Message((embed(thumbnail="https://a.test/" + "x" * 2034),)), "embed 1: thumbnail has 2049"),
        (Message((embed(thumbnail="a.png"),)), "embed 1: thumbnail is not a URL that Discord takes"),
        (Message((embed(),), buttons=(button(),) * 26), "26 buttons, at most 25"),
        (Message((embed(),), buttons=(button(), button(label="x" * 81))), "button 2: label has 81"),
        (Message((embed(),), buttons=(button(label=" "),)), "button 1: the label is empty"),
        (Message((embed(),), buttons=(button(url="https://a.test/" + "x" * 498),)), "button 1: url has 513"),
        (Message((embed(),), buttons=(button(url="a.test"),)), "button 1: it leads to nothing that Discord takes"),
        (Message((embed(),), without_buttons=Message((embed(title="x" * 257),))), "embed 1: title has 257"),
        (Message(files=(upload(),) * 11), "11 files"),
        (Message(files=(upload(limits.FILES_BYTES), upload())), "together have 10485761 bytes"),
        (Message(files=(upload(), upload(filename=" "))), "file 2: it has no name"),
    ],
)
def test_what_discord_would_refuse_is_named(message, said):
    (violation,) = violations(message)
    assert said in violation


def test_a_message_at_every_limit_is_taken():
    lists = Embed("t" * 256, "", 0xFFFFFF, fields(24, "n", "v") + fields(1, "n" * 256, "v" * 1024))
    text = Embed("t", "d" * 4096)
    footer = Embed("t", footer="f" * (limits.MESSAGE_EMBEDS_LENGTH - message_length(Message((lists, text))) - 1))
    message = Message((lists, text, footer), "x" * 2000, tuple(range(1, 101)), tuple(range(1, 101)))
    assert message_length(message) == limits.MESSAGE_EMBEDS_LENGTH
    assert violations(message) == []


@pytest.mark.parametrize(
    "message",
    [
        Message(files=(upload(),)),
        Message(files=(upload(limits.FILES_BYTES // 10),) * 10),
        Message((Embed("", image="attachment://a.png"),), files=(upload(),)),
        Message((embed(author="a" * 256, image="https://a.test/a.png", timestamp=datetime(2026, 11, 20, tzinfo=UTC)),)),
    ],
)
def test_files_and_pictures_within_the_limits_are_taken(message):
    assert violations(message) == []


def test_an_upload_does_not_show_its_content():
    assert repr(Upload("a.txt", b"private", "text/plain")) == "Upload(filename='a.txt', content_type='text/plain')"


def test_the_same_role_named_twice_counts_and_goes_out_once():
    message = Message(content="x", mention_roles=(7,) * 200)
    assert violations(message) == []
    assert message.allowed_mentions()["roles"] == ["7"]
