"""The JSON objects of checks, sources, guilds, codes and ledger entries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from giftping.output.json import clock_object, id_text, instant
from giftping.store.base import NOT_RECORDED
from giftping.text import key_of

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import timedelta

    from giftping.codes.entries import Held
    from giftping.codes.gather import SourceReport
    from giftping.codes.holds import JudgingRules
    from giftping.codes.report import CheckReport, DeliveryReport, EditReport, HeldReport, PublishReport
    from giftping.codes.timeline import Episode
    from giftping.discord.meanings import Meaning
    from giftping.store.base import CodeRecord, LedgerEntry, Subscription


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
        "refused": [{"game": one.game, "code": one.spelling, "reason": one.reason} for one in report.refused],
        "held": [{**held_object(one), "new": one.is_new} for one in report.held],
        "released": [held_object(one) for one in report.released],
        "edits": [edit_object(edit) for edit in report.edits],
        "edits_left": report.edits_left,
        "published": [published_object(one) for one in report.published],
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
        "clock": clock_object(report.clock),
        "trouble": list(report.trouble),
        "notices": list(report.notices),
        "stopped": report.stopped,
    }


def held_object(held: HeldReport) -> dict[str, Any]:
    """A code that is held, or was, as it stands in JSON."""
    return {
        "game": held.game,
        "code": held.spelling,
        "source": held.source,
        "reason": held.reason,
        "since": instant(held.since),
        "until": instant(held.until),
    }


def edit_object(edit: EditReport) -> dict[str, Any]:
    """One message that was to be put right, as it stands in JSON."""
    return {
        "guild_id": id_text(edit.guild_id),
        "game": edit.game,
        "message_id": id_text(edit.message_id),
        "codes": [{"code": spelling, "shows": shows} for spelling, shows in edit.changes],
        "result": edit.result.value,
        "reason": edit.reason,
    }


def published_object(one: PublishReport) -> dict[str, Any]:
    """One message that was to be published, as it stands in JSON."""
    return {
        "guild_id": id_text(one.guild_id),
        "game": one.game,
        "channel_id": id_text(one.channel_id),
        "message_id": id_text(one.message_id),
        "result": one.result.value,
        "reason": one.reason,
        "mend": one.mend,
        "retry_at": instant(one.retry_at),
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


def subscription_object(
    subscription: Subscription, destination: str, name: str | None = None, *, change: str
) -> dict[str, Any]:
    """One subscription as it stands in JSON; the destination holds no secret, and `name` is what Discord calls it.

    `change` begins the command that changes the destination.
    """
    from giftping.delivery.broken_destination import meaning_of_broken

    broken, posting = subscription.broken, subscription.posting
    return {
        "game": subscription.game,
        "destination": destination,
        "destination_name": name,
        "mentions": list(subscription.mentions),
        "style": subscription.style.value,
        "seeded": None if subscription.seeded is None else list(subscription.seeded),
        "announce_current": subscription.announce_current,
        "posting": {
            "kind": posting.kind and posting.kind.value,
            "posts": posting.posts and posting.posts.value,
            "tags": list(posting.tags),
            "publishes": posting.publishes,
            "username": posting.username or None,
            "avatar_url": posting.avatar_url or None,
        },
        "kept_post": id_text(subscription.kept_post),
        "broken": broken
        and {
            "since": instant(broken.since),
            "reason": broken.reason,
            "times": broken.times,
            "retry_at": instant(broken.retry_at),
            **meaning_object(meaning_of_broken(broken, by_webhook=subscription.destination.by_webhook).said_of(change)),
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
        "added_by_guilds": [id_text(guild_id) for guild_id in record.own],
        "for_all": record.is_for_all,
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
        "shown": entry.shown,
        "edited_at": instant(entry.edited_at),
        "host": entry.host,
        "edited_by": entry.edited_by,
    }


def timeline_object(event: Episode) -> dict[str, Any]:
    """One thing that happened to a code, as it stands in JSON."""
    return {
        "at": None if event.at == NOT_RECORDED else instant(event.at),
        "what": event.what.value,
        "said": event.said,
        "game": event.game,
        "source": event.source,
        "guild_id": id_text(event.guild_id),
        "host": event.host,
        "link": event.link,
    }


def judging_object(rules: JudgingRules, games: Collection[str]) -> dict[str, Any]:
    """The settings by which codes of these games are judged, as they stand in JSON."""
    from giftping.settings.durations import duration_text

    def span(value: timedelta | None) -> str | None:
        return None if value is None else duration_text(value)

    return {
        "skipped_regions": sorted(rules.skipped_regions),
        "games": {
            slug: {
                "code_pattern": game.code_pattern,
                "shares_codes": list(game.shares_codes),
                "hold_above": game.hold_above,
                "ask_above": game.ask_above,
                "hold_for": span(game.hold_for),
                "confirm": game.confirm,
                "reissue_after": span(game.reissue_after),
            }
            for slug, game in rules.games.items()
            if slug in games
        },
        "sources": {
            name: {
                "family": source.upstream,
                "trusted": source.trusted,
                "hold_above": source.hold_above,
                "ask_above": source.ask_above,
                "hold_for": span(source.hold_for),
            }
            for name, source in rules.sources.items()
            if source.game in games
        },
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
