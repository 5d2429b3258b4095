"""Discord's JSON objects, as the stand-in's answers show them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from giftping.demo.world import (
    Author,
    Channel,
    ChannelType,
    Guild,
    Member,
    Permission,
    Role,
    RoleChange,
    StoredAttachment,
    StoredMessage,
    Webhook,
)

OWNER = "1"
"""Who owns the guilds, and does there what is done by hand."""

_IN_CHANNEL = Permission.POSTING | Permission.MENTION_EVERYONE | Permission.MANAGE_MESSAGES | Permission.MANAGE_THREADS
"""What the stand-in decides for each channel alone, whatever the bot's roles say."""


def user(author: Author, *, webhook: bool = False) -> dict[str, Any]:
    """A user object, or what stands for one in a webhook's message."""
    return {
        "id": str(author.id),
        "username": author.name,
        "avatar": None,
        "discriminator": "0000",
        "public_flags": 0,
        "flags": 0,
        "bot": author.is_bot,
        "global_name": None,
        "primary_guild": None,
    } | ({} if webhook else {"banner": None, "accent_color": None})


def me(bot: Author) -> dict[str, Any]:
    """The bot's own user object."""
    return user(bot) | {"mfa_enabled": True, "locale": "en-US", "verified": True, "email": None}


def message(stored: StoredMessage, *, hidden: bool = False, nonce: str | None = None) -> dict[str, Any]:
    """A message object; `hidden` blanks what a bot without the MESSAGE_CONTENT intent does not see."""
    shown: dict[str, Any] = {
        "id": str(stored.id),
        "type": 0,
        "channel_id": str(stored.channel_id),
        "author": user(stored.author, webhook=stored.webhook_id is not None),
        "content": "" if hidden else stored.content,
        "embeds": [] if hidden else list(stored.embeds),
        "attachments": [] if hidden else [attachment(one, stored.channel_id) for one in stored.attachments],
        "components": [] if hidden else list(stored.components),
        "mentions": [user(Author(id_, f"user-{id_}", is_bot=False)) for id_ in stored.notified.users],
        "mention_roles": [str(role) for role in stored.notified.roles],
        "mention_everyone": stored.notified.everyone,
        "timestamp": stored.sent_at.isoformat(),
        "edited_timestamp": stored.edited_at.isoformat() if stored.edited_at else None,
        # CROSSPOSTED (Message Flags).
        "flags": int(stored.is_published),
        "pinned": False,
        "tts": False,
    }
    if stored.webhook_id is not None:
        shown["webhook_id"] = str(stored.webhook_id)
    if stored.application_id is not None:
        shown["application_id"] = str(stored.application_id)
    if nonce is not None:
        shown["nonce"] = nonce
    return shown


def attachment(known: StoredAttachment, channel_id: int) -> dict[str, Any]:
    """An attachment object; its addresses have the form of Discord's own, and lead nowhere."""
    path = f"attachments/{channel_id}/{known.id}/{quote(known.filename)}"
    return {
        "id": str(known.id),
        "filename": known.filename,
        "size": known.size,
        "url": f"https://cdn.discordapp.com/{path}",
        "proxy_url": f"https://media.discordapp.net/{path}",
        "content_type": known.content_type,
    }


def webhook(hook: Webhook, guild_id: int | None) -> dict[str, Any]:
    """A webhook object as the holder of its token sees it."""
    return {
        "id": str(hook.id),
        "type": 1,
        "guild_id": str(guild_id),
        "channel_id": str(hook.channel_id),
        "name": hook.name,
        "avatar": None,
        "token": hook.token,
        "application_id": None,
    }


def channel(known: Channel, bot: Author) -> dict[str, Any]:
    """The channel object of a guild's channel, with an overwrite that says what the bot may do in it."""
    if known.type.takes_posts:
        extra: dict[str, Any] = {
            "available_tags": [
                {"id": str(tag.id), "name": tag.name, "moderated": False, "emoji_id": None, "emoji_name": None}
                for tag in known.tags
            ],
            # REQUIRE_TAG (Channel Flags).
            "flags": 1 << 4 if known.wants_tag else 0,
        }
    else:
        extra = thread_parts(known) if known.type is ChannelType.THREAD else {}
    return {
        "id": str(known.id),
        "type": int(known.type),
        "guild_id": str(known.guild_id),
        "name": known.name,
        "parent_id": str(known.parent_id) if known.parent_id else None,
        "position": 0,
        "flags": 0,
        "nsfw": False,
        "topic": None,
        "rate_limit_per_user": 0,
        "permission_overwrites": [_overwrite(known, bot)],
        "last_message_id": _last_message_id(known),
    } | extra


