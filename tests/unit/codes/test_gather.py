"""One round of all sources: what each came to, what stands, and what is remembered."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from fakes.patience import PATIENT
from raw_server import RawServer, answer

from giftping.codes.fetch import Body, Failed, Fetched, Fetcher, FetchRequest, NotModified
from giftping.codes.gather import gather
from giftping.codes.memory import Memory, SourceOutcome
from giftping.codes.model import Dropped, Listing, Sighting
from giftping.codes.sources import kinds as base
from giftping.demo.sources import StandInSources
from giftping.settings.sources import read_definition

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
parsed: list[str] = []


def parse(definition, body, content_type, now):
    """A source kind of this test: a code a line, `#` before a row that is none, `!` for another shape."""
    parsed.append(definition.name)
    lines = body.decode().split()
    if "!" in lines:
        raise base.ShapeChangedError("no table 'Active codes'")
    return Listing(
        tuple(Sighting(definition.name, definition.game, line) for line in lines if line[0] != "#"),
        tuple(Dropped(line, "is a comment") for line in lines if line[0] == "#"),
    )


@pytest.fixture(autouse=True)
def kind_of_this_test(monkeypatch):
    monkeypatch.setitem(base.KINDS, "lines", f"{__name__}:parse")
    parsed.clear()


@dataclass(frozen=True)
class Definition:
    name: str
    url: str = ""
    game: str = "whiteout-survival"
    kind: str = "lines"
    fingerprint: str = "f1"
    headers: dict[str, str] = field(default_factory=dict)
    min_interval: timedelta = timedelta(minutes=5)


@dataclass
class Fetches:
    """Answers by URL and keeps what was asked."""

    answers: dict[str, Fetched] = field(default_factory=dict)
    asked: list[FetchRequest] = field(default_factory=list)

    def fetch(self, request: FetchRequest, now: datetime) -> Fetched:
        self.asked.append(request)
        return self.answers[request.url]


def body(text: str, etag: str = "", last_modified: str = "") -> Body:
    return Body(text.encode(), "text/plain", etag, last_modified, sha256(text.encode()).hexdigest())


WIKI, FEED = Definition("wiki", "w"), Definition("feed", "f", "kingshot")


def round_of(memory: Memory, now: datetime = NOW, force: bool = False, **answers: Fetched):
    definitions = [definition for definition in (WIKI, FEED) if definition.url in answers]
    return gather(definitions, memory, Fetches(answers), now, force=force)


def test_a_first_round_lists_what_each_source_has():
    gathered = round_of(Memory(), w=body("A b #Allow", '"v1"'), f=body("C"))
    assert [sighting.spelling for sighting in gathered.sightings] == ["A", "b", "C"]
    wiki, feed = gathered.sources
    assert (wiki.name, wiki.game, wiki.outcome, wiki.count, wiki.dropped) == (
        "wiki",
        "whiteout-survival",
        SourceOutcome.LISTED,
        2,
        1,
    )
    assert (wiki.has_list, wiki.changed, wiki.is_failing, wiki.listed_at) == (True, True, False, NOW)
    assert (feed.name, feed.game, feed.count) == ("feed", "kingshot", 1)
    assert gathered.changed
    assert gathered.is_memory_new
    assert gathered.memory.states.keys() == {"wiki", "feed"}


def test_an_honest_empty_list_is_listed_with_nothing_in_it():
    """D15: no error, no second try."""
    fetcher = Fetches({"w": body("")})
    gathered = gather([WIKI], Memory(), fetcher, NOW)
    report = gathered.sources[0]
    assert (report.outcome, report.count, report.has_list, report.is_failing) == (SourceOutcome.LISTED, 0, True, False)
    assert len(fetcher.asked) == 1


def test_an_unmodified_source_keeps_its_list_and_is_not_parsed():
    first = round_of(Memory(), w=body("A", '"v1"', "then"))
    fetcher = Fetches({"w": NotModified()})
    second = gather([WIKI], first.memory, fetcher, LATER)
    assert (fetcher.asked[0].etag, fetcher.asked[0].last_modified) == ('"v1"', "then")
    assert second.sources[0].outcome is SourceOutcome.UNCHANGED
    assert second.sources[0].listed_at == LATER
    assert second.sources[0].changed_at == NOW
    assert second.sightings == first.sightings
    assert not second.changed
    assert second.fingerprint == first.fingerprint
    assert parsed == ["wiki"]


def test_a_source_that_says_for_ever_that_nothing_has_changed_is_asked_for_all_of_it_once_a_day():
    """FreshRSS#1020: such a server hid every new code, for months and without a word."""
    memory = round_of(Memory(), w=body("A", '"v1"')).memory
    whole, asked = [], 0
    for hours in range(1, 24 * 4 + 1):
        fetches = Fetches({"w": NotModified()})
        memory = gather([WIKI], memory, fetches, now := NOW + timedelta(hours=hours)).memory
        [request] = fetches.asked
        asked += 1
        if not request.etag:
            whole.append(hours)
            memory = gather([WIKI], memory, Fetches({"w": body("A B", '"v1"')}), now, force=True).memory
    assert whole == [24, 48, 72, 96]
    assert [sighting.spelling for sighting in memory.states["wiki"].listing.sightings] == ["A", "B"]
    assert asked == 96


