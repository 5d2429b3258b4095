"""The built-in sources read the shapes that their sites are known to answer with."""

from datetime import UTC, datetime

import pytest
from source_helpers import BUILT_IN, NOW, going_out, parse, sample, spellings

from giftping.codes.sources.kinds import ShapeChangedError
from giftping.settings.sources import SightingState


def test_d20_d23_the_wostools_api_is_read_under_all_its_field_names_and_in_exact_spelling():
    listing = parse(BUILT_IN["wostools"], sample("wostools.json"))
    found = {sighting.spelling: sighting for sighting in listing.sightings}
    assert list(found) == ["gogoWOS", "OFFICIALSTORE0709", "wm6B7MM4u", "RW23UIE"]
    assert found["gogoWOS"].expires_at == datetime(2026, 6, 1, tzinfo=UTC)
    assert found["OFFICIALSTORE0709"].rewards == "1K Gems"
    assert found["OFFICIALSTORE0709"].expires_at == datetime(2026, 7, 10, tzinfo=UTC)
    assert found["wm6B7MM4u"].rewards == ""
    assert found["RW23UIE"].state is SightingState.EXPIRED
    assert [row.reason for row in listing.dropped] == [
        "it has no code",
        "its state is 'pending review', which the source's definition does not know",
    ]


def test_d15_an_empty_list_of_the_wostools_api_is_honest_and_a_failure_of_it_is_not():
    assert parse(BUILT_IN["wostools"], '{"success": true, "codes": []}').sightings == ()
    with pytest.raises(ShapeChangedError):
        parse(BUILT_IN["wostools"], '{"success": false, "codes": []}')
    with pytest.raises(ShapeChangedError, match="maintenance"):
        parse(BUILT_IN["wostools"], '{"error": "maintenance"}')


def test_d21_the_feed_lists_titles_of_one_word_only():
    listing = parse(BUILT_IN["wosgiftcodes-rss"], sample("wosgiftcodes_rss.xml"))
    assert spellings(listing) == ["gogoWOS", "ChildrensDay505"]
    assert [row.text for row in listing.dropped] == ["We are on holiday until Monday"]


def test_d19_sources_that_state_no_status_contribute_their_codes():
    listing = parse(BUILT_IN["wosgiftcodes-rss"], sample("wosgiftcodes_rss.xml"))
    assert {sighting.state for sighting in listing.sightings} == {SightingState.UNSTATED}
    assert [code.spelling for code in going_out(listing, NOW)[0]] == ["ChildrensDay505", "gogoWOS"]


def test_d20_the_table_of_codes_is_read_and_the_text_around_it_is_not():
    listing = parse(BUILT_IN["wosgiftcodes-page"], sample("wosgiftcodes_page.html"))
    going, refused = going_out(listing, NOW)
    assert {code.spelling for code in going} == {"OFFICIALSTORE0709", "gogoWOS", "Kingshot888", "TwoCells"}
    assert refused == {"901MUSIC": "every source that lists it says it has expired"}
    found = {code.spelling: code for code in going}
    assert found["OFFICIALSTORE0709"].rewards == "1K Gems, 2 Mythic Shards"
    assert found["OFFICIALSTORE0709"].expires_at == datetime(2026, 7, 10, tzinfo=UTC)
    assert found["Kingshot888"].expires_at == datetime(2026, 7, 9, 23, 59, tzinfo=UTC)
    assert found["Kingshot888"].rewards == ""
    assert found["gogoWOS"].expiry_text == "Unknown"


def test_a_page_that_says_there_are_no_codes_is_an_honest_empty_list():
    body = "<h2>Active Codes</h2><table><tr><td colspan=4>No active codes right now</td></tr></table>"
    assert parse(BUILT_IN["wosgiftcodes-page"], body).sightings == ()


@pytest.mark.parametrize("body", ["", "<html><title>Just a moment...</title></html>", "<p>OFFICIALSTORE</p>", "502"])
def test_d16_d17_a_page_without_its_table_is_a_changed_shape_and_never_a_code(body):
    with pytest.raises(ShapeChangedError):
        parse(BUILT_IN["wosgiftcodes-page"], body)


def test_d17_no_code_is_written_down_in_a_parser_or_in_the_catalogue():
    from pathlib import Path

    import giftping.codes

    for path in Path(giftping.codes.__file__).parent.rglob("*"):
        if path.suffix in (".py", ".toml"):
            assert "OFFICIALSTORE" not in path.read_text("utf-8").upper(), path


