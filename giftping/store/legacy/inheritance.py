"""What all old documents together come to: the ledger of each guild, guild settings, codes. No I/O."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from datetime import datetime

from giftping.store.base import HOME_GAME, CodeRecord, Destination, EntryState, LedgerEntry, Subscription
from giftping.store.legacy.shapes import EVERYWHERE, STATE, Known, Read, Reported, better, code_known


class Inheritance:
    """Gathers what old documents say, in any order, and makes giftping's records of it.

    What counts everywhere counts for every guild that has a channel or a history of its own.
    """

    def __init__(self) -> None:
        self.reported: list[Reported] = []
        self._by_guild: dict[int, dict[str, Known]] = {}
        self._everywhere: dict[str, Known] = {}
        self._channels: dict[int, int] = {}
        self._codes: dict[str, CodeRecord] = {}
        self._lost: set[int | None] = set()
        self._torn: set[int | None] = set()

    def add(self, read: Read) -> None:
        """Take in what one document says. Of two channels for one guild the first stays, and it is reported."""
        self.reported.extend(read.reported)
        self._lost |= read.lost
        self._torn |= read.torn
        for guild_id, known in read.known.items():
            if guild_id is None:
                _merge(self._everywhere, known)
            elif known:
                _merge(self._by_guild.setdefault(guild_id, {}), known)
        for guild_id, channel_id in read.channels.items():
            first = self._channels.setdefault(guild_id, channel_id)
            if first != channel_id:
                why = f"the guild has channel {first} already, from what was read first"
                self.reported.append(Reported(f"{STATE}: channels: {guild_id}", str(channel_id), why))
        if read.code is not None:
            self._codes.setdefault(read.code.id, read.code)

    @property
    def guild_ids(self) -> list[int]:
        """The guilds that have a channel or a history, ascending."""
        return sorted(self._by_guild.keys() | self._channels.keys())

    def count(self, guild_id: int) -> int:
        """How many codes are known in a guild."""
        return len(self._everywhere.keys() | self._by_guild.get(guild_id, {}).keys())

    def entries(self, guild_id: int, now: datetime) -> list[LedgerEntry]:
        """The ledger of one guild, by key; times that no document states are `now`."""
        merged = dict(self._by_guild.get(guild_id, {}))
        _merge(merged, self._everywhere.values())
        return [_entry(guild_id, merged[key], now) for key in sorted(merged)]

    def subscriptions(self, now: datetime, game_sources: Collection[str]) -> list[Subscription]:
        """What the guilds follow that have a channel: the game that all of them came with.

        A guild in which codes are known is past its first look: what any of the game's sources lists beyond
        them is new. One in which none is known, as the first release left it, gets its first look; so does one of whose
        codes some cannot be read. One whose list cannot be read at all has none: see `left_out`.
        """
        looked_at = tuple(sorted(game_sources))
        return [
            Subscription(
                guild_id=guild_id,
                game=HOME_GAME,
                destination=Destination(channel_id=channel_id),
                created_at=now,
                updated_at=now,
                seeded=looked_at if looked_at and self.count(guild_id) and not self._is_torn(guild_id) else None,
            )
            for guild_id, channel_id in sorted(self._channels.items())
            if not self._is_lost(guild_id)
        ]

    def left_out(self) -> list[Reported]:
        """The guilds whose settings are not taken over, as nobody knows what went there: a person has to decide."""
        return [
            Reported(
                f"guild {guild_id}",
                f"channel {channel_id}",
                "not taken over: what was sent there cannot be read. Mend it and migrate again, or, to begin with what"
                f" is new from now on: {add_command(guild_id, str(channel_id))}",
            )
            for guild_id, channel_id in self.without_history()
        ]

    def without_history(self) -> list[tuple[int, int]]:
        """The guilds whose list of what was sent cannot be read, each with its channel."""
        return [
            (guild_id, channel_id) for guild_id, channel_id in sorted(self._channels.items()) if self._is_lost(guild_id)
        ]

    def _is_lost(self, guild_id: int) -> bool:
        return not {guild_id, None}.isdisjoint(self._lost)

    def _is_torn(self, guild_id: int) -> bool:
        return not {guild_id, None}.isdisjoint(self._torn)

    def codes(self, now: datetime) -> list[CodeRecord]:
        """The records of the codes, by id: also of what went to a guild alone, which is no news where it is listed."""
        merged: dict[str, Known] = {}
        for known in (self._everywhere, *self._by_guild.values()):
            _merge(merged, known.values())
        sent = (code_known(one.spelling, one.times.created_at or one.times.sent_at or now) for one in merged.values())
        codes = {code.id: code for code in sent} | self._codes
        return [codes[id_] for id_ in sorted(codes)]

    def fingerprint(self) -> str:
        """A token of what is known where: the same for the same old data in any order."""
        digest = hashlib.sha256()
        for guild_id, known in (*sorted(self._by_guild.items()), (EVERYWHERE, self._everywhere)):
            digest.update(f"{guild_id}\0{sorted(known)}\0".encode())
        # What is mended is to go over, though no code came to it.
        unread = sorted(map(str, self._lost)), sorted(map(str, self._torn))
        if any(unread):
            digest.update(f"{unread}\0".encode())
        digest.update(f"{sorted(self._channels.items())}\0{sorted(self._codes)}".encode())
        return digest.hexdigest()[:16]


def add_command(guild_id: int, channel: str) -> str:
    """The command by which a guild begins with what is new from then on."""
    return f"giftping guilds add {guild_id} --channel {channel} --game {HOME_GAME}"


def _merge(into: dict[str, Known], more: Iterable[Known]) -> None:
    for known in more:
        key = known.key
        into[key] = better(known, into[key]) if key in into else known


def _entry(guild_id: int, known: Known, now: datetime) -> LedgerEntry:
    times, is_sent = known.times, known.state is EntryState.SENT
    created_at = times.created_at or times.sent_at or times.updated_at or now
    sent_at = times.sent_at or times.updated_at or created_at
    return LedgerEntry(
        guild_id=guild_id,
        game=HOME_GAME,
        key=known.key,
        spelling=known.spelling,
        source=known.source,
        state=known.state,
        created_at=created_at,
        updated_at=times.updated_at or (sent_at if is_sent else created_at),
        sent_at=sent_at if is_sent else None,
    )
