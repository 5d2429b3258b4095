from __future__ import annotations

from dataclasses import replace

import pytest
from code_builders import source
from fakes.records import LATER, NOON

from giftping.codes.report import (
    GOOD_RESULTS,
    CheckReport,
    DeliveryReport,
    DeliveryResult,
    DestinationWork,
    MissedReport,
    RestingReport,
    SeedReport,
)

CALM = CheckReport(NOON, LATER)
REST = RestingReport(1, 2, "HTTP 403", NOON, None)


def delivered(result: DeliveryResult) -> DeliveryReport:
    return DeliveryReport(1, "whiteout-survival", "channel 500", ("Gift100",), result)


def worked(**work: object) -> CheckReport:
    return replace(CALM, work=(DestinationWork(**work),))  # type: ignore[arg-type]  # fields by name


def test_a_run_with_nothing_to_do_is_fine_and_settled() -> None:
    assert (CALM.exit_code, CALM.is_settled) == (0, True)


@pytest.mark.parametrize("result", DeliveryResult)
def test_the_exit_code_tells_what_did_not_arrive(result: DeliveryResult) -> None:
    for report in (worked(deliveries=(delivered(result),)), replace(CALM, settled=(delivered(result),))):
        # What is uncertain counts where it is told.
        assert report.exit_code == (0 if result in GOOD_RESULTS | {DeliveryResult.UNCERTAIN} else 69)


@pytest.mark.parametrize(
    ("result", "settled"),
    [
        (DeliveryResult.SENT, True),
        (DeliveryResult.SETTLED, True),
        (DeliveryResult.UNCERTAIN, True),
        (DeliveryResult.TAKEN, True),
        (DeliveryResult.REFUSED, False),
        (DeliveryResult.UNCLEAR, False),
        (DeliveryResult.RELEASED, False),
        (DeliveryResult.PLANNED, False),
    ],
)
def test_a_run_is_settled_when_the_next_one_has_nothing_to_try_again(result: DeliveryResult, settled: bool) -> None:
    assert worked(deliveries=(delivered(result),)).is_settled is settled


@pytest.mark.parametrize(
    "trouble",
    [
        {"sources": (source(failing_since=NOON),)},
        {"missed": (MissedReport(1, "a-game", "Gift100", "expired", "HTTP 404"),)},
        {"standing_trouble": True},
        {"trouble": ("something",)},
    ],
    ids=lambda trouble: next(iter(trouble)),
)
def test_whatever_is_not_well_shows_in_the_exit_code(trouble: dict[str, object]) -> None:
    assert replace(CALM, **trouble).exit_code == 69  # type: ignore[arg-type]  # fields by name


def test_what_waits_for_a_person_counts_only_where_it_is_told() -> None:
    broke = replace(delivered(DeliveryResult.REFUSED), broke=True)
    assert worked(deliveries=(broke,)).exit_code == 0
    assert worked(resting=REST).exit_code == 0
    assert replace(CALM, uncertain=1, settled=(delivered(DeliveryResult.UNCERTAIN),)).exit_code == 0
    assert worked(deliveries=(broke, delivered(DeliveryResult.REFUSED))).exit_code == 69


def test_settled_deliveries_come_before_new_ones() -> None:
    old, new = delivered(DeliveryResult.SETTLED), delivered(DeliveryResult.SENT)
    report = replace(CALM, settled=(old,), work=(DestinationWork((new,), (SeedReport(1, "a-game", ("X",)),), REST),))
    assert list(report.deliveries()) == [old, new]
    assert [seed.codes for seed in report.seeded()] == [("X",)]
    assert list(report.resting()) == [REST]
