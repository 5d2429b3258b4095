from __future__ import annotations

from dataclasses import replace

import pytest
from fakes.records import NOON
from hypothesis import given
from hypothesis import strategies as st
from todo_builders import HOUR, maybe, moments

from giftping.store.base import Broken
from giftping.todo.document_fields import OddDocumentError
from giftping.todo.periods import Period
from giftping.todo.sweep_notes import BrokenChannel, SweepNotes, broken_in, notes_document, notes_from

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
BROKEN = st.builds(
    Broken,
    since=moments,
    reason=TEXTS,
    times=st.integers(1, 99),
    retry_at=maybe,
    status=st.sampled_from([None, 403, 404]),
    code=st.sampled_from([None, 10003, 50013]),
)
NOTES = st.builds(
    SweepNotes,
    last_sweep=maybe,
    downtimes=st.lists(st.builds(Period, moments, moments), max_size=3).map(tuple),
    dms_stopped_until=maybe,
    told=st.lists(TEXTS, max_size=3).map(tuple),
    channel=st.none() | st.builds(BrokenChannel, st.integers(1, 2**63), BROKEN),
)


@given(NOTES)
def test_the_sweeps_notes_are_the_same_after_being_written_and_read(notes):
    document = notes_document(notes)
    assert notes_from(document) == replace(notes, document=document)


@given(NOTES, NOTES)
def test_what_is_noted_no_more_goes_from_the_document_and_what_is_not_ours_stays(before, after):
    document = {**notes_document(before), "of somebody else": 5}
    written = notes_document(replace(after, document=document))
    assert notes_from(written) == replace(after, document=written)
    assert written["of somebody else"] == 5


def test_only_the_channel_that_said_no_is_broken() -> None:
    notes = SweepNotes(channel=BrokenChannel(2, Broken(NOON, "HTTP 403")))
    assert broken_in(notes, 2) == Broken(NOON, "HTTP 403")
    assert broken_in(notes, 3) is broken_in(SweepNotes(), 2) is None


def test_without_a_document_nothing_has_been_noted():
    assert notes_from(None) == SweepNotes()


@pytest.mark.parametrize(
    "document",
    [
        {"downtimes": 5},
        {"downtimes": [[1]]},
        {"downtimes": [[1, "x"]]},
        {"told": 5},
        {"last_sweep": "x"},
        {"channel": 5},
        {"channel": {"channel_id": "2"}},
    ],
)
def test_odd_notes_are_named_as_such(document):
    with pytest.raises(OddDocumentError, match="todo_state: "):
        notes_from(document)


def test_the_last_gap_is_kept_in_the_notes() -> None:
    notes = SweepNotes(last_gap=3 * HOUR)
    assert notes_document(notes)["last_gap"] == 10800
    assert notes_from(notes_document(notes)).last_gap == 3 * HOUR
    assert "last_gap" not in notes_document(SweepNotes())
