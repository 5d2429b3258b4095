from __future__ import annotations

from typing import Any

from hypothesis import settings

# A busy machine makes no test fail: nothing here is measured by the clock.
settings.register_profile("giftping", deadline=None)
settings.load_profile("giftping")


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
