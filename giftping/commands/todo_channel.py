"""What `giftping guilds test` does with the TODO channel of a guild: it is looked at, and tried by the next sweep."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from giftping.doctor.discord import look_at_discord
from giftping.doctor.judgement import NoAnswer, Verdict
from giftping.doctor.todo_guild import judge_channel, judge_guild, judge_permissions, look_at_todo_guild
from giftping.todo.repository import MemberRepository

if TYPE_CHECKING:
    from collections.abc import Mapping

    from giftping.commands.session import Session


def tested_todo_channel(session: Session, tested: Mapping[int | None, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """How the TODO channel looks, as it stands in JSON; nothing where it is among the channels that were tested.

    Where messages can go there, the next sweep tries it.
    """
    channel_id = session.settings.todo.channel_id
    reason = "" if channel_id in tested else _reason_against(session)
    works = bool(tested[channel_id]["works"]) if channel_id in tested else not reason
    if works:
        _try_at_once(session)
    if channel_id in tested:
        return []
    return [
        {"destination": f"TODO channel {channel_id}", "games": [], "works": works, "reason": reason, "mentions": []}
    ]


def _reason_against(session: Session) -> str:
    discord, bot = look_at_discord(session.wiring, is_needed=True)
    if isinstance(discord.bot, NoAnswer):
        return f"failed: {discord.bot.reason}"
    facts = look_at_todo_guild(bot, session.settings.todo, 0, None, session.clock_of_look())
    for judge in (judge_guild, judge_channel, judge_permissions):
        judged = judge(facts)
        if judged is not None and judged.verdict is not Verdict.OK:
            return f"cannot be used: {judged.what}; {judged.next_step}"
    return "" if bot is not None else "cannot be used: no bot token is set; set DISCORD_TOKEN"


def _try_at_once(session: Session) -> None:
    with session.store(read_only=True) as store:
        is_left_alone = MemberRepository(store, session.clock_of_look).notes().channel is not None
    if is_left_alone:
        with session.store() as store:
            MemberRepository(store, session.clock).change_notes(lambda notes: replace(notes, channel=None))
