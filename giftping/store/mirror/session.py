"""One session with MongoDB: how it begins, what it tells the others that it writes, and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from threading import Lock

from giftping.store.base import StoreAwayError, StoreError
from giftping.store.documents import META, MIRROR
from giftping.store.holder import Holder, ProcessLock
from giftping.store.mirror.epochs import (
    PUT_BACK,
    SETTINGS,
    awaited,
    change_identity,
    differences,
    found_identity,
    new_identity,
    put_back_hosts,
    remember,
    remembered_of,
    waits_for,
)
from giftping.store.mirror.identity import (
    IDENTITY_ID,
    Identity,
    WhichDatabase,
    identity_from,
    judge_database,
    next_epoch,
    raised,
    remembered_document,
    remembered_now,
    signed,
    what_is_the_matter,
)
from giftping.store.mirror.meeting import carry_back, follow, put_back
from giftping.store.mirror.notes import (
    Away,
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

ASKS_A_PERSON = (WhichDatabase.EMPTIED, WhichDatabase.ANOTHER, WhichDatabase.COPIED_FOLDER)
"""What no host can mend by itself."""


AS_IT_WAS = (WhichDatabase.SAME, WhichDatabase.NEW, WhichDatabase.COPIED_FOLDER)
"""What a database still may be for one who writes to it: another process of the host may have raised its number."""


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
        folder: Path,
        host: str,
        clock: Callable[[], datetime],
        read_only: bool,
        rename: Callable[[], str] | None = None,
    ) -> None:
        self._database = database
        self._copy = copy
        self._gate = gate
        self._host = host
        self._clock = clock
        self._read_only = read_only
        self._rename = rename
        self.is_open = False
        self.lost: StoreAwayError | None = None
        """Why the copy is asked, None while MongoDB is at hand."""
        self.goes_by_copy = False
        """Whether a session for reading only asks the copy."""
        self.carried = 0
        """How many changes were carried back."""
        self.restored = 0
        """How many documents were put back into a database that was rolled back."""
        self.is_first = False
        """Whether the two had not met before."""
        self.waiting = 0
        """How many changes another session is to carry back."""
        self.held = ""
        """Why nothing is to be sent by this database; empty where it may be."""
        self.token: str | None = None
        """What a glance at the database gives, as long as nobody else has written; None where that is not known."""
        self.is_acknowledged = False
        """Whether a write of this session was acknowledged, and with it all that it has found."""
        self._alive = ProcessLock(folder, host)
        self._id = f"{host} {self._alive.holder.process}"
        self._identity: Identity | None = None
        self._base = -1
        """The number that the copy is in step with once it has followed; none while others write."""
        self._gone: frozenset[str] = frozenset()
        """The sessions of this host that were killed before the copy followed."""
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
            found = self._judged()
            if self._read_only:
                self._look(found)
            elif found in ASKS_A_PERSON:
                self._wait_for_person(found)
            elif found not in (WhichDatabase.SAME, WhichDatabase.NEW) or not self._is_in_step():
                with self._gate.exclusive():
                    self._bring_in_step()
            if self.lost is None:
                self._await_others()
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

    def note_lost(self, fact: Away) -> None:
        """Go on with the copy, because another process of this host has lost the database, or this one has."""
        self.lost = self.lost or StoreAwayError(fact.reason)
        self.held = fact.reason if fact.waits else self.held
        self.token = None

    def note_back(self) -> None:
        """Go on with the database: whoever was to carry something back has done it."""
        if self.lost is not None:
            self.lost, self.held = None, ""

    def _judged(self) -> WhichDatabase:
        """Which database it is. Its number rises before the folder knows that, and after it knows that it will."""
        remembered = remembered_of(self._copy)
        self._identity = found_identity(self._database)
        self.token = self._identity.token() if self._identity else ""
        found = judge_database(remembered, self._identity, self._host)
        return (
            judge_database(remembered_of(self._copy), self._identity, self._host)
            if found is WhichDatabase.COPIED_FOLDER
            else found
        )

    def _look(self, found: WhichDatabase) -> None:
        """Decide what a session for reading only asks: nothing is mended by it."""
        fact = away_of(self._copy)
        self.waiting = waiting(self._copy) if self._is_copy() else 0
        if found in ASKS_A_PERSON:
            self.held = what_is_the_matter(found, self._database.name, self._host)
        elif found in (WhichDatabase.ROLLED_BACK, WhichDatabase.NEW_EPOCH):
            self.held = (
                fact.reason
                if fact and fact.waits
                else f"{self._database.name}: it was rolled back; the next giftping codes check puts back what this"
                " host remembers"
            )
        self.goes_by_copy = self.waiting > 0 or (bool(self.held) and synced_of(self._copy) is not None)

    def _wait_for_person(self, found: WhichDatabase) -> None:
        """Go on with the copy until somebody says what counts. Raise StoreAwayError where there is none."""
        self.held = what_is_the_matter(found, self._database.name, self._host)
        if found is WhichDatabase.COPIED_FOLDER and self._rename is not None:
            raise StoreError(self._renamed(self._rename()))
        self.lost, self.token = StoreAwayError(self.held), None
        if synced_of(self._copy) is None:
            raise self.lost
        note_away(self._copy, self.held, self._clock(), waits=True)

    def _renamed(self, name: str) -> str:
        """What to say of a folder that was a copy, and has a name of its own now; it holds nothing any more."""
        if self._identity is not None:
            self._copy.put(MIRROR, [remembered_document(remembered_now(self._identity, name))])
        return (
            f"{self._database.name} knows of later runs of this host, {self._host}, than its state folder: that is a"
            f" copy, or was restored. It has a name of its own now, {name}, and holds nothing; the next run goes on. If"
            f" {self._host} is no more: giftping store forget {self._host}"
        )

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
        verdict = self._judged()
        if verdict in ASKS_A_PERSON:
            self._wait_for_person(verdict)
            return
        found, synced = self._identity, synced_of(self._copy)
        if found is not None:
            self._gone = self._killed(found.open)
            self._base = -1 if found.open - self._gone else found.number
        if verdict in (WhichDatabase.ROLLED_BACK, WhichDatabase.NEW_EPOCH) and not self._begin_anew(verdict):
            return
        is_known = synced is not None and (synced.name == self._database.name or (found and synced.id == found.id))
        if not is_known:
            queue_everything(self._copy, self._clock())
        while True:
            if waiting(self._copy):
                self.announce()
                self.carried += carry_back(self._database, self._copy)
            follow(self._database, self._copy)
            if end_away(self._copy, self._notes()):
                break
        if self._identity is not None and not self._identity.is_complete and self._host not in self._identity.signed:
            # It is new here: what it had has been carried over.
            self.sign()
        self.is_first = not is_known
        self.lost, self.held = None, ""

    def _begin_anew(self, verdict: WhichDatabase) -> bool:
        """Put back what this host knows and the database does not, and sign; False where a person has to say more."""
        remembered = remembered_of(self._copy)
        if remembered is None or self._identity is None:
            return True
        known = remembered

        def begun(there: Identity | None) -> Identity:
            # Another host may have noticed it, too.
            is_begun = there is not None and there.epoch > known.epoch
            return there if there is not None and is_begun else next_epoch(known, there)

        if verdict is WhichDatabase.ROLLED_BACK:
            self._identity = change_identity(self._database, self._copy, begun)
        put_back_hosts(self._database, self._copy)
        self.restored += put_back(self._database, self._copy, PUT_BACK)
        synced = synced_of(self._copy)
        knows_more = max(
            known.seen, synced.number if synced else -1
        ) > self._identity.rolled_to or known.knows_more_than(self._identity.rolled)
        if knows_more and not self._identity.is_decided:
            if differences(self._database, self._copy):
                self._wait_for_person(WhichDatabase.ROLLED_BACK)
                return False
            self.restored += put_back(self._database, self._copy, SETTINGS)
        self.sign()
        return True

    def _killed(self, sessions: Collection[str]) -> frozenset[str]:
        """Those of this host's sessions that are over, though they never said so: their processes' locks are free."""
        holders = {one: Holder(*one.rsplit(" ", 1)) for one in sessions if " " in one}
        return frozenset(
            one for one, holder in holders.items() if holder.host == self._host and self._alive.is_gone(holder)
        )

    def sign(self) -> None:
        """Say that this host has put back what it knows."""
        self._identity = change_identity(
            self._database, self._copy, lambda there: signed(there or new_identity(), self._host)
        )
        remember(self._copy, remembered_now(self._identity, self._host))
        self._base, self._is_alone = -1, False

    def _await_others(self) -> None:
        """Hold back until all hosts have put back what they know."""
        found = self._identity
        if found is None or found.is_complete or self.held:
            return
        if left := awaited(self._database, found, self._host):
            self.held = waits_for(left, self._database.name)
        elif not self._read_only and self._host in found.signed:

            def complete(there: Identity | None) -> Identity:
                return replace(there or found, is_complete=True)

            change_identity(self._database, self._copy, complete)
            self._is_alone = False

    def _notes(self) -> list[dict[str, object]]:
        """What the copy is to remember: as of before this session's own writes, for whoever finds it killed."""
        found, name = self._identity, self._database.name
        if found is None:
            return [synced_document(Synced(name, "", 0, -1))]
        notes = [synced_document(Synced(name, found.id, found.epoch, self._base))]
        if remembered_of(self._copy) is None:
            notes.append(remembered_document(replace(remembered_now(found, self._host), seen=0, raised={})))
        return notes

    # What it tells the others

    def announce(self) -> None:
        """Raise the database's number before the first write of this session.

        Raise StoreAwayError where it is not the same database any more.
        """
        with self._lock:
            if not self._is_announced:
                remembered = remembered_of(self._copy)

                def begun(there: Identity | None) -> Identity:
                    if judge_database(remembered, there, self._host) not in (
                        WhichDatabase.SAME,
                        WhichDatabase.NEW,
                        WhichDatabase.COPIED_FOLDER,
                    ):
                        raise StoreAwayError(f"{self._database.name}: it is not as it was when this run began")
                    self._is_alone = self._is_alone and there == self._identity
                    opens = frozenset({self._id})
                    return raised(there or new_identity(), self._host, opens=opens, ends=self._gone)

                self._alive.take()
                self._raise(begun)
                self._is_announced = True

    def _raise(self, change: Callable[[Identity | None], Identity]) -> None:
        self._identity = change_identity(self._database, self._copy, change)
        remember(self._copy, remembered_now(self._identity, self._host))

    # How it ends

    def close(self) -> None:
        """Tell the others that this session is over; where nobody else has written, the copy is in step."""
        try:
            self._tell_of_the_end()
        finally:
            self._alive.close()

    def _tell_of_the_end(self) -> None:
        if self.lost is not None:
            return
        if not self._is_announced:
            self._remember_seen()
            return
        self._is_announced = False

        def ended(there: Identity | None) -> Identity:
            if there is None:
                raise StoreError(f"{self._database.name}: it was emptied")
            self._is_alone = self._is_alone and there == self._identity
            return raised(there, self._host, ends=frozenset({self._id}))

        # Nothing is missed where that fails: the next session has more to compare.
        with suppress(StoreError), self._gate.shared():
            if away_of(self._copy) is None:
                self._raise(ended)
                self._note_in_step()

    def _remember_seen(self) -> None:
        """Remember the number that was found, where a write that came after it was acknowledged by a majority."""
        found, remembered = self._identity, remembered_of(self._copy)
        if self.is_acknowledged and found is not None and remembered is not None and found.id == remembered.id:
            self.is_acknowledged = False
            if found.epoch == remembered.epoch and found.number > remembered.seen:
                remember(self._copy, replace(remembered, seen=found.number, raised=found.raised))

    def _note_in_step(self) -> None:
        found = self._identity
        if self._is_alone and found is not None and not found.open:
            self._copy.put(MIRROR, [synced_document(Synced(self._database.name, found.id, found.epoch, found.number))])
            self.token = found.token()
