"""A guild's settings as documents: a subscription for each game, and no more than there is to say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from fakes.records import LATER, NOON, subscription
from hypothesis import given
from hypothesis import strategies as st

from giftping.store.base import Broken, Destination, Guild, Style, Subscription
from giftping.store.fields import DocumentError, time_to_text
from giftping.store.guild_documents import (
    guild_from_document,
    guild_to_document,
    subscription_from_document,
    subscription_to_document,
)

TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- zone above
TEXTS = st.text(max_size=12)
NAMES = st.text(min_size=1, max_size=12)
SNOWFLAKES = st.integers(1, 2**63)


MENTIONS = st.sampled_from(["everyone", "here"]) | SNOWFLAKES.map(str)
SUBSCRIPTIONS = st.builds(
    Subscription,
    guild_id=SNOWFLAKES,
    game=NAMES,
    destination=st.builds(Destination, TEXTS.filter(bool)) | st.builds(Destination, st.just(""), SNOWFLAKES),
    created_at=TIMES,
    updated_at=TIMES,
    place=st.integers(0, 9),
    mentions=st.lists(MENTIONS, max_size=3, unique=True).map(tuple),
    seeded=st.none() | st.lists(NAMES, max_size=2, unique=True).map(tuple),
    announce_current=st.booleans(),
    broken=st.none() | st.builds(Broken, TIMES, TEXTS, st.integers(1, 99), st.none() | TIMES),
    style=st.sampled_from(Style),
)


@given(SUBSCRIPTIONS)
def test_a_subscription_comes_back_from_its_document(one: Subscription) -> None:
    document = subscription_to_document(one)
    assert subscription_from_document(document) == one
    assert document["_id"] == f"{one.guild_id}:{one.game}"


def test_what_is_not_set_is_left_out_of_a_subscription() -> None:
    document = subscription_to_document(subscription())
    assert document.keys() == {"_id", "guild_id", "game", "destination", "created_at", "updated_at"}
    assert document["destination"] == {"channel_id": 500}
    broken = subscription_to_document(subscription(broken=Broken(NOON, "gone")))
    assert broken["broken"] == {"since": "2026-05-04T12:00:00.123456+00:00", "reason": "gone", "times": 1}


def test_a_style_of_a_later_release_is_read_as_full_and_stays_until_another_is_chosen() -> None:
    document = subscription_to_document(subscription()) | {"style": {"form": "haiku", "colour": "#3BA55D"}}
    read = subscription_from_document(document)
    assert read.style is Style.FULL
    assert subscription_to_document(read, document)["style"] == document["style"]
    chosen = subscription_to_document(replace(read, style=Style.COMPACT), document)
    assert chosen["style"] == {"form": "compact", "colour": "#3BA55D"}
    back = subscription_to_document(replace(read, style=Style.FULL), chosen)
    assert back["style"] == {"colour": "#3BA55D"}


def test_a_guild_has_a_document_of_its_own_only_where_there_is_something_to_say_of_it() -> None:
    assert guild_to_document(Guild(1), NOON) is None
    full = Guild(1, "Frost Giants", "de")
    named = guild_to_document(full, NOON)
    assert named is not None
    assert (named["_id"], guild_from_document(named)) == ("1", full)
    again = guild_to_document(Guild(1, "Giants"), LATER, named)
    assert again is not None
    assert guild_from_document(again) == Guild(1, "Giants")
    assert (again["created_at"], again["updated_at"]) == (named["created_at"], time_to_text(LATER))
    assert guild_to_document(Guild(1), LATER, named | {"rev": "a"}) is None
    assert guild_to_document(Guild(1), LATER, named | {"icon": "of a later release"}) is not None


def test_what_a_later_release_sets_in_a_subscription_stays() -> None:
    one = subscription(seeded=("site", "wiki"))
    before = {
        **subscription_to_document(one),
        "style": {"colour": "#3BA55D"},
        "seeded": {"site": "https://example.org/codes", "wiki": ""},
        "mention": "5",
    }
    after = subscription_to_document(replace(one, seeded=("site", "wiki", "api")), before)
    assert after["style"] == {"colour": "#3BA55D"}
    assert after["seeded"] == {"site": "https://example.org/codes", "wiki": "", "api": ""}
    assert "mention" not in after, "it is ours, and was taken away"


@pytest.mark.parametrize(
    ("mention", "mentions"),
    [
        ("500", ("500",)),
        ("everyone", ("everyone",)),
        (["here", "500", "600", "500"], ("here", "500", "600")),
        (["<@&5>", "0", "nobody", ""], ()),
        ([], ()),
        (None, ()),
    ],
)
def test_one_mention_may_stand_alone_and_what_is_none_is_left_out(mention: object, mentions: tuple[str, ...]) -> None:
    document = subscription_to_document(subscription())
    assert subscription_from_document({**document, "mention": mention}).mentions == mentions


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"guild_id": "many"}, "guild_id is 'many', not a Discord id"),
        ({"game": None}, "game is None, not a text"),
        ({"game": "kingshot"}, "_id is '1:whiteout-survival', not '1:kingshot'"),
        ({"destination": "somewhere"}, "destination is 'somewhere', not an object"),
        ({"destination": {"webhook": 5}}, "webhook is 5, not a text"),
        ({"seeded": ["site"]}, r"seeded is \['site'\], not an object"),
        ({"created_at": "soon"}, "created_at is 'soon', not an ISO 8601 time"),
        ({"mention": 5.5}, "mention is 5.5, not a text"),
        ({"broken": {"since": 5}}, "since is 5, not an ISO 8601 time"),
        ({"place": "first"}, "place is 'first', not a number"),
    ],
)
def test_a_subscription_that_cannot_be_read_is_named(changes: dict[str, Any], complaint: str) -> None:
    document = subscription_to_document(subscription())
    with pytest.raises(DocumentError, match=complaint):
        subscription_from_document(document | changes)
