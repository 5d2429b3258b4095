"""Looks at everything that `giftping doctor` judges. Only reads: the store, the files, the sources, and Discord."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from giftping.doctor.judge import (
    DiscordFacts,
    Facts,
    FileFacts,
    FolderFacts,
    HostFacts,
    LedgerFacts,
    MongoFacts,
    SettingsFacts,
)
from giftping.doctor.judging import Trouble
from giftping.doctor.look_codes import KeptOfCodes, kept_of_codes, look_at_codes
from giftping.doctor.look_discord import trouble_in
from giftping.doctor.look_todo import KeptOfTodo, is_set_up, kept_of_todo, look_at_todo
from giftping.settings.environment import REAL
from giftping.settings.file import SettingsError
from giftping.settings.secrets import Secret, SecretError, is_changeable_by_all
from giftping.store.base import StoreError
from giftping.todo.book import Clock
from giftping.todo.documents import OddDocumentError
from giftping.wiring import House, host_name, utc_now

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from giftping.discord.rest import RestClient
    from giftping.settings.load import Settings
    from giftping.store.base import GuildRecord, Store


@dataclass(frozen=True, slots=True)
class _Kept:
    """What the store holds; None is what could not be read."""

    codes: KeptOfCodes | None = None
    todo: KeptOfTodo | None = None
    others: tuple[HostFacts, ...] = ()


def examine(house: House, clock: Clock = utc_now, *, live: bool = False) -> Facts:
    """Return what there is to judge.

    Nothing is written, Discord is asked by GET alone, and the sources are asked with `live` alone.
    """
    settings, now, host = house.settings, clock(), _host(house)
    ledger, kept = _ledger(house, clock, host)
    guilds = kept.codes.guilds if kept.codes else ()
    has_todo = is_set_up(settings.todo, kept.todo)
    is_needed = has_todo or any(guild.destination.channel_id is not None for guild in guilds)
    discord, rest = _discord(house, is_needed=is_needed) if guilds or has_todo else (None, None)
    codes = look_at_codes(house, rest, now, kept.codes, host=host, live=live) if kept.codes and guilds else None
    todo = look_at_todo(house, rest, clock, now, kept.todo) if has_todo else None
    return Facts(
        now=now,
        settings=SettingsFacts(str(settings.file) if settings.file else None, settings.warnings),
        folder=_folder(settings.state),
        ledger=ledger,
        files=tuple(_files(settings, guilds)),
        mongo=_mongo(settings, clock, kept.others),
        discord=discord and replace(discord, clock_offset=_clock_offset(house)),
        codes=codes,
        todo=todo,
    )


# The machine


def _host(house: House) -> str:
    try:
        return host_name(house.settings.state, create=False)
    except StoreError:
        # The ledger, in the same folder, says why.
        return ""


def _folder(path: Path) -> FolderFacts:
    """The facts of a folder, or of the nearest one above it where it is to be made."""
    try:
        there = next(folder for folder in (path, *path.parents) if folder.exists())
        is_writable = there.is_dir() and os.access(there, os.W_OK | os.X_OK)
        mode = stat.S_IMODE(path.stat().st_mode) if there == path else None
        return FolderFacts(str(path), is_writable, shutil.disk_usage(there).free, mode)
    except OSError:
        # It may not even be looked at, and so surely not be written to.
        return FolderFacts(str(path), is_writable=False, free=0, mode=None)


def _files(settings: Settings, guilds: Sequence[GuildRecord]) -> Iterator[FileFacts]:
    """The files that settings and secrets come from; what the settings warn of is not told twice."""
    dotenv = {Path(place.name) for place in settings.environment.places.values() if place.name != REAL}
    secrets = [secret for secret in _secrets(settings, guilds) if secret.file is not None]
    exposed = {secret.file: secret.warning for secret in secrets if secret.warning not in settings.warnings}
    paths = {settings.file, *dotenv, *(secret.file for secret in secrets)} - {None}
    for path in sorted(path for path in paths if path is not None):
        yield FileFacts(str(path), exposed.get(path, ""), is_changeable_by_all(path))


def _secrets(settings: Settings, guilds: Sequence[GuildRecord]) -> Iterator[Secret]:
    yield from (secret for secret in (settings.discord.token, settings.mongo.uri) if secret)
    values = [value for source in settings.sources.values() if source.enabled for value in source.headers.values()]
    references = {*values, *(guild.destination.webhook for guild in guilds)}
    for reference in sorted(one for one in references if one.startswith(("env:", "file:"))):
        try:
            yield settings.secret(reference)
        except SecretError:
            # Whoever needs it says that it is not there.
            continue


# The ledger


def _ledger(house: House, clock: Clock, host: str) -> tuple[LedgerFacts, _Kept]:
    kept = _Kept()
    try:
        with house.open_store(read_only=True) as store:
            codes = kept_of_codes(store)
            others = _others(store, codes, host) if house.settings.mongo.uri is not None else ()
            kept = _Kept(codes, others=others)
            kept = replace(kept, todo=kept_of_todo(store, clock))
        return LedgerFacts(store.name, notices=tuple(store.notices)), kept
    except (StoreError, OddDocumentError) as error:
        return LedgerFacts("", trouble=str(error)), kept


def _others(store: Store, kept: KeptOfCodes, host: str) -> tuple[HostFacts, ...]:
    """The other hosts that share the ledger, by their latest runs, and what they have not come to see."""
    latest = {run.host: run for run in sorted(kept.runs, key=lambda run: run.finished_at) if run.host != host}
    written: dict[str, datetime] = {}
    for entry in store.entries() if latest else ():
        if entry.claimed_by:
            written[entry.claimed_by] = max(entry.updated_at, written.get(entry.claimed_by, entry.updated_at))
    return tuple(
        HostFacts(name, run.job, run.finished_at, _missed(name, run.finished_at, written))
        for name, run in sorted(latest.items())
    )


def _missed(host: str, seen_at: datetime, written: dict[str, datetime]) -> datetime | None:
    by_others = max((at for name, at in written.items() if name != host), default=None)
    return by_others if by_others is not None and by_others > seen_at else None


def _mongo(settings: Settings, clock: Clock, others: tuple[HostFacts, ...]) -> MongoFacts | None:
    mongo = settings.mongo
    if mongo.uri is None:
        return None
    from giftping.store.mirror import read_pending, synced_with
    from giftping.store.mongo_link import MongoLink
    from giftping.store.mongo_look import ANSWER, look_at
    from giftping.store.tiny import TinyStore

    facts = MongoFacts("", others=others)
    try:
        link = MongoLink(mongo.uri, mongo.database or None, server_selection=mongo.server_selection, answer=ANSWER)
    except StoreError as error:
        return replace(facts, trouble=str(error))
    try:
        with TinyStore(settings.state, read_only=True) as mirror:
            synced = synced_with(mirror, link.name)
            waiting = read_pending(mirror).count if synced else 0
        facts = replace(facts, name=link.name, waiting=waiting, in_step_at=synced.at if synced else None)
        look = look_at(link, clock)
    except StoreError as error:
        return replace(facts, trouble=str(error))
    return replace(
        facts,
        replica_set=look.replica_set,
        members=look.members,
        lacking=look.lacking,
        clock_offset=look.clock_offset,
    )


# Discord


def _discord(house: House, *, is_needed: bool) -> tuple[DiscordFacts, RestClient | None]:
    """How we stand with Discord, and a client that it takes, None without one."""
    facts = DiscordFacts(house.settings.discord.token is not None, is_needed)
    try:
        rest = house.reader()
    except SettingsError as error:
        return replace(facts, bot=Trouble(str(error), status=401)), None
    if rest is None:
        return facts, None
    me = rest.me()
    return (replace(facts, bot=me), rest) if isinstance(me, int) else (replace(facts, bot=trouble_in(me)), None)


def _clock_offset(house: House) -> timedelta | None:
    try:
        return house.http().clock_offset
    except SettingsError:
        return None
