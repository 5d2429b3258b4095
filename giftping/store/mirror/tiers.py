"""A shared store and the mirror of it: which of the two is asked and written, and when they are brought in step."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from threading import RLock
from typing import Any, Self, TypeVar

from giftping.store.base import SharedStore, StoreAwayError
from giftping.store.documents import HOSTS
from giftping.store.mirror.meeting import Met, bring_in_step
from giftping.store.mirror.member_meeting import follow_members
from giftping.store.mirror.member_merge import MERGED
from giftping.store.mirror.notes import note_pending, read_pending, synced_with
from giftping.store.tiny.store import TinyStore
from giftping.text import counted

Answer = TypeVar("Answer")


class Tiers:
    """The part of `FailoverStore` that knows of two stores what one method of either means."""

    def __init__(
        self,
        shared: SharedStore,
        mirror: TinyStore,
        *,
        host: str,
        clock: Callable[[], datetime],
        hold: bool = False,
        read_only: bool = False,
    ) -> None:
        self._shared = shared
        self._mirror = mirror
        self._host = host
        self._clock = clock
        self._hold = hold
        self._read_only = read_only
        self.refusal = ""
        """Why this host may not send by the shared store, whether that is away or not: see giftping.delivery.hosts."""
        self._away: StoreAwayError | None = None
        self._met: Met | None = None
        self._not_carried = 0
        self._has_followed_members = read_only
        # Held while the two are brought in step, never while a request of another kind is under way.
        self._lock = RLock()

    @property
    def name(self) -> str:
        """What to call the store in messages."""
        return self._shared.name

    @property
    def notices(self) -> tuple[str, ...]:
        """What to tell the user: that the shared store is away, or that something was carried over to it."""
        notices = []
        if self._met and self._met.carried:
            what = f"{counted(self._met.carried, 'change')} {'was' if self._met.carried == 1 else 'were'}"
            came = f": {what} carried over" if self._met.is_first else f" is back: {what} carried back"
            notices.append(f"{self._shared.name}{came} from {self._mirror.name}")
        if self._not_carried:
            waiting = f"{counted(self._not_carried, 'change')} {'waits' if self._not_carried == 1 else 'wait'}"
            notices.append(
                f"{self._shared.name}: {waiting} to be carried back by the next check; what is shown is the mirror's,"
                f" {self._mirror.name}"
            )
        if self._away is not None:
            goes_on = f"going on with the mirror: {self._mirror.name}"
            notices.append(f"{self._away} ({'nothing is announced until it is back' if self._hold else goes_on})")
        return tuple(notices)

    @property
    def is_away(self) -> bool:
        """Whether the shared store could not be reached, so that the mirror is asked."""
        return self._away is not None

    @property
    def is_by_mirror(self) -> bool:
        """Whether the mirror is asked: the shared store is away, or something is first to be carried back to it."""
        return self.is_away or self._not_carried > 0

    @property
    def held_back(self) -> str:
        """Why nothing is to be claimed or sent now; empty where it may be.

        Because of the other hosts, or because the shared store is away and this host is to wait until it is back.
        """
        if self.refusal or not (self._hold and self._away is not None):
            return self.refusal
        return f"{self._away} (nothing is announced until it is back, and nobody is reminded)"

    @property
    def closed_fingerprint(self) -> str | None:
        """The mirror's, None when the shared store was away: the next run has something to carry back then."""
        return None if self._away is not None or self._met is None else self._mirror.closed_fingerprint

    def close(self) -> None:
        """Release both stores; safe to call twice."""
        try:
            self._shared.close()
        finally:
            self._mirror.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, exception_type: type[BaseException] | None, *exc_info: object) -> None:
        self._shared.close()
        self._mirror.__exit__(exception_type, *exc_info)

    def _read(self, ask: Callable[[SharedStore | TinyStore], Answer], collection: str = "") -> Answer:
        if (shared := self._at_hand(collection)) is not None:
            try:
                return ask(shared)
            except StoreAwayError as error:
                self._lose(error)
        return ask(self._mirror)

    def _write(
        self,
        noted_as: str,
        ids: Collection[str],
        write: Callable[[SharedStore | TinyStore], Answer],
        *,
        mirrored: Callable[[Answer], None] | None = None,
        collection: str = "",
        becomes: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Answer:
        """Write to the shared store and then to the mirror, by `mirrored` where that is not the same again.

        `becomes` are members' documents, by `_id`, as they are to be.
        """
        asked = None
        if (shared := self._at_hand(collection or noted_as)) is not None:
            try:
                answer = write(shared)
            except StoreAwayError as error:
                self._lose(error)
                asked = becomes
            else:
                if mirrored is None:
                    write(self._mirror)
                else:
                    mirrored(answer)
                return answer
        if self._away is not None and HOSTS in (noted_as, collection):
            # A record that nobody else can see registers nobody, and one that is not seen to go is not gone.
            raise self._away
        known: dict[str, Mapping[str, Any]] | None = None
        if noted_as in MERGED:
            # That a document was not there is noted, too: the next note would take what was written now for what both
            # had, and the merge would then take a submission away that the other host has never heard of.
            known = {id_: {} for id_ in ids} | self._mirror.documents_of(noted_as, ids)
        note_pending(self._mirror, noted_as, ids, before=known, asked=asked)
        return write(self._mirror)

    def _at_hand(self, collection: str = "") -> SharedStore | None:
        """The shared store, in step with the mirror; None while it is away.

        The members are followed only when they are asked for: what has to do with codes does not pay for them.
        """
        with self._lock:
            try:
                if not self.is_away and self._met is None and not self._not_carried:
                    self._meet()
                if not self.is_away and collection in MERGED and not self._has_followed_members:
                    follow_members(self._shared, self._mirror)
                    self._has_followed_members = True
            except StoreAwayError as error:
                self._lose(error)
            return None if self.is_away or self._not_carried else self._shared

    def _meet(self) -> None:
        if not self._read_only:
            self._met = bring_in_step(self._shared, self._mirror, host=self._host, now=self._clock())
        elif synced_with(self._mirror, self._shared.name) is not None:
            self._not_carried = read_pending(self._mirror).count

    def _lose(self, error: StoreAwayError) -> None:
        """Go on with the mirror from here on. Raise StoreAwayError when the mirror never was in step."""
        with self._lock:
            if synced_with(self._mirror, self._shared.name) is None:
                raise StoreAwayError(f"{error} (this host has never met it, and has no copy of its ledger)") from error
            self._away = self._away or error
