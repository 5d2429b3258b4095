from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from fakes.clock import TestClock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from giftping.discord import rest as discord_rest
from giftping.discord import webhook as discord_webhook
from giftping.discord.http import DiscordHttp
from giftping.discord.message import Embed, Message, Upload
from giftping.discord.outcome import Absent, Done, Found, Refused, Route, Unclear, Undecided, WithdrawnError
from giftping.discord.rest import ChannelRoute, Page, RestClient
from giftping.discord.snowflake import snowflake_at
from giftping.discord.webhook import WebhookAddress, WebhookInfo, WebhookRoute

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ME, WEBHOOK_ID, CHANNEL, THREAD = 99, 55, 7, 8
MESSAGE = Message((Embed("Gift code"),))
NOBODY = frozenset[int]()
ONE_MESSAGE = f"/channels/{CHANNEL}/messages/{CHANNEL}"


POSTED = snowflake_at(NOW) + 1234


def seconds_ago(seconds, number=0):
    return snowflake_at(NOW - timedelta(seconds=seconds)) + number


def by_bot(seconds, text="ours", author=ME):
    return {"id": str(seconds_ago(seconds)), "channel_id": str(CHANNEL), "author": {"id": str(author)}, "text": text}


def by_webhook(seconds, text="ours", webhook=WEBHOOK_ID):
    return by_bot(seconds, text, webhook) | {"webhook_id": str(webhook)}


def matches(message):
    return None if message["text"] is None else message["text"] == "ours"


class StandIn:
    """Just enough of Discord to read a channel back, with replies that a test sets by path."""

    def __init__(self) -> None:
        self.history: list[dict] = []
        self.replies: dict[tuple[str, str], httpx.Response | Exception] = {}
        self.clock_ahead = timedelta(0)
        self.answers: list[httpx.Response] = []
        self.requests: list[httpx.Request] = []

    def __call__(self, request):
        self.requests.append(request)
        path = request.url.path.removeprefix("/api/v10")
        reply = self.replies.get((request.method, path)) or (self.answers or [self.usual(request, path)]).pop(0)
        if isinstance(reply, Exception):
            raise reply
        reply.headers["date"] = format_datetime(NOW + self.clock_ahead, usegmt=True)
        return reply

    def usual(self, request, path):
        if path == "/users/@me":
            return httpx.Response(200, json={"id": str(ME)})
        if path == f"/webhooks/{WEBHOOK_ID}/token" and request.method == "GET":
            return httpx.Response(200, json={"id": str(WEBHOOK_ID), "channel_id": str(CHANNEL)})
        if request.method == "POST":
            return httpx.Response(200, json={"id": str(POSTED), "channel_id": str(CHANNEL)})
        if "limit" not in request.url.params:
            return error(404, 10008, "Unknown Message")
        before = int(request.url.params.get("before", 2**63))
        older = [message for message in self.history if int(message["id"]) < before]
        return httpx.Response(200, json=older[: int(request.url.params["limit"])])

    def asked(self, method="GET"):
        return [request.url.path.removeprefix("/api/v10") for request in self.requests if request.method == method]


@pytest.fixture
def stand_in():
    return StandIn()


@pytest.fixture
def wall():
    return TestClock(NOW)


def client(stand_in, clock, wall):
    return DiscordHttp(
        "https://discord.test/api/v10",
        token="t",
        budget=timedelta(seconds=60),
        monotonic=clock.monotonic,
        sleep=clock.sleep,
        now=wall,
        steady=clock.monotonic,
        transport=httpx.MockTransport(stand_in),
    )


@pytest.fixture
def http(stand_in, clock, wall):
    return client(stand_in, clock, wall)


@pytest.fixture
def channel(http) -> Route:
    return ChannelRoute(RestClient(http), CHANNEL)


@pytest.fixture
def webhook(http) -> Route:
    return WebhookRoute(http, WebhookAddress(WEBHOOK_ID, "token"), RestClient(http))


def look(route, *, since=600.0, until=None, accounted=NOBODY, quiet=True):
    end = None if until is None else seconds_ago(until)
    return route.find(matches, since=seconds_ago(since), until=end, accounted=accounted, quiet=quiet)


