"""What `giftping init`, `config check` and `config show` do."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from giftping.commands.session import EXIT_FINE, Session, UsageError

FILE_NAME = "giftping.toml"


def init(session: Session, folder: Path, *, force: bool) -> int:
    """Write a commented giftping.toml and say what comes next."""
    from giftping.settings import default_state
    from giftping.starter import SWEEP, SWEEP_MINUTES, crontab_line, starter_toml

    path = folder / FILE_NAME
    if path.exists() and not force:
        raise UsageError(f"{path} is there already; --force writes a new one over it")
    text = starter_toml(folder=folder.resolve(), state=default_state(os.environ), source="wosgiftcodes-page")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    command = Path(shutil.which("giftping") or sys.argv[0]).resolve()
    line = crontab_line(command, config=path.resolve())
    sweep_line = crontab_line(command, config=path.resolve(), minutes=SWEEP_MINUTES, job=SWEEP)
    session.give({"file": str(path.resolve()), "crontab": line, "todo_crontab": sweep_line})
    session.tell(f"Wrote {path}. Everything in it is commented out: the defaults work.\n")
    session.tell("Next:")
    session.tell("  1. giftping guilds add GUILD_ID --webhook env:NAME   where the codes go")
    session.tell("  2. giftping guilds test GUILD_ID                     a test message")
    session.tell("  3. giftping codes check --dry-run                    what would be announced")
    session.tell(f"  4. crontab -e, and add:\n     {line}\n")
    session.tell("For TODO reminders, name the guild, the channel and the role in [todo]; then:")
    session.tell("  1. giftping todo roster add USER                     who takes part")
    session.tell("  2. giftping todo sweep --dry-run                     who would be told what")
    session.tell(f"  3. crontab -e, and add:\n     {sweep_line}")
    return EXIT_FINE


def check_config(session: Session) -> int:
    """Say that the settings are fine; every mistake has been raised at once otherwise."""
    from giftping.codes.sources.expressions import check_expressions
    from giftping.settings import mistakes_of_source
    from giftping.settings_file import SettingsError

    settings = session.settings
    mistakes = [
        mistake
        for source in settings.sources.values()
        if not source.built_in
        for mistake in mistakes_of_source(settings, source.name, check_expressions(source))
    ]
    if mistakes:
        raise SettingsError(mistakes)
    session.give({"file": str(settings.file) if settings.file else None, "valid": True})
    session.tell(f"{settings.file or 'No settings file: the defaults'}: all settings are valid.")
    return EXIT_FINE


def show_config(session: Session) -> int:
    """Show every setting that counts, and where it comes from; secrets are masked."""
    from giftping.settings_shown import describe

    described = describe(session.settings)
    session.give(described)
    if session.quiet or session.json:
        return EXIT_FINE
    from giftping.render import table

    rows = [
        [key, _text(value["value"]), " ".join(filter(None, (value["origin"], value["detail"])))]
        for key, value in described["values"].items()
    ]
    session.show(table(described["file"] or "no settings file", ["Setting", "Value", "From"], rows))
    own = {name: source for name, source in described["sources"].items() if source["origin"] != "built-in"}
    counts = f"{len(described['sources'])} sources ({len(own)} of your own or changed), {len(described['games'])} games"
    session.tell(f"{counts}: giftping sources list")
    return EXIT_FINE


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value in (None, "") else str(value)
