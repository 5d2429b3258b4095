"""TODO notices are said in the language of their guild."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from past import ASHA, CHANNEL, DAY, GUILD, OWNER, ROLE, Past, now
from ran import Ran

from giftping.demo.discord import StandInDiscord
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine

Run = Callable[..., Ran]


@pytest.mark.parametrize(
    ("language", "title", "how"),
    [
        ("", "⏰ TODO reminder", f"Send your TODO to <@{OWNER}>, who hands it in for you."),
        ("es", "⏰ Recordatorio de TODO", f"Envía tu TODO a <@{OWNER}>, que lo entregará por ti."),
    ],
)
def test_a_member_is_reminded_in_the_language_of_the_guild(
    giftping: Run, past: Past, discord: StandInDiscord, language: str, title: str, how: str
) -> None:
    discord.add_member(GUILD, ASHA, roles=[ROLE])
    past.member(ASHA, "Asha", silent=2 * DAY)
    with Store(TinyEngine(past.state)) as store:
        store.change_guild(GUILD, lambda guild: replace(guild, language=language), now())
    ran = giftping("todo", "sweep")
    assert ran.exit_code == 0, ran.errors
    (message,) = discord.messages(CHANNEL)
    assert message.embeds[0]["title"] == title
    assert message.embeds[0]["fields"][0]["value"] == how
