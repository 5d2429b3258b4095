"""What a store holds, as records: the ledger, guild settings, the memory of codes, and runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from giftping.store.errors import StoreAwayError as StoreAwayError
from giftping.store.errors import StoreError as StoreError

SCHEMA_VERSION = 1

HOME_GAME = "whiteout-survival"
"""The game of the older bot: its ledger ids carry no game, so that its databases just work."""


class EntryState(StrEnum):
    """Where a ledger entry stands on its way out."""

    CLAIMED = "claimed"
    SENT = "sent"
    UNCERTAIN = "uncertain"
    SEEDED = "seeded"


EntrySource = Literal["api", "website", "rss", "manual", "migration", "auto"]
"""What kind of place a code came from; "auto" is what the older bot wrote of all of its own."""


def entry_id(guild_id: int, game: str, key: str) -> str:
    """The id of a ledger entry, in the older bot's form for its own game."""
    return f"{guild_id}:{key}" if game == HOME_GAME else f"{guild_id}:{game}:{key}"


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
    claimed_by: str = ""
    claimed_at: datetime | None = None
    sent_at: datetime | None = None
    message_id: int | None = None
    channel_id: int | None = None

    @property
    def id(self) -> str:
        """The unique id that referees claims."""
        return entry_id(self.guild_id, self.game, self.key)


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
class GuildRecord:
    """The settings of one guild.

    `seeded` maps a game to the sources whose list of that game this guild has had its first look at;
    a code that only other sources list is recorded as seeded instead of posted. Games in
    `announce_current` skip that: their present codes go out.
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


@dataclass(frozen=True, slots=True)
class SourceMemory:
    """What one source has said of a code, last time it listed it."""

    spelling: str
    first_seen: datetime
    last_seen: datetime


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

    @property
    def id(self) -> str:
        """The unique id of the record."""
        return f"{self.game}:{self.key}"


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
