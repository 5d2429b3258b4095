"""What a store holds, as records: the ledger, guild settings, the memory of codes, and runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Literal

from giftping.store.errors import StoreAwayError as StoreAwayError
from giftping.store.errors import StoreError as StoreError

SCHEMA_VERSION = 2
"""By which the documents are written. What 0.1.0 wrote is 1."""

HOME_GAME = "whiteout-survival"
"""The game of the older bot: its ledger ids carry no game, so that its databases just work."""


NOT_RECORDED = datetime(1970, 1, 1, tzinfo=UTC)
"""When something happened of which no document says when."""


class EntryState(StrEnum):
    """Where a ledger entry stands on its way out."""

    OPEN = "open"
    """Claimed. What became of it, its delivery says."""
    SENT = "sent"
    SEEDED = "seeded"
    """There at a first look, and not posted."""


EntrySource = Literal["api", "website", "rss", "manual", "migration", "auto"]
"""What kind of place a code came from; "auto" is what the older bot wrote of all of its own."""


def entry_id(guild_id: int, game: str, key: str, number: int = 1) -> str:
    """The id of a ledger entry, in the older bot's form for its own game; `number` is that of the code's round."""
    id_ = f"{guild_id}:{key}" if game == HOME_GAME else f"{guild_id}:{game}:{key}"
    # No key has a `~` in it.
    return id_ if number == 1 else f"{id_}~{number}"


def code_id(game: str, key: str) -> str:
    """The id of what is known of a code."""
    return f"{game}:{key}"


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What is recorded of one code in one guild. All times are aware and in UTC."""

    guild_id: int
    game: str
    key: str
    spelling: str
    source: str
    state: EntryState
    created_at: datetime
    updated_at: datetime
    delivery_id: str = ""
    sent_at: datetime | None = None
    message_id: int | None = None
    channel_id: int | None = None
    number: int = 1
    """Which round of the code it is of."""
    webhook_id: int | None = None
    """The webhook that its message came by."""
    shown: str = ""
    """What its message shows of the code beside the spelling, see codes.showing; empty of an older release."""
    edited_at: datetime | None = None
    """When its message was put right last."""
    host: str = ""
    """Which host has sent its message, or found that it had arrived."""
    edited_by: str = ""
    """Which host has put its message right last."""
    style: Style | None = None
    """In which its message shows it; None where an older release has sent it, with the code in the card alone."""
    mentions: tuple[str, ...] = ()
    """Whom its message mentions."""
    publishing: str = ""
    """Whether its message is to be published, or was: see giftping.codes.entries. Empty where nobody wants that."""

    @property
    def id(self) -> str:
        """The unique id that referees claims."""
        return entry_id(self.guild_id, self.game, self.key, self.number)

    @property
    def happened_at(self) -> datetime | None:
        """When it was sent, or changed last where that is not known; None where nothing says when."""
        at = self.sent_at or self.updated_at
        return None if at == NOT_RECORDED else at


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a guild's announcements go: a webhook by reference, or a channel posted to with the bot token.

    `webhook` is `env:NAME`, `file:PATH` or the URL itself; exactly one of the two is set.
    """

    webhook: str = ""
    channel_id: int | None = None
    thread_id: int | None = None
    """The thread of it that a message goes into, None for the place itself, as a subscription's: see codes.places."""
    opens_post: bool = False
    """Whether a message opens a post of its own there, as in a forum; nor does a subscription's."""

    @property
    def by_webhook(self) -> bool:
        """Whether it is posted to by a webhook, and not by the bot."""
        return bool(self.webhook)


class ChannelKind(StrEnum):
    """What a destination's channel is, as Discord said when it was chosen."""

    TEXT = "text"
    ANNOUNCEMENT = "announcement"
    THREAD = "thread"
    FORUM = "forum"
    MEDIA = "media"


class PostsIn(StrEnum):
    """How announcements become posts where each message needs one, as in a forum."""

    PER_ANNOUNCEMENT = "per-announcement"
    """Each is a post of its own."""
    KEPT = "kept"
    """One post for the game is kept up: the first announcement opens it, the later ones follow in it."""


@dataclass(frozen=True, slots=True)
class Posting:
    """How a subscription's announcements are posted at its destination."""

    kind: ChannelKind | None = None
    """What the channel is; None where nobody has seen that."""
    posts: PostsIn | None = None
    """None where messages need no post."""
    tags: tuple[str, ...] = ()
    """The ids of the tags that its posts get."""
    publishes: bool = False
    """Whether its messages are published to the channels that follow an announcement channel."""
    username: str = ""
    """The name that a webhook posts under; empty for the webhook's own."""
    avatar_url: str = ""
    """The picture beside it, likewise."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A destination that said a lasting no: since when, why, how often, and when to try again (None: never)."""

    since: datetime
    reason: str
    times: int = 1
    retry_at: datetime | None = None
    status: int | None = None
    """Of HTTP; None where an older release, which kept the words alone, noted it."""
    code: int | None = None
    """Discord's own."""


EVERYONE, HERE = "everyone", "here"
"""What a subscription may mention beside roles, as Discord calls them."""


class Style(StrEnum):
    """How much an announcement says of each code."""

    FULL = "full"
    """A field of its own, with all that is known."""
    COMPACT = "compact"
    """One line, so that many stand in one message."""


@dataclass(frozen=True, slots=True)
class Guild:
    """What is known of a guild beside what it follows."""

    guild_id: int
    label: str = ""
    """What people call it."""
    language: str = ""
    """The language of what its members see; empty for that of the settings."""
    title: str = ""
    """What Discord calls it, as far as that was asked."""
    destinations: Mapping[str, str] = field(default_factory=dict)
    """What Discord calls where its announcements go, by what it is called here: `channel 5`, `webhook env:HOOK`."""

    @property
    def shown_as(self) -> str:
        """What to call it beside its id: what people do, else what Discord does; empty where neither is known."""
        return self.label or self.title


