"""The engine over MongoDB and its mirror in the state folder: which of them is asked, and what goes to both."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar

from giftping.store.base import SCHEMA_VERSION, StoreAwayError, StoreError
from giftping.store.documents import (
    ACTIVE_MEMBERS,
    DELIVERIES,
    HOSTS,
    META,
    MIRROR,
    TODO_EVENTS,
    TODO_TIMESTAMPS,
)
from giftping.store.engine import (
    Change,
    Engine,
    Where,
    found_by_key,
    fresh_rev,
    plain_change,
    refuse_doubles,
    still_holds,
)
from giftping.store.fields import plain_document
from giftping.store.legacy.olddata import OldData
from giftping.store.mirror.changes import has_taken_effect, is_claim, is_fence, is_quiet, needs_database, taken_back
from giftping.store.mirror.notes import away_of, changed_and_noted, note_away, take_in
from giftping.store.mirror.session import DatabaseSession
from giftping.store.mirror.sync import follow_read, sent_before
from giftping.store.mongo.engine import MongoEngine
from giftping.store.tiny.engine import TinyEngine
from giftping.store.tiny.files import DATABASE_LOCK, StoreLock
from giftping.text import counted

if TYPE_CHECKING:
    from giftping.store.upgrade import Upgradable, Upgraded

FOLLOWED_AS_READ = (HOSTS, ACTIVE_MEMBERS, TODO_TIMESTAMPS)
"""The collections whose mirror is brought up to date by whoever reads them whole.

Whoever goes on without MongoDB goes by what it last said of the other hosts; and of members programs may write that
raise no number, as the older bot does.
"""

LOCK_WAIT = timedelta(seconds=60)
"""Longer than any answer is waited for, so that whoever is at it has learnt that MongoDB is away."""

Answer = TypeVar("Answer")


def database_lock(folder: Path) -> StoreLock:
    """The lock of a folder's MongoDB: held together by those who write to it, alone by who brings the two in step."""
    return StoreLock(folder / DATABASE_LOCK, LOCK_WAIT)


