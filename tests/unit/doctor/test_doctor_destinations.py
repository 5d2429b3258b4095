from __future__ import annotations

from dataclasses import replace

import pytest
from doctor_facts import CHANNEL, DAY, FAIL, HOUR, NOW, OK, WARN, WEBHOOK

from giftping.doctor.destinations import DestinationsFacts, judge_destinations, judge_vanished_webhooks
from giftping.doctor.judgement import NoAnswer, Verdict
from giftping.doctor.mentions import MentionFacts
from giftping.doctor.one_destination import BrokenFacts, DestinationFacts
from giftping.doctor.posting import UNSEEN, PlaceFacts
from giftping.store.base import ChannelKind, Posting, PostsIn

FORUM = PlaceFacts(ChannelKind.FORUM, tags={"1": "codes", "2": "news"})
NEWS, TEXT = PlaceFacts(ChannelKind.ANNOUNCEMENT), PlaceFacts(ChannelKind.TEXT)
LOCKED = PlaceFacts(ChannelKind.THREAD, is_locked=True)
AS_EVER, KEPT, PUBLISHED = Posting(), Posting(posts=PostsIn.KEPT), Posting(publishes=True)


def in_(destination: DestinationFacts, place: PlaceFacts, posting: Posting) -> DestinationFacts:
    return replace(destination, place=place, postings=(posting,))


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
        (in_(CHANNEL, FORUM, AS_EVER), FAIL, "is a forum, where each message needs a post", "--posts per-announcement"),
        (in_(WEBHOOK, FORUM, AS_EVER), FAIL, "is of a forum, where each message needs a post", "--posts kept"),
        (in_(CHANNEL, NEWS, KEPT), FAIL, "is an announcement channel, and takes no posts", "--posts none"),
        (in_(CHANNEL, replace(FORUM, wants_tag=True), KEPT), FAIL, "asks for a tag with each post", "(codes; news)"),
        (in_(CHANNEL, FORUM, replace(KEPT, tags=("3",))), FAIL, "has no tag 3", "--tag NAME (codes; news)"),
        (in_(WEBHOOK, LOCKED, AS_EVER), FAIL, "a thread that is locked", "unlock"),
        (in_(CHANNEL, TEXT, PUBLISHED), FAIL, "is a text channel: only messages of an announcement", "--no-publish"),
        (
            replace(in_(WEBHOOK, UNSEEN, PUBLISHED), lacks_to_publish=None),
            WARN,
            "a webhook alone cannot publish",
            "set DISCORD_TOKEN",
        ),
        (
            replace(in_(WEBHOOK, NEWS, PUBLISHED), lacks_to_publish=("Manage Messages",)),
            WARN,
            "lacks Manage Messages",
            "allow it there: Manage Messages",
        ),
        (replace(CHANNEL, unfit="a voice channel"), FAIL, "is a voice channel", "--channel ID"),
        (replace(CHANNEL, unfit="a direct message", channel_guild_id=None, is_elsewhere=True), FAIL, "no guild", "add"),
        (replace(CHANNEL, channel_guild_id=99, is_elsewhere=True), FAIL, "in guild 99", "--channel ID"),
        (replace(WEBHOOK, channel_guild_id=99, is_elsewhere=True), FAIL, "in guild 99", "--webhook URL"),
        (replace(WEBHOOK, lost_thread=5), FAIL, "thread 5", "--webhook URL"),
        (replace(WEBHOOK, shared_with=(99, 98)), FAIL, "used by guild 99; guild 98", "guilds remove ID"),
        (replace(CHANNEL, missing=("Embed Links", "Send Messages")), FAIL, "Embed Links, Send Messages", "allow it"),
        (replace(CHANNEL, missing=NoAnswer("timed out")), WARN, "timed out", "again"),
        (replace(CHANNEL, mentions=(MentionFacts("77", is_known=False),)), WARN, "no role 77", "--mention ROLE"),
        (replace(CHANNEL, mentions=(MentionFacts("66"), MentionFacts("12"))), WARN, "@everyone", "--mention ROLE"),
        (
            replace(CHANNEL, mentions=(MentionFacts("77", is_mentionable=False, is_allowed=False),)),
            WARN,
            "notifies nobody",
            "Mention Everyone",
        ),
        (replace(CHANNEL, mentions=NoAnswer("timed out")), WARN, "not to be told: timed out", "again"),
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
    assert (well.verdict, well.what) == (OK, "1 of 2 destinations can be posted to")


@pytest.mark.parametrize(
    "destination",
    [
        in_(CHANNEL, FORUM, replace(KEPT, tags=("2",))),
        in_(CHANNEL, NEWS, PUBLISHED),
        in_(WEBHOOK, NEWS, PUBLISHED),
        in_(WEBHOOK, UNSEEN, KEPT),
        in_(CHANNEL, replace(LOCKED, is_locked=False), AS_EVER),
    ],
    ids=repr,
)
def test_what_a_channel_can_do_is_no_trouble(destination: DestinationFacts) -> None:
    (found,) = judge_destinations(DestinationsFacts(NOW, (destination,)))
    assert found.verdict is OK


def test_destinations_that_were_not_asked_about_are_counted_apart() -> None:
    (found,) = judge_destinations(DestinationsFacts(NOW, (WEBHOOK, replace(CHANNEL, is_asked=False))))
    assert found.what.startswith("1 of 2 destinations can be posted to; 1 was not asked about: giftping doctor --live")


def test_webhooks_that_vanish_point_at_the_bot_that_deletes_them() -> None:
    found = judge_vanished_webhooks(DestinationsFacts(NOW, (replace(WEBHOOK, trouble=GONE), CHANNEL)))
    assert found is not None
    assert found.verdict is WARN
    assert "guild 11" in found.what
    assert "older TODO bot" in found.what
    assert "stop it" in found.next_step
    assert judge_vanished_webhooks(DestinationsFacts(NOW, (CHANNEL,))) is None
