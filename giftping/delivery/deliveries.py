"""Deliveries: one document for each message under way, claimed, fenced, posted and settled in single writes.

It is the truth of what became of a message. MongoDB without a replica set has no transactions, so that what a delivery
carries (entries of the ledger, legs of notices) may lag behind it, and is brought up by whoever settles it.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from giftping.delivery.clock import Clock
from giftping.discord.snowflake import snowflake_at, snowflake_time
from giftping.store.documents import DELIVERIES, Document
from giftping.store.engine import REV, Change, fresh_rev
from giftping.store.fields import DocumentError, Fields, time_to_text
from giftping.store.holder import Holder, HolderLock
from giftping.store.records import Store


class DeliveryState(StrEnum):
    """How far a delivery came."""

    CLAIMED = "claimed"
    """Not a byte of it went out: it needs no look."""
    WRITTEN = "written"
    """It may have arrived; whoever settles it looks."""
    DONE = "done"
    REFUSED = "refused"
    """A clean no. What it carries is owed."""
    UNCLEAR = "unclear"
    """Looking does not tell whether it arrived: a person is asked."""
    CLOSED = "closed"
    """Given up as unknown: nobody can tell any more, or cares."""
    MISSED = "missed"
    """Refused until there was no use in it any more. It is on record for whoever asks why, and for nothing else."""


UNDER_WAY = (DeliveryState.CLAIMED, DeliveryState.WRITTEN)
"""The states in which somebody may be at it, or has to settle it."""

WAITS_FOR = timedelta(days=30)
"""How long a delivery of which nobody can tell waits for a person. Nobody scrolls back any further."""

MISSED_KEPT = timedelta(days=365)
"""How long it is on record that something was missed: as long as what was cleared."""

BLIND_MARGIN = timedelta(minutes=10)
"""How much earlier than by its host's clock a delivery without an anchor may have begun."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message under way."""

    id: str
    """Also its nonce."""
    kind: str
    """"announcement", or what a message of the TODO part tells."""
    holder: Holder
    since: datetime
    """When it was claimed, by the clock of the run."""
    state: DeliveryState = DeliveryState.CLAIMED
    anchor: int | None = None
    """Discord's own time just before it was claimed, as a snowflake: where a look for it begins."""
    webhook_id: int | None = None
    channel_id: int | None = None
    """Where it goes: by a webhook, or to a channel; of one by webhook the channel is known once it arrived, or where it
    goes into a thread of it."""
    opens_post: bool = False
    """Whether it opens a post of a forum, and is looked for among those."""
    held_since: int | None = None
    """When its present holder took it, by Discord's time, as a snowflake: a lease counts from there. An anchor lies a
    minute earlier; where this is not known it counts from that."""
    guild_id: int | None = None
    game: str = ""
    entries: tuple[str, ...] = ()
    """What it carries: ids of ledger entries, or legs of notices as `USER:NOTICE:LEG`."""
    spellings: tuple[str, ...] = ()
    """The codes that it shows."""
    reason: str = ""
    message_id: int | None = None
    quiet_since: int | None = None
    """Since when it is known that nobody is at it any more, by Discord's time, as a snowflake."""
    owed_since: datetime | None = None
    """Since when what it carries is owed; None where nothing of it was refused before."""
    noes: int = 0
    """How often the content of its message was refused."""
    retry_at: datetime | None = None
    """When what it carries is tried again after that; None for the next run."""
    over_at: datetime | None = None
    """When it was missed."""
    over_reason: str = ""
    """How what it carries had ended, in words."""
    is_final: bool = False
    """Whether another look cannot tell either, of one that is unclear."""
    is_resent: bool = False
    """Whether it goes out again without anybody knowing whether it had arrived: that is done once."""
    document: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)
    """As it was read or written; None for a new one."""

    @property
    def begins(self) -> int:
        """The snowflake that its message cannot be below: where a look for it begins."""
        return snowflake_at(self.since - BLIND_MARGIN) if self.anchor is None else self.anchor

    def carrying(self, pairs: Sequence[tuple[str, str]]) -> Delivery:
        """The delivery with these of its codes, each by its entry's id and its spelling."""
        return replace(self, entries=tuple(id_ for id_, _ in pairs), spellings=tuple(said for _, said in pairs))

    def age(self, now: datetime | None) -> timedelta | None:
        """How long ago its present holder took it, given Discord's time; None where that is not known."""
        return None if now is None else now - snowflake_time(self.held_since or self.begins)


def new_delivery_id() -> str:
    """A fresh delivery id of 24 characters: Discord allows a nonce 25."""
    return base64.b32encode(secrets.token_bytes(15)).decode("ascii").lower()


class LostDeliveryError(Exception):
    """Somebody else has taken the delivery over, or settled it."""


