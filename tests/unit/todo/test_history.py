from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from todo_builders import moments, some_ids, words

from giftping.todo.document_fields import OddDocumentError
from giftping.todo.history import Event, event_document, event_from


@given(st.builds(Event, words, some_ids, words, moments, words, words, words, words, words, st.none() | some_ids))
def test_an_event_is_the_same_after_being_written_and_read(event):
    assert event_from(event_document(event)) == event


@pytest.mark.parametrize("document", [{}, {"user_id": "5"}, {"at": 5}, {"user_id": "x", "at": 5}])
def test_what_is_no_event_is_odd(document):
    with pytest.raises(OddDocumentError, match="todo_events: "):
        event_from(document)
