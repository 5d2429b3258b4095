from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from todo_stage import (
    CHANNEL,
    CHANNEL_POST,
    DAY,
    GUILD,
    HOUR,
    NOT_NOW,
    OPENS_DM,
    OWNER,
    Stage,
    StageClock,
    legs_of,
    results,
)

from giftping.demo import faults
from giftping.todo.model import Attachment, LegName, NoticeKind
from giftping.todo.submit import SubmitRequest, handed_in_at
from giftping.todo.validation import SubmissionError, TodoDraft

PNG = Attachment("plan.png", "image/png", 4)
STRANGER = 555


def mistakes(stage: Stage, *args, **options) -> list[tuple[str, str]]:
    with pytest.raises(SubmissionError) as caught:
        stage.submit(*args, **options)
    return caught.value.mistakes


def test_a_submission_is_saved_posted_and_pings_nobody(stage: Stage) -> None:
    stage.join(101, silent_for=30 * HOUR)
    stage.sweep()
    pinged = stage.pings(101)
    report = stage.submit(101)
    assert results(report, LegName.CHANNEL) == {101: "done"}
    assert (report.role, report.is_repeated) == (None, False)
    known = stage.member(101)
    assert (known.last_submit, known.last_ping, known.notices) == (stage.clock(), None, ())
    assert known.todo == report.todo
    assert stage.pings(101) == pinged
    post = stage.discord.messages(CHANNEL)[-1]
    assert post.embeds[0]["title"] == "✅ New TODO submitted"
    assert post.content == ""


def test_after_a_submission_the_next_ping_comes_after_a_day(stage: Stage) -> None:
    stage.join(101)
    stage.submit(101)
    stage.pass_time(DAY - 3 * HOUR)
    stage.sweep()
    assert stage.pings(101) == []
    stage.pass_time(3 * HOUR)
    stage.sweep()
    assert stage.pings(101) == ["channel", "dm"]


def test_a_submission_is_in_the_history_with_the_members_own_day(stage: Stage) -> None:
    stage.clock.now = datetime(2026, 6, 10, 20, tzinfo=UTC)
    stage.join(101)
    stage.join(102, time_zone="Europe/Berlin")
    for user_id, day in ((101, "2026-06-11"), (102, "2026-06-10")):
        report = stage.submit(user_id)
        (event,) = (event for event in stage.events(user_id) if event.result == "handed in")
        assert (event.kind, event.day, event.by) == (NoticeKind.SUBMISSION, day, str(user_id))
        assert report.todo.date == f"{day[8:]}/06/2026"


def test_a_mistake_saves_nothing_and_posts_nothing(stage: Stage) -> None:
    stage.join(101)
    assert mistakes(stage, 101, draft=TodoDraft(must_do=".")) == [
        ("must_do", "has only punctuation; write what is to be done")
    ]
    assert (stage.member(101).last_submit, stage.discord.messages(CHANNEL)) == (None, [])


def test_the_same_text_on_another_day_is_taken_and_noted(stage: Stage) -> None:
    stage.join(101)
    stage.submit(101)
    stage.pass_time(timedelta(minutes=1))
    assert mistakes(stage, 101) == [("", "this TODO for 10/06/2026 is handed in already, word for word")]
    stage.pass_time(DAY)
    assert stage.submit(101).is_repeated
    handed_in = [event.reason for event in stage.events(101) if event.result == "handed in"]
    assert handed_in == ["", "the same text as before"]


# Who may


def test_strangers_may_not_and_the_owner_may(stage: Stage) -> None:
    stage.discord.add_member(GUILD, STRANGER)
    assert mistakes(stage, STRANGER) == [("", "555 is not on the roster; add them: todo roster add")]
    report = stage.submit(OWNER, draft=TodoDraft("Olga", must_do="read ten pages"))
    assert results(report, LegName.CHANNEL) == {OWNER: "done"}
    assert not stage.member(OWNER).on_roster


def test_the_owner_who_is_not_on_the_roster_is_never_pinged(stage: Stage) -> None:
    stage.submit(OWNER, draft=TodoDraft("Olga", must_do="read ten pages"))
    stage.pass_time(9 * DAY)
    stage.sweep()
    assert (stage.pings(OWNER), stage.discord.role_changes) == ([], [])


def test_nobody_but_the_owner_hands_in_for_others(stage: Stage) -> None:
    stage.join(101, 102)
    assert mistakes(stage, 101, by=102) == [("by", "102 is not the owner; only the owner hands in for others")]
    assert mistakes(stage, STRANGER, by=OWNER) == [("for", "555 is not on the roster; add them: todo roster add")]


