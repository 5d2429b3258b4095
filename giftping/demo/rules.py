"""Discord's rules for the body of a message: values in, a draft or the errors tree out.

The limits are those of Discord's documents; its OpenAPI description lacks the total, the trimming, empty field
names and values, and what makes a message empty.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from giftping.demo.components import rows_of

MAX_CONTENT = 2000
MAX_EMBEDS = 10
MAX_EMBED_TOTAL = 6000
MAX_FIELDS = 25
MAX_NONCE = 25
MAX_URL = 2048
MAX_ATTACHMENTS = 10
MAX_FILENAME = 1024
MAX_USERNAME = 80
MAX_THREAD_NAME = 100
MAX_APPLIED_TAGS = 5

UNBUILT = (
    "flags",
    "message_reference",
    "poll",
    "shared_client_theme",
    "sticker_ids",
    "tts",
)
"""Parts of a message body that giftping does not use, and the stand-in does not know."""

_MENTION_KINDS = frozenset({"roles", "users", "everyone"})
_SNOWFLAKE = re.compile(r"0|[1-9][0-9]{0,19}")
_SHOWN_PARTS = ("title", "description", "fields", "author", "footer", "image", "thumbnail")


class InvalidForm(Exception):  # noqa: N818  # Discord's own name of it
    """The body breaks a rule; `errors` is the tree that Discord answers with."""

    def __init__(self, errors: dict[str, Any]) -> None:
        super().__init__("Invalid Form Body")
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came with a body."""

    number: int
    """What the body's attachments call it by."""
    filename: str
    content_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class AllowedMentions:
    """Which mentions in a message's content may notify."""

    parse: frozenset[str] = _MENTION_KINDS
    users: frozenset[int] = frozenset()
    roles: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Draft:
    """A body that keeps the rules, trimmed as Discord trims it."""

    content: str
    embeds: tuple[dict[str, Any], ...]
    allowed: AllowedMentions
    nonce: str | None
    enforce_nonce: bool
    files: tuple[Upload, ...] = ()
    components: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class ThreadDraft:
    """The post of a forum that a body asks for."""

    name: str
    tags: tuple[int, ...] = ()


