"""What the stand-in Discord knows: guilds, members, channels, webhooks, messages, nonces, and who was notified."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from giftping.delivery.clock import Clock
from giftping.demo.channel_kinds import ChannelType as ChannelType
from giftping.demo.channel_kinds import Permission as Permission
from giftping.demo.channel_kinds import Tag as Tag
from giftping.demo.notifying import Notified, notified_by
from giftping.demo.rules import Draft

# Discord's own (API reference, Snowflakes).
OLD = timedelta(hours=1)
"""Of older messages Discord counts the edits: 30046, "edits to messages older than 1 hour"."""

_EPOCH = datetime(2015, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

NONCE_WINDOW = timedelta(minutes=3)
"""How long a nonce is known: "the past few minutes" (Discord's documents, Create Message)."""


@dataclass(slots=True)
class Role:
    """A role of a guild."""

    id: int
    name: str
    position: int = 1
    permissions: int = 0
    bot_id: int | None = None
    """The bot whose own role it is."""
    is_mentionable: bool = True
    """Whether anybody may mention it."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who a message is by, or any other user."""

    id: int
    """The webhook's own id, where one is the author."""
    name: str
    is_bot: bool = True


@dataclass(slots=True)
class Member:
    """A user in a guild."""

    user: Author
    joined_at: datetime
    roles: set[int] = field(default_factory=set)
    """The ids of the roles held; @everyone is not among them."""


@dataclass(slots=True)
class Guild:
    """A guild that the bot is in, as one of its members."""

    id: int
    name: str
    roles: dict[int, Role] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)

    def position_of(self, user_id: int) -> int:
        """The position of a member's highest role, 0 for one without any."""
        return max((self.roles[role_id].position for role_id in self.members[user_id].roles), default=0)

    def permissions_of(self, user_id: int) -> Permission:
        """Everything that a member may do in the guild."""
        granted = Permission(self.roles[self.id].permissions)
        for role_id in self.members[user_id].roles:
            granted |= Permission(self.roles[role_id].permissions)
        # Whoever has it may do everything (Permissions, Bitwise Permission Flags).
        return ~Permission.NONE if Permission.ADMINISTRATOR in granted else granted


@dataclass(slots=True)
class Channel:
    """A channel, what the bot may do in it, and its messages by id, oldest first.

    One for direct messages has a recipient and no guild, every other one a guild and no recipient.
    """

    id: int
    guild_id: int | None
    name: str
    permissions: Permission
    type: ChannelType = ChannelType.TEXT
    parent_id: int | None = None
    is_archived: bool = False
    """Of a thread; the next message opens it again."""
    archived_at: datetime | None = None
    """When it was last archived, or opened again."""
    is_locked: bool = False
    """Of a thread: only who may manage threads writes into it, or opens it again."""
    owner_id: int | None = None
    """Who has opened a thread."""
    tags: tuple[Tag, ...] = ()
    """Those that a forum has."""
    wants_tag: bool = False
    """Whether each post of it needs one of them."""
    applied_tags: tuple[int, ...] = ()
    """Those of a post."""
    recipient_id: int | None = None
    messages: dict[int, StoredMessage] = field(default_factory=dict)


@dataclass(slots=True)
class Webhook:
    """A webhook, and the channel that it posts to."""

    id: int
    token: str = field(repr=False)
    channel_id: int
    name: str


@dataclass(frozen=True, slots=True)
class StoredAttachment:
    """A file of a message."""

    id: int
    filename: str
    size: int
    """In bytes."""
    content_type: str
    content: bytes = field(repr=False)


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
    attachments: tuple[StoredAttachment, ...] = ()
    nonce: str | None = None
    """What its author called it by; a webhook's messages have none."""
    edited_at: datetime | None = None
    components: tuple[dict[str, Any], ...] = ()
    """The rows of buttons below it."""
    is_published: bool = False
    """Whether it was handed on to the channels that follow its own."""
    first: StoredMessage | None = None
    """As it was when it was posted, None where it is so still."""

    @property
    def as_posted(self) -> StoredMessage:
        """The message as it was when it was posted: what an edit makes of it notifies nobody."""
        return self.first or self

    @property
    def visible_embeds(self) -> tuple[dict[str, Any], ...]:
        """The embeds a reader sees: of several with one URL only the first."""
        seen: set[str] = set()
        visible = []
        for embed in self.embeds:
            url = embed.get("url", "")
            if not url or url not in seen:
                visible.append(embed)
            seen.add(url)
        return tuple(visible)


