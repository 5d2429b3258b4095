"""The part of the stand-in Discord that has to do with people: members, their roles, and what notified them."""

from __future__ import annotations

import threading
from collections.abc import Collection

from giftping.demo.world import Author, Member, Notification, Permission, Role, RoleChange, World


class People:
    """Sets the stage with members and roles, and tells what has happened to them."""

    _world: World
    _lock: threading.RLock

    # Setting the stage

    @property
    def members_intent(self) -> bool:
        """Whether the bot has the GUILD_MEMBERS intent, without which it cannot list members."""
        return self._world.members_intent

    @members_intent.setter
    def members_intent(self, granted: bool) -> None:
        self._world.members_intent = granted

    @property
    def audit_log(self) -> bool:
        """Whether the bot may view the audit log of its guilds, whatever its roles say."""
        return self._world.shows_audit_log

    @audit_log.setter
    def audit_log(self, granted: bool) -> None:
        self._world.shows_audit_log = granted

    def set_bot(self, guild_id: int, *, permissions: int = Permission.MANAGE_ROLES, position: int = 10) -> None:
        """Give the bot a role of its own in a guild, which says what it may do there and which roles are below it.

        The permissions are Discord's bits. A second call changes that role.
        """
        with self._lock:
            guild, bot = self._world.guilds[guild_id], self._world.bot
            own = next((role for role in guild.roles.values() if role.bot_id == bot.id), None)
            id_ = own.id if own else self._world.snowflake()
            guild.roles[id_] = Role(id_, bot.name, position, int(permissions), bot.id)
            guild.members[bot.id].roles.add(id_)

    def add_role(
        self, guild_id: int, role_id: int, *, name: str = "", position: int = 1, is_mentionable: bool = True
    ) -> None:
        """Add a role to a guild, which anybody may mention, or who may mention everyone alone."""
        role = Role(role_id, name or f"role {role_id}", position, is_mentionable=is_mentionable)
        with self._lock:
            self._world.guilds[guild_id].roles[role_id] = role

    def remove_role(self, guild_id: int, role_id: int) -> None:
        """Delete a role, which takes it from everybody."""
        with self._lock:
            guild = self._world.guilds[guild_id]
            del guild.roles[role_id]
            for member in guild.members.values():
                member.roles.discard(role_id)

    def add_member(
        self, guild_id: int, user_id: int, *, roles: Collection[int] = (), is_bot: bool = False, name: str = ""
    ) -> None:
        """Let a user join a guild, with roles from the start. Raise KeyError when the guild has no such role."""
        with self._lock:
            guild = self._world.guilds[guild_id]
            held = {guild.roles[role_id].id for role_id in roles}
            user = Author(user_id, name or f"user-{user_id}", is_bot)
            self._world.users[user_id] = user
            guild.members[user_id] = Member(user, self._world.clock(), held)

    def remove_member(self, guild_id: int, user_id: int) -> None:
        """Let a member leave a guild. Raise KeyError when there is no such member."""
        with self._lock:
            del self._world.guilds[guild_id].members[user_id]

    def give_role(self, guild_id: int, user_id: int, role_id: int) -> None:
        """Let a person give a member a role. Raise KeyError when the guild has no such member or role."""
        with self._lock:
            self._world.change_role(self._world.guilds[guild_id], user_id, role_id, given=True)

    def take_role(self, guild_id: int, user_id: int, role_id: int) -> None:
        """Let a person take a role from a member. Raise KeyError when the guild has no such member or role."""
        with self._lock:
            self._world.change_role(self._world.guilds[guild_id], user_id, role_id, given=False)

    def close_dms(self, user_id: int) -> None:
        """Let a user refuse direct messages."""
        with self._lock:
            self._world.closed_dms.add(user_id)

    def open_dms(self, user_id: int) -> None:
        """Let a user take direct messages again."""
        with self._lock:
            self._world.closed_dms.discard(user_id)

    @property
    def new_dms(self) -> int | None:
        """How many channels for direct messages the bot may open before it is told that this is too fast."""
        return self._world.new_dms

    @new_dms.setter
    def new_dms(self, most: int | None) -> None:
        self._world.new_dms = most

    def reset_new_dms(self) -> None:
        """Begin to count anew what `new_dms` limits."""
        with self._lock:
            self._world.opened_dms = 0

    # Looking

    def roles_of(self, guild_id: int, user_id: int) -> frozenset[int]:
        """The ids of the roles that a member holds. Raise KeyError when there is no such member."""
        with self._lock:
            return frozenset(self._world.guilds[guild_id].members[user_id].roles)

    def dm_channel_of(self, user_id: int) -> int | None:
        """The id of the channel for direct messages to a user, None when there is none yet."""
        with self._lock:
            channel = self._world.dms.get(user_id)
            return channel.id if channel else None

    def notifications(self, user_id: int) -> list[Notification]:
        """The notifications of one user, oldest first."""
        return [notification for notification in self.all_notifications() if notification.user_id == user_id]

    def all_notifications(self) -> list[Notification]:
        """The notifications of everybody, oldest first."""
        with self._lock:
            return list(self._world.notifications)

    @property
    def role_changes(self) -> list[RoleChange]:
        """Every role that a member was given or lost after joining, oldest first."""
        with self._lock:
            return list(self._world.role_changes)
