from __future__ import annotations

import httpx
import pytest

from giftping.demo.discord import StandInDiscord
from giftping.demo.world import Permission as StandInPermission
from giftping.discord.permissions import (
    EVERYTHING,
    Overwrite,
    Permission,
    channel_permissions,
    guild_permissions,
    missing_for_posting,
    overwrites_of,
    permission_label,
)

GUILD, BOT, ROLE, OTHER = 1, 2, 3, 4
VIEW, SEND, ADMIN = Permission.VIEW_CHANNEL, Permission.SEND_MESSAGES, Permission.ADMINISTRATOR


def in_guild(roles, held=(ROLE,), **more):
    return guild_permissions(GUILD, roles, held, **more)


def in_channel(granted, *overwrites, held=(ROLE, OTHER)):
    return channel_permissions(granted, overwrites, guild_id=GUILD, user_id=BOT, role_ids=held)


# In the guild


def test_a_member_may_what_everybody_may_and_what_each_of_the_roles_allows():
    assert in_guild({GUILD: VIEW, ROLE: SEND, OTHER: Permission.MANAGE_ROLES}) == VIEW | SEND
    assert in_guild({GUILD: VIEW}, held=()) == VIEW
    assert in_guild({ROLE: SEND}) == SEND


def test_an_administrator_and_the_owner_may_everything():
    assert in_guild({GUILD: 0, ROLE: ADMIN}) == EVERYTHING
    assert in_guild({GUILD: 0}, is_owner=True) == EVERYTHING


# In a channel


def test_a_channel_without_overwrites_leaves_what_the_guild_grants():
    assert in_channel(VIEW | SEND) == VIEW | SEND


@pytest.mark.parametrize(
    ("overwrites", "may"),
    [
        ([Overwrite(GUILD, 0, VIEW)], False),
        ([Overwrite(GUILD, 0, VIEW), Overwrite(ROLE, VIEW, 0)], True),
        ([Overwrite(ROLE, 0, VIEW), Overwrite(OTHER, VIEW, 0)], True),
        ([Overwrite(OTHER, VIEW, 0), Overwrite(ROLE, 0, VIEW)], True),
        ([Overwrite(ROLE, VIEW, 0), Overwrite(BOT, 0, VIEW)], False),
        ([Overwrite(BOT, VIEW, 0), Overwrite(GUILD, 0, VIEW), Overwrite(ROLE, 0, VIEW)], True),
        ([Overwrite(99, 0, VIEW)], True),
    ],
    ids=[
        "denied to everybody",
        "a role goes before everybody",
        "of two roles the one that allows",
        "of two roles the one that allows, in whatever order",
        "the member goes before the roles",
        "the member goes before everything",
        "somebody else's says nothing",
    ],
)
def test_of_overwrites_the_nearest_counts(overwrites, may):
    assert bool(in_channel(VIEW, *overwrites) & VIEW) is may


def test_no_overwrite_binds_an_administrator():
    assert in_channel(ADMIN, Overwrite(BOT, 0, EVERYTHING)) == EVERYTHING


# What posting takes


def test_what_is_missing_for_posting_is_named_as_discord_names_it():
    assert missing_for_posting(EVERYTHING, 0) == ()
    assert missing_for_posting(0, 0) == (
        "View Channel",
        "Send Messages",
        "Embed Links",
        "Attach Files",
        "Read Message History",
    )
    assert missing_for_posting(EVERYTHING & ~Permission.ATTACH_FILES, 0, files=False) == ()


def test_a_thread_takes_a_permission_of_its_own_for_sending():
    assert missing_for_posting(EVERYTHING & ~Permission.SEND_MESSAGES, 11) == ()
    lacking = EVERYTHING & ~Permission.SEND_MESSAGES_IN_THREADS
    assert missing_for_posting(lacking, 11) == ("Send Messages in Threads",)
    assert missing_for_posting(lacking, 0) == ()
    assert permission_label(Permission.MANAGE_ROLES) == "Manage Roles"


# What Discord shows


def test_overwrites_are_read_as_discord_gives_them():
    shown = {"permission_overwrites": [{"id": str(ROLE), "type": 0, "allow": "1024", "deny": "2048"}]}
    assert overwrites_of(shown) == (Overwrite(ROLE, VIEW, SEND),)
    assert overwrites_of({"permission_overwrites": []}) == ()


@pytest.mark.parametrize(
    "shown",
    [
        {},
        {"permission_overwrites": None},
        {"permission_overwrites": ["x"]},
        {"permission_overwrites": [{"id": "3", "allow": "-1", "deny": "0"}]},
        {"permission_overwrites": [{"id": "3", "allow": 1024, "deny": "0"}]},
        {"permission_overwrites": [{"allow": "0", "deny": "0"}]},
        {"permission_overwrites": [{"id": "3", "allow": "9" * 5000, "deny": "0"}]},
    ],
)
def test_overwrites_that_are_none_are_not_taken_for_an_empty_list(shown):
    assert overwrites_of(shown) is None


PUBLIC_THREAD = 11


@pytest.mark.parametrize("lacking", [StandInPermission.NONE, *list(StandInPermission.POSTING)])
def test_the_sum_is_what_the_stand_in_enforces(lacking):
    """Its channel shows an overwrite for the bot; a channel that it cannot see it is not shown at all."""
    with StandInDiscord(limits=None) as discord:
        discord.add_guild(11)
        discord.add_channel(21, 11, permissions=StandInPermission.POSTING & ~lacking)
        headers = {"User-Agent": "DiscordBot (https://a.example, 1)", "Authorization": f"Bot {discord.bot_token}"}
        shown = httpx.get(f"{discord.api}/channels/21", headers=headers)
    if lacking is StandInPermission.VIEW_CHANNEL:
        assert shown.status_code == 403
        return
    overwrites = overwrites_of(shown.json())
    assert overwrites is not None
    may = channel_permissions(0, overwrites, guild_id=11, user_id=discord.bot_id, role_ids=())
    named = () if lacking is StandInPermission.NONE else (permission_label(Permission(int(lacking))),)
    in_thread = lacking is StandInPermission.SEND_MESSAGES_IN_THREADS
    assert missing_for_posting(may, PUBLIC_THREAD if in_thread else 0) == named
