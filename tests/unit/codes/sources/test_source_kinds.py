"""The kinds that settings accept and the kinds that have a parser are the same ones."""

from __future__ import annotations

import pytest

from giftping.codes.sources.kinds import KINDS, parser_of
from giftping.settings.sources import read_definition


def complaint_about(kind: str) -> str:
    _, problems = read_definition("somewhere", {"kind": kind})
    return next((problem.reason for problem in problems if problem.key == "kind"), "")


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_that_has_a_parser_may_stand_in_the_settings(kind: str) -> None:
    assert callable(parser_of(kind))
    assert complaint_about(kind) == ""


def test_the_settings_know_no_kind_beyond_those_that_have_a_parser() -> None:
    offered = complaint_about("carrier pigeon").rpartition("one of: ")[2]
    assert offered.split(", ") == sorted(KINDS)
