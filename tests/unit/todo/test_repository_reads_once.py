"""A run looks at everybody several times: what the store gives out again as it was is not read anew."""

from __future__ import annotations

from dataclasses import replace

import pytest
from todo_stage import Stage

from giftping.store.documents import TODO_TIMESTAMPS
from giftping.todo.repository import MemberChange


def test_a_member_is_read_anew_only_once_a_document_has_changed(stage: Stage) -> None:
    stage.enrol(101, 102)
    with stage.repository() as repository:
        first = repository.load().members
        again = repository.load().members
        assert (again[101] is first[101], again[102] is first[102]) == (True, True)
        repository.save([MemberChange(replace(first[101], name="Ann"))])
        assert repository.member(101).name == "Ann"
        assert repository.member(102) is first[102]


def test_a_document_that_is_given_out_once_more_is_not_read_anew(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """MongoDB gives out an equal one each time."""
    stage.enrol(101)
    with stage.repository() as repository:
        give = repository.store.engine.walk
        monkeypatch.setattr(repository.store.engine, "walk", lambda name: iter([dict(one) for one in give(name)]))
        first = repository.load().members[101]
        assert repository.load().members[101] is first
        repository.save([MemberChange(replace(first, name="Ann"))])
        assert repository.load().members[101].name == "Ann"


def test_what_another_program_wrote_is_seen(stage: Stage) -> None:
    stage.enrol(101)
    with stage.repository() as repository, stage.repository() as other:
        assert repository.member(101).last_submit is None
        other.store.insert_documents(TODO_TIMESTAMPS, [{"_id": "101", "last_submit": 1.5e9, "last_ping": 0}])
        last_submit = repository.member(101).last_submit
        assert last_submit is not None
        assert last_submit.timestamp() == 1.5e9
