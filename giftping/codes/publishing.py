"""Publishes messages to the channels that follow an announcement channel, after all posts: asked again until done.

A message that was published twice is published once, as Discord says so: nothing is claimed. The ledger says what is
yet to be published; it is asked only where a guild wants that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from giftping.codes.entries import Publishing
from giftping.codes.report import PublishReport, PublishResult
from giftping.codes.showing import Validity, showing_for
from giftping.codes.subscriptions import change_of
from giftping.discord.meanings import meaning_of
from giftping.discord.outcome import Outcome, Refused, Unclear
from giftping.store.base import CodeRecord, LedgerEntry, StoreAwayError, Subscription, code_id
from giftping.store.documents import LEDGER
from giftping.store.engine import Change

if TYPE_CHECKING:
    from giftping.codes.edits import Concurrently
    from giftping.delivery.clock import Clock
    from giftping.store.records import Store

PUBLISHED_FOR = timedelta(days=30)
"""Older messages are left as they are."""

MESSAGES_A_CHANNEL = 10
"""As many as Discord lets be published in a channel in an hour, or about; it gives no number."""

AGAIN, MENDED = timedelta(minutes=10), timedelta(hours=1)
"""After how long it is tried again: what passes by itself, and what somebody has to mend."""

ALREADY = 40033
"""Discord's code, with 400, for a message that has been published."""

GONE_CODES = frozenset({10003, 10008, 50024})
"""Discord's codes for what cannot be published any more: channel or message are not there, or it is another kind."""

LACKS_PERMISSION = 50013
"""Discord's code, with 403, for what the bot may not do."""

NO_BOT = "set DISCORD_TOKEN, or let it be: {change} --no-publish"
"""What to do where there is no bot that could publish."""

Publish = Callable[[int, int], Outcome]
"""Publishes a message of a channel, by the ids of both, as the bot."""


@dataclass(frozen=True, slots=True)
class Published:
    """What a run did so that messages are published."""

    reports: tuple[PublishReport, ...] = ()
    next_at: datetime | None = None
    """When the next message is to be published, None where none is."""


@dataclass(frozen=True, slots=True)
class OwedMessage:
    """A message that is to be published, with its entries in the ledger."""

    entries: tuple[tuple[Mapping[str, Any], LedgerEntry], ...]

    @property
    def first(self) -> LedgerEntry:
        """The first of its entries."""
        return self.entries[0][1]


@dataclass(frozen=True, slots=True)
class Publisher:
    """Publishes messages in a store's name. `now` is the instant by which codes have ended."""

    store: Store
    publish: Publish
    clock: Clock
    stopped: Callable[[], bool]
    side_by_side: Concurrently
    records: Mapping[str, CodeRecord]
    """What is known of all codes, by id."""
    subscriptions: Sequence[Subscription]
    """Those that this run is about."""
    everyone: Sequence[Subscription]
    """Those that there are: by them it is known which games go to the same place."""
    now: datetime

    def publish_owed(self) -> Published:
        """What was published, and when there is more to do."""
        by_channel: dict[int, list[OwedMessage]] = {}
        for message in self._owed():
            by_channel.setdefault(message.first.channel_id or 0, []).append(message)
        done = self.side_by_side(self._publish_in_turn, list(by_channel.values()))
        next_times = [at for _, at in done if at is not None]
        return Published(tuple(one for reports, _ in done for one in reports), min(next_times, default=None))

    def rehearse(self) -> Published:
        """What `publish_owed` would publish of what has been sent."""
        return Published(tuple(_report(message, PublishResult.PLANNED) for message in self._owed()))

    def _owed(self) -> list[OwedMessage]:
        """The messages that are to be published where that is still wanted, the oldest first."""
        wanted = {one.key for one in self.subscriptions if one.posting.publishes}
        if not wanted:
            return []
        whole: dict[int, list[tuple[Mapping[str, Any], LedgerEntry]]] = {}
        for document, entry in self.store.to_publish(Publishing.OWED):
            if entry.message_id is not None and entry.channel_id and (entry.guild_id, entry.game) in wanted:
                whole.setdefault(entry.message_id, []).append((document, entry))
        return [OwedMessage(tuple(whole[message_id])) for message_id in sorted(whole)]

    def _publish_in_turn(self, messages: Sequence[OwedMessage]) -> tuple[list[PublishReport], datetime | None]:
        """What became of the messages of one channel, and when to go on; a no to one of them is a no to all."""
        reports: list[PublishReport] = []
        tried = 0
        for message in messages:
            if self.stopped() or self.store.held_back or tried == MESSAGES_A_CHANNEL:
                return reports, self.clock() + AGAIN
            if not self._is_worth_it(message):
                self._record(message, Publishing.GONE)
                continue
            tried += 1
            outcome = self.publish(message.first.channel_id or 0, message.first.message_id or 0)
            if isinstance(outcome, Refused) and outcome.code in GONE_CODES:
                reports.append(self._record(message, Publishing.GONE, outcome.reason))
            elif isinstance(outcome, Unclear) or (isinstance(outcome, Refused) and outcome.code != ALREADY):
                at = self.clock() + _wait(outcome)
                return [*reports, self._later(message, outcome, at)], at
            else:
                reports.append(self._record(message, Publishing.DONE))
        return reports, None

    def _is_worth_it(self, message: OwedMessage) -> bool:
        """Whether somebody can still use one of its codes."""
        sent_at = message.first.sent_at
        if sent_at is not None and self.now - sent_at >= PUBLISHED_FOR:
            return False
        known = [(one, self.records.get(code_id(one.game, one.key))) for _, one in message.entries]
        return any(
            record is None or showing_for(one, record, self.now).validity is Validity.VALID for one, record in known
        )

    def _record(self, message: OwedMessage, publishing: Publishing, reason: str = "") -> PublishReport:
        changes = [
            Change(LEDGER, document, {**document, "publishing": publishing.value}) for document, _ in message.entries
        ]
        try:
            # Where somebody else was at an entry, the next run asks again, and is told that it was done.
            self.store.engine.change(changes)
        except StoreAwayError:
            if not self.store.held_back:
                raise
        result = PublishResult.PUBLISHED if publishing is Publishing.DONE else PublishResult.GONE
        return _report(message, result, reason)

    def _later(self, message: OwedMessage, outcome: Refused | Unclear, at: datetime) -> PublishReport:
        mend = ""
        if isinstance(outcome, Refused) and outcome.code == LACKS_PERMISSION:
            # A webhook's message is another's to the bot.
            needed = "Send Messages" if message.first.webhook_id is None else "Manage Messages"
            mend = f"allow the bot {needed} there"
        elif isinstance(outcome, Refused) and outcome.lasting:
            change = change_of((message.first.guild_id, message.first.game), self.everyone)
            mend = meaning_of(outcome.status, outcome.code).said_of(change).mend or NO_BOT.format(change=change)
        return _report(message, PublishResult.LATER, outcome.reason, mend, at)


def _wait(outcome: Refused | Unclear) -> timedelta:
    if isinstance(outcome, Unclear):
        return AGAIN
    if outcome.lasting:
        return MENDED
    return max(AGAIN, outcome.retry_after or AGAIN)


def _report(
    message: OwedMessage,
    result: PublishResult,
    reason: str = "",
    mend: str = "",
    retry_at: datetime | None = None,
) -> PublishReport:
    first = message.first
    return PublishReport(
        guild_id=first.guild_id,
        game=first.game,
        channel_id=first.channel_id or 0,
        message_id=first.message_id or 0,
        result=result,
        reason=reason,
        mend=mend,
        retry_at=retry_at,
    )
