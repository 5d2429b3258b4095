"""What decides where the settings say nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from giftping.settings.keys import CodesSettings, TodoSettings
from giftping.todo.rules import TodoRules

SKIPPED_REGIONS = frozenset(CodesSettings().skipped_regions)


def default_rules(host: str, **changes: Any) -> TodoRules:
    said = TodoSettings()
    rules = TodoRules(host, said.remind_after, said.remind_every, said.remove_after, said.warning, said.lease)
    return replace(rules, **changes)