class MirroredEngine:
    """Keeps `giftping.store.engine.Engine` in a MongoDB database, with a copy of it in the state folder.

    While MongoDB can be reached it is asked and written first, the mirror after it; but deliveries are written to the
    mirror first, which is the referee among the processes of this host. From the moment it cannot be reached until what
    was written meanwhile has been carried back the mirror is asked and written, by all processes of the host. With
    `waits` nothing is claimed or sent then. With `read_only` nothing is carried anywhere: as long as something is to
    be carried back, the mirror is asked.

    Raise StoreAwayError when MongoDB is away and the mirror has never been in step with it: one that knows half of the
    ledger is none.
    """

    def __init__(
        self,
        database: MongoEngine,
        mirror: TinyEngine,
        *,
        folder: Path,
        host: str,
        clock: Callable[[], datetime],
        waits: bool = False,
        read_only: bool = False,
        rename: Callable[[], str] | None = None,
        upgrade: Callable[[], Sequence[Upgraded]] = tuple,
    ) -> None:
        self._database = database
        self._mirror = mirror
        self._clock = clock
        self._waits = waits
        self._read_only = read_only
        self._gate = database_lock(folder)
        self._session = DatabaseSession(
            database, mirror, self._gate, folder=folder, host=host, clock=clock, read_only=read_only, rename=rename
        )
        self.odd_ids = database.odd_ids
        self._passed: set[str] = set()
        self._is_closed = False
        self._lock = RLock()
        self._upgrade: Callable[[], Sequence[Upgraded]] | None = upgrade
        self._upgraded: Sequence[Upgraded] = ()
        self._shown: dict[str, Engine] = {}
        self.refusal = ""
        """Why this host may not send because of the others that use the database: see giftping.delivery.hosts."""

    @property
    def name(self) -> str:
        """What to call the store in messages."""
        return self._database.name

    @property
    def is_away(self) -> bool:
        """Whether MongoDB could not be reached, so that its mirror is asked."""
        return self._session.lost is not None

    @property
    def notices(self) -> tuple[str, ...]:
        """What to tell the user: that MongoDB is away, or that something was carried over to it."""
        session, notices = self._session, [str(one) for one in self._upgraded]
        if session.carried:
            what = f"{counted(session.carried, 'change')} {'was' if session.carried == 1 else 'were'}"
            came = f": {what} carried over" if session.is_first else f" is back: {what} carried back"
            notices.append(f"{self.name}{came} from {self._mirror.name}")
        if session.restored and not session.held:
            documents = f"{counted(session.restored, 'document')} {'was' if session.restored == 1 else 'were'}"
            notices.append(f"{self.name} {session.befell}: {documents} put back from {self._mirror.name}")
        if session.held:
            notices.append(session.held)
        elif session.waiting and session.lost is None:
            notices.append(
                f"{self.name}: {counted(session.waiting, 'change', 'wait')} to be carried back by the next check;"
                f" what is shown is the mirror's, {self._mirror.name}"
            )
        if session.lost is not None and not session.held:
            notices.append(self._waiting() or f"{session.lost} (going on with the mirror: {self._mirror.name})")
        return tuple(notices)

    @property
    def held_back(self) -> str:
        """Why nothing is to be claimed or sent now; empty where it may be."""
        return self.refusal or self._session.held or self._waiting()

    def _waiting(self) -> str:
        if not self._waits or self._session.lost is None:
            return ""
        return f"{self._session.lost} (nothing is announced until it is back, and nobody is reminded)"

    @property
    def closed_fingerprint(self) -> str | None:
        """The mirror's; None when MongoDB was away, or nothing was to be sent: the next run is to look closer then."""
        is_known = self._session.is_open and not self.is_away and not self._session.held
        return self._mirror.closed_fingerprint if is_known else None

    @property
    def glanced(self) -> str | None:
        """What a glance says of the database as this object knows it; None where it does not know."""
        return self._session.token

    def close(self) -> None:
        """Release both; safe to call twice."""
        try:
            if not self._is_closed:
                self._is_closed = True
                self._session.close()
        finally:
            try:
                self._database.close()
            finally:
                self._mirror.close()

    # Reading

    def get(self, collection: str, ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
        """The documents with these ids, by id."""
        return self._read(lambda engine: engine.get(collection, ids))

    def present(self, collection: str, ids: Collection[str]) -> frozenset[str]:
        """Those of the ids that have a document."""
        return self._read(lambda engine: engine.present(collection, ids))

    def find(self, collection: str, where: Where | None = None, *, within: str = "") -> list[Mapping[str, Any]]:
        """The documents that are wanted, by `_id`; of the history, while away, what was seen of it meanwhile."""
        return self._read(lambda engine: engine.find(collection, where, within=within))

    def walk(self, collection: str) -> Iterator[Mapping[str, Any]]:
        """All documents as they are; what the mirror notes for itself is none of the store's."""
        if collection == MIRROR:
            return iter(())
        if collection not in FOLLOWED_AS_READ or self._read_only or not self._is_at_hand():
            return self._walked(collection)
        before = {one["_id"]: one for one in self._mirror.walk(collection)}
        found = self._read(lambda engine: list(engine.walk(collection)))
        if self._is_at_hand():
            try:
                follow_read(self._mirror, collection, before, found, self._session.confirm)
            except StoreAwayError as error:
                self._lose(error)
                return self._mirror.walk(collection)
        return iter(found)

    def _walked(self, collection: str) -> Iterator[Mapping[str, Any]]:
        """All documents, none of which is kept; from where MongoDB is lost in between, the mirror's others."""
        given: set[str] = set()
        if self._is_at_hand():
            try:
                for document in self._as_shown(self._database).walk(collection):
                    given.add(document["_id"])
                    yield document
            except StoreAwayError as error:
                self._lose(error)
            else:
                return
        yield from (one for one in self._as_shown(self._mirror).walk(collection) if one["_id"] not in given)

    def strays(self, collection: str, unlike: str = "") -> list[Mapping[str, Any]]:
        """The documents whose `_id` is no text, or one unlike a regular expression; a mirror has none but texts."""
        return self._read(lambda engine: engine.strays(collection, unlike))

    def old_data(self, database: str | None = None) -> OldData:
        """The old data to take over from MongoDB's own database, or from another one on its server."""
        return self._database.old_data(database)

    def _read(self, ask: Callable[[Engine], Answer]) -> Answer:
        if self._is_at_hand():
            try:
                return ask(self._as_shown(self._database))
            except StoreAwayError as error:
                self._lose(error)
        return ask(self._as_shown(self._mirror))

    def _as_shown(self, engine: Upgradable) -> Engine:
        """The engine as it is asked: who only looks sees what an older giftping wrote in the shapes of today."""
        if not self._read_only or engine.schema() >= SCHEMA_VERSION:
            return engine
        from giftping.store.upgrade import UpgradedView

        if engine.name not in self._shown:
            self._shown[engine.name] = UpgradedView(engine, self._clock())
        return self._shown[engine.name]

    def _is_at_hand(self) -> bool:
        """Whether MongoDB is to be asked and written, by the fact that all processes of the host share."""
        with self._lock:
            if self._upgrade is not None:
                self._upgraded, self._upgrade = self._upgrade(), None
            self._session.open()
            if self._read_only:
                return not self._session.goes_by_mirror
            while (fact := away_of(self._mirror)) is not None:
                self._session.note_lost(fact)
                if fact.id in self._passed:
                    return False
                # Whoever had begun to write to MongoDB before it was lost is through then, and the mirror knows of it.
                with self._gate.exclusive():
                    self._passed.add(fact.id)
            self._session.note_back()
            return True

    def _lose(self, error: StoreAwayError) -> None:
        """Go on with the mirror from here on. Raise StoreAwayError when it never was in step."""
        with self._lock:
            self._session.lose(error)
            if not self._read_only:
                note_away(self._mirror, str(error), self._clock())

    # Changing

    def change(self, changes: Sequence[Change], *, rev: str = "") -> list[bool]:
        """For each of the changes whether it was made. Raise StoreAwayError for what is not to be done while away."""
        refuse_doubles(changes)
        if self._read_only:
            raise StoreError(f"{self.name}: opened for reading only; nothing was written")
        if not changes:
            return []
        rev = rev or fresh_rev()
        # What was decided already: by the mirror, where that comes first, or by MongoDB before it was lost.
        here: set[tuple[str, str]] = set()
        is_unclear = False
        while True:
            if self._is_at_hand():
                self._refuse(changes)
                if not self._gate.exists():
                    # Where there is no file yet, or no more, nothing would be held.
                    with self._gate.exclusive():
                        pass
                with self._gate.shared():
                    if away_of(self._mirror) is not None:
                        continue
                    try:
                        return self._change_both(changes, rev, here, is_unclear=is_unclear)
                    except StoreAwayError as error:
                        lost = error
                self._lose(lost)
                is_unclear = True
                if any(one.collection == HOSTS for one in changes):
                    # Not even noted: by its own record in the mirror a host would take itself for known to the others.
                    raise lost
                # Passes the gate, so that whoever was faster is known.
                if self._is_at_hand():
                    continue
            elif not is_unclear:
                self._refuse(changes)
            refused = {one.key for one in changes if self.held_back and needs_database(one)}
            noted = [taken_back(one, rev) if one.key in refused else one for one in changes]
            # What the mirror was given before MongoDB is in it already; what is taken back was never in it otherwise.
            is_there = (here - refused) | (refused - here)
            made = changed_and_noted(self._mirror, noted, rev, self._clock(), is_there, is_unclear=is_unclear)
            if made is None:
                continue
            if refused:
                raise StoreAwayError(self.held_back)
            return made

    def _refuse(self, changes: Sequence[Change]) -> None:
        """Raise StoreError for what is not to be done now: the one place where it is decided what waits."""
        is_away = self.is_away
        if is_away and any(one.collection == HOSTS for one in changes):
            # A record that nobody else can see registers nobody, and one that is not seen to go is not gone.
            raise StoreAwayError(str(self._session.lost))
        why = self.held_back
        if why and any(is_claim(one) or (is_away and needs_database(one)) for one in changes):
            raise StoreAwayError(why) if is_away else StoreError(why)

    def _change_both(
        self, changes: Sequence[Change], rev: str, here: set[tuple[str, str]], *, is_unclear: bool
    ) -> list[bool]:
        deliveries = [one for one in changes if one.collection == DELIVERIES and one.key not in here]
        here |= self._made_here(deliveries, rev)
        asked = [one for one in changes if one.collection != DELIVERIES or one.key in here]
        if not asked:
            return [False] * len(changes)
        if not all(map(is_quiet, asked)):
            self._session.announce()
        if any(map(is_fence, asked)):
            # A process may have been frozen since, and another host may be putting back what it has sent.
            self._session.confirm()
        made = self._made_there(asked, rev, is_unclear=is_unclear)
        # What the mirror knows as sent is claimed by nobody, though MongoDB has lost it.
        made -= sent_before(self._database, self._mirror, [one for one in asked if one.key in made], rev)
        self._session.is_acknowledged = True
        follows = [one for one in asked if one.key in made and one.collection not in (DELIVERIES, TODO_EVENTS, META)]
        stale = [one for one, done in zip(follows, self._mirror.change(follows, rev=rev), strict=True) if not done]
        # A delivery that the mirror let pass, and MongoDB did not, is as MongoDB has it.
        self._take_in([*stale, *(one for one in asked if one.collection == DELIVERIES and one.key not in made)])
        if any(one.collection == HOSTS for one in asked):
            self._session.await_others_again()
        return [one.key in made for one in changes]

    def _made_here(self, deliveries: Sequence[Change], rev: str) -> set[tuple[str, str]]:
        """Those of the deliveries that the mirror lets pass; where it does not know how they stand it is told first."""
        if not deliveries:
            return set()
        made = self._mirror.change(deliveries, rev=rev)
        refused = [one for one, done in zip(deliveries, made, strict=True) if not done]
        if refused:
            there = self._take_in(refused)
            plain = {key: plain_document(one) for key, one in there.items()}
            again = [one for one in refused if still_holds(plain.get(one.key), plain_change(one))]
            if again:
                late = dict(zip((one.key for one in again), self._mirror.change(again, rev=rev), strict=True))
                refused = [one for one in refused if not late.get(one.key)]
        return {one.key for one in deliveries} - {one.key for one in refused}

    def _made_there(self, asked: Sequence[Change], rev: str, *, is_unclear: bool) -> set[tuple[str, str]]:
        made: set[tuple[str, str]] = set()
        if is_unclear:
            # They were sent once, and no answer came: what has taken effect is not to be taken for another's doing. It
            # may be known to a primary alone that was lost: of what is there after this write a majority knows.
            self._session.announce(again=True)
            there = found_by_key(self._database, [one.key for one in asked])
            made = {one.key for one in asked if has_taken_effect(there.get(one.key), one, rev)}
            asked = [one for one in asked if one.key not in made]
        answers = self._database.change(asked, rev=rev) if asked else ()
        return made | {one.key for one, done in zip(asked, answers, strict=True) if done}

    def _take_in(self, changes: Sequence[Change]) -> Mapping[tuple[str, str], Mapping[str, Any]]:
        """Let the mirror hold what MongoDB holds of some documents, and return that by collection and id."""
        keys = {one.key for one in changes}
        there = found_by_key(self._database, keys)
        if keys:
            # Of one that was restored since this session began nothing is to be forgotten that the mirror knows.
            self._session.confirm()
        for collection in {collection for collection, _ in keys}:
            found = [one for (name, _), one in there.items() if name == collection]
            gone = {id_ for name, id_ in keys - there.keys() if name == collection}
            take_in(self._mirror, collection, found, gone)
        return there
