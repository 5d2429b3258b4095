from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from giftping.discord.limits import violations
from giftping.discord.message import Embed, EmbedField, LinkButton, Message, Upload
from giftping.discord.webhook import payload

SPEC = Path(__file__).parents[3].parent / "shared" / "discord-openapi.json"

WORDS = st.text(max_size=20)
ADDRESSES = st.sampled_from(["", "https://a.test/b.png"])
MESSAGES = st.builds(
    Message,
    embeds=st.lists(
        st.builds(
            Embed,
            title=WORDS,
            description=WORDS,
            color=st.integers(0, 0xFFFFFF),
            fields=st.lists(st.builds(EmbedField, WORDS, WORDS, st.booleans()), max_size=3).map(tuple),
            footer=WORDS,
            thumbnail=ADDRESSES,
            image=ADDRESSES,
        ),
        max_size=3,
    ).map(tuple),
    content=WORDS,
    mention_roles=st.lists(st.integers(1, 2**63), max_size=3).map(tuple),
    mention_users=st.lists(st.integers(1, 2**63), max_size=3).map(tuple),
    buttons=st.lists(st.builds(LinkButton, WORDS, ADDRESSES), max_size=12).map(tuple),
)
FULL = Message(
    (Embed("Title", "Text", 0xABCDEF, (EmbedField("name", "value", inline=True),), "footer"), Embed("Bare")),
    "Hello <@&5>",
    (5,),
    (6,),
)


@given(MESSAGES)
def test_both_routes_send_the_same_message(message):
    assert payload(message) == message.payload()


def test_nothing_is_sent_but_the_message():
    assert payload(FULL) == {
        "content": "Hello <@&5>",
        "allowed_mentions": {"parse": [], "roles": ["5"], "users": ["6"]},
        "embeds": [
            {
                "title": "Title",
                "description": "Text",
                "color": 0xABCDEF,
                "fields": [{"name": "name", "value": "value", "inline": True}],
                "footer": {"text": "footer"},
            },
            {"title": "Bare", "color": 0},
        ],
    }


RICH = Embed(
    "Title",
    timestamp=datetime(2026, 11, 20, 17, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))),
    author="Asha",
    image="attachment://plan.png",
)


def test_an_embed_brings_its_time_its_author_and_its_picture():
    assert RICH.payload() == {
        "title": "Title",
        "color": 0,
        "timestamp": "2026-11-20T17:30:00+05:30",
        "author": {"name": "Asha"},
        "image": {"url": "attachment://plan.png"},
    }


def test_files_are_not_in_the_json_object():
    message = Message((RICH,), files=(Upload("plan.png", b"png", "image/png"),))
    assert message.payload() == Message((RICH,)).payload()


def test_a_rich_message_is_valid_by_discords_own_description(validators):
    _, by_bot = validators
    message = Message((RICH,), files=(Upload("plan.png", b"png", "image/png"),))
    assert violations(message) == []
    by_bot.validate(message.payload())


def test_two_messages_share_nothing():
    """The library keeps its lists in class-wide defaults unless it is given its own."""
    assert payload(FULL) == payload(FULL)


@pytest.fixture(scope="module")
def validators():
    if not SPEC.exists():
        pytest.skip(f"{SPEC} is not there")
    spec = json.loads(SPEC.read_text())

    def validator(path):
        content = spec["paths"][path]["post"]["requestBody"]["content"]
        return Draft202012Validator(content["application/json"]["schema"] | {"components": spec["components"]})

    return validator("/webhooks/{webhook_id}/{webhook_token}"), validator("/channels/{channel_id}/messages")


@given(MESSAGES)
def test_what_keeps_the_limits_is_valid_by_discords_own_description(validators, message):
    by_webhook, by_bot = validators
    if not violations(message):
        by_webhook.validate(payload(message))
        by_bot.validate(message.payload() | {"nonce": "d" * 25, "enforce_nonce": True})


def test_the_full_message_is_valid_by_discords_own_description(validators):
    for validator in validators:
        validator.validate(payload(FULL))


def test_discords_own_description_does_refuse_what_breaks_a_limit(validators):
    broken = Message((Embed("x" * 257),))
    assert violations(broken)
    for validator in validators:
        assert not validator.is_valid(broken.payload())


@pytest.mark.parametrize("module", ["outcome", "message", "limits", "snowflake"])
def test_values_are_imported_without_any_http_library(module):
    code = f"import sys, giftping.discord.{module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"httpx", "requests", "discord_webhook", "giftping.discord.http"}.isdisjoint(loaded)


def test_routes_are_imported_without_discord_webhook():
    code = "import sys, giftping.discord.webhook; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"requests", "discord_webhook"}.isdisjoint(loaded)