def test_the_kingshot_api_is_read():
    listing = parse(BUILT_IN["kingshot-net"], sample("kingshot_net.json"))
    assert spellings(listing) == ["WELLDONE", "Kingshot888"]
    assert listing.sightings[0].expires_at == datetime(2026, 10, 10, 23, 59, tzinfo=UTC)
    with pytest.raises(ShapeChangedError):
        parse(BUILT_IN["kingshot-net"], '{"status": "error", "message": "rate limited"}')


def test_the_hoyolab_module_is_read_during_streams_and_empty_outside_of_them():
    listing = parse(BUILT_IN["hoyolab-genshin"], sample("hoyolab.json"))
    assert [(sighting.spelling, sighting.state) for sighting in listing.sightings] == [
        ("LIVE60CODE1", SightingState.ACTIVE),
        ("LIVE60CODE2", SightingState.EXPIRED),
    ]
    assert parse(BUILT_IN["hoyolab-genshin"], '{"retcode": 0, "data": {"modules": []}}').sightings == ()
    with pytest.raises(ShapeChangedError):
        parse(BUILT_IN["hoyolab-genshin"], '{"retcode": -1, "message": "invalid request", "data": null}')


def test_a_kingshot_page_with_unset_values_is_read():
    rows = (
        r"[{\"code\":\"KS1\",\"date\":\"x\",\"rewards\":\"Gems\",\"status\":\"active\",\"expiresAt\":\"$undefined\"}]"
    )
    body = (
        rf'<script>self.__next_f.push([1,"2:[\"$\",\"$L1\",null,{{\"initialData\":{{\"codes\":{rows}}}}}]\n"])</script>'
    )
    [found] = parse(BUILT_IN["kingshotmastery"], body).sightings
    assert (found.spelling, found.expiry_text, found.state) == ("KS1", "", SightingState.ACTIVE)


def test_the_zenless_wiki_is_read_through_its_container_its_comments_and_its_item_lists():
    listing = parse(BUILT_IN["fandom-zenless"], sample("fandom_zenless.json"))
    found = {sighting.spelling: sighting for sighting in listing.sightings}
    assert list(found) == ["ZZZVOID32", "ZZZtwoA", "ZZZtwoB", "ZZZOLD11"]
    assert found["ZZZVOID32"].rewards == "Polychrome ×20, Denny ×2,222"
    assert found["ZZZVOID32"].region == ""
    assert found["ZZZtwoB"].region == "EU, NA"
    assert found["ZZZOLD11"].state is SightingState.EXPIRED
    assert found["ZZZVOID32"].state is SightingState.ACTIVE
    assert [row.reason for row in listing.dropped] == ["the source marks it as no code"]


def test_the_tables_of_the_wuthering_waves_wiki_are_read_in_pacific_time():
    listing = parse(BUILT_IN["fandom-wuwa"], sample("fandom_wuwa.wikitext"))
    found = {sighting.spelling: sighting for sighting in listing.sightings}
    assert list(found) == ["WUTHERINGGIFT", "RESONATE26", "OLDWAVE1"]
    assert found["WUTHERINGGIFT"].rewards == "Astrite ×50, Shell Credit ×10000"
    assert found["WUTHERINGGIFT"].expiry_text == "indefinite"
    assert found["RESONATE26"].expires_at == datetime(2026, 6, 8, 7, tzinfo=UTC)
    assert found["OLDWAVE1"].state is SightingState.EXPIRED


OPEN_LIST = '<ul><li><span class="code">OPEN2026</span><button>Copy</button></li></ul>'
PAID_LIST = '<ul><li><span class="code">PAYING26</span><button>Copy</button></li></ul>'


@pytest.mark.parametrize(
    "page",
    [
        f"<strong>Active Codes:</strong><p></p>{OPEN_LIST}<p><strong>Concierge</strong> member codes:</p>{PAID_LIST}",
        f"<p><strong>Active Codes:</strong></p>{OPEN_LIST}<h3>For Concierge members</h3>{PAID_LIST}",
        f"<p>Dear Concierge!</p><strong>Active Codes:</strong>{OPEN_LIST}<p>Premium member codes</p>{PAID_LIST}",
        f"<strong>Active Codes:</strong>{OPEN_LIST}<div><p>Concierge</p>{PAID_LIST}</div>",
    ],
)
def test_the_list_for_members_who_pay_is_left_out(page):
    assert spellings(parse(BUILT_IN["kingshotwiki"], f"<div>{page}</div>")) == ["OPEN2026"]


