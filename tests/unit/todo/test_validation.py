from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from todo_builders import member, notice

from giftping.discord.limits import violations
from giftping.todo.local_time import day_of
from giftping.todo.model import Attachment, Member, NoticeKind, Todo
from giftping.todo.notices import NoticeDetails, channel_message
from giftping.todo.validation import (
    ATTACHMENT_SIZE,
    CONTENT_TYPES,
    SubmissionError,
    TodoDraft,
    content_type_of,
    is_repeated,
    validated,
)

NOW = datetime(2026, 2, 1, 20, tzinfo=UTC)
TODAY = date(2026, 2, 1)
GOOD = TodoDraft(must_do="read ten pages")
FILE = Attachment("plan.png", "image/png", 5)


def hand_in(draft: TodoDraft, known: Member | None = None, today: date = TODAY) -> Todo:
    return validated(draft, known or member(), todo_id="t1", now=NOW, today=today)


def mistakes(draft: TodoDraft, known: Member | None = None, today: date = TODAY) -> list[tuple[str, str]]:
    with pytest.raises(SubmissionError) as caught:
        hand_in(draft, known, today)
    return caught.value.mistakes


def test_what_is_handed_in_is_trimmed_dated_and_named():
    todo = hand_in(TodoDraft(must_do="  read \n", can_do="  run"))
    assert todo == Todo("Ann", "01/02/2026", "read", "run", "", "t1", NOW)


def test_who_hands_in_for_somebody_is_kept():
    assert validated(GOOD, member(), todo_id="t", now=NOW, today=TODAY, submitted_by=9).submitted_by == 9


def test_every_mistake_is_named_at_once():
    wrong = TodoDraft("x", "yesterday", must_do="y" * 1025, can_do="z" * 2000, attachment=Attachment("a.exe", "", 0))
    found = mistakes(wrong)
    assert [field for field, _ in found] == ["date", "name", "must_do", "can_do", "attachment", "attachment"]
    with pytest.raises(SubmissionError, match="must_do: has 1025 characters, at most 1024 fit"):
        hand_in(wrong)


# Dates


@pytest.mark.parametrize(
    ("written", "today", "kept"),
    [
        ("", date(2026, 2, 1), "01/02/2026"),
        ("1/2/2026", date(2026, 2, 1), "01/02/2026"),
        (" 01/02/2026 ", date(2026, 2, 1), "01/02/2026"),
        ("31/1/2026", date(2026, 2, 1), "31/01/2026"),
        ("2/2/2026", date(2026, 2, 1), "02/02/2026"),
        ("29/02/2028", date(2028, 2, 29), "29/02/2028"),
        ("29/02/2028", date(2028, 3, 1), "29/02/2028"),
        ("1/1/2027", date(2026, 12, 31), "01/01/2027"),
    ],
)
def test_a_date_near_today_is_taken_and_written_in_full(written, today, kept):
    assert hand_in(replace(GOOD, date=written), today=today).date == kept


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("29/02/2026", "'29/02/2026' is not a date; write it as DD/MM/YYYY, such as 01/02/2026"),
        ("2026-02-01", "'2026-02-01' is not a date; write it as DD/MM/YYYY, such as 01/02/2026"),
        ("1/2/26", "'1/2/26' is not a date; write it as DD/MM/YYYY, such as 01/02/2026"),
        ("٠١/٠٢/٢٠٢٦", "'٠١/٠٢/٢٠٢٦' is not a date; write it as DD/MM/YYYY, such as 01/02/2026"),
        ("0/2/2026", "'0/2/2026' is not a date; write it as DD/MM/YYYY, such as 01/02/2026"),
        ("01/02/0000", "'01/02/0000' is not a date; write it as DD/MM/YYYY, such as 01/02/2026"),
        ("3/2/2026", "03/02/2026 is not near today, 01/02/2026; a day before or after is"),
        ("30/1/2026", "30/01/2026 is not near today, 01/02/2026; a day before or after is"),
        ("1/2/2025", "01/02/2025 is not near today, 01/02/2026; a day before or after is"),
    ],
)
def test_another_date_is_refused(written, reason):
    assert mistakes(replace(GOOD, date=written)) == [("date", reason)]


@pytest.mark.parametrize(("zone", "kept"), [("Asia/Kolkata", "02/02/2026"), ("Europe/Berlin", "01/02/2026")])
def test_the_zone_decides_what_today_is(zone, kept):
    assert hand_in(GOOD, today=day_of(NOW, ZoneInfo(zone))).date == kept


# Texts


@pytest.mark.parametrize("field", ["must_do", "can_do", "dont_do"])
@pytest.mark.parametrize(("fits", "too_long"), [("x" * 1024, "x" * 1025), ("abcd" + "😀" * 510, "abc" + "😀" * 511)])
def test_a_list_is_measured_before_it_is_saved(field, fits, too_long):
    assert getattr(hand_in(replace(GOOD, **{field: fits})), field) == fits
    assert mistakes(replace(GOOD, **{field: too_long})) == [(field, "has 1025 characters, at most 1024 fit")]