def test_the_owners_submission_for_a_member_tells_the_member_by_both_legs(stage: Stage) -> None:
    stage.join(101)
    report = stage.submit(101, by=OWNER)
    assert {one.leg: one.result.value for one in legs_of(report, 101)} == {"channel": "done", "dm": "done"}
    assert stage.pings(101) == ["channel", "dm"]
    channel, direct = (notification.message for notification in stage.discord.notifications(101))
    assert channel.embeds[0]["title"] == "✅ TODO submitted for a member"
    assert channel.content == "<@101>"
    assert f"<@{OWNER}> has handed in a TODO for you" in direct.embeds[0]["description"]
    assert stage.member(101).todo.submitted_by == OWNER
    assert [event.by for event in stage.events(101) if event.result == "handed in"] == [str(OWNER)]


def test_who_hands_in_for_oneself_by_name_is_not_told_of_it(stage: Stage) -> None:
    stage.join(101)
    report = stage.submit(101, by=101)
    assert (stage.pings(101), report.todo.submitted_by) == ([], None)


# When Discord does not play along


def test_what_could_not_be_posted_is_saved_and_goes_out_with_the_next_sweep(stage: Stage) -> None:
    stage.join(101)
    stage.fail(NOT_NOW, CHANNEL_POST)
    report = stage.submit(101)
    assert results(report, LegName.CHANNEL) == {101: "refused"}
    assert stage.member(101).last_submit == stage.clock()
    stage.discord.clear_faults()
    stage.pass_time(timedelta(minutes=15))
    stage.sweep()
    assert stage.titles() == ["✅ New TODO submitted"]
    assert stage.member(101).notices == ()


def test_without_discord_it_is_saved_and_waits_for_a_sweep_that_has_it(stage: Stage) -> None:
    stage.join(101)
    token = stage.environment.pop("DISCORD_TOKEN")
    report = stage.submit(101)
    assert (report.legs, report.role) == ((), None)
    stage.environment["DISCORD_TOKEN"] = token
    stage.sweep()
    assert stage.titles() == ["✅ New TODO submitted"]


def test_a_direct_message_that_failed_goes_out_with_the_next_sweep(stage: Stage) -> None:
    stage.join(101)
    stage.fail(faults.status(400, 50035), OPENS_DM)
    stage.submit(101, by=OWNER)
    assert stage.pings(101) == ["channel"]
    stage.discord.clear_faults()
    stage.sweep()
    assert stage.pings(101) == ["channel", "dm"]


def test_two_submissions_in_a_row_are_both_posted(stage: Stage) -> None:
    stage.join(101)
    stage.fail(NOT_NOW, CHANNEL_POST, times=1)
    stage.submit(101)
    stage.submit(101, draft=TodoDraft(must_do="something else"))
    stage.sweep()
    assert sorted(embed["fields"][3]["value"] for post in stage.discord.messages(CHANNEL) for embed in post.embeds) == [
        "read ten pages",
        "something else",
    ]


# Files


def test_a_picture_is_posted_with_the_todo_and_shown_in_it(stage: Stage) -> None:
    stage.join(101)
    stage.submit(101, content=b"\x89PNG", draft=TodoDraft(attachment=PNG))
    (post,) = stage.discord.messages(CHANNEL)
    (file,) = post.attachments
    assert (file.filename, file.content, file.content_type) == ("plan.png", b"\x89PNG", "image/png")
    assert post.embeds[0]["image"]["url"].endswith("plan.png")


def test_a_file_waits_in_the_state_folder_until_its_todo_is_posted(stage: Stage) -> None:
    stage.join(101)
    stage.fail(NOT_NOW, CHANNEL_POST, times=1)
    report = stage.submit(101, content=b"\x89PNG", draft=TodoDraft(attachment=PNG))
    assert [path.name for path in (stage.state / "attachments").iterdir()] == [report.todo.id]
    stage.sweep()
    (post,) = stage.discord.messages(CHANNEL)
    assert [file.content for file in post.attachments] == [b"\x89PNG"]
    assert list((stage.state / "attachments").iterdir()) == []


def test_where_the_file_is_on_another_host_the_todo_is_posted_without_it(stage: Stage) -> None:
    stage.join(101)
    stage.fail(NOT_NOW, CHANNEL_POST, times=1)
    report = stage.submit(101, content=b"\x89PNG", draft=TodoDraft(must_do="read ten pages", attachment=PNG))
    (stage.state / "attachments" / report.todo.id).unlink()
    report = stage.sweep()
    assert results(report, LegName.CHANNEL) == {101: "done"}
    (post,) = stage.discord.messages(CHANNEL)
    assert post.attachments == ()
    assert "plan.png" in [field["value"] for field in post.embeds[0]["fields"]]


@pytest.mark.parametrize(
    ("ago", "counts"), [(timedelta(seconds=40), True), (timedelta(days=3), True), (timedelta(days=330), False)]
)
def test_a_todo_counts_from_when_discord_says_it_was_handed_in_unless_that_cannot_be(ago, counts):
    now = StageClock()()
    request = SubmitRequest(1, TodoDraft(), at=now - ago)
    assert handed_in_at(request, now) == (now - ago if counts else now)
    assert handed_in_at(SubmitRequest(1, TodoDraft()), now) == now
