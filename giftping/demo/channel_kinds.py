"""The kinds of channels that the stand-in Discord has, and what a bot may do in them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag


class Permission(IntFlag):
    """The permissions a bot needs in a channel or a guild, with Discord's bits."""

    NONE = 0
    ADMINISTRATOR = 1 << 3
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    MANAGE_ROLES = 1 << 28
    MANAGE_THREADS = 1 << 34
    SEND_MESSAGES_IN_THREADS = 1 << 38
    SENDING = SEND_MESSAGES | SEND_MESSAGES_IN_THREADS
    POSTING = VIEW_CHANNEL | SENDING | EMBED_LINKS | ATTACH_FILES | READ_MESSAGE_HISTORY


class ChannelType(IntEnum):
    """Discord's channel types; to a category and a forum no messages are posted."""

    TEXT = 0
    DM = 1
    VOICE = 2
    CATEGORY = 4
    ANNOUNCEMENT = 5
    THREAD = 11
    STAGE = 13
    FORUM = 15
    MEDIA = 16

    @property
    def takes_posts(self) -> bool:
        """Whether each message in it needs a post of its own."""
        return self in (ChannelType.FORUM, ChannelType.MEDIA)

    @property
    def takes_messages(self) -> bool:
        """Whether messages stand in it."""
        return not self.takes_posts and self is not ChannelType.CATEGORY


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag that the posts of a forum may have."""

    id: int
    name: str
