from datetime import UTC, datetime, timedelta

import pytest
from stand_in_stage import CHANNEL, GUILD, WEBHOOK, client_of, furnish

from giftping.demo import faults
from giftping.demo.discord import Match, StandInDiscord
from giftping.demo.ratelimits import Limits, RateLimit

MESSAGES = f"/channels/{CHANNEL}/messages"


class Watch:
    def __init__(self):
        self.now = datetime(2026, 8, 1, tzinfo=UTC)

    def __call__(self):
        return self.now

    def forward(self, seconds):
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def watch():
    return Watch()


@pytest.fixture
def discord(watch):
    with StandInDiscord(clock=watch) as stand_in:
        yield furnish(stand_in)


def post(api, url=MESSAGES):
    return api.post(url, json={"content": "x"})


def test_the_headers_of_a_bucket_count_down_and_start_again(discord, api, watch):
    assert [post(api).headers["X-RateLimit-Remaining"] for _ in range(3)] == ["4", "3", "2"]
    watch.forward(1.5)
    headers = post(api).headers
    assert headers["X-RateLimit-Limit"] == "5"
    assert headers["X-RateLimit-Reset-After"] == "3.500"
    assert float(headers["X-RateLimit-Reset"]) == watch().timestamp() + 3.5
    watch.forward(3.5)
    assert post(api).headers["X-RateLimit-Remaining"] == "4"


def test_a_bucket_that_is_used_up_answers_429_until_its_window_ends(discord, api, watch):
    for _ in range(5):
        assert post(api).status_code == 200
    watch.forward(2.75)
    refused = post(api)
    assert refused.status_code == 429
    assert refused.json() == {"message": "You are being rate limited.", "retry_after": 2.25, "global": False, "code": 0}
    assert refused.headers["Retry-After"] == "3"
    assert refused.headers["X-RateLimit-Scope"] == "user"
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert "X-RateLimit-Global" not in refused.headers
    assert "Via" in refused.headers
    watch.forward(2.25)
    assert post(api).status_code == 200
    assert len(discord.messages(CHANNEL)) == 6
    assert discord.limited == {"user": 1}


def test_buckets_of_different_channels_are_apart_and_bear_one_name(discord, api):
    discord.add_channel(22, GUILD)
    for _ in range(5):
        here = post(api)
    there = post(api, "/channels/22/messages")
    assert there.headers["X-RateLimit-Remaining"] == "4"
    assert there.headers["X-RateLimit-Bucket"] == here.headers["X-RateLimit-Bucket"]
    assert api.get(MESSAGES).headers["X-RateLimit-Bucket"] != here.headers["X-RateLimit-Bucket"]


def test_every_kind_of_answer_bears_the_headers_of_its_bucket(discord, api):
    refused = api.post("/channels/99/messages", json={"content": "x"})
    assert (refused.status_code, refused.headers["X-RateLimit-Remaining"]) == (404, "4")
    silent = api.post(discord.webhook_url(WEBHOOK), json={"content": "x"})
    assert (silent.status_code, silent.headers["X-RateLimit-Remaining"]) == (204, "4")


def test_planned_answers_of_discord_bear_the_headers_too_and_those_of_cloudflare_do_not(discord, api):
    for fault in (faults.status(500), faults.rate_limited("user"), faults.no_content()):
        discord.fail(fault)
        assert "X-RateLimit-Remaining" in post(api).headers
    for fault in (faults.cloudflare_ban(), faults.rate_limited("global")):
        discord.fail(fault)
        assert "X-RateLimit-Remaining" not in post(api).headers


def test_a_webhook_takes_five_in_two_seconds(discord, api, watch):
    url = discord.webhook_url(WEBHOOK)
    statuses = [post(api, url).status_code for _ in range(6)]
    watch.forward(2)
    assert [*statuses, post(api, url).status_code] == [204] * 5 + [429, 204]


def test_a_channel_takes_thirty_a_minute_from_all_its_webhooks_and_no_header_tells(discord, api, watch):
    discord.add_webhook(32, "t", CHANNEL)
    urls = [discord.webhook_url(WEBHOOK), discord.webhook_url(32)]
    for _ in range(6):
        watch.forward(2)
        for _ in range(5):
            post(api, urls[0])
    refused = post(api, urls[1])
    assert (refused.status_code, refused.headers["X-RateLimit-Scope"]) == (429, "shared")
    assert refused.json()["retry_after"] == 50.0
    assert int(refused.headers["X-RateLimit-Remaining"]) > 0
    assert discord.limited == {"shared": 1}


def test_fifty_a_second_is_the_limit_for_everything_of_a_bot(discord, api, watch):
    for number in range(60):
        discord.add_channel(1000 + number, GUILD)
    statuses = [post(api, f"/channels/{1000 + number}/messages") for number in range(51)]
    refused = statuses.pop()
    assert {response.status_code for response in statuses} == {200}
    assert (refused.status_code, refused.headers["X-RateLimit-Scope"]) == (429, "global")
    assert refused.headers["X-RateLimit-Global"] == "true"
    assert refused.json()["global"] is True
    watch.forward(1)
    assert post(api, "/channels/1059/messages").status_code == 200
    assert discord.limited == {"global": 1}


def test_requests_without_a_token_share_the_limit_of_their_address(discord, api):
    for number in range(60):
        discord.add_channel(1000 + number, GUILD)
        discord.add_webhook(2000 + number, "t", 1000 + number)
    with client_of(discord) as anybody:
        del anybody.headers["Authorization"]
        statuses = [post(anybody, discord.webhook_url(2000 + number)).status_code for number in range(51)]
    assert statuses == [204] * 50 + [429]
    assert post(api).status_code == 200


def test_limits_can_be_set_and_switched_off(watch):
    limits = Limits(routes={}, others=RateLimit(1, 9.0), webhook_channel=None)
    with StandInDiscord(clock=watch, limits=limits) as discord, client_of(furnish(discord)) as api:
        assert [post(api).status_code for _ in range(2)] == [200, 429]
    with StandInDiscord(clock=watch, limits=None) as discord, client_of(furnish(discord)) as api:
        assert {post(api).status_code for _ in range(80)} == {200}
        assert discord.limited == {}


def test_a_request_that_a_limit_refused_does_not_use_up_a_fault(discord, api):
    for _ in range(6):
        post(api)
    assert [logged.limited for logged in discord.requests] == [""] * 5 + ["user"]
    discord.call(lambda: None, match=Match(method="POST"))
    assert post(api).status_code == 429
    assert discord.unspent_faults() == ["call"]
