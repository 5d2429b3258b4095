"""Why a code was, or was not, announced in a guild. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from giftping.codes.guards import verdict
from giftping.codes.model import Code, SightingState
from giftping.codes.plan import is_resting
from giftping.store.base import CodeRecord, EntryState, GuildRecord, LedgerEntry


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer in one sentence, and the steps that led to it, in order."""

    answer: str
    steps: tuple[str, ...]


def code_of(record: CodeRecord) -> Code:
    """Return the code that a record remembers."""
    return Code(
        game=record.game,
        key=record.key,
        spelling=record.spelling,
        sources=tuple(sorted(record.sources)),
        spellings={name: memory.spelling for name, memory in record.sources.items()},
        rewards=record.rewards,
        expires_at=record.expires_at,
        expiry_text=record.expiry_text,
        state=SightingState(record.state or SightingState.UNSTATED),
        regions=record.regions,
    )


def explain(
    key: str,
    guild: GuildRecord | None,
    records: Sequence[CodeRecord],
    entries: Sequence[LedgerEntry],
    *,
    now: datetime,
    skipped_regions: frozenset[str],
) -> Explanation:
    """Return why the guild did or did not get the code."""
    steps = [_sighting_step(record) for record in records] or ["no source has listed it, and nobody added it"]
    if entries:
        entry = entries[0]
        return Explanation(f"{entry.spelling} {_ENTRY_SAYS[entry.state]}.", (*steps, _entry_step(entry)))
    if guild is None:
        return Explanation(f"{key} was not announced: the guild is not known.", (*steps, "giftping guilds list"))
    followed = [record for record in records if record.game in guild.games]
    if not followed:
        reason = "the guild does not follow its game" if records else "no source lists it"
        return Explanation(
            f"{key} was not announced: {reason}.", (*steps, f"the guild follows {', '.join(guild.games)}")
        )
    judged = verdict(code_of(followed[0]), now, skipped_regions)
    if not judged.may_go_out:
        return Explanation(f"{key} was not announced: {judged.reason}.", (*steps, "it may not go out"))
    if is_resting(guild, now) and guild.broken is not None:
        reason = f"the guild's destination is broken ({guild.broken.reason})"
        return Explanation(f"{key} waits: {reason}.", (*steps, f"mend it, then: giftping guilds test {guild.guild_id}"))
    return Explanation(f"{key} goes out with the next check.", (*steps, "the ledger holds nothing of it yet"))


_ENTRY_SAYS = {
    EntryState.SENT: "was announced",
    EntryState.SEEDED: "was not posted: it was there at the guild's first look",
    EntryState.CLAIMED: "is on its way, or a run was cut short: the next check looks for it",
    EntryState.UNCERTAIN: "is uncertain: nobody can tell whether it arrived",
}


def _sighting_step(record: CodeRecord) -> str:
    sources = ", ".join(f"{name} ({memory.spelling})" for name, memory in sorted(record.sources.items()))
    expiry = f", valid until {record.expires_at:%Y-%m-%d %H:%M} UTC" if record.expires_at else ""
    return f"{record.game}: listed by {sources}, first on {record.first_seen:%Y-%m-%d %H:%M} UTC{expiry}"


def _entry_step(entry: LedgerEntry) -> str:
    moment = entry.sent_at or entry.updated_at
    parts = [f"ledger: {entry.state.value} on {moment:%Y-%m-%d %H:%M:%S} UTC", f"source {entry.source}"]
    if entry.message_id is not None:
        parts.append(f"message {entry.message_id}")
    if entry.claimed_by:
        parts.append(f"by {entry.claimed_by}")
    if entry.delivery_id:
        parts.append(f"delivery {entry.delivery_id}")
    return ", ".join(parts)
