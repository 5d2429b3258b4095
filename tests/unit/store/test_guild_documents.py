"""A guild's settings as documents: a subscription for each game, and no more than there is to say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from fakes.records import LATER, NOON, guild
from hypothesis import given, settings
from hypothesis import strategies as st

from giftping.store.base import HOME_GAME, Broken, Destination, GuildRecord
from giftping.store.fields import DocumentError
from giftping.store.guild_documents import (
    guild_of,
    guild_to_document,
    subscription_from_document,
    subscription_to_document,
    subscriptions_of,
)

OTHER_GAME = "kingshot"
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- zone above
TEXTS = st.text(max_size=12)
NAMES = st.text(min_size=1, max_size=12)
SNOWFLAKES = st.integers(1, 2**63)


@st.composite
def guilds(draw: st.DrawFn) -> GuildRecord:
    games = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    of_some = st.lists(st.sampled_from(games), unique=True)
    return GuildRecord(
        guild_id=draw(SNOWFLAKES),
        destination=draw(st.builds(Destination, TEXTS, st.none() | SNOWFLAKES)),
        games=tuple(games),
        created_at=draw(TIMES),
        updated_at=draw(TIMES),
        mention_role_id=draw(st.none() | SNOWFLAKES),
        seeded={
            game: tuple(draw(st.lists(NAMES, max_size=2, unique=True)))
            for game in sorted(draw(of_some), key=games.index)
        },
        announce_current=tuple(sorted(draw(of_some), key=games.index)),
        broken=draw(st.none() | st.builds(Broken, TIMES, TEXTS, st.integers(1, 99), st.none() | TIMES)),
    )


def documents_of(record: GuildRecord) -> list[dict[str, Any]]:
    return [subscription_to_document(one) for one in subscriptions_of(record)]


@settings(max_examples=60, deadline=None)
@given(guilds())
def test_a_guild_comes_back_from_its_subscriptions_in_whatever_order_they_are_read(record: GuildRecord) -> None:
    documents = sorted(documents_of(record), key=lambda one: str(one["_id"]))
    assert guild_of(map(subscription_from_document, documents)) == record
    assert [one["_id"] for one in documents] == sorted(f"{record.guild_id}:{game}" for game in record.games)


def test_what_is_not_set_is_left_out_of_a_subscription() -> None:
    (document,) = documents_of(guild())
    assert document.keys() == {"_id", "guild_id", "game", "destination", "created_at", "updated_at"}
    assert document["destination"] == {"channel_id": 500}
    (broken,) = documents_of(guild(broken=Broken(NOON, "gone")))
    assert broken["broken"] == {"since": "2026-05-04T12:00:00.123456+00:00", "reason": "gone", "times": 1}


def test_a_guild_has_a_document_of_its_own_only_where_there_is_something_to_say_of_it() -> None:
    assert guild_to_document(guild()) is None
    named = guild_to_document(guild(label="Frost Giants"))
    assert named is not None
    assert (named["_id"], named["guild_id"], named["label"]) == ("1", 1, "Frost Giants")
    assert guild_to_document(guild(), named | {"rev": "a"}) is None
    assert guild_to_document(guild(), named | {"icon": "of a later release"}) is not None


def test_what_a_later_release_sets_in_a_subscription_stays() -> None:
    (one,) = subscriptions_of(guild(seeded={HOME_GAME: ("site", "wiki")}))
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
    ("mention", "role"),
    [("500", 500), ("everyone", None), ("here", None), (["here", "500", "600"], 500), ([], None), (None, None)],
)
def test_the_first_role_that_is_mentioned_is_the_guilds(mention: object, role: int | None) -> None:
    (document,) = documents_of(guild())
    assert subscription_from_document({**document, "mention": mention}).mention_role_id == role


def test_the_later_of_the_moves_counts_for_the_guild() -> None:
    first, second = subscriptions_of(guild(games=(HOME_GAME, OTHER_GAME)))
    whole = guild_of([first, replace(second, created_at=LATER, updated_at=LATER)])
    assert (whole.created_at, whole.updated_at) == (NOON, LATER)


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
    (document,) = documents_of(guild())
    with pytest.raises(DocumentError, match=complaint):
        subscription_from_document(document | changes)
