"""Whatever the bytes are, a parser returns a listing or says that the shape has changed. Nothing else escapes."""

import json

import pytest
from fakes.rules import SKIPPED_REGIONS
from hypothesis import given
from hypothesis import strategies as st
from source_helpers import BUILT_IN, NOW, define, parse, sample, spellings

from giftping.codes.guards import clearance
from giftping.codes.merge import merge
from giftping.codes.model import Listing
from giftping.codes.sources.kinds import ShapeChangedError
from giftping.codes.sources.rows import MAX_ROWS
from giftping.settings.sources import SourceDefinition

LD_JSON = define("""
    kind = "embedded"
    [rows]
    script = "script[type='application/ld+json']"
    at = "[@][?\\"@type\\" == 'ItemList'] | [0].itemListElement"
    code = "name"
""")
STATE = define("""
    kind = "embedded"
    rows = { script = "script", after = 'STATE *= *', at = "codes", code = "code", rewards = "rewards" }
""")
TEXT = define("""
    kind = "text"
    dates = { formats = ["%d.%m.%Y"] }
    rows = { code = '^\\w+', expires = '\\d\\d\\.\\d\\d\\.\\d{4}', skip = '^#' }
""")
LIST = BUILT_IN["opengachacodes-wuwa"]
SOURCES = {
    "json": BUILT_IN["wostools"],
    "list": LIST,
    "rss": BUILT_IN["wosgiftcodes-rss"],
    "html": BUILT_IN["wosgiftcodes-page"],
    "html under headings": BUILT_IN["axeetech-kingshot"],
    "html beside a label": BUILT_IN["kingshotwiki"],
    "flight": BUILT_IN["kingshot-net-page"],
    "json-ld": LD_JSON,
    "state": STATE,
    "templates": BUILT_IN["fandom-zenless"],
    "tables": BUILT_IN["fandom-wuwa"],
    "text": TEXT,
}
PUSH = '<script>self.__next_f.push([1,"1f:{0}\\n"])</script>'
HOSTILE = {
    "nothing": b"",
    "white space": b" \n\t ",
    "a byte order mark alone": b"\xef\xbb\xbf",
    "NULs": b"\0" * 1000,
    "random bytes": bytes(range(256)) * 8,
    "truncated JSON": b'{"success": true, "codes": [{"code": "GIFT',
    "deep JSON": b"[" * 30_000,
    "deep closed JSON": b'{"codes":' * 20_000 + b"1" + b"}" * 20_000,
    "deep JSON under the key": b'{"success": true, "codes": [{"code": ' + b"[" * 900 + b"]" * 900 + b"}]}",
    "a huge integer": b'{"success": true, "codes": [{"code": ' + b"9" * 10_000 + b"}]}",
    "NaN": b'{"success": true, "codes": [{"code": NaN, "expiry": Infinity}]}',
    "wrong types": b'{"success": true, "codes": [1, null, "x", [], {"code": {}}, {"code": ["A", 2]}, {"code": true}]}',
    "an unpaired surrogate": b'{"success": true, "codes": [{"code": "GIFT\\ud800"}]}',
    "a DTD": b'<!DOCTYPE rss [<!ENTITY a "aaaa">]><rss><channel><item><title>&a;</title></item></channel></rss>',
    "an entity bomb": b'<!DOCTYPE x [<!ENTITY a "a"><!ENTITY b "&a;&a;">]><rss><channel>&b;</channel></rss>',
    "an external entity": b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><rss><channel>&a;</channel></rss>',
    "an unknown XML encoding": b'<?xml version="1.0" encoding="x-nope"?><rss><channel/></rss>',
    "a wide XML encoding": b'<?xml version="1.0" encoding="utf-32"?><rss><channel/></rss>',
    "deep XML": b"<rss><channel>" + b"<a>" * 20_000,
    "deep flight": PUSH.replace("{0}", "[" * 30_000).encode(),
    "half a flight": b'<script>self.__next_f.push([1,"1f:[{\\"initialData\\":{\\"giftCodes\\":[{\\"co"])</script>',
    "open templates": b"{{Redemption Code Row|" * 20_000,
    "open tables": b"{|\n|-\n| " * 5_000,
    "open braces": b"{" * 20_000,
    "an api error": b'{"error": {"code": "maxlag", "info": "Waiting for a database server"}}',
    "a missing wiki page": b'{"query": {"pages": {"-1": {"title": "X", "missing": ""}}}}',
    "odd wiki answers": b'{"query": {"pages": [1]}}',
    "an error page": b"<!doctype html><html><head><title>502 Bad Gateway</title></head><body>502</body></html>",
}
TRAPS = [
    "<div>",
    "<tr>",
    "<td>",
    "<!--",
    "<a ",
    '<a b="',
    "<a b='",
    "</",
    "<?",
    "<![CDATA[",
    "&",
    "<",
    "<script>",
    "<li class=code>",
]


