"""Every recorded payload yields exactly the codes that were read in it by hand."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from fakes.rules import SKIPPED_REGIONS
from source_helpers import BUILT_IN, define, going_out, labels, parse, payload, spellings

from giftping.codes.guards import clearance
from giftping.codes.merge import merge
from giftping.codes.model import Code, Sighting
from giftping.codes.sources.kinds import ShapeChangedError
from giftping.text import key_of

RECORDED = {
    "hoyo_codes_seria/seria_nap.json": "seria-zenless",
    "ennead_api/ennead_genshin_trimmed.json": "ennead-genshin",
    "opengachacodes/ogc_genshin_trimmed.json": "opengachacodes-genshin",
    "opengachacodes/ogc_wuwa.json": "opengachacodes-wuwa",
    "fandom_wikitext_api/fandom_gi_live_trimmed.json": "fandom-genshin",
    "fandom_wikitext_api/fandom_hsr_live_trimmed.json": "fandom-starrail",
    "kingshot_net_html/giftcodes-kingshot-net.html": "kingshot-net-page",
    "kingshotwiki_html/kingshotwiki_giftcodes_2026-09-03.html": "kingshotwiki",
    "axeetech_kingshot_html/webpage.html": "axeetech-kingshot",
}
HASHBLEN = define("""
    kind = "json"
    [rows]
    code = "code"
""")
PLAIN_LIST = define("""
    kind = "text"
    rows = { code = '^\\S+$' }
