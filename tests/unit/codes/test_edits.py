"""What a run makes of messages that are not true any more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from code_builders import GAMES, WOS
from fakes.clock import TestClock
from fakes.discord_route import FORBIDDEN, TIMED_OUT, FakeRoute, Routes
from fakes.records import LATER, NOON, code, entry, subscription
from fakes.store import MemoryStore
from fakes.words import in_english

from giftping.codes.edits import AGAIN, EDITED_FOR, EDITS_A_CHANNEL, EDITS_A_RUN, Editor, Edits
from giftping.codes.report import EditResult
from giftping.codes.showing import all_shown
from giftping.codes.subscriptions import by_guild
from giftping.discord.outcome import Done, Refused
from giftping.store.base import CodeRecord, Destination, EntryState, LedgerEntry, Round, Ruling, Style, Subscription
from giftping.wiring import Item, Result

CHANNEL, HOOK = Destination(channel_id=500), Destination(webhook="env:HOOK")
UNTIL = NOON + timedelta(days=3)
VALID_UNTIL = "valid until 2026-05-07T12:00:00.123456+00:00"
MESSAGE = 900
UNKNOWN_MESSAGE = Refused("HTTP 404 Unknown Message (10008)", 404, 10008, lasting=True)
UNKNOWN_CHANNEL = Refused("HTTP 404 Unknown Channel (10003)", 404, 10003, lasting=True)
WEBHOOK_GONE = Refused("HTTP 404 Unknown Webhook (10015)", 404, 10015, lasting=True)
OF_ANOTHER = Refused("HTTP 403 Cannot edit a message authored by another user (50005)", 403, 50005, lasting=True)
TOO_MANY = Refused("HTTP 429 Maximum number of edits (30046)", 429, 30046)


class Desk:
    """A store with guilds, and the routes to where they are."""

    def __init__(self, *subscriptions: Subscription) -> None:
        self.subscriptions = list(subscriptions) or [subscription(destination=CHANNEL)]
        self.store = MemoryStore(self.subscriptions)
        self.clock = TestClock()
        self.bot, self.hook = FakeRoute("channel 500"), FakeRoute("webhook 77", webhook_id=77)
        places = {one.destination.channel_id or 500 for one in self.subscriptions}
        self.routes = Routes([(HOOK, self.hook), *((Destination(channel_id=place), self.bot) for place in places)])

    def know(self, *records: CodeRecord) -> None:
        self.store.remember([replace(one, shown=one.shown or all_shown(one, NOON)) for one in records])

    def sent(self, *entries: LedgerEntry) -> None:
        self.store.insert(entries)

    def amend(self, key: str, **changes: object) -> None:
        self.store.amend_code(WOS.slug, key, lambda one: replace(one, **changes))  # type: ignore[arg-type]  # by name

    def editor(self) -> Editor:
        return Editor(
            store=self.store,
            routes=self.routes,
            games=GAMES,
            clock=self.clock,
            stopped=lambda: False,
            side_by_side=in_turn,
            words=in_english,
            records={one.id: one for one in self.store.codes()},
            subscriptions=by_guild(self.subscriptions),
            now=self.clock(),
        )

    def edit(self) -> Edits:
        return self.editor().keep_true(notes=True)

    def shown(self, key: str, guild_id: int = 1) -> str:
        found = self.store.entry(guild_id, WOS.slug, key)
        assert found is not None
        return f"{found.spelling} {found.shown}"


def in_turn(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    return [work(item) for item in items]


def sent(key: str = "SNOWDAY", **changes: object) -> LedgerEntry:
    fields: dict[str, object] = {
        "state": EntryState.SENT,
        "sent_at": NOON,
        "message_id": MESSAGE,
        "channel_id": 500,
        "shown": VALID_UNTIL,
    }
    return entry(key=key, **(fields | changes))


@pytest.fixture
def desk() -> Desk:
    """Return a desk with one code that one message announces, in a channel of the bot."""
    desk = Desk()
    desk.know(code("SNOWDAY", expires_at=UNTIL, latest_end=UNTIL, rewards="100 gems"))
    desk.sent(sent())
    return desk


def test_as_long_as_all_is_true_no_message_is_looked_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk.store, "sent", lambda **_: pytest.fail("the ledger was asked"))
    edits = desk.edit()
    assert (edits.reports, edits.left, desk.bot.edited) == ((), 0, [])


def test_it_is_known_when_the_next_code_ends(desk: Desk) -> None:
    assert desk.edit().next_at == UNTIL


def test_the_message_of_a_code_that_has_ended_is_struck_through_and_greyed_once(desk: Desk) -> None:
    desk.clock.now = UNTIL
    (done,) = desk.edit().reports
    assert (done.result, done.changes) == (EditResult.EDITED, (("Snowday", "ended"),))
    (edited,) = desk.bot.edited
    assert (edited.message_id, edited.channel_id) == (MESSAGE, 500)
    assert "~~Snowday~~" in edited.text
    assert "```" not in edited.text
    assert "100 gems" in edited.text
    assert edited.message.embeds[0].title.startswith("~~")
    assert edited.message.embeds[0].color != WOS.color
    assert desk.shown("SNOWDAY") == "Snowday ended"
    assert desk.edit() == Edits()
    assert len(desk.bot.edited) == 1


def test_a_withdrawn_code_is_struck_through_and_comes_back_when_that_is_undone(desk: Desk) -> None:
    desk.amend("SNOWDAY", withdrawn=Ruling("jo", NOON))
    desk.edit()
    assert desk.shown("SNOWDAY") == "Snowday withdrawn"
    assert "announced by mistake" in desk.bot.edited[0].text
    desk.amend("SNOWDAY", withdrawn=None)
    desk.edit()
    assert desk.shown("SNOWDAY") == f"Snowday {VALID_UNTIL}"
    assert "```\nSnowday\n```" in desk.bot.edited[1].text


def test_a_corrected_spelling_is_put_right_once(desk: Desk) -> None:
    desk.amend("SNOWDAY", spelling="SnowDay")
    (done,) = desk.edit().reports
    assert done.changes == (("SnowDay", VALID_UNTIL),)
    assert "```\nSnowDay\n```" in desk.bot.edited[0].text
    assert desk.shown("SNOWDAY") == f"SnowDay {VALID_UNTIL}"
    assert desk.edit().reports == ()


def test_a_corrected_end_is_put_right(desk: Desk) -> None:
    desk.amend("SNOWDAY", expires_at=UNTIL + timedelta(days=1))
    desk.edit()
    assert desk.shown("SNOWDAY") == "Snowday valid until 2026-05-08T12:00:00.123456+00:00"


def test_a_list_without_dates_does_not_take_an_end_back(desk: Desk) -> None:
    desk.clock.now = UNTIL
    desk.edit()
    desk.amend("SNOWDAY", expires_at=None)
    assert desk.edit().reports == ()
    assert desk.shown("SNOWDAY") == "Snowday ended"


def test_a_list_that_drops_its_dates_leaves_a_message_the_day_that_it_named(desk: Desk) -> None:
    midnight = NOON.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=4)
    desk.store.remember([code("SNOWDAY", expires_at=midnight, latest_end=midnight, expiry_text="2026-05-07")])
    desk.edit()
    assert "2026-05-07" in str(desk.bot.edited[-1].message.payload())
    # Another spelling, so that the message is written anew.
    desk.store.remember([code("SNOWDAY", spelling="SnowDay", at=LATER)])
    desk.edit()
    assert "2026-05-07" in str(desk.bot.edited[-1].message.payload())
    assert "2026-05-08" not in str(desk.bot.edited[-1].message.payload())


def test_a_message_with_several_codes_is_written_whole(desk: Desk) -> None:
    desk.know(code("RIME200", expires_at=UNTIL + timedelta(days=9)), code("HAIL300"))
    desk.sent(sent("RIME200", shown="valid until 2026-05-16T12:00:00.123456+00:00"), sent("HAIL300", shown="valid"))
    desk.clock.now = UNTIL
    assert len(desk.edit().reports) == 1
    (embed,) = desk.bot.edited[0].message.embeds
    assert [("~~" in one.value, "```" in one.value) for one in embed.fields] == [
        (False, True),
        (False, True),
        (True, False),
    ]
    assert embed.color == WOS.color
    assert "New" not in embed.title


@pytest.mark.parametrize("style", list(Style))
def test_a_message_is_edited_in_the_style_that_it_has_and_mentions_whom_it_did(style: Style) -> None:
    desk = Desk()
    desk.know(code("SNOWDAY", expires_at=UNTIL, latest_end=UNTIL), code("RIME200"))
    desk.sent(sent(style=style, mentions=("42",)), sent("RIME200", shown="valid", style=style, mentions=("42",)))
    desk.clock.now = UNTIL
    desk.edit()
    (edited,) = desk.bot.edited
    assert edited.message.content == "<@&42>\n`Rime200`\n~~Snowday~~"
    assert bool(edited.message.embeds[0].fields) == (style is Style.FULL)


def test_the_content_of_a_message_of_an_older_release_stays(desk: Desk) -> None:
    desk.clock.now = UNTIL
    desk.edit()
    assert "content" not in desk.bot.edited[0].message.payload()


@pytest.mark.parametrize("no", [UNKNOWN_MESSAGE, UNKNOWN_CHANNEL, WEBHOOK_GONE, OF_ANOTHER])
def test_a_message_that_is_not_there_any_more_is_left_for_good(desk: Desk, no: Refused) -> None:
    desk.bot.edit_answers.append(no)
    desk.clock.now = UNTIL
    edits = desk.edit()
    assert [one.result for one in edits.reports] == [EditResult.GONE]
    assert (edits.left, edits.next_at) == (0, None)
    assert desk.edit().reports == ()
    desk.amend("SNOWDAY", withdrawn=Ruling("jo", NOON))
    assert desk.edit().reports == ()


@pytest.mark.parametrize("no", [TOO_MANY, TIMED_OUT, FORBIDDEN])
def test_what_is_not_taken_now_is_tried_again_in_a_later_run(desk: Desk, no: object) -> None:
    desk.bot.edit_answers.append(no)  # type: ignore[arg-type]  # outcomes
    desk.clock.now = UNTIL
    edits = desk.edit()
    assert [one.result for one in edits.reports] == [EditResult.LATER]
    assert (edits.left, edits.next_at) == (1, UNTIL + AGAIN)
    assert desk.shown("SNOWDAY") == f"Snowday {VALID_UNTIL}"
    assert [one.result for one in desk.edit().reports] == [EditResult.EDITED]


def test_a_limit_in_one_channel_ends_the_edits_there_and_nowhere_else() -> None:
    desk = Desk(subscription(1, destination=CHANNEL), subscription(2, destination=Destination(channel_id=600)))
    desk.know(code("SNOWDAY", expires_at=UNTIL, latest_end=UNTIL), code("RIME200", expires_at=UNTIL, latest_end=UNTIL))
    other = FakeRoute("channel 600")
    desk.routes.routes[Destination(channel_id=600)] = other
    desk.sent(sent(), sent("RIME200", message_id=901), sent(guild_id=2, message_id=902, channel_id=600))
    desk.bot.edit_answers.append(TOO_MANY)
    desk.clock.now = UNTIL
    edits = desk.edit()
    assert (len(desk.bot.edited), len(other.edited), edits.left) == (1, 1, 2)


def test_messages_older_than_30_days_are_left_as_they_are(desk: Desk) -> None:
    desk.clock.now = NOON + EDITED_FOR
    assert desk.edit().reports == ()
    assert desk.bot.edited == []


def test_a_run_edits_so_many_messages_and_leaves_the_rest_to_the_next() -> None:
    places = range(600, 600 + EDITS_A_RUN)
    desk = Desk(*(subscription(place, destination=Destination(channel_id=place)) for place in places))
    desk.know(code("SNOWDAY", expires_at=UNTIL, latest_end=UNTIL), code("RIME200", expires_at=UNTIL, latest_end=UNTIL))
    for place in places:
        there = {"guild_id": place, "channel_id": place}
        desk.sent(sent(message_id=place, **there), sent("RIME200", message_id=place + 1000, **there))
    desk.clock.now = UNTIL
    edits = desk.edit()
    assert (len(edits.reports), edits.left, edits.next_at) == (EDITS_A_RUN, EDITS_A_RUN, UNTIL)
    assert len(desk.edit().reports) == EDITS_A_RUN
    assert desk.edit() == Edits()
    assert {one.message_id for one in desk.bot.edited} == {*places, *(place + 1000 for place in places)}


def test_a_channel_sees_few_edits_in_a_run_and_no_other_messages_are_read_whole(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_for: list[Sequence[int]] = []
    answer = desk.store.sent

    def sent_in(*, keys: Sequence[str] = (), message_ids: Sequence[int] = ()) -> object:
        asked_for.extend([message_ids] if message_ids else [])
        return answer(keys=keys, message_ids=message_ids)

    monkeypatch.setattr(desk.store, "sent", sent_in)
    for number in range(EDITS_A_CHANNEL):
        desk.know(code(f"RIME{number}", expires_at=UNTIL, latest_end=UNTIL))
        desk.sent(sent(f"RIME{number}", message_id=901 + number))
    desk.clock.now = UNTIL
    assert (len(desk.edit().reports), desk.edit().left) == (EDITS_A_CHANNEL, 0)
    assert [len(ids) for ids in asked_for] == [EDITS_A_CHANNEL, 1]


def test_a_message_with_a_code_that_is_unknown_now_is_in_no_others_way(desk: Desk) -> None:
    for number in range(2 * EDITS_A_CHANNEL):
        desk.sent(sent(message_id=1000 + number), sent("LOST", message_id=1000 + number))
    for number in range(EDITS_A_CHANNEL):
        desk.know(code(f"RIME{number}", expires_at=UNTIL, latest_end=UNTIL))
        desk.sent(sent(f"RIME{number}", message_id=901 + number))
    desk.clock.now = UNTIL
    assert (len(desk.edit().reports), desk.edit().left) == (EDITS_A_CHANNEL, 0)
    assert desk.edit() == Edits()


def test_a_message_of_a_webhook_is_edited_by_that_webhook_alone() -> None:
    desk = Desk(subscription(destination=HOOK))
    desk.know(code("SNOWDAY", expires_at=UNTIL, latest_end=UNTIL), code("RIME200", expires_at=UNTIL, latest_end=UNTIL))
    desk.sent(sent(webhook_id=77), sent("RIME200", message_id=901, webhook_id=78))
    desk.clock.now = UNTIL
    results = {one.message_id: one.result for one in desk.edit().reports}
    assert results == {MESSAGE: EditResult.EDITED, 901: EditResult.GONE}
    assert [one.message_id for one in desk.hook.edited] == [MESSAGE]


def test_a_message_of_the_bot_is_edited_by_the_bot_though_the_guild_has_a_webhook_now() -> None:
    desk = Desk(subscription(destination=HOOK))
    desk.know(code("SNOWDAY", expires_at=UNTIL, latest_end=UNTIL))
    desk.sent(sent())
    desk.clock.now = UNTIL
    assert [one.result for one in desk.edit().reports] == [EditResult.EDITED]
    assert len(desk.bot.edited) == 1


def test_the_messages_of_an_older_release_are_put_right_when_their_codes_end() -> None:
    desk = Desk(subscription(destination=HOOK))
    desk.store.remember([code("SNOWDAY", expires_at=UNTIL, latest_end=UNTIL)])
    desk.sent(sent(shown=""))
    assert desk.edit().reports == ()
    desk.clock.now = UNTIL
    assert [one.result for one in desk.edit().reports] == [EditResult.EDITED]
    assert len(desk.hook.edited) == 1


def test_an_earlier_round_has_ended_and_the_later_one_is_as_it_is(desk: Desk) -> None:
    begun, ends = UNTIL + timedelta(days=1), UNTIL + timedelta(days=9)
    desk.amend("SNOWDAY", spelling="SnowDay", expires_at=ends, latest_end=ends, rounds=(Round(begun, "anew", UNTIL),))
    later = f"valid until {ends.isoformat(timespec='microseconds')}"
    desk.sent(sent(number=2, message_id=901, spelling="SnowDay", shown=later))
    desk.clock.now = begun
    assert [one.changes for one in desk.edit().reports] == [(("Snowday", "ended"),)]
    assert [one.message_id for one in desk.bot.edited] == [MESSAGE]
    assert desk.edit().reports == ()


@pytest.mark.parametrize("withdrawn", [False, True])
def test_a_round_that_began_by_a_persons_word_alone_ends_none_before_it(desk: Desk, withdrawn: bool) -> None:
    begun, ends = UNTIL - timedelta(days=9), UNTIL + timedelta(days=9)
    anew = (Round(begun, "said by ada"), Round(begun + timedelta(days=1), "it was on no list"))
    desk.amend("SNOWDAY", expires_at=ends, latest_end=ends, rounds=anew)
    later = f"valid until {ends.isoformat(timespec='microseconds')}"
    desk.sent(sent(number=3, message_id=901, shown=later))
    desk.clock.now = begun + timedelta(days=2)
    if withdrawn:
        desk.amend("SNOWDAY", withdrawn=Ruling("ada", desk.clock.now))
    # The end that the first message shows was corrected: that is all there is to be put right in it.
    shown = "withdrawn" if withdrawn else later
    assert {one.changes for one in desk.edit().reports} == {(("Snowday", shown),)}
    assert len(desk.bot.edited) == (2 if withdrawn else 1)
    desk.clock.now = ends
    desk.edit()
    assert desk.shown("SNOWDAY") == f"Snowday {'withdrawn' if withdrawn else 'ended'}"


def test_a_run_that_was_killed_while_it_edited_leaves_the_rest_to_the_next(desk: Desk) -> None:
    desk.know(code("RIME200", expires_at=UNTIL, latest_end=UNTIL))
    desk.sent(sent("RIME200", message_id=901))
    desk.bot.edit_answers.extend([Done(MESSAGE), RuntimeError("killed")])
    desk.clock.now = UNTIL
    with pytest.raises(RuntimeError):
        desk.edit()
    # One of the messages is put right, the other is not: what the memory said of all of them holds no more.
    assert [one.shown for one in desk.store.codes()] == ["", ""]
    desk.edit()
    assert (desk.shown("SNOWDAY"), desk.shown("RIME200")) == ("Snowday ended", "Rime200 ended")


def test_a_rehearsal_edits_and_writes_nothing(desk: Desk) -> None:
    desk.clock.now = UNTIL
    before = desk.store.codes()
    planned = desk.editor().rehearse()
    assert [one.result for one in planned.reports] == [EditResult.PLANNED]
    assert (desk.bot.edited, desk.store.codes()) == ([], before)