def test_a_day_that_a_wrong_clock_noted_puts_no_whole_request_off():
    memory = round_of(Memory(), now=NOW + timedelta(days=900), w=body("A", '"v1"')).memory
    fetches = Fetches({"w": body("A", '"v1"')})
    gather([WIKI], memory, fetches, NOW)
    assert fetches.asked[0].etag == ""


def test_the_day_until_a_whole_request_begins_with_each_whole_body_the_same_or_not():
    memory = round_of(Memory(), w=body("A", '"v1"')).memory
    memory = round_of(memory, now=NOW + timedelta(hours=23), w=body("A", '"v2"')).memory
    fetches = Fetches({"w": NotModified()})
    gather([WIKI], memory, fetches, NOW + timedelta(hours=46))
    assert fetches.asked[0].etag == '"v2"'


def test_an_end_that_is_counted_down_to_stays_where_it_was_first_read():
    rows = {"code": r"^[A-Z]\S+", "expires": r"\((.+)\)"}
    source, problems = read_definition("wiki", {"kind": "text", "game": "rise", "url": "http://w", "rows": rows})
    assert not problems
    memory = Memory()
    for hours, text in ((0, "7 days left"), (13, "6 days left"), (26, "6 days left"), (37, "5 days left")):
        answers = Fetches({"http://w": body(f"GIFT1 ({text})\n# {hours}")})
        memory = gather([source], memory, answers, NOW + timedelta(hours=hours), force=True).memory
        [found] = memory.states["wiki"].listing.sightings
        assert found.expires_at == datetime(2026, 11, 28, tzinfo=UTC)
        assert found.expiry_text == f"2026-11-27 ({text})"


def test_the_same_body_again_is_not_parsed_and_its_new_validators_are_kept():
    first = round_of(Memory(), w=body("A", '"v1"'))
    second = round_of(first.memory, LATER, w=body("A", '"v2"'))
    assert second.sources[0].outcome is SourceOutcome.UNCHANGED
    assert second.memory.states["wiki"].etag == '"v2"'
    assert parsed == ["wiki"]


def test_another_body_with_the_same_codes_is_listed_but_changes_nothing():
    first = round_of(Memory(), w=body("A B"))
    second = round_of(first.memory, LATER, w=body("B   A"))
    assert second.sources[0].outcome is SourceOutcome.LISTED
    assert not second.changed
    assert second.fingerprint == first.fingerprint


def test_another_list_changes_the_round():
    first = round_of(Memory(), w=body("A"), f=body("C"))
    second = round_of(first.memory, LATER, w=body("A B"), f=body("C"))
    assert [source.changed for source in second.sources] == [True, False]
    assert second.changed
    assert second.fingerprint != first.fingerprint
    assert second.sources[0].changed_at == LATER


def test_a_failed_source_does_not_make_its_codes_gone_and_is_not_fresh():
    """D16: what stands is told with its age."""
    first = round_of(Memory(), w=body("A"), f=body("C"))
    second = round_of(first.memory, LATER, w=Failed("answered 500 Internal Server Error"), f=body("D"))
    assert [sighting.spelling for sighting in second.sightings] == ["A", "D"]
    wiki, feed = second.sources
    assert (wiki.outcome, wiki.reason) == (SourceOutcome.FAILED, "answered 500 Internal Server Error")
    assert (wiki.is_failing, wiki.failing_since, wiki.listed_at, wiki.count) == (True, LATER, NOW, 1)
    assert not wiki.changed
    assert feed.outcome is SourceOutcome.LISTED


