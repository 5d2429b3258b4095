from __future__ import annotations

from typing import Any


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what tests recorded under the name `told`, such as how many runs were killed at how many steps."""
    lines = [
        str(value)
        for report in terminalreporter.stats.get("passed", [])
        for name, value in report.user_properties
        if name == "told"
    ]
    if lines:
        terminalreporter.section("told")
        terminalreporter.write_line("\n".join(lines))
