"""What a sweep sends where the store that hosts share is lost on the way, before any call: nothing from then on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from fakes.shared_store import FakeSharedEngine
from scene import sample
from todo_stage import DAY, GUILD, HOUR, ROLE, Stage

from giftping.runs import sweep
from giftping.store import opening
from giftping.todo.model import Lapse

SHARES = "[mongo]\nshared = true\n"


@dataclass
class Shared:
    """A store that hosts share, lost after so many calls."""

    stage: Stage
    calls: int = 0
    lost_after: int | None = None
    posts_when_lost: list[int] = field(default_factory=list)

    def is_away(self) -> bool:
        self.calls += 1
        is_lost = self.lost_after is not None and self.calls > self.lost_after
        if is_lost and not self.posts_when_lost:
            self.posts_when_lost.append(self.sent())
        return is_lost

    def sent(self) -> int:
        """How much has been sent, or done to a role."""
        return len(self.stage.discord.arrived()) + len(self.stage.discord.role_changes)

    def lose(self, after: int | None) -> None:
        self.calls, self.lost_after = 0, after
        self.posts_when_lost.clear()


class OneAfterTheOther(Executor):
    """Does what is submitted at once: what was claimed before the loss is then sent before it, too."""

    def submit(self, work: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(work(*arguments, **named))
        return future


@pytest.fixture
def shared(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shared]:
    shared = Shared(stage)
    stage.settings = SHARES
    stage.environment["MONGO_URI"] = "mongodb://127.0.0.1:1/gifts"

    def database(_settings: object, _uri: object) -> FakeSharedEngine:
        return FakeSharedEngine(stage.folder / "shared", shared.is_away)

    monkeypatch.setattr(opening, "database_of", database)
    monkeypatch.setattr(sweep, "_pool", OneAfterTheOther)
    return shared


def overdue_and_doomed(stage: Stage) -> None:
    now = stage.clock()
    stage.join(101, 102)
    stage.join(
        103,
        silent_for=5 * DAY,
        last_ping=now - HOUR,
        lapse=Lapse(now - 5 * DAY, warned_at=now - 13 * HOUR),
    )


def test_whenever_it_is_lost_nothing_is_sent_and_no_role_is_taken_from_then_on(stage: Stage, shared: Shared) -> None:
    """The claim itself is one of the calls: what was claimed in a store that is gone has no referee."""
    for after in sample(range(1, 400), 3):
        shared.lose(None)
        stage.pass_time(timedelta(days=1))
        stage.discord.add_member(GUILD, 103, roles=(ROLE,))
        overdue_and_doomed(stage)
        shared.lose(after)
        report = stage.sweep()
        if shared.calls <= after:
            break
        assert shared.sent() == shared.posts_when_lost[0], after
        # The last call is made when the store is closed: nothing waits for it any more.
        if report.exit_code == 0:
            assert after > 50
            continue
        assert report.exit_code == 69
        assert "nothing was sent" not in " ".join(report.trouble_lines())
        assert any("is back" in line for line in report.trouble_lines()), after
    assert after > 20
    shared.lose(None)
    stage.pass_time(timedelta(hours=1))
    stage.sweep()
    stage.sweep()
    assert stage.pings(101)


def test_a_submission_is_taken_while_it_is_away_and_told_when_it_is_back(stage: Stage, shared: Shared) -> None:
    stage.join(101)
    stage.sweep()
    before = shared.sent()
    shared.lose(0)
    assert stage.submit(101).member.last_submit == stage.clock()
    assert shared.sent() == before
    shared.lose(None)
    stage.pass_time(timedelta(minutes=1))
    stage.sweep()
    assert shared.sent() == before + 1
    assert stage.member(101).last_submit is not None