class Deliveries:
    """The deliveries in a store, in the name of this process. Every method raises StoreError when that fails."""

    def __init__(self, store: Store, lock: HolderLock, clock: Clock) -> None:
        self.store = store
        self.lock = lock
        self._clock = clock
        self._done: list[Delivery] = []

    @property
    def host(self) -> str:
        """The name under which this process claims."""
        return self.lock.holder.host

    def new(self, kind: str, **fields: Any) -> Delivery:
        """A delivery of this process, not written yet."""
        return Delivery(new_delivery_id(), kind, self.lock.take(), self._clock(), **fields)

    def nobody_is_at(self, delivery: Delivery, now: datetime | None, lease: timedelta) -> bool:
        """Whether this process may settle a delivery, given Discord's time.

        Of this host's once its process has ended, of another host's once its lease is over: that process is then taken
        to be gone, and its fence does not hold any more.
        """
        if delivery.holder.host == self.host:
            return self.lock.is_gone(delivery.holder)
        age = delivery.age(now)
        return age is not None and age > lease

    def claim(
        self, delivery: Delivery, entries: Sequence[Change] = (), instead_of: Sequence[Delivery] = ()
    ) -> tuple[Delivery, list[bool]]:
        """The delivery, written as claimed, and for each change of what it carries whether it was made.

        The deliveries that it stands in for go. One write for each collection; the delivery is there before what it
        carries is.
        """
        after, rev = delivery_document(delivery), fresh_rev()
        gone = [Change(DELIVERIES, old.document, None) for old in instead_of]
        made = self.store.engine.change([Change(DELIVERIES, None, after), *gone, *entries], rev=rev)
        return replace(delivery, document={**after, REV: rev}), made[1 + len(gone) :]

    def fence(self, delivery: Delivery) -> Delivery:
        """The delivery, noted as written just before its first byte.

        Raise LostDeliveryError where it is not ours any more.
        """
        return self.change(replace(delivery, state=DeliveryState.WRITTEN))

    def change(self, delivery: Delivery, entries: Sequence[Change] = ()) -> Delivery:
        """The delivery as it is now written, with what it carries. Raise LostDeliveryError where it is not ours now."""
        written, _ = self._change(delivery, entries)
        if written is None:
            raise LostDeliveryError(delivery.id)
        return written

    def note_arrival(self, delivery: Delivery, entries: Sequence[Change]) -> list[bool]:
        """For each change of what a delivery carries that has arrived whether it was made; the delivery is done then.

        Made also where somebody else has given the delivery up: it has arrived all the same.
        """
        _, made = self._change(replace(delivery, state=DeliveryState.DONE), entries)
        return made

    def _change(self, delivery: Delivery, entries: Sequence[Change]) -> tuple[Delivery | None, list[bool]]:
        """The delivery as it is now written, None where it is not ours; and whether each of the others was made."""
        after, rev = delivery_document(delivery), fresh_rev()
        is_ours, *made = self.store.engine.change([Change(DELIVERIES, delivery.document, after), *entries], rev=rev)
        written = replace(delivery, document={**after, REV: rev}) if is_ours else None
        if written is not None and written.state is DeliveryState.DONE:
            self._done.append(written)
        return written, made

    def refuse(self, delivery: Delivery, entries: Sequence[Change]) -> Delivery:
        """The delivery as refused and owed; what it carries is free then.

        Two writes: freed before the delivery is known to be ours, it could be another's that is about to post it. Raise
        LostDeliveryError, with nothing changed, where it is not.
        """
        refused = replace(delivery, state=DeliveryState.REFUSED, owed_since=delivery.owed_since or self._clock())
        refused = self.change(refused)
        if entries:
            self.store.engine.change(entries)
        return refused

    def leave(self, delivery: Delivery, now: datetime | None) -> Delivery:
        """The delivery as one that nobody is at any more, since `now` by Discord's time unless since longer.

        Raise LostDeliveryError where somebody else is.
        """
        quiet_since = delivery.quiet_since or (snowflake_at(now) if now is not None else None)
        nobody = Holder(delivery.holder.host, "")
        return self.change(replace(delivery, holder=nobody, quiet_since=quiet_since))

    def remove(self, delivery: Delivery, entries: Sequence[Change] = ()) -> bool:
        """Whether the delivery was still as it was read, and is gone now; what it carries is changed before it."""
        made = self.store.engine.change([*entries, Change(DELIVERIES, delivery.document, None)])
        return made[-1]

    def remove_done(self, also: Sequence[Delivery] = ()) -> None:
        """Remove what this object has brought to its end, and others that are at theirs, in one write."""
        ended = {one.id: one for one in (*also, *self._done)}
        self._done.clear()
        if ended:
            self.store.engine.change([Change(DELIVERIES, one.document, None) for one in ended.values()])

    def take_over(self, delivery: Delivery, now: datetime | None = None) -> Delivery | None:
        """The delivery, held by this process from now on, by Discord's time; None where somebody was faster."""
        held_since = snowflake_at(now) if now is not None else delivery.held_since
        try:
            return self.change(replace(delivery, holder=self.lock.take(), held_since=held_since, quiet_since=None))
        except LostDeliveryError:
            return None

    def load(
        self,
        states: Collection[DeliveryState] = (),
        kinds: Collection[str] = (),
    ) -> list[Delivery]:
        """The deliveries in these states and of these kinds, or all that were not missed, oldest first.

        The store names those that cannot be read.
        """
        where: dict[str, Collection[object]] = {"state": [state.value for state in states]} if states else {}
        if kinds:
            where["kind"] = list(kinds)
        documents = self.store.engine.find(DELIVERIES, where)
        if not states:
            # There may be a year of them.
            documents = [one for one in documents if one.get("state") != DeliveryState.MISSED]
        found = self._readable(documents)
        return sorted(found, key=lambda one: (one.since, one.id))

    def by_id(self, ids: Collection[str]) -> dict[str, Delivery]:
        """The deliveries with these ids, by id; the store names those that cannot be read."""
        found = self.store.engine.get(DELIVERIES, ids) if ids else {}
        return {one.id: one for one in self._readable(found.values())}

    def _readable(self, documents: Iterable[Mapping[str, Any]]) -> Iterator[Delivery]:
        for document in documents:
            try:
                yield delivery_from(document)
            except DocumentError as error:
                self.store.note_odd(DELIVERIES, document, error)


