from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from code_builders import code, codes, sighting, source
from fakes.records import LATER, NOON, subscription, subscriptions
from fakes.records import code as code_record

from giftping.codes.merge import merge
from giftping.codes.model import Code
from giftping.codes.plan import (
    DestinationPlan,
    Listed,
    Plan,
    code_records,
    destination_plans,
    listed_by_game,
    plan_for,
    sightings_by_hand,
)
from giftping.codes.subscriptions import games_of
from giftping.settings.sources import MANUAL_SOURCE
from giftping.store.base import HOME_GAME, Broken, Destination, Hold, Ruling, SourceMemory

SEEN = subscription(seeded=("api",))
HOUR = timedelta(hours=1)
BROKEN = subscription(broken=Broken(NOON, "HTTP 403", retry_at=NOON + HOUR))


def listed(
    *of_game: Code, with_list: str = "api", without: str = "", by_hand: dict[str, object] | None = None
) -> Listed:
    lists = frozenset(with_list.split())
    added = by_hand or {}
    return Listed(HOME_GAME, of_game, lists, lists | frozenset(without.split()), added)  # type: ignore[arg-type]  # times


def outcome(plan: Plan) -> tuple[list[str], list[str]]:
    return [one.spelling for one in plan.seed], [one.spelling for one in plan.announce]


def test_a_guild_that_looks_for_the_first_time_gets_no_flood_of_old_codes() -> None:
    """D13: first-run seeding is per guild and game, not one flag for all."""
    plan = plan_for(subscription(), listed(*codes("Old1000", "Old2000")), ())
    assert outcome(plan) == (["Old1000", "Old2000"], [])
    assert plan.looked_at == ("api",)


def test_a_code_that_appears_after_the_first_look_is_announced() -> None:
    plan = plan_for(SEEN, listed(*codes("New1000")), ())
    assert outcome(plan) == ([], ["New1000"])
    assert plan.looked_at == ()


def test_what_the_ledger_holds_is_owed_to_nobody() -> None:
    assert plan_for(SEEN, listed(*codes("Gift100")), {"GIFT100"}).is_empty


def test_a_new_source_brings_no_flood_but_what_others_list_too_goes_out() -> None:
    only_new = code("Only100", sources=("wiki",))
    in_both = code("Both100", sources=("api", "wiki"))
    plan = plan_for(SEEN, listed(only_new, in_both, with_list="api wiki"), ())
    assert outcome(plan) == (["Only100"], ["Both100"])
    assert plan.looked_at == ("wiki",)


def test_a_source_that_failed_at_the_first_look_has_its_own_first_look_later() -> None:
    first = plan_for(subscription(), listed(code("Old1000"), without="wiki"), ())
    assert first.looked_at == ("api",)
    later = plan_for(SEEN, listed(code("Old2000", sources=("wiki",)), with_list="api wiki"), ())
    assert outcome(later) == (["Old2000"], [])


def test_an_honest_empty_list_is_a_first_look_too() -> None:
    plan = plan_for(subscription(), listed(), ())
    assert plan.looked_at == ("api",)
    assert not plan.is_empty
    assert outcome(plan_for(SEEN, listed(*codes("New1000")), ())) == ([], ["New1000"])


def test_a_source_without_a_list_gives_no_look() -> None:
    assert plan_for(subscription(), listed(with_list="", without="api"), ()).is_empty


def test_announce_current_posts_what_is_there_until_every_source_had_its_look() -> None:
    eager = subscription(announce_current=True)
    waiting = plan_for(eager, listed(*codes("Old1000"), without="wiki"), ())
    assert outcome(waiting) == ([], ["Old1000"])
    assert not waiting.ends_announce_current
    complete = plan_for(eager, listed(*codes("Old1000")), ())
    assert complete.ends_announce_current


def test_announce_current_of_one_game_says_nothing_of_another() -> None:
    eager = subscription(1, "kingshot", announce_current=True)
    assert outcome(plan_for(eager, listed(*codes("Old1000")), ())) == ([], ["Old1000"])
    assert outcome(plan_for(subscription(), listed(*codes("Old1000")), ())) == (["Old1000"], [])


def test_a_source_that_is_switched_off_and_on_again_stays_looked_at() -> None:
    assert plan_for(SEEN, listed(with_list="wiki"), ()).looked_at == ("wiki",)
    plan = plan_for(replace(SEEN, seeded=("api", "wiki")), listed(*codes("New1000")), ())
    assert outcome(plan) == ([], ["New1000"])


def test_a_code_added_by_hand_goes_out_even_at_the_first_look() -> None:
    by_hand = code("Hand100", sources=(MANUAL_SOURCE,))
    plan = plan_for(subscription(), listed(by_hand, by_hand={"HAND100": LATER}), ())
    assert outcome(plan) == ([], ["Hand100"])


def test_a_code_added_by_hand_before_the_guild_came_is_one_of_the_old_ones() -> None:
    by_hand = code("Hand100", sources=(MANUAL_SOURCE,))
    late = subscription(created_at=LATER)
    assert outcome(plan_for(late, listed(by_hand, by_hand={"HAND100": NOON}), ())) == (["Hand100"], [])


