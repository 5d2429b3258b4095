from __future__ import annotations

import pytest

from giftping.discord.webhook import WebhookAddress, parse_webhook_url

TOKEN = "aB3_-x" * 11
STAND_IN = "http://127.0.0.1:8123/api/v10"


@pytest.mark.parametrize(
    "url",
    [
        f"https://discord.com/api/webhooks/42/{TOKEN}",
        f"https://discord.com/api/v10/webhooks/42/{TOKEN}/",
        f"https://discordapp.com/api/webhooks/42/{TOKEN}",
        f"https://ptb.discord.com/api/webhooks/42/{TOKEN}",
        f"https://canary.discord.com/api/v9/webhooks/42/{TOKEN}",
        f" https://DISCORD.com/api/webhooks/42/{TOKEN}?wait=true\n",
        f"http://127.0.0.1:8123/api/v10/webhooks/42/{TOKEN}",
        f"http://127.0.0.1:8123/api/webhooks/42/{TOKEN}",
    ],
)
def test_discords_hosts_and_the_host_of_the_api_are_taken(url):
    assert parse_webhook_url(url, api=STAND_IN) == WebhookAddress(42, TOKEN)


def test_a_thread_is_read_from_the_url():
    url = f"https://discord.com/api/webhooks/42/{TOKEN}?thread_id=77"
    assert parse_webhook_url(url, api=STAND_IN) == WebhookAddress(42, TOKEN, 77)


@pytest.mark.parametrize(
    "url",
    [
        "",
        TOKEN,
        f"https://discord.com/api/webhooks/{TOKEN}",
        f"https://discord.com/api/webhooks/0/{TOKEN}",
        f"https://discord.com/api/webhooks/42/{TOKEN}/slack",
        f"https://discord.com/api/webhooks/42/{TOKEN}?thread_id=",
        f"https://discord.com/api/webhooks/42/{TOKEN}?thread_id=x",
        f"https://discord.com/api/webhooks/42/{TOKEN}?thread_id=1&thread_id=2",
        f"http://discord.com/api/webhooks/42/{TOKEN}",
        f"https://discord.com.evil.test/api/webhooks/42/{TOKEN}",
        f"https://discord.com@evil.test/api/webhooks/42/{TOKEN}",
        f"https://evil.test/api/webhooks/42/{TOKEN}",
        f"http://127.0.0.1:9999/api/webhooks/42/{TOKEN}",
        f"https://[/api/webhooks/42/{TOKEN}",
        f"https://discord.com/api/webhooks/42/{TOKEN}é",
    ],
)
def test_what_is_no_webhook_is_refused_without_showing_the_token(url):
    with pytest.raises(ValueError, match="webhook URL") as raised:
        parse_webhook_url(url, api=STAND_IN)
    assert TOKEN not in str(raised.value)
    assert raised.value.__cause__ is None


def test_an_address_does_not_show_its_token():
    assert TOKEN not in repr(WebhookAddress(42, TOKEN))
