from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes.clock import TestClock
from fakes.store import READING, MemoryStore
from todo_builders import DAY, HOUR, START, notice

from giftping.store.base import StoreError
from giftping.store.documents import ACTIVE_MEMBERS, TODO_EVENTS, TODO_STATE, TODO_TIMESTAMPS
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine
from giftping.todo import repository as repository_module
from giftping.todo.history import Event
from giftping.todo.model import Member, NoticeKind, Todo
from giftping.todo.repository import MemberChange, MemberRepository, OddDocument, RepositoryError
from giftping.todo.sweep_notes import SweepNotes
from giftping.todo.transitions import with_submission

NOW = START + DAY


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    with MemoryStore() if request.param == "memory" else Store(TinyEngine(tmp_path)) as opened:
        yield opened


@pytest.fixture
def repository(store: Store) -> MemberRepository:
    return MemberRepository(store, TestClock(NOW))


def event(id_: str, user_id: int = 1, kind: str = "reminder", at=NOW) -> Event:
    return Event(id_, user_id, kind, at)


def enrol(repository: MemberRepository, *user_ids: int, **fields: Any) -> None:
    known = {"added": START, **fields}
    assert repository.save([MemberChange(Member(user_id, "Ann", **known)) for user_id in user_ids]) == set(user_ids)


def handed_in(known: Member, at=NOW) -> Member:
    return with_submission(known, Todo("Ann", "x", "y"), notice(NoticeKind.SUBMISSION, at, id="post"), at)


def old_bot_submits(store: Store, user_id: int, at: float) -> None:
    """Write what an older bot writes, which knows nothing of revisions."""
    document = {**store.engine.get(TODO_TIMESTAMPS, [str(user_id)])[str(user_id)], "last_submit": at, "last_ping": 0}
    store.remove_documents(TODO_TIMESTAMPS, [str(user_id)])
    store.insert_documents(TODO_TIMESTAMPS, [document])


def stored(store: Store, collection: str) -> list[Any]:
    return sorted(store.engine.walk(collection), key=lambda document: str(document["_id"]))


# Reading


def test_the_roll_is_everybody_on_the_roster_or_with_timestamps(repository: MemberRepository, store: Store) -> None:
    store.insert_documents(ACTIVE_MEMBERS, [{"_id": "20"}, {"_id": "3"}])
    store.insert_documents(TODO_TIMESTAMPS, [{"_id": "3", "last_submit": 5}, {"_id": "100", "last_submit": 6}])
    loaded = repository.load()
    assert list(loaded.members) == [3, 20, 100]
    assert [member.user_id for member in loaded.on_roster()] == [3, 20]
    assert list(repository.load([3, 7]).members) == [3, 7]
    assert not repository.member(7).on_roster


def test_odd_documents_are_told_and_do_not_hide_the_others(repository: MemberRepository, store: Store) -> None:
    store.insert_documents(
        TODO_TIMESTAMPS, [{"_id": "mongodb_test"}, {"_id": "5", "last_submit": "soon"}, {"_id": "6"}]
    )
    store.insert_documents(ACTIVE_MEMBERS, [{"_id": "5"}])
    loaded = repository.load()
    assert list(loaded.members) == [6]
    assert loaded.odd == (
        OddDocument("todo_timestamps 'mongodb_test'", "its _id is not a Discord id written as a text"),
        OddDocument("member 5", "todo_timestamps: last_submit is 'soon', not a time in epoch seconds", 5),
    )
    with pytest.raises(RepositoryError, match=r"member 5: .*; correct or remove the document"):
        repository.member(5)


def test_an_odd_event_is_named_and_its_members_history_is_not_taken_for_known(
    repository: MemberRepository, store: Store
) -> None:
    store.insert_documents(
        TODO_EVENTS,
        [{"_id": "e1", "user_id": "1"}, {"_id": "e2", "user_id": "2", "kind": "added", "at": 1_780_000_000}],
    )
    assert [event.id for event in repository.events()] == ["e2"]
    assert store.odd == (
        "todo_events: document 'e1': at is None, not whose event it is, and of when; correct or remove the document",
    )
    assert (repository.is_history_known(1), repository.is_history_known(2)) == (False, True)


def test_odd_notes_are_an_error_that_names_them(repository: MemberRepository, store: Store) -> None:
    store.insert_documents(TODO_STATE, [{"_id": "sweep", "downtimes": 7}])
    with pytest.raises(RepositoryError, match=r"todo_state 'sweep': .*; correct or remove the document"):
        repository.notes()