@dataclass(frozen=True, slots=True)
class Notification:
    """One notification that a user really got: of a message in a guild's channel, or of a direct one."""

    at: datetime
    user_id: int
    kind: Literal["channel", "dm"]
    message: StoredMessage


@dataclass(frozen=True, slots=True)
class RoleChange:
    """A role that a member was given or lost, by the bot or by hand."""

    at: datetime
    guild_id: int
    user_id: int
    role_id: int
    given: bool
    reason: str
    """What the audit log was told."""
    by_bot: bool
    id: int = 0
    """Its own in the audit log."""


def reached_by(notified: Notified, guild: Guild) -> list[int]:
    """The ids of the members that a message in a guild reaches; of those it names by their id bots too."""
    reached = [user_id for user_id in notified.users if user_id in guild.members]
    roles = set(notified.roles)
    for user_id, member in guild.members.items():
        if not member.user.is_bot and (notified.everyone or roles & member.roles):
            reached.append(user_id)
    return list(dict.fromkeys(reached))


class World:
    """The state. Not safe for threads: the stand-in holds its lock around it."""

    def __init__(self, clock: Clock, bot: Author, *, message_content: bool, members_intent: bool) -> None:
        self.clock = clock
        self.bot = bot
        self.message_content = message_content
        self.members_intent = members_intent
        self.shows_audit_log = True
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.webhooks: dict[int, Webhook] = {}
        self.users: dict[int, Author] = {}
        self.dms: dict[int, Channel] = {}
        self.closed_dms: set[int] = set()
        self.new_dms: int | None = None
        self.opened_dms = 0
        self.buttonless: set[int] = set()
        """The channels in which no message may have buttons."""
        self.old_edits: int | None = None
        """How many more edits there may be of messages that are older than an hour, None for any number."""
        self.edits: Counter[int] = Counter()
        """How often each message was edited."""
        self.notifications: list[Notification] = []
        self.role_changes: list[RoleChange] = []
        self._nonces: dict[tuple[int, str], StoredMessage] = {}
        self._ids: set[int] = set()

    def snowflake(self) -> int:
        """A new id that holds the present millisecond, greater than every one before it that is not from later."""
        millisecond = (self.clock() - _EPOCH) // _MILLISECOND
        # Below the time are 22 bits: of worker, process and increment (API reference, Snowflakes).
        new = millisecond << 22
        while new in self._ids:
            new += 1
        self._ids.add(new)
        return new

    def post(
        self,
        channel: Channel,
        author: Author,
        draft: Draft,
        webhook: Webhook | None = None,
        *,
        opens: bool = False,
    ) -> StoredMessage:
        """The message as it was stored, or the earlier one by this author when an enforced nonce says so.

        A channel that it `opens`, a post of a forum, gets its id.
        """
        # Execute Webhook knows no nonce.
        if draft.nonce and draft.enforce_nonce and not webhook:
            earlier = self._nonces.get((author.id, draft.nonce))
            if earlier and self.clock() - earlier.sent_at <= NONCE_WINDOW:
                return earlier
        id_ = self.snowflake()
        channel.id = id_ if opens else channel.id
        message = StoredMessage(
            id=id_,
            channel_id=channel.id,
            author=author,
            content=draft.content,
            embeds=draft.embeds,
            # To the millisecond, as its id has it.
            sent_at=_EPOCH + (self.clock() - _EPOCH) // _MILLISECOND * _MILLISECOND,
            notified=notified_by(draft.content, draft.allowed, () if webhook else self._silent_roles(channel)),
            webhook_id=webhook.id if webhook else None,
            application_id=self.bot.id if author == self.bot else None,
            attachments=tuple(
                StoredAttachment(self.snowflake(), file.filename, len(file.content), file.content_type, file.content)
                for file in draft.files
            ),
            nonce=None if webhook else draft.nonce,
            components=draft.components,
        )
        channel.messages[message.id] = message
        channel.is_archived = False
        self._notify(channel, message)
        if draft.nonce and not webhook:
            self._nonces[author.id, draft.nonce] = message
        return message

    def _silent_roles(self, channel: Channel) -> frozenset[int]:
        """The roles of a channel's guild whose mention by the bot notifies nobody: not anybody may mention them.

        The guild's own id is @everyone, which is mentioned by name alone.
        """
        guild = self.guilds.get(channel.guild_id or 0)
        if guild is None:
            return frozenset()
        may_mention_all = Permission.MENTION_EVERYONE in channel.permissions
        closed = {role.id for role in guild.roles.values() if not role.is_mentionable and not may_mention_all}
        return frozenset(closed | {guild.id})

    def edit(self, channel: Channel, message: StoredMessage, draft: Draft, parts: Container[str]) -> StoredMessage:
        """The message after an edit of the parts that were given; nobody is notified."""
        edited = replace(
            message,
            content=draft.content if "content" in parts else message.content,
            embeds=draft.embeds if "embeds" in parts else message.embeds,
            components=draft.components if "components" in parts else message.components,
            edited_at=self.clock(),
            first=message.as_posted,
        )
        channel.messages[message.id] = edited
        self.edits[message.id] += 1
        return edited

    def _notify(self, channel: Channel, message: StoredMessage) -> None:
        kind: Literal["channel", "dm"] = "channel" if channel.recipient_id is None else "dm"
        for user_id in self._reached(channel, message):
            if user_id != message.author.id:
                self.notifications.append(Notification(message.sent_at, user_id, kind, message))

    def _reached(self, channel: Channel, message: StoredMessage) -> list[int]:
        if channel.recipient_id is not None:
            return [channel.recipient_id]
        return reached_by(message.notified, self.guilds[channel.guild_id]) if channel.guild_id is not None else []

    def open_dm(self, user_id: int) -> Channel:
        """A new channel for direct messages between the bot and a user."""
        id_ = self.snowflake()
        channel = Channel(id_, None, "", Permission.POSTING, ChannelType.DM, recipient_id=user_id)
        self.channels[id_] = self.dms[user_id] = channel
        self.opened_dms += 1
        return channel

    def shares_guild(self, user_id: int) -> bool:
        """Whether a user is in a guild with the bot."""
        return any(user_id in guild.members for guild in self.guilds.values())

    def change_role(
        self, guild: Guild, user_id: int, role_id: int, *, given: bool, reason: str = "", by_bot: bool = False
    ) -> None:
        """Give a member a role or take it, and record it where that changes anything.

        Raise KeyError when the guild has no such member or role.
        """
        roles, role = guild.members[user_id].roles, guild.roles[role_id]
        if (role.id in roles) == given:
            return
        if given:
            roles.add(role.id)
        else:
            roles.remove(role.id)
        id_ = self.snowflake()
        self.role_changes.append(RoleChange(self.clock(), guild.id, user_id, role.id, given, reason, by_bot, id_))

    def remove_channels(self, channel_ids: Iterable[int]) -> None:
        """Remove channels with their threads, and the webhooks that post to them."""
        gone = set(channel_ids)
        gone |= {channel.id for channel in self.channels.values() if channel.parent_id in gone}
        self.channels = {id_: channel for id_, channel in self.channels.items() if id_ not in gone}
        self.dms = {user_id: channel for user_id, channel in self.dms.items() if channel.id not in gone}
        self.webhooks = {id_: hook for id_, hook in self.webhooks.items() if hook.channel_id not in gone}

    def remove_guild(self, guild_id: int) -> None:
        """Remove a guild with its channels."""
        del self.guilds[guild_id]
        self.remove_channels([channel.id for channel in self.channels.values() if channel.guild_id == guild_id])
