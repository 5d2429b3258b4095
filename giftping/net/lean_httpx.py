"""httpx without its own command line, which brings rich, click and pygments into every process that has them."""

from __future__ import annotations

import logging
import sys

# None in sys.modules is an import that fails; httpx takes it for its "cli" extra not being installed.
_had_main = "httpx._main" in sys.modules
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # None is Python's own mark for it

import httpx  # noqa: E402 - what comes before it is the point

if not _had_main:
    del sys.modules["httpx._main"]

__all__ = ["httpx", "quiet_request_logs"]


def quiet_request_logs() -> None:
    """Keep httpx and httpcore from logging requests: the path of a webhook's request holds its token."""
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