class Form:
    """Gathers everything that is wrong with a body; `filenames` are those of the files that came with it."""

    def __init__(self, filenames: Collection[str] = ()) -> None:
        self.errors: dict[str, Any] = {}
        self._filenames = filenames

    def wrong(self, path: Sequence[str | int], code: str, message: str) -> None:
        """Add one error at a path."""
        node = self.errors
        for key in path:
            node = node.setdefault(str(key), {})
        node.setdefault("_errors", []).append({"code": code, "message": message})

    def check(self) -> None:
        """Raise InvalidForm when anything was wrong."""
        if self.errors:
            raise InvalidForm(self.errors)

    def text(self, path: Sequence[str | int], value: object, most: int, *, required: bool = False) -> str:
        """The trimmed text, empty for null."""
        if value is not None and not isinstance(value, str | int | float):
            self.wrong(path, "STRING_TYPE_CONVERT", "Could not interpret as string.")
            return ""
        trimmed = "" if value is None else str(value).strip()
        if required and not trimmed:
            self.wrong(path, "BASE_TYPE_REQUIRED", "This field is required")
        if len(trimmed) > most:
            self.wrong(path, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")
        return trimmed

    def integer(self, path: Sequence[str | int], value: object, most: int) -> int:
        """An integer from 0 to `most`, 0 for null."""
        if value is None:
            return 0
        if isinstance(value, bool) or not isinstance(value, int):
            self.wrong(path, "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
            return 0
        if value < 0:
            self.wrong(path, "NUMBER_TYPE_MIN", "int value should be greater than or equal to 0.")
        if value > most:
            self.wrong(path, "NUMBER_TYPE_MAX", f"int value should be less than or equal to {most}.")
        return value

    def flag(self, path: Sequence[str | int], value: object) -> bool:
        """A boolean, false for null."""
        if value is not None and not isinstance(value, bool):
            self.wrong(path, "BOOLEAN_TYPE_CONVERT", "Must be either true or false.")
        return value is True

    def items(self, path: Sequence[str | int], value: object, most: int) -> list[Any]:
        """A list, empty for null."""
        if value is None:
            return []
        if not isinstance(value, list):
            self.wrong(path, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
            return []
        if len(value) > most:
            self.wrong(path, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")
        return value

    def table(self, path: Sequence[str | int], value: object) -> Mapping[str, Any]:
        """An object, empty for null."""
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.wrong(path, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
            return {}
        return value

    def url(self, path: Sequence[str | int], value: object) -> str:
        """A well-formed http or https URL, empty for null."""
        text = self.text(path, value, MAX_URL)
        if not text or len(text) > MAX_URL:
            return text
        if not re.match(r"https?:", text, re.IGNORECASE):
            self.wrong(path, "URL_TYPE_INVALID_SCHEME", "Scheme must be one of ('http', 'https').")
        elif not re.fullmatch(r"https?://[^\s/?#]+\S*", text, re.IGNORECASE):
            self.wrong(path, "URL_TYPE_INVALID_URL", "Not a well formed URL.")
        return text

    def picture(self, path: Sequence[str | int], value: object) -> str:
        """A URL of a picture, which may be a file that came with the body, empty for null."""
        scheme, _, filename = str(value).partition("://")
        return str(value) if scheme == "attachment" and filename in self._filenames else self.url(path, value)

    def snowflakes(self, path: Sequence[str | int], value: object, most: int) -> frozenset[int]:
        """A set of ids, each given as text or as a number."""
        found = []
        for index, item in enumerate(self.items(path, value, most)):
            if isinstance(item, bool) or not _SNOWFLAKE.fullmatch(str(item)):
                self.wrong([*path, index], "NUMBER_TYPE_COERCE", f'Value "{item}" is not snowflake.')
            else:
                found.append(int(item))
        if len(set(found)) < len(found):
            self.wrong(path, "SET_TYPE_ALREADY_CONTAINS_VALUE", "The set already contains this value")
        return frozenset(found)


def draft_of(body: Mapping[str, Any], uploads: Sequence[Upload] = ()) -> Draft:
    """The message that a body and its files ask for. Raise InvalidForm when they break a rule."""
    naming = Form()
    files = _files(naming, body.get("attachments"), uploads)
    form = Form({file.filename for file in files})
    form.errors.update(naming.errors)
    draft = Draft(
        content=form.text(["content"], body.get("content"), MAX_CONTENT),
        embeds=_embeds(form, body.get("embeds")),
        allowed=_allowed_mentions(form, body.get("allowed_mentions")),
        nonce=_nonce(form, body.get("nonce")),
        enforce_nonce=form.flag(["enforce_nonce"], body.get("enforce_nonce")),
        files=files,
        components=rows_of(form, body.get("components")),
    )
    form.check()
    return draft


def thread_draft_of(body: Mapping[str, Any], name_part: str) -> ThreadDraft | None:
    """The post that a body asks for, whose name is in one of its parts; None where it asks for none.

    Raise InvalidForm when it breaks a rule.
    """
    form = Form()
    name = form.text([name_part], body.get(name_part), MAX_THREAD_NAME)
    listed = form.items(["applied_tags"], body.get("applied_tags"), MAX_APPLIED_TAGS)
    tags = form.snowflakes(["applied_tags"], listed, MAX_APPLIED_TAGS)
    form.check()
    return ThreadDraft(name, tuple(int(tag) for tag in listed if int(tag) in tags)) if name else None


def sender_of(body: Mapping[str, Any], own_name: str) -> str:
    """The name under which a webhook posts. Raise InvalidForm when Discord takes it, or the picture, from nobody."""
    form = Form()
    name = form.text(["username"], body.get("username"), MAX_USERNAME)
    for word in ("discord", "clyde"):
        if word in name.lower():
            form.wrong(["username"], "USERNAME_INVALID_CONTAINS", f'Username cannot contain "{word}"')
    form.url(["avatar_url"], body.get("avatar_url"))
    form.check()
    return name or own_name


def is_empty(content: str, embeds: Sequence[Mapping[str, Any]]) -> bool:
    """Whether Discord would refuse a message without files as empty (50006).

    It has no text, and no embed that shows anything.
    """
    return not content and not any(embed.get(part) for embed in embeds for part in _SHOWN_PARTS)


def _files(form: Form, value: object, uploads: Sequence[Upload]) -> tuple[Upload, ...]:
    """The files under the names that the body's attachments give them."""
    names: dict[int, str] = {}
    numbers = {str(upload.number): upload.number for upload in uploads}
    for index, item in enumerate(form.items(["attachments"], value, MAX_ATTACHMENTS)):
        path: list[str | int] = ["attachments", index]
        given = form.table(path, item)
        number = numbers.get(str(given.get("id")))
        name = form.text([*path, "filename"], given.get("filename"), MAX_FILENAME)
        if number is None:
            form.wrong([*path, "id"], "ATTACHMENT_NOT_FOUND", f"The attachment {given.get('id')!r} was not found.")
        elif name:
            names[number] = name
    return tuple(replace(upload, filename=names.get(upload.number, upload.filename)) for upload in uploads)


def _nonce(form: Form, value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        form.wrong(["nonce"], "NONCE_TYPE_CONVERT", "Must be a string or an integer.")
        return None
    return form.text(["nonce"], str(value), MAX_NONCE)


def _allowed_mentions(form: Form, value: object) -> AllowedMentions:
    if value is None:
        return AllowedMentions()
    path = ["allowed_mentions"]
    given = form.table(path, value)
    parse = form.items([*path, "parse"], given.get("parse"), 1521)
    for index, kind in enumerate(parse):
        if kind not in _MENTION_KINDS:
            choices = ", ".join(sorted(_MENTION_KINDS))
            form.wrong([*path, "parse", index], "BASE_TYPE_CHOICES", f"Value must be one of {{{choices}}}.")
    allowed = AllowedMentions(
        frozenset(str(kind) for kind in parse),
        form.snowflakes([*path, "users"], given.get("users"), 100),
        form.snowflakes([*path, "roles"], given.get("roles"), 100),
    )
    for kind, listed in (("users", allowed.users), ("roles", allowed.roles)):
        if listed and kind in allowed.parse:
            message = f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.'
            form.wrong([*path], "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", message)
    return allowed


def _embeds(form: Form, value: object) -> tuple[dict[str, Any], ...]:
    listed = form.items(["embeds"], value, MAX_EMBEDS)
    embeds = tuple(_embed(form, ["embeds", index], item) for index, item in enumerate(listed))
    if sum(_size(embed) for embed in embeds) > MAX_EMBED_TOTAL:
        message = f"Embed size exceeds maximum size of {MAX_EMBED_TOTAL}"
        form.wrong(["embeds"], "MAX_EMBED_SIZE_EXCEEDED", message)
    return embeds


def _embed(form: Form, path: list[str | int], value: object) -> dict[str, Any]:
    given = form.table(path, value)
    embed: dict[str, Any] = {
        "title": form.text([*path, "title"], given.get("title"), 256),
        "description": form.text([*path, "description"], given.get("description"), 4096),
        "url": form.url([*path, "url"], given.get("url")),
        "timestamp": _timestamp(form, [*path, "timestamp"], given.get("timestamp")),
        "fields": _fields(form, [*path, "fields"], given.get("fields")),
        "footer": _captioned(form, [*path, "footer"], given.get("footer"), "text", 2048),
        "author": _captioned(form, [*path, "author"], given.get("author"), "name", 256),
        "image": _picture(form, [*path, "image"], given.get("image")),
        "thumbnail": _picture(form, [*path, "thumbnail"], given.get("thumbnail")),
    }
    shown = {key: part for key, part in embed.items() if part}
    color = form.integer([*path, "color"], given.get("color"), 0xFFFFFF)
    return {"type": "rich", **shown} | ({} if given.get("color") is None else {"color": color})


def _fields(form: Form, path: list[str | int], value: object) -> list[dict[str, Any]]:
    fields = []
    for index, item in enumerate(form.items(path, value, MAX_FIELDS)):
        given = form.table([*path, index], item)
        field = {
            "name": form.text([*path, index, "name"], given.get("name"), 256, required=True),
            "value": form.text([*path, index, "value"], given.get("value"), 1024, required=True),
            "inline": form.flag([*path, index, "inline"], given.get("inline")),
        }
        fields.append(field)
    return fields


def _captioned(form: Form, path: list[str | int], value: object, key: str, most: int) -> dict[str, Any]:
    if value is None:
        return {}
    given = form.table(path, value)
    part = {
        key: form.text([*path, key], given.get(key), most, required=True),
        "url": form.url([*path, "url"], given.get("url")),
        "icon_url": form.picture([*path, "icon_url"], given.get("icon_url")),
    }
    return {name: text for name, text in part.items() if text}


def _picture(form: Form, path: list[str | int], value: object) -> dict[str, Any]:
    if value is None:
        return {}
    url = form.picture([*path, "url"], form.table(path, value).get("url"))
    return {"url": url} if url else {}


def _timestamp(form: Form, path: list[str | int], value: object) -> str:
    if value is None:
        return ""
    try:
        datetime.fromisoformat(str(value))
    except ValueError:
        form.wrong(path, "DATE_TIME_TYPE_PARSE", f"Could not parse {value}. Should be ISO8601.")
    return str(value)


def _size(embed: Mapping[str, Any]) -> int:
    texts = [embed.get("title", ""), embed.get("description", "")]
    texts += [embed.get("footer", {}).get("text", ""), embed.get("author", {}).get("name", "")]
    texts += [part for field in embed.get("fields", ()) for part in (field["name"], field["value"])]
    return sum(len(text) for text in texts)
