"""A stand-in Discord on loopback: it keeps messages, rules and rate limits as Discord does, and fails when told to."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from giftping.delivery.clock import Clock
from giftping.demo import faults
from giftping.demo.answering import API, Answering, Validate
from giftping.demo.clock import ShiftedClock
from giftping.demo.faults import Fault, FaultPlan, Planned
from giftping.demo.log import ANY, Log, Logged, Match, visible_codes
from giftping.demo.loopback import LoopbackServer, StandIn
from giftping.demo.people import People
from giftping.demo.ratelimits import Limits
from giftping.demo.rules import draft_of
from giftping.demo.threads import archive
from giftping.demo.world import (
    Author,
    Channel,
    ChannelType,
    Guild,
    Member,
    Permission,
    Role,
    StoredMessage,
    Tag,
    Webhook,
    World,
)

ENFORCED = Limits()


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message that arrived: where, and the codes it shows."""

    channel_id: int
    codes: tuple[str, ...]


class StandInDiscord(StandIn, People):
    """Discord's REST API under `.api` while it is open; see `fail` for how to make it misbehave.

    `clock` is its own clock, by which nonces are forgotten and windows of rate limits end. `limits` is what is
    enforced, None for nothing. `message_content` and `members_intent` are the bot's privileged intents. `validate`
    sees every request body; what it finds is kept in `.violations` and not answered. `respond` is the reply to one
    request, for whoever asks without a socket.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        validate: Validate | None = None,
        limits: Limits | None = ENFORCED,
        message_content: bool = False,
        members_intent: bool = False,
        bot_token: str = "stand-in-token",
        bot_id: int = 4_000_000_000_000_000_001,
    ) -> None:
        self.clock = clock or ShiftedClock()
        self.bot_token = bot_token
        bot = Author(bot_id, "giftping")
        self._world = World(self.clock, bot, message_content=message_content, members_intent=members_intent)
        self._plan: FaultPlan[Logged] = FaultPlan()
        self._log = Log()
        self._lock = threading.RLock()
        answering = Answering(
            self._world, self._log, self._plan, self._lock, bot_token=bot_token, limits=limits, validate=validate
        )
        self.respond = answering.respond
        self._server = LoopbackServer(self.respond)

    @property
    def api(self) -> str:
        """The base URL of the API. Raise RuntimeError when the stand-in is not open."""
        return self._server.url + API

    # Setting the stage

    @property
    def bot_id(self) -> int:
        """The bot's user id, which is its application's id too."""
        return self._world.bot.id

    @property
    def message_content(self) -> bool:
        """Whether the bot has the MESSAGE_CONTENT intent."""
        return self._world.message_content

    @message_content.setter
    def message_content(self, granted: bool) -> None:
        self._world.message_content = granted

    def add_guild(self, guild_id: int, *, name: str = "") -> None:
        """Add a guild that the bot is in; the bot may do nothing with its members and roles, see `set_bot`."""
        everyone = Role(guild_id, "@everyone", position=0)
        bot = Member(self._world.bot, self.clock())
        with self._lock:
            guild = Guild(guild_id, name or f"guild {guild_id}", {guild_id: everyone}, {bot.user.id: bot})
            self._world.guilds[guild_id] = guild

    def add_channel(
        self,
        channel_id: int,
        guild_id: int,
        *,
        permissions: Permission = Permission.POSTING,
        name: str = "gift-codes",
        type: ChannelType = ChannelType.TEXT,  # noqa: A002  # Discord's word for it
        parent_id: int | None = None,
        tags: Sequence[Tag] = (),
        wants_tag: bool = False,
    ) -> None:
        """Add a channel to a guild, with what the bot may do in it; a thread has a parent, a forum may have tags."""
        with self._lock:
            guild = self._world.guilds[guild_id]
            channel = Channel(channel_id, guild.id, name, permissions, type, parent_id)
            channel.tags, channel.wants_tag = tuple(tags), wants_tag
            self._world.channels[channel_id] = channel

    def set_permissions(self, channel_id: int, permissions: Permission) -> None:
        """Change what the bot may do in a channel."""
        with self._lock:
            self._world.channels[channel_id].permissions = permissions

    def add_webhook(self, webhook_id: int, token: str, channel_id: int) -> None:
        """Add a webhook to a channel."""
        with self._lock:
            channel = self._world.channels[channel_id]
            self._world.webhooks[webhook_id] = Webhook(webhook_id, token, channel.id, "Gift codes")

    def webhook_url(self, webhook_id: int) -> str:
        """A webhook's URL, which holds its token."""
        return f"{self.api}/webhooks/{webhook_id}/{self._world.webhooks[webhook_id].token}"

    def add_message(
        self, channel_id: int, content: str, *, author_id: int = 77, embeds: Sequence[Mapping[str, Any]] = ()
    ) -> int:
        """The id of a message that somebody else writes into a channel."""
        draft = draft_of({"content": content, "embeds": list(embeds)})
        with self._lock:
            author = self._world.users.setdefault(author_id, Author(author_id, f"user-{author_id}", is_bot=False))
            return self._world.post(self._world.channels[channel_id], author, draft).id

    def remove_message(self, channel_id: int, message_id: int) -> None:
        """Delete a message."""
        with self._lock:
            del self._world.channels[channel_id].messages[message_id]

    def archive(self, thread_id: int) -> None:
        """Archive a thread."""
        with self._lock:
            archive(self._world, self._world.channels[thread_id], archived=True)

    def lock(self, thread_id: int) -> None:
        """Lock a thread."""
        with self._lock:
            self._world.channels[thread_id].is_locked = True

    def posts(self, forum_id: int) -> list[Channel]:
        """The posts of a forum, or the threads of another channel, oldest first."""
        with self._lock:
            found = [channel for channel in self._world.channels.values() if channel.parent_id == forum_id]
        return sorted(found, key=lambda channel: channel.id)

    def refuse_buttons(self, channel_id: int) -> None:
        """Take no message with buttons into a channel from now on."""
        with self._lock:
            self._world.buttonless.add(channel_id)

    def allow_old_edits(self, count: int | None) -> None:
        """Let there be so many more edits of messages that are older than an hour, None for any number."""
        with self._lock:
            self._world.old_edits = count

    @property
    def edits(self) -> Counter[int]:
        """How often each message was edited."""
        with self._lock:
            return Counter(self._world.edits)

    def remove_webhook(self, webhook_id: int) -> None:
        """Delete a webhook."""
        with self._lock:
            del self._world.webhooks[webhook_id]

    def remove_channel(self, channel_id: int) -> None:
        """Delete a channel with its webhooks."""
        with self._lock:
            self._world.remove_channels([channel_id])

    def remove_guild(self, guild_id: int) -> None:
        """Take the bot out of a guild, which takes the guild's channels out of its sight."""
        with self._lock:
            self._world.remove_guild(guild_id)

    # Failing

    def fail(self, with_: Fault, *, match: Match = ANY, times: int | None = 1, after: bool = False) -> Planned[Logged]:
        """Plan a fault: on the next `times` matching requests (None: all), before or after they are carried out.

        Faults planned earlier strike earlier; one request meets at most one before and one after.
        """
        return self._plan.add(Planned(with_, match.takes, match.nth, times, after))

    def call(
        self, function: Callable[[], object], *, match: Match = ANY, times: int | None = 1, after: bool = False
    ) -> Planned[Logged]:
        """Plan a call of a function before or after matching requests are carried out; they then go on as usual."""
        return self.fail(faults.call(function), match=match, times=times, after=after)

    def unspent_faults(self) -> list[str]:
        """The names of the planned faults that have not struck as often as planned."""
        return [planned.fault.name for planned in self._plan.unspent()]

    def clear_faults(self) -> None:
        """Forget every planned fault."""
        self._plan.clear()

    # Looking

    def messages(self, channel_id: int) -> list[StoredMessage]:
        """The messages that stand in a channel, oldest first."""
        with self._lock:
            return list(self._world.channels[channel_id].messages.values())

    def written(self, channel_id: int) -> list[StoredMessage]:
        """The messages that stand in a channel as they were posted, oldest first, each as often as it was written.

        A repeat under the same nonce counts, though Discord makes one message of both, unless it can only be there to
        settle what became of the first: see `Writings`.
        """
        with self._lock:
            return [
                message.as_posted
                for message in self._world.channels[channel_id].messages.values()
                for _ in range(1 + self._log.writings.again[message.nonce or ""])
            ]

    def arrived(self) -> list[Arrival]:
        """Every message of the bot and of webhooks in any channel, oldest first, each as often as it was written."""
        with self._lock:
            written = [message for channel_id in self._world.channels for message in self.written(channel_id)]
        sent = sorted((message for message in written if message.author.is_bot), key=lambda message: message.id)
        return [Arrival(message.channel_id, visible_codes(message)) for message in sent]

    @property
    def written_again(self) -> Counter[str]:
        """How often each nonce was written again by one who had nothing to settle."""
        with self._lock:
            return Counter(self._log.writings.again)

    @property
    def requests(self) -> list[Logged]:
        """Every request to a known endpoint, in the order of arrival."""
        with self._lock:
            return list(self._log.requests)

    def count(self, match: Match = ANY) -> int:
        """How many requests match; its `nth` does not matter."""
        return sum(match.takes(logged) for logged in self.requests)

    @property
    def unexpected(self) -> list[str]:
        """Requests that the stand-in is not built for: `PUT /somewhere`."""
        return list(self._log.unexpected)

    @property
    def violations(self) -> list[str]:
        """What `validate` found in request bodies."""
        return list(self._log.violations)

    @property
    def limited(self) -> Counter[str]:
        """How many 429 the limits provoked, by scope; those of planned faults are not among them."""
        return Counter(self._log.limited)

    @property
    def connections(self) -> int:
        """How many connections were accepted."""
        return self._server.connections
