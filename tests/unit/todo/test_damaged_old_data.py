"""What the older bot left, one document in twenty damaged: nobody is wrongly pinged, nobody wrongly loses the role."""

from __future__ import annotations

import os
import random
from datetime import timedelta
from typing import Any

import pytest
from todo_stage import DAY, GUILD, HOUR, ROLE, Stage

MEMBERS = range(1000, 1060)
SEEDS = 3 if os.environ.get("TEST_FULL") == "1" else 1
ODD: list[Any] = ["yesterday", [1], {"$date": "x"}, True, -5, 1e300, float("nan"), "", "None"]
"""In place of a time, a text or an object. An empty text is none of a time, and the text of nothing."""


def older_documents(
    stage: Stage, chance: random.Random
) -> tuple[dict[int, timedelta], list[dict[str, Any]], list[Any]]:
    """How long each member has been silent in truth, and the documents of the generations of the older bot."""
    now = stage.clock()
    silences, stamps, roster = {}, [], []
    for user_id in MEMBERS:
        silence = silences[user_id] = chance.choice([HOUR, 20 * HOUR, 30 * HOUR, 4.7 * DAY, 9 * DAY])
        since = (now - silence).timestamp()
        member = {"_id": str(user_id), "added": now - 40 * DAY}
        roster.append(chance.choice([member, {**member, "name": f"m{user_id}", "user_id": user_id}]))
        todo = {"name": "x", "date": "1/1/2026", "must_do": "a", "can_do": "N/A", "dont_do": "N/A"}
        feature = {"feature_name": "y", "date": "today", "submitted_at": "2026-01-01T00:00:00+05:30"}
        generations: list[dict[str, Any]] = [
            {"last_submit": since},
            {"last_submit": int(since), "last_ping": 0, "todo": todo},
            {"last_submit": since, "last_ping": (now - chance.choice([1, 2, 4]) * HOUR).timestamp(), "todo": todo},
            {"last_submit": since, "last_ping": 0, "todo": feature, "updated_at": "2026-01-01T00:00:00+05:30"},
        ]
        stamps.append({"_id": str(user_id), **chance.choice(generations)})
    return silences, stamps, roster


def damage(documents: list[dict[str, Any]], chance: random.Random, fields: list[str]) -> set[int]:
    """Damage one of twenty, and return whose those are."""
    chosen = chance.sample(documents, max(len(documents) // 20, 1))
    for document in chosen:
        field = chance.choice([name for name in fields if name in document])
        odd = (
            [value for value in ODD if value not in ("", "None")] if field in ("last_submit", "last_ping") else ODD[1:4]
        )
        document[field] = chance.choice(odd)
    return {int(document["_id"]) for document in chosen}


@pytest.mark.parametrize("seed", range(SEEDS))
def test_one_in_twenty_is_damaged_and_nobody_pays_for_it(stage: Stage, seed: int) -> None:
    chance = random.Random(seed)
    stage.settings = "[todo]\ndirect_messages = false\n"
    silences, stamps, roster = older_documents(stage, chance)
    damaged = damage(stamps, chance, ["last_submit", "last_ping", "todo"]) | damage(roster, chance, ["added"])
    for user_id in MEMBERS:
        stage.discord.add_member(GUILD, user_id, roles=(ROLE,))
    stage.put("todo_timestamps", *stamps)
    stage.put("active_members", *roster)
    warned: dict[int, timedelta] = {}
    began = stage.clock()
    has_role = set(MEMBERS)
    for number in range(14):
        at = stage.clock() - began
        report = stage.sweep()
        if number == 0:
            assert all(str(user_id) in " ".join(report.trouble_lines()) for user_id in damaged)
        for leg in report.legs:
            if leg.kind in ("reminder", "warning"):
                assert silences[leg.user_id] + at >= DAY
                assert leg.user_id not in damaged
            if leg.kind == "warning":
                warned.setdefault(leg.user_id, at)
        for user_id in has_role - {one for one in MEMBERS if ROLE in stage.discord.roles_of(GUILD, one)}:
            has_role.remove(user_id)
            assert silences[user_id] + at >= 5 * DAY
            assert at - warned[user_id] >= 12 * HOUR
            assert user_id not in damaged
        stage.pass_time(3 * HOUR)
    assert damaged <= has_role
    assert len(has_role) < len(MEMBERS)
