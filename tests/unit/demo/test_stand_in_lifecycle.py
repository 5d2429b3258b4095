import os
import signal
import socket
import subprocess
import sys
import threading
import time

import httpx
import pytest
from stand_in_stage import CHANNEL, WEBHOOK, WEBHOOK_TOKEN, client_of, furnish

from giftping.demo import faults
from giftping.demo.discord import Match, StandInDiscord
from giftping.demo.loopback import LoopbackServer

MESSAGES = f"/channels/{CHANNEL}/messages"


def test_it_listens_on_loopback_only_and_frees_its_port(discord):
    host, port = httpx.URL(discord.api).host, httpx.URL(discord.api).port
    assert host == "127.0.0.1"
    discord.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, port), timeout=1)
    with pytest.raises(RuntimeError, match="not running"):
        _ = discord.api


def test_closing_twice_is_closing_once(discord):
    discord.close()
    discord.close()


def test_it_closes_while_clients_hang_and_drip_and_idle():
    before = threading.active_count()
    with StandInDiscord(limits=None) as discord, client_of(furnish(discord)) as idle:
        idle.get("/users/@me")
        discord.fail(faults.hang(), match=Match(method="POST", nth=1))
        discord.fail(faults.drip(30), match=Match(method="POST", nth=1), after=True)
        errors = []

        def post():
            with client_of(discord) as client:
                try:
                    client.post(MESSAGES, json={"content": "x"})
                except httpx.TransportError as error:
                    errors.append(error)

        clients = [threading.Thread(target=post) for _ in range(2)]
        for client in clients:
            client.start()
        while discord.unspent_faults():
            time.sleep(0.001)
        discord.close()
        for client in clients:
            client.join()
    assert len(errors) == 2
    assert threading.active_count() == before


def test_a_connection_is_kept_for_many_requests(discord, api):
    for _ in range(5):
        api.get("/users/@me")
    assert discord.connections == 1


def test_what_it_is_not_built_for_is_a_loud_404_and_is_noted(discord, api):
    response = api.put("/guilds/11/bans/1")
    assert response.status_code == 404
    assert "not built for PUT /api/v10/guilds/11/bans/1" in response.json()["message"]
    assert api.get(f"/webhooks/{WEBHOOK}/{WEBHOOK_TOKEN}/slack").status_code == 404
    assert httpx.get(discord.api.replace("v10", "v9") + "/users/@me").status_code == 404
    assert discord.unexpected == [
        "PUT /api/v10/guilds/11/bans/1",
        f"GET /api/v10/webhooks/{WEBHOOK}/***/slack",
        "GET /api/v9/users/@me",
    ]


def test_the_log_tells_every_request_and_no_secret(discord, api):
    api.post(discord.webhook_url(WEBHOOK), params={"wait": "true"}, json={"content": "x"})
    api.get(f"/webhooks/{WEBHOOK}/wrong-secret")
    api.get(MESSAGES, params={"limit": 3})
    told = [(logged.method, logged.template, logged.status) for logged in discord.requests]
    assert told == [
        ("POST", "/webhooks/{webhook_id}/{webhook_token}", 200),
        ("GET", "/webhooks/{webhook_id}/{webhook_token}", 401),
        ("GET", "/channels/{channel_id}/messages", 200),
    ]
    assert discord.count(Match(method="GET")) == 2
    assert discord.count(Match(channel_id=CHANNEL)) == 3
    for secret in (WEBHOOK_TOKEN, "wrong-secret", discord.bot_token):
        assert secret not in repr((discord.requests, discord.unexpected, discord))


def test_a_defect_in_the_stand_in_is_raised_when_it_closes(discord, api):
    discord.call(lambda: 1 / 0)
    with pytest.raises(httpx.RemoteProtocolError):
        api.get("/users/@me")
    with pytest.raises(RuntimeError, match="stand-in failed") as raised:
        discord.close()
    assert isinstance(raised.value.__cause__, ZeroDivisionError)


def test_a_server_that_is_not_open_says_so():
    with pytest.raises(RuntimeError, match="context manager"):
        _ = LoopbackServer(lambda request, peer: None).url


CLIENT = """
import http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
headers = {"User-Agent": "DiscordBot (https://example.org, 1)", "Authorization": sys.argv[2],
           "Content-Type": "application/json"}
for number in range(10):
    connection.request("POST", sys.argv[3], b'{"content": "%d"}' % number, headers)
    connection.getresponse().read()
"""


@pytest.mark.parametrize(("after", "stored"), [(False, ["0", "1"]), (True, ["0", "1", "2"])])
def test_a_client_can_be_killed_at_its_nth_request(discord, after, stored):
    url = httpx.URL(discord.api)
    arguments = [str(url.port), f"Bot {discord.bot_token}", url.path + MESSAGES]
    started = threading.Event()

    def kill():
        started.wait()
        os.kill(process.pid, signal.SIGKILL)
        process.wait()

    # Killed before: the request never reached Discord. Killed after: the answer never reached the client.
    discord.fail(faults.call(kill, then=faults.close()), match=Match(method="POST", nth=3), after=after)
    with subprocess.Popen([sys.executable, "-S", "-c", CLIENT, *arguments]) as process:
        started.set()
    assert process.returncode == -signal.SIGKILL
    discord.close()
    assert [message.content for message in discord.messages(CHANNEL)] == stored
