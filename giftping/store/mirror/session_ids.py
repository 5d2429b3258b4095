"""Ids of the sessions that write to a database, by which those that were killed are known on their own machine."""

from __future__ import annotations

import os
from collections.abc import Collection


def new_session_id(host: str) -> str:
    """An id for a session of a host, from which it can be told on its machine whether it is over."""
    return f"{host} {os.uname().nodename} {os.getpid()} {os.urandom(3).hex()}"


def gone_sessions(open_ones: Collection[str], host: str) -> frozenset[str]:
    """Those of a host's sessions that surely were killed: they ran on this machine, and no process has their number."""
    gone = set()
    for one in open_ones:
        owner, node, pid, _ = (one.rsplit(" ", 3) + [""] * 4)[:4]
        if owner == host and node == os.uname().nodename and pid.isdigit() and _is_gone(int(pid)):
            gone.add(one)
    return frozenset(gone)


def _is_gone(pid: int) -> bool:
    try:
        # Signal 0 is not sent: it only looks.
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False
