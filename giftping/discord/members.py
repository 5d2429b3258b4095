"""The members and roles of a guild, and direct messages, as the bot sees and changes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from giftping.discord.http import BODY_BYTES, Answer, DiscordHttp, Endpoint
from giftping.discord.outcome import Refused, Unclear
from giftping.discord.rest import RestClient, list_in, object_in
from giftping.text import id_or_none

UNKNOWN_MEMBER = 10007
"""Discord's code, with 404, for a user who is not, or no longer, in the guild (this and the next: API reference, JSON
Error Codes)."""

UNKNOWN_ROLE = 10011
"""With 404, for a role that the guild does not have."""

UNKNOWN_USER = 10013
"""With 404, for an id that is no user's."""

DMS_TOO_FAST = 40003
"""With 403, when too many direct-message channels were newly opened: no more of them for now."""

MISSING_ACCESS = 50001
"""With 403, for what the bot may not see; for the list of members when it lacks the privileged intent for them."""

CANNOT_DM = 50007
"""With 403, for a user who takes no direct messages from the bot."""

MISSING_PERMISSIONS = 50013
"""With 403, for what the bot may not do; for a role also when it is not below the bot's own highest one."""

INVALID_RECIPIENT = 50033
"""With 400, for a user to whom no direct-message channel can be opened."""

NO_MUTUAL_GUILDS = 50278
"""With 403, for a direct message to a user who shares no guild with the bot any more."""

MEMBERS_PAGE = 1000
"""Members of one page, the most that Discord gives (List Guild Members)."""

MEMBERS_BYTES = 8 * 1024 * 1024
"""The most of a page of members that is read: a member may have 250 roles, at 23 bytes each."""

NO_CONTENT = 204
"""What Discord answers when a member has, or has no longer, the role (Add/Remove Guild Member Role)."""

MEMBERS = "/guilds/{guild}/members"

AUDIT_LOG = "/guilds/{guild}/audit-logs"

MEMBER_ROLE_UPDATE = 25
"""The kind of the audit log's entries about the roles of a member (Audit Logs, Audit Log Events)."""

AUDIT_PAGE = 100
"""Entries of one page of the audit log, the most that Discord gives (Get Guild Audit Log)."""

_BITS = re.compile(r"[0-9]{1,80}")


@dataclass(frozen=True, slots=True)
class MemberInfo:
    """A member of a guild."""

    user_id: int
    name: str
    """What the guild sees: the nickname, else the display name, else the user name."""
    is_bot: bool
    role_ids: frozenset[int]


@dataclass(frozen=True, slots=True)
class RoleInfo:
    """A role of a guild."""

    role_id: int
    name: str
    position: int
    """Of two roles the one with the larger number is the higher."""
    permissions: int
    """Discord's bits: see giftping.discord.permissions."""
    is_mentionable: bool = True
    """Whether anybody may mention it; else only who may mention everyone."""