def outcome(definition: SourceDefinition, body: bytes, content_type: str = "") -> tuple[Listing | None, str]:
    """The listing, or why there is none. Any other exception fails the test."""
    try:
        return parse(definition, body, content_type), ""
    except ShapeChangedError as error:
        return None, str(error)


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_body_is_a_changed_shape_or_yields_nothing_that_may_go_out(what):
    for kind, definition in SOURCES.items():
        listing, reason = outcome(definition, HOSTILE[what])
        assert (listing is None) == bool(reason), kind
        assert "\n" not in reason, kind
        assert len(reason) < 400, kind
        found = merge(listing.sightings) if listing else []
        going = [code.spelling for code in found if clearance(code, NOW, SKIPPED_REGIONS).may_go_out]
        assert going == [], kind


@pytest.mark.parametrize(
    "trap", ["{{a|", "[[", "<ref>", "<b>", "{|\n", "{{a|''}}", ";a:b\n", "<!--", "{{a|" * 30 + "}}" * 30]
)
@pytest.mark.parametrize("kind", ["templates", "tables"])
def test_a_wiki_page_made_to_stall_a_parser_does_not(kind, trap):
    with pytest.raises(ShapeChangedError):
        parse(SOURCES[kind], trap * (30_000 // len(trap)))


@pytest.mark.parametrize("trap", TRAPS)
@pytest.mark.parametrize("kind", ["html", "html under headings", "html beside a label", "json-ld"])
def test_a_page_made_to_stall_a_parser_does_not(kind, trap):
    body = (trap * (60_000 // len(trap))).encode()
    with pytest.raises(ShapeChangedError):
        parse(SOURCES[kind], body)


@given(
    st.binary(max_size=400), st.sampled_from(sorted(SOURCES)), st.sampled_from(["", "text/html; charset=x", "a/json"])
)
def test_any_bytes_survive(body, kind, content_type):
    listing, reason = outcome(SOURCES[kind], body, content_type)
    assert (listing is None) == bool(reason)


WELL_FORMED = {
    "json": "wostools.json",
    "rss": "wosgiftcodes_rss.xml",
    "html": "wosgiftcodes_page.html",
    "templates": "fandom_zenless.json",
    "tables": "fandom_wuwa.wikitext",
}


@given(st.data())
def test_a_damaged_sample_survives(data):
    kind = data.draw(st.sampled_from(sorted(WELL_FORMED)))
    body = sample(WELL_FORMED[kind])
    start = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(start, min(len(body), start + 200)))
    damage = data.draw(
        st.binary(max_size=12) | st.sampled_from([b"<", b'"', b"{{", b"}}", b"]]>", b"null", b"\\u0000"])
    )
    listing, reason = outcome(SOURCES[kind], body[:start] + damage + body[end:])
    assert (listing is None) == bool(reason)


def test_rows_beyond_the_limit_are_left_out_and_told():
    body = json.dumps([{"code": f"CODE{number}A"} for number in range(10_000)])
    listing = parse(LIST, body)
    assert len(listing.sightings) == MAX_ROWS
    assert listing.dropped[-1].text == f"{10_000 - MAX_ROWS} more rows"


def test_a_row_of_a_wrong_type_is_dropped_and_the_others_are_kept():
    body = '[{"code": "GIFT1"}, {"code": 7}, {"code": null}, 5, {"code": "TWO WORDS"}, {"code": "GIFT2"}]'
    listing = parse(LIST, body)
    assert spellings(listing) == ["GIFT1", "GIFT2"]
    assert [row.reason for row in listing.dropped] == [
        "its code is int, not text",
        "it has no code",
        "it has no code",
        "its code is not one word: 'TWO WORDS'",
    ]


def test_rows_that_lost_their_code_are_a_changed_shape_and_no_empty_list():
    with pytest.raises(ShapeChangedError, match="none of the 2 rows holds a code"):
        parse(LIST, '[{"codes": "GIFT1"}, {"codes": "GIFT2"}]')


def test_d15_an_empty_list_is_honest_in_every_kind():
    empty = {
        "list": "[]",
        "rss": '<rss version="2.0"><channel><title>x</title></channel></rss>',
        "html": "<table><tr><th>Code</th></tr></table>",
        "flight": PUSH.replace("{0}", r"{\"initialData\":{\"giftCodes\":[]}}"),
        "json-ld": '<script type="application/ld+json">{"@type": "ItemList", "itemListElement": []}</script>',
        "templates": "{{Redemption Code Container|1=}}",
        "tables": "==Active==\nNone.\n==Expired==\n",
        "text": "",
    }
    for kind, body in empty.items():
        assert parse(SOURCES[kind], body) == parse(SOURCES["text"], ""), kind


def test_json_in_a_page_is_found_by_its_type_or_after_a_mark():
    crumbs = (
        '<script type="application/ld+json">{"@type": "BreadcrumbList", "itemListElement": [{"name": "Home"}]}</script>'
    )
    codes = '<script type="application/ld+json">{"@type": "ItemList", "itemListElement": [{"name": "GIFT1"}]}</script>'
    assert spellings(parse(LD_JSON, crumbs + codes)) == ["GIFT1"]
    state = '{"codes": [{"code": "GIFT1", "rewards": [{"name": "Gems", "count": 5}]}]}'
    [found] = parse(STATE, f"<script>let a = 1;</script><script>window.STATE = {state};</script>").sightings
    assert found.rewards == "Gems ×5"


def test_a_flight_payload_is_joined_over_its_pieces_and_past_its_long_texts():
    rows = '2:{"initialData":{"giftCodes":[{"code":"GIFT1","reward":"$$5"}]}}\n'
    payload = '1:T8,añ\n3:{"' + rows
    pieces = [payload[:5], payload[5:30], payload[30:]]
    body = "".join(f"<script>self.__next_f.push([1,{json.dumps(piece)}])</script>" for piece in pieces)
    [found] = parse(SOURCES["flight"], body).sightings
    assert (found.spelling, found.rewards) == ("GIFT1", "$5")


def test_bytes_are_read_in_the_encoding_they_are_in():
    assert spellings(parse(LIST, '[{"code": "GIFT1"}]'.encode("utf-16"))) == ["GIFT1"]
    assert spellings(parse(LIST, b"\xef\xbb\xbf" + b'[{"code": "GIFT1"}]')) == ["GIFT1"]
    [found] = parse(
        LIST, '[{"code": "GIFT1", "rewards": "Édelweiß"}]'.encode("latin-1"), "a/json; charset=ISO-8859-1"
    ).sightings
    assert found.rewards == "Édelweiß"
    assert spellings(parse(LIST, b'[{"code": "GIFT1"}]', "a/json; charset=rot13")) == ["GIFT1"]


def test_invisible_characters_are_taken_out_of_a_code_when_it_is_sighted():
    assert spellings(parse(LIST, '[{"code": "\\u200bGIFT\\u200d1\\ufeff "}]')) == ["GIFT1"]


def test_comment_lines_of_a_text_are_skipped_and_dates_are_read():
    listing = parse(TEXT, "# codes\nGIFT1 31.05.2026\n\nGIFT2\n")
    assert [(found.spelling, found.expiry_text) for found in listing.sightings] == [
        ("GIFT1", "2026-05-31"),
        ("GIFT2", ""),
    ]


@pytest.mark.parametrize("body", ["<!doctype html><p>x", '{"error": "x"}', "[]", "GIFT\x001"])
def test_a_text_source_that_answers_with_something_else_has_changed_its_shape(body):
    with pytest.raises(ShapeChangedError):
        parse(TEXT, body)


def test_an_attribute_can_hold_the_code():
    game8 = define("""
        kind = "html"
        [rows]
        at = "tr:has(input)"
        code = { path = "input", attribute = "value" }
        rewards = ".align"
    """)
    body = '<table><tr><td><input value="GIFT1"></td><td class=align>Gems</td><td class=align>Mora</td></tr></table>'
    [found] = parse(game8, body).sightings
    assert (found.spelling, found.rewards) == ("GIFT1", "Gems, Mora")


@pytest.mark.parametrize("name", ["title", "textarea"])
@pytest.mark.parametrize("text", ["<![;x", "<![", "<!x[", "<b>Codes</b>", "a < b"])
def test_what_looks_like_markup_in_a_pages_title_is_text_and_breaks_nothing(name, text):
    row = "<table><tr><td>GIFT1</td></tr></table>"
    assert spellings(parse(SOURCES["html"], f"<{name}>{text}</{name}>{row}")) == ["GIFT1"]
