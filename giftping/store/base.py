"""What a store is: the ledger, guild settings, the memory of codes, and run records. One contract, many stores."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Protocol, Self

from giftping.store.changes import Change as Change
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
    """The `_id` of a ledger entry, in the older bot's form for its own game."""
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
        """The unique `_id` that referees claims."""
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
        """The unique `_id` of the record."""
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
        """The unique `_id` of the record."""
        return f"{self.job}@{self.host}"


class Store(Protocol):
    """The contract every store keeps, held by `tests/contract`.

    Every method raises StoreError when the store cannot be read or written: an error is never an empty
    answer. A method that returns has made its change durable. Stores may be used from several threads, and
    several processes may have the same store open at once.
    """

    @property
    def name(self) -> str:
        """What to call the store in messages; holds no secret."""

    @property
    def closed_fingerprint(self) -> str | None:
        """A token of what the store held when this object closed it; None when it may hold more than this one saw."""

    @property
    def notices(self) -> Sequence[str]:
        """What to tell the user of the store itself, such as that a part of it is away."""

    @property
    def is_away(self) -> bool:
        """Whether a shared store could not be reached, so that its mirror is asked; never of a store of its own."""

    @property
    def held_back(self) -> str:
        """Why nothing is to be claimed or sent now, codes and TODOs alike; empty where it may be.

        It is asked after the write of a claim, too: that may be what notices that a shared store is away.
        """

    def close(self) -> None:
        """Release what the store holds open; safe to call twice."""

    def __enter__(self) -> Self: ...

    def __exit__(self, exception_type: type[BaseException] | None, *exc_info: object) -> None: ...

    # The ledger

    def recorded(self, game: str, keys: Collection[str], guild_ids: Collection[int]) -> Mapping[int, frozenset[str]]:
        """Those of the keys, for each of the guilds, that have an entry in any state. One query."""

    def insert(self, entries: Sequence[LedgerEntry]) -> frozenset[str]:
        """Add the entries whose id is free and return those ids; an existing entry is left as it is."""

    def mark_sent(
        self, delivery_id: str, ids: Collection[str], *, message_id: int | None, channel_id: int | None, at: datetime
    ) -> int:
        """Make the delivery's claimed or uncertain entries sent and return how many there were."""

    def mark_uncertain(self, delivery_id: str, ids: Collection[str], *, at: datetime) -> int:
        """Make the delivery's claimed entries uncertain and return how many there were."""

    def release(self, delivery_id: str, ids: Collection[str]) -> int:
        """Remove the delivery's claimed or uncertain entries, so that a later run may claim them again."""

    def take_over(
        self,
        delivery_id: str,
        ids: Collection[str],
        *,
        held_by: str,
        held_since: datetime,
        by: str,
        at: datetime,
    ) -> bool:
        """Re-date a delivery's claimed or uncertain entries to a new owner; all of them become claimed.

        Return False, with nothing changed, unless all of them are still held by `held_by` since `held_since`.
        """

    def entry(self, guild_id: int, game: str, key: str) -> LedgerEntry | None:
        """One entry, None where there is none."""

    def entries(self, guild_id: int | None = None, states: Collection[EntryState] = ()) -> Iterator[LedgerEntry]:
        """The entries of one guild or of all, in any state or in the given ones, oldest first."""

    def clear(self, guild_id: int, *, game: str | None = None, key: str | None = None) -> int:
        """Remove a guild's entries, of one game or code where given, and return how many there were."""

    # Guild settings

    def guilds(self) -> list[GuildRecord]:
        """All guilds, by ascending id."""

    def guild(self, guild_id: int) -> GuildRecord | None:
        """One guild, None where it is not known."""

    def put_guild(self, guild: GuildRecord) -> None:
        """Write a guild's settings whole."""

    def remove_guild(self, guild_id: int) -> bool:
        """Remove a guild's settings, keep its ledger, and return whether it was there."""

    def note_seeded(self, guild_id: int, game: str, sources: Collection[str], *, announced: bool = False) -> None:
        """Add sources to those the guild has had a first look at; `announced` ends `announce_current` for the game."""

    def note_broken(self, guild_id: int, destination: Destination, broken: Broken | None) -> None:
        """Record that the destination is broken, or works again; nothing if the guild has moved elsewhere."""

    # The memory of codes

    def codes(self, game: str | None = None) -> list[CodeRecord]:
        """The records of the codes of one game or of all, newest `first_seen` first, then by id."""

    def remember(self, codes: Sequence[CodeRecord]) -> None:
        """Merge records into the memory.

        Sources are joined, the earliest `first_seen` and the latest `last_seen` are kept, for the record
        and for each of its sources; everything else is taken from the new record.
        """

    # Run records

    def record_run(self, run: RunRecord) -> None:
        """Write the last run of a job on a host."""

    def runs(self) -> list[RunRecord]:
        """The last run of each job on each host, by id."""

    # Documents as they are stored: for moving data between stores, and for those that no record stands for

    def documents(self, collection: str) -> Iterator[Mapping[str, Any]]:
        """A collection's documents as they are, of whatever shape; nothing where there is no such collection."""

    def stored_ids(self, collection: str, ids: Collection[str]) -> frozenset[str]:
        """Those of the ids that have a document in the collection. One query."""

    def insert_documents(self, collection: str, documents: Sequence[Mapping[str, Any]]) -> frozenset[str]:
        """Add the documents whose `_id` is free and return those ids; an existing one is left as it is.

        The ids are texts. One write, however many they are.
        """

    def documents_of(self, collection: str, ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
        """The documents with these ids, by id. One query."""

    def documents_where(self, collection: str, field: str, value: str) -> list[Mapping[str, Any]]:
        """The documents whose top-level field is the text, by `_id`. One query."""

    def change_documents(
        self, collection: str, changes: Sequence[Change], *, guard: Collection[str] = ()
    ) -> frozenset[str]:
        """Make those changes whose document is still as it was read, and return the ids of what was changed.

        It is when it holds what `before` holds in `rev` and in the guarded fields (a missing field is as good as
        null, 5 and 5.0 are equal); without a `before`, when its id is free. A document that is gone stays gone.
        Only the top-level fields that differ are written, so that what somebody else has added since stays. What
        was changed has a new `rev`: a second change from the same `before` fails. One write, however many they are.

        Raise ValueError, with nothing changed, for two changes of one document.
        """

    def remove_documents(self, collection: str, ids: Collection[str]) -> frozenset[str]:
        """Remove documents and return the ids of those that were there."""


class SharedStore(Store, Protocol):
    """A store that several hosts share, each with a mirror: what it takes to bring the two in step."""

    def change_documents(
        self, collection: str, changes: Sequence[Change], *, guard: Collection[str] = (), rev: str = ""
    ) -> frozenset[str]:
        """Make changes as every store does; `rev`, where given, is the one that the documents get."""

    def adopt(self, entries: Sequence[LedgerEntry], *, host: str) -> frozenset[str]:
        """Put entries in place where their id is free or held open by the host itself; return the ids put.

        What others hold, and what is sent or seeded, is left as it is.
        """

    def drop_open(self, ids: Collection[str], *, host: str) -> int:
        """Remove those of the entries that the host itself holds open, and return how many there were."""

    def clear_before(self, guild_id: int, *, game: str | None, key: str | None, before: datetime) -> int:
        """Remove a guild's entries as `clear` does, but only those made before an instant."""

    def changed_since(self, since: datetime | None) -> Iterator[Sequence[LedgerEntry]]:
        """The entries that were written since then, or all of them, in parts."""

    def tell_mirrors(self) -> None:
        """Change `revision`: entries came or went in a way that `changed_since` does not show to other hosts."""

    def revision(self) -> int:
        """A number; once it has changed, a mirror is to be compared with the whole ledger."""

    def glance(self, host: str) -> str:
        """A token of what others may have left for this host to do; equal tokens mean nothing. One round trip.

        It covers the guilds, the claims of others, what was cleared, the codes that were added by hand, and what others
        wrote into the ledger, which the mirror is to follow.
        """
