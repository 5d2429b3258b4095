from __future__ import annotations

import json
from dataclasses import replace

import pytest
from fakes.openapi import ABSENT, discord_openapi
from fakes.words import ENGLISH, EVERY_LANGUAGE, WORDY
from hypothesis import given
from hypothesis import strategies as st
from todo_builders import DAY, HOUR, START, member, notice

from giftping.discord.limits import embed_length, text_length, violations
from giftping.discord.message import Message
from giftping.todo.model import Attachment, Notice, NoticeKind, Todo
from giftping.todo.notices import (
    NoticeDetails,
    batches,
    channel_message,
    dm_message,
    reference,
    shows,
    submission_embed,
)
from giftping.words.catalogue import Words

NOW = START + DAY
TODO = Todo("Ann", "02/06/2026", must_do="read ten pages", id="t1", submitted_at=NOW)
OTHERS = [kind for kind in NoticeKind if kind is not NoticeKind.SUBMISSION]


def told(user_id: int = 1, kind: NoticeKind = NoticeKind.REMINDER, words: Words = ENGLISH, **changes) -> NoticeDetails:
    of = notice(kind, NOW, id=f"{user_id:016x}", todo=TODO if kind is NoticeKind.SUBMISSION else None)
    times = NOW + 3 * HOUR, NOW + 15 * HOUR
    return NoticeDetails(member(user_id), replace(of, **changes), words, *times, 3, words("todo.how"))


def post(*everybody: NoticeDetails) -> dict:
    return channel_message(everybody).payload()


# What discord is sent


@pytest.mark.parametrize("kind", OTHERS)
def test_a_mention_stands_in_the_content_with_leave_for_exactly_those_members(kind):
    body = post(told(11, kind), told(22, kind))
    assert body["content"] == "<@11> <@22>"
    assert body["allowed_mentions"] == {"parse": [], "roles": [], "users": ["11", "22"]}
    assert len(body["embeds"]) == 2


def test_a_member_with_two_notices_in_one_message_is_mentioned_once():
    assert post(told(11, NoticeKind.REMOVAL), told(11, NoticeKind.RESTORE))["content"] == "<@11>"


def test_who_hands_in_a_todo_is_not_pinged_for_it_and_one_for_whom_it_was_done_is():
    assert "content" not in post(told(11, NoticeKind.SUBMISSION))
    assert post(told(11, NoticeKind.SUBMISSION))["allowed_mentions"]["users"] == []
    for_other = told(11, NoticeKind.SUBMISSION, todo=replace(TODO, submitted_by=9))
    assert post(for_other)["content"] == "<@11>"
    assert post(for_other)["allowed_mentions"]["users"] == ["11"]


def test_a_direct_message_mentions_nobody():
    for kind in OTHERS:
        assert dm_message(told(11, kind)).payload()["allowed_mentions"] == {"parse": [], "roles": [], "users": []}


def test_a_reminder_says_when_the_next_one_comes_and_a_warning_when_the_role_goes():
    reminder, warning = post(told())["embeds"][0], post(told(kind=NoticeKind.WARNING))["embeds"][0]
    next_at, off_at = int((NOW + 3 * HOUR).timestamp()), int((NOW + 15 * HOUR).timestamp())
    assert reminder["fields"][-1]["value"] == f"The next reminder comes <t:{next_at}:R>."
    assert warning["fields"][-1]["value"] == f"<@&3> goes <t:{off_at}:f>, <t:{off_at}:R>."


def test_the_silence_is_told_by_the_last_todo_or_by_the_coming_onto_the_roster():
    since = int(START.timestamp())
    assert f"the last TODO came <t:{since}:R>" in post(told())["embeds"][0]["description"]
    newcomer = replace(told(), member=member(last_submit=None, added=START))
    assert f"there has been no TODO since <t:{since}:f>" in post(newcomer)["embeds"][0]["description"]
    assert dm_message(newcomer).embeds[0].description == f"You have handed in no TODO since <t:{since}:f>."


def test_without_a_named_role_the_text_does_without():
    nameless = replace(told(kind=NoticeKind.REMOVAL), role_id=None)
    assert "the TODO role" in post(nameless)["embeds"][0]["description"]


def test_a_submission_shows_its_lists_as_they_were_written():
    embed = submission_embed(1, replace(TODO, can_do="a `b` *c*\nd", dont_do=""), told().notice, ENGLISH)
    assert {field.name: field.value for field in embed.fields} == {
        "👤 Submitted by": "<@1>",
        "📅 Date": "02/06/2026",
        "📝 Name": "Ann",
        "✔️ Must do": "read ten pages",
        "🎯 Can do": "a \\`b\\` \\*c\\*\nd",
    }


def test_a_submission_for_somebody_names_both():
    fields = submission_embed(1, replace(TODO, submitted_by=9), told().notice, ENGLISH).fields
    assert [(field.name, field.value) for field in fields[:2]] == [
        ("👤 For", "<@1>"),
        ("👨‍💼 Submitted by", "<@9>"),
    ]


