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


@dataclass(slots=True)
class Logged:
    """One request as the stand-in saw it, without secrets.

    `channel_id` is the channel of the path or the one its webhook posts to. `user_id` is the member of the path,
    the recipient that a channel for direct messages is asked for, or the one whose channel it is. `status` is None
    where no answer was given; `fault` names the planned fault that struck, `limited` the scope of the rate limit
    that refused it. `reason` is what the audit log was told.
    """

    number: int
    method: str
    template: str
    channel_id: int | None
    webhook_id: int | None
    query: Mapping[str, str]
    body: Mapping[str, Any]
    status: int | None = None
    fault: str = ""
    limited: str = ""
    user_id: int | None = None
    reason: str = ""

    @property
    def nonce(self) -> str | int | None:
        """The nonce in the body."""
        return self.body.get("nonce")

    @property
    def invalid(self) -> bool:
        """Whether it counts towards Discord's ban for 10,000 invalid requests: 401, 403, and 429 but shared ones."""
        shared = self.limited == "shared" or self.fault == "429 shared"
        return self.status in (401, 403, 429) and not shared


@dataclass(frozen=True, slots=True)
class Match:
    """Which requests a fault strikes; what is None does not matter.

    `nth` counts from 1 among the matching requests that reach the fault's moment, before or after they are
    carried out.
    """

    method: str | None = None
    template: str | None = None
    channel_id: int | None = None
    webhook_id: int | None = None
    nth: int = 1
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
    ignored_nonces: list[tuple[int, str]] = field(default_factory=list)
    limited: Counter[str] = field(default_factory=Counter)
    writings: Writings = field(default_factory=Writings)


def shown_codes(message: StoredMessage) -> tuple[str, ...]:
    """The text of every code block that a reader of the message sees: content first, then each embed."""
    texts = [message.content]
    for embed in message.visible_embeds:
        texts.append(embed.get("description", ""))
        texts.extend(part["value"] for part in embed.get("fields", ()))
    blocks = [match.groups() for text in texts for match in _CODE_BLOCK.finditer(text)]
    # With nothing below it, what looks like a block's language is its text.
    return tuple(body.strip() or language or "" for language, body in blocks)
