"""Who writes one message twice is counted twice, though its nonce makes one of it: but for a repeat that settles."""

import http.client
import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from fakes.patience import PATIENT
from stand_in_stage import CHANNEL, client_of

from giftping.demo import faults
from giftping.demo.log import Match

MESSAGES = f"/channels/{CHANNEL}/messages"
BODY = {"content": "```\nGIFT2026\n```", "nonce": "n-1", "enforce_nonce": True}
POST = Match(method="POST")


def written(discord):
    assert len(discord.messages(CHANNEL)) == 1
    assert len(discord.written(CHANNEL)) == len(discord.arrived())
    return Counter(code for arrival in discord.arrived() for code in arrival.codes)["GIFT2026"]


def test_a_message_that_its_writer_knows_to_be_there_and_another_writes_again_counts_as_two(discord, api):
    api.post(MESSAGES, json=BODY)
    with client_of(discord) as other:
        other.post(MESSAGES, json=BODY)
    assert written(discord) == 2
    assert discord.written_again == {"n-1": 1}


def test_a_message_that_another_writes_while_its_writer_waits_for_the_answer_counts_as_two(discord, api):
    asked, released = threading.Event(), threading.Event()

    def wait():
        asked.set()
        assert released.wait(PATIENT)

    discord.call(wait, match=POST)
    with ThreadPoolExecutor(1) as pool, client_of(discord) as other:
        first = pool.submit(api.post, MESSAGES, json=BODY)
        assert asked.wait(PATIENT)
        other.post(MESSAGES, json=BODY)
        released.set()
        assert first.result().status_code == 200
    assert written(discord) == 2


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    "fault", [faults.status(500), faults.rate_limited("user", 0.01), faults.garbage(), faults.drip(0.0)]
)
def test_a_repeat_of_what_was_not_answered_with_the_message_counts_as_one(discord, api, fault, after):
    discord.fail(fault, match=POST, after=after)
    api.post(MESSAGES, json=BODY)
    api.post(MESSAGES, json=BODY)
    assert written(discord) == 1
    api.post(MESSAGES, json=BODY)
    assert written(discord) == 2


def test_a_repeat_of_what_one_wrote_who_went_away_counts_as_one_also_when_it_is_carried_out_last(discord, api):
    asked, looked = threading.Event(), threading.Event()

    def wait():
        asked.set()
        assert looked.wait(PATIENT)

    discord.call(wait, match=POST)
    address = api.base_url
    dying = http.client.HTTPConnection(address.host, address.port)
    headers = {name: api.headers[name] for name in ("User-Agent", "Authorization")}
    dying.request(
        "POST", address.path + MESSAGES[1:], json.dumps(BODY), {**headers, "Content-Type": "application/json"}
    )
    assert asked.wait(PATIENT)
    dying.close()
    api.post(MESSAGES, json=BODY)
    looked.set()
    discord.close()
    assert discord.count(POST) == 2
    assert written(discord) == 1


def test_a_nonce_that_is_not_enforced_settles_nothing(discord, api):
    for _ in range(2):
        api.post(MESSAGES, json={**BODY, "enforce_nonce": False})
    assert [len(discord.messages(CHANNEL)), discord.written_again] == [2, {}]
