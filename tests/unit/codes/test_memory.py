"""What is remembered of a source."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from code_builders import NEW, Definition, listed, listing
from code_builders import NOON as NOW

from giftping.codes.memory import Memory, SourceState, after_unchanged, digest_of
from giftping.codes.model import Listing, Sighting

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def test_only_another_listing_moves_changed_at():
    state = listed("A", "B")
    assert listed("B", "A", state=state, now=NOW + HOUR).changed_at == NOW
    assert listed("A", state=state, now=NOW + HOUR).changed_at == NOW + HOUR
    assert after_unchanged(state, NOW + HOUR).listed_at == NOW + HOUR
    assert after_unchanged(state, NOW + HOUR).changed_at == NOW


def test_an_empty_list_is_a_list():
    """D15."""
    state = listed()
    assert state.listing == Listing()
    assert state.changed_at == NOW
    assert state.digest != NEW.digest


def test_the_digest_tells_spelling_state_and_expiry_apart_but_not_order():
    one = Sighting("wiki", "game", "Abc", expires_at=NOW)
    two = Sighting("wiki", "game", "Def")
    assert digest_of(Listing((one, two))) == digest_of(Listing((two, one)))
    for other in (replace(one, spelling="ABC"), replace(one, expires_at=None), replace(one, region="EU")):
        assert digest_of(Listing((one, two))) != digest_of(Listing((other, two)))


def test_another_definition_of_a_source_starts_anew_but_for_how_it_has_been():
    memory = Memory({"wiki": listed("A")})
    assert memory.of(Definition()).listing == listing("A")
    assert memory.of(Definition(fingerprint="f2")) == SourceState("f2", health=listed("A").health)
    assert memory.of(Definition(name="other")) == SourceState("f1")


def test_sources_that_were_not_looked_at_stay_in_memory():
    memory = Memory({"wiki": listed("A"), "feed": listed("B")}).with_states({"wiki": listed("C")})
    assert memory.states == {"wiki": listed("C"), "feed": listed("B")}
