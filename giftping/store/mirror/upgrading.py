"""The upgrade of a database and of its copy, before the two meet."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from giftping.store.base import SCHEMA_VERSION, StoreAwayError
from giftping.store.mirror.notes import synced_of
from giftping.store.mongo.engine import MongoEngine
from giftping.store.tiny.engine import TinyEngine

if TYPE_CHECKING:
    from giftping.store.upgrade import Upgraded


def upgrade_both(
    database: MongoEngine, copy: TinyEngine, folder: Path, *, host: str, now: datetime
) -> tuple[Upgraded, ...]:
    """What was upgraded: the database where it can be reached, then the copy.

    Raise StoreError while a host of the older version may be at the database: the copy is left then, too.
    """
    older: list[MongoEngine | TinyEngine] = []
    synced = synced_of(copy)
    # One that a giftping of today was in step with is today's: nobody waits a second time for one that is away.
    if synced is None or not synced.id or copy.schema() < SCHEMA_VERSION:
        with suppress(StoreAwayError):
            older += [database] if database.schema() < SCHEMA_VERSION else []
    older += [copy] if copy.schema() < SCHEMA_VERSION else []
    done: list[Upgraded] = []
    for engine in older:
        # Hardly ever needed, and not loaded by every run.
        from giftping.store.upgrade import upgrade

        with suppress(StoreAwayError):
            done += filter(None, [upgrade(engine, folder, host=host, now=now, shares=engine is database)])
    return tuple(done)
