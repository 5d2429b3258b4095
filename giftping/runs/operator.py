"""The message that tells the operator what is wrong, by a webhook of theirs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from giftping.discord.http import DiscordHttp
from giftping.discord.limits import CONTENT_LENGTH, truncate
from giftping.discord.message import Message
from giftping.discord.outcome import Done
from giftping.discord.webhook import WebhookRoute, parse_webhook_url
from giftping.settings.secrets import SecretError
from giftping.text import escape_markdown

if TYPE_CHECKING:
    from giftping.settings.keys import Settings

SECONDS = 5.0
"""How long one post may take, and how long it may wait for rate limits."""


LINE_LENGTH = 500
"""The most of one line that is sent."""


def title_of(job: str) -> str:
    """The first line of a message about a job; several hosts may tell by one webhook."""
    return f"giftping {job} on {os.uname().nodename}"


def tell_operator_by(settings: Settings, title: str, lines: Sequence[str]) -> str:
    """Why lines could not be posted by the webhook that the settings name, empty when they were."""
    try:
        url = settings.secret(settings.operator.webhook).reveal()
    except SecretError as error:
        return str(error)
    return tell_operator(url, settings.discord.api, title, lines)


def tell_operator(url: str, api: str, title: str, lines: Sequence[str]) -> str:
    """Why lines of trouble could not be posted as one message, empty when they were."""
    try:
        address = parse_webhook_url(url, api=api)
    except ValueError as error:
        return str(error)
    with DiscordHttp(api, token=None, budget=timedelta(seconds=SECONDS), total=SECONDS) as http:
        outcome = WebhookRoute(http, address, None).post(Message(content=operator_text(title, lines)), "")
    return "" if isinstance(outcome, Done) else outcome.reason


def operator_text(title: str, lines: Sequence[str]) -> str:
    """One message's text: as many of the lines as it holds, and how many are left out."""
    text = f"**{title}**"
    for number, line in enumerate(lines):
        rest = f"\n… and {len(lines) - number} more: see the log of this machine"
        # One line, such as an error that quotes a page, is not to take the place of all others.
        following = f"\n- {truncate(escape_markdown(line), LINE_LENGTH)}"
        # The room for the words about the rest is kept free: no line may push them out.
        if len(text) + len(following) > CONTENT_LENGTH - len(rest):
            return text + rest
        text += following
    return text
