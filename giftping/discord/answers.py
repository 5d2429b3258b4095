"""What Discord's answers say: errors in words, and how long a 429 wants us to wait. Values only."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from giftping.discord.pacing import Hold, number

REASON_LENGTH = 200
"""The most characters of a reason; what comes from the network may be of any length."""

PATIENCE = 1.0
"""Seconds to wait after a first 429 that does not say how long; doubled with each further one."""

CLIENT_BLOCKED = 40333
"""Discord's code for a client that Cloudflare does not let through."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]+")
_ERRORS_SHOWN = 3
_DEPTH = 10


def read_json(body: bytes) -> Any:
    """Return what a JSON body holds, None for one that is no JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


@dataclass(frozen=True, slots=True)
class ApiError:
    """An error in Discord's own form: a code, 0 where there is none more precise than the status, and words."""

    code: int
    message: str
    details: tuple[str, ...] = ()


def api_error(body: Any) -> ApiError | None:
    """The error that a JSON body holds, None where it is not in Discord's form: something else answered."""
    if not isinstance(body, dict):
        return None
    code, message = body.get("code"), body.get("message")
    if isinstance(code, bool) or not isinstance(code, int) or not isinstance(message, str):
        return None
    return ApiError(code, message, tuple(_details(body.get("errors"), "", _DEPTH)))


def _details(tree: Any, path: str, depth: int) -> Iterator[str]:
    """The leaves of the tree that code 50035 brings: `{"embeds": {"0": {"title": {"_errors": [...]}}}}`."""
    if not isinstance(tree, dict) or not depth:
        return
    for key, below in tree.items():
        if key == "_errors" and isinstance(below, list):
            texts = [error["message"] for error in below if isinstance(error, dict) and "message" in error]
            yield from (f"{path}: {text}" if path else str(text) for text in texts)
        else:
            yield from _details(below, f"{path}.{key}" if path else str(key), depth - 1)


def error_reason(status: int, error: ApiError | None, secrets: tuple[str, ...] = ()) -> str:
    """An error answer in words: `HTTP 403 Missing Permissions (50013)`, `HTTP 502`."""
    if error is None:
        return f"HTTP {status}"
    # Discord repeats the status in the message where it has no code: "401: Unauthorized".
    message = error.message.removeprefix(f"{status}: ")
    code = f" ({error.code})" if error.code else ""
    details = "; ".join(error.details[:_ERRORS_SHOWN])
    return clean(f"HTTP {status} {message}{code}{': ' if details else ''}{details}", secrets)


def clean(text: str, secrets: tuple[str, ...] = ()) -> str:
    """A text from the network as one short line without control characters and without these secrets."""
    for secret in filter(None, secrets):
        text = text.replace(secret, "[hidden]")
    line = " ".join(_CONTROL.sub(" ", text).split())
    return line if len(line) <= REASON_LENGTH else line[: REASON_LENGTH - 1] + "…"


def is_from_discord(headers: Mapping[str, str]) -> bool:
    """Whether a 429 is Discord's own.

    Cloudflare, which stands before it and bans an address, sends neither `Via` nor rate limit headers
    (Discord's staff, discord-api-docs #5810).
    """
    return "via" in headers or any(name.startswith("x-ratelimit-") for name in headers)


def hold_of(headers: Mapping[str, str], body: Any, tries: int) -> Hold:
    """How long, and for what, a 429 of Discord's wants us to wait; `tries` counts those of this request.

    The body is more exact than the header. One that says nothing sensible, or says too little again and
    again, is met with PATIENCE.
    """
    said = body if isinstance(body, dict) else {}
    waits = (said.get("retry_after"), headers.get("retry-after"), headers.get("x-ratelimit-reset-after"))
    seconds = next((wait for wait in map(number, waits) if wait is not None), None)
    patience = PATIENCE * 2 ** (tries - 1)
    everywhere = (
        headers.get("x-ratelimit-scope") == "global"
        or headers.get("x-ratelimit-global", "").lower() == "true"
        or said.get("global") is True
    )
    return Hold(patience if seconds is None else max(seconds, patience * (tries > 1)), everywhere)
