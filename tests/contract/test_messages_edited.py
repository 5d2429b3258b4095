"""Messages are kept true whatever the store is: what was not taken, or not answered, is patched again until it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from fakes.discord_route import FORBIDDEN, TIMED_OUT, FakeRoute
from fakes.records import NOON, code, entry, subscription
from fakes.words import in_english
from store_kinds import BELOW_RECORDS, ENGINE_KINDS

from giftping.codes.edits import EDITED_FOR, EDITS_A_RUN, Editor
from giftping.codes.report import EditResult
from giftping.codes.showing import all_shown
from giftping.discord.outcome import Done, Outcome, Refused
from giftping.settings.catalogue import Game
from giftping.store.base import HOME_GAME, Destination, EntryState, Posting, PostsIn
from giftping.store.records import Store
from giftping.wiring import Item, Result

ENDS = NOON + timedelta(days=1)
TOO_MANY = Refused("HTTP 429 Maximum number of edits (30046)", 429, 30046)
NOT_THERE = Refused("HTTP 404 Unknown Message (10008)", 404, 10008, lasting=True)

OpenStore = Callable[[], Store]


@pytest.fixture(params=BELOW_RECORDS)
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenStore]:
    """Opens the same store again and again, as several hosts would; a code that was announced has ended."""
    kind = ENGINE_KINDS[request.param]
    address = kind.new_address(tmp_path)
    with ExitStack() as handles:
        store = handles.enter_context(kind.open_store(address))
        known = code(expires_at=ENDS, latest_end=ENDS)
        store.remember([replace(known, shown=all_shown(known, NOON))])
        yield lambda: handles.enter_context(kind.open_store(address))


def sent(store: Store, guild_id: int = 1, message_id: int = 900, **changes: object) -> None:
    fields: dict[str, object] = {"state": EntryState.SENT, "sent_at": NOON, "channel_id": 500, "shown": "valid"}
    store.insert([entry(guild_id, message_id=message_id, **(fields | changes))])


def in_turn(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    return [work(item) for item in items]


def editor(store: Store, route: FakeRoute, guilds: int = 1) -> Editor:
    now = ENDS + timedelta(minutes=1)
    return Editor(
        store=store,
        routes=lambda _: route,
        games={HOME_GAME: Game(HOME_GAME)},
        clock=lambda: now,
        stopped=lambda: False,
        side_by_side=in_turn,
        words=in_english,
        records={one.id: one for one in store.codes()},
        subscriptions={guild_id: [subscription(guild_id)] for guild_id in range(1, guilds + 1)},
        now=now,
        host="pi",
    )


def shown(store: Store) -> tuple[str, str]:
    found = store.entry(1, HOME_GAME, "GIFT100")
    assert found is not None
    return found.shown, found.edited_by


@pytest.mark.parametrize("no", [TIMED_OUT, TOO_MANY, FORBIDDEN, Refused("HTTP 500", 500)], ids=repr)
def test_an_edit_that_was_not_taken_or_not_answered_is_made_again_until_it_is(
    open_store: OpenStore, no: Outcome
) -> None:
    store, route = open_store(), FakeRoute()
    sent(store)
    route.edit_answers.append(no)
    (report,) = editor(store, route).keep_true(notes=True).reports
    assert (report.result, shown(store)[0]) == (EditResult.LATER, "valid")
    (report,) = editor(open_store(), route).keep_true(notes=True).reports
    assert (report.result, shown(store), len(route.edited)) == (EditResult.EDITED, ("ended", "pi"), 2)
    assert editor(open_store(), route).keep_true(notes=True).reports == ()


def test_a_host_that_is_killed_between_an_edit_and_its_record_leaves_it_to_another(open_store: OpenStore) -> None:
    store, route = open_store(), FakeRoute()
    sent(store)
    route.edit_answers.append(RuntimeError("killed"))
    with pytest.raises(RuntimeError):
        editor(store, route).keep_true(notes=True)
    editor(open_store(), route).keep_true(notes=True)
    assert (shown(store)[0], len(route.edited)) == ("ended", 2)


def test_two_hosts_that_edit_one_message_at_once_do_no_harm(open_store: OpenStore) -> None:
    first, second, route = open_store(), open_store(), FakeRoute()
    sent(first)
    late = editor(second, route)
    editor(first, route).keep_true(notes=True)
    late.keep_true(notes=True)
    assert {one.text for one in route.edited} == {route.edited[0].text}
    assert shown(first)[0] == shown(second)[0] == "ended"
    assert editor(first, route).keep_true(notes=True).reports == ()


def test_what_is_not_there_is_left_for_good_and_what_is_old_is_left_alone(open_store: OpenStore) -> None:
    store, route = open_store(), FakeRoute()
    sent(store)
    sent(store, 2, 901, sent_at=ENDS - EDITED_FOR)
    route.edit_answers.append(NOT_THERE)
    (report,) = editor(store, route, 2).keep_true(notes=True).reports
    assert (report.result, report.message_id) == (EditResult.GONE, 900)
    assert editor(open_store(), route, 2).keep_true(notes=True).reports == ()
    assert len(route.edited) == 1


@pytest.mark.parametrize("destination", [Destination(channel_id=500), Destination(webhook="env:HOOK")], ids=repr)
@pytest.mark.parametrize("posts", [None, *PostsIn], ids=repr)
def test_an_edit_goes_to_the_thread_or_the_post_that_the_message_is_in(
    open_store: OpenStore, destination: Destination, posts: PostsIn | None
) -> None:
    """By webhook the way into a forum's post names it; of a thread, its own address or Discord's no tells."""
    store, route = open_store(), FakeRoute(webhook_id=31 if destination.webhook else None)
    sent(store, message_id=901, channel_id=777, webhook_id=route.webhook_id)
    asked: list[Destination] = []

    def routes(place: Destination) -> FakeRoute:
        asked.append(place)
        return route

    posted_to = subscription(destination=destination, posting=Posting(posts=posts), kept_post=777)
    one = replace(editor(store, route), routes=routes, subscriptions={1: [posted_to]})
    (report,) = one.keep_true(notes=True).reports
    assert (report.result, route.edited[0].channel_id) == (EditResult.EDITED, 777)
    in_post = replace(destination, thread_id=777 if posts else None)
    assert asked[-1] == (in_post if destination.webhook else Destination(channel_id=777))


def test_what_is_in_an_archived_thread_that_no_bot_can_open_is_put_right_once_that_is_open(
    open_store: OpenStore,
) -> None:
    store, route = open_store(), FakeRoute()
    sent(store)
    route.edit_answers += [Refused("HTTP 400 Thread is archived (50083)", 400, 50083, lasting=True)] * 2 + [Done(900)]
    reports = [editor(store, route).keep_true(notes=True).reports[0] for _ in range(3)]
    assert [one.result for one in reports] == [EditResult.LATER, EditResult.LATER, EditResult.EDITED]


def test_a_run_makes_so_many_edits_and_the_next_ones_the_rest(open_store: OpenStore) -> None:
    store, route = open_store(), FakeRoute()
    guilds = EDITS_A_RUN + 7
    for guild_id in range(1, guilds + 1):
        sent(store, guild_id, 900 + guild_id, channel_id=guild_id)
    route.edit_answers.extend([Done(1)] * guilds)
    assert [len(editor(store, route, guilds).keep_true(notes=True).reports) for _ in range(3)] == [EDITS_A_RUN, 7, 0]
