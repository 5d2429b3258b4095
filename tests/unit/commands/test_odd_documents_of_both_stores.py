"""What is odd is named by whatever reads it, in the JSON file as in MongoDB, whichever collection it is of."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fakes.documents import SAMPLES
from fakes.mongod import new_database, or_skip, shared_mongod
from fakes.odd_values import FIXED, paths, with_value
from ran import Ran

from giftping.demo.discord import StandInDiscord
from giftping.store.documents import ACTIVE_MEMBERS, HOSTS, RUNS, TODO_STATE, TODO_TIMESTAMPS
from giftping.store.mongo.engine import MongoEngine
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine

Run = Callable[..., Ran]
Documents = Mapping[str, list[dict[str, Any]]]

OF_HOSTS = {HOSTS, RUNS}
"""Of a database that others use, by these, no more is read."""

IN_BOTH = [value for value in FIXED if type(value) in (bool, str, list, dict) or value in (0, -1, 2**31, 0.5, 1e300)]

SHIFTS = range(len(IN_BOTH)) if os.environ.get("TEST_FULL") == "1" else (0, 5, 11)
"""By how many places the values are moved on among the fields; all of them with TEST_FULL, so that each is in each."""

DRY = ("--dry-run",)


def damaged(collection: str, shift: int) -> list[dict[str, Any]]:
    """A document with another value in it for each field that the collection has."""
    sample = SAMPLES[collection]
    ways = [path for path in paths(sample(1)) if path != ("_id",)]
    return [
        with_value(sample(900 + number), path, IN_BOTH[(number + shift) % len(IN_BOTH)])
        | {"_id": sample(900 + number)["_id"]}
        for number, path in enumerate(ways)
    ]


def named(ran: Ran) -> set[str]:
    """The documents and members that a command says it could not read."""
    return set(re.findall(r"\w+: document '[^']+'|member \d+(?=: )", ran.output + ran.errors))


@pytest.fixture
def fill(home: Path, discord: StandInDiscord, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Documents], None]:
    """Opens a store of the kind for the commands from now on, with these documents in it."""
    del discord

    def filled(kind: str, documents: Documents) -> None:
        monkeypatch.setenv("GIFTPING_STATE", str(home / f"state-{kind}"))
        if kind == "MongoDB":
            uri = new_database(or_skip(shared_mongod))
            monkeypatch.setenv("MONGO_URI", uri)
            engine: Any = MongoEngine(uri)
        else:
            engine = TinyEngine(home / f"state-{kind}")
        with closing(Store(engine)) as store:
            for collection, ones in documents.items():
                assert len(store.insert_documents(collection, ones)) == len(ones)

    return filled


@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("collections", [OF_HOSTS, SAMPLES.keys() - OF_HOSTS], ids=["hosts", "rest"])
def test_both_stores_name_the_same(
    giftping: Run, fill: Callable[[str, Documents], None], collections: set[str], shift: int
) -> None:
    documents = {name: damaged(name, shift) for name in collections if name != TODO_STATE}
    if TODO_STATE in collections:
        documents[TODO_STATE] = [{"_id": "forgotten 5", "forgotten_at": "soon"}, {"_id": "forgotten x"}]
    found: dict[tuple[str, ...], list[set[str]]] = {}
    for kind in ("file", "MongoDB"):
        fill(kind, documents)
        for words in (("codes", "check", *DRY), ("todo", "sweep", *DRY), ("doctor", "--json")):
            ran = giftping(*words)
            assert ran.exit_code == 69, (kind, words, ran)
            found.setdefault(words, []).append(named(ran))
    for words, (by_file, by_mongo) in found.items():
        assert by_file == by_mongo != set(), words
    check, sweep, doctor = (by_file for by_file, _ in found.values())
    assert check | sweep == doctor
    assert {one.split()[0].rstrip(":") for one in doctor} - {"member"} == collections - {
        ACTIVE_MEMBERS,
        TODO_TIMESTAMPS,
    }
