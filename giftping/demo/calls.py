"""What the stand-in Discord's endpoints are made of: a request to a known route, its errors and its answers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from giftping.demo.faults import JSON_HEADERS
from giftping.demo.loopback import Answer
from giftping.demo.ratelimits import CROSSPOST, WEBHOOK
from giftping.demo.rules import Form, Upload
from giftping.demo.world import World

_SNOWFLAKE = re.compile(r"0|[1-9][0-9]{0,19}")
# int() would also take digits of other scripts, which Discord does not.
_WHOLE_NUMBER = re.compile(r"[0-9]{1,19}")
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


class ApiError(Exception):
    """What Discord answers instead of doing what was asked; `unexpected` where the stand-in is not built for it."""

    def __init__(self, status: int, code: int, message: str, *, unexpected: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.unexpected = unexpected


def unknown(code: int, thing: str) -> ApiError:
    """The 404 of a thing that is not there."""
    return ApiError(404, code, f"Unknown {thing}")


def not_permitted() -> ApiError:
    """The 403 of what the bot may not do."""
    return ApiError(403, 50013, "Missing Permissions")


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a known route."""

    method: str
    template: str
    raw_ids: Mapping[str, str]
    """The ids in its path as text, without any token."""
    token: str = field(repr=False)
    query: Mapping[str, str]
    body: Mapping[str, Any]
    files: tuple[Upload, ...] = ()
    reason: str = ""
    """What it says to the audit log."""

    def id(self, name: str) -> int:
        """An id from the path. Raise InvalidForm when it is no snowflake."""
        return snowflake(name, self.raw_ids[name])

    def boolean(self, name: str) -> bool:
        """A boolean of the query, false where it is not given. Raise InvalidForm when it is none."""
        text = self.query.get(name, "false").lower()
        form = Form()
        if text not in _BOOLEANS:
            form.wrong([name], "BOOLEAN_TYPE_CONVERT", "Must be either true or false.")
        form.check()
        return _BOOLEANS[text]

    def snowflake(self, name: str) -> int | None:
        """An id of the query, None where it is not given. Raise InvalidForm when it is no snowflake."""
        return snowflake(name, self.query[name]) if name in self.query else None

    def limit(self, default: int, most: int) -> int:
        """How many things the query asks for, from 1 to `most`. Raise InvalidForm when it is no such number."""
        text = self.query.get("limit", str(default))
        form = Form()
        if not _WHOLE_NUMBER.fullmatch(text):
            form.wrong(["limit"], "NUMBER_TYPE_COERCE", f'Value "{text}" is not int.')
        elif int(text) < 1:
            form.wrong(["limit"], "NUMBER_TYPE_MIN", "int value should be greater than or equal to 1.")
        elif int(text) > most:
            form.wrong(["limit"], "NUMBER_TYPE_MAX", f"int value should be less than or equal to {most}.")
        form.check()
        return int(text)


def snowflake(name: str, text: str) -> int:
    """An id given as text under a name. Raise InvalidForm when it is no snowflake."""
    form = Form()
    if not _SNOWFLAKE.fullmatch(text):
        form.wrong([name], "NUMBER_TYPE_COERCE", f'Value "{text}" is not snowflake.')
    form.check()
    return int(text)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A method and a path, and the function that answers it."""

    method: str
    template: str
    answer: Callable[[World, Call], Answer]
    takes_files: bool = False
    """Whether a multipart body is understood."""

    @property
    def for_webhook(self) -> bool:
        """Whether a webhook's token in the path takes the place of the bot's token."""
        return self.template.startswith(WEBHOOK)

    @property
    def takes_body(self) -> bool:
        """Whether a request has a body; the only PUT, which gives a role, has none, nor has one that publishes."""
        return self.method in ("POST", "PATCH") and self.template != CROSSPOST

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """The text in the path's places by their names, None when this is another endpoint."""
        if method != self.method:
            return None
        wanted, given = self.template.split("/"), path.split("/")
        if len(wanted) != len(given):
            return None
        places: dict[str, str] = {}
        for name, part in zip(wanted, given, strict=True):
            if name.startswith("{") and part:
                places[name.strip("{}")] = part
            elif name != part:
                return None
        return places


def json_answer(body: object, status: int = 200) -> Answer:
    """A response with a JSON body."""
    return Answer(status, json.dumps(body).encode(), JSON_HEADERS)


def no_content() -> Answer:
    """The response to what has been done and has nothing to show."""
    return Answer(204, headers={"Via": JSON_HEADERS["Via"]})
