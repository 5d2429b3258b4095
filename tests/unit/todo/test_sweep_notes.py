from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from todo_builders import HOUR, maybe, moments

from giftping.todo.document_fields import OddDocumentError
from giftping.todo.periods import Period
from giftping.todo.sweep_notes import SweepNotes, notes_document, notes_from


@given(st.builds(SweepNotes, maybe, st.lists(st.builds(Period, moments, moments), max_size=3).map(tuple), maybe))
def test_the_sweeps_notes_are_the_same_after_being_written_and_read(notes):
    document = notes_document(notes)
    assert notes_from(document) == replace(notes, document=document)


def test_without_a_document_nothing_has_been_noted():
    assert notes_from(None) == SweepNotes()


@pytest.mark.parametrize(
    "document", [{"downtimes": 5}, {"downtimes": [[1]]}, {"downtimes": [[1, "x"]]}, {"told": 5}, {"last_sweep": "x"}]
)
def test_odd_notes_are_named_as_such(document):
    with pytest.raises(OddDocumentError, match="todo_state: "):
        notes_from(document)


def test_the_last_gap_is_kept_in_the_notes() -> None:
    notes = SweepNotes(last_gap=3 * HOUR)
    assert notes_document(notes)["last_gap"] == 10800
    assert notes_from(notes_document(notes)).last_gap == 3 * HOUR
    assert "last_gap" not in notes_document(SweepNotes())
