"""The ledger as programs of others see it: what is on record for a guild. Its answers are never empty by mistake."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TypedDict, get_args

from giftping.settings.problems import nearest
from giftping.store.base import HOME_GAME, EntrySource, EntryState, LedgerEntry
from giftping.store.clears import clear_entries
from giftping.store.opening import open_store
from giftping.store.records import Store
from giftping.store.statistics import statistics
from giftping.text import key_of, parse_id

if TYPE_CHECKING:
    from giftping.settings.keys import Settings

GuildId = int | str
"""A guild's id, as a number or as Discord writes it."""


class LedgerStats(TypedDict):
    """The numbers of a guild, by the keys of `giftping codes stats --json`; all of them are always there."""

    total: int
    """How many codes were sent."""
    last_code: str | None
    """The one that was sent last, as it is spelled."""
    last_sent_at: datetime | None
    """When that was; aware, in UTC. None, too, where an older bot has not written when."""
    states: dict[str, int]
    """How many codes are on record in each state: `open`, `sent`, `seeded`, `uncertain`, `given_up`."""
    sources: dict[str, int]
    """How many codes were sent from each kind of place, the most frequent first."""


class StoreOpener(Protocol):
    """What opens the store that the ledger is kept in."""

    def __call__(self, *, read_only: bool) -> Store:
        """The store, open. Raise StoreError when it cannot be read."""


class Ledger:
    """What is on record for each guild. May be used from several threads; giftping may be at work meanwhile.

    A code counts as sent as soon as it is on record for the guild, in whichever state: nobody is to announce it again
    now. Codes come back as keys: trimmed, in capitals.

    A guild's id is a number or a text of digits. `game` is the game's name in the settings, without it the one that the
    older bot was for. Raise ValueError for what is no guild's id, an unknown game, or a code that is none, such as an
    empty one; then nothing was asked or written. Raise StoreError when the ledger could not be read or written.

    What calls cost is said in queries to MongoDB, to which the first one of a ledger adds a look at the schema. A JSON
    file is asked in memory.
    """

    def __init__(self, opener: StoreOpener, games: Collection[str], clock: Callable[[], datetime]) -> None:
        self._opener = opener
        self._games = games
        self._clock = clock
        self._opened = ExitStack()
        # Whoever only asks leaves no trace: no folder is made, and no host that others would have to know of.
        self._store = self._opened.enter_context(opener(read_only=True))
        self._may_write = False
        self._lock = Lock()

    @property
    def name(self) -> str:
        """Which ledger it is: the path of the file, or MongoDB's database and hosts, without a secret. No query."""
        return self._store.name

    @property
    def notices(self) -> tuple[str, ...]:
        """What whoever reads the answers should know, such as that MongoDB is away and its mirror answers. No query.

        An entry that the numbers of a guild skipped because it cannot be read is named here, too.
        """
        return (*self._store.notices, *self._store.odd)

    def close(self) -> None:
        """Release what is open; safe to call twice. Raise StoreError when the file could not be brought up to date."""
        self._end()
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()
        self._opened.__exit__(exception_type, exception, traceback)

    def sent_codes(self, guild: GuildId, *, game: str = HOME_GAME) -> set[str]:
        """The keys of all codes that count as sent in a guild. One query for up to 10,000 codes."""
        return set(self._store.keys(_guild_id(guild), self._known(game)))

    def is_sent(self, guild: GuildId, code: str, *, game: str = HOME_GAME) -> bool:
        """Whether a code counts as sent in a guild. One query, by the entry's id."""
        return any(self.which_sent(guild, [code], game=game).values())

    def which_sent(self, guild: GuildId, codes: Iterable[str], *, game: str = HOME_GAME) -> dict[str, bool]:
        """For the key of each of the codes whether it counts as sent in a guild. One query, however many they are."""
        guild_id, game, keys = _guild_id(guild), self._known(game), list(_spellings_by_key(codes))
        recorded = self._store.recorded(game, keys, [guild_id])[guild_id] if keys else frozenset()
        return {key: key in recorded for key in keys}

    def mark_sent(
        self, guild: GuildId, codes: Iterable[str], *, source: EntrySource = "manual", game: str = HOME_GAME
    ) -> set[str]:
        """The keys of those codes that were not on record yet, and are now, as sent.

        What is on record already stays as it is: its state, its source, when it was sent. Where this raises StoreError
        some may have been recorded; the same call again does the rest. Raise ValueError for an unknown source, too.

        One query, a write, however many they are. With MongoDB the first write of a ledger brings this host's mirror in
        step before it, as every run of giftping does.
        """
        if source not in get_args(EntrySource):
            raise ValueError(
                f"there is no source {source!r}; {nearest(source, get_args(EntrySource), otherwise='one of')}"
            )
        guild_id, game, now = _guild_id(guild), self._known(game), self._clock()
        entries = [
            LedgerEntry(guild_id, game, key, spelling, source, EntryState.SENT, now, now, sent_at=now)
            for key, spelling in _spellings_by_key(codes).items()
        ]
        if not entries:
            return set()
        added = self._writing().insert(entries)
        return {entry.key for entry in entries if entry.id in added}

    def stats(self, guild: GuildId, *, game: str = HOME_GAME) -> LedgerStats:
        """The numbers of a guild; for an empty one the same keys. One query for up to 10,000 codes, and a small one.

        One more where something is under way.
        """
        guild_id = _guild_id(guild)
        entries = self._entries(guild_id, self._known(game))
        numbers = statistics(entries, UTC, self._store.unclear(guild_id), self._store.given_up(entries))
        last = numbers.last
        return {
            "total": numbers.total,
            "last_code": last.spelling if last else None,
            "last_sent_at": last.happened_at if last else None,
            "states": numbers.states,
            "sources": numbers.sources,
        }

    def clear(self, guild: GuildId, *, game: str = HOME_GAME) -> int:
        """How many codes of a guild were forgotten; nobody is asked. What is still listed goes out again.

        What is under way, or uncertain, stays: it would go out twice.
        That it was cleared, and when, is recorded, for `giftping codes explain`. One query as for `sent_codes`; where
        there is something to clear five more, one more where something is under way, and what the first write of a
        ledger takes.
        """
        guild_id, game = _guild_id(guild), self._known(game)
        if not self._store.keys(guild_id, game):
            return 0
        # No witness of the time is asked here, and the clock may be wrong: what there is to clear says how late it is.
        at = self._clock()
        times = [max(one.sent_at or one.created_at, one.updated_at) for one in self._entries(guild_id, game)]
        before = max(times, default=at) + timedelta(microseconds=1)
        return clear_entries(self._writing(), guild_id, game=game, key=None, at=at, before=before)

    def _entries(self, guild_id: int, game: str) -> list[LedgerEntry]:
        return [entry for entry in self._store.entries(guild_id) if entry.game == game]

    def _known(self, game: str) -> str:
        # A misspelled game would have no codes on record, which reads as "send them all".
        if game != HOME_GAME and game not in self._games:
            raise ValueError(f"there is no game {game!r}; {nearest(game, self._games)}")
        return game

    def _end(self) -> None:
        with self._lock:
            # No other store is opened any more: the one that is closed is asked, and says that it is.
            self._may_write = True

    def _writing(self) -> Store:
        with self._lock:
            if not self._may_write:
                # The one for reading stays open, as another thread may be at it. From now on one store answers all
                # questions: while MongoDB comes and goes, two would not agree on what was just written.
                self._store = self._opened.enter_context(self._opener(read_only=False))
                self._may_write = True
            return self._store


