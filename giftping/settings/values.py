"""Single values of the settings: which keys there are, and what is wrong with a value."""

from __future__ import annotations

from datetime import timedelta

from giftping.settings.durations import duration_text
from giftping.settings.problems import Problem
from giftping.settings.tables import TableReader

DISCORD_API = "https://discord.com/api/v10"

KEYS = {
    "": (
        "codes",
        "discord",
        "games",
        "heartbeat",
        "mongo",
        "operator",
        "sources",
        "state",
        "time_zone",
        "todo",
    ),
    "discord": ("api", "token"),
    "mongo": ("database", "on_outage", "server_selection", "uri"),
    "heartbeat": ("codes", "start", "todo"),
    "operator": ("webhook",),
    "codes": ("budget", "built_in_sources", "contact", "lease", "skipped_regions", "unclear"),
    "todo": (
        "budget",
        "channel",
        "direct_messages",
        "downtime",
        "exempt",
        "guild",
        "lease",
        "linger",
        "new_dms",
        "owner",
        "quiet_hours",
        "remind_after",
        "remind_every",
        "remove_after",
        "role",
        "staff_role",
        "time_zone",
        "warning",
    ),
}


def misplaced(key: str) -> Problem | None:
    """The problem of a key that is right in another table, or in several; None for one that is right nowhere."""
    where = [
        f"in [{name}]" if name else "at the top of the file, above the first [table]"
        for name, allowed in KEYS.items()
        if key in allowed
    ]
    return Problem(key, f"unknown key here; it belongs {', or '.join(where)}") if where else None


def span(reader: TableReader, key: str, default: timedelta) -> timedelta:
    """A span of time from a table, longer than nothing; note a mistake in it."""
    found = reader.duration(key, default=default)
    if not found:
        reader.wrong(key, "must be longer than nothing")
        return default
    return found


def lease_mistake(lease: timedelta, budget: timedelta) -> str:
    """Why a lease is too short for a run with this budget, empty when it is not."""
    if lease > budget:
        return ""
    lease_text, budget_text = duration_text(lease), duration_text(budget)
    return f"the lease ({lease_text}) must be longer than the budget ({budget_text}), which a claim outlasts"


def regions(reader: TableReader, default: tuple[str, ...]) -> tuple[str, ...]:
    """The regions whose codes stay out, in upper case."""
    if "skipped_regions" not in reader.table:
        return default
    return tuple(region.strip().upper() for region in reader.texts("skipped_regions"))


def zone_mistake(name: str) -> str:
    """Why a name is no time zone, empty when it is one."""
    from zoneinfo import ZoneInfo, available_timezones

    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):  # OSError: the name of a folder of zones, such as "Europe".
        from difflib import get_close_matches

        near = get_close_matches(name, available_timezones(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else "write one like Europe/Berlin"
        return f"{name!r} is no time zone; {hint}"
    return ""


def api_mistake(api: str) -> tuple[str, str]:
    """Return what is wrong with an address of Discord's API, else what to warn of."""
    from urllib.parse import urlsplit

    try:
        url = urlsplit(api)
        host, port = url.hostname, url.port
    except ValueError:
        return "is not an address", ""
    if url.scheme not in ("http", "https") or not host or port == 0 or not api.isprintable() or " " in api:
        return f"must be an http:// or https:// address, like {DISCORD_API}", ""
    if url.username or url.password or url.query or url.fragment:
        return "must be a plain address, without user name, password, ? and #", ""
    if url.scheme == "http" and host not in ("localhost", "127.0.0.1", "::1"):
        return "", f"{api} is reached without encryption: the bot token and webhook URLs can be read on the way"
    return "", ""
