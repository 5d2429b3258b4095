"""Which database it is that answers: the same, rolled back, emptied, another one, or known by a copied folder."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from giftping.store.mirror.epochs import remember, remembered_of
from giftping.store.mirror.identity import (
    Identity,
    Remembered,
    WhichDatabase,
    identity_document,
    identity_from,
    judge_database,
    next_epoch,
    raised,
    remembered_document,
    remembered_from,
    remembered_now,
    signed,
    what_is_the_matter,
)
from giftping.store.tiny.engine import TinyEngine

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

    def judged(self, host: str) -> WhichDatabase:
        return judge_database(self.known.get(host), self.there, host)

    def come(self, host: str) -> None:
        """Let a host do what it does when it finds the database so."""
        found = self.judged(host)
        if found is WhichDatabase.ROLLED_BACK:
            self.there = next_epoch(self.known[host], self.there)
        if found in (WhichDatabase.ROLLED_BACK, WhichDatabase.NEW_EPOCH):
            self.there = signed(self.there, host)
            self.known[host] = remembered_now(self.there, host)
        self.write(host)


steps = st.lists(st.sampled_from(HOSTS), max_size=12)


@given(steps)
def test_a_database_that_nobody_touched_is_the_same_for_all(story: list[str]) -> None:
    world = World()
    for step in story:
        assert world.judged(step) in (WhichDatabase.SAME, WhichDatabase.NEW)
        world.write(step)
    assert all(world.judged(host) is WhichDatabase.SAME for host in world.known)


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
            assert world.judged(host) in (WhichDatabase.ROLLED_BACK, WhichDatabase.NEW_EPOCH)
        world.come(host)
    for host in HOSTS:
        world.come(host)
    assert all(world.judged(host) is WhichDatabase.SAME for host in world.known)
    assert world.there.epoch == (2 if since else 1)


@given(steps, steps, steps, st.sampled_from(HOSTS))
def test_whoever_has_seen_what_others_wrote_since_a_backup_notices_that_it_was_restored(
    before: list[str], since: list[str], after: list[str], watcher: str
) -> None:
    world = World()
    for host in [*before, watcher]:
        world.write(host)
    backup, knew = world.there, dict(world.known)
    for host in since:
        world.write(host)
    world.known[watcher] = remembered_now(world.there, watcher)
    seen = world.there
    # Those who run first have forgotten, or never knew, what was written since.
    world.there = backup
    for host in after:
        if host not in since and host != watcher and knew.get(host) is not None:
            world.write(host)
    if since:
        assert world.judged(watcher) is WhichDatabase.ROLLED_BACK
        assert world.there.token() != seen.token()
    else:
        assert world.judged(watcher) is WhichDatabase.SAME


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
    noted = Remembered(known.id, known.epoch, next=2)
    assert judge_database(noted, before, MINE) is WhichDatabase.SAME
    assert judge_database(noted, raised(before, MINE, ends=frozenset()), MINE) is WhichDatabase.SAME


@pytest.mark.parametrize(
    ("found", "what"),
    [
        (None, WhichDatabase.EMPTIED),
        (Identity("other", number=5, raised={MINE: 5}), WhichDatabase.ANOTHER),
        (Identity("db", number=4, raised={MINE: 3}), WhichDatabase.ROLLED_BACK),
        (Identity("db", number=9, raised={MINE: 3}), WhichDatabase.ROLLED_BACK),
        (Identity("db", epoch=0, number=9, raised={MINE: 5}), WhichDatabase.ROLLED_BACK),
        (Identity("db", epoch=2, number=4, raised={MINE: 3}), WhichDatabase.NEW_EPOCH),
        (Identity("db", number=9, raised={MINE: 8}), WhichDatabase.COPIED_FOLDER),
        (Identity("db", number=9, raised={MINE: 5}), WhichDatabase.SAME),
    ],
)
def test_a_database_is_found_to_be(found: Identity | None, what: WhichDatabase) -> None:
    remembered = Remembered("db", epoch=1, next=5, raised={MINE: 5})
    assert judge_database(remembered, found, MINE) is what
    assert judge_database(None, found, MINE) is WhichDatabase.NEW


@pytest.mark.parametrize("found", [WhichDatabase.ROLLED_BACK, WhichDatabase.EMPTIED, WhichDatabase.ANOTHER])
def test_what_waits_for_a_person_is_said_with_the_three_things_to_type(found: WhichDatabase) -> None:
    text = what_is_the_matter(found, "MongoDB gifts at db", MINE)
    for command in ("giftping store status", "giftping store adopt", "giftping store accept"):
        assert command in text
    assert text.startswith("MongoDB gifts at db: it ")


def test_of_what_is_fine_nothing_is_said() -> None:
    assert (
        what_is_the_matter(WhichDatabase.SAME, "MongoDB", MINE)
        == what_is_the_matter(WhichDatabase.NEW, "MongoDB", MINE)
        == ""
    )


def test_what_a_folder_remembers_is_not_taken_back_by_another_process_of_its_host(tmp_path: Path) -> None:
    with closing(TinyEngine(tmp_path)) as mirror:
        remember(mirror, Remembered("db", 1, next=5, raised={MINE: 5, "two": 4}))
        remember(mirror, Remembered("db", 1, next=7), is_new=False)
        remember(mirror, Remembered("db", 1, next=6, raised={MINE: 6}))
        assert remembered_of(mirror) == Remembered("db", 1, next=7, raised={MINE: 6, "two": 4})
        anew = Remembered("db", 2, next=3, raised={MINE: 3})
        remember(mirror, anew)
        assert remembered_of(mirror) == anew
        remember(mirror, Remembered("other", 1, next=9), is_new=False)
        assert remembered_of(mirror) == anew
        remember(mirror, Remembered("other", 1, next=1))
        assert remembered_of(mirror) == Remembered("other", 1, next=1)


@given(st.dictionaries(st.sampled_from(HOSTS), st.integers(1, 9), min_size=1))
def test_a_new_epoch_says_whether_the_database_was_emptied_or_rolled_back(known: dict[str, int]) -> None:
    remembered = Remembered("db", 1, next=9, raised=known)
    emptied = next_epoch(remembered, None)
    rolled_back = next_epoch(remembered, Identity("db", number=9, raised=known))
    assert [identity_from(identity_document(one)).what_befell for one in (emptied, rolled_back)] == [  # type: ignore[union-attr]
        "was emptied",
        "was rolled back, as by a restored backup",
    ]
