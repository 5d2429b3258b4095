from __future__ import annotations

from datetime import datetime

from doctor_facts import FAIL, HOUR, MINUTE, NOW, OK, WARN
from fakes.records import code

from giftping.codes.held_codes import HeldCode
from giftping.codes.model import Clearance
from giftping.doctor.deliveries import (
    DeliveriesFacts,
    judge_claims,
    judge_held,
    judge_refused,
    judge_uncertain,
    look_at_deliveries,
)


def test_codes_that_are_uncertain_or_left_claimed_are_named() -> None:
    found = judge_uncertain(DeliveriesFacts(uncertain=("GIFT4YOU (guild 11)",)))
    assert (found.verdict, "GIFT4YOU (guild 11)" in found.what) == (FAIL, True)
    assert "giftping codes settle" in found.next_step
    found = judge_claims(DeliveriesFacts(stale=("GIFT4YOU (guild 11)",)))
    assert (found.verdict, "GIFT4YOU (guild 11)" in found.what) == (WARN, True)


def test_what_is_refused_until_somebody_mends_something_is_named_with_that() -> None:
    (found,) = judge_refused(DeliveriesFacts(refused={"make a new token": ("GIFT4YOU (guild 11)",)}))
    assert (found.verdict, "GIFT4YOU (guild 11)" in found.what) == (WARN, True)
    assert found.next_step == "make a new token, then: giftping guilds test GUILD"


def held_code(key: str, until: datetime | None = None, *, is_listed: bool = True, guilds: int = 2) -> HeldCode:
    said = Clearance(may_go_out=False, reason="looks made up", held_by="a-list", held_since=NOW, held_until=until)
    return HeldCode(code(key), said, is_listed, tuple(range(guilds)))


def test_what_waits_for_a_person_is_named_by_its_source_with_the_command_that_ends_it() -> None:
    held = [held_code(f"SNOWDAY{number}") for number in range(60)]
    (found,) = judge_held(look_at_deliveries((), held, (), NOW, HOUR))
    assert (found.verdict, found.subject) == (WARN, "a-list")
    assert found.what.startswith("60 codes wait until you say whether they are real: Snowday0 (2 guilds); ")
    assert "giftping codes approve --source a-list" in found.next_step


def test_what_time_releases_is_counted_until_its_time_is_over_and_nothing_happens() -> None:
    (found,) = judge_held(look_at_deliveries((), [held_code("SNOWDAY", NOW + MINUTE)], (), NOW, HOUR))
    assert (found.verdict, "1 code is held for a while" in found.what) == (OK, True)
    (found,) = judge_held(look_at_deliveries((), [held_code("SNOWDAY", NOW - MINUTE)], (), NOW, HOUR))
    assert found.verdict is WARN


def test_what_nobody_lists_any_more_and_what_no_guild_waits_for_is_nothing_to_do() -> None:
    held = [held_code("GONE", is_listed=False), held_code("HAD", guilds=0)]
    (found,) = judge_held(look_at_deliveries((), held, (), NOW, HOUR))
    assert (found.verdict, "held" in found.what) == (OK, False)
