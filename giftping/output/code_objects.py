"""The JSON objects of checks, sources, guilds, codes and ledger entries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from giftping.output.json import id_text, instant
from giftping.text import key_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from giftping.codes.entries import Held
    from giftping.codes.gather import SourceReport
    from giftping.codes.report import CheckReport, DeliveryReport
    from giftping.discord.meanings import Meaning
    from giftping.store.base import CodeRecord, GuildRecord, LedgerEntry


def check_object(report: CheckReport, exit_code: int) -> dict[str, Any]:
    """The object that `codes check --json` writes; the run ends in the exit code."""
    return {
        "started_at": instant(report.started_at),
        "finished_at": instant(report.finished_at),
        "exit_code": exit_code,
        "dry_run": report.dry_run,
        "idle": report.idle,
        "guilds": report.guild_count,
        "uncertain": report.uncertain,
        "broken": report.broken,
        "sources": [source_object(source) for source in report.sources],
        "deliveries": [delivery_object(delivery) for delivery in report.deliveries()],
        "seeded": [
            {"guild_id": id_text(seed.guild_id), "game": seed.game, "codes": list(seed.codes)}
            for seed in report.seeded()
        ],
        "resting": [
            {
                "guild_id": id_text(rest.guild_id),
                "owed": rest.owed,
                "reason": rest.reason,
                "since": instant(rest.since),
                "retry_at": instant(rest.retry_at),
                **meaning_object(rest.meaning),
            }
            for rest in report.resting()
        ],
        "missed": [
            {
                "guild_id": id_text(missed.guild_id),
                "game": missed.game,
                "code": missed.spelling,
                "ended": missed.ended,
                "reason": missed.reason,
            }
            for missed in report.missed
        ],
        "disagreements": list(report.disagreements),
        "trouble": list(report.trouble),
        "notices": list(report.notices),
        "stopped": report.stopped,
    }


def delivery_object(delivery: DeliveryReport) -> dict[str, Any]:
    """One delivery as it stands in JSON."""
    return {
        "guild_id": id_text(delivery.guild_id),
        "game": delivery.game,
        "destination": delivery.destination,
        "codes": list(delivery.codes),
        "result": delivery.result.value,
        "reason": delivery.reason,
        "delivery_id": delivery.delivery_id,
        "message_id": id_text(delivery.message_id),
        "retry_at": instant(delivery.retry_at),
        **meaning_object(delivery.meaning),
    }


def meaning_object(meaning: Meaning | None) -> dict[str, Any]:
    """What a no of Discord's means, as part of an object: nulls and an empty text where there was none."""
    if meaning is None:
        return {"kind": None, "who": None, "mend": ""}
    return {"kind": meaning.kind.value, "who": meaning.who.value if meaning.who else None, "mend": meaning.mend}


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
    from giftping.codes.broken_destination import meaning_of_broken

    broken = guild.broken
    return {
        "guild_id": id_text(guild.guild_id),
        "destination": destination,
        "games": list(guild.games),
        "mention_role_id": id_text(guild.mention_role_id),
        "seeded": {game: list(sources) for game, sources in guild.seeded.items()},
        "announce_current": list(guild.announce_current),
        "broken": broken
        and {
            "since": instant(broken.since),
            "reason": broken.reason,
            "times": broken.times,
            "retry_at": instant(broken.retry_at),
            **meaning_object(meaning_of_broken(guild)),
        },
    }


def code_object(record: CodeRecord, verdict: str) -> dict[str, Any]:
    """One code of the memory as it stands in JSON; `verdict` is empty when it may go out."""
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
        "guild_id": id_text(entry.guild_id),
        "game": entry.game,
        "key": entry.key,
        "spelling": entry.spelling,
        "source": entry.source,
        "state": entry.state.value,
        "sent_at": instant(entry.sent_at),
        "created_at": instant(entry.created_at),
        "delivery_id": entry.delivery_id,
        "message_id": id_text(entry.message_id),
        "channel_id": id_text(entry.channel_id),
    }


def open_objects(held: Held, ids: Collection[str]) -> list[dict[str, Any]]:
    """The codes of an open delivery that are meant, as they stand in JSON."""
    said, delivery = held.spellings_by_id(), held.delivery
    return [
        {
            "guild_id": id_text(delivery.guild_id),
            "game": delivery.game,
            "key": key_of(said[id_]),
            "spelling": said[id_],
            "state": delivery.state.value,
            "reason": delivery.reason,
            "delivery_id": delivery.id,
            "host": delivery.holder.host,
            "since": instant(delivery.since),
            "channel_id": id_text(delivery.channel_id),
        }
        for id_ in delivery.entries
        if id_ in ids
    ]