def test_a_source_that_never_answered_has_no_list():
    gathered = round_of(Memory(), w=Failed("hang"))
    report = gathered.sources[0]
    assert (report.has_list, report.listed_at, report.count) == (False, None, 0)
    assert not gathered.changed
    assert gathered.fingerprint != round_of(Memory(), w=body("")).fingerprint


def test_a_changed_shape_is_a_trouble_of_its_own_and_the_last_list_stands():
    first = round_of(Memory(), w=body("A", '"v1"'))
    second = round_of(first.memory, LATER, w=body("!", '"v2"'))
    report = second.sources[0]
    assert (report.outcome, report.reason) == (SourceOutcome.SHAPE_CHANGED, "no table 'Active codes'")
    assert report.is_failing
    assert second.sightings == first.sightings


def test_a_changed_shape_cannot_hide_behind_its_own_validators():
    first = round_of(Memory(), w=body("A", '"v1"'))
    second = round_of(first.memory, LATER, w=body("!", '"v2"'))
    fetcher = Fetches({"w": body("!", '"v2"')})
    third = gather([WIKI], second.memory, fetcher, LATER + timedelta(hours=1))
    assert fetcher.asked[0].etag == '"v1"'
    assert third.sources[0].outcome is SourceOutcome.SHAPE_CHANGED
    assert third.sources[0].failures == 2


def test_a_source_that_is_not_due_waits_and_its_list_stands():
    first = round_of(Memory(), w=body("A"))
    fetcher = Fetches()
    second = gather([WIKI], first.memory, fetcher, NOW + timedelta(minutes=1))
    report = second.sources[0]
    assert fetcher.asked == []
    assert (report.outcome, report.waiting_until) == (SourceOutcome.WAITING, NOW + timedelta(minutes=5))
    assert (report.has_list, report.is_failing) == (True, False)
    assert second.sightings == first.sightings
    assert second.fingerprint == first.fingerprint
    assert not second.is_memory_new


def test_a_source_that_asked_for_peace_waits_and_still_counts_as_failing():
    """D24, D16."""
    first = round_of(Memory(), w=Failed("answered 429 Too Many Requests", timedelta(hours=2)))
    second = gather([WIKI], first.memory, Fetches(), LATER)
    report = second.sources[0]
    assert (report.outcome, report.reason) == (SourceOutcome.WAITING, "answered 429 Too Many Requests")
    assert report.is_failing
    assert report.waiting_until == NOW + timedelta(hours=2)


def test_force_asks_everybody():
    first = round_of(Memory(), w=Failed("answered 429 Too Many Requests", timedelta(hours=2)), f=body("C"))
    second = round_of(first.memory, NOW, force=True, w=body("A"), f=body("C"))
    assert [source.outcome for source in second.sources] == [SourceOutcome.LISTED, SourceOutcome.UNCHANGED]


def test_another_definition_is_asked_at_once_without_validators_and_parsed_again():
    first = round_of(Memory(), w=body("A", '"v1"'))
    changed = Definition("wiki", "w", fingerprint="f2")
    fetcher = Fetches({"w": body("A", '"v1"')})
    gather([changed], first.memory, fetcher, NOW)
    assert fetcher.asked[0].etag == ""
    assert parsed == ["wiki", "wiki"]


def test_the_headers_of_a_source_are_sent():
    fetcher = Fetches({"w": body("A")})
    gather([Definition("wiki", "w", headers={"X-API-Key": "k"})], Memory(), fetcher, NOW)
    assert fetcher.asked[0].headers == {"X-API-Key": "k"}


def test_no_source_is_nothing():
    gathered = gather([], Memory(), Fetches(), NOW)
    assert (gathered.sources, gathered.sightings, gathered.changed, gathered.is_memory_new) == ((), (), False, False)


def test_sources_are_asked_side_by_side_and_reported_in_their_order():
    """All of them must be under way at once for the barrier to open."""
    barrier = threading.Barrier(5, timeout=PATIENT)

    class Meeting:
        def fetch(self, request, now):
            barrier.wait()
            return body(request.url)

    definitions = [Definition(f"s{number}", f"C{number}") for number in range(5)]
    gathered = gather(definitions, Memory(), Meeting(), NOW)
    assert [source.name for source in gathered.sources] == ["s0", "s1", "s2", "s3", "s4"]
    assert [sighting.spelling for sighting in gathered.sightings] == ["C0", "C1", "C2", "C3", "C4"]


