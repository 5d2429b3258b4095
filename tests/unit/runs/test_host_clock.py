"""What the witnesses of a run say of this host's clock, when Discord is asked, and what is kept for the next run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from giftping.codes.gather import Gathered, SourceReport
from giftping.codes.memory import Memory, SourceOutcome
from giftping.delivery.clock import NO_TIME_YET, ClockStanding
from giftping.runs.check import as_not_asked, is_not_yet_valid_anywhere
from giftping.runs.clock import HostClock
from giftping.runs.state_folder import CLOCK

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Machine:
    """A host: its wall clock, the one that nobody sets, and the time that it really is."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.true, self.off, self.up, self.boot = NOON, timedelta(0), 1000.0, "first"
        self.asked = 0
        self.answers = True

    def pass_time(self, span: timedelta) -> None:
        self.true += span
        self.up += span.total_seconds()

    def run(self, *, to_the_second: bool = False) -> HostClock:
        return HostClock(
            self.state,
            lambda: self.true + self.off,
            lambda: self.up,
            to_the_second=to_the_second,
            boot=lambda: self.boot,
        )

    def restart(self, off: timedelta) -> None:
        self.true += off
        self.up, self.boot = 10.0, "second"

    def ask(self) -> datetime | None:
        self.asked += 1
        return self.true if self.answers else None

    def date(self, ahead: timedelta = timedelta(0)) -> str:
        return format_datetime(self.true + ahead, usegmt=True)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_sources_that_agree_are_enough_and_nobody_is_asked(machine: Machine) -> None:
    clock = machine.run()
    clock.hear_source("a", machine.date(), "")
    assert clock.settle(machine.ask, is_judged_by=True).standing is ClockStanding.RIGHT
    assert (machine.asked, clock.ends_by) == (0, NOON)


def test_the_age_of_an_answer_counts(machine: Machine) -> None:
    clock = machine.run()
    clock.hear_source("a", machine.date(-HOUR), "3600")
    clock.hear_source("b", machine.date(), "soon")
    clock.hear_source("c", machine.date(), "9" * 40)
    assert not clock.is_doubtful


@pytest.mark.parametrize("off", [-3 * DAY, -20 * MINUTE, -5 * MINUTE, 5 * MINUTE, 20 * MINUTE, 30 * DAY], ids=str)
def test_one_source_that_differs_has_discord_asked_and_the_run_goes_by_discord(
    machine: Machine, off: timedelta
) -> None:
    machine.off = off
    clock = machine.run()
    clock.hear_source("a", machine.date(), "")
    verdict = clock.settle(machine.ask, is_judged_by=False)
    assert verdict.ahead == -off
    assert verdict.may_send is (abs(off) <= 10 * MINUTE)
    machine.pass_time(MINUTE)
    assert clock.now() == clock.ends_by == machine.true
    clock.settle(machine.ask, is_judged_by=True)
    assert machine.asked == 1


def test_without_anybody_nothing_has_ended(machine: Machine) -> None:
    machine.answers = False
    clock = machine.run()
    assert clock.settle(machine.ask, is_judged_by=True).standing is ClockStanding.UNKNOWN
    assert (machine.asked, clock.ends_by) == (1, NO_TIME_YET)


def test_where_nothing_is_judged_by_it_nobody_is_asked(machine: Machine) -> None:
    machine.run().settle(machine.ask, is_judged_by=False)
    assert machine.asked == 0


def test_a_clock_that_has_fallen_behind_what_discord_said_before_is_noticed_by_itself(machine: Machine) -> None:
    machine.run().hear_discord(machine.true)
    machine.pass_time(HOUR)
    assert not machine.run().is_doubtful
    machine.off = -2 * MINUTE
    assert machine.run().is_doubtful
    # Switched on again after a day off, in 1970: the other clock begins anew.
    machine.true, machine.off, machine.up = NOON + DAY, -20000 * DAY, 5.0
    assert machine.run().is_doubtful
    machine.off = timedelta(0)
    assert not machine.run().is_doubtful


def test_what_discord_has_confirmed_an_hour_long_no_source_calls_in_question(machine: Machine) -> None:
    machine.run().hear_discord(machine.true)
    for minutes, is_doubtful in ((10, False), (40, False), (20, True)):
        machine.pass_time(minutes * MINUTE)
        clock = machine.run()
        clock.hear_source("a", machine.date(7 * DAY), "")
        assert clock.is_doubtful is is_doubtful
    machine.run().hear_discord(machine.true)
    machine.off = 3 * MINUTE
    clock = machine.run()
    clock.hear_source("a", machine.date(), "")
    assert clock.is_doubtful, "it was set since"


def test_a_clock_that_is_set_while_the_run_lasts_sends_nothing(machine: Machine) -> None:
    machine.off = -20 * MINUTE
    clock = machine.run()
    machine.off = timedelta(0)
    clock.hear_discord(machine.true)
    assert not clock.verdict.may_send
    clock.hear_discord(machine.true)
    assert not clock.verdict.may_send


