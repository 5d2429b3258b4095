"""From settings to the parts that do the work. The lazy imports live here."""

from __future__ import annotations

import os
import secrets as random_secrets
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from giftping.discord.outcome import Refused, Route
from giftping.secrets import SecretError
from giftping.store.base import Destination

if TYPE_CHECKING:
    from giftping.discord.http import DiscordHttp
    from giftping.settings import Settings
    from giftping.store.tiny import TinyStore

POSTING_THREADS = 8

Item = TypeVar("Item")
Result = TypeVar("Result")


def utc_now() -> datetime:
    """Return this instant, aware, in UTC."""
    return datetime.now(UTC)


@dataclass(slots=True)
class House:
    """Everything one command needs, made when it is first asked for."""

    settings: Settings
    _http: DiscordHttp | None = field(default=None, repr=False)

    @property
    def zone(self) -> tzinfo | None:
        """The zone times are shown in; None for the machine's."""
        if self.settings.time_zone is None:
            return None
        from zoneinfo import ZoneInfo

        return ZoneInfo(self.settings.time_zone)

    def open_store(self, *, read_only: bool = False) -> TinyStore:
        """Return the store, open. Raise StoreError when it cannot be read."""
        from giftping.store.tiny import TinyStore

        return TinyStore(self.settings.state, read_only=read_only)

    def http(self) -> DiscordHttp:
        """Return the one client for Discord."""
        if self._http is None:
            from giftping.discord.http import DiscordHttp

            token = self.settings.discord.token
            self._http = DiscordHttp(
                self.settings.discord.api,
                token=token.reveal() if token else None,
                budget=self.settings.codes.budget,
            )
        return self._http

    def close(self) -> None:
        """Close the connections to Discord."""
        if self._http is not None:
            self._http.close()

    def route_to(self, destination: Destination) -> Route | Refused:
        """Return the way to a destination, or why there is none now."""
        from giftping.discord.rest import ChannelRoute, RestClient

        http = self.http()
        reader = RestClient(http) if http.has_token else None
        if destination.channel_id is not None:
            if reader is None:
                return Refused("no bot token: set DISCORD_TOKEN to post to a channel")
            return ChannelRoute(reader, destination.channel_id)
        from giftping.discord.webhook import WebhookRoute, parse_webhook_url

        try:
            url = self.settings.secret(destination.webhook).reveal()
            address = parse_webhook_url(url, api=self.settings.discord.api)
        except (SecretError, ValueError) as error:
            return Refused(str(error))
        return WebhookRoute(http, address, reader)


def side_by_side(
    work: Callable[[Item], Result], items: Sequence[Item], on_done: Callable[[int, int], None] | None = None
) -> list[Result]:
    """Return the results in order, several at a time; an error is raised after all others are done."""
    done = 0

    def tell() -> None:
        nonlocal done
        done += 1
        if on_done is not None:
            on_done(done, len(items))

    if len(items) < 2:
        results = [work(item) for item in items]
        for _ in results:
            tell()
        return results
    from concurrent.futures import ThreadPoolExecutor, as_completed

    with ThreadPoolExecutor(min(POSTING_THREADS, len(items))) as pool:
        futures = [pool.submit(work, item) for item in items]
        for _ in as_completed(futures):
            tell()
    return [future.result() for future in futures]


def host_name(state: Path, *, create: bool = True) -> str:
    """Return the name under which this state folder claims; made once and kept in the folder.

    Two folders on one machine are two hosts: each has its own run lock.
    """
    path = state / "host"
    try:
        return path.read_text("utf-8").strip()
    except FileNotFoundError:
        name = f"{socket.gethostname()}-{random_secrets.token_hex(3)}"
        if create:
            state.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(path, name)
        return name


def write_whole(path: Path, text: str) -> None:
    """Write a small file so that nobody ever reads half of it; mode 0600."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(path)
