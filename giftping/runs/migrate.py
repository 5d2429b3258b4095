"""Taking old data over into the ledger on this host: with the backup, under the name that this host claims by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from giftping.store.base import HOME_GAME
from giftping.store.records import Store
from giftping.wiring import host_name, utc_now

if TYPE_CHECKING:
    from giftping.settings.keys import Settings
    from giftping.store.legacy.migrate import MigrationReport, OnProgress
    from giftping.store.legacy.olddata import OldData


def run_migration(
    settings: Settings,
    store: Store,
    sources: Sequence[OldData],
    *,
    dry_run: bool = False,
    again: bool = False,
    on_progress: OnProgress | None = None,
) -> MigrationReport:
    """What was taken over from the sources. Raise StoreError as `migrate` does."""
    from giftping.store.legacy import migrate as migration

    terms = migration.MigrationRequest(
        # A dry run leaves nothing behind, not even a name for this host.
        host=host_name(settings, create=not dry_run),
        game_sources=[s.name for s in settings.sources.values() if s.enabled and s.game == HOME_GAME],
        dry_run=dry_run,
        again=again,
    )

    def back_up(collections: Iterable[tuple[str, Iterable[Mapping[str, Any]]]]) -> str:
        from giftping.store.tiny.backup import write_backup

        return str(write_backup(settings.state, collections, utc_now()) or "")

    return migration.migrate(sources, store, terms, clock=utc_now, back_up=back_up, on_progress=on_progress)


def migrate_at_first(settings: Settings, store: Store) -> MigrationReport | None:
    """What was taken over from the ledger's own database, None when that was done before, or cannot be now."""
    from giftping.store.legacy.migrate import is_taken_over
    from giftping.store.mirror.engine import MirroredEngine

    if not isinstance(store.engine, MirroredEngine):
        return None
    source = store.engine.old_data()
    if is_taken_over(store, source) or store.is_away:
        return None
    return run_migration(settings, store, [source])
