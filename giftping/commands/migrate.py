"""What `giftping migrate` does: old data into the ledger, told in numbers."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

from giftping.commands.session import Session
from giftping.errors import EXIT_FINE, EXIT_TROUBLE, UsageError
from giftping.output.json import id_text, instant
from giftping.runs.migrate import run_migration
from giftping.store.records import Store
from giftping.store.tiny.files import SNAPSHOT
from giftping.text import counted, verb_for, when

if TYPE_CHECKING:
    from giftping.store.legacy.migrate import GuildNumbers, MigrationReport, Numbers
    from giftping.store.legacy.olddata import OldData

BESIDE = "Stop the older bot now, if it still runs: beside giftping it posts what giftping posts, and pings, once more."

GUILDS_SHOWN = 20
REPORTED_SHOWN = 10


@dataclass(frozen=True, slots=True)
class MigrateRequest:
    """What `giftping migrate` was asked for; without files and database, what the ledger's own database holds."""

    files: tuple[Path, ...] = ()
    database: str | None = None
    """The name of another database on the same server."""
    dry_run: bool = False
    again: bool = False
    """Whether what went over completely before is merged once more."""


def migrate(session: Session, request: MigrateRequest) -> int:
    """Take old data over into the ledger and tell how much, of which guild, and what was odd."""
    from giftping.runs.lock import RunLock
    from giftping.runs.state_folder import CHECK_LOCK

    lost = [path for path in request.files if not _is_there(path)]
    if lost:
        raise UsageError(f"--from-json: there is no file {lost[0]}")
    with session.store(read_only=request.dry_run) as store:
        sources = _sources(session, store, request)
        # The lock of checks: one beside this would announce codes that are just being recorded as sent.
        with nullcontext() if request.dry_run else RunLock(session.settings.state / CHECK_LOCK):
            report = _carry_out(session, store, sources, request)
    session.give(migration_object(report))
    _tell(session, report)
    return EXIT_TROUBLE if report.reported else EXIT_FINE


def _is_there(path: Path) -> bool:
    """Whether there is such a file, or may be one that this user may not look at: why, whoever opens it says."""
    try:
        return path.is_file()
    except PermissionError:
        return True


def _sources(session: Session, store: Store, request: MigrateRequest) -> list[OldData]:
    from giftping.store.legacy.olddata import HoldsOldData, open_file

    own = session.settings.state / SNAPSHOT
    if not isinstance(store.engine, HoldsOldData):
        if request.database is not None:
            raise UsageError("--from-db names a database on the server of MONGO_URI, and MONGO_URI is not set")
        if not request.files:
            raise UsageError("say what to take over: --from-json PATH, an older bot's state or another giftping.json")
        if own.exists() and any(path.samefile(own) for path in request.files):
            raise UsageError(f"--from-json: {own} is the ledger itself; set MONGO_URI to take it over into MongoDB")
    sources: list[OldData] = [open_file(path) for path in request.files]
    if isinstance(store.engine, HoldsOldData) and (request.database is not None or not sources):
        sources.append(store.engine.old_data(request.database))
    return sources


def _carry_out(session: Session, store: Store, sources: list[OldData], request: MigrateRequest) -> MigrationReport:
    with session.progress("Documents") as on_progress:
        return run_migration(
            session.settings, store, sources, dry_run=request.dry_run, again=request.again, on_progress=on_progress
        )


def migration_object(report: MigrationReport) -> dict[str, Any]:
    """The object that `migrate --json` writes."""
    return {
        "sources": list(report.sources),
        "target": report.target,
        "dry_run": report.dry_run,
        "added": report.added,
        "backup": report.backup or None,
        "done_before": instant(report.done_before),
        "collections": {name: asdict(numbers) for name, numbers in report.collections.items()},
        "guilds": [
            {
                "guild_id": id_text(guild.guild_id),
                "entries": _added_of(guild.entries),
                "settings": _added_of(guild.settings),
            }
            for guild in report.guilds
        ],
        "reported": [asdict(one) for one in report.reported],
    }


def _added_of(numbers: Numbers) -> dict[str, int]:
    return {"found": numbers.found, "added": numbers.added}


def _tell(session: Session, report: MigrationReport) -> None:
    for one in report.reported[:REPORTED_SHOWN]:
        session.trouble(f"{one.where}: {one.what}: {one.why}")
    if len(report.reported) > REPORTED_SHOWN:
        session.trouble(f"… and {len(report.reported) - REPORTED_SHOWN} more like these; --json lists all")
    if report.done_before is not None:
        session.tell(
            f"Nothing to do: all of it went over on {when(report.done_before, UTC)}, and nothing came since"
            " (--again merges it once more; what you have cleared comes back)."
        )
        return
    if report.guilds:
        title = f"{'Would take' if report.dry_run else 'Took'} over from {', '.join(report.sources)}"
        session.show_table(title, ["Guild", ">Codes", ">New", "Channel"], _rows(report.guilds))
    verb = "would be added" if report.dry_run else "added"
    counts = ", ".join(f"{name} {numbers.added}" for name, numbers in report.collections.items() if numbers.added)
    session.tell(f"{counted(report.added, 'document')} {verb} to {report.target}{f': {counts}' if counts else ''}.")
    if report.newer:
        session.tell(
            f"{counted(report.newer, 'member')} handed in, or {verb_for(report.newer, 'were')} pinged, since:"
            f" {'that would be' if report.dry_run else 'that is'} taken over."
        )
    if not report.dry_run and (report.added or report.newer):
        session.tell(BESIDE)
    if report.backup:
        session.tell(f"What was there before: {report.backup}")
    channels = sum(guild.settings.added for guild in report.guilds)
    if channels and session.settings.discord.token is None:
        session.trouble("warning: what came over is posted to by the bot: set DISCORD_TOKEN to the older bot's token")


def _rows(guilds: tuple[GuildNumbers, ...]) -> list[list[str]]:
    shown = sorted(guilds, key=lambda guild: (-guild.entries.added, guild.guild_id))[:GUILDS_SHOWN]
    rows = [
        [str(guild.guild_id), str(guild.entries.found), str(guild.entries.added), _channel(guild)] for guild in shown
    ]
    others = [guild for guild in guilds if guild not in shown]
    if others:
        found = sum(guild.entries.found for guild in others)
        added = sum(guild.entries.added for guild in others)
        channels = sum(guild.settings.added for guild in others)
        rows.append([f"{len(others)} others", str(found), str(added), f"{channels} added"])
    return rows


def _channel(guild: GuildNumbers) -> str:
    if guild.settings.added:
        return "added"
    return "there" if guild.settings.found else "none known"
