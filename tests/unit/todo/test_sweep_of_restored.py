"""A sweep meets what somebody has put back, or damaged, behind giftping's back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from todo_stage import DAY, HOUR, Stage

from giftping.store.documents import TODO_EVENTS, TODO_TIMESTAMPS
from giftping.todo.forget import forget_documents
from giftping.todo.repository import MemberRepository


def back_from_a_backup(stage: Stage, user_id: int) -> tuple[list[Any], list[Any]]:
    """Let a member ask to be forgotten, and somebody put back the two collections that are of them alone."""
    with stage.repository() as repository:
        engine = repository.store.engine
        before = [(name, dict(one)) for name in (TODO_TIMESTAMPS, TODO_EVENTS) for one in engine.walk(name)]
        forget_documents(repository, user_id, stage.clock())
        for name, one in before:
            repository.store.remove_documents(name, [one["_id"]])
            repository.store.insert_documents(name, [one])
        return of_member(repository, user_id)


def of_member(repository: MemberRepository, user_id: int) -> tuple[list[Any], list[Any]]:
    engine, id_ = repository.store.engine, str(user_id)
    stamps, events = engine.get(TODO_TIMESTAMPS, [id_]).values(), engine.find(TODO_EVENTS, {"user_id": [id_]})
    return list(map(dict, stamps)), list(map(dict, events))


@pytest.mark.parametrize("ahead", [timedelta(), timedelta(days=30)], ids=["dated well", "by a clock that was ahead"])
def test_who_was_forgotten_and_is_brought_back_by_a_backup_is_forgotten_by_the_next_sweep(
    stage: Stage, ahead: timedelta
) -> None:
    stage.join(101, 102)
    stage.submit(101)
    stage.submit(102)
    stage.pass_time(DAY * 2)
    stage.clock.pass_time(ahead)
    stamps, events = back_from_a_backup(stage, 101)
    stage.clock.pass_time(-ahead)
    assert len(stamps) == 1
    assert events
    stage.sweep()
    assert stage.pings(101) == []
    assert stage.pings(102) != []
    with stage.repository() as repository:
        stamps, events = of_member(repository, 101)
        assert "read ten pages" not in str((stamps, events))
        assert len(of_member(repository, 102)[1]) > 0
    stage.pass_time(HOUR)
    stage.submit(101)
    stage.pass_time(HOUR)
    stage.sweep()
    with stage.repository() as repository:
        assert "read ten pages" in str(of_member(repository, 101)[0]), "what came after it stays"


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_sweep_names_what_cannot_be_read_in_the_history_and_ends_in_69(stage: Stage, dry_run: bool) -> None:
    stage.join(101, silent_for=HOUR)
    assert stage.sweep(dry_run=dry_run).exit_code == 0
    with stage.repository() as repository:
        repository.store.insert_documents(TODO_EVENTS, [{"_id": "odd", "user_id": "101", "kind": "x", "at": "never"}])
    for _ in range(2):
        report = stage.sweep(dry_run=dry_run)
        assert report.exit_code == 69
        assert [one for one in report.trouble if "todo_events: document 'odd'" in one]
