"""What the stand-in Discord knows: guilds, channels, webhooks, messages and nonces."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum, IntFlag
from typing import Any

from giftping.demo.clock import Clock
from giftping.demo.rules import AllowedMentions, Draft

_EPOCH = datetime(2015, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_USER = re.compile(r"<@!?(\d+)>")
_ROLE = re.compile(r"<@&(\d+)>")
_EVERYONE = re.compile(r"@(everyone|here)\b")

SUPPRESS_EMBEDS = 1 << 2


class Permission(IntFlag):
    """The permissions a bot needs in a channel, with Discord's bits."""

    NONE = 0
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    READ_MESSAGE_HISTORY = 1 << 16
    POSTING = VIEW_CHANNEL | SEND_MESSAGES | EMBED_LINKS | READ_MESSAGE_HISTORY


class ChannelType(IntEnum):
    """Discord's channel types that messages are posted to."""

    TEXT = 0
    THREAD = 11
    FORUM = 15


@dataclass(slots=True)
class Role:
    """A role of a guild."""

    id: int
    name: str
    position: int = 1
    permissions: int = 0


@dataclass(slots=True)
class Guild:
    """A guild that the bot is in."""

    id: int
    name: str
    roles: dict[int, Role] = field(default_factory=dict)


@dataclass(slots=True)
class Channel:
    """A channel, what the bot may do in it, and its messages by id, oldest first."""

    id: int
    guild_id: int
    name: str
    permissions: Permission
    type: ChannelType = ChannelType.TEXT
    parent_id: int | None = None
    messages: dict[int, StoredMessage] = field(default_factory=dict)


@dataclass(slots=True)
class Webhook:
    """A webhook; `application_id` is that of the bot where the bot's own application made it."""

    id: int
    token: str = field(repr=False)
    channel_id: int
    name: str
    application_id: int | None = None


@dataclass(frozen=True, slots=True)
class Author:
    """Who a message is by; a webhook's id is its author id."""

    id: int
    name: str
    is_bot: bool = True


@dataclass(frozen=True, slots=True)
class Notified:
    """Who a message has really notified."""

    users: tuple[int, ...] = ()
    roles: tuple[int, ...] = ()
    everyone: bool = False


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message as it stands in a channel."""

    id: int
    channel_id: int
    author: Author
    content: str
    embeds: tuple[dict[str, Any], ...]
    sent_at: datetime
    notified: Notified
    webhook_id: int | None = None
    application_id: int | None = None
    edited_at: datetime | None = None
    flags: int = 0

    @property
    def visible_embeds(self) -> tuple[dict[str, Any], ...]:
        """The embeds a reader sees: of several with one URL only the first, and none where they are suppressed."""
        if self.flags & SUPPRESS_EMBEDS:
            return ()
        seen: set[str] = set()
        visible = []
        for embed in self.embeds:
            url = embed.get("url", "")
            if not url or url not in seen:
                visible.append(embed)
            seen.add(url)
        return tuple(visible)


def notified_by(content: str, allowed: AllowedMentions) -> Notified:
    """Return whom a message notifies: what its content mentions and its allowed mentions permit.

    Embeds notify nobody. Every role is taken as mentionable and the author as allowed to mention everyone,
    so that a ping that Discord might swallow is still seen.
    """
    users = dict.fromkeys(int(user) for user in _USER.findall(content))
    roles = dict.fromkeys(int(role) for role in _ROLE.findall(content))
    return Notified(
        users=tuple(user for user in users if "users" in allowed.parse or user in allowed.users),
        roles=tuple(role for role in roles if "roles" in allowed.parse or role in allowed.roles),
        everyone="everyone" in allowed.parse and _EVERYONE.search(content) is not None,
    )


class World:
    """The state. Not safe for threads: the stand-in holds its lock around it."""

    def __init__(self, clock: Clock, bot: Author, nonce_window: timedelta, *, message_content: bool) -> None:
        self.clock = clock
        self.bot = bot
        self.nonce_window = nonce_window
        self.message_content = message_content
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.webhooks: dict[int, Webhook] = {}
        self._nonces: dict[tuple[int, str], StoredMessage] = {}
        self._last_id = 0

    def snowflake(self) -> int:
        """Return a new id, greater than every one before, that holds the present millisecond."""
        millisecond = (self.clock() - _EPOCH) // _MILLISECOND
        self._last_id = max(millisecond << 22, self._last_id + 1)
        return self._last_id

    def post(self, channel: Channel, author: Author, draft: Draft, webhook: Webhook | None = None) -> StoredMessage:
        """Store a message and return it, or the earlier one by this author when an enforced nonce says so.

        A message that was deleted since is returned all the same, and not made again.
        """
        if draft.nonce and draft.enforce_nonce and not webhook:
            earlier = self._nonces.get((author.id, draft.nonce))
            if earlier and self.clock() - earlier.sent_at <= self.nonce_window:
                return earlier
        message = StoredMessage(
            id=self.snowflake(),
            channel_id=channel.id,
            author=author,
            content=draft.content,
            embeds=draft.embeds,
            sent_at=self.clock(),
            notified=notified_by(draft.content, draft.allowed),
            webhook_id=webhook.id if webhook else None,
            application_id=webhook.application_id if webhook else self.bot.id if author == self.bot else None,
            flags=draft.flags,
        )
        channel.messages[message.id] = message
        if draft.nonce and not webhook:
            self._nonces[author.id, draft.nonce] = message
        return message

    def remove_channels(self, channel_ids: Iterable[int]) -> None:
        """Remove channels with their threads, and the webhooks that post to them."""
        gone = set(channel_ids)
        gone |= {channel.id for channel in self.channels.values() if channel.parent_id in gone}
        self.channels = {id_: channel for id_, channel in self.channels.items() if id_ not in gone}
        self.webhooks = {id_: hook for id_, hook in self.webhooks.items() if hook.channel_id not in gone}

    def remove_guild(self, guild_id: int) -> None:
        """Remove a guild with its channels."""
        del self.guilds[guild_id]
        self.remove_channels([channel.id for channel in self.channels.values() if channel.guild_id == guild_id])
