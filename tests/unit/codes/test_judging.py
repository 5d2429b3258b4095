"""Which codes go out, are held or refused, in cases from real lists and in those that reports tell of."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta

import pytest
from code_builders import sighting
from judging_stage import ROUND, Judging, definition, held, out, refused, some

from giftping.codes.guards.doubts import UNCONFIRMED, is_made_up
from giftping.codes.guards.refusals import glued
from giftping.settings.catalogue import Game
from giftping.settings.sources import MANUAL_SOURCE, SightingState
from giftping.store.base import HOME_GAME, Hold, Ruling, SourceMemory
from giftping.text import when

OLD = some(100, "Spring")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def judging(**keys: object) -> Judging:
    """One source, `wiki`, that has listed a hundred codes since its first look."""
    stage = Judging(sources={"wiki": definition("wiki", **keys)}, new_to={"wiki"})
    assert len(out(stage.run(wiki=OLD))) == 100
    stage.new_to.clear()
    return stage


# Bursts


@pytest.mark.parametrize("count", [1, 3, 8])
def test_the_codes_of_a_livestream_go_out_at_once(count: int) -> None:
    new = some(count)
    assert out(judging().run(wiki=[*OLD, *new])) == {*OLD, *new}


@pytest.mark.parametrize("count", [9, 18, 23])
def test_many_codes_that_a_maintainer_adds_at_once_go_out_after_one_hold(count: int) -> None:
    stage, new = judging(), some(count)
    first = stage.run(wiki=[*OLD, *new])
    assert held(first) == dict.fromkeys(new, f"{count} new codes at once in a list of {100 + count}")
    assert {one.until for one in first.held} == {stage.now + timedelta(minutes=30)}
    assert all(one.is_new for one in first.held)
    waiting = stage.run(wiki=[*OLD, *new], after=timedelta(minutes=29))
    assert set(held(waiting)) == set(new)
    assert not any(one.is_new for one in waiting.held)
    last = stage.run(wiki=[*OLD, *new], after=timedelta(minutes=1))
    assert set(new) <= out(last)
    assert {one.spelling for one in last.released} == set(new)
    assert stage.run(wiki=[*OLD, *new]).released == ()


def test_the_first_list_of_a_source_that_was_empty_is_asked_about() -> None:
    stage = judging()
    stage.run(page=[])
    first = stage.run(page=some(16))
    assert [one.until for one in first.held] == [None] * 16
    assert out(stage.run(page=some(16), after=30 * DAY)) == set()


def test_a_whole_new_section_is_asked_about() -> None:
    stage, section = judging(), some(115)
    assert len(held(stage.run(wiki=[*OLD, *section]))) == 115
    assert out(stage.run(wiki=[*OLD, *section], after=30 * DAY)) == set(OLD)


def test_a_page_that_is_replaced_by_old_codes_posts_none_of_them() -> None:
    stage = judging()
    assert out(stage.run(wiki=some(24))) == set()
    assert out(stage.run(wiki=some(24), after=30 * DAY)) == set()


def test_what_was_asked_about_does_not_go_out_because_a_part_of_it_stays_listed_for_months() -> None:
    stage, junk = judging(), some(40)
    stage.run(wiki=[*OLD, *junk])
    for _ in range(10):
        assert out(stage.run(wiki=[*OLD, *junk[:25]], after=10 * DAY)) == set(OLD)


def test_a_second_burst_makes_what_is_still_held_a_matter_for_a_person() -> None:
    stage = judging()
    stage.run(wiki=[*OLD, *some(12)])
    assert [one.until for one in stage.run(wiki=[*OLD, *some(12), *some(15, "Summer")]).held] == [None] * 27
    assert out(stage.run(wiki=[*OLD, *some(12), *some(15, "Summer")], after=DAY)) == set(OLD)


def test_ended_codes_beside_new_ones_hold_nothing_up_and_do_not_come_to_life_by_themselves() -> None:
    stage, new = judging(), some(3)
    archive = [sighting(one, expires_at=stage.now - DAY) for one in some(30, "Archive")]
    assert out(stage.run(wiki=[*OLD, *new, *archive])) == {*OLD, *new}
    undated = stage.run(wiki=[*OLD, *new, *some(30, "Archive")])
    assert out(undated) == {*OLD, *new}
    assert set(held(undated)) == set(some(30, "Archive"))


def test_a_first_look_is_no_burst() -> None:
    stage = Judging(new_to={"wiki"})
    assert len(out(stage.run(wiki=some(200)))) == 200
    assert stage.known(some(1)[0]).holds == {}


def test_the_numbers_are_settings_of_the_source_and_before_that_of_the_game() -> None:
    stage = judging(hold_above=2, hold_for="5m")
    assert len(held(stage.run(wiki=[*OLD, *some(3)]))) == 3
    assert set(some(3)) <= out(stage.run(wiki=[*OLD, *some(3)], after=timedelta(minutes=5)))
    stage = judging()
    stage.games[HOME_GAME] = replace(stage.games[HOME_GAME], hold_above=50, ask_above=60)
    assert not held(stage.run(wiki=[*OLD, *some(50)]))
    stage = judging(ask_above=1000)
    assert {one.until is None for one in stage.run(wiki=[*OLD, *some(99)]).held} == {False}


def test_a_trusted_source_is_spared_the_burst_and_nothing_else() -> None:
    stage = judging(trusted=True)
    assert not held(stage.run(wiki=[*OLD, *some(150)]))
    assert set(held(stage.run(wiki=[*OLD, "Autumn1", "Copy", "Redeem", "Expand"]))) == {"Autumn1"}


# Words of a page


def test_a_new_code_beside_words_of_a_page_waits_for_one_hold() -> None:
    stage = judging()
    dirty = [*OLD, "Autumn2026", "Copy", "Redeem", "Expand"]
    first = stage.run(wiki=dirty)
    assert held(first) == {"Autumn2026": "stands beside words of a page (Copy, Expand, Redeem)"}
    assert out(first) == set(OLD)
    assert "Autumn2026" in out(stage.run(wiki=dirty, after=timedelta(minutes=30)))


def test_words_that_a_list_has_always_had_make_no_code_wait() -> None:
    stage = judging()
    stage.run(wiki=[*OLD, "Copy", "Redeem", "Expand"])
    assert "Autumn2026" in out(stage.run(wiki=[*OLD, "Copy", "Redeem", "Expand", "Autumn2026"]))


@pytest.mark.parametrize("words", [["Copy", "Redeem", "Expand"], ["Search", "Menu", "Terms"]], ids=["same", "others"])
def test_what_was_held_beside_words_of_a_page_does_not_go_out_when_they_or_others_come_again(words: list[str]) -> None:
    stage = judging()
    stage.run(wiki=[*OLD, *some(6), "Copy", "Redeem", "Expand"])
    stage.run(wiki=OLD)
    again = [*OLD, *some(6), *words]
    assert held(stage.run(wiki=again, after=DAY)).keys() == set(some(6))
    # A code stays, and goes out with the run behind.
    assert set(some(6)) <= out(stage.run(wiki=again))


def test_two_words_of_a_page_are_refused_and_make_no_code_wait() -> None:
    found = judging().run(wiki=[*OLD, "Autumn2026", "Copy", "Redeem"])
    assert "Autumn2026" in out(found)
    assert set(refused(found)) == {"Copy", "Redeem"}


# What stays doubtful, and who says otherwise


def test_a_smaller_list_later_does_not_wash_clean_what_was_doubtful() -> None:
    stage = judging()
    stage.run(wiki=[*OLD, *some(30)])
    stage.run(wiki=OLD)
    assert set(held(stage.run(wiki=[*OLD, some(30)[0]], after=DAY))) == {some(30)[0]}


def test_time_runs_while_a_code_is_off_the_list() -> None:
    stage = judging()
    stage.run(wiki=[*OLD, *some(9)])
    stage.run(wiki=OLD)
    assert some(9)[0] in out(stage.run(wiki=[*OLD, some(9)[0]], after=HOUR))


def test_nothing_is_released_by_the_list_of_a_source_that_fails_or_is_doubtful_anew() -> None:
    stage = judging()
    stage.run(wiki=[*OLD, *some(9)])
    stage.failing = {"wiki"}
    assert len(held(stage.run(wiki=[*OLD, *some(9)], after=HOUR))) == 9
    stage.failing = set()
    assert len(held(stage.run(wiki=[*OLD, *some(9), *some(9, "Summer")]))) == 18
    assert len(held(stage.run(wiki=[*OLD, *some(9), *some(9, "Summer")]))) == 9


def test_a_clean_sighting_in_a_second_family_releases_a_code() -> None:
    stage = judging()
    stage.run(wiki=[*OLD, *some(30)], api=[])
    found = stage.run(wiki=[*OLD, *some(30)], api=some(2))
    assert out(found) == {*OLD, *some(2)}
    # It stays so when the second one drops it.
    assert set(some(2)) <= out(stage.run(wiki=[*OLD, *some(30)], api=[]))


def test_a_second_source_of_the_same_family_is_no_second_opinion() -> None:
    stage = judging(family="upstream")
    stage.sources["copy"] = definition("copy", family="upstream")
    stage.run(wiki=[*OLD, *some(30)], copy=[])
    assert out(stage.run(wiki=[*OLD, *some(30)], copy=some(2))) == set(OLD)
    assert out(stage.run(wiki=OLD, copy=some(2))) == set(OLD)


def test_a_second_source_that_reads_the_same_broken_page_releases_nothing() -> None:
    stage, junk = judging(), some(40)
    stage.run(wiki=[*OLD, *junk], api=[])
    assert out(stage.run(wiki=[*OLD, *junk], api=junk)) == set(OLD)
    stage.new_to = {"late"}
    assert out(stage.run(wiki=[*OLD, *junk], api=junk, late=junk)) == set(OLD)
    both = judging()
    both.new_to = {"late"}
    assert out(both.run(wiki=[*OLD, *junk], late=junk)) == set(OLD)


def test_a_hold_of_one_source_does_not_delay_the_codes_of_another() -> None:
    stage = judging()
    stage.run(wiki=OLD, api=[])
    assert "Autumn2026" in out(stage.run(wiki=[*OLD, *some(40)], api=["Autumn2026"]))
    assert some(40)[3] in out(judging().run(wiki=[*OLD, *some(40)], api=[some(40)[3]]))


def test_what_a_person_has_approved_goes_out_and_what_was_withdrawn_does_not() -> None:
    stage = judging()
    stage.run(wiki=[*OLD, *some(30)])
    yes, no = some(2)
    stage.store.amend_code(HOME_GAME, yes.upper(), lambda one: replace(one, approved=Ruling("ada", stage.now)))
    stage.store.amend_code(HOME_GAME, no.upper(), lambda one: replace(one, withdrawn=Ruling("ada", stage.now)))
    found = stage.run(wiki=[*OLD, *some(30)])
    assert out(found) == {*OLD, yes}
    assert refused(found)[no].startswith("a person has withdrawn it (ada, on 20")


def test_a_code_that_a_person_adds_waits_for_nobody() -> None:
    stage = judging()
    stage.run(wiki=[*OLD, *some(30)])
    by_hand = {MANUAL_SOURCE: SourceMemory(some(1)[0], stage.now, stage.now)}
    stage.store.remember([replace(stage.known(some(1)[0]), sources=by_hand)])
    assert some(1)[0] in out(stage.run(wiki=[*OLD, *some(30)]))


def test_two_hosts_that_see_different_lists_agree_on_what_is_doubtful() -> None:
    one = judging()
    other = Judging(sources=one.sources, store=one.store, now=one.now)
    one.run(wiki=[*OLD, *some(30)])
    assert out(other.run(wiki=[*OLD, *some(2)])) == set(OLD)
    assert one.known(some(1)[0]).holds["wiki"].until is None


def test_doubts_that_another_host_writes_meanwhile_count() -> None:
    stage = judging()
    code = some(1)[0]
    late = {"wiki": Hold(stage.now, "30 new codes at once")}
    remember = stage.store.remember

    def overtaken(records: list, *, writes: bool = True) -> dict:
        stage.store.remember = remember  # type: ignore[method-assign]  # only once
        remember([replace(one, holds=late) for one in records if one.spelling == code])
        return remember(records, writes=writes)

    stage.store.remember = overtaken  # type: ignore[method-assign,assignment]
    assert set(held(stage.run(wiki=[*OLD, code]))) == {code}


def test_a_run_that_writes_nothing_judges_the_same_and_remembers_nothing() -> None:
    stage = judging()
    found = stage.run(wiki=[*OLD, *some(30)], writes=False)
    assert len(held(found)) == 30
    assert len(stage.store.codes()) == 100


# Cut, glued, made up, of another game


def test_a_cut_code_is_held_and_the_whole_one_goes_out() -> None:
    stage = judging()
    assert "WAJ7CVBC4SG3T" in out(stage.run(wiki=[*OLD, "WAJ7CVBC4SG3T"]))
    found = stage.run(wiki=[*OLD, "WAJ7CVBC4SG3T", "WAJ7CVBC4SG3"])
    assert held(found) == {"WAJ7CVBC4SG3": "is WAJ7CVBC4SG3T without its end"}
    assert [one.until for one in found.held] == [None]
    # Off the list of the one, and alone in it: the verdict stays.
    assert set(held(stage.run(wiki=[*OLD, "WAJ7CVBC4SG3"], after=30 * DAY))) == {"WAJ7CVBC4SG3"}


@pytest.mark.parametrize(
    ("whole", "cut"),
    [("OFFICIALSTORE0709", "OFFICIALSTORE07"), ("Tiktok10Kfans", "tiktok10kfan"), ("ABCDEFGHIJK", "ABCDEFGH")],
)
def test_a_code_without_its_last_one_to_three_characters_is_cut_in_whatever_case(whole: str, cut: str) -> None:
    assert cut in held(judging().run(wiki=[*OLD, whole, cut]))


@pytest.mark.parametrize(
    ("one", "another"), [("OFFICIALSTORE0709", "OFFICIALSTORE"), ("VIP7777", "VIP77"), ("SUMMER1", "SUMMER")]
)
def test_a_code_that_lacks_more_or_is_short_is_none_that_was_cut(one: str, another: str) -> None:
    assert {one, another} <= out(judging().run(wiki=[*OLD, one, another]))


def test_what_was_cut_of_is_a_code_of_the_last_week_that_is_not_refused() -> None:
    stage = judging()
    stage.run(wiki=[*OLD, "WAJ7CVBC4SG3T"])
    stage.run(wiki=OLD, after=8 * DAY)
    assert "WAJ7CVBC4SG3" in out(stage.run(wiki=[*OLD, "WAJ7CVBC4SG3"]))
    found = judging().run(wiki=[*OLD, "WELCOMETONTE🆕", "WELCOMETONTE"])
    assert "WELCOMETONTE" in out(found)
    assert "WELCOMETONTE🆕" in refused(found)


def test_a_longer_code_that_comes_later_makes_none_doubtful_that_has_gone_out() -> None:
    stage = judging()
    stage.run(wiki=[*OLD, "OFFICIALSTORE"])
    assert {"OFFICIALSTORE", "OFFICIALSTORE07"} <= out(stage.run(wiki=[*OLD, "OFFICIALSTORE", "OFFICIALSTORE07"]))


def test_two_codes_glued_together_are_refused_if_both_are_known() -> None:
    stage = judging()
    stage.run(wiki=[*OLD, "UIVIBUQM6Q8A", "UIVI13C8X156"])
    found = stage.run(wiki=[*OLD, "UIVIBUQM6Q8AUIVI13C8X156", "UIVIBUQM6Q8ANEWONE2026"])
    assert refused(found) == {"UIVIBUQM6Q8AUIVI13C8X156": "is two codes in one: UIVIBUQM6Q8A and UIVI13C8X156"}
    assert "UIVIBUQM6Q8ANEWONE2026" in out(found)
    # All at once is the same, and it does not turn into a code later.
    for _ in range(2):
        again = judging().run(wiki=[*OLD, "AAAA1111", "BBBB2222", "AAAA1111BBBB2222"])
        assert set(refused(again)) == {"AAAA1111BBBB2222"}
    assert set(refused(stage.run(wiki=["UIVIBUQM6Q8AUIVI13C8X156"], after=30 * DAY))) == {"UIVIBUQM6Q8AUIVI13C8X156"}


@pytest.mark.parametrize("between", ["", "-", "_"])
@pytest.mark.parametrize("count", [2, 3, 4])
def test_any_number_of_known_codes_in_one_is_refused_whatever_stands_between_them(count: int, between: str) -> None:
    stage, four = judging(), ["ALPHA1", "Beta22", "Gamma3", "DELTA4"]
    stage.run(wiki=[*OLD, *four])
    one = between.join(four[:count])
    assert one in refused(stage.run(wiki=[*OLD, *four, one]))
    # That it begins with one says nothing of the rest.
    assert f"{one}AndMore" in out(stage.run(wiki=[*OLD, *four, f"{one}AndMore"]))


def test_a_key_of_equal_letters_is_looked_at_as_fast_as_another() -> None:
    known = {length * "A" for length in range(4, 30)}
    assert glued(99 * "A" + "B", known.__contains__) == ""
    assert glued("AAAA.AAAA, AAAAAA", {"AAAA", "AAAAAA"}.__contains__) == "is three codes in one: AAAA, AAAA and AAAAAA"


def test_a_code_is_not_two_in_one_because_its_parts_come_later_or_in_a_burst_of_junk() -> None:
    stage = judging()
    stage.run(wiki=[*OLD, "SUMMERPARTY26"])
    assert "SUMMERPARTY26" in out(stage.run(wiki=[*OLD, "SUMMERPARTY26", "SUMMER", "PARTY26"]))
    stage = judging()
    stage.run(wiki=[*OLD, *some(40), "WINTER", "PARTY2026"])
    assert "WINTERPARTY2026" in out(stage.run(wiki=[*OLD, "WINTERPARTY2026"]))


@pytest.mark.parametrize(
    "spelling", ["PYB9C9D0E1F2", "W7X8Q8R9S0T1", "PUSHTEST001", "CONTEST01", "LATEST01", "WOSABCD2345", "XYZA7890"]
)
def test_what_looks_made_up_is_held_until_somebody_says_so_and_never_refused(spelling: str) -> None:
    stage = judging()
    found = stage.run(wiki=[*OLD, spelling])
    assert held(found) == {spelling: "looks made up"}
    assert spelling in held(stage.run(wiki=[*OLD, spelling], after=30 * DAY))
    assert spelling in out(stage.run(wiki=[*OLD, spelling], api=[spelling]))


@pytest.mark.parametrize(
    "spelling",
    ["OFFICIALSTORE20260901", "ABCD", "1234567", "WOSABCE2345", "WOSABCD2346", "TESTIMONY", "LATESTNEWS2026"],
)
def test_what_only_reminds_of_something_made_up_goes_out(spelling: str) -> None:
    assert not is_made_up(spelling)


def test_two_families_that_list_it_at_once_are_two_opinions_on_a_code_that_looks_made_up() -> None:
    stage = judging()
    stage.run(wiki=OLD, api=[])
    assert "CONTEST01" in out(stage.run(wiki=[*OLD, "CONTEST01"], api=["CONTEST01"]))


def two_games(**of_second: object) -> Judging:
    stage = judging()
    stage.games["honkai"] = Game("honkai", "Honkai", **of_second)  # type: ignore[arg-type]  # fields by name
    stage.sources["impact"] = definition("impact", "honkai")
    stage.run(wiki=[*OLD, "STARRAILGIFT"], impact=[])
    return stage


def test_a_code_that_another_game_has_had_is_held_until_somebody_says_so() -> None:
    stage = two_games()
    found = stage.run(wiki=[*OLD, "STARRAILGIFT"], impact=["STARRAILGIFT", "HONKAI2026"])
    assert held(found) == {"STARRAILGIFT": "is known as a code of another game"}
    assert {"HONKAI2026", "STARRAILGIFT"} <= out(found)


def test_games_that_share_codes_may_have_the_same_ones() -> None:
    found = two_games(shares_codes=(HOME_GAME,)).run(wiki=[*OLD, "STARRAILGIFT"], impact=["STARRAILGIFT"])
    assert not found.held


def test_junk_that_another_game_has_had_says_nothing_of_a_code() -> None:
    stage = two_games()
    stage.run(wiki=[*OLD, *some(40)], impact=[])
    assert not stage.run(wiki=[*OLD, *some(40)], impact=some(3)).held or held(
        stage.run(wiki=[*OLD], impact=some(3))
    ).keys() <= set(some(40))


# Confirmation


def test_a_game_that_asks_for_two_families_waits_for_the_second_one_or_a_day() -> None:
    stage = judging()
    stage.games[HOME_GAME] = replace(stage.games[HOME_GAME], confirm=2)
    stage.run(wiki=OLD, api=[])
    first = stage.run(wiki=[*OLD, "AUTUMN2026", "WINTER2026"], api=[])
    assert held(first) == dict.fromkeys(["AUTUMN2026", "WINTER2026"], UNCONFIRMED)
    second = stage.run(wiki=[*OLD, "AUTUMN2026", "WINTER2026"], api=["AUTUMN2026"])
    assert set(held(second)) == {"WINTER2026"}
    assert "AUTUMN2026" in out(second)
    assert "WINTER2026" in out(stage.run(wiki=[*OLD, "WINTER2026"], api=[], after=DAY))
    assert "SPRING2026" in out(stage.run(wiki=[*OLD, "SPRING2026"], api=["SPRING2026"]))


# Rounds


def test_a_code_that_ended_and_is_issued_anew_begins_another_round_once() -> None:
    stage = judging()
    first = sighting("OFFICIALSTORE", expires_at=stage.now + DAY)
    assert [code.number for code in stage.run(wiki=[first]).valid] == [1]
    assert stage.run(wiki=[first], after=2 * DAY).valid == ()
    stage.run(wiki=OLD, after=DAY)
    again = sighting("OFFICIALSTORE", expires_at=stage.now + 60 * DAY)
    for _ in range(2):
        assert [code.number for code in stage.run(wiki=[*OLD, again], after=DAY).valid if code.key == again.key] == [2]
    assert [one.reason for one in stage.known("OFFICIALSTORE").rounds] == [
        f"it had ended on {when(first.expires_at, UTC)}, and is listed until {when(again.expires_at, UTC)}"
    ]


def test_leaving_a_list_and_coming_back_is_the_same_code() -> None:
    stage = judging()
    code = sighting("1stYoutubeKR", expires_at=stage.now + 90 * DAY)
    for _ in range(20):
        stage.run(wiki=[*OLD, code], after=DAY)
        stage.run(wiki=OLD, after=DAY)
    assert stage.known("1stYoutubeKR").rounds == ()


def test_an_end_that_only_some_sources_know_begins_no_round_when_one_of_them_is_away() -> None:
    stage = judging()
    early, late = (sighting("GIFT2026", expires_at=stage.now + days * DAY) for days in (5, 30))
    stage.run(wiki=[*OLD, early], api=[late])
    stage.run(wiki=[*OLD, early], api=[], after=4 * DAY)
    stage.run(wiki=[*OLD, early], api=[], after=4 * DAY)
    assert [one.number for one in stage.run(wiki=[*OLD, early], api=[late]).valid if one.key == late.key] == [1]


def test_a_prolonged_code_is_the_same_one_as_long_as_it_had_not_ended() -> None:
    stage = judging()
    stage.run(wiki=[*OLD, sighting("GIFT2026", expires_at=stage.now + 5 * DAY)])
    stage.run(wiki=[*OLD, sighting("GIFT2026", expires_at=stage.now + 30 * DAY)], after=4 * DAY)
    assert stage.known("GIFT2026").rounds == ()


def test_a_page_that_dates_its_whole_archive_anew_is_a_burst() -> None:
    stage = judging()
    ended = [sighting(one, expires_at=stage.now - DAY) for one in some(24)]
    stage.run(wiki=ended)
    anew = [sighting(one, expires_at=stage.now + 30 * DAY) for one in some(24)]
    assert out(stage.run(wiki=anew)) == set()


def test_what_was_held_in_an_earlier_round_is_judged_anew_in_the_next() -> None:
    stage = judging()
    stage.run(wiki=[*OLD, *(sighting(one, expires_at=stage.now + DAY) for one in some(30))])
    anew = sighting(some(30)[0], expires_at=stage.now + 90 * DAY)
    assert [one.number for one in stage.run(wiki=[*OLD, anew], after=30 * DAY).valid if one.key == anew.key] == [2]


def test_a_code_that_no_list_had_for_as_long_as_a_game_says_is_issued_anew() -> None:
    stage = judging()
    stage.games[HOME_GAME] = replace(stage.games[HOME_GAME], reissue_after=90 * DAY)
    stage.run(wiki=[*OLD, "BACK2026"])
    for _ in range(10):
        stage.run(wiki=OLD, after=10 * DAY)
    assert [one.number for one in stage.run(wiki=[*OLD, "BACK2026"]).valid if one.key == "BACK2026"] == [2]


def test_time_in_which_nobody_looked_is_no_absence() -> None:
    stage = judging()
    stage.games[HOME_GAME] = replace(stage.games[HOME_GAME], reissue_after=90 * DAY)
    stage.run(wiki=[*OLD, "BACK2026"])
    stage.now += 200 * DAY
    stage.run(wiki=[*OLD, "BACK2026"])
    assert stage.known("BACK2026").rounds == ()


# A page that took the list's place


LOGIN = ["Login", "Password", "Username", "Remember", "Forgot", "Weiter"]


def test_a_page_of_its_words_that_took_the_place_of_the_list_waits_for_a_person_however_long_it_stands() -> None:
    stage = judging()
    first = stage.run(wiki=LOGIN)
    assert set(held(first)) == {"Remember", "Forgot", "Weiter"}
    assert {one.until for one in first.held} == {None}
    assert set(held(first).values()) == {"stands beside words of a page (Login, Password, Username) and nothing else"}
    for _ in range(5):
        assert out(stage.run(wiki=[*LOGIN, "Anders"], after=timedelta(hours=1))) == set()
    assert out(stage.run(wiki=[*OLD, "REAL2026"])) == {"REAL2026", *OLD}


def test_with_junk_that_is_back_beside_it_such_a_page_waits_for_a_person_all_the_same() -> None:
    stage = judging()
    stage.run(wiki=[*LOGIN[:3], *some(6, "Word")])
    stage.run(wiki=OLD)
    judged = stage.run(wiki=["Search", "Menu", "Terms", *some(6, "Word"), "Other1Word", "Other2Word"])
    assert {one.until for one in judged.held} == {None}
    assert held(judged).keys() >= {"Other1Word", "Other2Word"}


def test_beside_what_is_in_order_words_of_a_page_delay_a_code_and_no_more() -> None:
    stage = judging()
    words = ["Login", "Password", "Username"]
    (only,) = stage.run(wiki=[*OLD[:1], *words, "REAL2026"]).held
    assert only.until is not None
    assert "REAL2026" in out(stage.run(wiki=[*OLD[:1], *words, "REAL2026"], after=timedelta(minutes=31)))


def test_a_code_that_takes_the_place_of_another_beside_words_that_were_always_there_goes_out_at_once() -> None:
    words = ["Login", "Password", "Username"]
    stage = Judging(new_to={"wiki"})
    stage.run(wiki=[*words, "FIRST2026"])
    stage.new_to.clear()
    assert out(stage.run(wiki=[*words, "SECOND2026"])) == {"SECOND2026"}


def test_a_page_in_letters_that_no_code_has_is_one_of_words() -> None:
    stage = judging()
    judged = stage.run(wiki=["有効期限", "コード", "入力してください", "PayPay", "LINE", *OLD])
    assert set(held(judged)) == {"PayPay", "LINE"}
    # One that has an emoji, or two, is a code that somebody has decorated.
    fine = judging().run(wiki=["WELCOMETONTE🆕", "WELCOMETONTE", "GIFT2026🎁", "NEW2026🎁", *OLD])
    assert held(fine) == {}


# What people get wrong, and what games say


def test_a_game_says_how_its_codes_look() -> None:
    stage = judging()
    stage.games["roblox"] = Game("roblox", "Roblox", code_pattern=r"[\w&!?. ]{3,30}")
    stage.sources["blox"] = definition("blox", "roblox")
    stage.run(blox=[])
    real = ["Alna&Patch154AFK", "NewCode!?", "UPDATE 1.5", "Wax", "777", "JoJo Part 1", "Wood"]
    found = stage.run(blox=[*real, "no/code", "@everyone", "a~2"])
    assert out(found) == set(real)
    assert set(refused(found)) == {"no/code", "@everyone", "a~2"}


def test_a_code_that_every_list_calls_ended_is_refused_also_when_a_person_approved_it_before() -> None:
    stage = judging()
    stage.run(wiki=["GIFT2026"])
    stage.store.amend_code(HOME_GAME, "GIFT2026", lambda one: replace(one, approved=Ruling("ada", stage.now)))
    assert out(stage.run(wiki=[sighting("GIFT2026", state=SightingState.EXPIRED)])) == set()
    assert out(stage.run(wiki=[sighting("GIFT2026", expires_at=stage.now + HOUR)], after=2 * HOUR)) == set()


PAGE = [*["Allow", "Cookies", "Copy", "Login", "Privacy", "Terms"], *some(40, "Word")]


def looked_at(*codes: str) -> Judging:
    """A stage on which the first look has found these."""
    stage = Judging(new_to={"wiki"})
    stage.run(wiki=codes)
    stage.new_to.clear()
    return stage


def page_stage() -> Judging:
    """A list in which a page of junk stood once, and that is as it was again."""
    stage = looked_at(*some(40, "Spring"))
    stage.run(wiki=[*some(40, "Spring"), *PAGE])
    stage.run(wiki=some(40, "Spring"))
    return stage


def test_a_page_of_junk_that_comes_again_with_other_words_brings_them_nowhere_at_once() -> None:
    stage = page_stage()
    assert held(stage.run(wiki=[*some(40, "Spring"), *PAGE, "Other1Word"])).keys() >= {"Other1Word"}
    # Without a word that anybody would know for one of a page, too.
    stage = page_stage()
    assert held(stage.run(wiki=[*some(40, "Spring"), *PAGE[6:], "Other1Word"])).keys() >= {"Other1Word"}


def test_words_that_are_refused_beside_the_others_of_a_junk_page_let_none_of_them_out() -> None:
    """With them it is more than a few, and without them no more than that."""
    stage = page_stage()
    others = [f"Other{number}Word" for number in range(8)]
    judged = stage.run(wiki=[*some(40, "Spring"), *PAGE[6:], *others, "Register", "EXAMPLE"])
    assert held(judged).keys() >= set(others)
    assert not out(judged) & set(others)


def test_a_word_that_comes_again_with_the_very_page_of_junk_it_came_with_is_asked_about() -> None:
    stage = page_stage()
    page = [*some(40, "Spring"), *PAGE[6:], "Other1Word"]
    stage.run(wiki=page)
    stage.run(wiki=some(40, "Spring"))
    assert "Other1Word" not in out(stage.run(wiki=page, after=DAY))
    assert "Other1Word" not in out(stage.run(wiki=page, after=DAY))
    # A code that stayed when the page went is none of its words.
    stage = page_stage()
    stage.run(wiki=[*some(40, "Spring"), *PAGE[6:], "Real1Code"])
    stage.run(wiki=[*some(40, "Spring"), "Real1Code"])
    assert "Real1Code" in out(stage.run(wiki=[*some(40, "Spring"), *PAGE[6:], "Real1Code"], after=HOUR))


def test_what_is_new_in_a_list_that_is_nothing_but_a_page_of_junk_again_is_asked_about() -> None:
    stage = page_stage()
    for _ in range(2):
        judged = stage.run(wiki=[*PAGE[6:], "Other1Word"], after=DAY)
        assert [one.until for one in judged.held if one.spelling == "Other1Word"] == [None]
    # Where something of the list is left it may be a code that came with the page, and waits for one hold.
    stage = page_stage()
    judged = stage.run(wiki=["Spring01Gift", *PAGE[6:], "Real1Code"])
    assert held(judged).keys() >= {"Real1Code"}
    assert "Real1Code" in out(stage.run(wiki=["Spring01Gift", *PAGE[6:], "Real1Code"], after=HOUR))


def test_a_page_of_junk_that_stands_and_is_read_anew_with_other_words_brings_them_nowhere_at_once() -> None:
    for after in (ROUND, timedelta(days=1)):
        stage = looked_at(*some(4, "Spring"))
        stage.run(wiki=PAGE)
        assert held(stage.run(wiki=[*PAGE, "Other1Word"], after=after)).keys() >= {"Other1Word"}


def test_a_section_that_nobody_approves_delays_no_other_code_though_it_is_most_of_the_list() -> None:
    stage = looked_at(*some(30, "Spring"))
    section = [f"Section{number:03}" for number in range(115)]
    stage.run(wiki=[*some(30, "Spring"), *section])
    known = some(30, "Spring")
    for number in range(3):
        known.append(f"Real{number}Code")
        assert known[-1] in out(stage.run(wiki=[*known, *section], after=DAY))


def test_junk_that_stays_in_a_list_for_long_or_comes_again_with_all_of_it_delays_no_code() -> None:
    stage = looked_at(*some(40, "Spring"))
    stays = [*some(40, "Spring"), *PAGE[:26]]
    stage.run(wiki=[*some(40, "Spring"), *PAGE])
    stage.run(wiki=stays, after=timedelta(hours=1))
    assert "Real1Code" in out(stage.run(wiki=[*stays, "Real1Code"]))
    stage.run(wiki=["Real1Code"])
    assert "Real2Code" in out(stage.run(wiki=[*stays, "Real1Code", "Real2Code"]))
