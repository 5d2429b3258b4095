"""What is published, how often that is asked for, and when it is given up."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from fakes.clock import TestClock
from fakes.discord_route import TIMED_OUT
from fakes.records import NOON, code, entry, subscription
from fakes.store import MemoryStore

from giftping.codes.entries import Publishing
from giftping.codes.publishing import AGAIN, MENDED, MESSAGES_A_CHANNEL, PUBLISHED_FOR, Published, Publisher
from giftping.codes.report import PublishResult
from giftping.discord.outcome import Done, Outcome, Refused
from giftping.store.base import CodeRecord, EntryState, Posting, Subscription

LATER, GONE, DONE = PublishResult.LATER, PublishResult.GONE, PublishResult.PUBLISHED
WANTED = Posting(publishes=True)
ALREADY = Refused("HTTP 400 This message has already been crossposted (40033)", 400, 40033)
NOT_THERE = Refused("HTTP 404 Unknown Message (10008)", 404, 10008, lasting=True)
OTHER_KIND = Refused("HTTP 400 Cannot execute action on this channel type (50024)", 400, 50024, lasting=True)
LACKING = Refused("HTTP 403 Missing Permissions (50013)", 403, 50013, lasting=True)
NO_TOKEN = Refused("no bot token: a webhook alone cannot publish", lasting=True)
LIMITED = Refused("HTTP 429 (20028)", 429, 20028, retry_after=timedelta(minutes=40))
SHORT = Refused("HTTP 429", 429, retry_after=timedelta(seconds=3))


@dataclass
class Play:
    store: MemoryStore
    subscriptions: list[Subscription]
    records: dict[str, CodeRecord]
    clock: TestClock = field(default_factory=TestClock)
    answers: deque[Outcome] = field(default_factory=deque)
    asked: list[tuple[int, int]] = field(default_factory=list)

    def run(self) -> Published:
        publisher = Publisher(
            store=self.store,
            publish=self.publish,
            clock=self.clock,
            stopped=lambda: False,
            side_by_side=lambda work, items: [work(item) for item in items],
            records=self.records,
            subscriptions=self.subscriptions,
            everyone=self.subscriptions,
            now=self.clock(),
        )
        return publisher.publish_owed()

    def publish(self, channel_id: int, message_id: int) -> Outcome:
        self.asked.append((channel_id, message_id))
        return self.answers.popleft() if self.answers else Done(message_id, channel_id)

    def says(self, id_: str = "1:GIFT100") -> str:
        return self.store.ledger[id_].publishing


def play(*keys: str, channel: int = 500, posting: Posting = WANTED, **changes: object) -> Play:
    """Return messages that are to be published, one for each code, each with an id of its own."""
    fields: dict[str, object] = {"state": EntryState.SENT, "sent_at": NOON, "channel_id": channel, "publishing": "owed"}
    keys = keys or ("GIFT100",)
    entries = [entry(1, key, message_id=900 + number, **(fields | changes)) for number, key in enumerate(keys)]
    records = {one.id: one for one in (code(key, latest_end=None) for key in keys)}
    return Play(MemoryStore([], entries), [subscription(posting=posting)], records)


def test_what_is_owed_is_published_once() -> None:
    stage = play()
    (report,) = stage.run().reports
    assert (report.result, report.message_id, stage.says()) == (DONE, 900, Publishing.DONE)
    assert stage.run() == Published()
    assert stage.asked == [(500, 900)]


def test_the_ledger_is_not_asked_where_nobody_wants_that() -> None:
    stage = play(posting=Posting())
    assert stage.run() == Published()
    assert (stage.asked, stage.store.calls) == ([], [])


@pytest.mark.parametrize(
    ("no", "result", "says"),
    [(ALREADY, DONE, "done"), (NOT_THERE, GONE, "gone"), (OTHER_KIND, GONE, "gone")],
    ids=["already", "not there", "other kind"],
)
def test_what_was_published_already_or_cannot_be_is_done_with(no: Refused, result: PublishResult, says: str) -> None:
    stage = play()
    stage.answers.append(no)
    (report,) = stage.run().reports
    assert (report.result, stage.says()) == (result, says)
    assert stage.run() == Published()


@pytest.mark.parametrize(
    ("no", "again", "mend"),
    [
        (LIMITED, timedelta(minutes=40), ""),
        (SHORT, AGAIN, ""),
        (TIMED_OUT, AGAIN, ""),
        (Refused("HTTP 500", 500), AGAIN, ""),
        (LACKING, MENDED, "allow the bot Send Messages there"),
        (NO_TOKEN, MENDED, "set DISCORD_TOKEN"),
    ],
    ids=["limited", "shortly", "unclear", "500", "lacking", "no token"],
)
def test_what_is_not_taken_is_asked_again_and_nothing_more_of_the_channel_before(
    no: Outcome, again: timedelta, mend: str
) -> None:
    stage = play("GIFT100", "GIFT200")
    stage.answers.append(no)
    published = stage.run()
    (report,) = published.reports
    assert (report.result, published.next_at, report.retry_at) == (LATER, stage.clock() + again, stage.clock() + again)
    assert report.mend.startswith(mend)
    assert bool(report.mend) == bool(mend)
    assert stage.asked == [(500, 900)]
    assert [one.result for one in stage.run().reports] == [DONE, DONE]


def test_another_channel_goes_on() -> None:
    stage = play("GIFT100")
    stage.store.insert([replace(next(iter(play("GIFT200", channel=600).store.ledger.values())), message_id=950)])
    stage.answers.append(LIMITED)
    assert {one.channel_id: one.result for one in stage.run().reports} == {500: LATER, 600: DONE}


def test_what_a_webhook_posted_takes_manage_messages() -> None:
    stage = play(webhook_id=31)
    stage.answers.append(LACKING)
    assert stage.run().reports[0].mend == "allow the bot Manage Messages there"


def test_no_run_asks_for_more_of_a_channel_than_discord_lets_through() -> None:
    stage = play(*(f"GIFT{number:03}" for number in range(MESSAGES_A_CHANNEL + 3)))
    published = stage.run()
    assert (len(published.reports), published.next_at) == (MESSAGES_A_CHANNEL, stage.clock() + AGAIN)
    assert len(stage.run().reports) == 3


@pytest.mark.parametrize(
    ("sent_at", "ends"),
    [(NOON - PUBLISHED_FOR, None), (NOON, NOON - timedelta(minutes=1))],
    ids=["old", "ended"],
)
def test_what_is_old_or_of_no_use_any_more_is_not_published(sent_at: datetime, ends: datetime | None) -> None:
    stage = play(sent_at=sent_at)
    stage.records = {id_: replace(one, expires_at=ends, latest_end=ends) for id_, one in stage.records.items()}
    assert stage.run() == Published()
    assert (stage.asked, stage.says()) == ([], "gone")


def test_a_message_of_several_codes_is_published_once_and_each_entry_says_so() -> None:
    stage = play("GIFT100", "GIFT200")
    both = [replace(one, message_id=900) for one in stage.store.ledger.values()]
    stage.store = MemoryStore([], both)
    assert len(stage.run().reports) == 1
    assert (stage.says("1:GIFT100"), stage.says("1:GIFT200"), len(stage.asked)) == ("done", "done", 1)
