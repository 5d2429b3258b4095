"""Keeps announced messages true: what has ended, was withdrawn or corrected is put right in them, after all posts.

A message is patched whole, so that a patch that was made twice, or by two hosts, does no harm: nothing is claimed. The
memory of codes says what all messages of a code are known to show; only where that is not what they should show are
they looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar
from zlib import crc32

from giftping.codes.announcement import edited_message
from giftping.codes.courier import Routes, Speech
from giftping.codes.look import Look
from giftping.codes.report import EditReport, EditResult
from giftping.codes.scope import seen_apart
from giftping.codes.showing import GONE, Showing, all_shown, end_of, is_true, showing_for
from giftping.codes.subscriptions import webhook_route
from giftping.delivery.clock import Clock
from giftping.discord.message import Message
from giftping.discord.outcome import Refused, Route, Unclear
from giftping.settings.catalogue import Game
from giftping.store.base import CodeRecord, Destination, LedgerEntry, StoreAwayError, Style, Subscription, code_id
from giftping.store.documents import LEDGER, edited_fields
from giftping.store.engine import Change
from giftping.store.records import Store
from giftping.words.catalogue import Words

EDITED_FOR = timedelta(days=30)
"""Older messages are left as they are."""

EDITS_A_RUN = 50
EDITS_A_CHANNEL = 5
"""Discord limits edits of messages that are older than an hour, and does not say how (30046)."""

CODES_A_RUN = 50
"""Of so many codes the messages are looked up in one run, so that the first run of a new release is not a long one."""

AGAIN = timedelta(minutes=10)
"""After how long an edit is tried again that Discord, or the network, has not taken."""

GONE_CODES = frozenset({10003, 10008, 10015, 50005, 50027})
"""Discord's codes for a message that cannot be edited any more: channel, message or webhook are not there, it is of
another author, or the webhook has another token."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class Concurrently(Protocol):
    """Calls a function for each item, several at a time, and returns the results in order."""

    def __call__(self, work: Callable[[Item], Result], items: Sequence[Item], /) -> list[Result]:
        """The results."""


