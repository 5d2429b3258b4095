"""What machines read of codes, guilds and checks."""

from __future__ import annotations

import json
from dataclasses import replace

from fakes.records import LATER, NOON, entry, subscription
from fakes.records import code as code_record

from giftping.codes.gather import SourceReport
from giftping.codes.memory import SourceOutcome
from giftping.codes.report import (
    CheckReport,
    DeliveryReport,
    DeliveryResult,
    DestinationWork,
    RestingReport,
    SeedReport,
)
from giftping.commands.guilds import guild_object
from giftping.output.code_objects import check_object, code_object, entry_object, subscription_object
from giftping.store.base import Broken, Guild

CALM = CheckReport(NOON, LATER, guild_count=1)
FAILING = SourceReport("a-page", "a-game", SourceOutcome.FAILED, "timed out", failing_since=NOON, failures=1)
BIG = 2**63 + 1


def delivery(result: DeliveryResult, **changes: object) -> DeliveryReport:
    report = DeliveryReport(7, "a-game", "channel 500", ("Gift100", "Gift200"), result)
    return replace(report, **changes)  # type: ignore[arg-type]  # fields by name


def test_ids_are_texts_because_json_readers_elsewhere_lose_their_last_digits() -> None:
    objects = (
        guild_object(Guild(BIG), [subscription(BIG, mentions=(str(BIG),))]),
        entry_object(entry(BIG, message_id=BIG, channel_id=BIG)),
        check_object(
            replace(CALM, work=(DestinationWork((delivery(DeliveryResult.SENT, guild_id=BIG, message_id=BIG),)),)), 0
        ),
    )
    for written in map(json.dumps, objects):
        assert f'"{BIG}"' in written
        assert f": {BIG}" not in written


def test_every_object_is_plain_json_whatever_is_set() -> None:
    full = replace(
        CALM,
        sources=(FAILING,),
        settled=(delivery(DeliveryResult.SETTLED),),
        work=(DestinationWork((), (SeedReport(7, "a-game", ("Old1",)),), RestingReport(7, 1, "HTTP 403", NOON, None)),),
        trouble=("something",),
    )
    assert set(check_object(full, 0)) == set(check_object(CALM, 0))
    json.dumps(check_object(full, 69), allow_nan=False)
    json.dumps(subscription_object(subscription(broken=Broken(NOON, "HTTP 403")), "channel 500", change=""))
    json.dumps(code_object(code_record(expires_at=NOON), ""))


def test_a_code_that_may_go_out_has_no_reason_and_one_that_may_not_has_one() -> None:
    assert (code_object(code_record(), "")["may_go_out"], code_object(code_record(), "expired")["may_go_out"]) == (
        True,
        False,
    )
