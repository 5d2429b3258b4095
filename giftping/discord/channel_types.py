"""The types of channel that Discord has, as its API gives them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TEXT_CHANNELS = frozenset({0, 1, 2, 3, 5, 10, 11, 12, 13})
"""The types of channel that take messages: text, direct, voice, announcement, threads, stage (Channel Types)."""

CHANNEL_KINDS = {
    0: "a text channel",
    1: "a direct message",
    2: "a voice channel",
    3: "a group of direct messages",
    4: "a category",
    5: "an announcement channel",
    10: "a thread of an announcement channel",
    11: "a thread",
    12: "a private thread",
    13: "a stage",
    14: "a directory",
    15: "a forum",
    16: "a media channel",
}
"""The types of channel in words (Channel Types)."""


def kind_of(channel: Mapping[str, Any]) -> str:
    """What a channel is, in words."""
    kind = type_of(channel)
    return "of no known type" if kind is None else CHANNEL_KINDS.get(kind, f"of type {kind}")


def type_of(channel: Mapping[str, Any]) -> int | None:
    """The number of a channel's type, None where the answer has something else there."""
    kind = channel.get("type")
    return kind if isinstance(kind, int) and not isinstance(kind, bool) else None
