"""The stand-in Discord's endpoints for guilds, their members and the roles that these hold."""

from __future__ import annotations

from giftping.demo import shapes
from giftping.demo.calls import ApiError, Call, Endpoint, json_answer, no_content, not_permitted, unknown
from giftping.demo.loopback import Answer
from giftping.demo.rules import Form
from giftping.demo.world import Guild, Member, Permission, World

MEMBERS = "/guilds/{guild_id}/members"
MEMBER = MEMBERS + "/{user_id}"
MEMBER_ROLE = MEMBER + "/roles/{role_id}"

MEMBER_ROLE_UPDATE = "25"
"""The kind of the audit log's entries about a member's roles (Audit Logs, Audit Log Events)."""

MAX_REASON = 512
"""Characters of a reason for the audit log (Discord's documents on audit logs)."""


def guild_of(world: World, call: Call) -> Guild:
    """The guild of a path. Raise ApiError when the bot is not in it."""
    guild = world.guilds.get(call.id("guild_id"))
    if guild is None:
        raise unknown(10004, "Guild")
    return guild


def _get_guild(world: World, call: Call) -> Answer:
    return json_answer(shapes.guild(guild_of(world, call)))


def _get_roles(world: World, call: Call) -> Answer:
    return json_answer([shapes.role(role) for role in guild_of(world, call).roles.values()])


def _member_of(guild: Guild, call: Call) -> Member:
    member = guild.members.get(call.id("user_id"))
    if member is None:
        raise unknown(10007, "Member")
    return member


def _get_member(world: World, call: Call) -> Answer:
    return json_answer(shapes.member(_member_of(guild_of(world, call), call)))


def _list_members(world: World, call: Call) -> Answer:
    guild = guild_of(world, call)
    if not world.members_intent:
        raise ApiError(403, 50001, "Missing Access")
    # One at a time, unless more are asked for (List Guild Members).
    limit, after = call.limit(default=1, most=1000), call.snowflake("after") or 0
    chosen = sorted(user_id for user_id in guild.members if user_id > after)[:limit]
    return json_answer([shapes.member(guild.members[user_id]) for user_id in chosen])


def _get_audit_log(world: World, call: Call) -> Answer:
    """The log of changed roles; the stand-in keeps no other."""
    guild = guild_of(world, call)
    if not world.shows_audit_log:
        raise not_permitted()
    limit, after = call.limit(default=50, most=100), call.snowflake("after")
    wanted = call.query.get("action_type", MEMBER_ROLE_UPDATE) == MEMBER_ROLE_UPDATE
    changes = [change for change in world.role_changes if wanted and change.guild_id == guild.id]
    # From an entry on they come in their order, else the latest first (Get Guild Audit Log).
    chosen = changes[::-1][:limit] if after is None else [one for one in changes if one.id > after][:limit]
    return json_answer(shapes.audit_log(chosen, world.bot.id, guild))


def _give_role(world: World, call: Call) -> Answer:
    return _change_role(world, call, given=True)


def _take_role(world: World, call: Call) -> Answer:
    return _change_role(world, call, given=False)


def _change_role(world: World, call: Call, *, given: bool) -> Answer:
    guild = guild_of(world, call)
    member = _member_of(guild, call)
    role = guild.roles.get(call.id("role_id"))
    if role is None:
        raise unknown(10011, "Role")
    # @everyone, which has its guild's id: nobody can be without it.
    if role.id == guild.id:
        raise ApiError(400, 50028, "Invalid Role")
    _check_reason(call.reason)
    bot_id = world.bot.id
    # A bot gives and takes only roles below its highest one (Permissions, Permission Hierarchy).
    if Permission.MANAGE_ROLES not in guild.permissions_of(bot_id) or role.position >= guild.position_of(bot_id):
        raise not_permitted()
    world.change_role(guild, member.user.id, role.id, given=given, reason=call.reason, by_bot=True)
    return no_content()


def _check_reason(reason: str) -> None:
    form = Form()
    if len(reason) > MAX_REASON:
        form.wrong(["X-Audit-Log-Reason"], "BASE_TYPE_MAX_LENGTH", f"Must be {MAX_REASON} or fewer in length.")
    form.check()


GUILD_ENDPOINTS = (
    Endpoint("GET", "/guilds/{guild_id}", _get_guild),
    Endpoint("GET", "/guilds/{guild_id}/roles", _get_roles),
    Endpoint("GET", "/guilds/{guild_id}/audit-logs", _get_audit_log),
    Endpoint("GET", MEMBERS, _list_members),
    Endpoint("GET", MEMBER, _get_member),
    Endpoint("PUT", MEMBER_ROLE, _give_role),
    Endpoint("DELETE", MEMBER_ROLE, _take_role),
)
