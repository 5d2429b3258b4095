"""The story of a code, in the order of time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from fakes.deliveries import delivery
from fakes.records import NOON, code, entry
from hypothesis import given
from hypothesis import strategies as st

from giftping.codes.owed import Owed
from giftping.codes.timeline import Episode, timeline
from giftping.delivery.deliveries import DeliveryState
from giftping.settings.sources import MANUAL_SOURCE
from giftping.store.base import HOME_GAME, CodeRecord, EntryState, Hold, PastRuling, Round, Ruling, SourceMemory

HOUR = timedelta(hours=1)


def clock_time(moment: datetime) -> str:
    return f"{moment:%H:%M}"


def told(*events: Episode) -> list[str]:
    return [f"{event.at:%H:%M} {event.said}" for event in events]


FULL = code(
    expires_at=NOON + 9 * HOUR,
    sources={
        "wiki": SourceMemory("GIFT100", NOON, NOON + 5 * HOUR),
        "feed": SourceMemory("Gift100", NOON + HOUR, NOON + HOUR),
        MANUAL_SOURCE: SourceMemory("Gift100", NOON + 4 * HOUR, NOON + 4 * HOUR, by="ada"),
    },
    holds={
        "wiki": Hold(NOON, "9 new codes at once in a list of 40", NOON + HOUR / 2, released_at=NOON + 3 * HOUR),
        "feed": Hold(NOON + HOUR, "looks made up"),
    },
    rounds=(Round(NOON + 6 * HOUR, "said by ada"),),
    approved=Ruling("bob", NOON + 3 * HOUR),
    withdrawn=Ruling("eve", NOON + 8 * HOUR),
)


def test_where_it_was_seen_and_what_the_guards_and_people_said_is_told_in_the_order_of_time() -> None:
    assert told(*timeline([FULL], [], {}, [], [], clock_time)) == [
        "12:00 wiki lists it as GIFT100",
        "12:00 held because of wiki (round 1), until 12:30: 9 new codes at once in a list of 40",
        "13:00 feed lists it as Gift100",
        "13:00 held because of feed (round 1), until a person, or a second family, says so: looks made up",
        "15:00 no longer held because of wiki",
        "15:00 approved by bob",
        "16:00 added by ada",
        "17:00 wiki was last seen to list it",
        "18:00 round 2 begins: said by ada",
        "20:00 withdrawn by eve",
        "21:00 its end, as far as anybody has said",
    ]


def test_what_people_took_back_is_told_once_with_who_did_though_a_backup_has_it_as_present() -> None:
    first, last = Ruling("ada", NOON), Ruling("ada", NOON + 4 * HOUR)
    past = (
        PastRuling("withdrawn", first, Ruling("bob", NOON + HOUR)),
        PastRuling("approved", Ruling("bob", NOON + HOUR), Ruling("eve", NOON + 2 * HOUR)),
    )
    people = code(sources={}, withdrawn=last, approved=Ruling("eve", NOON + 2 * HOUR), past_rulings=past)
    for one in (people, replace(people, withdrawn=first, past_rulings=(*past, PastRuling("withdrawn", last, last)))):
        assert told(*timeline([one], [], {}, [], [], clock_time))[:5] == [
            "12:00 withdrawn by ada",
            "13:00 approved by bob",
            "13:00 taken back by bob that it is withdrawn",
            "14:00 approved by eve",
            "16:00 withdrawn by ada",
        ]


def test_what_was_refused_until_it_ended_is_told_with_why() -> None:
    missed = Owed("1:GIFT100", 1, HOME_GAME, "GIFT100", "Gift100", NOON, "HTTP 429", None, NOON + HOUR, "expired at 13")
    events = timeline([], [], {}, [missed, missed], [], clock_time)
    assert told(*events) == [
        "12:00 refused, and owed: HTTP 429",
        "13:00 missed: it expired at 13, before it could go out",
    ]
    assert [(event.what.value, event.guild_id) for event in events] == [("refused", 1), ("missed", 1)]


def test_what_went_to_a_guild_names_the_hosts_and_where_the_message_is() -> None:
    sent = entry(
        state=EntryState.SENT,
        sent_at=NOON + HOUR,
        message_id=7,
        channel_id=5,
        host="pi",
        shown="ended",
        edited_at=NOON + 2 * HOUR,
        edited_by="nas",
    )
    events = timeline([], [sent], {}, [], [(1, NOON + 3 * HOUR)], clock_time)
    link = "https://discord.com/channels/1/5/7"
    assert [(event.what.value, event.guild_id, event.host, event.link) for event in events] == [
        ("claimed", 1, "pi", ""),
        ("sent", 1, "pi", link),
        ("edited", 1, "nas", link),
        ("cleared", 1, "", ""),
    ]
    assert "shows Gift100, ended" in events[2].said
    until = replace(sent, shown="valid until 2026-12-31T09:30:00.000000+00:00")
    assert timeline([], [until], {}, [], [], clock_time)[2].said == "its message shows Gift100, valid until 09:30"


def test_what_has_not_come_to_its_end_names_its_host_and_why() -> None:
    unclear = delivery(state=DeliveryState.UNCLEAR, reason="cannot read")
    owed = Owed("2:GIFT100", 2, HOME_GAME, "GIFT100", "Gift100", NOON + HOUR, "HTTP 403 (50001)")
    events = timeline([], [entry(updated_at=NOON + HOUR)], {"delivery-1": unclear}, [owed], [], clock_time)
    assert [(event.what.value, event.guild_id, event.host) for event in events] == [
        ("claimed", 1, "host-a"),
        ("refused", 2, ""),
        ("unclear", 1, "host-a"),
    ]
    assert events[1].said.endswith("HTTP 403 (50001)")
    assert events[2].said.endswith("cannot read")


@given(st.permutations(range(4)))
def test_the_order_in_which_the_store_has_it_makes_no_difference(order: list[int]) -> None:
    entries = [entry(guild_id, state=EntryState.SENT, sent_at=NOON) for guild_id in (1, 2, 3, 4)]
    records: list[CodeRecord] = [FULL, code(game="kingshot")]
    shuffled = timeline(records[::-1], [entries[number] for number in order], {}, [], [], clock_time)
    assert shuffled == timeline(records, entries, {}, [], [], clock_time)
