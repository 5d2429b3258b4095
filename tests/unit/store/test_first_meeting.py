"""A folder becomes the mirror of a database, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from fakes.records import entry
from mirror_site import START, Counting, KilledError, Site, put, remove

from giftping.settings.keys import Settings
from giftping.settings.load import load_settings
from giftping.store.base import EntryState, StoreAwayError, StoreError
from giftping.store.documents import GUILDS, LEDGER, MIRROR, SUBSCRIPTIONS
from giftping.store.opening import open_store
from giftping.store.tiny.engine import TinyEngine

STOPS = (GUILDS, SUBSCRIPTIONS, LEDGER)
"""Collections of which a host that takes in a database is killed before it takes them in."""


def of_folder(site: Site) -> Settings:
    """Settings without MONGO_URI."""
    config = site.folder / "giftping.toml"
    config.write_text("", "utf-8")
    return load_settings({"GIFTPING_STATE": str(site.folder / "one")}, config, cwd=site.folder)


@pytest.fixture
def half_made(request: pytest.FixtureRequest, site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A host's mirror with what another one has written, as far as it came before its process was killed."""
    with site.host("other") as other:
        for id_ in ("1", "2"):
            put(other, GUILDS, _id=id_, label=id_)
            put(other, SUBSCRIPTIONS, _id=f"{id_}:g", game="g")
        other.insert([entry(1, "A1", state=EntryState.SENT, sent_at=START)])
    # It has been a ledger of its own so far.
    with closing(TinyEngine(site.folder / "one")) as own:
        own.put(GUILDS, [{"_id": "3", "label": "its own"}])
    stamps = Counting.stamps

    def killed(engine: Counting, collection: str) -> Iterator[Any]:
        if collection == request.param:
            raise KilledError
        return stamps(engine, collection)

    monkeypatch.setattr(Counting, "stamps", killed)
    with pytest.raises(KilledError):
        # Nothing closes it.
        site.host().subscriptions()
    monkeypatch.undo()
    return site


@pytest.mark.parametrize("half_made", STOPS, indirect=True)
def test_half_a_ledger_that_is_left_alone_with_its_database_says_that_it_is_one(half_made: Site) -> None:
    settings = of_folder(half_made)
    with open_store(settings, clock=lambda: START) as store:
        assert ["may go out again" in one for one in store.notices] == [True], store.notices
    with open_store(settings, clock=lambda: START) as store:
        assert store.notices == ()


@pytest.mark.parametrize("half_made", STOPS, indirect=True)
def test_half_a_ledger_is_whole_once_it_has_met_its_database_again(half_made: Site) -> None:
    with open_store(of_folder(half_made), clock=lambda: START) as store:
        store.subscriptions()
    half_made.in_step()
    assert "1:A1" in half_made.documents(LEDGER, "one")


@pytest.mark.parametrize("half_made", STOPS, indirect=True)
def test_what_others_remove_while_a_host_that_was_killed_at_its_first_meeting_is_gone_stays_removed(
    half_made: Site,
) -> None:
    site = half_made
    with site.host("other") as other:
        remove(other, GUILDS, "2")
        remove(other, SUBSCRIPTIONS, "2:g")
        remove(other, LEDGER, "1:A1")
    site.in_step()
    for host in ("", "one"):
        assert site.documents(GUILDS, host).keys() == {"1", "3"}
        assert site.documents(SUBSCRIPTIONS, host).keys() == {"1:g"}
        assert site.documents(LEDGER, host) == {}


@pytest.mark.parametrize("half_made", STOPS, indirect=True)
def test_a_host_that_knows_half_of_the_ledger_does_not_go_on_without_the_database(half_made: Site) -> None:
    # Not only where nothing closes it: it may have found no room on its disk.
    half_made.opened[-1].close()
    with half_made.lost(), half_made.host() as store, pytest.raises(StoreAwayError, match="has no mirror of it"):
        store.subscriptions()


@pytest.mark.parametrize("half_made", STOPS, indirect=True)
def test_what_a_host_has_of_one_database_is_not_carried_over_to_another_though_it_was_killed_there(
    half_made: Site,
) -> None:
    site = half_made
    (site.folder / "database").rename(site.folder / "before")
    with site.host("third") as third:
        put(third, GUILDS, _id="9", label="9")
    with site.host() as store, pytest.raises(StoreError, match="another database"):
        store.subscriptions()
    assert site.documents(GUILDS).keys() == {"9"}


def test_a_mirror_of_an_older_giftping_is_a_whole_one(site: Site) -> None:
    site.in_step()
    with closing(TinyEngine(site.folder / "one")) as mirror:
        mirror.put(MIRROR, [{name: value for name, value in one.items() if name != "whole"} for one in _notes(mirror)])
    with site.lost(), site.host() as store:
        assert store.subscriptions() == []


def _notes(mirror: TinyEngine) -> list[Any]:
    return [one for one in mirror.walk(MIRROR) if "whole" in one]