def test_the_kingshot_wiki_without_its_list_has_changed_its_shape():
    with pytest.raises(ShapeChangedError):
        parse(BUILT_IN["kingshotwiki"], f"<strong>Codes:</strong>{OPEN_LIST}")
    with pytest.raises(ShapeChangedError):
        parse(BUILT_IN["kingshotwiki"], "<strong>Active Codes:</strong><table></table>")
    assert parse(BUILT_IN["kingshotwiki"], "<strong>Active Codes:</strong><ul><li>None</li></ul>").sightings == ()


def test_sources_of_one_upstream_are_one_opinion():
    of = {name: source.upstream for name, source in BUILT_IN.items()}
    assert of["opengachacodes-genshin"] == of["ennead-genshin"] == of["opengachacodes-endfield"]
    assert of["kingshot-net"] == of["kingshot-net-page"] != of["kingshotwiki"]
    assert of["wosgiftcodes-rss"] == of["wosgiftcodes-page"] != of["wostools"]


def test_what_forbids_robots_or_was_never_seen_to_answer_is_switched_off():
    off = {name for name, source in BUILT_IN.items() if not source.enabled}
    assert {"kingshotmastery", "axeetech-kingshot", "hashblen-genshin", "wuthering-gg", "nexus-nikke"} <= off
    assert not {name for name in off if name.startswith(("hoyolab", "fandom", "ennead"))}


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        ("hum-bao-genshin", "2BJ64QRZ7RT8\nGenshinX7\n\n# none\n", [("2BJ64QRZ7RT8", ""), ("GenshinX7", "")]),
        (
            "hashblen-starrail",
            '{"genshin": [], "hsr": [{"code": "HSRGIFT7", "description": "Credit*5000;Jade*60", "added_at": 1}]}',
            [("HSRGIFT7", "Credit ×5000, Jade ×60")],
        ),
        (
            "nexus-nikke",
            '[{"code": "NIKKEX77", "rewards": "Gem X100", "date": "2026-01-01"}]',
            [("NIKKEX77", "Gem X100")],
        ),
        ("seria-tot", '{"codes": [{"code": "THEMIS77", "status": "OK", "rewards": ""}]}', [("THEMIS77", "")]),
        ("opengachacodes-nte", '[{"code": "NTEGIFT7", "rewards": ["Coin x5"]}]', [("NTEGIFT7", "Coin x5")]),
        (
            "wosrewards",
            "<h3>Available Gift Codes</h3><div><div class=bg-white><span class=absolute>ACTIVE</span><h5>WosGift7</h5>"
            "</div></div>",
            [("WosGift7", "")],
        ),
    ],
)
def test_a_source_that_public_programs_read_is_read_as_they_do(name, body, expected):
    found = parse(BUILT_IN[name], body).sightings
    assert [(one.spelling, one.rewards) for one in found] == expected


def test_the_table_of_the_wuthering_page_says_which_codes_have_ended():
    rows = (
        "<tr><th>Code</th><th></th><th>Rewards</th></tr>"
        "<tr><td>WAVES777</td><td><button>COPY</button></td><td><li>Astrite x50</li><li>Shell x5</li></td></tr>"
        "<tr><td>OLDWAVE7</td><td>Expired</td><td></td></tr>"
    )
    listing = parse(BUILT_IN["wuthering-gg"], f"<table>{rows}</table>")
    going, refused = going_out(listing, NOW)
    assert [(code.spelling, code.rewards) for code in going] == [("WAVES777", "Astrite x50, Shell x5")]
    assert list(refused) == ["OLDWAVE7"]


def test_codes_that_a_game_says_it_has_are_read_with_their_spaces_and_marks():
    from dataclasses import replace

    odd = replace(BUILT_IN["nexus-afk-journey"], code_pattern=r"[\w&!?. ]{3,20}")
    body = '[{"code": "AFKJ&Creator"}, {"code": "NewCode!?"}, {"code": "UPDATE 1.5"}, {"code": "Wax"}]'
    assert spellings(parse(odd, body)) == ["AFKJ&Creator", "NewCode!?", "UPDATE 1.5", "Wax"]
    assert spellings(parse(replace(odd, code_pattern=""), body)) == ["AFKJ&Creator", "NewCode!?", "Wax"]