def ledger_of(settings: Settings) -> Ledger:
    """The ledger that the settings name. Raise StoreError when it cannot be opened."""

    def now() -> datetime:
        return datetime.now(UTC)

    def opener(*, read_only: bool) -> Store:
        return open_store(settings, clock=now, read_only=read_only)

    return Ledger(opener, settings.games, now)


def _guild_id(guild: GuildId) -> int:
    try:
        return parse_id(guild)
    except ValueError as error:
        raise ValueError(f"the guild {error}") from None


def _spellings_by_key(codes: Iterable[str]) -> dict[str, str]:
    """The first spelling of each code, trimmed, by key. Raise TypeError for a text alone, ValueError for no codes."""
    if isinstance(codes, str):
        # Python would take it for a list of its letters.
        raise TypeError(f"codes is a text, not a list of texts: write [{codes!r}]")
    if not isinstance(codes, Iterable):
        raise TypeError(f"codes is {codes!r}, not a list of texts")
    spellings: dict[str, str] = {}
    for spelling in codes:
        if not isinstance(spelling, str):
            raise TypeError(f"a code is a text, not {spelling!r}")
        key = key_of(spelling)
        # In the ids of entries `:` stands before a game and before a code, and `~` before a number; half a character,
        # which MongoDB cannot store, is not printable either.
        if not key or not key.isprintable() or ":" in key or "~" in key:
            raise ValueError(f"{spelling!r} is no code: it is empty, or has a character in it that no code has")
        spellings.setdefault(key, spelling.strip())
    return spellings
