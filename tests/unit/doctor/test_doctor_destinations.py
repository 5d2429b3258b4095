from __future__ import annotations

from dataclasses import replace

import pytest
from doctor_facts import CHANNEL, DAY, FAIL, HOUR, NOW, OK, WARN, WEBHOOK

from giftping.doctor.destinations import (
    BrokenFacts,
    DestinationFacts,
    DestinationsFacts,
    judge_destinations,
    judge_vanished_webhooks,
)
from giftping.doctor.judgement import NoAnswer, Verdict

GONE = NoAnswer("HTTP 404 Unknown Webhook (10015)", 404)


@pytest.mark.parametrize(
    ("destination", "verdict", "said", "step"),
    [
        (replace(WEBHOOK, unusable="env:HOOK: HOOK is not set"), FAIL, "HOOK is not set", "set what is missing"),
        (replace(WEBHOOK, trouble=GONE), FAIL, "webhook 31 is gone", "giftping guilds add 11 --webhook URL"),
        (replace(WEBHOOK, trouble=NoAnswer("HTTP 401", 401)), FAIL, "is gone", "--webhook URL"),
        (replace(WEBHOOK, trouble=NoAnswer("timed out")), FAIL, "timed out", "discordstatus"),
        (
            replace(WEBHOOK, trouble=NoAnswer("no way", is_on_the_way=True)),
            FAIL,
            "no way",
            "whether this machine reaches",
        ),
        (replace(CHANNEL, trouble=NoAnswer("HTTP 404", 404)), FAIL, "is not there", "--channel ID"),
        (replace(CHANNEL, trouble=NoAnswer("HTTP 403", 403)), FAIL, "cannot see it", "View Channel"),
        (replace(CHANNEL, takes_no_messages="a forum"), FAIL, "a forum", "--channel ID"),
        (replace(CHANNEL, channel_guild_id=99), FAIL, "in guild 99", "--channel ID"),
        (replace(CHANNEL, missing=("Embed Links", "Send Messages")), FAIL, "Embed Links, Send Messages", "allow it"),
        (replace(CHANNEL, missing=NoAnswer("timed out")), WARN, "timed out", "again"),
        (replace(CHANNEL, lost_mention=77), WARN, "77", "--mention ROLE"),
        (replace(CHANNEL, broken=BrokenFacts("HTTP 404", NOW - DAY)), FAIL, "left alone for 1 d", "guilds test 12"),
        (
            replace(CHANNEL, broken=BrokenFacts("HTTP 403", NOW - DAY, NOW + HOUR)),
            WARN,
            "left alone for 1 d",
            "tried again by itself",
        ),
    ],
)
def test_a_destination_that_cannot_be_posted_to_is_found_by_its_guild(
    destination: DestinationFacts, verdict: Verdict, said: str, step: str
) -> None:
    troubled, well = judge_destinations(DestinationsFacts(NOW, (destination, replace(WEBHOOK, guild_id=13))))
    assert (troubled.verdict, troubled.subject) == (verdict, str(destination.guild_id))
    assert troubled.what.startswith(f"guild {destination.guild_id}")
    assert said in troubled.what
    assert step in troubled.next_step
    assert (well.verdict, well.what) == (OK, "1 of 2 guilds can be posted to")


def test_destinations_that_were_not_asked_about_are_counted_apart() -> None:
    (found,) = judge_destinations(DestinationsFacts(NOW, (WEBHOOK, replace(CHANNEL, is_asked=False))))
    assert found.what.startswith("1 of 2 guilds can be posted to; 1 was not asked about: giftping doctor --live")


def test_webhooks_that_vanish_point_at_the_bot_that_deletes_them() -> None:
    found = judge_vanished_webhooks(DestinationsFacts(NOW, (replace(WEBHOOK, trouble=GONE), CHANNEL)))
    assert found is not None
    assert found.verdict is WARN
    assert "guild 11" in found.what
    assert "older TODO bot" in found.what
    assert "stop it" in found.next_step
    assert judge_vanished_webhooks(DestinationsFacts(NOW, (CHANNEL,))) is None
