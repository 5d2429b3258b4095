"""What becomes of a database that is not as this host remembers it: put back, signed, adopted or accepted.

In a new epoch each host first puts back what its mirror knows as sent, handed in, pinged or taken, and signs. Until all
have nothing is sent. Which settings count a person says, where they differ.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from giftping.store.base import StoreError
from giftping.store.documents import (
    ACTIVE_MEMBERS,
    CLEARS,
    CODES,
    DELIVERIES,
    GUILDS,
    HOSTS,
    LEDGER,
    META,
    MIRROR,
    SUBSCRIPTIONS,
    TODO_STATE,
    TODO_TIMESTAMPS,
)
from giftping.store.engine import REV, TRIES, Change
from giftping.store.fields import plain_document
from giftping.store.mirror.identity import (
    AS_IT_WAS,
    IDENTITY_ID,
    Identity,
    Remembered,
    WhichDatabase,
    identity_document,
    identity_from,
    is_behind,
    joined_numbers,
    judge_database,
    remembered_document,
    remembered_from,
    remembered_now,
)
from giftping.store.mirror.notes import away_of, is_copied, synced_document, synced_of
from giftping.store.mongo.engine import MongoEngine
from giftping.store.tiny.engine import TinyEngine
from giftping.store.tiny.tables import Operation, Tables, put
from giftping.text import enumerated

PUT_BACK = (CLEARS, DELIVERIES, LEDGER, TODO_TIMESTAMPS, TODO_STATE, CODES)
"""The collections of which a host puts back what it knows; first the tombstones of clears, which the ledger goes by."""

SETTINGS = (GUILDS, SUBSCRIPTIONS, ACTIVE_MEMBERS)
"""The collections of which a person says what counts."""

WATCHED = (META, HOSTS, *PUT_BACK, *SETTINGS)
"""The collections of which a host notices that one was dropped, or made anew from a backup."""

_NOTED = frozenset(
    {REV, "created_at", "updated_at", "seeded", "broken", "announce_current", "seen", "left_at", "dm_channel_id"}
    | {"dms_closed_at", "found", "clock_from"}
)
"""The fields of settings that runs note by themselves: two that differ in them alone are joined by the rules."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Settings that are not the same in the database and on this host."""

    collection: str
    id: str
    what: str
    """How they differ, for people."""


def found_identity(database: MongoEngine) -> Identity | None:
    """What the database says of itself."""
    return identity_from(database.get(META, [IDENTITY_ID]).get(IDENTITY_ID))


def glance(database: MongoEngine) -> str:
    """A token of what others may have left for a host to do; equal tokens mean nothing. One round trip.

    The schema is not looked at: whoever sees another token opens the store.
    """
    found = identity_from(database.found(META, IDENTITY_ID))
    return found.token() if found else ""


def remembered_of(mirror: TinyEngine) -> Remembered | None:
    """What the folder remembers of its database."""
    return remembered_from(mirror.get(MIRROR, [IDENTITY_ID]).get(IDENTITY_ID))


def found_to_be(remembered: Remembered | None, found: Identity | None, mirror: TinyEngine, host: str) -> WhichDatabase:
    """What a database is, by what its folder remembered before it was asked.

    Another process of the host may have raised the number since: the folder knew of that first, and is asked again.
    Where a copy of the folder was made, the two of them may both have gone on while the database was away.
    """
    verdict = judge_database(remembered, found, host)
    if verdict is WhichDatabase.COPIED_FOLDER and remembered and (now := remembered_of(mirror)):
        verdict = judge_database(replace(remembered, next=now.next), found, host)
    if verdict is WhichDatabase.SAME and is_copied(mirror) and away_of(mirror) is not None:
        return WhichDatabase.COPIED_FOLDER
    return verdict


def made_anew(database: MongoEngine, mirror: TinyEngine) -> tuple[Mapping[str, str], frozenset[str]]:
    """Which collections the database has, and those of them that were dropped since the mirror was in step with it.

    What a backup lacks this host may never have seen; another one may have.
    """
    synced = synced_of(mirror)
    known = synced.made if synced is not None else {}
    made = database.incarnations(WATCHED) or known
    return made, synced.made_anew(made) if synced is not None else frozenset()


def found_with(found: WhichDatabase, anew: frozenset[str]) -> WhichDatabase:
    """What a database is of which collections were made anew, though its numbers say that it is the same."""
    return WhichDatabase.ROLLED_BACK if anew and found is WhichDatabase.SAME else found


def take_for_own(mirror: TinyEngine, identity: Identity, host: str) -> None:
    """Let a copied folder go on by itself, under a name that no other one has."""
    notes = [remembered_document(remembered_now(identity, host))]
    if synced := synced_of(mirror):
        notes.append(synced_document(replace(synced, number=-1, place=mirror.place)))
    mirror.put(MIRROR, notes)


def change_identity(
    database: MongoEngine, mirror: TinyEngine, change: Callable[[Identity | None], Identity]
) -> Identity:
    """The identity after a change, made anew until nobody is faster.

    The folder knows of it first: that a database knows more of a host than its folder does is the mark of a copy.
    """
    for _ in range(TRIES):
        document = database.get(META, [IDENTITY_ID]).get(IDENTITY_ID)
        after = change(identity_from(document))
        remember(mirror, Remembered(after.id, after.epoch, next=after.number), is_new=False)
        changed = {**(document or {}), **identity_document(after)}
        if database.change([Change(META, document, changed)])[0]:
            return after
    raise StoreError(f"{database.name}: other hosts write all the time; the next run tries again")