""")


def instant_of(label: dict) -> datetime:
    found = datetime.fromisoformat(label.get("as_of", "2026-09-25"))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_payload_yields_exactly_its_labelled_active_codes(name):
    label = labels(name)
    now = instant_of(label)
    going, _ = going_out(parse(BUILT_IN[RECORDED[name]], payload(name), now=now), now)
    surplus = {code.spelling for code in going} - set(label["active"])
    assert set(label["active"]) <= {code.spelling for code in going}
    assert surplus <= set(label.get("junk", []))
    assert {code.game for code in going} == {label["game"]}


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_payload_keeps_its_expired_codes_as_sightings_that_are_refused(name):
    label = labels(name)
    now = instant_of(label)
    _, refused = going_out(parse(BUILT_IN[RECORDED[name]], payload(name), now=now), now)
    assert set(label.get("expired", [])) <= set(refused)
    assert not [word for word in label.get("must_not", []) if word in refused]


def test_the_kingshot_page_yields_the_labelled_expiry_instants():
    name = "kingshot_net_html/giftcodes-kingshot-net.html"
    listing = parse(BUILT_IN["kingshot-net-page"], payload(name))
    found = {sighting.spelling: sighting.expires_at for sighting in listing.sightings if sighting.expires_at}
    assert found == {code: datetime.fromisoformat(text) for code, text in labels(name)["expiry"].items()}


def test_the_star_rail_wiki_yields_the_labelled_expiries_through_the_end_of_the_day():
    name = "fandom_wikitext_api/fandom_hsr_live_trimmed.json"
    by_code = {sighting.spelling: sighting for sighting in parse(BUILT_IN["fandom-starrail"], payload(name)).sightings}
    label = labels(name)["expiry"]
    assert {code: by_code[code].expiry_text for code in label} == label
    assert by_code["MALSV2F247FP"].expires_at == datetime(2026, 9, 22, tzinfo=UTC)
    assert by_code["TB2NPKQ8USKF"].expires_at == datetime(2025, 8, 3, 23, 59, tzinfo=UTC)
    assert by_code["OMEGA"].expires_at is None


def test_an_expiry_in_the_rewards_cell_of_a_page_ends_the_code():
    label = labels("axeetech_kingshot_html/webpage.html")
    listing = parse(BUILT_IN["axeetech-kingshot"], payload("axeetech_kingshot_html/webpage.html"))
    [found] = [sighting for sighting in listing.sightings if sighting.spelling == "looking4code"]
    assert "looking4code" in label["expired"]
    assert found.expires_at == datetime(2025, 8, 16, tzinfo=UTC)
    assert found.rewards == ""


def test_codes_of_the_chinese_servers_are_refused():
    name = "fandom_wikitext_api/fandom_gi_live_trimmed.json"
    _, refused = going_out(parse(BUILT_IN["fandom-genshin"], payload(name)), instant_of(labels(name)))
    assert refused == dict.fromkeys(labels(name)["region_cn_only"], "works in CN only")


def test_a_page_that_lists_many_games_is_read_for_one_of_them():
    label = labels("codehub/codehub_trimmed.json")["active"]
    for game, codes in label.items():
        mine = define(f"""
            kind = "json"
            [rows]
            at = "codes[?game == '{game}']"
            code = "code"
            rewards = {{ path = "reward", split = " + " }}
        """)
        assert spellings(parse(mine, payload("codehub/codehub_trimmed.json"))) == codes


def test_a_text_with_one_code_per_line_yields_its_lines():
    name = "plain_text_list/humbao_genshin.txt"
    assert spellings(parse(PLAIN_LIST, payload(name))) == labels(name)["active"]


def test_d15_a_recorded_file_of_no_bytes_is_an_empty_list_of_lines_and_no_json():
    body = payload("hashblen_scrape/codes-hsr.txt")
    assert parse(PLAIN_LIST, body).sightings == ()
    with pytest.raises(ShapeChangedError, match="empty"):
        parse(HASHBLEN, body)


def test_every_code_of_the_long_recorded_list_passes_the_guards_under_one_key_per_code():
    label = labels("hashblen_scrape/codes-genshin.txt")
    listing = parse(HASHBLEN, payload("hashblen_scrape/codes-genshin.txt"))
    going, refused = going_out(listing, datetime(2025, 9, 15, tzinfo=UTC))
    assert len(listing.sightings) == label["count"]
    assert refused == {}
    assert len(going) == len({key_of(word) for word in spellings(listing)})
    assert "Giftfromskirk57" in {code.spelling for code in going}


def revisions() -> list[list[str]]:
    lines = payload("wos_codes_timeline/adrianjslywotzky_codes_timeline.jsonl").decode().splitlines()
    return [[row["code"] for row in json.loads(line)["codes"]] for line in lines]


def merged(words: list[str]) -> list[Code]:
    return merge(Sighting("timeline", "whiteout-survival", word) for word in words)


def test_a_code_that_leaves_a_list_and_comes_back_is_the_same_code():
    appearances = [{code.key: code for code in merged(words)} for words in revisions() if len(words) < 100]
    seen = [found["OFFICIALSTORE"] for found in appearances if "OFFICIALSTORE" in found]
    assert len(seen) < len(appearances)
    assert set(map(str, seen)) == {str(seen[0])}


def test_most_of_a_recorded_burst_of_page_words_is_refused_and_its_real_codes_pass():
    burst = max(revisions(), key=len)
    now = datetime(2026, 5, 7, tzinfo=UTC)
    verdicts = {code.spelling: clearance(code, now, SKIPPED_REGIONS) for code in merged(burst)}
    passed = {word for word, found in verdicts.items() if found.may_go_out}
    real = {"FE5BY8", "ChildrensDay505", "OFFICIALSTORE", "VpqG7dDK7", "HowieLovesWOS", "WOS0408", "Herstory26"}
    assert len(burst) == 550
    assert real <= passed
    assert len(verdicts) - len(passed) > 200


def test_an_api_that_hands_out_code_and_date_in_one_string_can_be_described():
    mine = define("""
        kind = "json"
        dates = { formats = ["%d.%m.%Y"] }
        [rows]
        at = "codes"
        code = { pattern = '^(\\S+) ' }
        expires = { pattern = ' (\\S+)$' }
    """)
    [found] = parse(mine, '{"codes": ["gogoWOS 31.05.2026"]}').sightings
    assert (found.spelling, found.expires_at) == ("gogoWOS", datetime(2026, 5, 31, tzinfo=UTC) + timedelta(days=1))