def error(status, code=0, message="no"):
    return httpx.Response(status, json={"code": code, "message": message})


# Posting


def test_a_channel_gets_the_delivery_id_as_an_enforced_nonce(channel, stand_in):
    assert channel.post(MESSAGE, "d" * 25) == Done(POSTED, CHANNEL)
    body = json.loads(stand_in.requests[0].content)
    assert (body["nonce"], body["enforce_nonce"]) == ("d" * 25, True)


@pytest.mark.parametrize("delivery_id", ["", "d" * 26])
def test_a_delivery_id_that_is_no_nonce_is_a_mistake(channel, stand_in, delivery_id):
    with pytest.raises(ValueError, match="1 to 25"):
        channel.post(MESSAGE, delivery_id)
    assert stand_in.requests == []


def test_a_message_goes_out_with_its_files(channel, stand_in):
    message = Message((Embed("Plan", image="attachment://plan.png"),), files=(Upload("plan.png", b"PNG", "image/png"),))
    assert channel.post(message, "d") == Done(POSTED, CHANNEL)
    (request,) = stand_in.requests
    assert request.headers["content-type"].startswith("multipart/form-data")
    assert b'filename="plan.png"' in request.content
    assert b'"nonce": "d"' in request.content


def test_a_message_may_be_made_when_it_goes_out(http, stand_in, clock):
    made = []

    def make():
        made.append(round(clock.seconds - 1000))
        return Message(content=f"{len(made)} overdue", mention_users=(5,))

    stand_in.answers = [httpx.Response(429, json={"retry_after": 3}, headers={"via": "1.1 google"})]
    assert RestClient(http).post_message(CHANNEL, make, "d") == Done(POSTED, CHANNEL)
    assert made == [0, 3]
    body = json.loads(stand_in.requests[-1].content)
    assert body == Message(content="2 overdue", mention_users=(5,)).payload() | {"nonce": "d", "enforce_nonce": True}


def test_a_message_may_be_taken_back_when_it_would_go_out(http, stand_in):
    def make():
        raise WithdrawnError("everybody has submitted")

    refused = RestClient(http).post_message(CHANNEL, make, "d")
    assert refused == Refused("everybody has submitted", withdrawn=True)
    assert stand_in.requests == []


def test_a_message_that_is_made_when_it_goes_out_brings_no_files(http, stand_in):
    rest = RestClient(http)
    with pytest.raises(ValueError, match="no files"):
        rest.post_message(CHANNEL, lambda: Message(files=(Upload("a", b"x", "text/plain"),)), "d")
    assert stand_in.requests == []
    assert rest.post_message(CHANNEL, MESSAGE, "d") == Done(POSTED, CHANNEL)


def test_a_webhook_is_asked_for_the_message_it_made_and_gets_no_nonce(webhook, stand_in):
    assert webhook.post(MESSAGE, "delivery") == Done(POSTED, CHANNEL)
    (request,) = stand_in.requests
    assert dict(request.url.params) == {"wait": "true"}
    assert b"delivery" not in request.content


def test_a_webhook_posts_into_its_thread(http, stand_in):
    WebhookRoute(http, WebhookAddress(WEBHOOK_ID, "token", THREAD), None).post(MESSAGE, "d")
    assert dict(stand_in.requests[0].url.params) == {"wait": "true", "thread_id": str(THREAD)}


@pytest.mark.parametrize(
    "reply",
    [
        httpx.Response(204),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"id": None}),
        httpx.Response(200, html="<h1>fine</h1>"),
    ],
)
def test_success_without_a_message_is_unclear(channel, webhook, stand_in, reply):
    stand_in.replies["POST", f"/channels/{CHANNEL}/messages"] = reply
    stand_in.replies["POST", f"/webhooks/{WEBHOOK_ID}/token"] = reply
    for route in (channel, webhook):
        outcome = route.post(MESSAGE, "d")
        assert isinstance(outcome, Unclear)
        assert "not a message" in outcome.reason


