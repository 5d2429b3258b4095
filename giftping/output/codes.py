"""What machines read: one JSON object per command, and the one-line texts of a check. No rich in here."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any

from giftping.codes.report import GOOD_RESULTS, DeliveryResult

if TYPE_CHECKING:
    from giftping.codes.gather import SourceReport
    from giftping.codes.report import CheckReport, DeliveryReport
    from giftping.store.base import CodeRecord, GuildRecord, LedgerEntry


def write_json(value: object) -> None:
    """Write one JSON object on standard output."""
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def redacted(value: object, redact: Callable[[str], str]) -> object:
    """A value of JSON with every text in it, but for the keys, put through a function."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: redacted(item, redact) for key, item in value.items()}
    return [redacted(item, redact) for item in value] if isinstance(value, list | tuple) else value


def when(moment: datetime | None, zone: tzinfo | None) -> str:
    """An instant in the user's zone, to the minute; a dash for none."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M %Z}" if moment else "–"


def until(moment: datetime, now: datetime) -> str:
    """How far an instant is away, in the largest unit that fits: `in 3 days`, `2 hours ago`."""
    seconds = (moment - now).total_seconds()
    for name, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        count = round(abs(seconds) / size)
        if count >= 1:
            return f"in {counted(count, name)}" if seconds > 0 else f"{counted(count, name)} ago"
    return "now"


def instant(moment: datetime | None) -> str | None:
    """An instant as ISO 8601 with offset, None for none."""
    return moment.isoformat() if moment else None


def snowflake(value: int | None) -> str | None:
    """A Discord id as a string: JSON readers elsewhere lose its last digits."""
    return str(value) if value is not None else None


def check_object(report: CheckReport) -> dict[str, Any]:
    """The object that `codes check --json` writes."""
    return {
        "started_at": instant(report.started_at),
        "finished_at": instant(report.finished_at),
        "exit_code": report.exit_code,
        "dry_run": report.dry_run,
        "idle": report.idle,
        "guilds": report.guild_count,
        "uncertain": report.uncertain,
        "sources": [source_object(source) for source in report.sources],
        "deliveries": [delivery_object(delivery) for delivery in report.deliveries()],
        "seeded": [
            {"guild_id": snowflake(seed.guild_id), "game": seed.game, "codes": list(seed.codes)}
            for seed in report.seeded()
        ],
        "resting": [
            {
                "guild_id": snowflake(rest.guild_id),
                "owed": rest.owed,
                "reason": rest.reason,
                "since": instant(rest.since),
                "retry_at": instant(rest.retry_at),
            }
            for rest in report.resting()
        ],
        "disagreements": list(report.disagreements),
        "trouble": list(report.trouble),
        "notices": list(report.notices),
        "stopped": report.stopped,
    }


def delivery_object(delivery: DeliveryReport) -> dict[str, Any]:
    """One delivery as it stands in JSON."""
    return {
        "guild_id": snowflake(delivery.guild_id),
        "game": delivery.game,
        "destination": delivery.destination,
        "codes": list(delivery.codes),
        "result": delivery.result.value,
        "reason": delivery.reason,
        "delivery_id": delivery.delivery_id,
        "message_id": snowflake(delivery.message_id),
    }


def source_object(source: SourceReport) -> dict[str, Any]:
    """One source as it stands in JSON."""
    return {
        "name": source.name,
        "game": source.game,
        "outcome": source.outcome.value,
        "reason": source.reason,
        "count": source.count,
        "dropped": source.dropped,
        "listed_at": instant(source.listed_at),
        "changed_at": instant(source.changed_at),
        "failing_since": instant(source.failing_since),
        "waiting_until": instant(source.waiting_until),
    }


def guild_object(guild: GuildRecord, destination: str) -> dict[str, Any]:
    """One guild's settings as they stand in JSON; the destination holds no secret."""
    broken = guild.broken
    return {
        "guild_id": snowflake(guild.guild_id),
        "destination": destination,
        "games": list(guild.games),
        "mention_role_id": snowflake(guild.mention_role_id),
        "seeded": {game: list(sources) for game, sources in guild.seeded.items()},
        "announce_current": list(guild.announce_current),
        "broken": broken
        and {
            "since": instant(broken.since),
            "reason": broken.reason,
            "times": broken.times,
            "retry_at": instant(broken.retry_at),
        },
    }


def code_object(record: CodeRecord, verdict: str) -> dict[str, Any]:
    """Return what is known of one code as it stands in JSON; `verdict` is empty when it may go out."""
    return {
        "game": record.game,
        "key": record.key,
        "spelling": record.spelling,
        "spellings": {name: memory.spelling for name, memory in record.sources.items()},
        "sources": sorted(record.sources),
        "state": record.state,
        "rewards": record.rewards,
        "expires_at": instant(record.expires_at),
        "expiry_text": record.expiry_text,
        "regions": list(record.regions),
        "first_seen": instant(record.first_seen),
        "last_seen": instant(record.last_seen),
        "may_go_out": not verdict,
        "reason": verdict,
    }