def test_a_defect_in_a_parser_is_not_taken_for_a_list(monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "parse", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        round_of(Memory(), w=body("A"), f=body("B"))


def test_a_round_over_real_sockets_is_conditional_and_remembers():
    plays = [answer("200 OK", b"A B", 'ETag: "v1"'), answer("304 Not Modified"), answer("500 Broken")]
    with RawServer(*plays) as server:
        definition = Definition("wiki", server.url)
        memory, outcomes = Memory(), []
        for hour in range(3):
            gathered = gather([definition], memory, Fetcher(), NOW + timedelta(hours=hour))
            memory = gathered.memory
            outcomes.append(gathered.sources[0].outcome)
            assert len(gathered.sightings) == 2
        heads = server.heads
    assert outcomes == [SourceOutcome.LISTED, SourceOutcome.UNCHANGED, SourceOutcome.FAILED]
    assert ['if-none-match: "v1"' in head.lower() for head in heads] == [False, True, True]


def test_a_round_of_good_and_bad_sources_over_real_sockets_keeps_them_apart():
    """Promises 5 and 6, with real parsers: each source comes to its own end, and the next round costs 304s."""
    table = {"kind": "json", "game": "g", "min_interval": "0s", "rows": {"at": "codes", "code": "code"}}
    with StandInSources() as server:
        server.set("/good", '{"codes": [{"code": "GOODCODE"}]}', "application/json", etag="auto", compressed=True)
        server.set("/empty", '{"codes": []}', "application/json", last_modified=NOW)
        server.set("/plain", '{"codes": [{"code": "PLAIN1"}]}', "application/json")
        server.set("/shape", '{"error": "under construction"}', "application/json")
        server.set_gzip_bomb("/bomb")
        server.set_redirect("/loop", "/loop")
        server.set_retry_after("/busy", 3600)
        names = ["good", "empty", "plain", "shape", "bomb", "loop", "busy", "gone"]
        definitions = [read_definition(name, table | {"url": server.url(f"/{name}")})[0] for name in names]
        first = gather(definitions, Memory(), Fetcher(), NOW)
        second = gather(definitions, first.memory, Fetcher(), LATER - timedelta(seconds=1))
        validated = [server.not_modified(f"/{name}") for name in names]
    listed, unchanged, failed = SourceOutcome.LISTED, SourceOutcome.UNCHANGED, SourceOutcome.FAILED
    outcomes = [source.outcome for source in first.sources]
    assert outcomes == [listed, listed, listed, SourceOutcome.SHAPE_CHANGED, failed, failed, failed, failed]
    assert [source.outcome for source in second.sources[:3]] == [unchanged] * 3
    assert second.sources[6].outcome is SourceOutcome.WAITING
    assert validated == [1, 1, 0, 0, 0, 0, 0, 0]
    assert [sighting.spelling for sighting in second.sightings] == ["GOODCODE", "PLAIN1"]
    assert second.fingerprint == first.fingerprint


def test_an_idle_round_of_one_source_imports_no_parser_and_no_thread_pool(tmp_path):
    program = (
        "import sys; from pathlib import Path; from datetime import UTC, datetime, timedelta;"
        "from giftping.settings.sources import read_definition;"
        "from giftping.codes.gather import gather; from giftping.codes.fetch import Fetcher;"
        "from giftping.codes.memory import Memory, after_listing; from giftping.codes.model import Listing;"
        "from giftping.runs.sources_file import read_memory, write_memory;"
        "table = {'kind': 'html', 'game': 'g', 'url': sys.argv[1], 'rows': {'at': 'tr', 'code': 'td'}};"
        "definition, _ = read_definition('wiki', table); path = Path(sys.argv[2]); now = datetime.now(UTC);"
        "state = after_listing(Memory().of(definition), Listing(), now - timedelta(hours=1), etag='v1',"
        " last_modified='', sha256='');"
        "write_memory(path, Memory({'wiki': state}));"
        "gathered = gather([definition], read_memory(path), Fetcher(), now);"
        "print(gathered.sources[0].outcome, gathered.changed);"
        "heavy = {'bs4', 'giftping.codes.sources.html', 'concurrent.futures', 'jmespath', 'mwparserfromhell'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    with RawServer(answer("304 Not Modified")) as server:
        command = [sys.executable, "-c", program, server.url, str(tmp_path / "sources.json")]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.stdout, result.stderr) == ("unchanged False\n", "")
