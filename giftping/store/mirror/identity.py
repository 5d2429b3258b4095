"""Which database it is that answers, by what this host remembers of it. Pure.

A database has an id, an epoch, a number that every session which writes raises, and for each host the number that it
raised it to last. A host notes its next one in its folder before it writes it, and remembers what was acknowledged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from giftping.store.documents import META, MIRROR, Document, field_name, plain_name
from giftping.store.fields import Fields

IDENTITY_ID = "identity"


class WhichDatabase(StrEnum):
    """What a database is, to one who remembers another look at it."""

    SAME = "same"
    NEW = "new"
    """This host has met none yet."""
    NEW_EPOCH = "new epoch"
    """Another host has noticed that it was rolled back."""
    ROLLED_BACK = "rolled back"
    EMPTIED = "emptied"
    ANOTHER = "another"
    COPIED_FOLDER = "copied folder"
    """It knows of this host what this host's own folder does not: the folder is a copy, or from a backup."""


AS_IT_WAS = (WhichDatabase.SAME, WhichDatabase.NEW)
"""What a database is that may be written to."""

ASKS_A_PERSON = (WhichDatabase.EMPTIED, WhichDatabase.ANOTHER, WhichDatabase.COPIED_FOLDER)
"""What no host can mend by itself."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a database says of itself."""

    id: str
    epoch: int = 1
    number: int = 0
    raised: Mapping[str, int] = field(default_factory=dict)
    """For each host the number that it last raised it to."""
    signed: frozenset[str] = frozenset()
    """The hosts that have put back what they know, in this epoch."""
    is_complete: bool = True
    """Whether all hosts have; in the first epoch there is nothing to put back."""
    rolled: Mapping[str, int] = field(default_factory=dict)
    """What `raised` was when this epoch began: whoever remembers no more of any host knows nothing that it lacks."""
    is_decided: bool = False
    """Whether a person has said, on some host, which settings count in this epoch."""
    open: frozenset[str] = frozenset()
    """The sessions that write, or that were killed while they did: a mirror is in step for sure only without any."""

    @property
    def what_befell(self) -> str:
        """What happened to it, so that this epoch began. One that was emptied knew no more of any host."""
        return "was rolled back, as by a restored backup" if self.rolled else "was emptied"

    def token(self) -> str:
        """What changes whenever anybody has written, or the database was restored."""
        # After a restore the number comes to be again what it was; who raised it to what does not.
        by_host = " ".join(f"{host}={number}" for host, number in sorted(self.raised.items()))
        return f"{self.id} {self.epoch} {self.number} {by_host}"


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a host remembers of its database."""

    id: str
    epoch: int
    next: int
    """The number that it was about to raise it to."""
    raised: Mapping[str, int] = field(default_factory=dict)
    """For each host, this one too, the number that it had raised it to, as far as that was acknowledged."""

    def knows_more_than(self, raised: Mapping[str, int]) -> bool:
        """Whether of any host it remembers a later write than these numbers tell of."""
        return any(raised.get(host, 0) < number for host, number in self.raised.items())


def joined_numbers(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """For each host the higher of two numbers."""
    return {host: max(one.get(host, 0), other.get(host, 0)) for host in {*one, *other}}


def judge_database(remembered: Remembered | None, found: Identity | None, host: str) -> WhichDatabase:
    """What the database is that a host has found, by what it remembers."""
    if remembered is None:
        return WhichDatabase.NEW
    if found is None:
        return WhichDatabase.EMPTIED
    if found.id != remembered.id:
        return WhichDatabase.ANOTHER
    if found.epoch < remembered.epoch:
        # As it was before an earlier roll-back: its numbers are not those of the epoch that is remembered.
        return WhichDatabase.ROLLED_BACK
    if found.raised.get(host, 0) > remembered.next:
        return WhichDatabase.COPIED_FOLDER
    if found.epoch > remembered.epoch:
        return WhichDatabase.NEW_EPOCH
    # Others may have raised the number since a restore, but not those whose writes are gone.
    return WhichDatabase.ROLLED_BACK if remembered.knows_more_than(found.raised) else WhichDatabase.SAME


def is_behind(there: Identity | None, began: Identity) -> bool:
    """Whether a database that was found to be `began` is another one since, or of any host knows less than it did."""
    if there is None or there.id != began.id or there.epoch < began.epoch:
        return True
    knows_less = any(there.raised.get(host, 0) < number for host, number in began.raised.items())
    return there.epoch == began.epoch and knows_less


def raised(identity: Identity, host: str, *, opens: frozenset[str] = frozenset(), ends: frozenset[str]) -> Identity:
    """The identity once a host has raised its number, because sessions of it begin, or are over."""
    number = identity.number + 1
    is_open = (identity.open - ends) | opens
    return replace(identity, number=number, raised={**identity.raised, host: number}, open=is_open)


def signed(identity: Identity, host: str) -> Identity:
    """The identity once a host has put back what it knows."""
    return replace(raised(identity, host, ends=frozenset()), signed=identity.signed | {host})


def next_epoch(remembered: Remembered, found: Identity | None, *, is_decided: bool = False) -> Identity:
    """The identity with which a new epoch begins, of a database that was rolled back or emptied."""
    there = found or Identity(remembered.id)
    return replace(
        there,
        epoch=max(there.epoch, remembered.epoch) + 1,
        number=there.number + 1,
        signed=frozenset(),
        open=frozenset(),
        is_complete=False,
        rolled=there.raised,
        is_decided=is_decided,
    )


def remembered_now(identity: Identity, host: str) -> Remembered:
    """What a host is to remember that takes the database as it is."""
    return Remembered(identity.id, identity.epoch, next=identity.raised.get(host, 0), raised=identity.raised)


WAYS_OUT = (
    "giftping store status tells more; to upload what this host remembers: giftping store adopt; to believe the"
    " database: giftping store accept"
)


def what_is_the_matter(found: WhichDatabase, name: str, host: str) -> str:
    """What is the matter with a database, and what to type; empty where nothing is."""
    what = {
        WhichDatabase.ROLLED_BACK: "it was rolled back, as by a restored backup, and its settings are not this host's",
        WhichDatabase.EMPTIED: "it was emptied: what this host knows of it is there no more",
        WhichDatabase.ANOTHER: "it is another database than the one that this host knows",
    }.get(found)
    if what:
        return f"{name}: {what}; nothing is sent until somebody says which counts: {WAYS_OUT}"
    if found is WhichDatabase.COPIED_FOLDER:
        return (
            f"{name}: two state folders run as {host}, or this one is a copy, or was restored; nothing is sent until"
            f" each has a name of its own (host = in the settings), or, where no other one runs as {host}: giftping"
            " store accept"
        )
    return ""


def was_renamed(database: str, host: str, name: str) -> str:
    """What to say of a host's folder that was a copy, and has a name of its own now; it holds nothing any more."""
    return (
        f"{database}: the state folder of this host, {host}, is a copy, or was restored. It has a name of its own now,"
        f" {name}, and holds nothing; the next run goes on. If {host} is no more: giftping store forget {host}"
    )


