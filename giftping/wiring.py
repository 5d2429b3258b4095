"""From settings to the parts that do the work. The lazy imports live here."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, TypeVar

from giftping.settings.file import Mistake, SettingsError
from giftping.settings.secrets import SecretError
from giftping.store import opening
from giftping.store.opening import HOST_FILE as HOST_FILE
from giftping.store.opening import host_name as host_name

if TYPE_CHECKING:
    from giftping.delivery.deliveries import Deliveries
    from giftping.discord.http import DiscordHttp
    from giftping.discord.outcome import Outcome, Refused, Route
    from giftping.discord.rest import RestClient
    from giftping.discord.webhook import WebhookAddress
    from giftping.settings.keys import Settings
    from giftping.store.base import Destination
    from giftping.store.holder import ProcessLock
    from giftping.store.mirror.standing import DatabaseStanding as DatabaseStanding
    from giftping.store.records import Store
    from giftping.words.catalogue import Words

POSTING_THREADS = 16
"""How many guilds are posted to side by side: Discord counts channel by channel (Rate Limits), none waits for another.

So many keep up with the 50 a second where Discord takes 0.2 s to answer, and a disk such as an SD card 20 ms to write.
Whoever waits for a place among those 50 has written nothing: a run that is killed then leaves no more to look for.
"""

Item = TypeVar("Item")
Result = TypeVar("Result")


def utc_now() -> datetime:
    """This instant, aware, in UTC."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Wiring:
    """Everything one command needs, made when it is first asked for, from whichever thread."""

    settings: Settings
    stopped: Callable[[], bool] | None = None
    """Once this says so no request goes to Discord any more."""
    refused_token: Refused | None = None
    """What Discord said when it refused the bot token not long ago, where nothing is to be asked with it now."""
    # Reentrant, because one client is made with another.
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _http: DiscordHttp | None = field(default=None, repr=False)
    """The client for codes, and for webhooks, which need no token."""
    _reader: RestClient | None = field(default=None, repr=False)
    _todo_client: RestClient | None = field(default=None, repr=False)
    """One of its own, because the TODO part may wait for rate limits for another time than the codes."""

    _process: ProcessLock | None = field(default=None, repr=False)
    _words: dict[str, Words] = field(default_factory=dict, repr=False)
    """What is said, by language."""

    def is_stopped(self) -> bool:
        """Whether nothing new is to be begun."""
        return self.stopped is not None and self.stopped()

    @property
    def zone(self) -> tzinfo | None:
        """The zone times are shown in; None for the machine's."""
        if self.settings.time_zone is None:
            return None
        from zoneinfo import ZoneInfo

        return ZoneInfo(self.settings.time_zone)

    def words(self, language: str = "") -> Words:
        """What is said in a language, with the phrases of the settings; without one in that of the settings."""
        from giftping.words.catalogue import words_of

        name = language or self.settings.language
        # Asked for each guild, of which there may be thousands, in a few languages.
        with self._lock:
            if name not in self._words:
                self._words[name] = words_of(name, self.settings.words)
            return self._words[name]

    def open_store(self, *, read_only: bool = False) -> Store:
        """The store, open: the JSON file, or MongoDB with it as its mirror.

        Raise StoreError when it cannot be read.
        """
        return opening.open_store(self.settings, clock=utc_now, read_only=read_only)

    def open_store_to_send(self, *, read_only: bool = False) -> Store:
        """The store, open, for a run that is about to send; this host is known to the others from then on.

        Raise NotAloneError where it may not send because of the others, StoreError when the store cannot be read.
        """
        store = self.open_store(read_only=read_only)
        try:
            if refused := self.join(store, read_only=read_only):
                from giftping.delivery.hosts import NotAloneError

                error = NotAloneError(refused)
                error.notices, error.odd = tuple(store.notices), store.odd
                raise error
        # Nobody else has it yet, who could close it.
        except BaseException:
            store.close()
            raise
        return store

    def join(self, store: Store, *, read_only: bool = False) -> str:
        """Why this host may not send by the store, which others may use; empty where it may. The store holds back then.

        Raise StoreError when the store cannot be read.
        """
        from giftping.delivery.hosts import HostRecord, join, known_hosts

        if self.settings.mongo.uri is None:
            # A file is this host's alone; what is odd among the records in it is named all the same.
            known_hosts(store)
            return ""
        from giftping.store.mirror.engine import MirroredEngine

        name = host_name(self.settings, create=not read_only)
        own = HostRecord(name, self.settings.mongo.shared, utc_now())
        refused = join(store, own, writes=not read_only)
        if isinstance(store.engine, MirroredEngine):
            store.engine.refusal = refused
        return refused

    def waiting(self) -> int:
        """How many changes in the mirror are yet to be carried back to MongoDB.

        Raise StoreError when the mirror cannot be read.
        """
        from giftping.store.mirror.notes import waiting
        from giftping.store.tiny.engine import TinyEngine

        mirror = TinyEngine(self.settings.state, read_only=True)
        try:
            return waiting(mirror)
        finally:
            mirror.close()

    def drop_former(self) -> None:
        """Keep nothing, in the files of the ledger or the mirror here, of what is not in it any more.

        Raise StoreError when that fails; nothing is lost then.
        """
        from giftping.store.tiny.engine import TinyEngine

        kept = TinyEngine(self.settings.state)
        try:
            kept.drop_former()
        finally:
            kept.close()

    def glance(self) -> str | None:
        """What tells that nobody has written to MongoDB, in one round trip; None when it cannot be asked now."""
        from giftping.store.base import StoreError

        if self.settings.mongo.uri is None:
            return None
        from giftping.store.mirror.epochs import glance

        try:
            database = opening.database_of(self.settings, self.settings.mongo.uri)
            try:
                return glance(database)
            finally:
                database.close()
        except StoreError:
            # The run that opens the store tells of it.
            return None

    def standing(self) -> DatabaseStanding | None:
        """How MongoDB stands with this host; None where there is none, or it cannot be reached now.

        Raise StoreError when it cannot be read.
        """
        if self.settings.mongo.uri is None:
            return None
        from giftping.store.base import StoreAwayError

        try:
            return opening.standing_of(self.settings, self.settings.mongo.uri)
        except StoreAwayError:
            return None

    def decide(self, *, adopts: bool) -> str:
        """What MongoDB was found to be, once it was decided what counts: what this host remembers, or what is there.

        Empty where there was nothing to decide. Raise StoreError where it cannot be read or written.
        """
        if self.settings.mongo.uri is None:
            return ""
        from giftping.store.mirror.identity import AS_IT_WAS

        found = opening.decide_which_counts(self.settings, self.settings.mongo.uri, utc_now(), adopts=adopts)
        return "" if found in AS_IT_WAS else found.value

    def is_to_be_decided(self) -> bool:
        """Whether MongoDB is not as this host remembers it, or cannot be reached to tell.

        Raise StoreError when it cannot be read.
        """
        from giftping.store.mirror.identity import AS_IT_WAS

        standing = self.standing()
        return self.settings.mongo.uri is not None and (standing is None or standing.found not in AS_IT_WAS)

    def process_lock(self, *, create: bool = True) -> ProcessLock:
        """By what the other processes of this host know that this one is alive; the host's name is kept with `create`.

        Raise StoreError when that cannot be read or kept.
        """
        from giftping.store.holder import ProcessLock

        with self._lock:
            if self._process is None:
                self._process = ProcessLock(self.settings.state, host_name(self.settings, create=create))
            return self._process

    def deliveries(
        self, store: Store, *, clock: Callable[[], datetime] = utc_now, read_only: bool = False
    ) -> Deliveries:
        """The deliveries in a store, in the name of this process."""
        from giftping.delivery.deliveries import Deliveries

        return Deliveries(store, self.process_lock(create=not read_only), clock)

    def discord_now(self) -> datetime | None:
        """Discord's time, as the client for codes has heard it; None where it has not."""
        return self._http.discord_now() if self._http is not None else None

    def http(self) -> DiscordHttp:
        """The one client for Discord. Raise SettingsError for a token that cannot be one."""
        with self._lock:
            if self._http is None:
                self._http = self._new_http(self.settings.codes.budget)
            return self._http

    def _new_http(self, budget: timedelta) -> DiscordHttp:
        from giftping.discord.http import DiscordHttp

        token = self.settings.discord.token
        value = token.reveal() if token else None
        try:
            http = DiscordHttp(self.settings.discord.api, token=value, budget=budget, stopped=self.stopped)
        except ValueError as error:
            raise SettingsError([Mistake("the bot token", token.origin if token else "", str(error))]) from None
        if self.refused_token is not None:
            http.leave_token(self.refused_token)
        return http

    def told_of_token(self) -> tuple[Refused | None, bool]:
        """Discord's no to the bot's token, None where it said none so far, and whether it has taken the token."""
        known = [http for http in (self._http, self._todo_client.http if self._todo_client else None) if http]
        refused = next((http.refused_token for http in known if http.refused_token is not None), None)
        return refused, any(http.is_token_taken for http in known)

    def reader(self) -> RestClient | None:
        """Discord as the bot sees it, None without a token."""
        from giftping.discord.rest import RestClient

        with self._lock:
            if self._reader is None and self.http().has_token:
                self._reader = RestClient(self.http())
            return self._reader

    def todo_client(self) -> RestClient:
        """Discord as the bot sees it, with the time to wait for rate limits that the TODO part has."""
        from giftping.discord.rest import RestClient

        with self._lock:
            if self._todo_client is None:
                self._todo_client = RestClient(self._new_http(self.settings.todo.budget))
            return self._todo_client

    def close(self) -> None:
        """Close the connections to Discord, and let go of what this process holds."""
        if self._process is not None:
            self._process.close()
        for http in (self._http, self._todo_client.http if self._todo_client else None):
            if http is not None:
                http.close()

    def route_to(self, destination: Destination) -> Route | Refused:
        """The way to a destination, or why there is none now."""
        from giftping.discord.outcome import Refused
        from giftping.discord.rest import ChannelRoute

        reader = self.reader()
        if destination.channel_id is not None:
            if reader is None:
                return Refused("no bot token: set DISCORD_TOKEN to post to a channel")
            if destination.opens_post:
                from giftping.discord.posts import ForumRoute

                return ForumRoute(reader, destination.channel_id)
            return ChannelRoute(reader, destination.thread_id or destination.channel_id)
        from giftping.discord.webhook import WebhookRoute

        try:
            # Not before it is needed: a secret that is missing holds up this destination only.
            address = self._webhook_address(destination.webhook)
        except (SecretError, ValueError) as error:
            return Refused(str(error))
        if destination.thread_id is not None:
            address = replace(address, thread_id=destination.thread_id)
        return WebhookRoute(self.http(), address, reader, opens_post=destination.opens_post)

    def publish(self, channel_id: int, message_id: int) -> Outcome:
        """How it ended that a message is handed on to the channels that follow its own: only a bot may do that."""
        from giftping.discord.outcome import Refused

        reader = self.reader()
        if reader is None:
            return Refused("no bot token: a webhook alone cannot publish", lasting=True)
        return reader.publish_message(channel_id, message_id)

    def place_of(self, destination: Destination) -> str:
        """What is the same for all ways to write one destination: a webhook's id, in whatever thread, or a channel's.

        Where the webhook's secret is not to be had now it is how that is referred to.
        """
        if destination.channel_id is not None:
            return f"channel {destination.channel_id}"
        try:
            return f"webhook {self._webhook_address(destination.webhook).id}"
        except (SecretError, ValueError):
            return destination.webhook

    def is_same_destination(self, one: Destination, other: Destination) -> bool:
        """Whether two ways to write a destination lead to the same one: a webhook by its id, and to one thread.

        A webhook whose secret is not to be had now is only the same where it is written the same.
        """
        if one == other or not (one.webhook and other.webhook):
            return one == other
        try:
            first, second = self._webhook_address(one.webhook), self._webhook_address(other.webhook)
        except (SecretError, ValueError):
            return False
        return (first.id, first.thread_id) == (second.id, second.thread_id)

    def _webhook_address(self, reference: str) -> WebhookAddress:
        """The webhook that a reference leads to. Raise SecretError or ValueError where it leads to none."""
        from giftping.discord.webhook import parse_webhook_url

        return parse_webhook_url(self.settings.secret(reference).reveal(), api=self.settings.discord.api)


def side_by_side(
    work: Callable[[Item], Result], items: Sequence[Item], on_done: Callable[[int, int], None] | None = None
) -> list[Result]:
    """The results in order, several at a time; an error is raised after all others are done."""
    results: dict[int, Result] = {}
    errors: list[Exception] = []
    numbers = iter(range(len(items)))
    lock = threading.Lock()

    def take_turns() -> None:
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            try:
                results[number] = work(items[number])
            except Exception as error:  # noqa: BLE001 -- raised below, once the others are done
                errors.append(error)
            if on_done is not None:
                with lock:
                    on_done(len(results) + len(errors), len(items))

    # For one item no pool is worth its import.
    if len(items) < 2:
        take_turns()
    else:
        from concurrent.futures import ThreadPoolExecutor

        # A task for each thread, not for each item: ten thousand of those would be a fifth of the memory of a run.
        with ThreadPoolExecutor(POSTING_THREADS) as pool:
            for turn in [pool.submit(take_turns) for _ in range(min(POSTING_THREADS, len(items)))]:
                turn.result()
    if errors:
        raise errors[0]
    return [results[number] for number in range(len(items))]
