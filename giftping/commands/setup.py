"""What `giftping config check` and `config show` do."""

from __future__ import annotations

from giftping.commands.session import Session
from giftping.errors import EXIT_FINE
from giftping.text import counted


def check_config(session: Session) -> int:
    """Say that the settings are fine; every mistake has been raised at once otherwise."""
    from giftping.codes.sources.expressions import check_expressions

    session.look_closer = check_expressions
    settings = session.settings
    session.give({"file": str(settings.file) if settings.file else None, "valid": True})
    where = f"{settings.file}:" if settings.file else "No settings file, so the defaults count:"
    session.tell(f"{where} all settings are valid.")
    return EXIT_FINE


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
