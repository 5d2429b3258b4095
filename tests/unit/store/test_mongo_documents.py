"""What MongoDB is asked for: filters and updates."""

from __future__ import annotations

from datetime import timedelta

from fakes.records import LATER, NOON, code

from giftping.store.base import HOME_GAME, Destination, EntryState, SourceMemory
from giftping.store.mongo.queries import (
    code_update,
    guild_going_to,
    ids_of_guild,
    in_states,
    of_game_and_key,
    seeded_update,
)


def paths(update: dict[str, dict[str, object]]) -> set[str]:
    return {path for fields in update.values() for path in fields}


def test_no_name_of_a_source_is_read_as_a_path_or_an_operator() -> None:
    names = ["api.example.org", "$set", "50%", "a.b.c"]
    update = code_update(code(sources={name: SourceMemory("X", NOON, NOON) for name in names}))
    ours = {path for path in paths(update) if path.startswith("sources.")}
    assert len(ours) == 3 * len(names)
    assert all(path.count(".") == 2 for path in ours)
    assert not any("$" in path for path in ours)


def test_no_name_of_a_game_is_read_as_a_path() -> None:
    assert paths(seeded_update("a.game", ["site"], announced=False)) == {"seeded.a%2Egame"}


def test_an_update_never_names_one_field_twice() -> None:
    """MongoDB refuses an update in which two operators want the same field."""
    update = code_update(code(rewards="1 gem", expires_at=NOON, regions=("EU",)))
    named = [path for fields in update.values() for path in fields]
    assert len(named) == len(set(named))


def test_a_code_that_says_everything_leaves_nothing_to_unset() -> None:
    full = code(rewards="1", expires_at=LATER, expiry_text="soon", state="active", regions=("EU",))
    assert "$unset" not in code_update(full)


def test_seen_times_only_ever_widen() -> None:
    update = code_update(code(first_seen=NOON, last_seen=NOON + timedelta(days=1)))
    assert update["$min"]["first_seen"] < update["$max"]["last_seen"]
    assert not {"first_seen", "last_seen"} & set(update["$set"])


def test_a_first_look_without_sources_is_no_update() -> None:
    assert seeded_update(HOME_GAME, [], announced=False) == {}


def test_the_ids_of_a_guild_are_a_range_that_holds_no_other_guilds() -> None:
    bounds = ids_of_guild(12)
    inside = ["12:", "12:A", "12:zzz", "12:game:A", "12:é"]
    outside = ["12", "1:A", "123:A", "11:A", "13:A", "120:A"]
    assert [id_ for id_ in inside + outside if bounds["$gte"] <= id_ < bounds["$lt"]] == inside


def test_what_the_older_bot_wrote_counts_as_sent_and_of_its_game() -> None:
    assert None in in_states([EntryState.SENT])["state"]["$in"]
    assert None not in in_states([EntryState.CLAIMED])["state"]["$in"]
    assert None in of_game_and_key(HOME_GAME, None)["game"]["$in"]
    assert of_game_and_key("kingshot", "A1") == {"game": "kingshot", "code": "A1"}


def test_a_destination_written_by_hand_is_known_again() -> None:
    wanted = guild_going_to(1, Destination(channel_id=500))
    assert wanted["destination.channel_id"] == {"$in": [500, "500"]}
    assert guild_going_to(1, Destination(webhook="env:HOOK"))["destination.channel_id"] is None
