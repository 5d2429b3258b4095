import gzip
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from fakes.patience import wait_until

from giftping.demo import faults
from giftping.demo.sources import MEBIBYTE, StandInSources

CHANGED = datetime(2026, 8, 1, 12, tzinfo=UTC)


def get(web, sources, path="/codes", **headers):
    return web.get(sources.url(path), headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_a_page_answers_what_was_set_with_its_content_type(sources, web):
    sources.set("/codes", "GÏFT", "text/plain; charset=utf-8")
    response = get(web, sources)
    assert (response.status_code, response.text) == (200, "GÏFT")
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    sources.set("/codes", b"\xff\xfe", None)
    response = get(web, sources)
    assert (response.content, "Content-Type" in response.headers) == (b"\xff\xfe", False)


def test_a_page_that_was_not_set_is_not_found(sources, web):
    assert get(web, sources).status_code == 404


def test_a_page_can_answer_any_status(sources, web):
    sources.set("/codes", "gone", status=410)
    assert get(web, sources).status_code == 410


def test_an_unchanged_page_answers_304_to_its_tag_and_a_changed_one_200(sources, web):
    sources.set("/codes", "first", etag="auto")
    tag = get(web, sources).headers["ETag"]
    unchanged = get(web, sources, If_None_Match=tag)
    assert (unchanged.status_code, unchanged.content, unchanged.headers["ETag"]) == (304, b"", tag)
    assert get(web, sources, If_None_Match=f'"other", W/{tag}').status_code == 304
    sources.set("/codes", "second", etag="auto")
    assert get(web, sources, If_None_Match=tag).text == "second"
    assert (sources.hits("/codes"), sources.not_modified("/codes")) == (4, 2)


def test_a_page_answers_304_by_its_date(sources, web):
    def asked(since):
        return get(web, sources, If_Modified_Since=format_datetime(since, usegmt=True)).status_code

    sources.set("/codes", "x", last_modified=CHANGED)
    assert get(web, sources).headers["Last-Modified"] == "Sat, 01 Aug 2026 12:00:00 GMT"
    assert (asked(CHANGED), asked(CHANGED - timedelta(seconds=1))) == (304, 200)
    assert get(web, sources, If_Modified_Since="yesterday").status_code == 200


def test_a_tag_decides_before_a_date(sources, web):
    sources.set("/codes", "x", etag='"2"', last_modified=CHANGED)
    date = format_datetime(CHANGED, usegmt=True)
    assert get(web, sources, If_None_Match='"1"', If_Modified_Since=date).status_code == 200


def test_a_page_without_tag_or_date_never_answers_304(sources, web):
    sources.set("/codes", "x")
    date = format_datetime(CHANGED, usegmt=True)
    assert get(web, sources, If_None_Match='"1"').status_code == 200
    assert get(web, sources, If_None_Match="*").status_code == 200
    assert get(web, sources, If_Modified_Since=date).status_code == 200


def test_a_compressed_page_is_sent_as_gzip_to_those_who_accept_it(sources, web):
    sources.set("/codes", "x" * 5000, compressed=True)
    response = get(web, sources)
    assert (response.headers["Content-Encoding"], response.text) == ("gzip", "x" * 5000)
    assert int(response.headers["Content-Length"]) < 200
    assert "Content-Encoding" not in get(web, sources, Accept_Encoding="identity").headers


def test_a_gzip_bomb_is_small_on_the_wire_and_sent_unasked(sources, web):
    sources.set_gzip_bomb("/codes", 3 * MEBIBYTE + 1)
    with web.stream("GET", sources.url("/codes"), headers={"Accept-Encoding": "identity"}) as response:
        wire = b"".join(response.iter_raw())
    assert response.headers["Content-Encoding"] == "gzip"
    assert len(wire) < 20_000
    assert len(gzip.decompress(wire)) == 3 * MEBIBYTE + 1


def test_a_page_can_redirect_once_or_for_ever(sources, web):
    sources.set("/codes", "here")
    sources.set_redirect("/old", "/codes", 301)
    sources.set_redirect("/loop", "/loop")
    assert web.get(sources.url("/old"), follow_redirects=True).text == "here"
    with pytest.raises(httpx.TooManyRedirects):
        web.get(sources.url("/loop"), follow_redirects=True)
    assert sources.hits("/loop") > 5


@pytest.mark.parametrize("retry_after", [120, "Sat, 01 Aug 2026 12:00:00 GMT"])
def test_a_page_can_ask_to_come_back_later(sources, web, retry_after):
    sources.set_retry_after("/codes", retry_after, status=503)
    response = get(web, sources)
    assert (response.status_code, response.headers["Retry-After"]) == (503, str(retry_after))


def test_a_page_can_hang_until_the_client_goes_away_or_it_is_released(sources, web):
    released = threading.Event()
    sources.set("/codes", "late")
    sources.fail("/codes", faults.hang(released))
    with pytest.raises(httpx.ReadTimeout):
        web.get(sources.url("/codes"), timeout=0.05)
    wait_until(lambda: sources.requests("/codes"), "nobody asked")
    assert sources.requests("/codes")[0].status is None
    released.set()
    assert get(web, sources).text == "late"


def test_a_page_can_drip(sources, web):
    sources.set("/codes", "x" * 1000)
    sources.fail("/codes", faults.drip(30))
    with pytest.raises(httpx.ReadTimeout):
        web.get(sources.url("/codes"), timeout=0.05)


def test_a_page_can_promise_more_than_it_sends(sources, web):
    sources.set("/codes", "x" * 1000)
    sources.fail("/codes", faults.truncated())
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
        get(web, sources)


def test_a_page_fails_from_its_nth_request_and_so_many_times(sources, web):
    sources.set("/codes", "x")
    sources.set("/other", "x")
    sources.fail("/codes", faults.html(500), nth=2, times=1)
    assert [get(web, sources).status_code for _ in range(3)] == [200, 500, 200]
    sources.fail("/codes", faults.reset())
    with pytest.raises(httpx.ReadError):
        get(web, sources)
    assert get(web, sources, "/other").status_code == 200
    sources.clear_faults()
    assert get(web, sources).status_code == 200


def test_it_closes_while_a_page_is_being_sent():
    before = threading.active_count()
    with StandInSources() as sources:
        sources.set("/codes", "x" * 5000)
        sources.fail("/codes", faults.drip(0.01))
        with httpx.stream("GET", sources.url("/codes")) as response:
            next(response.iter_raw(1))
            sources.close()
    assert threading.active_count() == before