@pytest.mark.parametrize("text", [".", "...", "ok", "- \n -", "a.b", "`` ``"])
def test_a_todo_that_says_nothing_is_refused(text):
    assert mistakes(TodoDraft(must_do=text)) == [("must_do", "says too little; write what is to be done")]


def test_the_lists_say_enough_together():
    assert hand_in(TodoDraft(must_do="1", can_do="2", dont_do="3")).dont_do == "3"


@pytest.mark.parametrize("blank", ["", "  ", "\n\t"])
def test_an_empty_todo_is_refused_and_one_with_only_a_file_is_not(blank):
    (found,) = mistakes(TodoDraft(must_do=blank))
    assert found == ("", "nothing is in it; write at least one of must_do, can_do, dont_do, or attach a file")
    assert hand_in(TodoDraft(must_do=blank, attachment=FILE)).attachment == FILE


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("x", "has 1 character; write 2 to 100"),
        ("x" * 101, "has 101 characters; write 2 to 100"),
        ("😀" * 51, "has 102 characters; write 2 to 100"),
        ("--", "has neither letters nor digits"),
    ],
)
def test_a_name_has_letters_and_a_length(name, reason):
    assert mistakes(replace(GOOD, name=name)) == [("name", reason)]


def test_without_a_name_anywhere_one_is_asked_for():
    assert mistakes(GOOD, member(name="")) == [("name", "has 0 characters; write 2 to 100")]


texts = st.text(max_size=60) | st.sampled_from(["x" * 1024, "😀" * 512, "\u200b" * 1024, "a\u0301" * 500])


@given(st.text(max_size=100), texts, texts, texts)
def test_what_is_taken_fits_into_a_post(name, must_do, can_do, dont_do):
    try:
        todo = hand_in(TodoDraft(name, "", must_do, can_do, dont_do))
    except SubmissionError:
        return
    post = channel_message([NoticeDetails(member(), notice(NoticeKind.SUBMISSION, NOW, todo=todo))])
    assert violations(post) == []


# The same again


def test_the_same_todo_for_the_same_day_is_refused():
    before = member(todo=hand_in(GOOD))
    assert mistakes(GOOD, before) == [("", "this TODO for 01/02/2026 is handed in already, word for word")]


def test_the_same_text_for_another_day_is_taken_and_seen_to_be_the_same():
    before = hand_in(GOOD)
    todo = hand_in(replace(GOOD, date="2/2/2026"), member(todo=before))
    assert is_repeated(todo, before)


@pytest.mark.parametrize("change", [{"must_do": "read two pages"}, {"can_do": "run"}, {"name": "Anna"}])
def test_another_text_for_the_same_day_is_taken(change):
    before = hand_in(GOOD)
    todo = hand_in(replace(GOOD, **change), member(todo=before))
    assert not is_repeated(todo, before)


def test_two_files_are_not_compared():
    before = hand_in(TodoDraft(attachment=FILE))
    assert hand_in(TodoDraft(attachment=FILE), member(todo=before)).attachment == FILE


# Files


@pytest.mark.parametrize("ending", sorted(CONTENT_TYPES))
def test_known_kinds_of_files_are_taken(ending):
    assert hand_in(replace(GOOD, attachment=Attachment(f"My Plan.{ending.upper()}", "", 9))).attachment
    assert content_type_of(f"a.b.{ending}") == CONTENT_TYPES[ending]


@pytest.mark.parametrize("name", ["run.exe", "png", "plan", "plan.", ".png", "plan.png.sh", ""])
def test_other_kinds_are_not(name):
    (found,) = mistakes(replace(GOOD, attachment=Attachment(name, "image/png", 9)))
    assert found[0] == "attachment"
    assert "is of a kind that is not taken; taken are png, jpg, " in found[1]


@pytest.mark.parametrize(
    ("size", "reason"),
    [
        (0, "plan.png is empty"),
        (ATTACHMENT_SIZE + 1, "plan.png has 8.0 MiB, at most 8 MiB"),
        (ATTACHMENT_SIZE * 2, "plan.png has 16.0 MiB, at most 8 MiB"),
    ],
)
def test_a_file_is_neither_empty_nor_too_large(size, reason):
    assert mistakes(replace(GOOD, attachment=replace(FILE, size=size))) == [("attachment", reason)]


@pytest.mark.parametrize("size", [1, ATTACHMENT_SIZE])
def test_a_file_up_to_the_limit_is_taken(size):
    assert hand_in(replace(GOOD, attachment=replace(FILE, size=size))).attachment
