"""The part of the day with giftping that is about TODOs: some members, what they did before, and every command."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from giftping.demo.discord import StandInDiscord
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine
from giftping.todo.model import Lapse, Member, Membership, Todo
from giftping.todo.repository import MemberChange, MemberRepository

GUILD, CHANNEL, ROLE = 500_000_000_000_000_005, 500_000_000_000_000_055, 500_000_000_000_000_555
ASHA, BEN, CHITRA, DEV, ELA = (600_000_000_000_000_001 + number for number in range(5))
OWNER = 600_000_000_000_000_009
NAMES = {ASHA: "Asha", BEN: "Ben", CHITRA: "Chitra", DEV: "Dev", ELA: "Ela", OWNER: "Olga"}

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class TodoScene:
    """A guild with a TODO channel and a role, and the state folder in which its members' past is written down."""

    discord: StandInDiscord
    state: Path

    def set_up(self) -> None:
        discord = self.discord
        discord.add_guild(GUILD)
        discord.set_bot(GUILD)
        discord.add_channel(CHANNEL, GUILD)
        discord.add_role(GUILD, ROLE, name="Doers")
        for user_id, name in NAMES.items():
            discord.add_member(GUILD, user_id, name=name, roles=(ROLE,))

    @property
    def variables(self) -> dict[str, str]:
        return {
            "GUILD_ID": str(GUILD),
            "TODO_CHANNEL_ID": str(CHANNEL),
            "ROLE_ID": str(ROLE),
            "OWNER_ID": str(OWNER),
        }

    def live_on(self) -> None:
        """Let days go by: Asha is to be reminded, Ben to lose the role, Dev has left, and Ela is back."""
        now = datetime.now(UTC)
        absent = Membership(now - 2 * DAY, in_guild=False)
        todo = Todo("Asha", f"{now - 26 * HOUR:%d/%m/%Y}", must_do="Two pages")
        lives = {
            ASHA: {"last_submit": now - 26 * HOUR, "todo": todo},
            BEN: {
                "last_submit": now - 5 * DAY - HOUR,
                "last_ping": now - 2 * HOUR,
                "lapse": Lapse(now - 5 * DAY - HOUR, warned_at=now - 13 * HOUR),
            },
            CHITRA: {"last_submit": now - 2 * HOUR},
            DEV: {"last_submit": now - 25 * HOUR, "membership": None},
            ELA: {"last_submit": now - 10 * DAY, "left_at": now - 9 * DAY, "membership": absent},
        }
        with Store(TinyEngine(self.state)) as store:
            repository = MemberRepository(store, lambda: now)

            def lived(member: Member) -> MemberChange:
                return MemberChange(replace(member, added=now - 30 * DAY, **lives[member.user_id]))  # type: ignore[arg-type]

            repository.amend(lives, lived)
        self.discord.remove_member(GUILD, DEV)