def test_a_picture_is_shown_and_another_file_is_named():
    picture = replace(TODO, attachment=Attachment("a.png", "image/png", 5))
    paper = replace(TODO, attachment=Attachment("a.pdf", "application/pdf", 5))
    assert submission_embed(1, picture, told().notice, ENGLISH).image == "attachment://a.png"
    assert submission_embed(1, paper, told().notice, ENGLISH).image == ""
    assert submission_embed(1, paper, told().notice, ENGLISH).fields[-1].value == "a.pdf"


# Limits

names = st.text(min_size=1, max_size=100).filter(lambda text: 1 <= text_length(text) <= 100)
lists = st.one_of(
    st.just(""),
    st.just("x" * 1024),
    st.just("😀" * 512),
    st.text(max_size=200).map(str.strip),
)
ids = st.integers(1, 2**63 - 1)
todos = st.builds(
    Todo,
    name=names,
    date=st.just("02/06/2026"),
    must_do=lists,
    can_do=lists,
    dont_do=lists,
    submitted_by=st.none() | ids,
)


@st.composite
def anything_told(draw, kinds=tuple(NoticeKind), languages=(*EVERY_LANGUAGE, WORDY)) -> NoticeDetails:
    kind = draw(st.sampled_from(kinds))
    of = Notice(f"{draw(ids):016x}", kind, NOW, todo=draw(todos) if kind is NoticeKind.SUBMISSION else None)
    known = member(draw(ids), name=draw(st.text(max_size=100)), last_submit=draw(st.none() | st.just(START)))
    times = st.none() | st.just(NOW + HOUR)
    words = draw(st.sampled_from(languages))
    return NoticeDetails(known, of, words, draw(times), draw(times), draw(st.none() | ids), words("todo.how"))


def wrong_with(message: Message) -> list[str]:
    openapi = discord_openapi()
    body = json.loads(json.dumps(message.payload()))
    validated = openapi.request_violations("POST", "/channels/{channel_id}/messages", body) if openapi else []
    return [*violations(message), *validated]


@given(st.lists(anything_told(), min_size=1, max_size=24))
def test_discord_takes_every_batch_and_everybody_is_told_in_order(everybody):
    found = list(batches(everybody))
    assert [one for batch in found for one in batch] == everybody
    for batch in found:
        assert 1 <= len(batch) <= 10
        assert wrong_with(channel_message(batch)) == []
        if any(one.notice.kind is NoticeKind.SUBMISSION for one in batch):
            assert len(batch) == 1


@given(anything_told())
def test_discord_takes_every_direct_message(one):
    assert wrong_with(dm_message(one)) == []


@given(st.lists(anything_told(OTHERS, EVERY_LANGUAGE), min_size=1, max_size=10))
def test_ten_notices_that_are_no_submissions_fit_into_one_message_in_each_built_in_language(everybody):
    assert wrong_with(channel_message(everybody)) == []


def test_forty_reminders_are_four_messages():
    assert [len(batch) for batch in batches([told(user) for user in range(1, 41)])] == [10, 10, 10, 10]


def test_a_batch_is_closed_before_it_grows_beyond_what_discord_allows(monkeypatch):
    monkeypatch.setattr("giftping.todo.notices.MESSAGE_EMBEDS_LENGTH", 500)
    everybody = [told(user, NoticeKind.REMOVAL) for user in range(1, 9)]
    found = list(batches(everybody))
    assert 1 < len(found) < 8
    assert all(sum(map(embed_length, channel_message(batch).embeds)) <= 500 for batch in found)


def test_no_openapi_description_means_that_half_of_the_check_is_missing():
    if discord_openapi() is None:
        pytest.skip(ABSENT)
    assert wrong_with(Message(content="x" * 5000))


# Finding one's own message again


def test_a_message_shows_the_notices_that_are_in_it_and_no_others():
    body = post(told(11), told(22))
    assert shows(body, told(11).notice)
    assert shows(body, told(22).notice)
    assert not shows(body, told(33).notice)
    assert shows(dm_message(told(11)).payload(), told(11).notice)
    assert shows(post(told(11, NoticeKind.SUBMISSION)), told(11, NoticeKind.SUBMISSION).notice)


@given(st.lists(st.integers(0, 2**64 - 1).map(lambda number: f"{number:016x}"), min_size=2, max_size=2, unique=True))
def test_one_notice_is_not_taken_for_another(both):
    mine, other = (replace(told().notice, id=id_) for id_ in both)
    body = post(replace(told(), notice=mine))
    assert (shows(body, mine), shows(body, other)) == (True, False)


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"embeds": []},
        {"embeds": [{"title": reference(told().notice)}]},
        {"embeds": [{"footer": None}, {"footer": {}}, {"footer": {"text": None}}, "x"]},
        {"content": reference(told().notice)},
    ],
)
def test_what_only_speaks_of_a_notice_does_not_show_it(message):
    assert not shows(message, told().notice)
