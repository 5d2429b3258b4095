"""What documents of the first schema become. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fakes.first_schema import CLAIMED_AT, ODD_GUILD, documents, entry_document, guild_document, open_entry
from fakes.records import NOON
from hypothesis import given
from hypothesis import strategies as st

from giftping.delivery.deliveries import DeliveryState, delivery_from
from giftping.store.base import Broken, Destination
from giftping.store.documents import DELIVERIES, GUILDS, LEDGER, SUBSCRIPTIONS
from giftping.store.engine import Change
from giftping.store.fields import DocumentError, time_to_text
from giftping.store.first_schema import (
    changes_to_entries,
    changes_to_guilds,
    is_guild_of_first,
    subscriptions_from_first,
    upgraded_delivery,
    upgraded_guild,
)
from giftping.store.guild_documents import subscription_from_document
from giftping.store.holder import Holder

TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- zone above
GAMES = st.sampled_from(["whiteout-survival", "kingshot", "wuwa"])
SOURCES = st.lists(st.sampled_from(["api", "wiki", "rss"]), max_size=3, unique=True)
BROKEN = st.fixed_dictionaries({"since": TIMES.map(time_to_text), "reason": st.text(), "times": st.integers(1, 9)})


@st.composite
def guilds(draw: st.DrawFn) -> dict[str, Any]:
    games = draw(st.lists(GAMES, min_size=1, max_size=3, unique=True))
    optional = {
        "mention_role_id": draw(st.none() | st.integers(1, 2**63)),
        "seeded": draw(st.none() | st.dictionaries(GAMES, SOURCES, max_size=3)),
        "announce_current": draw(st.none() | st.lists(st.sampled_from(games), unique=True)),
        "broken": draw(st.none() | BROKEN),
        "updated_at": time_to_text(draw(TIMES)),
    }
    where = draw(st.sampled_from([{"channel_id": 5}, {"webhook": "env:HOOK"}]))
    set_ones = {name: value for name, value in optional.items() if value}
    return guild_document(draw(st.integers(1, 2**63)), *games, destination=where, **set_ones)


@given(guilds())
def test_a_guild_follows_what_it_followed_as_it_did(document: dict[str, Any]) -> None:
    subscriptions, left = upgraded_guild(document)
    after = list(map(subscription_from_document, subscriptions))
    assert left is None
    assert after == subscriptions_from_first(document)
    assert [one.game for one in after] == document["games"]
    where, mentioned = Destination(**document["destination"]), document.get("mention_role_id")
    looked_at, announced = document.get("seeded", {}), document.get("announce_current", ())
    for place, one in enumerate(after):
        assert (one.place, one.destination) == (place, where)
        assert one.mentions == ((str(mentioned),) if mentioned else ())
        assert one.seeded == (tuple(looked_at[one.game]) if one.game in looked_at else None)
        assert one.announce_current == (one.game in announced)
        assert (one.broken is not None) == ("broken" in document)


def test_a_guild_with_all_there_is() -> None:
    subscriptions, left = upgraded_guild(documents()[GUILDS][1])
    (one,) = map(subscription_from_document, subscriptions)
    assert left is None
    assert subscriptions[0]["_id"] == "2:whiteout-survival"
    assert one.destination == Destination(webhook="env:HOOK")
    assert (one.mentions, one.seeded, one.announce_current) == (("77",), ("api.example.org", "wiki"), False)
    assert one.broken == Broken(one.created_at, "HTTP 404 Unknown Webhook (10015)", 2)


def test_what_somebody_has_added_to_a_guild_stays_with_it() -> None:
    _, left = upgraded_guild(guild_document(1, "kingshot", notes="ask Ada first"))
    assert left is not None
    assert left["notes"] == "ask Ada first"
    assert not is_guild_of_first(left)


@pytest.mark.parametrize(
    "odd", [ODD_GUILD, guild_document(1), guild_document(1, "kingshot", created_at="soon"), {"_id": "1", "games": []}]
)
def test_a_guild_that_cannot_be_read_is_named_and_left(odd: dict[str, Any]) -> None:
    named: list[DocumentError] = []
    fine = guild_document(3, "kingshot")
    (changes,) = changes_to_guilds([odd, fine], named.append)
    assert [(one.collection, one.id) for one in changes] == [(SUBSCRIPTIONS, "3:kingshot"), (GUILDS, "3")]
    assert [f"document {odd['_id']!r}" in str(error) for error in named] == [True]


def of_entries(*entries: dict[str, Any]) -> list[list[Change]]:
    return list(changes_to_entries(entries, NOON, lambda error: pytest.fail(str(error))))


def test_what_was_claimed_is_a_delivery_that_may_have_arrived() -> None:
    one, two, *_ = (entry for entry in documents()[LEDGER] if entry.get("delivery_id") == "d1")
    ((delivery, *entries),) = of_entries(one, two)
    assert (delivery.collection, delivery.before) == (DELIVERIES, None)
    assert delivery.after is not None
    read = delivery_from(delivery.after)
    assert (read.state, read.holder, read.anchor) == (DeliveryState.WRITTEN, Holder("host-a", ""), None)
    assert (read.id, read.kind, read.guild_id, read.game) == ("d1", "announcement", 1, "whiteout-survival")
    assert (read.entries, read.spellings, read.channel_id) == (("1:ONE", "1:TWO"), ("One", "Two"), 501)
    assert time_to_text(read.since) == CLAIMED_AT
    assert [change.before for change in entries] == [one, two]
    for change in entries:
        assert change.after is not None
        assert (change.after["state"], change.after["delivery_id"]) == ("open", "d1")
        assert not {"claimed_by", "claimed_at"} & change.after.keys()


def test_what_nobody_could_tell_waits_for_a_person_as_before() -> None:
    delivery, (entry,) = upgraded_delivery([open_entry("2:UNSURE", "uncertain", "d2")], NOON)
    read = delivery_from(delivery)
    assert (read.state, read.holder.host) == (DeliveryState.UNCLEAR, "host-a")
    assert "could not tell whether it arrived" in read.reason
    assert entry["state"] == "open"


def test_an_entry_of_no_delivery_is_one_by_itself() -> None:
    delivery, (entry,) = upgraded_delivery([open_entry("2:ALONE", "claimed", "")], NOON)
    assert delivery["_id"] == entry["delivery_id"] == "2:ALONE"


def test_a_claim_of_a_clock_that_was_ahead_is_of_now() -> None:
    ahead = time_to_text(NOON + timedelta(days=30))
    delivery, _ = upgraded_delivery([open_entry("2:A", "claimed", "d", created_at=ahead)], NOON)
    assert delivery["since"] == time_to_text(NOON)


def test_what_is_settled_and_what_is_of_today_is_none_of_it() -> None:
    sent = [entry_document("1:A", state) for state in ("sent", "seeded", "open")]
    assert of_entries(*sent, {"_id": "1:OLD", "guild_id": 1, "code": "OLD"}) == []


@given(st.lists(st.tuples(st.integers(1, 3), st.sampled_from(["claimed", "uncertain", "sent"])), max_size=8))
def test_each_open_entry_is_in_one_delivery_and_upgrading_twice_changes_nothing(kinds: list[tuple[int, str]]) -> None:
    entries = [open_entry(f"{number}:C{place}", state, f"d{number}") for place, (number, state) in enumerate(kinds)]
    changes = of_entries(*entries)
    carried = [id_ for delivery, *_ in changes for id_ in (delivery.after or {})["entries"]]
    assert sorted(carried) == sorted(one["_id"] for one in entries if one["state"] != "sent")
    after = [dict(change.after or {}) for _, *opened in changes for change in opened]
    assert of_entries(*after) == []
