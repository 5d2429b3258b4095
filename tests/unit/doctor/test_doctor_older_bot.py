from __future__ import annotations

from doctor_facts import FAIL, OK

from giftping.doctor.older_bot import LeftOutGuild, OlderBotFacts, judge_older_bot
from giftping.store.legacy.left_out import HISTORY


def test_a_guild_that_gets_nothing_is_named_with_both_ways_out() -> None:
    assert [one.verdict for one in judge_older_bot(OlderBotFacts())] == [OK]
    (found,) = judge_older_bot(OlderBotFacts((LeftOutGuild(11, HISTORY, "giftping guilds add 11"),)))
    assert (found.verdict, found.subject) == (FAIL, "11")
    assert found.what == "guild 11, to which an older bot posted, gets nothing: what was sent there cannot be read"
    assert "giftping migrate" in found.next_step
    assert found.next_step.endswith("giftping guilds add 11")
