from datetime import UTC, datetime, timedelta

from fakes.rules import SKIPPED_REGIONS
from hypothesis import given
from hypothesis import strategies as st

from giftping.codes.guards import clearance
from giftping.codes.merge import merge
from giftping.codes.model import Code, Sighting
from giftping.settings.sources import SightingState

NOW = datetime(2026, 5, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def seen(source: str, spelling: str, **values) -> Sighting:
    return Sighting(source, "rise", spelling, **values)


def one(*sightings: Sighting) -> Code:
    [code] = merge(sightings)
    return code


SIGHTINGS = st.builds(
    Sighting,
    source=st.sampled_from("abc"),
    game=st.sampled_from(["rise", "fall"]),
    spelling=st.sampled_from(["VESNA", "Vesna", "vesna", "vesNa", "OMEGA", " OMEGA"]),
    rewards=st.sampled_from(["", "Gems", "Mora", "Mora, Gems"]),
    expires_at=st.sampled_from([None, NOW, NOW + DAY]),
    expiry_text=st.sampled_from(["", "unknown", "soon"]),
    state=st.sampled_from(SightingState),
    region=st.sampled_from(["", "CN", "EU, NA"]),
)


@given(st.lists(SIGHTINGS, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_sources_and_sightings_makes_no_difference(sightings, random):
    shuffled = list(sightings)
    random.shuffle(shuffled)
    assert merge(shuffled) == merge(sightings)


@given(st.lists(SIGHTINGS, max_size=8))
def test_merging_loses_no_code_and_no_source_and_counts_a_repeated_sighting_once(sightings):
    codes = merge(sightings)
    assert {(code.game, code.key) for code in codes} == {(item.game, item.key) for item in sightings}
    assert [(code.game, code.key) for code in codes] == sorted((code.game, code.key) for code in codes)
    assert {(code.game, name) for code in codes for name in code.sources} == {(i.game, i.source) for i in sightings}
    assert merge(sightings + sightings) == codes


def test_d23_spellings_of_one_code_meet_under_one_key_and_the_exact_one_is_shown():
    code = one(seen("a", "VESNAONPATROL"), seen("b", "VESNAONPATROL"), seen("c", "VesnaOnPatrol"))
    assert (code.key, code.spelling) == ("VESNAONPATROL", "VesnaOnPatrol")
    assert code.sources == ("a", "b", "c")
    assert code.spellings == {"a": "VESNAONPATROL", "b": "VESNAONPATROL", "c": "VesnaOnPatrol"}
    assert code.disagreements == ("spelling: a writes VESNAONPATROL, b writes VESNAONPATROL, c writes VesnaOnPatrol",)


def test_of_two_mixed_spellings_the_one_that_most_sources_list_wins():
    code = one(seen("a", "KingShot1"), seen("b", "Kingshot1"), seen("c", "Kingshot1"))
    assert code.spelling == "Kingshot1"


def test_a_source_that_lists_a_code_many_times_counts_once():
    code = one(
        seen("a", "KingShot1", rewards="x"), seen("a", "KingShot1", rewards="y"), seen("a", "KingShot1", rewards="z"),
        seen("b", "Kingshot1"), seen("c", "Kingshot1"),
    )  # fmt: skip
    assert code.spelling == "Kingshot1"
    assert code.sources == ("a", "b", "c")


def test_the_same_code_of_two_games_is_two_codes():
    assert len(merge([Sighting("a", "rise", "GIFT1"), Sighting("a", "fall", "GIFT1")])) == 2


def test_a_date_beats_none_and_the_latest_date_wins_with_the_disagreement_told():
    code = one(
        seen("a", "GIFT1", expiry_text="unknown"),
        seen("b", "GIFT1", expires_at=NOW),
        seen("c", "GIFT1", expires_at=NOW + DAY),
    )
    assert code.expires_at == NOW + DAY
    assert code.disagreements == ("expiry: b says 2026-05-10 12:00, c says 2026-05-11 12:00 UTC",)


def test_text_that_is_no_date_is_kept_when_nobody_states_a_date():
    assert one(seen("a", "GIFT1", expiry_text="End of May"), seen("b", "GIFT1")).expiry_text == "End of May"


def test_d19_a_source_that_merely_lists_a_code_outweighs_one_that_calls_it_expired():
    code = one(seen("a", "GIFT1", state=SightingState.EXPIRED), seen("b", "GIFT1"))
    assert code.state is SightingState.ACTIVE
    assert code.disagreements == ("state: a lists it as expired, b lists it as active",)
    assert clearance(code, NOW, SKIPPED_REGIONS).may_go_out


def test_a_code_that_all_sources_call_expired_is_expired():
    code = one(seen("a", "GIFT1", state=SightingState.EXPIRED), seen("b", "GIFT1", state=SightingState.EXPIRED))
    assert code.state is SightingState.EXPIRED
    assert code.disagreements == ()
    assert not clearance(code, NOW, SKIPPED_REGIONS).may_go_out


def test_a_past_date_ends_a_code_that_its_sources_call_active():
    code = one(seen("a", "GIFT1", state=SightingState.ACTIVE, expires_at=NOW - DAY), seen("b", "GIFT1"))
    assert not clearance(code, NOW, SKIPPED_REGIONS).may_go_out


def test_the_fullest_description_of_the_rewards_is_kept():
    assert (
        one(seen("a", "GIFT1"), seen("b", "GIFT1", rewards="Gems"), seen("c", "GIFT1", rewards="10 Gems")).rewards
        == "10 Gems"
    )


def test_regions_are_joined_and_one_source_that_names_none_means_everywhere():
    assert one(seen("a", "GIFT1", region="CN"), seen("b", "GIFT1", region="NA, EU")).regions == ("CN", "EU", "NA")
    assert one(seen("a", "GIFT1", region="CN"), seen("b", "GIFT1")).regions == ()