@dataclass(frozen=True, slots=True)
class Edits:
    """What a run did so that messages stay true."""

    reports: tuple[EditReport, ...] = ()
    left: int = 0
    """How many messages are left to later runs."""
    next_at: datetime | None = None
    """When the next message is to be edited, None where that is not known of any."""


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message that announced codes, with its entries in the ledger and how it is to show them."""

    subscriptions: tuple[Subscription, ...]
    """Those of its guild, of its own game first."""
    game: Game
    message_id: int
    channel_id: int | None
    entries: tuple[tuple[Mapping[str, Any], LedgerEntry], ...]
    showings: tuple[Showing, ...]
    """One for each of the entries."""

    @property
    def guild_id(self) -> int:
        """Its guild."""
        return self.entries[0][1].guild_id

    @property
    def place(self) -> tuple[int, int | None]:
        """For what Discord counts its edits."""
        return self.guild_id, self.channel_id

    def to_be(self, words: Words) -> Message:
        """What it is to become, in the way in which it was sent."""
        _, entry = self.entries[0]
        look = Look(self.game, words, entry.style or Style.FULL, entry.mentions)
        return edited_message(look, self.showings, has_content=entry.style is not None)

    def wrong(self) -> Iterator[Showing]:
        """What it shows otherwise than it is."""
        for (_, entry), showing in zip(self.entries, self.showings, strict=True):
            if not is_true(entry, showing):
                yield showing


@dataclass(frozen=True, slots=True)
class Editor:
    """Puts messages right in a store's name. `now` is the instant by which codes have ended."""

    store: Store
    routes: Routes
    games: Mapping[str, Game]
    clock: Clock
    stopped: Callable[[], bool]
    side_by_side: Concurrently
    words: Speech
    records: Mapping[str, CodeRecord]
    """What is known of all codes, by id."""
    subscriptions: Mapping[int, Sequence[Subscription]]
    """Those of the guilds whose messages this run may edit, by guild."""
    now: datetime
    host: str = ""
    """The name of the host that edits."""

    def keep_true(self, *, notes: bool) -> Edits:
        """What was edited; with `notes` it is noted of which codes all messages are true, as it is in a whole run."""
        outdated = self._outdated()
        looked_up = outdated[:CODES_A_RUN]
        untrue = self._untrue(looked_up)
        chosen = self._chosen(untrue)
        if chosen:
            self.store.note_shown({record.id: "" for record in looked_up if record.shown})
        by_place: dict[tuple[int, int | None], list[SentMessage]] = {}
        for message in chosen:
            by_place.setdefault(message.place, []).append(message)
        reports = [one for done in self.side_by_side(self._edit_in_turn, list(by_place.values())) for one in done]
        over = {one.message_id for one in reports if one.result in (EditResult.EDITED, EditResult.GONE)}
        left = untrue.keys() - over
        if notes and not self.store.held_back:
            untrue_codes = {code_id(entry.game, entry.key) for message_id in left for entry in untrue[message_id]}
            true = [record for record in looked_up if record.id not in untrue_codes]
            if true:
                self.store.note_shown({record.id: all_shown(record, self.now) for record in true})
        is_more = len(looked_up) < len(outdated) or len(chosen) < len(untrue)
        return Edits(tuple(reports), len(left), self._next_at(is_more=is_more, failed=bool(left)))

    def rehearse(self) -> Edits:
        """What `keep_true` would edit first."""
        untrue = self._untrue(self._outdated()[:CODES_A_RUN])
        reports = tuple(self._report(message, EditResult.PLANNED) for message in self._chosen(untrue))
        return Edits(reports, len(untrue))

    def _next_at(self, *, is_more: bool, failed: bool) -> datetime | None:
        seen = (one for record in self.records.values() for one in seen_apart(record))
        ends = [end for one in seen if (end := end_of(one)) is not None and end > self.now]
        again = [self.clock() + AGAIN] if failed else []
        return self.clock() if is_more else min([*ends, *again], default=None)

    # Which messages

    def _outdated(self) -> list[CodeRecord]:
        """The codes of which some message may show what is not so, the last seen first."""
        found = [one for one in self.records.values() if one.game in self.games and one.shown != self._shown(one)]
        return sorted(found, key=lambda one: (one.last_seen, one.id), reverse=True)

    def _shown(self, record: CodeRecord) -> str:
        return all_shown(record, self.now)

    def _untrue(self, records: Sequence[CodeRecord]) -> dict[int, list[LedgerEntry]]:
        """By message, what shows one of the codes otherwise than it is, where that can be edited."""
        ids = {record.id for record in records}
        found: dict[int, list[LedgerEntry]] = {}
        for _, entry in self.store.sent(keys=sorted({record.key for record in records})) if records else ():
            if entry.message_id is not None and code_id(entry.game, entry.key) in ids and self._is_wrong(entry):
                found.setdefault(entry.message_id, []).append(entry)
        return found

    def _is_wrong(self, entry: LedgerEntry) -> bool:
        record = self.records[code_id(entry.game, entry.key)]
        is_recent = entry.sent_at is not None and self.now - entry.sent_at < EDITED_FOR
        return (
            is_recent
            and entry.guild_id in self.subscriptions
            and not is_true(entry, showing_for(entry, record, self.now))
        )

    def _chosen(self, untrue: dict[int, list[LedgerEntry]]) -> list[SentMessage]:
        """The messages that this run edits; what cannot be shown any more is taken out of the untrue ones."""
        while True:
            picked = self._picked(untrue)
            # The others are not read whole: each of them may have many codes.
            found = self._messages(picked, untrue)
            unknown = set(picked).difference(one.message_id for one in found)
            if not unknown:
                return found
            for message_id in unknown:
                del untrue[message_id]

    def _picked(self, untrue: Mapping[int, Sequence[LedgerEntry]]) -> list[int]:
        """A few in each channel, and others in each run, so that none is in another's way."""
        picked: list[int] = []
        in_place: dict[tuple[int, int | None], int] = {}
        for message_id in sorted(untrue, key=lambda one: crc32(f"{one} {self.clock()}".encode())):
            if len(picked) == EDITS_A_RUN:
                break
            place = untrue[message_id][0].guild_id, untrue[message_id][0].channel_id
            in_place[place] = in_place.get(place, 0) + 1
            if in_place[place] <= EDITS_A_CHANNEL:
                picked.append(message_id)
        return picked

    def _messages(self, picked: Sequence[int], untrue: Mapping[int, Sequence[LedgerEntry]]) -> list[SentMessage]:
        """Those of the messages of which all codes are known: what is not could not be shown any more."""
        whole: dict[int | None, list[tuple[Mapping[str, Any], LedgerEntry]]] = {}
        for document, entry in self.store.sent(message_ids=sorted(picked)) if picked else ():
            whole.setdefault(entry.message_id, []).append((document, entry))
        found = (self._message(untrue[one][0], whole.get(one, ())) for one in picked)
        return [message for message in found if message is not None]

    def _message(
        self, one: LedgerEntry, entries: Sequence[tuple[Mapping[str, Any], LedgerEntry]]
    ) -> SentMessage | None:
        ordered = sorted(entries, key=lambda pair: pair[1].key)
        records = [self.records.get(code_id(entry.game, entry.key)) for _, entry in ordered]
        known = [record for record in records if record is not None]
        if one.message_id is None or not known or len(known) < len(ordered):
            return None
        return SentMessage(
            tuple(sorted(self.subscriptions[one.guild_id], key=lambda each: each.game != one.game)),
            self.games[one.game],
            one.message_id,
            one.channel_id,
            tuple(ordered),
            tuple(showing_for(entry, record, self.now) for (_, entry), record in zip(ordered, known, strict=True)),
        )

    # One message

    def _edit_in_turn(self, messages: Sequence[SentMessage]) -> list[EditReport]:
        """What became of the messages of one channel; what stands in one's way stands in the others', too."""
        reports: list[EditReport] = []
        for message in messages:
            if self.stopped() or self.store.held_back:
                break
            reports.append(self._edit(message))
            if reports[-1].result is EditResult.LATER:
                break
        return reports

    def _edit(self, message: SentMessage) -> EditReport:
        route = self._route(message)
        if route is None:
            return self._record(message, EditResult.GONE, "the guild's webhook has changed since")
        if isinstance(route, Refused):
            return self._report(message, EditResult.LATER, route.reason)
        content = message.to_be(self.words(message.guild_id))
        outcome = route.edit(content, message.message_id, message.channel_id)
        if isinstance(outcome, Refused) and outcome.code in GONE_CODES:
            return self._record(message, EditResult.GONE, outcome.reason)
        if isinstance(outcome, Refused | Unclear):
            return self._report(message, EditResult.LATER, outcome.reason)
        return self._record(message, EditResult.EDITED)

    def _route(self, message: SentMessage) -> Route | Refused | None:
        """The way by which the message came, None where there is none any more."""
        _, entry = message.entries[0]
        own = message.subscriptions[0].destination
        # An older release noted no webhook.
        if entry.webhook_id is None and (entry.shown or not own.webhook):
            return self.routes(Destination(channel_id=message.channel_id or own.channel_id))

        def in_its_post(destination: Destination) -> Route | Refused:
            is_post = any(one.destination == destination and one.posting.posts for one in message.subscriptions)
            return self.routes(replace(destination, thread_id=message.channel_id if is_post else None))

        return webhook_route(entry.webhook_id, message.subscriptions, in_its_post)

    def _record(self, message: SentMessage, result: EditResult, reason: str = "") -> EditReport:
        """The report of a message that is true now, or will never be, once the ledger says so."""
        now = self.clock()
        changes = []
        for (document, entry), showing in zip(message.entries, message.showings, strict=True):
            shown, spelling = (
                (GONE, entry.spelling) if result is EditResult.GONE else (showing.text, showing.code.spelling)
            )
            after = {**document, **edited_fields(shown=shown, spelling=spelling, now=now, host=self.host)}
            changes.append(Change(LEDGER, document, after))
        try:
            made = self.store.engine.change(changes)
        except StoreAwayError as error:
            if not self.store.held_back:
                raise
            return self._report(message, EditResult.LATER, f"it could not be recorded: {error}")
        # Somebody else was at it: the next run sees what it shows.
        return self._report(message, result if all(made) else EditResult.LATER, reason)

    def _report(self, message: SentMessage, result: EditResult, reason: str = "") -> EditReport:
        return EditReport(
            guild_id=message.guild_id,
            game=message.game.slug,
            message_id=message.message_id,
            changes=tuple((one.code.spelling, one.text) for one in message.wrong()),
            result=result,
            reason=reason,
        )
