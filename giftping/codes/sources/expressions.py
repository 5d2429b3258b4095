"""Check the expressions of a definition with the libraries that will read them; for `config check` and `sources test`.

Not imported on the way of an idle run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache

from giftping.settings.declaring import keys_of
from giftping.settings.problems import Problem
from giftping.settings.sources import FieldRule, RowRule, SourceDefinition

# A moment whose day, month, year, hour and minute all differ, and that every calendar has.
_MOMENT = datetime(2026, 11, 23, 17, 45, 9, tzinfo=UTC)


def check_expressions(definition: SourceDefinition) -> list[Problem]:
    """The JMESPath expressions, CSS selectors and date formats of a definition that cannot be read.

    The keys are relative to the source's table; row groups are counted from 0, as by `read_definition`.
    """
    problems: list[Problem] = []
    for number, rule in enumerate(definition.rows):
        prefix = "rows" if len(definition.rows) == 1 else f"rows[{number}]"
        for key, expression, mistake in _expressions(definition.kind, rule):
            reason = mistake(expression) if expression else ""
            if reason:
                problems.append(Problem(f"{prefix}.{key}", reason))
    reasons = map(_format_mistake, definition.dates.formats)
    return problems + [Problem("dates.formats", reason) for reason in reasons if reason]


def _expressions(kind: str, rule: RowRule) -> Iterator[tuple[str, str, Callable[[str], str]]]:
    fields = [(key.name, getattr(rule, key.field)) for key in keys_of(RowRule).values() if key.table]
    paths = [(name, field.path) for name, field in fields if isinstance(field, FieldRule)]
    if kind in ("json", "embedded"):
        yield from ((name, path, _jmespath_mistake) for name, path in [("at", rule.at), *paths])
        yield "script", rule.script, _selector_mistake
    elif kind == "html":
        selectors = [("at", rule.at), ("anchor", rule.anchor), *paths]
        yield from ((name, path, _selector_mistake) for name, path in selectors)


# The same expressions stand in source after source, and jmespath forgets them after 128.
@cache
def _jmespath_mistake(expression: str) -> str:
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        jmespath.compile(expression)
    except (JMESPathError, RecursionError) as error:
        return f"{expression!r} is not a JMESPath expression: {_first_line(error)}"
    return ""


@cache
def _selector_mistake(expression: str) -> str:
    import soupsieve

    try:
        soupsieve.compile(expression)
    except (soupsieve.SelectorSyntaxError, NotImplementedError, ValueError, RecursionError) as error:
        return f"{expression!r} is not a CSS selector: {_first_line(error)}"
    return ""


@cache
def _format_mistake(pattern: str) -> str:
    """Why nothing could be read by a date format: strptime says the same of a bad format as of another date."""
    try:
        datetime.strptime(_MOMENT.strftime(pattern), pattern)  # noqa: DTZ007 - only whether it can be read
    except (ValueError, re.error) as error:
        return f"{pattern!r} is not a date format: {_first_line(error)}"
    return ""


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:160]
