"""Settings as `config show` tells them: every effective value and where it came from, secrets only by their place."""

from __future__ import annotations

from typing import Any

from giftping.settings.declaring import keys_of
from giftping.settings.durations import duration_text
from giftping.settings.keys import Origin, Settings, declared_tables
from giftping.settings.sources import SourceDefinition


def describe(settings: Settings) -> dict[str, Any]:
    """The settings as plain values for JSON: `file`, `values`, `games`, `sources`, `warnings`.

    Each of `values` is `{"value", "origin", "detail"}`, the origin being default, file or environment and the
    detail the file or the variable. A secret's value is `***`, or None when there is none. Games and sources
    have the origin built-in, changed (a built-in one with the user's changes) or file.
    """
    redact = settings.redactor()
    return {
        "file": str(settings.file) if settings.file else None,
        "values": {key: _value(value, settings.origins.get(key, Origin())) for key, value in _values(settings).items()},
        "games": {
            slug: {"title": game.title, "origin": settings.origins[f"games.{slug}"].kind}
            for slug, game in settings.games.items()
        },
        "sources": {
            name: _source(source, settings.origins[f"sources.{name}"], redact(source.url))
            for name, source in settings.sources.items()
        },
        "warnings": [redact(warning) for warning in settings.warnings],
    }


def _values(settings: Settings) -> dict[str, object]:
    """Every value that is no table, by its dotted key."""
    return {
        f"{name}.{key.name}" if name else key.name: key.show(getattr(holder, key.field))
        for name, declared in declared_tables().items()
        for holder in [getattr(settings, name) if name else settings]
        for key in keys_of(declared).values()
        if key.parse
    }


def _value(value: object, origin: Origin) -> dict[str, object]:
    return {"value": value, "origin": origin.kind, "detail": origin.detail}


def _source(source: SourceDefinition, origin: Origin, url: str) -> dict[str, object]:
    return {
        "game": source.game,
        "kind": source.kind,
        "url": url,
        "enabled": source.enabled,
        "min_interval": duration_text(source.min_interval),
        "origin": origin.kind,
    }