def test_a_store_that_fails_is_never_an_empty_roster() -> None:
    store = MemoryStore()
    store.failing.update(READING)
    repository = MemberRepository(store, TestClock(NOW))
    for ask in (repository.load, lambda: repository.member(1), repository.events, repository.notes):
        with pytest.raises(StoreError):
            ask()


# Changing


def test_a_change_of_what_was_read_is_made_and_one_of_what_has_changed_is_not(repository: MemberRepository) -> None:
    enrol(repository, 1, 2)
    first, other = repository.member(1), repository.member(2)
    assert repository.save(
        [MemberChange(replace(first, last_ping=NOW)), MemberChange(replace(other, last_ping=NOW))]
    ) == {1, 2}
    assert repository.save([MemberChange(replace(first, last_ping=NOW - HOUR))]) == frozenset()
    assert repository.member(1).last_ping == NOW


def test_a_submission_between_reading_and_saving_makes_the_save_fail(repository: MemberRepository) -> None:
    enrol(repository, 1)
    before = repository.member(1)
    assert repository.save([MemberChange(handed_in(before))]) == {1}
    assert repository.save([MemberChange(replace(before, last_ping=NOW), (event("late"),))]) == frozenset()
    assert (repository.member(1).last_submit, repository.member(1).last_ping) == (NOW, None)
    assert repository.events() == []


def test_an_older_bots_submission_makes_the_save_fail_too(repository: MemberRepository, store: Store) -> None:
    enrol(repository, 1, last_submit=START)
    before = repository.member(1)
    old_bot_submits(store, 1, NOW.timestamp())
    assert repository.save([MemberChange(replace(before, last_ping=NOW))]) == frozenset()
    assert repository.member(1).last_ping is None


def test_a_document_that_is_gone_does_not_come_back(repository: MemberRepository, store: Store) -> None:
    enrol(repository, 1, last_submit=START)
    before = repository.member(1)
    store.remove_documents(TODO_TIMESTAMPS, ["1"])
    assert repository.save([MemberChange(replace(before, last_ping=NOW))]) == frozenset()
    assert stored(store, TODO_TIMESTAMPS) == []


def test_the_roster_changes_only_together_with_the_timestamps(repository: MemberRepository) -> None:
    enrol(repository, 1, last_submit=START)
    before = repository.member(1)
    repository.save([MemberChange(handed_in(before))])
    assert repository.save([MemberChange(replace(before, last_ping=NOW, left_at=NOW))]) == frozenset()
    assert repository.member(1).left_at is None


def test_a_save_that_changes_nothing_writes_nothing(repository: MemberRepository, store: Store) -> None:
    enrol(repository, 1, last_submit=START)
    before = stored(store, TODO_TIMESTAMPS) + stored(store, ACTIVE_MEMBERS)
    assert repository.save([MemberChange(repository.member(1))]) == frozenset()
    assert stored(store, TODO_TIMESTAMPS) + stored(store, ACTIVE_MEMBERS) == before


def test_a_newcomer_gets_no_timestamps_before_there_is_something_to_say(
    repository: MemberRepository, store: Store
) -> None:
    enrol(repository, 1)
    assert stored(store, TODO_TIMESTAMPS) == []


def test_one_off_the_roster_is_not_put_on_it(repository: MemberRepository, store: Store) -> None:
    store.insert_documents(TODO_TIMESTAMPS, [{"_id": "1", "last_submit": 5}])
    assert repository.save([MemberChange(replace(repository.member(1), last_ping=NOW, left_at=NOW))]) == {1}
    assert stored(store, ACTIVE_MEMBERS) == []


def test_taking_somebody_off_the_roster_keeps_the_rest(repository: MemberRepository, store: Store) -> None:
    enrol(repository, 1, last_submit=START)
    assert repository.remove_from_roster(1)
    assert not repository.remove_from_roster(1)
    assert repository.member(1).last_submit == START
    assert not repository.member(1).on_roster


def test_a_change_is_made_anew_when_somebody_was_faster(repository: MemberRepository) -> None:
    enrol(repository, 1)
    tries = 0

    def change(known: Member) -> MemberChange:
        nonlocal tries
        tries += 1
        if tries == 1:
            repository.save([MemberChange(replace(known, last_ping=NOW - HOUR))])
        return MemberChange(replace(known, dms_closed_at=NOW, last_ping=known.last_ping or NOW))

    amended = repository.amend([1], change)
    assert tries == 2
    assert amended[1].last_ping == NOW - HOUR
    assert (repository.member(1).last_ping, repository.member(1).dms_closed_at) == (NOW - HOUR, NOW)


