"""Discord's refusals in words: what a no says, how long it lasts, and what else it holds for. Pure.

The codes are Discord's own (API reference, JSON Error Codes).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from giftping.discord.meanings import Kind, meaning_of
from giftping.discord.outcome import Refused, Unclear
from giftping.text import cut

REASON_LENGTH = 200
"""The most characters of a reason; what comes from the network may be of any length."""

CLIENT_BLOCKED = 40333
"""With 403, for a client that Cloudflare does not let through."""

SMALLEST_CODE, LARGEST_CODE = 10_000, 9_999_999
"""Beyond these Discord has no codes, but for 0 where it has none more precise than the status."""

UNKNOWN_CHANNEL = 10003
"""With 404, for a channel or a thread that is gone."""

UNKNOWN_WEBHOOK = 10015
"""With 404, for a webhook that was removed: it never comes back under this address."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]+")
_ERRORS_SHOWN = 3
_DEPTH = 10


class Scope(Enum):
    """What a refusal holds for, so that the same no is not asked for again in a run."""

    REQUEST = auto()
    """This request alone."""
    DESTINATION = auto()
    """All that is about the same channel, guild or webhook."""
    SENDER = auto()
    """All that the bot asks, or all that this address asks without a token."""
    EVERYTHING = auto()
    """All requests to Discord."""


Held = tuple[Scope, str]
"""What a refusal holds for: everything, a sender by its kind, a destination by its resource."""

BOT: Held = (Scope.SENDER, "bot")


@dataclass(frozen=True, slots=True)
class ApiError:
    """An error in Discord's own form."""

    code: int
    """0 where there is none more precise than the status."""
    message: str
    details: tuple[str, ...] = ()
    """What is wrong with which part of the request, in words."""
    parts: tuple[str, ...] = ()
    """Which parts of the body that is."""


def api_error(body: Any) -> ApiError | None:
    """The error that a JSON body holds, None where it is not in Discord's form: something else answered."""
    if not isinstance(body, dict):
        return None
    code, message = body.get("code"), body.get("message")
    if isinstance(code, bool) or not isinstance(code, int) or not isinstance(message, str):
        return None
    # Gateways and frameworks write objects of the same form, with an HTTP status or a number of their own in it.
    if code != 0 and not SMALLEST_CODE <= code <= LARGEST_CODE:
        return None
    errors = body.get("errors")
    return ApiError(code, message, tuple(_details(errors, "", _DEPTH)), tuple(_parts(errors)))


def _parts(errors: Any) -> Iterator[str]:
    """The parts of a message that are wrong; in the body that opens a post that is a part itself."""
    for part, below in errors.items() if isinstance(errors, dict) else ():
        if part == "message":
            yield from _parts(below)
        elif part != "_errors":
            yield str(part)


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


def read_refusal(
    status: int, error: ApiError | None, *, as_bot: bool, secrets: tuple[str, ...] = ()
) -> tuple[Refused | Unclear, Scope]:
    """What a 4xx means, and for what else; `error` is None where something other than Discord has answered.

    A no is only what Discord itself says, or a 429, whoever says it. A 429 comes here when it is not one of Discord's
    own rate limits, which are waited for. A proxy or a portal says nothing of the destination, nor whether it has
    passed the request on before it answered in its own name; neither does a 408 (RFC 9110, 15.5.9).
    """
    if status == 429:
        blocked = "HTTP 429, Cloudflare blocks this address for a while"
        return Refused(blocked, status, everywhere=True), Scope.EVERYTHING
    if error is None:
        # What stands in the way of all requests is met once: no other guild's announcement becomes unclear by it.
        stands_between = status in (401, 403, 404, 407)
        said = f"HTTP {status}, and the answer is not Discord's"
        return Unclear(said), Scope.SENDER if stands_between else Scope.REQUEST
    reason, code = error_reason(status, error, secrets), error.code
    if status == 408:
        return Unclear(reason), Scope.REQUEST
    meaning = meaning_of(status, code, by_webhook=not as_bot)
    if code == CLIENT_BLOCKED:
        return Refused(reason, status, code, everywhere=True), Scope.EVERYTHING
    if meaning.kind is Kind.TOKEN and as_bot:
        # The token is refused, whatever it is used for; Discord bans an address that goes on with it.
        return Refused(reason, status, code, lasting=True, everywhere=True), Scope.SENDER
    is_gone = not as_bot and (status == 401 or code == UNKNOWN_WEBHOOK)
    refused = Refused(reason, status, code, lasting=meaning.is_lasting, parts=error.parts)
    return refused, Scope.DESTINATION if is_gone else Scope.REQUEST


def held_for(*, as_bot: bool, resource: str) -> dict[Scope, Held]:
    """What a request belongs to, so that a no to one of them is a no to it."""
    sender = BOT if as_bot else (Scope.SENDER, "address")
    return {
        Scope.EVERYTHING: (Scope.EVERYTHING, ""),
        Scope.SENDER: sender,
        Scope.DESTINATION: (Scope.DESTINATION, resource),
    }


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
    return cut(" ".join(_CONTROL.sub(" ", text).split()), REASON_LENGTH)
