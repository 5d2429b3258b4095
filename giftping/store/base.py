"""What a store holds, as records: the ledger, guild settings, the memory of codes, and runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from giftping.store.errors import StoreAwayError as StoreAwayError
from giftping.store.errors import StoreError as StoreError

SCHEMA_VERSION = 2
"""By which the documents are written: see giftping.store.schema. What 0.1.0 wrote is 1."""

HOME_GAME = "whiteout-survival"
"""The game of the older bot: its ledger ids carry no game, so that its databases just work."""


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

    @property
    def id(self) -> str:
        """The unique id that referees claims."""
        return entry_id(self.guild_id, self.game, self.key, self.number)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a guild's announcements go: a webhook by reference, or a channel posted to with the bot token.

    `webhook` is `env:NAME`, `file:PATH` or the URL itself; exactly one of the two is set.
    """

    webhook: str = ""
    channel_id: int | None = None


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


@dataclass(frozen=True, slots=True)
class Subscription:
    """One game in one guild."""

    guild_id: int
    game: str
    destination: Destination
    created_at: datetime
    updated_at: datetime
    """When its destination was last another one; what checks note of it is not dated."""
    place: int = 0
    """Its place among the games of the guild."""
    mention_role_id: int | None = None
    seeded: tuple[str, ...] | None = None
    """The sources whose list this guild has had its first look at; None before any."""
    announce_current: bool = False
    """Whether what is listed at the first look goes out instead of being recorded."""
    broken: Broken | None = None


@dataclass(frozen=True, slots=True)
class GuildRecord:
    """The settings of one guild, made of its subscriptions: so far they have one destination and one mention.

    `seeded` maps a game to the sources whose list of that game this guild has had its first look at;
    a code that only other sources list is recorded as seeded instead of posted. Games in
    `announce_current` skip that: their present codes go out. Of games that it does not follow nothing is kept.
    """

    guild_id: int
    destination: Destination
    games: tuple[str, ...]
    created_at: datetime
    updated_at: datetime
    mention_role_id: int | None = None
    seeded: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    announce_current: tuple[str, ...] = ()
    broken: Broken | None = None
    label: str = ""
    """What people call it."""


@dataclass(frozen=True, slots=True)
class SourceMemory:
    """What one source has said of a code, last time it listed it."""

    spelling: str
    first_seen: datetime
    last_seen: datetime


@dataclass(frozen=True, slots=True)
class Round:
    """A later life of a code: it had ended, and was issued anew."""

    began_at: datetime
    reason: str = ""
    """Why it is held for a new one."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A source's listing of a code that is doubtful."""

    since: datetime
    reason: str
    until: datetime | None = None
    """When it is released by itself; None where it waits for a person or a second family."""


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A person has said that a code is none."""

    by: str
    at: datetime


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
    withdrawn: Withdrawn | None = None

    @property
    def id(self) -> str:
        """The unique id of the record."""
        return f"{self.game}:{self.key}"

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
