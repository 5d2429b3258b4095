"""What a stand-in Discord has seen: requests, and what is wrong with them; and how to read a message that arrived."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from giftping.demo.nonces import Writings
from giftping.demo.world import StoredMessage

_CODE_BLOCK = re.compile(r"```(?:([\w+.#-]*)\n)?(.*?)```", re.DOTALL)

_CODE_LINE = re.compile(r"^`([^`\n]+)`", re.MULTILINE)


@dataclass(slots=True)
class Logged:
    """One request as the stand-in saw it, without secrets."""

    number: int
    method: str
    template: str
    channel_id: int | None
    """The channel of the path, or the one its webhook posts to."""
    webhook_id: int | None
    query: Mapping[str, str]
    body: Mapping[str, Any]
    status: int | None = None
    """None where no answer was given."""
    fault: str = ""
    """The name of the planned fault that struck."""
    limited: str = ""
    """The scope of the rate limit that refused it."""
    user_id: int | None = None
    """The member of the path, the recipient that a direct channel is asked for, or the one whose channel it is."""
    reason: str = ""
    """What the audit log was told."""


@dataclass(frozen=True, slots=True)
class Match:
    """Which requests a fault strikes; what is None does not matter."""

    method: str | None = None
    template: str | None = None
    channel_id: int | None = None
    webhook_id: int | None = None
    nth: int = 1
    """From 1, among the matching requests that reach the fault's moment, before or after they are carried out."""
    user_id: int | None = None

    def takes(self, logged: Logged) -> bool:
        """Whether a request is one of these."""
        wanted = (
            (self.method, logged.method),
            (self.template, logged.template),
            (self.channel_id, logged.channel_id),
            (self.webhook_id, logged.webhook_id),
            (self.user_id, logged.user_id),
        )
        return all(want is None or want == got for want, got in wanted)


ANY = Match()


@dataclass(slots=True)
class Log:
    """Everything seen so far. Not safe for threads: the stand-in holds its lock around it."""

    requests: list[Logged] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    limited: Counter[str] = field(default_factory=Counter)
    writings: Writings = field(default_factory=Writings)


def visible_codes(message: StoredMessage) -> tuple[str, ...]:
    """The text of every code block that a reader of the message sees: content first, then each embed.

    Of a list of codes it is what begins each line.
    """
    texts, listed = [message.content], []
    for embed in message.visible_embeds:
        texts.append(embed.get("description", ""))
        listed += _CODE_LINE.findall(embed.get("description", ""))
        texts.extend(part["value"] for part in embed.get("fields", ()))
    blocks = [match.groups() for text in texts for match in _CODE_BLOCK.finditer(text)]
    # With nothing below it, what looks like a block's language is its text.
    return (*(body.strip() or language or "" for language, body in blocks), *listed)
