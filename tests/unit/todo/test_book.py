from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes.clock import TestClock
from fakes.store import MemoryStore
from todo_builders import DAY, HOUR, START, notice

from giftping.store.base import Store, StoreError
from giftping.store.documents import ACTIVE_MEMBERS, TODO_EVENTS, TODO_STATE, TODO_TIMESTAMPS
from giftping.store.tiny import TinyStore
from giftping.todo import book as book_module
from giftping.todo.book import Book, BookError, Edit, Odd
from giftping.todo.documents import Event, SweepNotes
from giftping.todo.model import Member, NoticeKind, Todo
from giftping.todo.rounds import with_submission

NOW = START + DAY


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    with MemoryStore() if request.param == "memory" else TinyStore(tmp_path) as opened:
        yield opened


@pytest.fixture
def book(store: Store) -> Book:
    return Book(store, TestClock(NOW))


def event(id_: str, user_id: int = 1, kind: str = "reminder", at=NOW) -> Event:
    return Event(id_, user_id, kind, at)


def enrol(book: Book, *user_ids: int, **fields: Any) -> None:
    known = {"added": START, **fields}
    assert book.save([Edit(Member(user_id, "Ann", **known)) for user_id in user_ids]) == set(user_ids)


def handed_in(known: Member, at=NOW) -> Member:
    return with_submission(known, Todo("Ann", "x", "y"), notice(NoticeKind.SUBMISSION, at, id="post"), at)


def old_bot_submits(store: Store, user_id: int, at: float) -> None:
    """Write what an older bot writes, which knows nothing of revisions."""
    document = {**store.documents_of(TODO_TIMESTAMPS, [str(user_id)])[str(user_id)], "last_submit": at, "last_ping": 0}
    store.remove_documents(TODO_TIMESTAMPS, [str(user_id)])
    store.insert_documents(TODO_TIMESTAMPS, [document])


def stored(store: Store, collection: str) -> list[Any]:
    return sorted(store.documents(collection), key=lambda document: str(document["_id"]))


# Reading


def test_the_roll_is_everybody_on_the_roster_or_with_timestamps(book: Book, store: Store) -> None:
    store.insert_documents(ACTIVE_MEMBERS, [{"_id": "20"}, {"_id": "3"}])
    store.insert_documents(TODO_TIMESTAMPS, [{"_id": "3", "last_submit": 5}, {"_id": "100", "last_submit": 6}])
    roll = book.roll()
    assert list(roll.members) == [3, 20, 100]
    assert [member.user_id for member in roll.on_roster()] == [3, 20]
    assert list(book.roll([3, 7]).members) == [3, 7]
    assert not book.member(7).on_roster


def test_odd_documents_are_told_and_do_not_hide_the_others(book: Book, store: Store) -> None:
    store.insert_documents(
        TODO_TIMESTAMPS, [{"_id": "mongodb_test"}, {"_id": "5", "last_submit": "soon"}, {"_id": "6"}]
    )
    store.insert_documents(ACTIVE_MEMBERS, [{"_id": "5"}])
    roll = book.roll()
    assert list(roll.members) == [6]
    assert roll.odd == (
        Odd("todo_timestamps 'mongodb_test'", "its _id is not a Discord id written as a text"),
        Odd("member 5", "todo_timestamps: last_submit is 'soon', not a time in epoch seconds", 5),
    )
    with pytest.raises(BookError, match=r"member 5: .*; correct or remove the document"):
        book.member(5)


def test_odd_events_and_notes_are_an_error_that_names_them(book: Book, store: Store) -> None:
    store.insert_documents(TODO_EVENTS, [{"_id": "e1", "user_id": "1"}])
    store.insert_documents(TODO_STATE, [{"_id": "sweep", "downtimes": 7}])
    with pytest.raises(BookError, match=r"todo_events 'e1': .*; correct or remove the document"):
        book.events()
    with pytest.raises(BookError, match=r"todo_state 'sweep': .*; correct or remove the document"):
        book.notes()


def test_a_store_that_fails_is_never_an_empty_roll() -> None:
    store: Any = MemoryStore()
    store.failing = {"documents", "documents_of", "documents_where"}
    book = Book(store, TestClock(NOW))
    for ask in (book.roll, lambda: book.member(1), book.events, book.notes):
        with pytest.raises(StoreError):
            ask()


