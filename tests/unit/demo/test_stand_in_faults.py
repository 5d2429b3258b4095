import threading

import httpx
import pytest
from fakes.patience import wait_until
from stand_in_stage import CHANNEL, GUILD, WEBHOOK, client_of

from giftping.demo import faults
from giftping.demo.discord import Match

MESSAGES = f"/channels/{CHANNEL}/messages"
CREATE = "/channels/{channel_id}/messages"


def post(api, url=MESSAGES, **more):
    return api.post(url, json={"content": "x"}, **more)


def count(discord):
    return len(discord.messages(CHANNEL))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 500, 502, 503])
@pytest.mark.parametrize(("after", "stored"), [(False, 0), (True, 1)])
def test_any_status_with_any_code_before_or_after_the_message_is_stored(discord, api, status, after, stored):
    discord.fail(faults.status(status, 12345, "no"), after=after)
    response = post(api)
    assert (response.status_code, response.json()) == (status, {"message": "no", "code": 12345})
    assert count(discord) == stored
    assert post(api).status_code == 200


@pytest.mark.parametrize("status", [500, 502])
def test_a_gateway_can_answer_with_html(discord, api, status):
    discord.fail(faults.html(status), after=True)
    response = post(api)
    assert (response.status_code, response.headers["Content-Type"]) == (status, "text/html; charset=UTF-8")
    assert "<html>" in response.text
    assert count(discord) == 1


@pytest.mark.parametrize("scope", ["user", "shared", "global"])
def test_a_429_of_each_scope_can_be_provoked_without_a_limit(discord, api, scope):
    discord.fail(faults.rate_limited(scope, 1.25))
    response = post(api)
    assert (response.status_code, response.headers["X-RateLimit-Scope"]) == (429, scope)
    assert (response.headers["Retry-After"], response.json()["retry_after"]) == ("2", 1.25)
    assert response.json()["global"] is (scope == "global") is ("X-RateLimit-Global" in response.headers)
    assert "Via" in response.headers
    assert (count(discord), discord.limited) == (0, {})


def test_a_ban_by_cloudflare_has_no_via_and_no_hint_when_to_return(discord, api):
    discord.fail(faults.cloudflare_ban())
    response = post(api)
    assert response.status_code == 429
    assert not {"via", "retry-after", "x-ratelimit-scope", "x-ratelimit-limit"} & set(response.headers)
    assert response.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(("after", "stored"), [(False, 0), (True, 1)])
@pytest.mark.parametrize(
    ("fault", "error"), [(faults.reset(), httpx.ReadError), (faults.close(), httpx.RemoteProtocolError)]
)
def test_a_connection_can_end_without_an_answer(discord, api, fault, error, after, stored):
    discord.fail(fault, after=after)
    with pytest.raises(error):
        post(api)
    assert count(discord) == stored
    assert discord.requests[0].status is None


@pytest.mark.parametrize(("after", "stored"), [(False, 0), (True, 1)])
def test_a_request_can_hang_until_the_client_goes_away(discord, api, after, stored):
    discord.fail(faults.hang(), after=after)
    with pytest.raises(httpx.ReadTimeout):
        post(api, timeout=0.05)
    assert post(api).status_code == 200
    wait_until(lambda: count(discord) == stored + 1, "it was not stored")


@pytest.mark.parametrize("after", [False, True])
def test_a_request_that_hangs_goes_on_when_it_is_released(discord, api, after):
    released = threading.Event()
    discord.fail(faults.hang(released), after=after)
    threading.Timer(0.03, released.set).start()
    assert post(api).status_code == 200
    assert count(discord) == 1


def test_a_body_can_come_slowly(discord, api):
    discord.fail(faults.drip(0.001))
    with api.stream("POST", MESSAGES, json={"content": "x"}) as response:
        assert list(response.iter_raw()) == [b"{", b"}"]


def test_a_client_may_give_up_on_a_slow_body(discord, api):
    discord.fail(faults.drip(30), after=True)
    with pytest.raises(httpx.ReadTimeout):
        post(api, timeout=0.05)
    wait_until(lambda: count(discord) == 1, "it was not stored")


