"""The types of values that settings have: a TOML value in, the checked value out, or ValueError with the fix.

A variable's text is parsed by the same functions as the value of a key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from functools import cache
from pathlib import Path
from typing import TypeGuard, TypeVar

from giftping.settings.durations import duration_text, parse_duration
from giftping.settings.problems import Problem, unknown_value
from giftping.text import parse_id

Word = TypeVar("Word", bound=str)

DISCORD_API = "https://discord.com/api/v10"

DEFAULT_ZONES = ("UTC", "Asia/Kolkata")
"""What some key says when nobody does. They are not looked up: that would load all of zoneinfo into every run."""


class WrongValueError(ValueError):
    """A value in which more than one thing is wrong; the keys of its problems are relative to the value's own.

    `rest` is what can be read of it, so that the mistakes in that are found, too; None where that is nothing.
    """

    def __init__(self, problems: Iterable[Problem], rest: object = None) -> None:
        self.problems = tuple(problems)
        self.rest = rest
        super().__init__("; ".join(problem.reason for problem in self.problems))


_MONGODB_HOST = r"(?:\[[0-9A-Fa-f:.]+(?:%\w+)?\]|[^\[\]:\s]+)(?::(\d{1,5}))?"


def why_no_mongodb_address(text: str) -> str:
    """Why a text is no address of a MongoDB, which it is not repeated for; empty where it may be one.

    It is the driver that reads it, and that is not loaded for this.
    """
    scheme, _, rest = text.partition("://")
    hosts = re.split("[/?]", rest, maxsplit=1)[0].rpartition("@")[2].split(",")
    found = [re.fullmatch(_MONGODB_HOST, host) for host in hosts]
    if scheme in ("mongodb", "mongodb+srv") and all(one and 0 < int(one[1] or 1) <= 65535 for one in found):
        return ""
    return (
        "is no address of a MongoDB: that is mongodb:// or mongodb+srv://, user and password with special characters"
        " percent-encoded, @, then the host, and a port up to 65535 if it is not 27017"
    )


@dataclass(frozen=True, slots=True)
class QuietHours:
    """The part of the day, by the local clock, in which nobody is reminded; its two ends differ."""

    start: time
    """The first moment of it."""
    end: time
    """The first moment after it; before `start` where it goes past midnight."""

    def __str__(self) -> str:
        """The hours as `parse_quiet_hours` reads them."""
        return f"{self.start:%H:%M}-{self.end:%H:%M}"


def is_table(value: object) -> TypeGuard[Mapping[str, object]]:
    """Whether a TOML value is a table."""
    return isinstance(value, Mapping)


def toml_type(value: object) -> str:
    """The type of a value in TOML's own words."""
    words = {bool: "a boolean", int: "an integer", float: "a float", str: "a string", list: "an array", dict: "a table"}
    return words.get(type(value), f"a {type(value).__name__}")


def parse_text(value: object) -> str:
    """A string that is not empty."""
    if not isinstance(value, str):
        raise ValueError(f"must be a string, not {toml_type(value)}")
    if not value.strip():
        raise ValueError("must not be empty")
    return value


def parse_host(value: object) -> str:
    """The name of a host, which is a part of ids and of command lines."""
    text = parse_text(value)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", text):
        raise ValueError(f"{text!r} is no name for a host: up to 64 letters, digits, '.', '_' and '-'")
    return text


def parse_language(value: object) -> str:
    """The name of a language, in small letters; whether there is one of that name depends on the tables of words."""
    text = parse_text(value).strip().lower()
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", text):
        raise ValueError(f"{text!r} is no name of a language: up to 32 letters, digits, '_' and '-'")
    return text


def parse_path(value: object) -> Path:
    """A path as it was written; which one is meant depends on where it was."""
    return Path(parse_text(value))


def parse_flag(value: object) -> bool:
    """A boolean."""
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {toml_type(value)}")
    return value


def parse_texts(value: object) -> tuple[str, ...]:
    """An array of strings that are not empty."""
    if not isinstance(value, list):
        raise ValueError(f"must be an array of strings, not {toml_type(value)}")
    wrong = [item for item in value if not isinstance(item, str) or not item.strip()]
    if wrong:
        raise ValueError(f"must hold non-empty strings only, not {toml_type(wrong[0])} {wrong[0]!r}")
    return tuple(value)


def parse_text_map(value: object) -> dict[str, str]:
    """A table of strings."""
    if not is_table(value):
        raise ValueError(f"must be a table of strings, not {toml_type(value)}")
    found = {key: item for key, item in value.items() if isinstance(item, str)}
    if len(found) < len(value):
        raise WrongValueError(
            Problem(key, f"must be a string, not {toml_type(item)}") for key, item in value.items() if key not in found
        )
    return found


def one_of(words: Collection[Word]) -> Callable[[object], Word]:
    """The parser of one of a fixed set of words."""

    def parse_word(value: object) -> Word:
        text = parse_text(value)
        for word in words:
            if word == text:
                return word
        raise ValueError(unknown_value("", text, words).reason)

    return parse_word


