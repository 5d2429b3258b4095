"""Deliveries: claimed, fenced, taken over and settled in single writes, each of which says whether it was made."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from fakes.clock import TestClock
from fakes.deliveries import ANOTHER_HOST, FakeLock, delivery, put_delivery, stored
from fakes.records import NOON, entry
from fakes.store import MemoryStore
from hypothesis import given
from hypothesis import strategies as st

from giftping.codes.entries import claimed, freed, sent
from giftping.delivery.deliveries import (
    BLIND_MARGIN,
    Deliveries,
    Delivery,
    DeliveryState,
    LostDeliveryError,
    delivery_document,
    delivery_from,
    new_delivery_id,
)
from giftping.discord.limits import NONCE_LENGTH
from giftping.discord.snowflake import snowflake_at
from giftping.store.documents import DELIVERIES
from giftping.store.fields import EARLIEST, LATEST, DocumentError
from giftping.store.holder import Holder

LEASE = timedelta(minutes=10)


def deliveries(store: MemoryStore | None = None, host: str = "host-a") -> Deliveries:
    return Deliveries(store or MemoryStore(), FakeLock(host), TestClock())  # type: ignore[arg-type]  # a lock of a test


def test_ids_are_fresh_and_fit_a_nonce() -> None:
    ids = {new_delivery_id() for _ in range(200)}
    assert len(ids) == 200
    assert all(len(one) <= NONCE_LENGTH and base64.b32decode(one.upper()) for one in ids)


def test_a_claim_says_of_each_entry_whether_it_was_won_and_is_there_before_any_of_them() -> None:
    ours = deliveries()
    ours.store.insert([entry(1, "GIFT200", delivery_id="other")])
    new = ours.new("announcement", guild_id=1, game="game", entries=("1:GIFT100", "1:GIFT200"), spellings=("a", "b"))
    written, won = ours.claim(new, [claimed(entry(1, key, delivery_id=new.id)) for key in ("GIFT100", "GIFT200")])
    assert won == [True, False]
    assert stored(ours.store)[new.id] == written
    assert ours.store.engine.calls[-3:-1] == ["add deliveries", "add sent_giftcodes"]


def test_a_claim_takes_the_place_of_others() -> None:
    ours = deliveries()
    old = put_delivery(ours.store, delivery(state=DeliveryState.REFUSED), entries=False)
    new, _ = ours.claim(ours.new("announcement"), (), [old])
    assert set(stored(ours.store)) == {new.id}


def test_a_fence_holds_for_who_has_it_and_for_nobody_else() -> None:
    store = MemoryStore()
    ours, theirs = deliveries(store), deliveries(store, "host-b")
    claim, _ = ours.claim(ours.new("announcement"))
    written = ours.fence(claim)
    assert written.state is DeliveryState.WRITTEN
    again = ours.fence(written)
    taken = theirs.take_over(stored(store)[claim.id], NOON)
    assert taken is not None
    assert (taken.holder.host, taken.held_since) == ("host-b", snowflake_at(NOON))
    with pytest.raises(LostDeliveryError):
        ours.fence(again)
    assert ours.take_over(again) is None
    assert theirs.fence(taken).state is DeliveryState.WRITTEN


def test_what_it_carries_is_only_freed_where_it_was_still_ours() -> None:
    """Freed before that is known, a code could be claimed anew while another host is about to post it."""
    store = MemoryStore()
    ours = deliveries(store)
    one = put_delivery(store, delivery())
    assert deliveries(store, "host-b").take_over(one)
    with pytest.raises(LostDeliveryError):
        ours.refuse(one, freed(store.engine.get("sent_giftcodes", one.entries)))
    assert store.states() == {"1:GIFT100": "open"}


def test_done_is_one_write_for_the_delivery_and_its_entries_and_goes_with_the_others() -> None:
    ours = deliveries()
    one = put_delivery(ours.store, delivery())
    entries = ours.store.engine.get("sent_giftcodes", one.entries)
    ours.store.engine.calls.clear()
    done = replace(one, state=DeliveryState.DONE, message_id=77)
    ours.change(done, sent(entries, done, NOON))
    assert ours.store.engine.calls == ["amend deliveries", "amend sent_giftcodes"]
    assert ours.store.states() == {"1:GIFT100": "sent"}
    other = put_delivery(ours.store, delivery("GIFT200", id="delivery-2"), entries=False)
    ours.remove_done([other])
    assert stored(ours.store) == {}
    ours.store.engine.calls.clear()
    ours.remove_done()
    assert ours.store.engine.calls == [], "nothing to remove is no write"


def test_nobody_is_at_what_was_left_though_its_process_still_runs() -> None:
    """The bot lives for weeks: what one of its checks left is settled by the next."""
    ours = deliveries()
    claim, _ = ours.claim(ours.new("announcement"))
    assert not ours.nobody_is_at(claim, NOON + timedelta(days=1), LEASE)
    left = ours.leave(claim, NOON)
    assert ours.nobody_is_at(left, None, LEASE)
    assert left.quiet_since == snowflake_at(NOON)
    assert ours.leave(left, NOON + LEASE).quiet_since == snowflake_at(NOON), "known since longer"


def test_of_another_host_only_discords_time_tells() -> None:
    one = delivery(holder=ANOTHER_HOST)
    ours = deliveries()
    assert not ours.nobody_is_at(one, None, LEASE)
    assert not ours.nobody_is_at(one, NOON + LEASE - timedelta(seconds=1), LEASE)
    assert ours.nobody_is_at(one, NOON + LEASE + timedelta(seconds=1), LEASE)
    later = replace(one, held_since=snowflake_at(NOON + LEASE))
    assert not ours.nobody_is_at(later, NOON + LEASE + timedelta(seconds=1), LEASE)


def test_without_an_anchor_it_may_have_begun_some_time_before_its_host_said() -> None:
    one = delivery(anchor=None)
    assert one.begins == snowflake_at(NOON - BLIND_MARGIN)


def test_they_are_loaded_by_state_and_kind_oldest_first_and_what_cannot_be_read_is_named() -> None:
    ours = deliveries()
    later = put_delivery(ours.store, delivery(id="later", since=NOON + LEASE), entries=False)
    early = put_delivery(ours.store, delivery(id="early"), entries=False)
    put_delivery(ours.store, delivery(id="notice", kind="reminder", state=DeliveryState.DONE), entries=False)
    ours.store.insert_documents(DELIVERIES, [{**delivery_document(early), "_id": "odd", "state": "lost"}])
    assert ours.load(kinds=["announcement"]) == [early, later]
    assert ["'odd'" in line for line in ours.store.odd] == [True]
    assert [one.id for one in ours.load([DeliveryState.DONE])] == ["notice"]
    assert set(ours.by_id(["early", "odd", "none"])) == {"early"}


snowflakes = st.none() | st.integers(1, 2**63 - 1)
texts = st.text(max_size=20)
times = st.datetimes(EARLIEST.replace(tzinfo=None), LATEST.replace(tzinfo=None)).map(
    lambda at: at.replace(tzinfo=NOON.tzinfo)
)
deliveries_of_any_kind = st.builds(
    Delivery,
    id=st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=1, max_size=24),
    kind=texts,
    holder=st.builds(Holder, texts, texts),
    since=times,
    state=st.sampled_from(DeliveryState),
    anchor=snowflakes,
    webhook_id=snowflakes,
    channel_id=snowflakes,
    held_since=snowflakes,
    guild_id=snowflakes,
    game=texts,
    entries=st.lists(texts).map(tuple),
    spellings=st.lists(texts).map(tuple),
    reason=texts,
    message_id=snowflakes,
    quiet_since=snowflakes,
    owed_since=st.none() | times,
    is_final=st.booleans(),
    is_resent=st.booleans(),
    document=st.none(),
)


@given(deliveries_of_any_kind)
def test_what_is_written_is_read_as_it_was(one: Delivery) -> None:
    assert delivery_from(delivery_document(one)) == one


@given(deliveries_of_any_kind, deliveries_of_any_kind)
def test_whatever_it_becomes_what_others_wrote_beside_it_stays(one: Delivery, other: Delivery) -> None:
    document = {**delivery_document(one), "of a later release": 1}
    after = delivery_document(replace(other, id=one.id, document=document))
    assert after.pop("of a later release") == 1
    assert delivery_from(after) == replace(other, id=one.id)


@given(
    st.dictionaries(
        st.sampled_from([*delivery_document(delivery())]),
        st.none() | st.integers() | st.text() | st.lists(st.integers() | st.text()) | st.floats(),
    )
)
def test_a_damaged_document_is_read_or_named_and_nothing_else(damage: Mapping[str, object]) -> None:
    with suppress(DocumentError):
        delivery_from({**delivery_document(delivery()), **damage})
