"""giftping as tests have it, with time for a machine that is slow, or stands still for a minute.

What waits a second or longer, of its own accord or because a test says so, waits as long as a test does. What a test
has given less is its subject: that has to end in the same way however much time goes by.

As a script it is `giftping`.
"""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from fakes.patience import PATIENT
from pymongo import common
from pymongo.errors import ServerSelectionTimeoutError
from pymongo.synchronous.monitor import Monitor
from pymongo.synchronous.topology import Topology

from giftping.discord import http
from giftping.net import transport
from giftping.net.lean_httpx import httpx
from giftping.settings import reading
from giftping.store.mongo import link
from giftping.store.tiny import files

_real_time = time.monotonic


def be_patient() -> None:
    """Let all that is done in this process have time."""
    http.FIRST_ANSWER = reading.PATIENCE = PATIENT
    for kind in (httpx.Timeout, transport.Deadline, files.StoreLock):
        _wrap_init(kind)
    options = link._options

    def patient_options(uri: str, selection: timedelta, answer: timedelta) -> dict[str, Any]:
        found = options(uri, selection, _long(answer))
        return found | {name: PATIENT * 1000 for name in ("connectTimeoutMS",) if name in found}

    link._options = patient_options
    _let_the_driver_judge_by_answers()


def _wrap_init(kind: Any) -> None:
    init = kind.__init__

    def init_patiently(self: Any, *given: Any, **named: Any) -> None:
        # What has a clock of its own does not stand still with the machine.
        if given and callable(given[-1]) and given[-1] is not _real_time:
            return init(self, *given, **named)
        return init(self, *map(_long, given), **{name: _long(value) for name, value in named.items()})

    kind.__init__ = init_patiently


def _long(limit: Any) -> Any:
    if isinstance(limit, timedelta):
        return timedelta(seconds=_long(limit.total_seconds()))
    return PATIENT if isinstance(limit, int | float) and limit >= 1 else limit


def _let_the_driver_judge_by_answers() -> None:
    """Let no server be taken for away before it was asked since, and could not be reached; however long that takes."""
    # A driver whose server is away sleeps for half a second at a time, however little patience it was given.
    common.MIN_HEARTBEAT_INTERVAL = 0.05
    ask, select = Monitor._run, Topology._select_servers_loop

    def asked(monitor: Any) -> None:
        begun = _real_time()
        ask(monitor)
        monitor.asked_at = begun

    def selected(topology: Any, selector: Any, timeout: float, *rest: Any, **named: Any) -> Any:
        begun = _real_time()
        while True:
            try:
                return select(topology, selector, timeout, *rest, **named)
            except ServerSelectionTimeoutError:
                times = [getattr(server._monitor, "asked_at", 0) for server in topology._servers.values()]
                if timeout == 0 or min(times, default=begun) >= begun or _real_time() > begun + PATIENT:
                    raise

    Monitor._run = asked
    Topology._select_servers_loop = selected


if __name__ == "__main__":
    be_patient()

    from giftping.cli import main

    main()