def test_a_sweep_goes_by_discord_to_the_second(machine: Machine) -> None:
    machine.off = 30 * MINUTE / 60
    clock = machine.run(to_the_second=True)
    clock.hear_discord(machine.true)
    assert (clock.verdict.standing, clock.now()) == (ClockStanding.RIGHT, machine.true)
    clock = machine.run()
    clock.hear_discord(machine.true)
    assert clock.now() == machine.true + machine.off


def test_what_a_date_leaves_out_is_no_difference(machine: Machine) -> None:
    machine.off = timedelta(milliseconds=700)
    clock = machine.run(to_the_second=True)
    clock.hear_discord(machine.true)
    assert clock.now() == machine.true + machine.off


@pytest.mark.parametrize("content", ["", "{", "[]", '{"at": "yesterday", "uptime_milliseconds": 1}', "null"])
def test_a_file_that_cannot_be_read_is_as_none(machine: Machine, content: str) -> None:
    (machine.state / CLOCK).write_text(content, "utf-8")
    clock = machine.run()
    assert not clock.is_doubtful
    clock.hear_discord(machine.true)
    machine.off = -HOUR
    assert machine.run().is_doubtful


def test_it_is_written_rarely_and_never_where_there_is_no_folder(machine: Machine, tmp_path: Path) -> None:
    machine.run().hear_discord(machine.true)
    before = (machine.state / CLOCK).read_bytes()
    machine.pass_time(10 * MINUTE)
    machine.run().hear_discord(machine.true)
    assert (machine.state / CLOCK).read_bytes() == before
    machine.pass_time(HOUR)
    machine.run().hear_discord(machine.true)
    assert (machine.state / CLOCK).read_bytes() != before
    HostClock(None).hear_discord(machine.true)
    HostClock(tmp_path / "nowhere").hear_discord(machine.true)
    assert not (tmp_path / "nowhere").exists()


# Who only looks


@pytest.mark.parametrize("off", [3 * DAY, 5 * MINUTE, -5 * MINUTE, -400 * DAY])
def test_who_only_looks_goes_by_what_discord_said_last_and_asks_nobody(machine: Machine, off: timedelta) -> None:
    machine.run().hear_discord(machine.true)
    machine.off = off
    machine.pass_time(5 * HOUR)
    clock = machine.run()
    verdict = clock.go_by_kept()
    assert (clock.now(), verdict.may_send) == (machine.true, abs(off) <= 10 * MINUTE)
    assert "this host's clock is" in verdict.line
    assert machine.asked == 0


def test_who_only_looks_goes_by_a_clock_that_is_right(machine: Machine) -> None:
    machine.run().hear_discord(machine.true)
    machine.pass_time(5 * HOUR)
    clock = machine.run()
    assert clock.go_by_kept().standing is ClockStanding.RIGHT
    assert clock.now() == machine.true


def test_after_a_restart_it_is_known_only_that_it_is_not_earlier(machine: Machine) -> None:
    machine.run().hear_discord(machine.true)
    machine.restart(30 * DAY)
    clock = machine.run()
    assert (clock.go_by_kept().line, clock.now()) == ("", machine.true), "it was off for thirty days"
    machine.off = NOON - machine.true - 40 * DAY
    clock = machine.run()
    assert "behind" in clock.go_by_kept().line
    assert clock.now() == NOON


def test_who_has_no_witness_goes_by_the_host(machine: Machine) -> None:
    machine.off = DAY
    clock = machine.run()
    assert (clock.go_by_kept().standing, clock.now()) == (ClockStanding.UNKNOWN, machine.true + DAY)


# Certificates


def report(name: str, reason: str = "", waiting_until: datetime | None = None) -> SourceReport:
    outcome = SourceOutcome.FAILED if reason else SourceOutcome.UNCHANGED
    failing = NOON if reason else None
    return SourceReport(
        name, "g", outcome, reason, failing_since=failing, failures=bool(reason), waiting_until=waiting_until
    )


TOO_EARLY = "no connection: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate is not yet valid"


@pytest.mark.parametrize(
    ("sources", "is_so"),
    [
        ([report("a", TOO_EARLY)], True),
        ([report("a", TOO_EARLY), report("b", TOO_EARLY), report("c", "", NOON)], True),
        ([report("a", TOO_EARLY), report("b")], False),
        ([report("a", TOO_EARLY), report("b", "answered 503")], False),
        ([report("c", TOO_EARLY, NOON)], False),
        ([], False),
    ],
)
def test_certificates_that_are_not_yet_valid_anywhere_are_this_hosts_clock(
    sources: list[SourceReport], is_so: bool
) -> None:
    gathered = Gathered(tuple(sources), (), "", Memory(), is_memory_new=True)
    assert is_not_yet_valid_anywhere(gathered) is is_so
    spared = as_not_asked(gathered, Memory())
    assert not any(source.is_failing for source in spared.sources)
    assert not spared.is_memory_new


def test_by_certificates_alone_nothing_is_sent_until_discord_says_otherwise(machine: Machine) -> None:
    clock = machine.run()
    clock.hear_certificates()
    assert "certificates are not yet valid" in clock.verdict.line
    assert not clock.settle(lambda: None, is_judged_by=True).may_send
    clock.hear_discord(machine.true)
    assert clock.verdict.standing is ClockStanding.RIGHT