class MembersClient:
    """Calls about members, with the bot token. None of them raises for what Discord or a network can do."""

    def __init__(self, http: DiscordHttp) -> None:
        self.http = http

    def guild(self, guild_id: int) -> Mapping[str, Any] | Refused | Unclear:
        """A guild as Discord's API gives it."""
        return object_in(self.http.request(_of_guild("GET", "/guilds/{guild}", guild_id)))

    def channel(self, channel_id: int) -> Mapping[str, Any] | Refused | Unclear:
        """A channel as Discord's API gives it."""
        return RestClient(self.http).channel(channel_id)

    def roles(self, guild_id: int) -> tuple[RoleInfo, ...] | Refused | Unclear:
        """All roles of a guild; the one with the guild's own id is everybody's."""
        listed = list_in(self.http.request(_of_guild("GET", "/guilds/{guild}/roles", guild_id)), "roles", _role)
        return tuple(listed) if isinstance(listed, list) else listed

    def guild_and_roles(self, guild_id: int) -> tuple[Mapping[str, Any], tuple[RoleInfo, ...]] | Refused | Unclear:
        """A guild as Discord's API gives it, and its roles, which are in it."""
        guild = self.guild(guild_id)
        if not isinstance(guild, Mapping):
            return guild
        listed = list_in(Answer(200, guild.get("roles")), "roles", _role)
        return (guild, tuple(listed)) if isinstance(listed, list) else listed

    def member(self, guild_id: int, user_id: int) -> MemberInfo | Refused | Unclear:
        """One member; Refused with UNKNOWN_MEMBER when the user is not in the guild."""
        found = object_in(self.http.request(_of_guild("GET", f"{MEMBERS}/{{user}}", guild_id, user=user_id)))
        if not isinstance(found, Mapping):
            return found
        member = _member(found)
        if member is None or member.user_id != user_id:
            return Unclear("the answer is not the member that was asked for")
        return member

    def members(self, guild_id: int) -> dict[int, MemberInfo] | Refused | Unclear:
        """All members of a guild by user id, read page by page.

        Refused with MISSING_ACCESS when the application lacks the privileged intent for members.
        """
        found: dict[int, MemberInfo] = {}
        after = 0
        endpoint = _of_guild("GET", MEMBERS, guild_id, body_bytes=MEMBERS_BYTES)
        while True:
            params = {"limit": str(MEMBERS_PAGE), "after": str(after)}
            page = list_in(self.http.request(endpoint, params=params), "members", _member)
            if not isinstance(page, list):
                return page
            found |= {member.user_id: member for member in page}
            if len(page) < MEMBERS_PAGE:
                return found
            last = max(member.user_id for member in page)
            if last <= after:
                return Unclear("the list of members begins again and again")
            after = last

    def give_role(
        self, guild_id: int, user_id: int, role_id: int, *, reason: str, ready: Callable[[], None] | None = None
    ) -> Answer | Refused | Unclear:
        """Give a member a role; nothing changes for one who has it.

        `reason` is shown in the guild's audit log. `ready` is called when all waiting for rate limits is
        over, and may raise WithdrawnError.
        """
        return self._change_role("PUT", guild_id, user_id, role_id, reason, ready)

    def take_role(
        self,
        guild_id: int,
        user_id: int,
        role_id: int,
        *,
        reason: str,
        ready: Callable[[], None] | None = None,
        fence: Callable[[], None] | None = None,
    ) -> Answer | Refused | Unclear:
        """Take a role from a member; `reason` and `ready` as for `give_role`.

        `fence` is called right before the first byte of each try, and may raise WithdrawnError, too.
        """
        return self._change_role("DELETE", guild_id, user_id, role_id, reason, ready, fence)

    def was_role_taken(self, guild_id: int, user_id: int, role_id: int, since: int) -> bool | Refused | Unclear:
        """Whether anybody has taken a role from a member since a snowflake, as the guild's audit log has it.

        Refused with MISSING_PERMISSIONS where the bot may not view it.
        """
        after = since
        while True:
            params = {"action_type": str(MEMBER_ROLE_UPDATE), "after": str(after), "limit": str(AUDIT_PAGE)}
            log = object_in(self.http.request(_of_guild("GET", AUDIT_LOG, guild_id), params=params))
            if not isinstance(log, Mapping):
                return log
            entries = log.get("audit_log_entries")
            if not _are_objects(entries):
                return Unclear("the answer is not an audit log")
            if any(_takes_role(entry, user_id, role_id) for entry in entries):
                return True
            latest = max((id_or_none(entry.get("id")) or 0 for entry in entries), default=after)
            if len(entries) < AUDIT_PAGE or latest <= after:
                return False
            after = latest

    def open_dm(self, user_id: int) -> int | Refused | Unclear:
        """The id of the channel for direct messages to a user; Discord opens it where there is none yet."""
        endpoint = Endpoint("POST", "POST /users/@me/channels", "/users/@me/channels", "@me")
        channel = object_in(self.http.request(endpoint, json={"recipient_id": str(user_id)}))
        if not isinstance(channel, Mapping):
            return channel
        channel_id = id_or_none(channel.get("id"))
        return channel_id if channel_id is not None else Unclear("the answer names no channel")

    def _change_role(
        self,
        method: str,
        guild_id: int,
        user_id: int,
        role_id: int,
        reason: str,
        ready: Callable[[], None] | None,
        fence: Callable[[], None] | None = None,
    ) -> Answer | Refused | Unclear:
        endpoint = _of_guild(method, f"{MEMBERS}/{{user}}/roles/{{role}}", guild_id, user=user_id, role=role_id)
        result = self.http.request(endpoint, reason=reason, ready=ready, fence=fence)
        if isinstance(result, Answer) and result.status != NO_CONTENT:
            return Unclear(f"HTTP {result.status}, but a changed role is answered with {NO_CONTENT}")
        return result


def _of_guild(method: str, route: str, guild_id: int, *, body_bytes: int = BODY_BYTES, **ids: int) -> Endpoint:
    path = route.format(guild=guild_id, **ids)
    return Endpoint(method, f"{method} {route}", path, f"guild {guild_id}", body_bytes=body_bytes)


def _member(member: Mapping[str, Any]) -> MemberInfo | None:
    user, roles = member.get("user"), member.get("roles")
    if not isinstance(user, dict) or not isinstance(roles, list):
        return None
    user_id = id_or_none(user.get("id"))
    names = (member.get("nick"), user.get("global_name"), user.get("username"))
    name = next((name for name in names if isinstance(name, str) and name), None)
    role_ids = [role_id for role_id in map(id_or_none, roles) if role_id is not None]
    if user_id is None or name is None or len(role_ids) < len(roles):
        return None
    return MemberInfo(user_id, name, user.get("bot") is True, frozenset(role_ids))


def _role(role: Mapping[str, Any]) -> RoleInfo | None:
    role_id, name, position = id_or_none(role.get("id")), role.get("name"), role.get("position")
    permissions = role.get("permissions")
    if role_id is None or not isinstance(name, str) or not isinstance(position, int) or isinstance(position, bool):
        return None
    if not isinstance(permissions, str) or not _BITS.fullmatch(permissions):
        return None
    return RoleInfo(role_id, name, position, int(permissions), role.get("mentionable") is not False)


def _are_objects(entries: object) -> TypeGuard[list[dict[str, Any]]]:
    return isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries)


def _takes_role(entry: Mapping[str, Any], user_id: int, role_id: int) -> bool:
    """Whether an entry of the audit log says that the role was taken from the member ($remove, with partial roles)."""
    if id_or_none(entry.get("target_id")) != user_id:
        return False
    changes = entry.get("changes")
    if not _are_objects(changes):
        return False
    taken = [change.get("new_value") for change in changes if change.get("key") == "$remove"]
    roles = [role for roles in taken if _are_objects(roles) for role in roles]
    return any(id_or_none(role.get("id")) == role_id for role in roles)
