"""Discord's rules for what stands below a message: rows of buttons that lead somewhere, and no other components."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol

MAX_ROWS = 5
MAX_BUTTONS = 5
MAX_LABEL = 80
MAX_BUTTON_URL = 512

ACTION_ROW, BUTTON, LINK = 1, 2, 5
"""The types of a row and of a button, and the style of one that leads somewhere (Component Reference)."""

Path = list[str | int]


class Form(Protocol):
    """What gathers everything that is wrong with a body: see `giftping.demo.rules.Form`."""

    def wrong(self, path: Path, code: str, message: str) -> None:
        """Add one error at a path."""

    def text(self, path: Path, value: object, most: int, *, required: bool = False) -> str:
        """The trimmed text, empty for null."""

    def items(self, path: Path, value: object, most: int) -> list[Any]:
        """A list, empty for null."""

    def table(self, path: Path, value: object) -> Mapping[str, Any]:
        """An object, empty for null."""


def rows_of(form: Form, value: object) -> tuple[dict[str, Any], ...]:
    """The rows of a body, as a message shows them."""
    listed = form.items(["components"], value, MAX_ROWS)
    return tuple(_row(form, ["components", index], item) for index, item in enumerate(listed))


def _row(form: Form, path: Path, value: object) -> dict[str, Any]:
    given = form.table(path, value)
    if given.get("type") != ACTION_ROW:
        form.wrong([*path, "type"], "BASE_TYPE_CHOICES", f"Value must be one of {{{ACTION_ROW}}}.")
    inside: Path = [*path, "components"]
    listed = form.items(inside, given.get("components"), MAX_BUTTONS)
    if not listed:
        form.wrong(inside, "BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {MAX_BUTTONS} in length.")
    return {
        "type": ACTION_ROW,
        "components": [_button(form, [*inside, index], item) for index, item in enumerate(listed)],
    }


def _button(form: Form, path: Path, value: object) -> dict[str, Any]:
    given = form.table(path, value)
    if given.get("type") != BUTTON:
        form.wrong([*path, "type"], "BASE_TYPE_CHOICES", f"Value must be one of {{{BUTTON}}}.")
    # What a press of the others would do, giftping's messages have nobody for yet.
    if given.get("style") != LINK or given.get("custom_id"):
        form.wrong([*path, "style"], "BASE_TYPE_CHOICES", f"Value must be one of {{{LINK}}}.")
    url = form.text([*path, "url"], given.get("url"), MAX_BUTTON_URL, required=True)
    if url and not re.fullmatch(r"(?:https?|discord)://[^\s/?#]+\S*", url, re.IGNORECASE):
        form.wrong([*path, "url"], "URL_TYPE_INVALID_URL", "Not a well formed URL.")
    label = form.text([*path, "label"], given.get("label"), MAX_LABEL, required=True)
    return {"type": BUTTON, "style": LINK, "label": label, "url": url}
