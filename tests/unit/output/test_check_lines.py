"""The lines of `codes check`."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from fakes.records import LATER, NOON

from giftping.codes.gather import SourceReport
from giftping.codes.memory import SourceOutcome
from giftping.codes.report import (
    CheckReport,
    DeliveryReport,
    DeliveryResult,
    DestinationWork,
    EditReport,
    EditResult,
    RestingReport,
    SeedReport,
)
from giftping.output.check_lines import delivery_line, good_lines, summary_line, trouble_over, troubles

CALM = CheckReport(NOON, LATER, guild_count=1)
KOLKATA = ZoneInfo("Asia/Kolkata")
FAILING = SourceReport("a-page", "a-game", SourceOutcome.FAILED, "timed out", failing_since=NOON, failures=1)


def delivery(result: DeliveryResult, **changes: object) -> DeliveryReport:
    report = DeliveryReport(7, "a-game", "channel 500", ("Gift100", "Gift200"), result)
    return replace(report, **changes)  # type: ignore[arg-type]  # fields by name


def lines(report: CheckReport) -> list[str]:
    return [trouble.line for trouble in troubles(report, KOLKATA)]


def known(report: CheckReport) -> list[bool]:
    return [trouble.is_known for trouble in troubles(report, KOLKATA)]


def test_an_edited_message_names_the_new_end_as_people_read_it() -> None:
    changes = (("Gift100", "valid until 2026-12-31T20:00:00.000000+00:00"), ("Gift200", "ended"))
    edit = EditReport(7, "a-game", 1, changes, EditResult.EDITED)
    (line,) = good_lines(replace(CALM, edits=(edit, edit)), KOLKATA)
    assert line == "edited 2 messages: Gift100 is valid until 2027-01-01 01:30 IST, Gift200 is ended"


def test_a_first_look_says_what_was_recorded_and_how_to_post_it() -> None:
    report = replace(CALM, work=(DestinationWork(seeded=(SeedReport(7, "a-game", ("Old1", "Old2")),)),))
    (line,) = good_lines(report)
    assert "2 current codes recorded, not posted" in line
    assert "giftping guilds add 7 --game a-game --announce-current" in line
    assert "would be recorded" in next(good_lines(replace(report, dry_run=True)))


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (DeliveryResult.SENT, "sent to channel 500: Gift100, Gift200"),
        (DeliveryResult.SETTLED, "already there, now recorded as sent to channel 500: Gift100, Gift200"),
        (DeliveryResult.REFUSED, "refused by channel 500: Gift100, Gift200; it goes out in a later run"),
        (
            DeliveryResult.UNCLEAR,
            "unclear whether it arrived at channel 500: Gift100, Gift200; the next run looks for it",
        ),
        (DeliveryResult.PLANNED, "would be sent to channel 500: Gift100, Gift200"),
    ],
)
def test_a_delivery_is_one_line_with_what_follows(result: DeliveryResult, said: str) -> None:
    assert delivery_line(delivery(result)) == f"guild 7: a-game: {said}"


@pytest.mark.parametrize("can_look", [True, False])
def test_what_is_unclear_is_said_to_be_looked_for_by_whoever_can(*, can_look: bool) -> None:
    line = delivery_line(replace(delivery(DeliveryResult.UNCLEAR, reason="HTTP 502"), can_look=can_look))
    assert line.endswith("; the next run looks for it") is can_look
    assert ("giftping codes settle 7 --sent" in line) is not can_look


def test_an_uncertain_delivery_says_what_its_user_can_do() -> None:
    line = delivery_line(delivery(DeliveryResult.UNCERTAIN, reason="hidden"))
    assert "(hidden)" in line
    assert line.endswith("`giftping codes settle 7 --sent` or `giftping codes settle 7 --resend`")


def test_good_things_are_results_and_bad_ones_are_trouble() -> None:
    both = (delivery(DeliveryResult.SENT), delivery(DeliveryResult.REFUSED))
    report = replace(CALM, work=(DestinationWork(both),))
    assert [line for line in good_lines(report) if "refused" in line] == []
    assert [line for line in lines(report) if "sent to" in line] == []
    assert len(list(good_lines(report))) == len(lines(report)) == 1


def test_only_the_memory_of_this_host_says_whether_a_failing_source_was_told() -> None:
    """D15, and a look at a part, which tells whoever asked for it and nobody else: the next run has to tell."""
    for one in (FAILING, replace(FAILING, failures=2), replace(FAILING, waiting_until=LATER)):
        assert lines(replace(CALM, sources=(one,))) == ["source a-page: timed out"]
        assert known(replace(CALM, sources=(one,))) == [False]


def test_a_refusal_that_an_earlier_run_has_told_is_known() -> None:
    for told in (True, False):
        report = replace(CALM, work=(DestinationWork((delivery(DeliveryResult.REFUSED, told=told),)),))
        assert known(report) == [not told]


def test_trouble_is_the_same_while_its_numbers_change() -> None:
    """D15: a channel that refuses for another number of seconds each minute is one trouble."""
    keys = set()
    for seconds, codes in ((37, ("Gift100",)), (38, ("Gift200", "Gift300"))):
        reason = f"rate limited for {seconds} s, and this run may wait 0 s more"
        refused = delivery(DeliveryResult.REFUSED, reason=reason, codes=codes, everywhere=True)
        here = replace(refused, everywhere=False, guild_id=8)
        keys.add(tuple(one.key for one in troubles(replace(CALM, work=(DestinationWork((refused, here)),)), KOLKATA)))
    assert len(keys) == 1


def test_a_destination_that_is_broken_for_another_reason_is_news_and_the_same_one_while_it_rests_is_not() -> None:
    """Who has mended a destination wrongly would otherwise hear of it a day later."""

    def key_of(report: CheckReport) -> str:
        (trouble,) = troubles(report, KOLKATA)
        return trouble.key

    def broke(reason: str) -> CheckReport:
        return replace(CALM, work=(DestinationWork((delivery(DeliveryResult.REFUSED, reason=reason, broke=True),)),))

    gone, forbidden = "HTTP 404 Unknown Channel (10003)", "HTTP 403 Missing Access (50001)"
    resting = replace(CALM, work=(DestinationWork(resting=RestingReport(7, 1, gone, NOON, None)),))
    assert key_of(broke(gone)) == key_of(resting)
    assert key_of(broke(gone)) != key_of(broke(forbidden))
    assert trouble_over(replace(CALM, work=(DestinationWork((delivery(DeliveryResult.SENT),)),)), key_of(resting))


def test_trouble_is_over_when_a_run_has_seen_that() -> None:
    sent = replace(CALM, work=(DestinationWork((delivery(DeliveryResult.SENT),)),))
    assert trouble_over(sent, "guild 7 broken") == "guild 7: announcements arrive again"
    assert trouble_over(sent, "everywhere HTTP 401") == "announcements go out again"
    for key in ("guild 77 broken", "uncertain abc", "standing", "source a-page"):
        assert trouble_over(sent, key) == "", key
    assert trouble_over(CALM, "guild 7 broken") == ""
    answers = replace(FAILING, failing_since=None, failures=0)
    assert trouble_over(replace(CALM, sources=(answers,)), "source a-page") == "source a-page: answers again"
    assert trouble_over(replace(CALM, sources=(FAILING,)), "source a-page") == ""


def test_a_resting_guild_says_when_it_is_tried_again_in_the_users_time() -> None:
    rest = RestingReport(7, 1, "HTTP 403", NOON, NOON)
    (line,) = lines(replace(CALM, work=(DestinationWork(resting=rest),)))
    assert "1 code waits for a broken destination (HTTP 403; tried again after 2026-05-04 17:30 IST)" in line
    never = replace(rest, owed=2, retry_at=None)
    (line,) = lines(replace(CALM, work=(DestinationWork(resting=never),)))
    assert "2 codes wait" in line
    assert "not tried again" in line


def test_other_trouble_is_always_told() -> None:
    assert lines(replace(CALM, trouble=("the disk is full",))) == ["the disk is full"]


def test_a_run_with_nothing_to_say_says_so_in_one_line() -> None:
    report = replace(CALM, sources=(replace(FAILING, outcome=SourceOutcome.UNCHANGED),) * 2)
    assert summary_line(report) == "Nothing new: 2 sources unchanged; 1 guild."
    assert "guilds add" in summary_line(replace(CALM, guild_count=0))