@dataclass(frozen=True, slots=True)
class Subscription:
    """One game in one guild: where its announcements go, and whom they mention."""

    guild_id: int
    game: str
    destination: Destination
    created_at: datetime
    updated_at: datetime
    """When its destination was last another one; what checks note of it is not dated."""
    place: int = 0
    """Its place among the games of the guild."""
    mentions: tuple[str, ...] = ()
    """The ids of roles, EVERYONE and HERE."""
    seeded: tuple[str, ...] | None = None
    """The sources whose list it has had its first look at; None before any. What only others list is not posted."""
    addresses: Mapping[str, str] = field(default_factory=dict)
    """By what each of them was known then, where that was noted: at another address it is looked at first again."""
    announce_current: bool = False
    """Whether what is listed at the first look goes out instead of being recorded."""
    broken: Broken | None = None
    """What its destination said, where that was a lasting no."""
    style: Style = Style.FULL
    """How its announcements look."""
    posting: Posting = Posting()
    """How its messages are posted there."""
    kept_post: int | None = None
    """The post of a forum that is kept up for the game; None before there is one."""

    @property
    def key(self) -> tuple[int, str]:
        """Its guild and its game: there is one of both."""
        return self.guild_id, self.game

    def has_looked_at(self, source: str, address: str) -> bool:
        """Whether it has had its first look at a source, at this address where both are known."""
        known = self.addresses.get(source, "")
        return source in (self.seeded or ()) and (not known or not address or known == address)


@dataclass(frozen=True, slots=True)
class SourceMemory:
    """What one source has said of a code, last time it listed it."""

    spelling: str
    first_seen: datetime
    last_seen: datetime
    by: str = ""
    """Who added it, where the source is a person."""


@dataclass(frozen=True, slots=True)
class GuildAddition:
    """What a guild's own people have said of a code, for their guild alone."""

    spelling: str
    at: datetime
    by: str = ""
    rewards: str = ""
    expires_at: datetime | None = None
    expiry_text: str = ""


@dataclass(frozen=True, slots=True)
class Round:
    """A later life of a code: it was issued anew."""

    began_at: datetime
    reason: str = ""
    """Why it is held for a new one."""
    ended_at: datetime | None = None
    """When the round before it had ended; None where it had not, and a person has said so, say."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A source's listing of a code that is doubtful."""

    since: datetime
    reason: str
    until: datetime | None = None
    """When it is released by itself; None where it waits for a person or a second family."""
    released_at: datetime | None = None
    """When it was, None as long as it counts."""
    number: int = 1
    """Which round of the code was listed so."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a person has said of a code: who, and when."""

    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PastRuling:
    """What a person had said of a code, and who has taken it back, and when."""

    said: Literal["approved", "withdrawn"]
    ruling: Ruling
    ended: Ruling


@dataclass(frozen=True, slots=True)
class CodeRecord:
    """What is known of one code of one game."""

    game: str
    key: str
    spelling: str
    first_seen: datetime
    last_seen: datetime
    sources: Mapping[str, SourceMemory] = field(default_factory=dict)
    rewards: str = ""
    expires_at: datetime | None = None
    expiry_text: str = ""
    state: str = ""
    regions: tuple[str, ...] = ()
    rounds: tuple[Round, ...] = ()
    """Those after the first one, oldest first."""
    holds: Mapping[str, Hold] = field(default_factory=dict)
    """By source."""
    withdrawn: Ruling | None = None
    """That it is none."""
    approved: Ruling | None = None
    """That it is one, whatever its listing looks like."""
    latest_end: datetime | None = None
    """The latest end that any source has ever named."""
    shown: str = ""
    """What all messages that announce it are known to show, empty where that is not known."""
    own: Mapping[int, GuildAddition] = field(default_factory=dict)
    """By guild what its own people have said of it."""
    past_rulings: tuple[PastRuling, ...] = ()
    """What people had said of it, and counts no more, oldest first."""

    @property
    def id(self) -> str:
        """The unique id of the record."""
        return code_id(self.game, self.key)

    @property
    def is_for_all(self) -> bool:
        """Whether it is not only known because guilds' own people have added it."""
        return bool(self.sources) or not self.own

    @property
    def number(self) -> int:
        """The number of its present round."""
        return 1 + len(self.rounds)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """The last run of one job on one host; `details` holds plain JSON values."""

    job: str
    host: str
    started_at: datetime
    finished_at: datetime
    exit_code: int
    details: Mapping[str, object] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The unique id of the record."""
        return f"{self.job}@{self.host}"


# A look at a whole collection

READ_AT_ONCE = 10_000
"""So many documents are read whole by each run that may meet them, in a moment; of more, only the odd ones are."""

READ_WHOLE_EVERY = timedelta(days=1)
"""How often a longer collection is read whole."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What a whole look at a collection came to. The names of the fields are keys of a file."""

    store: str
    """What the store is called that it is in."""
    at: datetime
    documents: int
    """How many there were."""
    odd: tuple[str, ...] = ()
    """The ids of those that could not be read: they are looked at by each run until they are mended."""

    @property
    def is_long(self) -> bool:
        """Whether there are too many to be read by each run."""
        return self.documents > READ_AT_ONCE

    def spares(self, store: str, now: datetime) -> bool:
        """Whether the collection of this store need not be read whole now; a look in the future spares nothing."""
        return self.is_long and self.store == store and self.at <= now < self.at + READ_WHOLE_EVERY
