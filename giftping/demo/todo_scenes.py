"""The demo's TODO guild: three members as an older bot has left them, and what giftping does with them."""

from __future__ import annotations

from datetime import timedelta

from giftping.demo.discord import StandInDiscord
from giftping.demo.stage import BOT_GUILD, Stage
from giftping.demo.world import StoredMessage
from giftping.store.documents import ACTIVE_MEMBERS, TODO_TIMESTAMPS
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine
from giftping.wiring import utc_now

TODO_CHANNEL = 200_000_000_000_000_033
TODO_ROLE = 200_000_000_000_000_333
ANNA, BEN, CLEO = 300_000_000_000_000_001, 300_000_000_000_000_002, 300_000_000_000_000_003
MEMBERS = {ANNA: ("Anna", timedelta(hours=5)), BEN: ("Ben", timedelta(hours=30)), CLEO: ("Cleo", timedelta(hours=110))}
"""Names, and for how long each has been silent: not yet a day, more than that, and almost five."""

NAMES = {user_id: name for user_id, (name, _) in MEMBERS.items()}

TOLD = {ANNA: [], BEN: ["channel", "dm"], CLEO: ["channel", "dm"]}
"""By which ways each is to be told in the whole demo, and in which order: once each."""


def set_up_members(stage: Stage) -> None:
    """Let three members with the role join, with the documents that the older bot keeps of them."""
    discord = stage.discord
    discord.set_bot(BOT_GUILD)
    discord.add_channel(TODO_CHANNEL, BOT_GUILD, name="todo")
    discord.add_role(BOT_GUILD, TODO_ROLE, name="Doers")
    for user_id, (name, _) in MEMBERS.items():
        discord.add_member(BOT_GUILD, user_id, roles=(TODO_ROLE,), name=name)
    stage.extra_environment |= {
        "GUILD_ID": str(BOT_GUILD),
        "TODO_CHANNEL_ID": str(TODO_CHANNEL),
        "ROLE_ID": str(TODO_ROLE),
    }
    _write_old_documents(stage)


def _write_old_documents(stage: Stage) -> None:
    now = utc_now()
    joined = now - timedelta(days=30)
    with Store(TinyEngine(stage.folder / "state")) as store:
        store.insert_documents(
            ACTIVE_MEMBERS,
            [
                {"_id": str(user_id), "added": joined, "name": name, "user_id": user_id}
                for user_id, name in NAMES.items()
            ],
        )
        store.insert_documents(
            TODO_TIMESTAMPS,
            [
                {"_id": str(user_id), "last_submit": (now - silent_for).timestamp(), "last_ping": 0}
                for user_id, (_, silent_for) in MEMBERS.items()
            ],
        )


def told(discord: StandInDiscord) -> dict[int, list[str]]:
    """The ways by which each member was really notified, as the stand-in counted, in order."""
    return {user_id: [one.kind for one in discord.notifications(user_id)] for user_id in MEMBERS}


def todo_messages(discord: StandInDiscord) -> list[StoredMessage]:
    """The messages that stand in the TODO channel, oldest first."""
    return discord.messages(TODO_CHANNEL)
