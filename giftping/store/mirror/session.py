"""One session with MongoDB: how it begins, what it tells the others that it writes, and how it ends."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from threading import Lock

from giftping.store.base import StoreAwayError, StoreError
from giftping.store.documents import META, MIRROR
from giftping.store.engine import Change
from giftping.store.mirror.identity import (
    IDENTITY_ID,
    Identity,
    Remembered,
    identity_document,
    identity_from,
    raised,
    remembered_document,
    remembered_from,
)
from giftping.store.mirror.meeting import carry_back, follow
from giftping.store.mirror.notes import (
    Synced,
    away_of,
    end_away,
    note_away,
    queue_everything,
    synced_document,
    synced_of,
    waiting,
)
from giftping.store.mirror.older import translate_notes
from giftping.store.mongo.engine import MongoEngine
from giftping.store.tiny.engine import TinyEngine
from giftping.store.tiny.files import StoreLock

TRIES = 20
"""How often the number is raised anew because another host was faster."""


def glance(database: MongoEngine) -> str:
    """A token of what others may have left for a host to do; equal tokens mean nothing. One round trip.

    The schema is not looked at: whoever sees another token opens the store.
    """
    found = identity_from(database.found(META, IDENTITY_ID))
    return found.token() if found else ""


class DatabaseSession:
    """What one opened store knows of its database, and the notes of it that the copy keeps."""

    def __init__(
        self,
        database: MongoEngine,
        copy: TinyEngine,
        gate: StoreLock,
        *,
        host: str,
        clock: Callable[[], datetime],
        read_only: bool,
    ) -> None:
        self._database = database
        self._copy = copy
        self._gate = gate
        self._host = host
        self._clock = clock
        self._read_only = read_only
        self.is_open = False
        self.lost: StoreAwayError | None = None
        """Why the copy is asked, None while MongoDB is at hand."""
        self.goes_by_copy = False
        """Whether a session for reading only asks the copy."""
        self.carried = 0
        """How many changes were carried back."""
        self.is_first = False
        """Whether the two had not met before."""
        self.waiting = 0
        """How many changes another session is to carry back."""
        self.token: str | None = None
        """What a glance at the database gives, as long as nobody else has written; None where that is not known."""
        self._identity: Identity | None = None
        self._base = -1
        self._is_alone = True
        """Whether surely nobody else has written since this session began."""
        self._is_announced = False
        self._lock = Lock()

    # How it begins

    def open(self) -> None:
        """Look which database it is, and bring the copy in step; nothing where that was done before.

        Raise StoreAwayError when it cannot be reached and the copy is of no use.
        """
        if self.is_open:
            return
        if not self._read_only:
            translate_notes(self._copy)
        try:
            self._identity = self._found()
            self.token = self._identity.token() if self._identity else ""
            if self._read_only:
                self.waiting = waiting(self._copy) if self._is_copy() else 0
                self.goes_by_copy = self.waiting > 0
            elif not self._is_in_step():
                with self._gate.exclusive():
                    self._bring_in_step()
        except StoreAwayError as error:
            self.lose(error)
            if not self._read_only:
                note_away(self._copy, str(error), self._clock())
        self.is_open = True

    def lose(self, error: StoreAwayError) -> None:
        """Go on with the copy. Raise StoreAwayError where that was never in step with this database."""
        if not self._is_copy():
            raise StoreAwayError(f"{error} (this host has never met it, and has no copy of its ledger)") from error
        self.lost = self.lost or error
        self.goes_by_copy, self.token = True, None

    def note_lost(self, reason: str) -> None:
        """Go on with the copy, because another process of this host has lost the database, or this one has."""
        self.lost = self.lost or StoreAwayError(reason)
        self.token = None

    def note_back(self) -> None:
        """Go on with the database: whoever was to carry something back has done it."""
        self.lost = None

    def _found(self) -> Identity | None:
        return identity_from(self._database.get(META, [IDENTITY_ID]).get(IDENTITY_ID))

    def _is_copy(self) -> bool:
        synced = synced_of(self._copy)
        return synced is not None and synced.name == self._database.name

    def _is_in_step(self) -> bool:
        synced, found = synced_of(self._copy), self._identity
        if found is None or away_of(self._copy) is not None or waiting(self._copy):
            return False
        self._base = found.number
        return synced == Synced(self._database.name, found.id, found.epoch, found.number)

    def _bring_in_step(self) -> None:
        """Carry back what waits, and follow. Everything is done again, to the same end, where it was cut short."""
        # Another process may have done it while the lock was waited for.
        self._identity = found = self._found()
        self._base = found.number if found else -1
        synced = synced_of(self._copy)
        is_known = synced is not None and (synced.name == self._database.name or (found and synced.id == found.id))
        if not is_known:
            queue_everything(self._copy, self._clock())
        while True:
            if waiting(self._copy):
                self.announce()
                self.carried += carry_back(self._database, self._copy)
            follow(self._database, self._copy)
            if end_away(self._copy, self._notes(found)):
                break
        self.is_first = not is_known
        self.lost = None

    def _notes(self, found: Identity | None) -> list[dict[str, object]]:
        """What the copy is to remember: as of before this session's own writes, for whoever finds it killed."""
        name = self._database.name
        if found is None:
            return [synced_document(Synced(name, "", 0, -1))]
        notes = [synced_document(Synced(name, found.id, found.epoch, self._base))]
        if self._remembered() is None:
            own = found.raised.get(self._host, 0)
            notes.append(remembered_document(Remembered(found.id, found.epoch, seen=0, own=own, next=own)))
        return notes

    # What it tells the others

    def announce(self) -> None:
        """Raise the database's number before the first write of this session."""
        with self._lock:
            if not self._is_announced:
                self._raise()
                self._is_announced = True

    def _remembered(self) -> Remembered | None:
        return remembered_from(self._copy.get(MIRROR, [IDENTITY_ID]).get(IDENTITY_ID))

    def _raise(self) -> None:
        for _ in range(TRIES):
            document = self._database.get(META, [IDENTITY_ID]).get(IDENTITY_ID)
            there = identity_from(document)
            if there != self._identity:
                self._is_alone = False
            after = raised(there or Identity(os.urandom(8).hex()), self._host)
            known = self._remembered() or Remembered(after.id, after.epoch, seen=0, own=0, next=0)
            # In the folder first: that the database knows more of this host than its folder is the mark of a copy.
            self._copy.put(MIRROR, [remembered_document(replace(known, next=after.number))])
            changed = {**(document or {}), **identity_document(after)}
            if self._database.change([Change(META, document, changed)])[0]:
                remembered = Remembered(after.id, after.epoch, after.number, after.number, after.number)
                self._copy.put(MIRROR, [remembered_document(remembered)])
                self._identity = after
                return
        raise StoreError(f"{self._database.name}: other hosts write all the time; the next run tries again")

    # How it ends

    def close(self) -> None:
        """Tell the others that this session is over; where nobody else has written, the copy is in step."""
        if self._is_announced and self.lost is None:
            self._is_announced = False
            with suppress(StoreError), self._gate.shared():
                if away_of(self._copy) is None:
                    self._raise()
                    self._note_in_step()

    def _note_in_step(self) -> None:
        found = self._identity
        if self._is_alone and found is not None:
            self._copy.put(MIRROR, [synced_document(Synced(self._database.name, found.id, found.epoch, found.number))])
            self.token = found.token()