def remember(mirror: TinyEngine, remembered: Remembered, *, is_new: bool = True) -> None:
    """Let the folder remember more of its database; no process of the host takes back what another one has noted.

    Where it `is_new` it may be another one than the folder knows, or another epoch of it.
    """

    def decide(tables: Tables) -> tuple[list[Operation], None]:
        known = remembered_from(tables[MIRROR].get(IDENTITY_ID))
        after = remembered
        if known is not None and known.id == remembered.id and known.epoch >= remembered.epoch:
            is_of_today = known.epoch == remembered.epoch
            by_host = joined_numbers(known.raised, remembered.raised) if is_of_today else known.raised
            after = replace(known, next=max(known.next, remembered.next), raised=by_host)
        elif known is not None and known.id == remembered.id and not is_new:
            # Of an epoch that is only about to be signed.
            after = replace(known, next=max(known.next, remembered.next))
        elif not is_new:
            return [], None
        return ([put(MIRROR, remembered_document(after))] if after != known else []), None

    mirror.write(decide)


def remember_found(mirror: TinyEngine, found: Identity, host: str) -> None:
    """Let the folder remember the numbers that were found, but not those of an epoch that it has not signed."""
    known = remembered_of(mirror)
    if known is None or (found.id, found.epoch) == (known.id, known.epoch):
        remember(mirror, remembered_now(found, host))


def is_as_it_was(
    remembered: Remembered | None, there: Identity | None, began: Identity | None, mirror: TinyEngine, host: str
) -> bool:
    """Whether a database that had the identity `began` when a session did is not another, or an older one, by now.

    What the folder `remembered` is read before the database is: another process of the host may raise the number.
    """
    is_another_epoch = there is not None and began is not None and there.epoch != began.epoch
    if is_another_epoch or (began is not None and is_behind(there, began)):
        return False
    return found_to_be(remembered, there, mirror, host) in AS_IT_WAS


def new_identity() -> Identity:
    """The identity of a database that has none yet."""
    return Identity(os.urandom(8).hex())


def may_know_later_settings(
    mirror: TinyEngine, known: Remembered, there: Identity, anew: frozenset[str] = frozenset()
) -> bool:
    """Whether the settings on this host may be later ones than those in the database, and nobody has said which count.

    Where these alone were dropped, or are from a backup, its numbers tell nothing of them.
    """
    if there.is_decided:
        return False
    synced = synced_of(mirror)
    has_followed_since = synced is not None and synced.number > max(there.rolled.values(), default=0)
    are_alone = META not in anew and not anew.isdisjoint(SETTINGS)
    return has_followed_since or known.knows_more_than(there.rolled) or are_alone


def differences(database: MongoEngine, mirror: TinyEngine) -> list[Difference]:
    """The settings that a person has set otherwise in the database than on this host."""
    found = []
    for collection, id_, there, here in _settings(database, mirror):
        if there is None or here is None:
            found.append(Difference(collection, id_, "only here" if there is None else "only in the database"))
        elif _set_by_people(plain_document(there)) != _set_by_people(here):
            found.append(Difference(collection, id_, "not the same"))
    return found


def upload_settings(database: MongoEngine, mirror: TinyEngine) -> None:
    """Let the settings in the database be what they are on this host."""
    changes = [
        Change(collection, there, here)
        for collection, _, there, here in _settings(database, mirror)
        if there is None or here is None or {**plain_document(there), REV: None} != {**here, REV: None}
    ]
    if changes:
        database.change(changes)


def _settings(
    database: MongoEngine, mirror: TinyEngine
) -> Iterator[tuple[str, str, Mapping[str, Any] | None, Mapping[str, Any] | None]]:
    """Each document of settings by collection and id, as the database has it, and as this host does."""
    for collection in SETTINGS:
        there, here = ({one["_id"]: one for one in engine.find(collection)} for engine in (database, mirror))
        for id_ in sorted(there.keys() | here.keys()):
            yield collection, id_, there.get(id_), here.get(id_)


def _set_by_people(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in _NOTED}


def put_back_hosts(database: MongoEngine, mirror: TinyEngine) -> None:
    """Let the database know the hosts again that it has forgotten: each has something to put back."""
    known = [dict(one) for one in mirror.walk(HOSTS)]
    there = database.present(HOSTS, [str(one["_id"]) for one in known]) if known else ()
    if missing := [one for one in known if one["_id"] not in there]:
        database.change([Change(HOSTS, None, one) for one in missing])


def awaited(database: MongoEngine, identity: Identity, host: str) -> list[str]:
    """The hosts but this one that have not put back yet what they know."""
    known = {id_ for one in database.walk(HOSTS) if isinstance(id_ := one["_id"], str)}
    return sorted(known - identity.signed - {host})


def waits_for(hosts: Sequence[str], name: str, befell: str) -> str:
    """Why nothing is sent until other hosts have put back what they know, with the ways out."""
    they = "it has" if len(hosts) == 1 else "they have"
    forgotten = hosts[0] if len(hosts) == 1 else "HOST"
    return (
        f"{name} {befell.partition(',')[0]}: nothing is sent until {enumerated(hosts)}"
        f" {'has' if len(hosts) == 1 else 'have'} put back what {they} sent since; a giftping codes check there does"
        f" it, within ten minutes of the one before it; for one that is gone: giftping store forget {forgotten}"
    )
