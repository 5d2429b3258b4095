"""A TODO channel with a roster to whom something of everything is due, and what must hold of what they received.

What is counted is what the stand-in Discord has stored; the history is compared with that.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from forks import ForkedHost, Forker, forked, scene_in
from mongodb import Ledger, uses
from plays import put_clocks
from scene import Scene

from giftping.demo.world import StoredMessage
from giftping.discord.http import DiscordHttp
from giftping.discord.members import MembersClient
from giftping.store.documents import ACTIVE_MEMBERS, TODO_EVENTS, TODO_TIMESTAMPS, Document
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine
from giftping.todo.history import Event, event_document, event_from
from giftping.todo.member_documents import roster_document_of, timestamps_document_of
from giftping.todo.model import (
    PINGS,
    Lapse,
    Leg,
    LegState,
    Member,
    Membership,
    Notice,
    NoticeKind,
    Removal,
    RemovalState,
    Todo,
)
from giftping.todo.repository import MemberRepository
from giftping.wiring import utc_now

GUILD, CHANNEL, ROLE, OWNER = 5001, 5002, 5003, 5009

ANN, BEN, NEW, HALF, WARNED_NEXT, WARNED, BACK, FOR_ME = 101, 102, 103, 104, 105, 106, 107, 108
"""Who is on the roster: two to be reminded, one who never had a direct message, one whom half a reminder reached,
one to be warned, one who was warned and is to lose the role, one to have it back, and one for whom the owner has
handed in a TODO that was not posted yet."""

OVERDUE = (ANN, BEN, NEW, HALF, WARNED_NEXT)
EVERYBODY = (*OVERDUE, WARNED, BACK, FOR_ME)

INTERVAL = timedelta(hours=3)
WARNING = timedelta(hours=12)
SWEEP = ("todo", "sweep")
SETTINGS = '[todo]\nlinger = "0s"\n'

HOUR = timedelta(hours=1)

_TITLES = {
    "reminder": NoticeKind.REMINDER,
    "last call": NoticeKind.WARNING,
    "removed": NoticeKind.REMOVAL,
    "is back": NoticeKind.RESTORE,
    "submitted": NoticeKind.SUBMISSION,
}
_REFERENCE = re.compile(r"ref (\S+)$")
_MENTION = re.compile(r"<@(\d+)>")


@dataclass(frozen=True, slots=True)
class Received:
    """One notice that stands in the channel, or with a member, as its embed tells; `rang` when it notified them."""

    user_id: int
    leg: str
    kind: NoticeKind
    reference: str
    at: datetime
    message_id: int
    rang: bool

    @property
    def is_ping(self) -> bool:
        return self.kind in PINGS


@dataclass
class TodoScene:
    """A scene with one guild and one host; `began` is when it began, by the clocks of all, `roster` who takes part."""

    scene: Scene
    host: ForkedHost
    began: datetime
    roster: tuple[int, ...]
    events: Callable[[], list[Event]] = field(default=list)

    # Time and runs

    def pass_time(self, by: timedelta) -> None:
        put_clocks(self.scene, self.host, by)

    def sweep(self, *exit_codes: int) -> None:
        """Run a sweep that ends with one of the exit codes, 0 unless others are given."""
        ran = self.host.run(*SWEEP)
        assert ran.exit_code in (exit_codes or (0,)), ran

    # What was received

    def received(self) -> list[Received]:
        """Return every notice that was written since the scene was made, and those that it began with; oldest first."""
        discord = self.scene.discord
        found = list(_in_message(discord.written(CHANNEL), "channel"))
        for user_id in EVERYBODY:
            channel_id = discord.dm_channel_of(user_id)
            if channel_id is not None:
                found += _in_message(discord.written(channel_id), "dm", user_id)
        rung = {(one.user_id, one.message.id) for one in discord.all_notifications()}
        told = [
            Received(user_id, leg, kind, reference, message.sent_at, message.id, (user_id, message.id) in rung)
            for user_id, leg, kind, reference, message in found
        ]
        return sorted(told, key=lambda one: one.message_id)

    # What must hold

    def hold_promises(self) -> None:
        """Compare what arrived with what was promised, and with what the history tells of it."""
        received = self.received()
        legs = Counter((one.user_id, one.leg, one.reference) for one in received)
        assert set(legs.values()) == {1}, [leg for leg, times in legs.items() if times > 1]
        for user_id in EVERYBODY:
            self._hold_for(user_id, [one for one in received if one.user_id == user_id])
        self._history_tells_the_same(received)

    def the_command_tells_the_history(self) -> None:
        """Check that `todo history` says what the store has."""
        events = self.events()
        for user_id in EVERYBODY:
            ran = self.host.run("todo", "history", str(user_id), "--json")
            assert ran.exit_code == 0, ran
            told = Counter((one["kind"], one["leg"], one["result"], one["message_id"]) for one in ran.json["events"])
            assert told == Counter(
                (event.kind, event.leg, event.result, event.message_id and str(event.message_id))
                for event in events
                if event.user_id == user_id
            )

    def _hold_for(self, user_id: int, received: Sequence[Received]) -> None:
        pings = [one for one in received if one.is_ping]
        assert all(one.rang for one in received if one.is_ping or one.user_id == FOR_ME), received
        for first in pings:
            for second in pings:
                if first.reference != second.reference and first.at <= second.at:
                    assert second.at - first.at >= INTERVAL, (user_id, first, second)
        notices = Counter((one.leg, one.kind) for one in received if not one.is_ping)
        assert set(notices.values()) <= {1}, (user_id, notices)
        changes = [change for change in self.scene.discord.role_changes if change.user_id == user_id]
        assert all(change.by_bot and change.role_id == ROLE for change in changes)
        taken = [change for change in changes if not change.given]
        assert len(taken) <= 1, changes
        for change in taken:
            warned_at = min(one.at for one in received if one.kind is NoticeKind.WARNING)
            assert change.at - warned_at >= WARNING, (change, warned_at)

    def everything_is_done(self, since: datetime, *besides: tuple[int, str, NoticeKind]) -> None:
        """Check that what was due at the beginning, and no more, has reached everybody, by both legs, since then."""
        received = [one for one in self.received() if one.at >= since]
        for user_id in OVERDUE:
            legs = {one.leg for one in received if one.user_id == user_id and one.is_ping}
            assert legs == ({"dm"} if user_id == HALF else {"channel", "dm"}), (user_id, received)
        told = {(one.user_id, one.leg, one.kind) for one in received if not one.is_ping}
        assert told == {*besides} | {
            (user_id, leg, kind)
            for user_id, kind in (
                (WARNED, NoticeKind.REMOVAL),
                (BACK, NoticeKind.RESTORE),
                (FOR_ME, NoticeKind.SUBMISSION),
            )
            for leg in ("channel", "dm")
            if user_id in self.roster
        }
        warned = [one for one in received if one.kind is NoticeKind.WARNING and one.user_id == WARNED_NEXT]
        assert len(warned) == 2
        changes = Counter((change.user_id, change.given) for change in self.scene.discord.role_changes)
        due = {WARNED: False, BACK: True}
        assert changes == Counter((user_id, given) for user_id, given in due.items() if user_id in self.roster)

    def _history_tells_the_same(self, received: Iterable[Received]) -> None:
        events = self.events()
        told = Counter(
            (event.user_id, event.kind, event.leg, event.message_id) for event in events if event.result == "delivered"
        )
        arrived = Counter(
            (one.user_id, one.kind.value, one.leg, one.message_id) for one in received if one.at >= self.began
        )
        assert told == arrived, (told - arrived, arrived - told)
        roles = Counter(
            (event.user_id, event.result == "role given")
            for event in events
            if event.result in ("role taken", "role given")
        )
        assert roles == Counter((change.user_id, change.given) for change in self.scene.discord.role_changes)
        assert len({event.id for event in events}) == len(events)


def _in_message(
    messages: Iterable[StoredMessage], leg: str, user_id: int = 0
) -> Iterator[tuple[int, str, NoticeKind, str, StoredMessage]]:
    """Yield what a message tells whom: the member an embed in the channel begins with, or whose channel it is."""
    for message in messages:
        for embed in message.embeds:
            text = embed.get("description") or embed["fields"][0]["value"]
            found = _REFERENCE.search(embed["footer"]["text"])
            assert found, embed
            mentioned = _MENTION.search(text)
            whom = user_id or (int(mentioned[1]) if mentioned else 0)
            kind = next(kind for words, kind in _TITLES.items() if words in embed["title"].lower())
            yield whom, leg, kind, found[1], message


# The stage


def set_stage(scene: Scene, host: ForkedHost) -> None:
    """Put the members onto the stand-in, and say to the host which guild, channel and role are meant."""
    discord = scene.discord
    discord.add_guild(GUILD)
    discord.set_bot(GUILD)
    discord.add_channel(CHANNEL, GUILD)
    discord.add_role(GUILD, ROLE)
    for user_id in EVERYBODY:
        discord.add_member(GUILD, user_id, roles=() if user_id == BACK else (ROLE,), name=f"member-{user_id}")
    host.environment |= {
        "GUILD_ID": str(GUILD),
        "TODO_CHANNEL_ID": str(CHANNEL),
        "ROLE_ID": str(ROLE),
        "OWNER_ID": str(OWNER),
    }


def members(began: datetime, dm_channels: dict[int, int]) -> list[Member]:
    """Return the roster as it stands at the beginning."""

    def member(user_id: int, silent: timedelta, **known: Any) -> Member:
        return Member(
            user_id,
            name=f"member-{user_id}",
            added=began - timedelta(days=30),
            last_submit=began - silent,
            membership=Membership(began - HOUR, in_guild=True, has_role=user_id != BACK),
            dm_channel_id=dm_channels.get(user_id),
            **known,
        )

    pinged = {"last_ping": began - 4 * HOUR}
    half = Notice(
        "half-a-reminder",
        NoticeKind.REMINDER,
        began - HOUR,
        channel=Leg(LegState.SENT, began - HOUR, message_id=1, channel_id=CHANNEL),
        dm=Leg(reason="HTTP 500"),
        ping_before=began - 4 * HOUR,
    )
    todo = Todo("Reading", f"{began:%d/%m/%Y}", must_do="a chapter", id="handed-in", submitted_by=OWNER)
    taken = Removal(RemovalState.DONE, began - timedelta(days=1), "host")
    since = began - timedelta(days=7)
    return [
        member(ANN, 30 * HOUR, **pinged),
        member(BEN, 40 * HOUR),
        member(NEW, 30 * HOUR, **pinged),
        member(HALF, 30 * HOUR, last_ping=began - HOUR, notices=(half,)),
        member(WARNED_NEXT, timedelta(days=4, hours=10), **pinged),
        member(
            WARNED,
            timedelta(days=5, hours=1),
            **pinged,
            lapse=Lapse(began - timedelta(days=5, hours=1), warned_at=began - 13 * HOUR),
        ),
        member(BACK, 2 * HOUR, lapse=Lapse(since, since + timedelta(days=5), taken)),
        member(
            FOR_ME,
            HOUR,
            todo=todo,
            notices=(Notice(todo.id, NoticeKind.SUBMISSION, began - HOUR, todo=todo),),
        ),
    ]


def documents_of(roster: Iterable[Member], at: datetime) -> dict[str, list[Document]]:
    """Return the documents of a roster, by collection."""
    roster = list(roster)
    handed_in = [
        Event(f"{member.todo.id}:submission", member.user_id, "submission", at - HOUR, str(OWNER), result="handed in")
        for member in roster
        if member.todo
    ]
    return {
        ACTIVE_MEMBERS: [roster_document_of(member, at) for member in roster],
        TODO_TIMESTAMPS: [timestamps_document_of(member, at, []) for member in roster],
        TODO_EVENTS: [event_document(event) for event in handed_in],
    }


def tell_what_was_before(scene: Scene) -> None:
    """Let the channel hold what members were told before: half of a reminder an hour ago, a warning 13 hours ago."""
    discord = scene.discord
    for ago, user_id, title, reference in (
        (13 * HOUR, WARNED, "⚠️ Last call for your TODO", "warned-before"),
        (HOUR, HALF, "⏰ TODO reminder", "half-a-reminder"),
    ):
        discord.clock.forward(-ago)
        embed = {"title": title, "description": f"<@{user_id}>", "footer": {"text": f"ref {reference}"}}
        discord.add_message(CHANNEL, f"<@{user_id}>", author_id=discord.bot_id, embeds=[embed])
        discord.clock.forward(ago)


def open_dm_channels(scene: Scene, user_ids: Iterable[int]) -> dict[int, int]:
    """Open the bot's direct-message channels with members, as runs before would have, and return their ids."""
    http = DiscordHttp(scene.discord.api, token=scene.discord.bot_token, budget=timedelta(seconds=10))
    try:
        opened = {user_id: MembersClient(http).open_dm(user_id) for user_id in user_ids}
    finally:
        http.close()
    return {user_id: channel for user_id, channel in opened.items() if isinstance(channel, int)}


