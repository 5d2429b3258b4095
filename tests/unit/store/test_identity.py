"""Which database it is that answers: the same, rolled back, emptied, another one, or known by a copied folder."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from giftping.store.mirror.identity import (
    Found,
    Identity,
    Remembered,
    explained,
    identity_document,
    identity_from,
    judge,
    next_epoch,
    raised,
    remembered_document,
    remembered_from,
    remembered_now,
    signed,
)

HOSTS = ("one", "two.example", "three$")
MINE = HOSTS[0]


@dataclass
class World:
    """A database, and what each host remembers of it."""

    there: Identity = field(default_factory=lambda: Identity("db"))
    known: dict[str, Remembered] = field(default_factory=dict)

    def write(self, host: str) -> None:
        self.there = raised(self.there, host, ends=frozenset())
        self.known[host] = remembered_now(self.there, host)

    def judged(self, host: str) -> Found:
        return judge(self.known.get(host), self.there, host)

    def come(self, host: str) -> None:
        """Let a host do what it does when it finds the database so."""
        found = self.judged(host)
        if found is Found.ROLLED_BACK:
            self.there = next_epoch(self.known[host], self.there)
        if found in (Found.ROLLED_BACK, Found.NEW_EPOCH):
            self.there = signed(self.there, host)
            self.known[host] = remembered_now(self.there, host)
        self.write(host)


steps = st.lists(st.sampled_from(HOSTS), max_size=12)


@given(steps)
def test_a_database_that_nobody_touched_is_the_same_for_all(story: list[str]) -> None:
    world = World()
    for step in story:
        assert world.judged(step) in (Found.SAME, Found.NEW)
        world.write(step)
    assert all(world.judged(host) is Found.SAME for host in world.known)


@given(steps, steps, st.sampled_from(HOSTS))
def test_whoever_wrote_since_a_backup_notices_that_it_was_restored_whatever_others_wrote_after_it(
    before: list[str], since: list[str], first: str
) -> None:
    world = World()
    for host in before:
        world.write(host)
    backup = world.there
    for host in since:
        world.write(host)
    world.there = backup
    world.come(first)
    for host in HOSTS:
        if host in since and host not in world.there.signed:
            assert world.judged(host) in (Found.ROLLED_BACK, Found.NEW_EPOCH)
        world.come(host)
    for host in HOSTS:
        world.come(host)
    assert all(world.judged(host) is Found.SAME for host in world.known)
    assert world.there.epoch == (2 if since else 1)


@given(steps)
def test_an_identity_is_what_its_document_says(story: list[str]) -> None:
    world = World()
    for host in story:
        world.come(host)
    assert identity_from(identity_document(world.there)) == world.there
    for known in world.known.values():
        assert remembered_from(remembered_document(known)) == known
    assert identity_from(None) is remembered_from(None) is None


def test_a_host_that_was_killed_before_it_wrote_what_it_had_noted_finds_the_same() -> None:
    known = remembered_now(raised(Identity("db"), MINE, ends=frozenset()), MINE)
    before = Identity("db", number=1, raised={MINE: 1})
    noted = Remembered(known.id, known.epoch, known.seen, known.own, next=2)
    assert judge(noted, before, MINE) is Found.SAME
    assert judge(noted, raised(before, MINE, ends=frozenset()), MINE) is Found.SAME


@pytest.mark.parametrize(
    ("found", "what"),
    [
        (None, Found.EMPTIED),
        (Identity("other", number=5, raised={MINE: 5}), Found.ANOTHER),
        (Identity("db", number=4, raised={MINE: 3}), Found.ROLLED_BACK),
        (Identity("db", number=9, raised={MINE: 3}), Found.ROLLED_BACK),
        (Identity("db", epoch=0, number=9, raised={MINE: 5}), Found.ROLLED_BACK),
        (Identity("db", epoch=2, number=4, raised={MINE: 3}), Found.NEW_EPOCH),
        (Identity("db", number=9, raised={MINE: 8}), Found.COPIED_FOLDER),
        (Identity("db", number=9, raised={MINE: 5}), Found.SAME),
    ],
)
def test_a_database_is_found_to_be(found: Identity | None, what: Found) -> None:
    remembered = Remembered("db", epoch=1, seen=5, own=5, next=5)
    assert judge(remembered, found, MINE) is what
    assert judge(None, found, MINE) is Found.NEW


@pytest.mark.parametrize("found", [Found.ROLLED_BACK, Found.EMPTIED, Found.ANOTHER])
def test_what_waits_for_a_person_is_said_with_the_three_things_to_type(found: Found) -> None:
    text = explained(found, "MongoDB gifts at db", MINE)
    for command in ("giftping store status", "giftping store adopt", "giftping store accept"):
        assert command in text
    assert text.startswith("MongoDB gifts at db: it ")


def test_of_what_is_fine_nothing_is_said() -> None:
    assert explained(Found.SAME, "MongoDB", MINE) == explained(Found.NEW, "MongoDB", MINE) == ""
