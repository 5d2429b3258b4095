"""Which database it is that answers, by what this host remembers of it. Pure.

A database has an id, an epoch, and a number that every session which writes raises, and the number at which each host
did so last. A host notes its next one in its folder before it writes it, and remembers what was acknowledged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from giftping.store.documents import Document, field_name, plain_name

IDENTITY_ID = "identity"


class Found(StrEnum):
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

    def token(self) -> str:
        """What changes whenever anybody has written."""
        return f"{self.id} {self.epoch} {self.number}"


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a host remembers of its database."""

    id: str
    epoch: int
    seen: int
    """The highest number that was acknowledged to it."""
    own: int
    """The number that it last raised it to, as far as that was acknowledged."""
    next: int
    """The number that it was about to raise it to."""


def judge(remembered: Remembered | None, found: Identity | None, host: str) -> Found:
    """What the database is that a host has found, by what it remembers."""
    if remembered is None:
        return Found.NEW
    if found is None:
        return Found.EMPTIED
    if found.id != remembered.id:
        return Found.ANOTHER
    own = found.raised.get(host, 0)
    if own > remembered.next:
        return Found.COPIED_FOLDER
    if found.epoch > remembered.epoch:
        return Found.NEW_EPOCH
    if found.epoch < remembered.epoch or found.number < remembered.seen or own < remembered.own:
        return Found.ROLLED_BACK
    return Found.SAME


def raised(identity: Identity, host: str) -> Identity:
    """The identity once a host has raised its number."""
    number = identity.number + 1
    return Identity(identity.id, identity.epoch, number, {**identity.raised, host: number}, identity.signed)


def identity_document(identity: Identity) -> Document:
    """The document of an identity."""
    return {
        "_id": IDENTITY_ID,
        "id": identity.id,
        "epoch": identity.epoch,
        "number": identity.number,
        "raised": {field_name(host): number for host, number in identity.raised.items()},
        "signed": sorted(identity.signed),
    }


def identity_from(document: Mapping[str, Any] | None) -> Identity | None:
    """The identity of a document, None where there is none."""
    if document is None:
        return None
    return Identity(
        str(document["id"]),
        int(document["epoch"]),
        int(document["number"]),
        {plain_name(host): int(number) for host, number in document.get("raised", {}).items()},
        frozenset(map(str, document.get("signed", ()))),
    )


def remembered_document(remembered: Remembered) -> Document:
    """The note of what a host remembers."""
    return {
        "_id": IDENTITY_ID,
        "id": remembered.id,
        "epoch": remembered.epoch,
        "seen": remembered.seen,
        "own": remembered.own,
        "next": remembered.next,
    }


def remembered_from(document: Mapping[str, Any] | None) -> Remembered | None:
    """What a note says, None where there is none."""
    if document is None:
        return None
    numbers = [int(document[name]) for name in ("epoch", "seen", "own", "next")]
    return Remembered(str(document["id"]), *numbers)
