"""Taking old data over into the ledger on this host: with the backup, under the name that this host claims by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from giftping.store.base import HOME_GAME
from giftping.store.records import Store
from giftping.text import id_or_none
from giftping.wiring import host_name, utc_now

if TYPE_CHECKING:
    from giftping.settings.keys import Settings
    from giftping.store.legacy.migrate import MigrationReport, OnProgress
    from giftping.store.legacy.olddata import OldData
    from giftping.store.legacy.shapes import Reported

Reader = Callable[[Mapping[str, Any]], object]
"""Makes a record of a document; raises DocumentError or OddDocumentError for one that is odd."""


def run_migration(
    settings: Settings,
    store: Store,
    sources: Sequence[OldData],
    *,
    dry_run: bool = False,
    again: bool = False,
    on_progress: OnProgress | None = None,
) -> MigrationReport:
    """What was taken over from the sources, and which documents in them every reader finds odd.

    Raise StoreError as `migrate` does.
    """
    odd = tuple(_odd_documents(sources))
    report = _migrate(settings, store, sources, dry_run=dry_run, again=again, on_progress=on_progress)
    told = {(one.where, one.what) for one in report.reported}
    return replace(report, reported=(*report.reported, *(one for one in odd if (one.where, one.what) not in told)))


def _migrate(
    settings: Settings,
    store: Store,
    sources: Sequence[OldData],
    *,
    dry_run: bool = False,
    again: bool = False,
    on_progress: OnProgress | None = None,
) -> MigrationReport:
    from giftping.store.legacy import migrate as migration

    terms = migration.MigrationRequest(
        # A dry run leaves nothing behind, not even a name for this host.
        host=host_name(settings, create=not dry_run),
        game_sources=[s.name for s in settings.sources.values() if s.enabled and s.game == HOME_GAME],
        dry_run=dry_run,
        again=again,
    )

    def back_up(collections: Iterable[tuple[str, Iterable[Mapping[str, Any]]]]) -> str:
        from giftping.store.tiny.snapshot import write_backup

        return str(write_backup(settings.state, collections, utc_now()) or "")

    return migration.migrate(sources, store, terms, clock=utc_now, back_up=back_up, on_progress=on_progress)


def migrate_at_first(settings: Settings, store: Store) -> MigrationReport | None:
    """What was taken over from the ledger's own database, None when that was done before, or cannot be now."""
    from giftping.store.legacy.migrate import taken_over
    from giftping.store.mirror.engine import MirroredEngine

    if not isinstance(store.engine, MirroredEngine):
        return None
    source = store.engine.old_data()
    if source.name in taken_over(store) or store.is_away:
        return None
    return _migrate(settings, store, [source])


def taken_from_elsewhere(store: Store) -> tuple[str, ...]:
    """The files and other databases that were taken over into a store, by name."""
    from giftping.store.legacy.migrate import taken_over

    return tuple(name for name in taken_over(store) if name != store.name)


def _odd_documents(sources: Sequence[OldData]) -> Iterator[Reported]:
    """The documents in giftping's and the TODO bot's shapes that cannot be read; they are taken over as they are.

    What is odd in the shapes of the older gift-code bot is reported by whoever makes records of them.
    """
    from giftping.store.fields import DocumentError
    from giftping.store.legacy.shapes import Reported
    from giftping.text import cut
    from giftping.todo.document_fields import OddDocumentError

    for source in sources:
        for collection, read in _readers().items():
            for document in source.documents(collection):
                try:
                    read(document)
                except (DocumentError, OddDocumentError) as error:
                    id_ = repr(document.get("_id"))
                    why = str(error).removeprefix(f"{collection}: ").removeprefix(f"document {id_}: ")
                    yield Reported(collection, cut(id_, _LONGEST_ID), why)


_LONGEST_ID = 60


def _readers() -> dict[str, Reader]:
    """What reads the documents of each collection, as the commands do that look at them."""
    from giftping.delivery.deliveries import delivery_from
    from giftping.store import documents as names
    from giftping.store.code_documents import code_from_document
    from giftping.store.first_schema import is_guild_of_first, is_open_in_first
    from giftping.store.guild_documents import guild_from_document, subscription_from_document
    from giftping.store.legacy.shapes import is_of_giftping
    from giftping.todo.history import event_from
    from giftping.todo.member_documents import member_from
    from giftping.todo.sweep_notes import SWEEP_ID, notes_from

    def entry(document: Mapping[str, Any]) -> object:
        is_ours = is_of_giftping(document) and not is_open_in_first(document)
        return names.entry_from_document(document) if is_ours else None

    def whose(document: Mapping[str, Any]) -> int:
        return id_or_none(document.get("_id")) or id_or_none(document.get("user_id")) or 0

    return {
        names.LEDGER: entry,
        names.DELIVERIES: delivery_from,
        names.CODES: code_from_document,
        names.GUILDS: lambda one: None if is_guild_of_first(one) else guild_from_document(one),
        names.SUBSCRIPTIONS: subscription_from_document,
        names.RUNS: names.run_from_document,
        # Whose they are, and what is odd about that, is found out where they are taken over.
        names.ACTIVE_MEMBERS: lambda one: member_from(whose(one), one, None),
        names.TODO_TIMESTAMPS: lambda one: member_from(whose(one), None, one),
        names.TODO_EVENTS: event_from,
        names.TODO_STATE: lambda one: notes_from(one) if one.get("_id") == SWEEP_ID else None,
    }
