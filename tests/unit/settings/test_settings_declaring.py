from __future__ import annotations

import pytest

from giftping.settings.catalogue import Game
from giftping.settings.declaring import keys_of, sentences
from giftping.settings.keys import declared_tables
from giftping.settings.sources import SOURCE_KINDS, DateRules, FieldRule, RowRule, SourceDefinition

OF_SOURCES = (SourceDefinition, RowRule, FieldRule, DateRules)


@pytest.mark.parametrize("declared", [*declared_tables().values(), Game, *OF_SOURCES])
def test_every_key_has_its_sentence_below_its_field(declared: type) -> None:
    assert [key.name for key in keys_of(declared).values() if not sentences(declared).get(key.field)] == []


@pytest.mark.parametrize("declared", OF_SOURCES)
def test_every_kind_that_knows_a_key_is_one_that_there_is(declared: type) -> None:
    assert {kind for key in keys_of(declared).values() for kind in key.kinds} <= set(SOURCE_KINDS)


def test_a_kind_of_source_knows_its_own_keys_and_those_of_all() -> None:
    assert set(keys_of(FieldRule)) - set(keys_of(FieldRule, "text")) == {"path", "attribute", "heading"}
