from __future__ import annotations

from dataclasses import replace

import pytest
from doctor_facts import FAIL, GUILD, HOUR, OK, WARN, judged

from giftping.doctor.discord import BotFacts, ChannelFacts, GuildFacts, RoleFacts
from giftping.doctor.judgement import NoAnswer, Verdict
from giftping.doctor.todo_guild import TODO_GUILD_CHECKS, Rest


@pytest.mark.parametrize(
    ("name", "changes", "verdict", "said"),
    [
        ("guild", {"guild_id": None}, FAIL, "GUILD_ID is not set"),
        ("guild", {"guild": NoAnswer("HTTP 404", 404)}, FAIL, "not in guild 11"),
        ("guild", {"guild": NoAnswer("HTTP 502")}, FAIL, "HTTP 502"),
        ("channel", {"channel_id": None}, FAIL, "TODO_CHANNEL_ID is not set"),
        ("channel", {"channel": NoAnswer("HTTP 403", 403)}, FAIL, "cannot see channel 21"),
        ("channel", {"channel": NoAnswer("HTTP 404", 404)}, FAIL, "no channel 21"),
        ("channel", {"channel": NoAnswer("timed out")}, FAIL, "timed out"),
        ("channel", {"channel": ChannelFacts(12)}, FAIL, "in guild 12, not in guild 11"),
        ("channel", {"channel": ChannelFacts(None)}, FAIL, "in no guild"),
        ("channel", {"channel": ChannelFacts(11, "a forum")}, FAIL, "a forum"),
        ("channel", {"rest": Rest(3 * HOUR, "HTTP 403")}, WARN, "channel 21 has been left alone for 3 h: HTTP 403"),
        ("channel", {"rest": Rest(3 * HOUR, "HTTP 403"), "channel": ChannelFacts(12)}, FAIL, "in guild 12"),
        ("permissions", {"channel": ChannelFacts(11, missing=("Embed Links",))}, FAIL, "Embed Links"),
        ("permissions", {"channel": ChannelFacts(11, missing=NoAnswer("timed out"))}, WARN, "timed out"),
        ("role", {"role_id": None}, OK, "nobody loses a role"),
        ("role", {"role_id": 11}, FAIL, "@everyone"),
        ("members intent", {"lists_members": False}, WARN, "all 8 members"),
        ("members intent", {"lists_members": False, "roster_size": 5}, WARN, "all 5 members"),
        ("members intent", {"lists_members": False, "roster_size": 4}, OK, "not needed"),
        ("members intent", {"lists_members": NoAnswer("timed out")}, WARN, "timed out"),
    ],
)
def test_what_is_wrong_on_the_way_to_the_channel_is_found_by_name(
    name: str, changes: dict[str, object], verdict: Verdict, said: str
) -> None:
    found = judged(TODO_GUILD_CHECKS, replace(GUILD, **changes))[name]  # type: ignore[arg-type]
    assert found.verdict is verdict
    assert said in found.what
    assert bool(found.next_step) is (verdict is not OK)


@pytest.mark.parametrize(
    ("role", "bot", "failing"),
    [
        (None, BotFacts(True, 10), {"role"}),
        (RoleFacts("TODO", 1, is_managed=True), BotFacts(True, 10), {"role"}),
        (RoleFacts("TODO", 1), BotFacts(False, 10), {"manage roles"}),
        (RoleFacts("TODO", 10), BotFacts(True, 10), {"role order"}),
        (RoleFacts("TODO", 11), BotFacts(False, 10), {"manage roles", "role order"}),
        (RoleFacts("TODO", 1), NoAnswer("timed out"), {"manage roles"}),
    ],
)
def test_a_role_that_the_bot_could_not_take_is_found(
    role: RoleFacts | None, bot: BotFacts | NoAnswer, failing: set[str]
) -> None:
    found = judged(TODO_GUILD_CHECKS, replace(GUILD, guild=GuildFacts("Snow", role, bot)))
    assert {name for name, one in found.items() if one.verdict is FAIL} == failing


def test_without_a_role_nobody_asks_what_the_bot_may_do_with_roles() -> None:
    assert not {"manage roles", "role order"} & set(judged(TODO_GUILD_CHECKS, replace(GUILD, role_id=None)))


def test_what_was_not_asked_for_is_not_judged() -> None:
    assert judged(TODO_GUILD_CHECKS, replace(GUILD, guild=None, channel=None, lists_members=None)) == {}