# Documents


def identity_document(identity: Identity) -> Document:
    """The document of an identity."""
    return {
        "_id": IDENTITY_ID,
        "id": identity.id,
        "epoch": identity.epoch,
        "number": identity.number,
        "raised": _numbers_document(identity.raised),
        "signed": sorted(identity.signed),
        "complete": identity.is_complete,
        "rolled": _numbers_document(identity.rolled),
        "decided": identity.is_decided,
        "open": sorted(identity.open),
    }


def identity_from(document: Mapping[str, Any] | None) -> Identity | None:
    """The identity of a document, None where there is none. Raise DocumentError when it is odd."""
    if document is None:
        return None
    fields = Fields(META, document)
    return Identity(
        id=fields.text("id"),
        epoch=fields.number("epoch"),
        number=fields.number("number"),
        raised=_numbers_from(fields.table("raised", optional=True)),
        signed=frozenset(fields.texts("signed")),
        is_complete=document.get("complete") is not False,
        rolled=_numbers_from(fields.table("rolled", optional=True)),
        is_decided=document.get("decided") is True,
        open=frozenset(fields.texts("open")),
    )


def remembered_document(remembered: Remembered) -> Document:
    """The note of what a host remembers."""
    return {
        "_id": IDENTITY_ID,
        "id": remembered.id,
        "epoch": remembered.epoch,
        "next": remembered.next,
        "raised": _numbers_document(remembered.raised),
    }


def remembered_from(document: Mapping[str, Any] | None) -> Remembered | None:
    """What a note says, None where there is none."""
    if document is None:
        return None
    by_host = _numbers_from(Fields(MIRROR, document).table("raised", optional=True))
    return Remembered(str(document["id"]), int(document["epoch"]), int(document["next"]), by_host)


def _numbers_document(by_host: Mapping[str, int]) -> Document:
    return {field_name(host): number for host, number in by_host.items()}


def _numbers_from(fields: Fields) -> Mapping[str, int]:
    return {plain_name(host): fields.number(host) for host in fields.document}
