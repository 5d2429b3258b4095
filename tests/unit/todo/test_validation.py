from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from fakes.words import ENGLISH
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
    wrong = TodoDraft("\udc80", "yesterday", "y" * 6001, "z" * 9000, attachment=Attachment("a.exe", "", 0))
    found = mistakes(wrong)
    assert [field for field, _ in found] == ["date", "name", "must_do", "can_do", "attachment", "attachment"]
    with pytest.raises(SubmissionError, match="must_do: has 6001 characters; 6000 are the most"):
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


@pytest.mark.parametrize("field", ["name", "must_do", "can_do", "dont_do"])
@pytest.mark.parametrize(("fits", "too_long"), [("x" * 6000, "x" * 6001), ("ab" + "😀" * 2999, "a" + "😀" * 3000)])
def test_what_discord_lets_anybody_type_is_taken_and_kept_whole(field, fits, too_long):
    assert getattr(hand_in(replace(GOOD, **{field: fits})), field) == fits
    assert mistakes(replace(GOOD, **{field: too_long})) == [(field, "has 6001 characters; 6000 are the most")]


SAYS_ENOUGH = [
    "読書",
    "🌸🌸",
    "🌸",
    "อ่าน",
    "운동",
    "اقرأ",
    "לקרוא",
    "ok",
    "x",
    "7",
    "e\u0301",
    "क्ष",
    "👩🏽‍🚀",
    "🇮🇳",
    "→ gym",
    "€",
]


@pytest.mark.parametrize("text", SAYS_ENOUGH)
@pytest.mark.parametrize("field", ["name", "must_do", "can_do", "dont_do"])
def test_one_character_of_any_script_says_enough(field, text):
    assert getattr(hand_in(replace(GOOD, **{field: text})), field) == text
    assert getattr(hand_in(TodoDraft(**{"must_do": text, field: text})), field) == text


@given(
    st.text(
        st.characters(categories=["L", "N", "So", "Mc"], exclude_characters="\u2800\u3164\u115f\u1160\uffa0"),
        min_size=1,
    )
)
def test_a_text_in_letters_digits_or_emoji_is_taken_as_it_was_typed(text):
    assert hand_in(TodoDraft(must_do=text)).must_do == text


@pytest.mark.parametrize("text", [".", "...", "- \n -", "`` ``", "?!", "、。", "+"])
def test_a_todo_of_punctuation_alone_is_refused(text):
    assert mistakes(TodoDraft(must_do=text)) == [("must_do", "has only punctuation; write what is to be done")]
    assert hand_in(TodoDraft(must_do=text, can_do="x")).must_do == text


INVISIBLE = [
    "\u200b",
    "\u200d\u2060",
    "\u3164",
    "\u2800 \u2800",
    "\u202e\u200f",
    "\ufe0f",
    "\U000e0041",
    "\u115f\u1160",
]


@pytest.mark.parametrize("text", INVISIBLE)
def test_what_cannot_be_seen_is_as_good_as_left_out(text):
    assert mistakes(TodoDraft(can_do=text)) == [
        ("can_do", "has only characters that cannot be seen; write what is to be done")
    ]
    todo = hand_in(TodoDraft(name=text, must_do="x", can_do=text))
    assert (todo.name, todo.can_do) == ("Ann", "")


@pytest.mark.parametrize("blank", ["", "  ", "\n\t", "\u3000"])
def test_an_empty_todo_is_refused_and_one_with_only_a_file_is_not(blank):
    (found,) = mistakes(TodoDraft(must_do=blank))
    assert found == ("", "nothing is in it; write at least one of must_do, can_do, dont_do, or attach a file")
    assert hand_in(TodoDraft(must_do=blank, attachment=FILE)).attachment == FILE


@pytest.mark.parametrize("field", ["name", "must_do"])
def test_half_a_character_is_no_text(field):
    assert mistakes(replace(GOOD, **{field: "plan \udce9"})) == [(field, "is not a text in UTF-8; type it anew")]


@pytest.mark.parametrize("name", ["J", "🌸🌸", "--", "王", " "])
def test_a_name_on_the_roster_is_not_judged(name):
    assert hand_in(GOOD, member(name=name)).name == (name.strip() or str(member().user_id))


texts = st.text(max_size=60) | st.sampled_from(
    [
        "x" * 1024,
        "word " * 1200,
        "line\n" * 1000,
        "👩🏽‍🚀" * 800,
        "e" + "\u0301" * 5999,
        "😀" * 512,
        "\u200b" * 1024,
        "a\u0301" * 500,
    ]
)


@given(st.text(max_size=100), texts, texts, texts)
def test_what_is_taken_fits_into_a_post(name, must_do, can_do, dont_do):
    try:
        todo = hand_in(TodoDraft(name, "", must_do, can_do, dont_do))
    except SubmissionError:
        return
    post = channel_message([NoticeDetails(member(), notice(NoticeKind.SUBMISSION, NOW, todo=todo), ENGLISH)])
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
