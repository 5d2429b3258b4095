"""What a member of a guild may do, in the guild and in one of its channels, by Discord's own sum. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import IntFlag
from typing import Any

from giftping.text import id_or_none
from giftping.words.catalogue import PERMISSIONS
from giftping.words.said import Said


class Permission(IntFlag):
    """The permissions that giftping needs, and the one that stands for all, with Discord's bits (Permissions)."""

    ADMINISTRATOR = 1 << 3
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    MANAGE_ROLES = 1 << 28
    MANAGE_THREADS = 1 << 34
    SEND_MESSAGES_IN_THREADS = 1 << 38


EVERYTHING = (1 << 64) - 1
"""What an administrator, and the guild's owner, may do."""

THREADS = frozenset({10, 11, 12})
"""The types of channel that are threads: what one may do there is said by the channel above (Channel Types)."""

FORUMS = frozenset({15, 16})
"""The types of channel in which each message needs a post of its own: forum, media (Channel Types)."""

_POSTING = (
    Permission.VIEW_CHANNEL,
    Permission.SEND_MESSAGES,
    Permission.EMBED_LINKS,
    Permission.ATTACH_FILES,
    Permission.READ_MESSAGE_HISTORY,
)

_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Overwrite:
    """What a channel allows and denies beside what the guild says."""

    target_id: int
    """The role, or the one member, that it is about."""
    allow: int
    deny: int


def overwrites_of(channel: Mapping[str, Any]) -> tuple[Overwrite, ...] | None:
    """The overwrites of a channel as Discord's API gives it, None where it does not show them."""
    listed = channel.get("permission_overwrites")
    if not isinstance(listed, list):
        return None
    read = [_overwrite(one) if isinstance(one, dict) else None for one in listed]
    known = tuple(one for one in read if one is not None)
    return known if len(known) == len(read) else None


def guild_permissions(
    guild_id: int, roles: Mapping[int, int], role_ids: Collection[int], *, is_owner: bool = False
) -> int:
    """What a member with these roles may do in a guild; `roles` are the permissions of each of its roles.

    The role with the guild's own id is everybody's (Discord, Permissions, Permission Overwrites).
    """
    granted = roles.get(guild_id, 0)
    for role_id in role_ids:
        granted |= roles.get(role_id, 0)
    return EVERYTHING if is_owner or granted & Permission.ADMINISTRATOR else granted


def channel_permissions(
    granted: int, overwrites: Sequence[Overwrite], *, guild_id: int, user_id: int, role_ids: Collection[int]
) -> int:
    """What a member may do in a channel, from what the guild grants: of overwrites the nearest counts.

    First comes that for everybody, then those of the member's roles together, where an allowed one goes before a
    denied one, then the member's own; an administrator is above them all (same source).
    """
    if granted & Permission.ADMINISTRATOR:
        return EVERYTHING
    by_target = {overwrite.target_id: overwrite for overwrite in overwrites}
    allow = deny = 0
    for role_id in role_ids:
        if (overwrite := by_target.get(role_id)) is not None and role_id != guild_id:
            allow, deny = allow | overwrite.allow, deny | overwrite.deny
    for step in (by_target.get(guild_id), Overwrite(0, allow, deny), by_target.get(user_id)):
        if step is not None:
            granted = granted & ~step.deny | step.allow
    return granted


def missing_for_posting(
    granted: int, channel_type: int | None, *, files: bool = True, also: Collection[Permission] = ()
) -> tuple[Said, ...]:
    """The names of the permissions that posting with embeds and files, and reading back, still take, and of `also`."""
    sending = Permission.SEND_MESSAGES_IN_THREADS if channel_type in THREADS else Permission.SEND_MESSAGES
    needed = [sending if permission is Permission.SEND_MESSAGES else permission for permission in _POSTING]
    if not files:
        needed.remove(Permission.ATTACH_FILES)
    needed += also
    return tuple(permission_label(permission) for permission in needed if not granted & permission)


def permission_label(permission: Permission) -> Said:
    """A permission's name as Discord's settings show it: `Read Message History`."""
    return Said(f"{PERMISSIONS}{str(permission.name).lower()}")


def _overwrite(raw: Mapping[str, Any]) -> Overwrite | None:
    target_id, allow, deny = id_or_none(raw.get("id")), _bits(raw.get("allow")), _bits(raw.get("deny"))
    return None if target_id is None or allow is None or deny is None else Overwrite(target_id, allow, deny)


def _bits(value: object) -> int | None:
    is_number = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _LONGEST
    return int(str(value)) if is_number else None