# Changing


def test_a_change_of_what_was_read_is_made_and_one_of_what_has_changed_is_not(book: Book) -> None:
    enrol(book, 1, 2)
    first, other = book.member(1), book.member(2)
    assert book.save([Edit(replace(first, last_ping=NOW)), Edit(replace(other, last_ping=NOW))]) == {1, 2}
    assert book.save([Edit(replace(first, last_ping=NOW - HOUR))]) == frozenset()
    assert book.member(1).last_ping == NOW


def test_a_submission_between_reading_and_saving_makes_the_save_fail(book: Book) -> None:
    enrol(book, 1)
    before = book.member(1)
    assert book.save([Edit(handed_in(before))]) == {1}
    assert book.save([Edit(replace(before, last_ping=NOW), (event("late"),))]) == frozenset()
    assert (book.member(1).last_submit, book.member(1).last_ping) == (NOW, None)
    assert book.events() == []


def test_an_older_bots_submission_makes_the_save_fail_too(book: Book, store: Store) -> None:
    enrol(book, 1, last_submit=START)
    before = book.member(1)
    old_bot_submits(store, 1, NOW.timestamp())
    assert book.save([Edit(replace(before, last_ping=NOW))]) == frozenset()
    assert book.member(1).last_ping is None


def test_a_document_that_is_gone_does_not_come_back(book: Book, store: Store) -> None:
    enrol(book, 1, last_submit=START)
    before = book.member(1)
    store.remove_documents(TODO_TIMESTAMPS, ["1"])
    assert book.save([Edit(replace(before, last_ping=NOW))]) == frozenset()
    assert stored(store, TODO_TIMESTAMPS) == []


def test_the_roster_changes_only_together_with_the_timestamps(book: Book) -> None:
    enrol(book, 1, last_submit=START)
    before = book.member(1)
    book.save([Edit(handed_in(before))])
    assert book.save([Edit(replace(before, last_ping=NOW, left_at=NOW))]) == frozenset()
    assert book.member(1).left_at is None


def test_a_save_that_changes_nothing_writes_nothing(book: Book, store: Store) -> None:
    enrol(book, 1, last_submit=START)
    before = stored(store, TODO_TIMESTAMPS) + stored(store, ACTIVE_MEMBERS)
    assert book.save([Edit(book.member(1))]) == frozenset()
    assert stored(store, TODO_TIMESTAMPS) + stored(store, ACTIVE_MEMBERS) == before


def test_a_newcomer_gets_no_timestamps_before_there_is_something_to_say(book: Book, store: Store) -> None:
    enrol(book, 1)
    assert stored(store, TODO_TIMESTAMPS) == []


def test_one_off_the_roster_is_not_put_on_it(book: Book, store: Store) -> None:
    store.insert_documents(TODO_TIMESTAMPS, [{"_id": "1", "last_submit": 5}])
    assert book.save([Edit(replace(book.member(1), last_ping=NOW, left_at=NOW))]) == {1}
    assert stored(store, ACTIVE_MEMBERS) == []


def test_taking_somebody_off_the_roster_keeps_the_rest(book: Book, store: Store) -> None:
    enrol(book, 1, last_submit=START)
    assert book.remove_from_roster(1)
    assert not book.remove_from_roster(1)
    assert book.member(1).last_submit == START
    assert not book.member(1).on_roster


def test_a_change_is_made_anew_when_somebody_was_faster(book: Book) -> None:
    enrol(book, 1)
    tries = 0

    def change(known: Member) -> Edit:
        nonlocal tries
        tries += 1
        if tries == 1:
            book.save([Edit(replace(known, last_ping=NOW - HOUR))])
        return Edit(replace(known, dms_closed_at=NOW, last_ping=known.last_ping or NOW))

    amended = book.amend([1], change)
    assert tries == 2
    assert amended[1].last_ping == NOW - HOUR
    assert (book.member(1).last_ping, book.member(1).dms_closed_at) == (NOW - HOUR, NOW)


def test_whoever_is_to_stay_is_left_alone(book: Book) -> None:
    enrol(book, 1, 2)
    amended = book.amend([1, 2], lambda known: Edit(replace(known, last_ping=NOW)) if known.user_id == 1 else None)
    assert list(amended) == [1]
    assert book.amend([2], Edit) == {}