def test_a_success_can_come_with_garbage(discord, api):
    discord.fail(faults.garbage(), after=True)
    response = post(api)
    assert (response.status_code, count(discord)) == (200, 1)
    with pytest.raises(ValueError, match=r"decode|JSON|Expecting"):
        response.json()


def test_a_success_can_come_truncated(discord, api):
    discord.fail(faults.truncated(), after=True)
    with pytest.raises(httpx.RemoteProtocolError):
        post(api)
    assert count(discord) == 1


def test_a_success_can_come_without_a_body(discord, api):
    discord.fail(faults.no_content(), after=True)
    response = post(api, discord.webhook_url(WEBHOOK), params={"wait": "true"})
    assert (response.status_code, response.content, count(discord)) == (204, b"", 1)


def test_a_function_is_called_before_or_after_the_message_is_stored(discord, api):
    seen = []
    discord.call(lambda: seen.append(("before", count(discord))))
    discord.call(lambda: seen.append(("after", count(discord))), after=True)
    assert post(api).status_code == 200
    assert seen == [("before", 0), ("after", 1)]


def test_a_fault_strikes_the_nth_matching_request_and_so_many_times(discord, api):
    discord.fail(faults.status(500), match=Match(method="POST", nth=2), times=2)
    statuses = []
    for _ in range(4):
        api.get(MESSAGES)
        statuses.append(post(api).status_code)
    assert statuses == [200, 500, 500, 200]
    assert [logged.fault for logged in discord.requests if logged.method == "POST"] == ["", "500 0", "500 0", ""]


def test_faults_strike_in_the_order_they_were_planned(discord, api):
    for status in (500, 502, 503):
        discord.fail(faults.status(status))
    assert [post(api).status_code for _ in range(4)] == [500, 502, 503, 200]


def test_a_fault_can_last(discord, api):
    discord.fail(faults.status(503), times=None)
    assert {post(api).status_code for _ in range(5)} == {503}
    assert discord.unspent_faults() == []
    discord.clear_faults()
    assert post(api).status_code == 200


def test_a_fault_strikes_one_channel_route_or_webhook_only(discord, api):
    discord.add_channel(22, GUILD)
    discord.add_webhook(32, "t", 22)
    here, there = discord.webhook_url(WEBHOOK), discord.webhook_url(32)

    def statuses():
        answers = [post(api).status_code, post(api, "/channels/22/messages").status_code]
        answers += [post(api, here).status_code, post(api, there).status_code, api.get(MESSAGES).status_code]
        discord.clear_faults()
        return answers

    discord.fail(faults.status(500), match=Match(channel_id=22), times=None)
    assert statuses() == [200, 500, 204, 500, 200]
    discord.fail(faults.status(500), match=Match(webhook_id=WEBHOOK), times=None)
    assert statuses() == [200, 200, 500, 204, 200]
    discord.fail(faults.status(500), match=Match(template=CREATE), times=None)
    assert statuses() == [500, 500, 204, 204, 500]
    discord.fail(faults.status(500), match=Match(method="POST", template=CREATE), times=None)
    assert statuses() == [500, 500, 204, 204, 200]


def test_faults_that_have_not_struck_are_told(discord, api):
    discord.fail(faults.reset(), match=Match(method="DELETE"))
    discord.fail(faults.status(500), times=2)
    post(api)
    assert discord.unspent_faults() == ["reset", "500 0"]


def test_a_message_stored_behind_a_fault_is_found_by_its_nonce(discord, api):
    body = {"content": "x", "nonce": "n", "enforce_nonce": True}
    discord.fail(faults.reset(), after=True)
    with pytest.raises(httpx.ReadError):
        api.post(MESSAGES, json=body)
    [stored] = discord.messages(CHANNEL)
    assert api.post(MESSAGES, json=body).json()["id"] == str(stored.id)
    assert count(discord) == 1


def test_many_clients_at_once_lose_nothing(discord):
    def run():
        with client_of(discord) as client:
            for _ in range(20):
                assert post(client).status_code == 200

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    messages = discord.messages(CHANNEL)
    assert len({message.id for message in messages}) == len(messages) == 160
    assert [logged.number for logged in discord.requests] == list(range(1, 161))