def entry_object(entry: LedgerEntry) -> dict[str, Any]:
    """One ledger entry as it stands in JSON."""
    return {
        "guild_id": snowflake(entry.guild_id),
        "game": entry.game,
        "key": entry.key,
        "spelling": entry.spelling,
        "source": entry.source,
        "state": entry.state.value,
        "sent_at": instant(entry.sent_at),
        "created_at": instant(entry.created_at),
        "delivery_id": entry.delivery_id,
        "claimed_by": entry.claimed_by,
        "claimed_at": instant(entry.claimed_at),
        "message_id": snowflake(entry.message_id),
        "channel_id": snowflake(entry.channel_id),
    }


def good_lines(report: CheckReport) -> Iterator[str]:
    """Yield what a check brought about, a line each: for standard output."""
    for seed in report.seeded():
        codes = counted(len(seed.codes), "current code")
        verb = "would be recorded" if report.dry_run else "recorded"
        yield (
            f"guild {seed.guild_id}: {seed.game}: {codes} {verb}, not posted (first look);"
            f" to post them: giftping guilds add {seed.guild_id} … --announce-current"
        )
    for delivery in report.deliveries():
        if delivery.result in GOOD_RESULTS:
            yield delivery_line(delivery)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong, in words; `key` is the same in each run as long as it is the same trouble.

    `is_known` when an earlier run, or another host, has told of it already; `fields` are what it is about.
    """

    key: str
    line: str
    is_known: bool = False
    fields: Mapping[str, str] = field(default_factory=dict)


def troubles(report: CheckReport, zone: tzinfo | None) -> Iterator[Trouble]:
    """Everything that is wrong, whether or not it was told before."""
    yield from (Trouble(without_numbers(line), line) for line in report.trouble)
    for source in report.sources:
        if source.is_failing:
            is_first = source.failures == 1 and source.waiting_until is None
            line = f"source {source.name}: {source.reason}"
            yield Trouble(f"source {source.name}", line, not is_first, source_fields(source))
    for delivery in report.deliveries():
        if delivery.result not in GOOD_RESULTS and not delivery.everywhere:
            yield Trouble(
                _delivery_key(delivery), delivery_line(delivery), not delivery.told, _delivery_fields(delivery)
            )
    for reason, refused in report.refused_everywhere().items():
        line = delivery_line(refused[0]) if len(refused) == 1 else _refused_line(reason, refused)
        fields = {"outcome": DeliveryResult.REFUSED.value, "reason": reason}
        yield Trouble(f"everywhere {without_numbers(reason)}", line, fields=fields)
    for rest in report.resting():
        retry = f"tried again after {when(rest.retry_at, zone)}" if rest.retry_at else "not tried again"
        verb = "waits" if rest.owed == 1 else "wait"
        line = (
            f"guild {rest.guild_id}: {counted(rest.owed, 'code')} {verb} for a broken destination"
            f" ({rest.reason}; {retry}); mend it, then: giftping guilds test {rest.guild_id}"
        )
        fields = {"guild": str(rest.guild_id), "outcome": "waiting", "reason": rest.reason}
        yield Trouble(f"guild {rest.guild_id} broken", line, is_known=True, fields=fields)
    if report.standing_trouble:
        line = "earlier runs left a destination broken or codes uncertain: giftping guilds list, giftping codes settle"
        yield Trouble("standing", line, is_known=True)
    elif report.uncertain:
        line = f"{counted(report.uncertain, 'code')} uncertain; look into the channels, then: giftping codes settle"
        yield Trouble("standing", line, is_known=True)


def trouble_over(report: CheckReport, key: str) -> str:
    """Return in words that the trouble of a key is over, empty when this run did not show that."""
    sort, _, rest = key.partition(" ")
    if sort == "source":
        is_well = any(source.name == rest and not source.is_failing for source in report.sources)
        return f"{key}: answers again" if is_well else ""
    arrived = {
        one.guild_id for one in report.deliveries() if one.result in (DeliveryResult.SENT, DeliveryResult.SETTLED)
    }
    if sort == "everywhere":
        return "announcements go out again" if arrived else ""
    guild = rest.partition(" ")[0]
    return f"guild {guild}: announcements arrive again" if sort == "guild" and guild in map(str, arrived) else ""


def _delivery_key(delivery: DeliveryReport) -> str:
    if delivery.result is DeliveryResult.UNCERTAIN:
        return f"uncertain {delivery.delivery_id}"
    if delivery.result is DeliveryResult.UNCLEAR:
        # Why it cannot be found out is what a person can mend.
        return f"unclear {delivery.delivery_id} {without_numbers(delivery.reason)}"
    return f"guild {delivery.guild_id} {'broken' if delivery.broke else delivery.result.value}"


def without_numbers(line: str) -> str:
    """A line of trouble without how many and how long: it is the same trouble while these change."""
    import re

    return re.sub(r"\b\d+(\.\d+)? (s|members?|guilds?|codes?)\b", r"\2", line)


# Events, for logs


def check_events(report: CheckReport) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield what became of each code in each guild, with the level at which it is logged."""
    for seed in report.seeded():
        for code in seed.codes:
            fields = {"guild": str(seed.guild_id), "game": seed.game, "code": code, "outcome": "seeded"}
            yield "info", fields
    for delivery in report.deliveries():
        for code in delivery.codes:
            level = "info" if delivery.result in GOOD_RESULTS else "error"
            yield level, {**_delivery_fields(delivery), "code": code}