def test_a_change_that_never_comes_through_is_an_error(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    enrol(book, 1)
    monkeypatch.setattr(book_module, "TRIES", 3)

    def change(known: Member) -> Edit:
        seen = known.last_ping or START
        book.save([Edit(replace(known, last_ping=seen + HOUR))])
        return Edit(replace(known, last_ping=NOW))

    with pytest.raises(BookError, match="member 1: the document keeps changing"):
        book.amend([1], change)


# History


def test_a_change_and_its_events_are_there_together(book: Book) -> None:
    enrol(book, 1)
    for number in (1, 2):
        known = book.member(1)
        book.save([Edit(replace(known, last_ping=NOW + number * HOUR), (event(f"e{number}", at=NOW + number * HOUR),))])
    assert [one.id for one in book.events(1)] == ["e1", "e2"]


def test_events_are_told_by_member_and_by_kind_oldest_first(book: Book) -> None:
    book.enter([event("c", at=NOW + HOUR), event("a"), event("b", user_id=2), event("d", kind="warning")])
    assert [one.id for one in book.events()] == ["a", "b", "d", "c"]
    assert [one.id for one in book.events(user_id=1)] == ["a", "d", "c"]
    assert [one.id for one in book.events(kind="warning")] == ["d"]
    assert [one.id for one in book.events(user_id=1, kind="warning")] == ["d"]


class DyingStore(MemoryStore):
    """Dies the next time that events go into the history."""

    dies = True

    def insert_documents(self, collection: str, documents: Any) -> frozenset[str]:
        if collection == TODO_EVENTS and self.dies:
            raise StoreError("the process died")
        return super().insert_documents(collection, documents)


@pytest.mark.parametrize("next_change", ["amend", "save"])
def test_events_get_into_the_history_once_however_the_process_ends(next_change: str) -> None:
    store: Any = DyingStore()
    book = Book(store, TestClock(NOW))
    enrol(book, 1)
    with pytest.raises(StoreError, match="died"):
        book.save([Edit(replace(book.member(1), last_ping=NOW), (event("lost"),))])
    assert book.member(1).last_ping == NOW
    assert stored(store, TODO_EVENTS) == []
    assert [one.id for one in book.events()] == ["lost"]
    assert [one.id for one in book.events(1)] == ["lost"]
    store.dies = False
    again = Book(store, TestClock(NOW))
    edit = Edit(replace(again.member(1), last_ping=NOW + HOUR), (event("next"),))
    assert again.save([edit]) if next_change == "save" else again.amend([1], lambda _: edit)
    assert [document["_id"] for document in stored(store, TODO_EVENTS)] == ["lost", "next"]
    assert [one.id for one in again.events()] == ["lost", "next"]
    again.save([Edit(replace(again.member(1), last_ping=NOW + 2 * HOUR))])
    assert [one.id for one in Book(store, TestClock(NOW)).events()] == ["lost", "next"]


def test_an_event_is_entered_once_however_often_it_is_told(book: Book) -> None:
    book.enter([event("a")])
    book.enter([event("a"), event("b")])
    assert [one.id for one in book.events()] == ["a", "b"]


# What sweeps keep


def test_notes_are_changed_as_they_are_now(book: Book) -> None:
    assert book.notes() == SweepNotes()
    book.change_notes(lambda known: replace(known, last_sweep=NOW))
    book.change_notes(lambda known: replace(known, told=("a",)))
    assert (book.notes().last_sweep, book.notes().told) == (NOW, ("a",))


def test_notes_are_changed_anew_when_another_sweep_was_faster(book: Book) -> None:
    book.change_notes(lambda known: replace(known, last_sweep=START))
    tries = 0

    def change(known: SweepNotes) -> SweepNotes:
        nonlocal tries
        tries += 1
        if tries == 1:
            book.change_notes(lambda other: replace(other, told=("other",)))
        return replace(known, last_sweep=NOW)

    book.change_notes(change)
    assert (book.notes().last_sweep, book.notes().told) == (NOW, ("other",))


def test_notes_that_stay_the_same_are_not_written(store: Store, book: Book) -> None:
    book.change_notes(lambda known: replace(known, last_sweep=NOW))
    before = stored(store, TODO_STATE)
    book.change_notes(lambda known: known)
    assert stored(store, TODO_STATE) == before