def written_into_the_file(host: ForkedHost, documents: dict[str, list[Document]]) -> None:
    with Store(TinyEngine(host.state)) as store:
        for collection, ones in documents.items():
            store.insert_documents(collection, ones)


def events_in_the_file(host: ForkedHost) -> list[Event]:
    with Store(TinyEngine(host.state, read_only=True)) as store:
        return MemberRepository(store, utc_now).events()


def events_in(ledger: Ledger) -> list[Event]:
    """Return the history in MongoDB, with what the members' documents still hold of it."""
    waiting = [event for document in ledger.database[TODO_TIMESTAMPS].find() for event in document.get("events", ())]
    entered = {document["_id"]: document for document in (*waiting, *ledger.database[TODO_EVENTS].find())}
    return [event_from(document) for document in entered.values()]


Cast = Callable[[datetime, dict[int, int]], list[Member]]
"""Gives the roster as it stands at a beginning, with the direct-message channels that are open."""


def submits(began: datetime, dm_channels: dict[int, int]) -> list[Member]:
    """Return a roster of one, who has lost the role, and has not handed in anything since."""
    (back,) = [member for member in members(began, dm_channels) if member.user_id == BACK]
    assert back.lapse
    return [replace(back, last_submit=back.lapse.since)]


def todo_scene(
    scene: Scene, forker: Forker, cast: Cast = members, *, ledger: Ledger | None = None, settings: str = ""
) -> TodoScene:
    """Return the scene at its beginning, with a host that keeps the roster in a file, or in MongoDB."""
    host = forked(scene.host(token=True, settings=SETTINGS + settings), forker)
    set_stage(scene, host)
    began = scene.discord.clock()
    tell_what_was_before(scene)
    dm_channels = open_dm_channels(scene, [user_id for user_id in EVERYBODY if user_id != NEW])
    roster = cast(began, dm_channels)
    documents, user_ids = documents_of(roster, began), tuple(member.user_id for member in roster)
    if ledger is None:
        written_into_the_file(host, documents)
        return TodoScene(scene, host, began, user_ids, lambda: events_in_the_file(host))
    uses(host, ledger.uri)
    for collection, ones in documents.items():
        if ones:
            ledger.database[collection].insert_many(ones)
    return TodoScene(scene, host, began, user_ids, lambda: events_in(ledger))


@contextmanager
def opened_todo_scene(folder: Path, forker: Forker, cast: Cast = members) -> Iterator[TodoScene]:
    """Give the scene, in a stand-in of its own."""
    with scene_in(folder) as scene:
        yield todo_scene(scene, forker, cast)
