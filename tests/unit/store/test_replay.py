"""What becomes of a change that was made while MongoDB was away: whatever both sides did, by one rule of a line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from giftping.store.documents import (
    ACTIVE_MEMBERS,
    CLEARS,
    CODES,
    DELIVERIES,
    GUILDS,
    HOSTS,
    LEDGER,
    NEVER_SUBMITTED,
    RUNS,
    SUBSCRIPTIONS,
    TODO_EVENTS,
    TODO_STATE,
    TODO_TIMESTAMPS,
)
from giftping.store.engine import REV, Change, changed_document, still_holds
from giftping.store.mirror.notes import CARRIED
from giftping.store.mirror.replay import RULES, Queued, replayed

TIMES = [f"2026-05-0{day}T12:00:00.000000+00:00" for day in range(1, 6)]
AT = TIMES[2]

Doc = Mapping[str, Any] | None

times = st.sampled_from(TIMES)
seconds = st.sampled_from([0, 100, 200.5, 300])
legs = st.sampled_from(["open", "claimed", "sent", "uncertain", "closed"]).map(lambda state: {"state": state})
notices = st.lists(
    st.fixed_dictionaries(
        {"id": st.sampled_from("abc"), "kind": st.sampled_from(["reminder", "warning", "submission"]), "channel": legs}
    ),
    max_size=3,
    unique_by=lambda notice: notice["id"],
)
lapses = st.fixed_dictionaries(
    {"since": seconds}, optional={"removal": st.just({"state": "done"}), "restored_at": seconds}
)
sightings = st.dictionaries(
    st.sampled_from(["api", "site", "manual"]),
    st.fixed_dictionaries({"first_seen": times, "last_seen": times}),
    max_size=3,
)

FIELDS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    LEDGER: st.fixed_dictionaries(
        {"guild_id": st.just(1), "code": st.just("A1"), "updated_at": times, "created_at": times},
        optional={
            "state": st.sampled_from(["open", "sent", "seeded"]),
            "delivery_id": st.sampled_from("de"),
            "sent_at": times,
        },
    ),
    DELIVERIES: st.fixed_dictionaries(
        {"state": st.sampled_from(["claimed", "written", "done", "refused", "unclear", "closed"])}
    ),
    GUILDS: st.fixed_dictionaries({"updated_at": times, "label": st.sampled_from("xyz")}),
    SUBSCRIPTIONS: st.fixed_dictionaries(
        {"updated_at": times, "mention": st.sampled_from("xyz")},
        optional={
            "seeded": st.dictionaries(st.sampled_from("ab"), times, max_size=2),
            "announce_current": st.just(True),
            "kept_post": st.sampled_from("12"),
        },
    ),
    ACTIVE_MEMBERS: st.fixed_dictionaries({"updated_at": st.one_of(times, seconds), "name": st.sampled_from("xyz")}),
    TODO_TIMESTAMPS: st.fixed_dictionaries(
        {"last_submit": seconds, "last_ping": seconds}, optional={"notices": notices, "lapse": lapses}
    ),
    TODO_STATE: st.fixed_dictionaries({"last_sweep": seconds}, optional={"told": st.lists(st.just("x"), max_size=1)}),
    CODES: st.fixed_dictionaries(
        {"game": st.just("g"), "first_seen": times, "last_seen": times}, optional={"sources": sightings}
    ),
    RUNS: st.fixed_dictionaries({"finished_at": times}),
    HOSTS: st.fixed_dictionaries({"seen_at": times, "shared": st.booleans()}),
    TODO_EVENTS: st.fixed_dictionaries({"at": seconds}),
    CLEARS: st.fixed_dictionaries({"guild_id": st.just(1), "cleared_at": times}),
}


def documents(collection: str) -> st.SearchStrategy[Doc]:
    def stored(fields: dict[str, Any], is_ours: bool) -> dict[str, Any]:
        # A state has one `rev`, and what an older giftping wrote has none.
        return {"_id": "1", **fields} | ({REV: repr(sorted(fields.items()))} if is_ours else {})

    return st.one_of(st.none(), st.builds(stored, FIELDS[collection], st.booleans()))


@st.composite
def meetings(draw: st.DrawFn) -> tuple[Doc, Queued]:
    collection = draw(st.sampled_from(sorted(RULES)))
    there, before, after = (draw(documents(collection)) for _ in range(3))
    return there, Queued(collection, "1", 0, before, after, draw(times))


def test_every_collection_that_is_carried_has_its_rule() -> None:
    assert RULES.keys() == set(CARRIED)


@given(meetings())
def test_replaying_what_was_replayed_changes_nothing(meeting: tuple[Doc, Queued]) -> None:
    """It may be killed anywhere, and is done again from the start."""
    there, queued = meeting
    result = replayed(there, queued)
    if there is not None and result is None:
        assert replayed(None, queued) is None
        return
    stored = None if result is None else changed_document(there, Change(queued.collection, there, result), "new")
    again = replayed(stored, queued)
    assert _plain(again) == _plain(result)


@given(meetings())
def test_where_only_this_host_has_changed_it_the_change_is_made(meeting: tuple[Doc, Queued]) -> None:
    _, queued = meeting
    result = replayed(queued.before, queued)
    assert _plain(result) == _plain(queued.after)


@given(meetings())
def test_where_it_is_as_it_was_to_be_nothing_is_done(meeting: tuple[Doc, Queued]) -> None:
    _, queued = meeting
    assert replayed(queued.after, queued) is queued.after


@given(meetings(), st.sampled_from(TIMES))
def test_sent_stays_sent_on_whichever_side_it_was(meeting: tuple[Doc, Queued], cleared_at: str) -> None:
    there, queued = meeting
    if queued.collection != LEDGER:
        return
    result = replayed(there, queued)
    change = Change(LEDGER, queued.before, queued.after)
    is_as_read = there is not None and queued.before is not None and still_holds(there, change)
    assert _is_sent(result) or not _is_sent(queued.after)
    assert _is_sent(result) or not _is_sent(there) or is_as_read
    clear = {"guild_id": 1, "cleared_at": cleared_at}
    if queued.after is not None and _is_sent(queued.after):
        # What was under way at the clear and was found to be sent after it, a clear has left.
        sent_at = queued.after.get("sent_at") or queued.after["created_at"]
        is_before = max(sent_at, queued.after.get("updated_at") or sent_at) < cleared_at
        assert not is_before or replayed(there, queued, [clear]) is there


@given(meetings())
def test_a_delivery_never_goes_back(meeting: tuple[Doc, Queued]) -> None:
    there, queued = meeting
    stages = ["claimed", "written", "unclear", "closed", "refused", "done"]
    if queued.collection != DELIVERIES or there is None or queued.after is None:
        return
    if queued.before is not None and there.get(REV) == queued.before.get(REV):
        return
    result = replayed(there, queued)
    assert result is not None
    assert result["state"] == max(there["state"], queued.after["state"], key=stages.index)


@given(documents(DELIVERIES), documents(DELIVERIES))
def test_a_delivery_that_was_removed_had_come_as_far_as_it_was_known(there: Doc, removed: Doc) -> None:
    """Removed as done, it does not come back as written: its host was killed between the mirror and the database."""
    stages = ["claimed", "written", "unclear", "closed", "refused", "done"]
    if there is None or removed is None or there.get(REV) == removed.get(REV):
        return
    is_further = stages.index(removed["state"]) > stages.index(there["state"])
    assert replayed(there, Queued(DELIVERIES, "1", 0, removed, None, "")) is (None if is_further else there)


@given(meetings())
def test_a_submission_is_never_moved_back_and_a_delivered_notice_never_opened_again(
    meeting: tuple[Doc, Queued],
) -> None:
    there, queued = meeting
    if queued.collection != TODO_TIMESTAMPS or there is None or queued.after is None:
        return
    if queued.before is not None and there.get(REV) == queued.before.get(REV):
        return
    result = replayed(there, queued)
    assert result is not None
    assert result["last_submit"] == max(there["last_submit"], queued.after["last_submit"])
    sent = {one["id"] for side in (there, queued.after) for one in side.get("notices", ()) if _is_delivered(one)}
    assert not [one for one in result.get("notices", ()) if one["id"] in sent and not _is_delivered(one)]


@pytest.mark.parametrize("collection", [GUILDS, SUBSCRIPTIONS])
def test_a_guild_that_was_removed_here_and_set_anew_elsewhere_later_stays(collection: str) -> None:
    """7.10: of the removal it is noted when it was made."""
    before = {"_id": "1", "updated_at": TIMES[0], "rev": "r1"}
    removed = Queued(collection, "1", 0, before, None, TIMES[2])
    assert replayed({**before, "updated_at": TIMES[3], "rev": "r2"}, removed) is not None
    assert replayed({**before, "updated_at": TIMES[1], "rev": "r2"}, removed) is None
    assert replayed(before, removed) is None


@pytest.mark.parametrize(("ours", "theirs"), [(1, 2), (2, 1)])
def test_of_two_changed_settings_the_later_one_counts_with_the_first_looks_of_both(ours: int, theirs: int) -> None:
    before = {"_id": "1:g", "updated_at": TIMES[0], "rev": "r1", "seeded": {}}
    after = {**before, "updated_at": TIMES[ours], "mention": "ours", "seeded": {"api": TIMES[0]}}
    there = {**before, "updated_at": TIMES[theirs], "mention": "theirs", "seeded": {"site": TIMES[0]}, "rev": "r2"}
    result = replayed(there, Queued(SUBSCRIPTIONS, "1:g", 0, before, after, AT))
    assert result is not None
    assert result["mention"] == ("ours" if ours > theirs else "theirs")
    assert result["seeded"] == {"api": TIMES[0], "site": TIMES[0]}


@pytest.mark.parametrize(("theirs", "kept"), [(0, "9"), (1, None)], ids=["same place", "moved"])
def test_a_post_that_was_opened_while_the_database_was_away_is_kept_up_where_the_game_still_goes(
    theirs: int, kept: str | None
) -> None:
    before = {"_id": "1:g", "updated_at": TIMES[0], "rev": "r1"}
    there = {**before, "updated_at": TIMES[theirs], "broken": {"reason": "x"}, "rev": "r2"}
    result = replayed(there, Queued(SUBSCRIPTIONS, "1:g", 0, before, {**before, "kept_post": "9"}, AT))
    assert result is not None
    assert result.get("kept_post") == kept


def test_a_change_of_which_no_answer_came_is_known_again() -> None:
    """The database has the fence, and nothing else of what this host did with the delivery since."""
    before = {"_id": "d", "state": "claimed", "rev": "r1"}
    fenced = {"_id": "d", "state": "written", "rev": "r2"}
    queued = Queued(DELIVERIES, "d", 0, before, None, AT, asked=fenced)
    assert replayed(fenced, queued) is None
    assert replayed(before, queued) is None
    assert replayed({**fenced, "rev": "r3"}, queued) is not None
    gone = replace(queued, after={**before, "state": "done"}, asked={})
    assert replayed(None, gone) == gone.after


def test_a_submission_queued_here_ends_the_lapse_and_drops_the_pings_of_the_other_side() -> None:
    before = {"_id": "1", "last_submit": 100, "last_ping": 150, "lapse": {"since": 120}, "rev": "r1"}
    after = {"_id": "1", "last_submit": 300, "last_ping": 0, "rev": "r1", "notices": [_notice("s", "submission")]}
    there = {**before, "last_ping": 200, "rev": "r2", "notices": [_notice("p", "reminder")]}
    result = replayed(there, Queued(TODO_TIMESTAMPS, "1", 0, before, after, AT))
    assert result is not None
    assert (result["last_submit"], result["last_ping"]) == (300, 0)
    assert "lapse" not in result
    assert [one["id"] for one in result["notices"]] == ["s"]


def test_a_role_that_was_taken_elsewhere_is_not_forgotten_by_a_submission_here() -> None:
    before = {"_id": "1", "last_submit": 100, "last_ping": 150, "rev": "r1"}
    after = {"_id": "1", "last_submit": 300, "last_ping": 0, "rev": "r1"}
    there = {**before, "rev": "r2", "lapse": {"since": 120, "removal": {"state": "done"}}}
    result = replayed(there, Queued(TODO_TIMESTAMPS, "1", 0, before, after, AT))
    assert result is not None
    assert result["last_submit"] == 300
    assert result["lapse"]["removal"] == {"state": "done"}


def _notice(id_: str, kind: str) -> dict[str, Any]:
    return {"id": id_, "kind": kind, "channel": {"state": "open"}}


def _is_delivered(notice: Mapping[str, Any]) -> bool:
    return bool(notice["channel"]["state"] == "sent")


def _is_sent(document: Doc) -> bool:
    return document is not None and (document.get("state") or "sent") == "sent"


def _plain(document: Doc) -> Doc:
    return None if document is None else {name: value for name, value in document.items() if name != REV}


def test_of_an_entry_that_both_have_edited_counts_what_its_message_shows_last() -> None:
    """The entry came as far in both: what each of them shows its message as tells when."""
    sent = {"_id": "1:A1", "state": "sent", "updated_at": TIMES[0], "message_id": 7, "shown": "valid"}
    earlier = sent | {"shown": "withdrawn", "spelling": "a1", "edited_at": TIMES[1], "updated_at": TIMES[1]}
    later = sent | {"shown": "ended", "spelling": "A1", "edited_at": TIMES[2], "updated_at": TIMES[2]}
    for there, ours in ((earlier, later), (later, earlier)):
        assert replayed(there, Queued(LEDGER, "1:A1", 0, sent, ours, AT)) == later


def test_who_never_handed_in_is_behind_whoever_did() -> None:
    never = {"_id": "5", "last_submit": NEVER_SUBMITTED, "last_ping": 0}
    submitted = {"_id": "5", "last_submit": 100.0, "last_ping": 0, "todo": {"name": "x"}}
    for there, queued in ((never, submitted), (submitted, never)):
        after = replayed(there, Queued(TODO_TIMESTAMPS, "5", 0, None, queued, ""))
        assert after is not None
        assert after["last_submit"] == 100.0
    gone = Queued(TODO_TIMESTAMPS, "5", 0, {**submitted, "rev": "a"}, never, "")
    assert replayed(None, gone) is None
