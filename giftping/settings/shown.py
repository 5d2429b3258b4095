"""Settings as `config show` tells them: every effective value and where it came from, secrets only by their place."""

from __future__ import annotations

from typing import Any

from giftping.settings.durations import duration_text
from giftping.settings.load import Origin, Settings
from giftping.settings.secrets import MASK
from giftping.settings.sources import SourceDefinition
from giftping.settings.todo import TodoSettings


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
    codes = settings.codes
    return {
        "state": str(settings.state),
        "time_zone": settings.time_zone,
        "discord.api": settings.discord.api,
        "discord.token": MASK if settings.discord.token else None,
        "codes.unclear": codes.unclear,
        "codes.lease": duration_text(codes.lease),
        "codes.budget": duration_text(codes.budget),
        "codes.skipped_regions": list(codes.skipped_regions),
        "codes.built_in_sources": codes.built_in_sources,
        "codes.contact": codes.contact,
        **{f"todo.{key}": value for key, value in _todo(settings.todo).items()},
        "mongo.uri": MASK if settings.mongo.uri else None,
        "mongo.database": settings.mongo.database or None,
        "mongo.on_outage": settings.mongo.on_outage,
        "mongo.server_selection": duration_text(settings.mongo.server_selection),
        "heartbeat.codes": settings.heartbeat.codes or None,
        "heartbeat.todo": settings.heartbeat.todo or None,
        "heartbeat.start": settings.heartbeat.start,
        "operator.webhook": settings.operator.webhook or None,
    }


def _todo(todo: TodoSettings) -> dict[str, object]:
    return {
        "guild": _id(todo.guild_id),
        "channel": _id(todo.channel_id),
        "role": _id(todo.role_id),
        "owner": _id(todo.owner_id),
        "remind_after": duration_text(todo.remind_after),
        "remind_every": duration_text(todo.remind_every),
        "remove_after": duration_text(todo.remove_after),
        "warning": duration_text(todo.warning),
        "linger": duration_text(todo.linger),
        "downtime": duration_text(todo.downtime),
        "quiet_hours": str(todo.quiet_hours) if todo.quiet_hours else None,
        "time_zone": todo.time_zone,
        "direct_messages": todo.direct_messages,
        "new_dms": todo.new_dms,
        "exempt": [str(user_id) for user_id in sorted(todo.exempt)],
        "staff_role": _id(todo.staff_role_id),
        "budget": duration_text(todo.budget),
        "lease": duration_text(todo.lease),
    }


def _id(discord_id: int | None) -> str | None:
    """An id as a text: JSON readers elsewhere lose the last digits of a number."""
    return None if discord_id is None else str(discord_id)


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
