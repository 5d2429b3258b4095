"""Feeds as sites really send them: with HTML inside, and not always as XML has it."""

import subprocess
import sys

import pytest
from defusedxml.ElementTree import ParseError, fromstring
from hypothesis import given
from hypothesis import strategies as st
from source_helpers import define, parse, sample, spellings

from giftping.codes.sources.kinds import ShapeChangedError

FEED = define("""
    kind = "rss"
    [rows]
    code = "title"
    rewards = "description"
""")
HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'
ITEMS = """<item><title>GIFT2026</title><link>https://codes.example/1</link>
<description><![CDATA[<p>Gems&nbsp;x100<br/>Meat &amp; <b>Coal</b></p>]]></description><pubDate>Mon</pubDate></item>
<item><title><![CDATA[Gift-2027]]></title><description>&lt;p&gt;Gems&lt;/p&gt;&lt;p&gt;Meat&lt;/p&gt;</description></item>"""
WELL_FORMED = f'{HEAD}<rss version="2.0"><channel><title>Codes</title>{ITEMS}</channel></rss>'
READ = [("GIFT2026", "Gems x100, Meat & Coal"), ("Gift-2027", "Gems, Meat")]


def read(body: str | bytes, content_type: str = "") -> list[tuple[str, str]]:
    return [(found.spelling, found.rewards) for found in parse(FEED, body, content_type).sightings]


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Gems&nbsp;x100<br/>Meat &amp; <b>Coal</b></p>", "Gems x100, Meat & Coal"),
        ("<ul><li>Gems x1</li><li>Meat x2</li></ul>", "Gems x1, Meat x2"),
        ("<div style='a:b'>Gems</div><!-- ad --><script>let a = '<p>';</script>Meat", "Gems, Meat"),
        ("Gems &#215;5, 1 &lt; 2", "Gems ×5, 1 < 2"),
        ("Gems <3 <you>", "Gems <3 <you>"),
        ("<table><tr><td>Gems</td><td>Meat</td></tr></table>", "Gems, Meat"),
    ],
)
def test_html_in_a_description_is_read_as_people_see_it(html, text):
    body = (
        f"<rss><channel><item><title>GIFT1</title><description><![CDATA[{html}]]></description></item></channel></rss>"
    )
    assert read(body) == [("GIFT1", text)]


def test_markup_that_stands_in_a_feed_as_such_is_read_too():
    inner = "<div><p>Gems</p><p>Meat<br/>Coal</p></div>"
    entry = f'<entry><title>GIFT1</title><description type="xhtml">{inner}</description></entry>'
    assert read(f'<feed xmlns="http://www.w3.org/2005/Atom">{entry}</feed>') == [("GIFT1", "Gems, Meat, Coal")]


def test_html_around_a_code_is_no_part_of_it():
    body = "<rss><channel><item><title>&lt;b&gt;GIFT1&lt;/b&gt;</title></item></channel></rss>"
    assert read(body) == [("GIFT1", "")]


@pytest.mark.parametrize(
    "broken",
    [
        f"\n{WELL_FORMED}",
        f"\ufeff  \r\n{WELL_FORMED}",
        WELL_FORMED.replace("<title>Codes", "<title>Codes&nbsp;&copy; 2026"),
        WELL_FORMED.replace("<title>Codes", "<title>Codes & more"),
        WELL_FORMED.replace("<title>Codes</title>", "<title>Codes</title><description>New<br>codes</description>"),
        WELL_FORMED.replace("</channel>", ""),
        WELL_FORMED.replace("<pubDate>Mon</pubDate>", "<pubDate>Mon\x08</pubDate>"),
        WELL_FORMED.replace("<link>https://codes.example/1", "<link>https://codes.example/?a=1&b=2"),
        WELL_FORMED.replace("<link>", "<link rel=self>"),
        f"{WELL_FORMED}\n<script>track()</script>",
        f"<br />\n<b>Warning</b>: something in /feed.php on line 3<br />\n{WELL_FORMED}",
        WELL_FORMED.replace(HEAD, f"{HEAD}<!-- -- -->"),
        WELL_FORMED.replace("<channel>", "<channel><media:image>x</media:image>"),
    ],
)
def test_a_feed_that_is_no_proper_xml_is_read_all_the_same(broken):
    with pytest.raises(ParseError):
        fromstring(broken.encode())
    assert read(broken) == READ


def test_a_broken_feed_is_read_in_the_encoding_that_it_states():
    body = f"\n{WELL_FORMED}".replace("utf-8", "iso-8859-1").replace("Coal", "Édelweiß")
    assert read(body.encode("latin-1"))[0] == ("GIFT2026", "Gems x100, Meat & Édelweiß")


@given(st.integers(0, len(WELL_FORMED)))
def test_of_a_feed_that_is_cut_off_nothing_is_read_broken_or_not(length):
    for body in (WELL_FORMED, f"\n{WELL_FORMED}"):
        try:
            found = spellings(parse(FEED, body[:length]))
        except ShapeChangedError:
            continue
        assert found == ["GIFT2026", "Gift-2027"]


@given(st.text(alphabet="<>/&;![]-br item title CDATA\n", max_size=80), st.integers(0, len(ITEMS)))
def test_damage_in_a_feed_brings_no_code_that_nobody_wrote(damage, place):
    body = f"{HEAD}<rss><channel>{ITEMS[:place]}{damage}{ITEMS[place:]}</channel></rss>"
    try:
        found = spellings(parse(FEED, body))
    except ShapeChangedError:
        return
    # What the damage itself was written into is another text; nothing is made of two codes.
    assert not any("GIFT2026" in code and "2027" in code for code in found)


@pytest.mark.parametrize(
    "body",
    [
        "<!doctype html><html><head><title>Just a moment</title></head><body><rss></rss></body></html>",
        "\n<rss><item><title>GIFT1</title></item>&nbsp;</rss>",
        "502 & bad gateway",
        '{"feed": "<rss"}',
    ],
)
def test_what_is_no_feed_is_a_changed_shape_however_it_is_read(body):
    with pytest.raises(ShapeChangedError):
        parse(FEED, body)


def test_a_feed_that_is_xml_needs_nothing_that_reads_broken_ones():
    code = (
        "import sys; sys.path[:0] = ['tests', 'tests/unit/codes/sources'];"
        "from test_broken_feeds import FEED, WELL_FORMED; import giftping.codes.sources.rss as rss;"
        "from datetime import datetime, UTC; rss.parse(FEED, WELL_FORMED.encode(), '', datetime.now(UTC));"
        "print('bs4' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_recorded_feed_reads_the_same_once_it_is_broken():
    broken = b"\n" + sample("wosgiftcodes_rss.xml")
    assert parse(FEED, broken) == parse(FEED, sample("wosgiftcodes_rss.xml"))