OF_NO_MESSAGE = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(),
    st.text(max_size=8),
    st.integers(-(2**64), -1),
    st.sampled_from(["0", "01", "-1", "1e18", f" {POSTED}", f"{POSTED}\n", "9" * 30, [POSTED], {"id": POSTED}]),
)
OF_ANOTHER_TIME = st.one_of(
    st.integers(1, snowflake_at(NOW - timedelta(minutes=12))),
    st.integers(snowflake_at(NOW + timedelta(minutes=11)), 2**64 - 1),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(message_id=st.one_of(OF_NO_MESSAGE, OF_ANOTHER_TIME, OF_ANOTHER_TIME.map(str)))
def test_an_answer_whose_id_is_none_or_not_of_now_is_unclear(channel, webhook, stand_in, message_id):
    body = json.dumps({"id": message_id, "channel_id": str(CHANNEL)})
    reply = httpx.Response(200, text=body, headers={"content-type": "application/json"})
    stand_in.replies["POST", f"/channels/{CHANNEL}/messages"] = reply
    stand_in.replies["POST", f"/webhooks/{WEBHOOK_ID}/token"] = reply
    for route in (channel, webhook):
        outcome = route.post(MESSAGE, "d")
        assert isinstance(outcome, Unclear)
        assert "the answer is not" in outcome.reason


@pytest.mark.parametrize("minutes", [-9, -3, 0, 9])
def test_a_message_of_the_minutes_around_discords_time_is_done(channel, stand_in, minutes):
    message_id = snowflake_at(NOW + timedelta(minutes=minutes))
    stand_in.replies["POST", f"/channels/{CHANNEL}/messages"] = httpx.Response(200, json={"id": str(message_id)})
    assert channel.post(MESSAGE, "d") == Done(message_id, None)


def test_a_nonce_brings_the_message_of_the_first_post_however_long_ago_that_was(channel, stand_in):
    first = snowflake_at(NOW - timedelta(hours=2))
    stand_in.replies["POST", f"/channels/{CHANNEL}/messages"] = httpx.Response(200, json={"id": str(first)})
    assert channel.post(MESSAGE, "d", since=snowflake_at(NOW - timedelta(hours=2, minutes=1))) == Done(first, None)
    assert isinstance(channel.post(MESSAGE, "d"), Unclear)


def test_an_older_message_may_be_edited(channel, webhook, stand_in):
    old = snowflake_at(NOW - timedelta(days=30))
    reply = httpx.Response(200, json={"id": str(old), "channel_id": str(CHANNEL)})
    stand_in.replies["PATCH", f"/channels/{CHANNEL}/messages/{old}"] = reply
    stand_in.replies["PATCH", f"/webhooks/{WEBHOOK_ID}/token/messages/{old}"] = reply
    for route in (channel, webhook):
        assert route.edit(MESSAGE, old, CHANNEL) == Done(old, CHANNEL)


def test_only_the_bots_posts_may_be_repeated(channel, webhook):
    assert channel.repeats_safely_for == timedelta(minutes=2)
    assert webhook.repeats_safely_for == timedelta(0)
    assert channel.can_look


def test_labels_hold_no_secret(channel, webhook):
    assert (channel.label, webhook.label) == (f"channel {CHANNEL}", f"webhook {WEBHOOK_ID}")
    assert "token" not in repr(WebhookAddress(WEBHOOK_ID, "token"))


# Finding, as the bot


def test_the_bot_finds_its_own_message(channel, stand_in):
    stand_in.history = [by_bot(20, "another"), by_bot(30), by_bot(40, author=5)]
    assert look(channel) == Found(seconds_ago(30), CHANNEL)


@pytest.mark.parametrize(
    "history",
    [
        [],
        [by_bot(30, "another")],
        [by_bot(30, author=5)],
        [by_bot(30) | {"webhook_id": "5"}],
        [by_bot(3600)],
        [{"id": str(seconds_ago(30)), "text": "ours"}],
    ],
)
def test_the_bot_says_absent_when_its_message_is_not_there(channel, stand_in, history):
    stand_in.history = history
    assert look(channel) == Absent()


def test_a_message_of_another_delivery_is_not_taken_for_ours(channel, stand_in):
    stand_in.history = [by_bot(30)]
    assert look(channel, accounted=frozenset({seconds_ago(30)})) == Absent()


def test_a_busy_channel_is_read_page_by_page(channel, stand_in):
    stand_in.history = [by_bot(number / 10, "chatter", author=5) for number in range(1, 1000)] + [by_bot(150)]
    assert look(channel) == Found(seconds_ago(150), CHANNEL)
    assert stand_in.asked().count(f"/channels/{CHANNEL}/messages") > 9


def test_reading_stops_where_the_message_cannot_be_any_more(channel, stand_in):
    stand_in.history = [by_bot(number, "chatter", author=5) for number in range(3000, 4000)]
    assert look(channel) == Absent()
    assert stand_in.asked().count(f"/channels/{CHANNEL}/messages") == 1


def test_a_long_settled_window_is_read_from_its_own_end(channel, stand_in):
    stand_in.history = [by_bot(number, "chatter", author=5) for number in range(1, 4000)] + [by_bot(4000)]
    assert look(channel, since=4010, until=3990) == Found(seconds_ago(4000), CHANNEL)
    assert stand_in.asked().count(f"/channels/{CHANNEL}/messages") < 4


def test_more_messages_than_are_read_leave_it_open(channel, stand_in, monkeypatch):
    monkeypatch.setattr(discord_rest, "PAGES", 2)
    stand_in.history = [by_bot(number / 10, "chatter", author=5) for number in range(1, 400)]
    finding = look(channel)
    assert isinstance(finding, Undecided)
    assert not finding.for_good


@pytest.mark.parametrize("jump", [-3 * 1440, -20, -5, 0, 5, 20, 30 * 1440])
@pytest.mark.parametrize("ahead", [-20, 0, 20])
def test_a_look_from_an_anchor_finds_the_message_whatever_the_wall_clock_does(stand_in, clock, wall, jump, ahead):
    """A host whose clock is off asks, waits, and posts, and its clock is set before anybody looks."""
    wall.now = NOW + timedelta(minutes=ahead)
    http = client(stand_in, clock, wall)
    channel = ChannelRoute(RestClient(http), CHANNEL)
    assert channel.ask() is None
    clock.sleep(50)
    since, posted = channel.anchor(), snowflake_at(NOW + timedelta(seconds=51))
    wall.now += timedelta(minutes=jump)
    assert channel.anchor() == since
    stand_in.history = [by_bot(0) | {"id": str(posted)}, by_bot(60)]
    assert channel.find(matches, since=since, until=None, accounted=NOBODY, quiet=True) == Found(posted, CHANNEL)


@pytest.mark.parametrize(
    "reply",
    [
        error(403, 50001, "Missing Access"),
        error(403, 50013, "Missing Permissions"),
        error(500),
        httpx.ReadTimeout("x"),
        httpx.ConnectError("x"),
        httpx.Response(200, json={"not": "a list"}),
        httpx.Response(200, json=[{"id": "x"}]),
        httpx.Response(200, json=["x"]),
        httpx.Response(204),
    ],
)
def test_a_channel_that_cannot_be_read_leaves_it_open_for_later(channel, stand_in, reply):
    stand_in.replies["GET", f"/channels/{CHANNEL}/messages"] = reply
    finding = look(channel)
    assert isinstance(finding, Undecided)
    assert not finding.for_good


def test_nobody_can_tell_what_was_posted_to_a_channel_that_is_gone(channel, stand_in):
    stand_in.replies["GET", f"/channels/{CHANNEL}/messages"] = error(404, 10003, "Unknown Channel")
    finding = look(channel)
    assert isinstance(finding, Undecided)
    assert finding.for_good


@pytest.mark.parametrize("reply", [error(401), error(500), httpx.Response(200, json={})])
def test_a_bot_that_does_not_know_itself_leaves_it_open_for_later(channel, stand_in, reply):
    stand_in.replies["GET", "/users/@me"] = reply
    finding = look(channel)
    assert isinstance(finding, Undecided)
    assert not finding.for_good


def test_the_bot_asks_once_who_it_is(channel, stand_in):
    look(channel)
    look(channel)
    assert stand_in.asked().count("/users/@me") == 1


@pytest.mark.parametrize("reply", [error(403, 50013), error(403, 50001), error(500), httpx.ReadTimeout("x")])
def test_an_empty_channel_is_only_believed_of_a_bot_that_may_read_it(channel, webhook, stand_in, reply):
    assert look(channel) == Absent()
    stand_in.replies["GET", ONE_MESSAGE] = reply
    assert isinstance(look(channel), Undecided)
    assert isinstance(look(webhook), Undecided)
    stand_in.history = [by_bot(150, "chatter", author=5)]
    assert look(channel) == Absent()


# Finding in a direct-message channel, where a person answers and no guild is


def in_dm(seconds, text="ours", author=ME):
    return by_bot(seconds, text, author) | {"type": 0, "mentions": [], "attachments": []}


def test_the_bot_finds_its_own_direct_message_among_the_answers(channel, stand_in):
    stand_in.history = [in_dm(20, author=5), in_dm(30, "thanks", author=5), in_dm(40), in_dm(50, "another")]
    assert look(channel) == Found(seconds_ago(40), CHANNEL)


def test_a_direct_message_channel_that_nobody_has_written_in_is_empty(channel, stand_in):
    """The look at one message, by which a guild's channel tells whether it may be read, finds none here either."""
    assert look(channel) == Absent()
    assert stand_in.asked() == ["/users/@me", f"/channels/{CHANNEL}/messages", ONE_MESSAGE]


@pytest.mark.parametrize("code", [50007, 50278])
def test_a_direct_message_channel_that_may_not_be_read_leaves_it_open_for_later(channel, stand_in, code):
    stand_in.replies["GET", f"/channels/{CHANNEL}/messages"] = error(403, code, "Cannot send messages to this user")
    finding = look(channel)
    assert isinstance(finding, Undecided)
    assert not finding.for_good


# Finding what a webhook posted


def test_a_webhooks_message_is_found_by_its_text(webhook, stand_in):
    stand_in.history = [by_webhook(20, "another"), by_webhook(30), by_webhook(40, webhook=5), by_bot(50)]
    assert look(webhook) == Found(seconds_ago(30), CHANNEL)


@pytest.mark.parametrize("history", [[], [by_webhook(30, webhook=5)], [by_bot(30)], [by_webhook(30, "another")]])
def test_a_webhooks_message_that_is_not_there_is_absent(webhook, stand_in, history):
    stand_in.history = history
    assert look(webhook) == Absent()


def message_path(message_id):
    return f"/webhooks/{WEBHOOK_ID}/token/messages/{message_id}"


@pytest.fixture
def shown(stand_in):
    """Let the webhook show one of its messages whose text is hidden from the bot."""

    def show(message, text):
        reply = httpx.Response(200, json=message | {"text": text})
        stand_in.replies["GET", message_path(message["id"])] = reply

    return show


def test_a_text_that_is_hidden_from_the_bot_is_read_through_the_webhook(webhook, stand_in, shown):
    stand_in.history = [by_webhook(number, None) for number in (20, 30, 40)]
    for message, text in zip(stand_in.history, ("ours", "ours", "another"), strict=True):
        shown(message, text)
    assert look(webhook) == Found(seconds_ago(30), CHANNEL)
    # From the oldest on, and no further than need be; and not as the bot.
    asked = [path for path in stand_in.asked() if "/messages/" in path and "webhooks" in path]
    assert asked == [message_path(seconds_ago(40)), message_path(seconds_ago(30))]
    assert all(
        "authorization" not in request.headers for request in stand_in.requests if "webhooks" in request.url.path
    )


def test_hidden_messages_that_turn_out_to_be_others_make_ours_absent(webhook, stand_in, shown):
    stand_in.history = [by_webhook(30, None), by_webhook(40, "another"), by_webhook(900, None)]
    shown(stand_in.history[0], "another")
    assert look(webhook) == Absent()


def test_in_a_thread_the_webhook_is_asked_for_the_message_of_the_thread(http, stand_in, shown):
    stand_in.history = [by_webhook(30, None)]
    shown(stand_in.history[0], "ours")
    route = WebhookRoute(http, WebhookAddress(WEBHOOK_ID, "token", THREAD), RestClient(http))
    assert look(route) == Found(seconds_ago(30), CHANNEL)
    assert dict(stand_in.requests[-1].url.params) == {"thread_id": str(THREAD)}


@pytest.mark.parametrize(
    ("reply", "for_good"),
    [
        (error(404, 10008, "Unknown Message"), True),
        (error(404, 10015, "Unknown Webhook"), True),
        (error(500), False),
        (httpx.ReadTimeout("x"), False),
        (httpx.ConnectError("x"), False),
        (httpx.Response(200, json=[]), False),
    ],
)
def test_a_hidden_text_that_is_not_shown_either_way_stays_undecided(webhook, stand_in, reply, for_good):
    stand_in.history = [by_webhook(30, None)]
    stand_in.replies["GET", message_path(seconds_ago(30))] = reply
    undecided = look(webhook)
    assert isinstance(undecided, Undecided)
    assert undecided.for_good is for_good


def test_a_hidden_text_that_another_delivery_accounts_for_is_not_asked_for(webhook, stand_in):
    stand_in.history = [by_webhook(30, None)]
    assert look(webhook, accounted=frozenset({seconds_ago(30)})) == Absent()
    assert message_path(seconds_ago(30)) not in stand_in.asked()


def test_only_so_many_hidden_texts_are_asked_for_in_one_look(webhook, stand_in, monkeypatch):
    monkeypatch.setattr(discord_webhook, "HIDDEN_LOOKS", 2)
    stand_in.history = [by_webhook(number, None) for number in (20, 30, 40)]
    for message in stand_in.history:
        stand_in.replies["GET", message_path(message["id"])] = httpx.Response(200, json=message | {"text": "another"})
    undecided = look(webhook)
    assert isinstance(undecided, Undecided)
    assert undecided.for_good, "the next look would ask for the same ones"


def test_a_webhooks_post_that_may_still_be_under_way_is_not_absent(webhook, channel):
    finding = look(webhook, quiet=False)
    assert isinstance(finding, Undecided)
    assert not finding.for_good
    assert look(webhook, quiet=True) == Absent()
    # Of the bot's a repeat within minutes makes no second message.
    assert look(channel, quiet=False) == Absent()


# Asking what time it is


@pytest.mark.parametrize("kind", ["channel", "webhook"])
def test_one_request_tells_the_time_to_all_routes_of_a_run(kind, channel, webhook, http, stand_in):
    route = {"channel": channel, "webhook": webhook}[kind]
    assert channel.anchor() is webhook.anchor() is None
    assert route.ask() is None
    assert channel.ask() is webhook.ask() is None
    assert channel.anchor() == webhook.anchor() == seconds_ago(60)
    assert len(stand_in.requests) == 1


def test_a_webhook_asks_without_a_token(stand_in):
    http = DiscordHttp("https://x.test/api/v10", token="", budget=timedelta(0), transport=httpx.MockTransport(stand_in))
    assert WebhookRoute(http, WebhookAddress(WEBHOOK_ID, "token"), None).ask() is None
    assert "authorization" not in stand_in.requests[0].headers


def test_no_route_asks_where_an_answer_has_told_the_time_already(channel, stand_in):
    channel.ask()
    assert channel.ask() is None
    assert len(stand_in.requests) == 1


def test_a_no_tells_the_time_as_well(webhook, stand_in):
    stand_in.replies["GET", f"/webhooks/{WEBHOOK_ID}/token"] = error(404, 10015, "Unknown Webhook")
    assert webhook.ask() is None
    assert webhook.anchor() == seconds_ago(60)


def test_a_webhooks_thread_is_read_in_place_of_its_channel(http, stand_in):
    look(WebhookRoute(http, WebhookAddress(WEBHOOK_ID, "token", THREAD), RestClient(http)))
    assert f"/channels/{THREAD}/messages" in stand_in.asked()


def test_without_the_bot_nothing_is_asked_and_nothing_can_be_decided(http, stand_in):
    finding = look(WebhookRoute(http, WebhookAddress(WEBHOOK_ID, "token"), None))
    assert isinstance(finding, Undecided)
    assert finding.for_good
    assert stand_in.requests == []


def test_a_reader_without_a_token_is_no_reader(stand_in):
    http = DiscordHttp("https://x.test", token="", budget=timedelta(0), transport=httpx.MockTransport(stand_in))
    finding = look(WebhookRoute(http, WebhookAddress(WEBHOOK_ID, "token"), RestClient(http)))
    assert isinstance(finding, Undecided)
    assert finding.for_good


@pytest.mark.parametrize(
    ("reply", "for_good"),
    [
        (error(403, 50001, "Missing Access"), True),
        (error(403, 50013, "Missing Permissions"), True),
        (error(404, 10003, "Unknown Channel"), True),
        (error(401), False),
        (error(500), False),
        (error(400), False),
        (httpx.ReadTimeout("x"), False),
        (httpx.ConnectError("x"), False),
    ],
)
def test_a_channel_that_the_bot_may_not_see_settles_nothing_for_good(webhook, stand_in, reply, for_good):
    stand_in.replies["GET", f"/channels/{CHANNEL}/messages"] = reply
    finding = look(webhook)
    assert isinstance(finding, Undecided)
    assert finding.for_good is for_good


@pytest.mark.parametrize(
    ("reply", "for_good"),
    [
        (error(404, 10015, "Unknown Webhook"), True),
        (error(500), False),
        (httpx.Response(200, json=[]), False),
        (httpx.Response(200, json={"channel_id": None}), False),
    ],
)
def test_a_webhook_that_does_not_say_where_it_posts_settles_nothing(webhook, stand_in, reply, for_good):
    stand_in.replies["GET", f"/webhooks/{WEBHOOK_ID}/token"] = reply
    finding = look(webhook)
    assert isinstance(finding, Undecided)
    assert finding.for_good is for_good


# Looking at what a destination is


def test_a_webhook_is_shown_with_its_guild_its_channel_and_its_name(webhook, stand_in):
    shown = {"id": str(WEBHOOK_ID), "channel_id": str(CHANNEL), "guild_id": "77", "name": "Codes"}
    stand_in.replies["GET", f"/webhooks/{WEBHOOK_ID}/token"] = httpx.Response(200, json=shown)
    assert webhook.look() == WebhookInfo(CHANNEL, 77, "Codes")
    assert stand_in.asked("POST") == []


NOT_THAT = [
    httpx.Response(200, text="<html>Please log in</html>"),
    httpx.Response(200, json=[]),
    httpx.Response(200, json={}),
    httpx.Response(200, json={"id": "1", "channel_id": str(CHANNEL), "guild_id": "7", "type": 0}),
    httpx.Response(200, json={"id": 1.5, "type": True}),
    httpx.Response(200, json={"ok": True, "data": {"id": str(CHANNEL)}}),
    httpx.Response(204),
]


@pytest.mark.parametrize("reply", NOT_THAT, ids=range(len(NOT_THAT)))
def test_an_answer_that_is_not_what_was_asked_for_says_nothing(webhook, http, stand_in, reply):
    stand_in.replies["GET", f"/channels/{CHANNEL}"] = reply
    stand_in.replies["GET", f"/webhooks/{WEBHOOK_ID}/token"] = reply
    assert isinstance(webhook.look(), Unclear)
    assert isinstance(RestClient(http).channel(CHANNEL), Unclear)


def test_a_look_tells_what_is_wrong(webhook, http, stand_in):
    stand_in.replies["GET", f"/channels/{CHANNEL}"] = error(403, 50001, "Missing Access")
    stand_in.replies["GET", f"/webhooks/{WEBHOOK_ID}/token"] = error(404, 10015, "Unknown Webhook")
    assert RestClient(http).channel(CHANNEL) == Refused("HTTP 403 Missing Access (50001)", 403, 50001, lasting=True)
    assert webhook.look() == Refused("HTTP 404 Unknown Webhook (10015)", 404, 10015, lasting=True)


def test_pages_may_be_asked_for_after_a_message(http, stand_in):
    stand_in.history = [by_bot(5)]
    page = RestClient(http).messages(CHANNEL, after=3, limit=10)
    assert page == Page((by_bot(5),), seconds_ago(5))
    assert dict(stand_in.requests[0].url.params) == {"after": "3", "limit": "10"}
