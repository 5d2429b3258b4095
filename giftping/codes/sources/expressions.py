"""Check the expressions of a definition with the libraries that will read them; for `config check` and `sources test`.

Not imported on the way of an idle run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from giftping.settings.problems import Problem
from giftping.settings.sources import FieldRule, RowRule, SourceDefinition

_FIELDS = ("code", "rewards", "expires", "state", "region", "skip")


def check_expressions(definition: SourceDefinition) -> list[Problem]:
    """The JMESPath expressions and CSS selectors of a definition that cannot be read.

    The keys are relative to the source's table; row groups are counted from 0, as by `read_definition`.
    """
    problems: list[Problem] = []
    for number, rule in enumerate(definition.rows):
        prefix = "rows" if len(definition.rows) == 1 else f"rows[{number}]"
        for key, expression, mistake in _expressions(definition.kind, rule):
            reason = mistake(expression) if expression else ""
            if reason:
                problems.append(Problem(f"{prefix}.{key}", reason))
    return problems


def _expressions(kind: str, rule: RowRule) -> Iterator[tuple[str, str, Callable[[str], str]]]:
    fields = [(name, getattr(rule, name)) for name in _FIELDS]
    paths = [(name, field.path) for name, field in fields if isinstance(field, FieldRule)]
    if kind in ("json", "embedded"):
        yield from ((name, path, _jmespath_mistake) for name, path in [("at", rule.at), *paths])
        yield "script", rule.script, _selector_mistake
    elif kind == "html":
        selectors = [("at", rule.at), ("anchor", rule.anchor), *paths]
        yield from ((name, path, _selector_mistake) for name, path in selectors)


def _jmespath_mistake(expression: str) -> str:
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        jmespath.compile(expression)
    except (JMESPathError, RecursionError) as error:
        return f"{expression!r} is not a JMESPath expression: {_first_line(error)}"
    return ""


def _selector_mistake(expression: str) -> str:
    import soupsieve

    try:
        soupsieve.compile(expression)
    except (soupsieve.SelectorSyntaxError, NotImplementedError, ValueError, RecursionError) as error:
        return f"{expression!r} is not a CSS selector: {_first_line(error)}"
    return ""


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:160]