def test_whoever_is_to_stay_is_left_alone(repository: MemberRepository) -> None:
    enrol(repository, 1, 2)
    amended = repository.amend(
        [1, 2], lambda known: MemberChange(replace(known, last_ping=NOW)) if known.user_id == 1 else None
    )
    assert list(amended) == [1]
    assert repository.amend([2], MemberChange) == {}


def test_a_change_that_never_comes_through_is_an_error(
    repository: MemberRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrol(repository, 1)
    monkeypatch.setattr(repository_module, "TRIES", 3)

    def change(known: Member) -> MemberChange:
        seen = known.last_ping or START
        repository.save([MemberChange(replace(known, last_ping=seen + HOUR))])
        return MemberChange(replace(known, last_ping=NOW))

    with pytest.raises(RepositoryError, match="member 1: the document keeps changing"):
        repository.amend([1], change)


# History


def test_a_change_and_its_events_are_there_together(repository: MemberRepository) -> None:
    enrol(repository, 1)
    for number in (1, 2):
        known = repository.member(1)
        repository.save(
            [
                MemberChange(
                    replace(known, last_ping=NOW + number * HOUR), (event(f"e{number}", at=NOW + number * HOUR),)
                )
            ]
        )
    assert [one.id for one in repository.events(1)] == ["e1", "e2"]


def test_events_are_told_by_member_and_by_kind_oldest_first(repository: MemberRepository) -> None:
    repository.enter([event("c", at=NOW + HOUR), event("a"), event("b", user_id=2), event("d", kind="warning")])
    assert [one.id for one in repository.events()] == ["a", "b", "d", "c"]
    assert [one.id for one in repository.events(user_id=1)] == ["a", "d", "c"]
    assert [one.id for one in repository.events(kind="warning")] == ["d"]
    assert [one.id for one in repository.events(user_id=1, kind="warning")] == ["d"]


@pytest.mark.parametrize("next_change", ["amend", "save"])
def test_events_get_into_the_history_once_however_the_process_ends(next_change: str) -> None:
    store = MemoryStore()
    store.failing.add("add todo_events")
    repository = MemberRepository(store, TestClock(NOW))
    enrol(repository, 1)
    with pytest.raises(StoreError, match="in memory"):
        repository.save([MemberChange(replace(repository.member(1), last_ping=NOW), (event("lost"),))])
    assert repository.member(1).last_ping == NOW
    assert stored(store, TODO_EVENTS) == []
    assert [one.id for one in repository.events()] == ["lost"]
    assert [one.id for one in repository.events(1)] == ["lost"]
    store.failing.clear()
    again = MemberRepository(store, TestClock(NOW))
    edit = MemberChange(replace(again.member(1), last_ping=NOW + HOUR), (event("next"),))
    assert again.save([edit]) if next_change == "save" else again.amend([1], lambda _: edit)
    assert [document["_id"] for document in stored(store, TODO_EVENTS)] == ["lost", "next"]
    assert [one.id for one in again.events()] == ["lost", "next"]
    again.save([MemberChange(replace(again.member(1), last_ping=NOW + 2 * HOUR))])
    assert [one.id for one in MemberRepository(store, TestClock(NOW)).events()] == ["lost", "next"]


def test_an_event_is_entered_once_however_often_it_is_told(repository: MemberRepository) -> None:
    repository.enter([event("a")])
    repository.enter([event("a"), event("b")])
    assert [one.id for one in repository.events()] == ["a", "b"]


# What sweeps keep


def test_notes_are_changed_as_they_are_now(repository: MemberRepository) -> None:
    assert repository.notes() == SweepNotes()
    repository.change_notes(lambda known: replace(known, last_sweep=NOW))
    repository.change_notes(lambda known: replace(known, told=("a",)))
    assert (repository.notes().last_sweep, repository.notes().told) == (NOW, ("a",))


def test_notes_are_changed_anew_when_another_sweep_was_faster(repository: MemberRepository) -> None:
    repository.change_notes(lambda known: replace(known, last_sweep=START))
    tries = 0

    def change(known: SweepNotes) -> SweepNotes:
        nonlocal tries
        tries += 1
        if tries == 1:
            repository.change_notes(lambda other: replace(other, told=("other",)))
        return replace(known, last_sweep=NOW)

    repository.change_notes(change)
    assert (repository.notes().last_sweep, repository.notes().told) == (NOW, ("other",))


def test_notes_that_stay_the_same_are_not_written(store: Store, repository: MemberRepository) -> None:
    repository.change_notes(lambda known: replace(known, last_sweep=NOW))
    before = stored(store, TODO_STATE)
    repository.change_notes(lambda known: known)
    assert stored(store, TODO_STATE) == before