def whole_number(*, most: int, least: int = 0) -> Callable[[object], int]:
    """The parser of a whole number from `least` to `most`."""

    def parse_whole_number(value: object) -> int:
        # isinstance() would take `true` for 1.
        if type(value) is not int or not least <= value <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return value

    return parse_whole_number


def parse_span(value: object) -> timedelta:
    """A span of time that is longer than nothing."""
    span = parse_duration(value)
    if not span:
        raise ValueError("must be longer than nothing")
    return span


def span_up_to(longest: timedelta) -> Callable[[object], timedelta]:
    """The parser of a span of time from nothing to `longest`."""

    def parse_short_span(value: object) -> timedelta:
        span = parse_duration(value)
        if span > longest:
            raise ValueError(f"must be at most {duration_text(longest)}, not {duration_text(span)}")
        return span

    return parse_short_span


def parse_discord_ids(value: object) -> frozenset[int]:
    """An array of Discord ids, each written as an integer or as a string of digits."""
    if not isinstance(value, list):
        raise ValueError(f"must be an array of Discord ids, not {toml_type(value)}")
    found: set[int] = set()
    problems: list[Problem] = []
    for item in value:
        try:
            found.add(parse_id(item))
        except ValueError as error:
            problems.append(Problem("", f"{item!r} {error}"))
    if problems:
        raise WrongValueError(problems)
    return frozenset(found)


def parse_pattern(value: object) -> str:
    """A regular expression that compiles."""
    pattern = parse_text(value)
    try:
        re.compile(pattern)
    # OverflowError: a repeat count that is too large; RecursionError: nested too deeply.
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    return pattern


def parse_regions(value: object) -> tuple[str, ...]:
    """An array of regions, in upper case."""
    return tuple(region.strip().upper() for region in parse_texts(value))


def parse_contact(value: object) -> str:
    """A text that an HTTP header can carry."""
    contact = parse_text(value)
    if not (contact.isascii() and contact.isprintable()):
        raise ValueError("must be printable ASCII: it is sent in the User-Agent")
    return contact


def reference_to(what: str) -> Callable[[object], str]:
    """The parser of a reference to a secret, env:NAME or file:PATH; `what` the secret is called in the mistake."""

    def parse_reference(value: object) -> str:
        reference = parse_text(value)
        if not reference.startswith(("env:", "file:")):
            raise ValueError(f"must be env:NAME or file:PATH; the {what} itself does not belong in this file")
        return reference

    return parse_reference


def parse_quiet_hours(value: object) -> QuietHours:
    """The part of a day that a text like "23:00-07:00" names. Raise ValueError, with the fix, for others."""
    text = value if isinstance(value, str) else parse_text(value)
    found = re.fullmatch(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])", text)
    if not found:
        raise ValueError(f'must be two times of day, like "23:00-07:00", not {text!r}')
    start_hour, start_minute, end_hour, end_minute = map(int, found.groups())
    hours = QuietHours(time(start_hour, start_minute), time(end_hour, end_minute))
    if hours.start == hours.end:
        raise ValueError("must not be the whole day: the two times are the same")
    return hours


def parse_zone(value: object) -> str:
    """The name of a time zone."""
    name = parse_text(value)
    if name in DEFAULT_ZONES:
        return name
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):  # OSError: the name of a folder of zones, such as "Europe".
        raise ValueError(f"{name!r} is no time zone; {_zone_hint(name)}") from None
    return name


@cache
def _zone_hint(name: str) -> str:
    """A hint at the right zone; kept, because a file may say the same of each of a thousand sources."""
    from difflib import get_close_matches

    near = get_close_matches(name, _zone_names(), n=1)
    return f"did you mean {near[0]!r}?" if near else "write one like Europe/Berlin"


@cache
def _zone_names() -> frozenset[str]:
    """All zones that there are; asking walks through the files of the time zone database."""
    from zoneinfo import available_timezones

    return frozenset(available_timezones())


def parse_api(value: object) -> str:
    """The address of Discord's API, without a slash at its end."""
    from urllib.parse import urlsplit

    api = parse_text(value)
    try:
        url = urlsplit(api)
        # urlsplit() takes any port; only to ask for it raises.
        host, port = url.hostname, url.port
    except ValueError:
        raise ValueError("is not an address") from None
    if url.scheme not in ("http", "https") or not host or port == 0 or not api.isprintable() or " " in api:
        raise ValueError(f"must be an http:// or https:// address, like {DISCORD_API}")
    if url.username or url.password or url.query or url.fragment:
        raise ValueError("must be a plain address, without user name, password, ? and #")
    return api.rstrip("/")


def unencrypted(api: str) -> bool:
    """Whether an address leaves this machine without encryption."""
    from urllib.parse import urlsplit

    url = urlsplit(api)
    return url.scheme == "http" and url.hostname not in ("localhost", "127.0.0.1", "::1")