def thread_parts(known: Channel) -> dict[str, Any]:
    """What a thread's object says beside what every channel's does."""
    return {
        "owner_id": str(known.owner_id or OWNER),
        "thread_metadata": {
            "archived": known.is_archived,
            "archive_timestamp": known.archived_at.isoformat() if known.archived_at else None,
            "auto_archive_duration": 4320,
            "locked": known.is_locked,
        },
        "message_count": max(0, len(known.messages) - 1),
        "member_count": 1,
        "total_message_sent": len(known.messages),
        "applied_tags": [str(tag) for tag in known.applied_tags],
    }


def thread(known: Channel) -> dict[str, Any]:
    """The channel object of a thread, which has no permissions of its own."""
    return {
        "id": str(known.id),
        "type": int(known.type),
        "guild_id": str(known.guild_id),
        "name": known.name,
        "parent_id": str(known.parent_id) if known.parent_id else None,
        "flags": 0,
        "rate_limit_per_user": 0,
        "last_message_id": _last_message_id(known),
    } | thread_parts(known)


def _overwrite(known: Channel, bot: Author) -> dict[str, Any]:
    allow = _IN_CHANNEL & known.permissions
    return {"id": str(bot.id), "type": 1, "allow": str(int(allow)), "deny": str(int(_IN_CHANNEL & ~allow))}


def direct_channel(known: Channel, recipient: Author) -> dict[str, Any]:
    """The channel object of a channel for direct messages."""
    return {
        "id": str(known.id),
        "type": int(known.type),
        "flags": 0,
        "last_message_id": _last_message_id(known),
        "recipients": [user(recipient)],
    }


def _last_message_id(known: Channel) -> str | None:
    return str(max(known.messages)) if known.messages else None


def member(known: Member) -> dict[str, Any]:
    """A guild member object."""
    return {
        "user": user(known.user),
        "roles": [str(role_id) for role_id in sorted(known.roles)],
        "joined_at": known.joined_at.isoformat(),
        "nick": None,
        "avatar": None,
        "banner": None,
        "premium_since": None,
        "communication_disabled_until": None,
        "pending": False,
        "flags": 0,
        "mute": False,
        "deaf": False,
    }


def role(known: Role) -> dict[str, Any]:
    """A role object; a bot's own role is managed and tagged with the bot."""
    tags = {} if known.bot_id is None else {"tags": {"bot_id": str(known.bot_id)}}
    return tags | {
        "id": str(known.id),
        "name": known.name,
        "permissions": str(known.permissions),
        "position": known.position,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": known.bot_id is not None,
        "mentionable": known.is_mentionable,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }


_NOTHING_SET = (
    "icon",
    "description",
    "home_header",
    "splash",
    "discovery_splash",
    "banner",
    "application_id",
    "afk_channel_id",
    "system_channel_id",
    "widget_channel_id",
    "max_presences",
    "vanity_url_code",
    "rules_channel_id",
    "safety_alerts_channel_id",
    "public_updates_channel_id",
    "incidents_data",
)
_ZERO = (
    "system_channel_flags",
    "verification_level",
    "default_message_notifications",
    "mfa_level",
    "explicit_content_filter",
    "max_stage_video_channel_users",
    "max_video_channel_users",
    "premium_tier",
    "premium_subscription_count",
    "nsfw_level",
)


def audit_log(changes: Iterable[RoleChange], bot_id: int, known: Guild) -> dict[str, Any]:
    """The entries of a guild's audit log about changed roles."""
    return {
        "audit_log_entries": [
            {
                "id": str(change.id),
                "user_id": str(bot_id) if change.by_bot else OWNER,
                "target_id": str(change.user_id),
                "action_type": 25,
                "changes": [
                    {"key": "$add" if change.given else "$remove", "new_value": [_partial_role(change, known)]}
                ],
                **({"reason": change.reason} if change.reason else {}),
            }
            for change in changes
        ],
        "users": [],
        "integrations": [],
        "webhooks": [],
        "threads": [],
        "application_commands": [],
        "auto_moderation_rules": [],
        "guild_scheduled_events": [],
    }


def _partial_role(change: RoleChange, known: Guild) -> dict[str, str]:
    role = known.roles.get(change.role_id)
    return {"id": str(change.role_id), "name": role.name if role else ""}


def guild(known: Guild) -> dict[str, Any]:
    """A guild object."""
    return {
        "id": str(known.id),
        "name": known.name,
        "owner_id": OWNER,
        "region": "deprecated",
        "preferred_locale": "en-US",
        "afk_timeout": 300,
        "max_members": 500_000,
        "features": [],
        "emojis": [],
        "stickers": [],
        "roles": [role(one) for one in known.roles.values()],
        "widget_enabled": False,
        "premium_progress_bar_enabled": False,
        "nsfw": False,
        **dict.fromkeys(_NOTHING_SET),
        **dict.fromkeys(_ZERO, 0),
    }
