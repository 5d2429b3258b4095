"""What `giftping config check` and `config show` do."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from giftping.commands.session import Session
from giftping.errors import EXIT_FINE, EXIT_TROUBLE
from giftping.settings.file import Mistake, SettingsError, SettingsFile, read_settings_file
from giftping.settings.problems import Problem
from giftping.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from giftping.settings.keys import Settings

OLDER_TODO_DATABASE = "legend_star"
"""What the older TODO bot calls its database, whatever its address names."""


def check_config(session: Session) -> int:
    """Say that the settings are fine, and who of those they name can be told. Raise every mistake at once otherwise."""
    from giftping.codes.sources.expressions import check_expressions
    from giftping.runs.contacts import look_at_contacts

    session.look_closer = check_expressions
    settings = _checked(session)
    untold = [one for one in look_at_contacts(settings) if one.trouble]
    # Without a network the settings are as valid.
    exit_code = EXIT_TROUBLE if any(one.is_refused for one in untold) else EXIT_FINE
    trouble = [{"key": one.contact.key, "reason": one.trouble} for one in untold]
    remarks = [*settings.remarks, *_database_remarks(settings)]
    file = str(settings.file) if settings.file else None
    session.give({"file": file, "valid": True, "trouble": trouble, "remarks": remarks})
    where = f"{settings.file}:" if settings.file else "No settings file, so the defaults count:"
    session.tell(f"{where} all settings are valid.")
    for remark in remarks:
        session.tell(f"{remark}.")
    for one in untold:
        session.trouble(f"{one.contact.key}: {one.trouble}{f'; {one.mend}' if one.mend else ''}")
    return exit_code


def _checked(session: Session) -> Settings:
    """The settings. Raise SettingsError with every mistake in them, and in the addresses that they refer to."""
    from giftping.runs.contacts import contact_mistakes

    mistakes: Sequence[Mistake] = ()
    try:
        settings = session.settings
    except SettingsError as error:
        if error.so_far is None:
            raise
        settings, mistakes = error.so_far, error.mistakes
    wrong = [Problem(one.contact.key, one.mistake) for one in contact_mistakes(settings)]
    if mistakes or wrong:
        file = read_settings_file(settings.file) if wrong else SettingsFile()
        raise SettingsError([*mistakes, *file.mistakes(wrong)], settings)
    return settings


def _database_remarks(settings: Settings) -> Iterator[str]:
    """That a database of another name may be meant: the older TODO bot gave none, and had one of its own."""
    if not settings.remarks or settings.mongo.uri is None or settings.mongo.database:
        return
    if not urlsplit(settings.mongo.uri.reveal()).path.strip("/"):
        yield (
            f"it names no database, and the older TODO bot's is {OLDER_TODO_DATABASE}: set"
            f" MONGO_DB_NAME={OLDER_TODO_DATABASE} to go on with that"
        )


def show_config(session: Session) -> int:
    """Show every setting that counts, and where it comes from; secrets are masked."""
    from giftping.settings.shown import describe

    described = describe(session.settings)
    session.give(described)
    if session.quiet or session.json:
        return EXIT_FINE
    from giftping.output.render import table

    rows = [
        [key, _text(value["value"]), " ".join(filter(None, (value["origin"], value["detail"])))]
        for key, value in described["values"].items()
    ]
    session.show(table(described["file"] or "no settings file", ["Setting", "Value", "From"], rows))
    own = {name: source for name, source in described["sources"].items() if source["origin"] != "built-in"}
    sources, games = counted(len(described["sources"]), "source"), counted(len(described["games"]), "game")
    session.tell(f"{sources} ({len(own)} of your own or changed), {games}: giftping sources list")
    return EXIT_FINE


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value in (None, "") else str(value)
