from __future__ import annotations

import pytest
from fakes.words import ENGLISH, EVERY_LANGUAGE, WORDY
from todo_builders import START, member, notice

from giftping.discord.limits import violations
from giftping.runs.how_to import ROOM
from giftping.todo.errands import Errand, files_owed, news_of, posts_of, writes_of
from giftping.todo.model import Attachment, Leg, LegName, LegState, Member, Notice, NoticeKind, Todo
from giftping.todo.notices import NoticeDetails, Speech, channel_message
from giftping.todo.report import PlannedAction
from giftping.todo.rules import Action, Due
from giftping.words.catalogue import Words

CLOSED = Leg(LegState.CLOSED)
HOW = ENGLISH("todo.how")
SPEECH = Speech(ENGLISH, HOW)


def ping(user_id: int, *legs: LegName) -> PlannedAction:
    return PlannedAction(user_id, "Ann", Due(Action.REMIND, "silent", legs=legs or tuple(LegName)))


def told(*notices: Notice) -> list[Member]:
    return [member(notices=notices)]


def test_a_ping_that_is_owed_is_no_news_and_a_removal_is():
    removed = notice(NoticeKind.REMOVAL)
    assert news_of(told(notice(), removed)) == [(member(notices=(notice(), removed)), removed)]
    assert news_of(told(notice(NoticeKind.REMOVAL, channel=CLOSED, dm=CLOSED))) == []


def test_pings_go_out_ten_in_a_message_and_news_before_them():
    news = [(member(50), notice(NoticeKind.REMOVAL))]
    posts = list(posts_of(news, [ping(user_id) for user_id in range(1, 12)], SPEECH))
    assert [[errand.user_id for errand in post] for post in posts] == [[50], list(range(1, 11)), [11]]


@pytest.mark.parametrize("words", [*EVERY_LANGUAGE, WORDY], ids=lambda words: words.language)
@pytest.mark.parametrize("how", [HOW, "x" * ROOM])
def test_as_many_pings_go_into_a_message_as_fit_whatever_they_say(words: Words, how: str) -> None:
    posts = list(posts_of([], [ping(user_id) for user_id in range(1, 31)], Speech(words, how)))
    assert [errand.user_id for post in posts for errand in post] == list(range(1, 31))
    assert len(posts[0]) == 10 or how != HOW or words is WORDY
    late = member(2**63, last_submit=START, added=None)
    for post in posts:
        details = [NoticeDetails(late, notice(NoticeKind.WARNING), words, START, START, 2**63, how) for _ in post]
        assert violations(channel_message(details)) == []


def test_only_legs_that_are_due_are_posted_to_the_channel():
    assert list(posts_of([(member(), notice(NoticeKind.RESTORE, channel=CLOSED))], [ping(2, LegName.DM)], SPEECH)) == []


def test_a_todo_is_posted_in_a_message_of_its_own():
    posted = notice(NoticeKind.SUBMISSION, todo=Todo("Ann", "1/6/2026"))
    news = [(member(user_id), posted) for user_id in (1, 2)]
    assert [len(post) for post in posts_of(news, [], SPEECH)] == [1, 1]


def test_direct_messages_bring_the_news_that_is_owed_and_every_ping():
    news = [(member(1), notice(NoticeKind.REMOVAL)), (member(2), notice(NoticeKind.REMOVAL, dm=CLOSED))]
    assert writes_of(news, [ping(3)]) == [Errand(1, notice().id), Errand(3)]


def test_a_file_is_kept_as_long_as_a_notice_is_to_bring_it():
    todo = Todo("Ann", "1/6/2026", id="t1", submitted_at=START, attachment=Attachment("a.txt", size=1))
    assert files_owed(told(notice(NoticeKind.SUBMISSION, todo=todo))) == {"t1"}
    assert files_owed(told(notice(NoticeKind.SUBMISSION, todo=Todo("Ann", "1/6/2026", id="t2")))) == frozenset()
