"""One session with MongoDB: how it begins, what it tells the others that it writes, and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from threading import Lock

from giftping.store.base import StoreAwayError, StoreError
from giftping.store.documents import MIRROR
from giftping.store.holder import ProcessLock
from giftping.store.mirror.epochs import (
    PUT_BACK,
    SETTINGS,
    awaited,
    change_identity,
    differences,
    found_identity,
    found_to_be,
    found_with,
    is_as_it_was,
    made_anew,
    may_know_later_settings,
    new_identity,
    put_back_hosts,
    remember,
    remember_found,
    remembered_of,
    take_for_own,
    waits_for,
)
from giftping.store.mirror.identity import (
    AS_IT_WAS,
    ASKS_A_PERSON,
    Identity,
    WhichDatabase,
    is_behind,
    next_epoch,
    raised,
    remembered_document,
    remembered_now,
    signed,
    was_renamed,
    what_is_the_matter,
)
from giftping.store.mirror.notes import (
    Away,
    Synced,
    away_of,
    end_away,
    has_followed,
    is_copied,
    note_away,
    queue_everything,
    synced_document,
    synced_of,
    waiting,
)
from giftping.store.mirror.sync import carry_back, clear_again, follow, put_back
from giftping.store.mongo.engine import MongoEngine
from giftping.store.tiny.engine import TinyEngine
from giftping.store.tiny.files import StoreLock


class DatabaseSession:
    """What one opened store knows of its database, and the notes of it that the mirror keeps."""

    def __init__(
        self,
        database: MongoEngine,
        mirror: TinyEngine,
        gate: StoreLock,
        *,
        folder: Path,
        host: str,
        clock: Callable[[], datetime],
        read_only: bool,
        rename: Callable[[], str] | None = None,
    ) -> None:
        self._database, self._mirror, self._gate = database, mirror, gate
        self._host = host
        self._clock = clock
        self._read_only = read_only
        self._rename = rename
        self.is_open = False
        self.lost: StoreAwayError | None = None
        """Why the mirror is asked, None while MongoDB is at hand."""
        self.goes_by_mirror = False
        """Whether a session for reading only asks the mirror."""
        self.carried = 0
        """How many changes were carried back."""
        self.restored = 0
        """How many documents were put back into a database that was rolled back, or emptied."""
        self.befell = ""
        """What happened to it, where anything was put back."""
        self.is_first = False
        """Whether the two had not met before."""
        self.waiting = 0
        """How many changes another session is to carry back."""
        self.held = ""
        """Why nothing is to be sent by this database; empty where it may be."""
        self._waits_for_hosts = False
        self.token: str | None = None
        """What a glance at the database gives, as long as nobody else has written; None where that is not known."""
        self.is_acknowledged = False
        """Whether a write of this session was acknowledged, and with it all that it has found."""
        self._alive = ProcessLock(folder, host)
        self._id = f"{host} {self._alive.holder.process}"
        self._identity: Identity | None = None
        self._made: Mapping[str, str] = {}
        """Which collections it has."""
        self._anew: frozenset[str] = frozenset()
        """Those that were dropped since the mirror was in step with it."""
        self._election: object = None
        """The last one before the identity was read: what a primary alone knew of it goes with that one."""
        self._base = -1
        """The number that the mirror is in step with once it has followed; none while others write."""
        self._gone: frozenset[str] = frozenset()
        """The sessions of this host that were killed before the mirror followed."""
        self._is_alone = True
        """Whether surely nobody else has written since this session began."""
        self._is_announced = False
        self._lock = Lock()

    # How it begins

    def open(self) -> None:
        """Look which database it is, and bring the mirror in step; nothing where that was done before.

        Raise StoreAwayError when it cannot be reached and the mirror is of no use.
        """
        if self.is_open:
            return
        try:
            found = self._judged()
            if self._read_only:
                self._look(found)
            elif found in ASKS_A_PERSON:
                self._wait_for_person(found)
            elif found not in AS_IT_WAS or not self._is_in_step():
                with self._gate.exclusive():
                    self._bring_in_step()
            if self.lost is None:
                self._await_others()
        except StoreAwayError as error:
            self.lose(error)
            if not self._read_only:
                note_away(self._mirror, str(error), self._clock())
        self.is_open = True

    def lose(self, error: StoreAwayError) -> None:
        """Go on with the mirror. Raise StoreAwayError where that was never in step with this database."""
        if not self._is_mirror():
            raise StoreAwayError(f"{error} (this host has never met it, and has no mirror of it)") from error
        self._go_on(error)

    def note_lost(self, fact: Away) -> None:
        """Go on with the mirror, because another process of this host has lost the database, or this one has."""
        self._go_on(StoreAwayError(fact.reason))
        self.held = fact.reason if fact.waits else self.held

    def _go_on(self, error: StoreAwayError) -> None:
        self.lost = self.lost or error
        self.goes_by_mirror, self.token = True, None
        if not self.held and is_copied(self._mirror):
            self.held = (
                f"{self.lost} (nothing is announced until it is back, and nobody is reminded:"
                " the state folder is a copy, or was restored, and where it was copied from another host may go on)"
            )

    def note_back(self) -> None:
        """Go on with the database: whoever was to carry something back has done it."""
        if self.lost is not None:
            self.lost, self.held = None, ""

    def _judged(self) -> WhichDatabase:
        """Which database it is."""
        there = found_identity(self._database)
        if self._identity is not None and is_behind(there, self._identity):
            # It was restored while the lock was waited for.
            self._remember_found()
        remembered, self._identity = remembered_of(self._mirror), there
        self._election = self._database.election
        self.token = self._identity.token() if self._identity else ""
        self._made, self._anew = made_anew(self._database, self._mirror)
        return found_with(found_to_be(remembered, self._identity, self._mirror, self._host), self._anew)

    def _look(self, found: WhichDatabase) -> None:
        """Decide what a session for reading only asks: nothing is mended by it."""
        fact = away_of(self._mirror)
        self.waiting = waiting(self._mirror) if self._is_mirror() else 0
        if found in ASKS_A_PERSON:
            self.held = what_is_the_matter(found, self._database.name, self._host)
        elif found in (WhichDatabase.ROLLED_BACK, WhichDatabase.NEW_EPOCH):
            rolled_back = "it was rolled back; the next giftping codes check puts back what this host remembers"
            self.held = fact.reason if fact and fact.waits else f"{self._database.name}: {rolled_back}"
        self.goes_by_mirror = self.waiting > 0 or (bool(self.held) and has_followed(self._mirror))

    def _wait_for_person(self, found: WhichDatabase) -> None:
        """Go on with the mirror until somebody says what counts. Raise StoreAwayError where there is none."""
        self.held = what_is_the_matter(found, self._database.name, self._host)
        if found is WhichDatabase.COPIED_FOLDER and self._rename is not None:
            name = self._rename()
            if self._identity is not None:
                take_for_own(self._mirror, self._identity, name)
            raise StoreError(was_renamed(self._database.name, self._host, name))
        self.lost, self.token = StoreAwayError(self.held), None
        if not has_followed(self._mirror):
            raise self.lost
        note_away(self._mirror, self.held, self._clock(), waits=True)

    def _is_mirror(self) -> bool:
        return has_followed(self._mirror, self._database.name)

    def _is_in_step(self) -> bool:
        synced, found = synced_of(self._mirror), self._identity
        if synced is None or found is None or away_of(self._mirror) is not None or waiting(self._mirror):
            return False
        self._base = found.number
        now = self._synced(found, found.number)
        if (is_in_step := replace(synced, made=self._made) == now) and synced != now:
            # One that has come since is missed from now on, too, where it is dropped.
            self._mirror.put(MIRROR, [synced_document(now)])
        return is_in_step

    def _synced(self, found: Identity, number: int, *, is_whole: bool = True) -> Synced:
        return Synced(self._database.name, found.id, found.epoch, number, self._mirror.place, self._made, is_whole)

    def _bring_in_step(self) -> None:
        """Carry back what waits, and follow. Everything is done again, to the same end, where it was cut short."""
        # Another process may have done it while the lock was waited for.
        verdict = self._judged()
        if verdict in ASKS_A_PERSON:
            self._wait_for_person(verdict)
            return
        found, synced = self._identity, synced_of(self._mirror)
        if found is not None:
            self._gone = self._alive.gone_of(found.open)
            self._base = -1 if found.open - self._gone else found.number
        if verdict in (WhichDatabase.ROLLED_BACK, WhichDatabase.NEW_EPOCH) and not self._begin_anew(verdict):
            return
        is_known = synced is not None and (synced.name == self._database.name or (found and synced.id == found.id))
        if not is_known:
            # From now on what is here is queued, or the database's: what others remove from that is never brought back.
            queue_everything(self._mirror, self._clock(), self._notes(is_whole=False))
        if found is None:
            # From the first meeting on it is known by an id: what is emptied or restored then is noticed.
            self.announce()
        while True:
            if waiting(self._mirror):
                self.announce()
                self.carried += carry_back(self._database, self._mirror)
            follow(self._database, self._mirror)
            if end_away(self._mirror, self._notes()):
                break
        if self._identity is not None and not self._identity.is_complete and self._host not in self._identity.signed:
            # It is new here: what it had has been carried over.
            self.sign()
        self.is_first = synced is None or not synced.is_whole or not is_known
        self.lost, self.held = None, ""

    def _begin_anew(self, verdict: WhichDatabase) -> bool:
        """Put back what this host knows and the database does not, and sign; False where a person has to say more."""
        remembered = remembered_of(self._mirror)
        if remembered is None or self._identity is None:
            return True
        known = remembered

        def begun(there: Identity | None) -> Identity:
            # Another host may have noticed it, too.
            return there if there is not None and there.epoch > known.epoch else next_epoch(known, there)

        if verdict is WhichDatabase.ROLLED_BACK:
            self._identity = change_identity(self._database, self._mirror, begun)
        self.befell = self._identity.what_befell
        put_back_hosts(self._database, self._mirror)
        self.restored += put_back(self._database, self._mirror, PUT_BACK)
        clear_again(self._database)
        if may_know_later_settings(self._mirror, known, self._identity, self._anew):
            if differences(self._database, self._mirror):
                self._wait_for_person(WhichDatabase.ROLLED_BACK)
                return False
            self.restored += put_back(self._database, self._mirror, SETTINGS)
        self.sign()
        return True

    def sign(self) -> None:
        """Say that this host has put back what it knows."""
        self._identity = change_identity(
            self._database, self._mirror, lambda there: signed(there or new_identity(), self._host)
        )
        remember(self._mirror, remembered_now(self._identity, self._host))
        self._base, self._is_alone = -1, False

    def _await_others(self) -> None:
        """Hold back until all hosts have put back what they know."""
        found = self._identity
        if found is None or found.is_complete or self.held:
            return
        if left := awaited(self._database, found, self._host):
            self.held, self._waits_for_hosts = waits_for(left, self._database.name, found.what_befell), True
        elif not self._read_only and self._host in found.signed:
            change_identity(self._database, self._mirror, lambda there: replace(there or found, is_complete=True))
            self._is_alone = False

    def await_others_again(self) -> None:
        """Hold back no longer for a host that is not known any more."""
        if self._waits_for_hosts:
            self.held, self._waits_for_hosts = "", False
            self._await_others()

    def _notes(self, *, is_whole: bool = True) -> list[dict[str, object]]:
        """What the mirror is to remember: as of before this session's own writes, for whoever finds it killed."""
        # One without an identity is known by its name until this session gives it one.
        found = self._identity or Identity("", epoch=0)
        notes = [synced_document(self._synced(found, self._base if is_whole else -1, is_whole=is_whole))]
        if found.id and remembered_of(self._mirror) is None:
            notes.append(remembered_document(replace(remembered_now(found, self._host), raised={})))
        return notes

    # What it tells the others

    def announce(self, *, again: bool = False) -> None:
        """Raise the database's number before the first write, or `again`. StoreAwayError where it is another by now."""
        with self._lock:
            if again or not self._is_announced:
                remembered, began = remembered_of(self._mirror), self._identity

                def begun(there: Identity | None) -> Identity:
                    if not is_as_it_was(remembered, there, began, self._mirror, self._host):
                        raise self._not_as_it_was()
                    self._is_alone = self._is_alone and there == self._identity
                    opens = frozenset({self._id})
                    return raised(there or new_identity(), self._host, opens=opens, ends=self._gone)

                self._alive.take()
                self._raise(begun)
                self._is_announced = True

    def confirm(self) -> None:
        """Raise StoreAwayError where the database was restored since this session began to write to it."""
        remembered, there = remembered_of(self._mirror), found_identity(self._database)
        if not is_as_it_was(remembered, there, self._identity, self._mirror, self._host):
            raise self._not_as_it_was()

    def _not_as_it_was(self) -> StoreAwayError:
        self._remember_found()
        self.held = f"{self._database.name}: it is not as it was when this run began; the next one looks why"
        note_away(self._mirror, self.held, self._clock(), waits=True)
        return StoreAwayError(self.held)

    def _raise(self, change: Callable[[Identity | None], Identity]) -> None:
        self._identity = change_identity(self._database, self._mirror, change)
        remember(self._mirror, remembered_now(self._identity, self._host))

    # How it ends

    def close(self) -> None:
        """Tell the others that this session is over; where nobody else has written, the mirror is in step."""
        try:
            self._tell_of_the_end()
        finally:
            self._alive.close()

    def _tell_of_the_end(self) -> None:
        if self.lost is not None:
            return
        if not self._is_announced:
            # A write that came after it was acknowledged by a majority, and it with that.
            if self.is_acknowledged:
                self._remember_found()
            return
        self._is_announced = False
        remembered, began = remembered_of(self._mirror), self._identity

        def ended(there: Identity | None) -> Identity:
            # By the number that is raised here a database that was restored would pass for the one it was.
            if there is None or not is_as_it_was(remembered, there, began, self._mirror, self._host):
                raise StoreError(f"{self._database.name}: it is another one, or an older one, by now")
            self._is_alone = self._is_alone and there == self._identity
            return raised(there, self._host, ends=frozenset({self._id}))

        # Nothing is missed where that fails: the next session has more to compare.
        with suppress(StoreError), self._gate.shared():
            if away_of(self._mirror) is None:
                self._raise(ended)
                found = self._identity
                if self.is_open and self._is_alone and found is not None and not found.open:
                    self._mirror.put(MIRROR, [synced_document(self._synced(found, found.number))])
                    self.token = found.token()

    def _remember_found(self) -> None:
        # What a primary alone knew of goes with that one.
        if self._identity is not None and self._database.election == self._election:
            remember_found(self._mirror, self._identity, self._host)
