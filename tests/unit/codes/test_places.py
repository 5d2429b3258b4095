"""Where exactly a message goes, and what it brings along for that."""

from __future__ import annotations

from dataclasses import replace

import pytest
from code_builders import WOS, code, codes
from fakes.deliveries import delivery
from fakes.openapi import ABSENT, discord_openapi
from fakes.records import NOON, subscription
from fakes.strangers import texts
from fakes.words import ENGLISH, EVERY_LANGUAGE, WORDY
from hypothesis import given
from hypothesis import strategies as st

from giftping.codes.announcement import announcements
from giftping.codes.look import Look
from giftping.codes.places import by_bot, by_webhook, channel_in, dressed, dressed_sample, next_place, sent_by
from giftping.codes.sample import sample_message
from giftping.discord.limits import POST_NAME_LENGTH, text_length, violations
from giftping.discord.message import ForumPost, Message
from giftping.discord.webhook import payload, sender_parts
from giftping.settings.catalogue import Game
from giftping.store.base import Destination, Posting, PostsIn, Subscription
from giftping.words.catalogue import Words

FORUM, HOOK = Destination(channel_id=500), Destination(webhook="env:HOOK")
EACH, KEPT = Posting(posts=PostsIn.PER_ANNOUNCEMENT, tags=("7", "8")), Posting(posts=PostsIn.KEPT)
NAMED = Posting(username="Codes", avatar_url="https://example.org/a.png")


def in_forum(posting: Posting, destination: Destination = FORUM, kept_post: int | None = None) -> Subscription:
    return subscription(destination=destination, posting=posting, kept_post=kept_post)


@pytest.mark.parametrize("destination", [FORUM, HOOK], ids=["bot", "webhook"])
@pytest.mark.parametrize(
    ("posting", "kept_post", "changes"),
    [
        (Posting(), None, {}),
        # What is not kept up any more is no place.
        (Posting(), 9, {}),
        (EACH, None, {"opens_post": True}),
        (EACH, 9, {"opens_post": True}),
        (KEPT, None, {"opens_post": True}),
        (KEPT, 9, {"thread_id": 9}),
    ],
)
def test_a_message_goes_to_the_place_its_post_that_is_kept_up_or_one_of_its_own(
    destination: Destination, posting: Posting, kept_post: int | None, changes: dict[str, object]
) -> None:
    place = next_place(in_forum(posting, destination, kept_post))
    assert place == replace(destination, **changes)  # type: ignore[arg-type]  # fields by name
    assert channel_in(place) == (changes.get("thread_id") or destination.channel_id)
    # Whoever settles it goes to the same place.
    sent = delivery("d", channel_id=channel_in(place), opens_post=place.opens_post)
    found = by_webhook(destination, sent) if destination.webhook else by_bot(sent)
    assert (channel_in(found), found.opens_post, found.webhook) == (
        channel_in(place),
        place.opens_post,
        destination.webhook,
    )


def test_a_post_is_named_after_its_codes_and_one_that_is_kept_up_after_its_game() -> None:
    (one,) = announcements(Look(WOS, ENGLISH), codes("Gift100", "Gift200"))
    own, kept = (dressed(in_forum(posting), one).message for posting in (EACH, KEPT))
    assert own.post == ForumPost("Whiteout Survival: Gift100, Gift200", ("7", "8"))
    assert kept.post is not None
    assert "Whiteout Survival" in kept.post.name
    assert "Gift100" not in kept.post.name
    assert dressed(subscription(), one) == one


def test_a_webhook_alone_posts_under_another_name() -> None:
    message = Message(content="x")
    assert sent_by(in_forum(NAMED, HOOK), message).username == "Codes"
    assert sent_by(in_forum(NAMED), message) == message


@given(
    title=texts().filter(str.strip) | st.text(min_size=1, max_size=300).filter(str.strip),
    spelling=texts().filter(str.strip) | st.text(st.characters(codec="ascii", min_codepoint=33), min_size=1),
    words=st.sampled_from([*EVERY_LANGUAGE, WORDY]),
    posts=st.sampled_from(PostsIn),
)
@pytest.mark.skipif(discord_openapi() is None, reason=ABSENT)
def test_every_post_is_one_that_discord_takes(title: str, spelling: str, words: Words, posts: PostsIn) -> None:
    openapi, look = discord_openapi(), Look(Game("a-game", title), words)
    assert openapi is not None
    posting = replace(NAMED, posts=posts, tags=tuple(map(str, range(5))))
    there = in_forum(posting, HOOK)
    announced = [dressed(there, one).message for one in announcements(look, [code(spelling), code("B" * 60)])]
    sample = dressed_sample(there, sample_message(look, NOON, pings=True), words)
    for message in (*announced, sample):
        assert violations(message) == []
        assert message.post is not None
        assert 0 < text_length(message.post.name) <= POST_NAME_LENGTH
        by_hook = payload(message) | sender_parts(message, opens_post=True)
        bots = {"name": message.post.name, "message": message.payload(), "applied_tags": list(message.post.tags)}
        hook = "/webhooks/{webhook_id}/{webhook_token}"
        assert openapi.request_violations("POST", hook, by_hook) == []
        assert openapi.request_violations("POST", "/channels/{channel_id}/threads", bots) == []
