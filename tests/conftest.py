from __future__ import annotations

import os
import signal
from typing import Any

from fakes.patient import be_patient
from hypothesis import HealthCheck, settings

# A busy machine makes no test fail: nothing here is measured by the clock.
settings.register_profile("giftping", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=25)
settings.register_profile("full", settings.get_profile("giftping"), max_examples=100)
settings.load_profile("full" if os.environ.get("TEST_FULL") == "1" else "giftping")

be_patient()

# A shell has it ignored in what it starts in the background, and giftping leaves it at that.
signal.signal(signal.SIGINT, signal.default_int_handler)


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