def source_fields(source: SourceReport) -> dict[str, str]:
    """Return what a log says of a source."""
    fields = {"source": source.name, "game": source.game, "outcome": source.outcome.value, "reason": source.reason}
    return {name: value for name, value in fields.items() if value}


def _delivery_fields(delivery: DeliveryReport) -> dict[str, str]:
    fields = {
        "guild": str(delivery.guild_id),
        "game": delivery.game,
        "code": ", ".join(delivery.codes),
        "outcome": delivery.result.value,
        "reason": delivery.reason,
        "destination": delivery.destination,
        "delivery": delivery.delivery_id,
        "message_id": "" if delivery.message_id is None else str(delivery.message_id),
    }
    return {name: value for name, value in fields.items() if value}


# Texts


def _refused_line(reason: str, refused: Sequence[DeliveryReport]) -> str:
    guilds = counted(len({delivery.guild_id for delivery in refused}), "guild")
    codes = sum(len(delivery.codes) for delivery in refused)
    return f"{guilds}: refused ({reason}): {counted(codes, 'code')} in all; they go out in a later run"


def delivery_line(delivery: DeliveryReport) -> str:
    """One line about one delivery: for whom, how it ended, what follows."""
    to = f" {_TOWARDS.get(delivery.result, 'to')} {delivery.destination}" if delivery.destination else ""
    reason = f" ({delivery.reason})" if delivery.reason else ""
    said = f"{_SAID[delivery.result]}{to}{reason}: {', '.join(delivery.codes)}"
    return f"guild {delivery.guild_id}: {delivery.game}: {said}{_next_step(delivery)}"


_SAID = {
    DeliveryResult.SENT: "sent",
    DeliveryResult.SETTLED: "already there, now recorded as sent",
    DeliveryResult.REFUSED: "refused",
    DeliveryResult.UNCLEAR: "unclear whether it arrived",
    DeliveryResult.UNCERTAIN: "uncertain, nobody can tell whether it arrived",
    DeliveryResult.RELEASED: "taken off the ledger",
    DeliveryResult.PLANNED: "would be sent",
    DeliveryResult.TAKEN: "left alone",
}

_TOWARDS = {
    DeliveryResult.REFUSED: "by",
    DeliveryResult.UNCLEAR: "at",
    DeliveryResult.UNCERTAIN: "at",
    DeliveryResult.TAKEN: "at",
}


def _next_step(delivery: DeliveryReport) -> str:
    match delivery.result:
        case DeliveryResult.UNCERTAIN:
            return (
                f"; look into the channel, then: giftping codes settle --guild {delivery.guild_id} --sent, or --resend"
            )
        case DeliveryResult.UNCLEAR:
            return "; the next run looks for it"
        case DeliveryResult.REFUSED:
            return "; it goes out in a later run"
        case _:
            return ""


def counted(count: int, noun: str) -> str:
    """A number with its noun: `1 guild`, `3 guilds`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def summary_line(report: CheckReport) -> str:
    """One line about a run that had nothing to say, for a person at a terminal."""
    if not report.guild_count:
        return "No guilds yet. Add one: giftping guilds add GUILD_ID --webhook env:NAME"
    outcomes = _by_outcome(report.sources)
    return f"Nothing new: {outcomes or 'no sources'}; {counted(report.guild_count, 'guild')}."


def _by_outcome(sources: Iterable[SourceReport]) -> str:
    counts: dict[str, int] = {}
    for source in sources:
        counts[source.outcome.value] = counts.get(source.outcome.value, 0) + 1
    return ", ".join(f"{counted(count, 'source')} {outcome.replace('_', ' ')}" for outcome, count in counts.items())