def delivery_document(delivery: Delivery) -> Document:
    """The document of a delivery; of one that was read, what is not ours in it stays."""
    document: Document = {
        **(delivery.document or {}),
        "_id": delivery.id,
        "kind": delivery.kind,
        "host": delivery.holder.host,
        "process": delivery.holder.process,
        "since": time_to_text(delivery.since),
        "state": delivery.state.value,
        "entries": list(delivery.entries),
    }
    optional = {
        "anchor": _text(delivery.anchor),
        "webhook_id": _text(delivery.webhook_id),
        "channel_id": _text(delivery.channel_id),
        "guild_id": delivery.guild_id,
        "game": delivery.game or None,
        "spellings": list(delivery.spellings) or None,
        "reason": delivery.reason or None,
        "message_id": _text(delivery.message_id),
        "held_since": _text(delivery.held_since),
        "quiet_since": _text(delivery.quiet_since),
        "owed_since": None if delivery.owed_since is None else time_to_text(delivery.owed_since),
        "noes": delivery.noes or None,
        "retry_at": None if delivery.retry_at is None else time_to_text(delivery.retry_at),
        "over_at": None if delivery.over_at is None else time_to_text(delivery.over_at),
        "over_reason": delivery.over_reason or None,
        "opens_post": delivery.opens_post or None,
        "is_final": delivery.is_final or None,
        "is_resent": delivery.is_resent or None,
    }
    document |= {name: value for name, value in optional.items() if value is not None}
    return {name: value for name, value in document.items() if name not in optional or optional[name] is not None}


def delivery_from(document: Mapping[str, Any]) -> Delivery:
    """The delivery that a document holds. Raise DocumentError when it holds none."""
    fields = Fields(DELIVERIES, document)
    try:
        state = DeliveryState(fields.text("state"))
    except ValueError as error:
        raise fields.wrong("state", f"one of {', '.join(DeliveryState)}") from error
    return Delivery(
        id=fields.text("_id"),
        kind=fields.text("kind"),
        holder=Holder(fields.text("host"), fields.text("process")),
        since=fields.time("since"),
        state=state,
        anchor=fields.optional_id("anchor"),
        webhook_id=fields.optional_id("webhook_id"),
        channel_id=fields.optional_id("channel_id"),
        guild_id=fields.optional_id("guild_id"),
        game=fields.optional_text("game"),
        entries=fields.texts("entries"),
        spellings=fields.texts("spellings"),
        reason=fields.optional_text("reason"),
        message_id=fields.optional_id("message_id"),
        held_since=fields.optional_id("held_since"),
        quiet_since=fields.optional_id("quiet_since"),
        owed_since=fields.first_time("owed_since"),
        noes=fields.number("noes") if "noes" in document else 0,
        retry_at=fields.first_time("retry_at"),
        over_at=fields.first_time("over_at"),
        over_reason=fields.optional_text("over_reason"),
        opens_post=fields.flag("opens_post"),
        is_final=fields.flag("is_final"),
        is_resent=fields.flag("is_resent"),
        document=document,
    )


def _text(snowflake: int | None) -> str | None:
    return None if snowflake is None else str(snowflake)