def test_a_code_that_leaves_a_list_and_comes_back_is_the_same_code() -> None:
    assert plan_for(SEEN, listed(), {"GIFT100"}).is_empty
    assert plan_for(SEEN, listed(*codes("Gift100")), {"GIFT100"}).is_empty


def test_another_spelling_of_a_recorded_code_is_not_a_new_code() -> None:
    assert plan_for(SEEN, listed(*codes("gIfT100")), {"GIFT100"}).is_empty


def test_a_resting_destination_says_what_it_is_owed_and_one_that_is_owed_nothing_says_nothing() -> None:
    owed = Plan(BROKEN, announce=tuple(codes("Gift100", "Gift200")))
    report = DestinationPlan((owed,), resting=True).rest()
    assert report is not None
    assert (report.owed, report.reason, report.retry_at) == (2, "HTTP 403", NOON + HOUR)
    assert DestinationPlan((Plan(BROKEN, looked_at=("api",)),), resting=True).rest() is None
    assert DestinationPlan((owed,), resting=False).rest() is None


def test_what_is_seeded_is_told_game_by_game() -> None:
    home, kingshot = subscriptions(7, HOME_GAME, "kingshot")
    plan = DestinationPlan((Plan(home, seed=tuple(codes("Old1000"))), Plan(kingshot)))
    assert [(seed.guild_id, seed.game, seed.codes) for seed in plan.seeds()] == [(7, HOME_GAME, ("Old1000",))]


def test_what_goes_to_one_destination_of_a_guild_is_planned_together_and_rests_together() -> None:
    """It is noted as broken in each subscription, but for one that was added in that very moment."""
    new = subscription(1, "kingshot")
    elsewhere = subscription(1, "wuwa", destination=Destination(channel_id=501))
    others = subscription(2, "kingshot")
    plans = [Plan(one, announce=tuple(codes("Gift100"))) for one in (new, BROKEN, elsewhere, others)]
    found = destination_plans(plans, lambda one: one.broken is not None)
    assert [([plan.subscription for plan in one.plans], one.resting) for one in found] == [
        ([BROKEN, new], True),
        ([elsewhere], False),
        ([others], False),
    ]


def test_codes_are_grouped_with_the_sources_of_their_game() -> None:
    found = listed_by_game(
        [source("api"), source("wiki", has_list=False), source("other", "kingshot")], codes("Gift100"), []
    )
    assert set(found) == {HOME_GAME, "kingshot"}
    assert found[HOME_GAME].sources == {"api", "wiki"}
    assert found[HOME_GAME].sources_with_list == {"api"}
    assert found["kingshot"].codes == ()


def test_a_code_added_by_hand_for_a_game_without_sources_is_listed() -> None:
    record = code_record("HAND100", game="lonely", sources={MANUAL_SOURCE: SourceMemory("Hand100", NOON, NOON)})
    found = listed_by_game([], merge(sightings_by_hand([record])), [record])
    assert [one.spelling for one in found["lonely"].codes] == ["Hand100"]
    assert found["lonely"].added_by_hand == {"HAND100": NOON}


def test_a_code_that_was_held_when_a_guild_came_goes_out_to_it_though_it_has_not_looked_before() -> None:
    held = {"api": Hold(NOON, "10 new codes at once in a list of 50", NOON + HOUR, released_at=NOON + HOUR)}
    asked = {"api": Hold(NOON, "30 new codes at once in a list of 50")}
    records = [
        code_record("FREED100", holds=held),
        code_record("APPROVED1", holds=asked, approved=Ruling("ann", NOON + HOUR)),
        code_record("OLD1000"),
    ]
    lists = [source("api")]
    known = {one.id: one for one in records}
    of_game = listed_by_game(lists, [*codes("Approved1", "Freed100", "Old1000")], records, known)[HOME_GAME]
    meanwhile, later = (replace(subscription(), created_at=at) for at in (NOON + HOUR / 2, NOON + 2 * HOUR))
    assert outcome(plan_for(meanwhile, of_game, ())) == (["Old1000"], ["Approved1", "Freed100"])
    assert outcome(plan_for(later, of_game, ())) == (["Approved1", "Freed100", "Old1000"], [])


def test_only_what_people_added_becomes_a_sighting_by_hand() -> None:
    assert sightings_by_hand([code_record()]) == []


def test_what_is_remembered_of_a_code_keeps_each_sources_spelling() -> None:
    merged = merge([sighting("Gift100"), sighting("GIFT100", source="wiki")])
    record = code_records(merged, (), NOON)[0]
    assert record.spelling == "Gift100"
    assert {name: memory.spelling for name, memory in record.sources.items()} == {"api": "Gift100", "wiki": "GIFT100"}


def test_the_games_of_all_guilds_are_named_once() -> None:
    assert games_of([*subscriptions(1, "b", "a"), subscription(2, "a")]) == ("a", "b")
