from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module

import pytest
from doctor_facts import FACTS, MONGO, OK, TODO, names

from giftping import doctor
from giftping.doctor.examine import judge
from giftping.doctor.todo_roster import ROSTER_CHECKS
from giftping.doctor.todo_sweeps import SWEEPS_CHECKS

MACHINE = ["settings", "files", "state folder", "ledger"]
CODES = ["source", "game", "destination", "webhook purge", "last check", "uncertain", "claims", "refused", "held"]


def test_where_all_is_well_every_check_says_so_and_none_has_a_next_step() -> None:
    assert {(finding.judgement.verdict, finding.judgement.next_step) for finding in judge(FACTS)} == {(OK, "")}


def checks() -> dict[str, Callable[..., object]]:
    """Every check of every module of the package, by name."""
    modules = [import_module(f"{doctor.__name__}.{found.name}") for found in pkgutil.iter_modules(doctor.__path__)]
    tables = [vars(module)[name] for module in modules for name in vars(module) if name.endswith("_CHECKS")]
    return dict(check for table in tables for check in table)


def test_the_checks_of_every_module_are_told_each_under_a_name_of_its_own() -> None:
    assert sorted(names(FACTS)) == sorted(checks())


@pytest.mark.parametrize("name", checks())
def test_a_check_gets_the_facts_of_its_subject_and_nothing_else(name: str) -> None:
    check = checks()[name]
    module = vars(import_module(check.__module__))
    (shown,) = inspect.signature(check).parameters.values()
    facts = module[shown.annotation]
    assert facts.__module__ == check.__module__
    assert facts.__dataclass_params__.frozen
    assert check.__name__.startswith("judge_")


def test_a_part_that_is_not_set_up_is_not_checked() -> None:
    alone = replace(FACTS, mongo=None, hosts=None, contacts=None, older_bot=None)
    assert names(replace(alone, discord=None, codes=None, todo=None)) == MACHINE
    assert names(replace(alone, todo=None)) == [*MACHINE, "bot token", "clock", *CODES]


def test_of_other_hosts_nothing_is_said_while_mongodb_is_away() -> None:
    away = replace(FACTS, mongo=replace(MONGO, trouble="away"))
    assert "other hosts" in names(FACTS)
    assert "other hosts" not in names(away)


def test_of_a_roster_that_cannot_be_read_nothing_is_said_and_the_guild_is_judged_all_the_same() -> None:
    unread = replace(FACTS, todo=replace(TODO, roster=None, sweeps=None))
    left_out = {name for name, _ in (*ROSTER_CHECKS, *SWEEPS_CHECKS)}
    assert names(unread) == [name for name in names(FACTS) if name not in left_out]
