"""What the stand-in Discord's endpoints for messages have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from giftping.demo.calls import ApiError, Call, not_permitted, unknown
from giftping.demo.rules import UNBUILT, Draft, Form, Upload, draft_of, is_empty
from giftping.demo.world import Channel, Permission, World


def channel_of(world: World, call: Call, *needed: Permission) -> Channel:
    """The channel of a path. Raise ApiError when there is none or the bot may not do this in it."""
    channel = world.channels.get(call.id("channel_id"))
    if channel is None:
        raise unknown(10003, "Channel")
    if Permission.VIEW_CHANNEL not in channel.permissions:
        raise ApiError(403, 50001, "Missing Access")
    if any(permission not in channel.permissions for permission in needed):
        raise not_permitted()
    return channel


def draft_in(body: Mapping[str, Any], files: tuple[Upload, ...] = (), *, buttons: bool) -> Draft:
    """The message that a body asks for, which may have `buttons` or none. Raise InvalidForm when it breaks a rule."""
    for part in UNBUILT:
        if body.get(part):
            raise ApiError(400, 0, f"the stand-in Discord does not know {part!r} in a message", unexpected=True)
    draft = draft_of(body, files)
    if draft.components and not buttons:
        form = Form()
        form.wrong(["components"], "COMPONENT_NOT_ALLOWED", "Components are not allowed here.")
        form.check()
    return draft


def refuse_empty(content: str, embeds: tuple[dict[str, Any], ...]) -> None:
    """Raise ApiError for a message that shows nothing."""
    if is_empty(content, embeds):
        raise ApiError(400, 50006, "Cannot send an empty message")
