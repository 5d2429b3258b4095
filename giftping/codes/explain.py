"""Why a code was, or was not, announced in a guild, in a sentence, and what there is to do. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from giftping.codes.guards.refusals import clearance
from giftping.codes.holds import JudgingRules, code_of, commands_for, freed_at, remembered_clearance
from giftping.codes.owed import Owed
from giftping.codes.places import meaning_told
from giftping.codes.plan import Listed, plan_for
from giftping.codes.scope import own_code, seen_by
from giftping.codes.subscriptions import change_of
from giftping.delivery.broken_destination import is_resting, meaning_of_broken
from giftping.delivery.deliveries import Delivery, DeliveryState
from giftping.delivery.retries import is_left_alone
from giftping.settings.sources import MANUAL_SOURCE
from giftping.store.base import CodeRecord, EntryState, LedgerEntry, Subscription, entry_id
from giftping.text import to_type


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a code was, or was not, announced."""

    answer: str
    """One sentence."""
    steps: tuple[str, ...]
    """What there is to do, or to know, about it."""


def explain(
    key: str,
    subscriptions: Sequence[Subscription],
    records: Sequence[CodeRecord],
    entries: Sequence[LedgerEntry],
    *,
    listed: Collection[tuple[str, str]],
    now: datetime,
    when: Callable[[datetime], str],
    rules: JudgingRules,
    owed: Mapping[str, Owed] = MappingProxyType({}),
    missed: Sequence[Owed] = (),
    deliveries: Mapping[str, Delivery] = MappingProxyType({}),
    held_back: str = "",
) -> Explanation:
    """Why the guild whose subscriptions these are did or did not get the code.

    `listed` are the game and key of whatever sources list now; `when` writes an instant for the reader; `owed` is by
    game what the guild is owed of the code, `missed` what it was until that had ended; `deliveries` are those that have
    not come to their end, by id; `held_back` is why nothing is sent now.
    """
    listed_for = {game for game, listed_key in listed if listed_key == key}
    steps = [] if records or listed_for else ["no source has listed it, and nobody added it"]
    # What went out of an earlier round says nothing of this one.
    rounds = {record.game: record.number for record in records}
    entries = [entry for entry in entries if entry.number >= rounds.get(entry.game, 1)]
    carried = {entry.id: deliveries.get(entry.delivery_id) for entry in entries}
    unclear = [one for one in carried.values() if one is not None and one.state is DeliveryState.UNCLEAR]
    if unclear:
        guild_id = unclear[0].guild_id
        sent, resend = (to_type("codes", "settle", str(guild_id), what) for what in ("--sent", "--resend"))
        steps.append(f"look into the channel, then: {sent} or {resend}")
    if entries:
        said = "; ".join(
            f"{entry.spelling} {_entry_says(entry, carried[entry.id])}{_of_game(entry, entries)}" for entry in entries
        )
        return Explanation(f"{said}.", tuple(steps))
    if not subscriptions:
        return Explanation(f"{key} was not announced: the guild is not known.", (*steps, "see: giftping guilds list"))
    followed = {one.game: one for one in subscriptions}
    guild_id = subscriptions[0].guild_id
    records = [seen for record in records if (seen := seen_by(record, guild_id)) is not None]
    if rounds and not records:
        reason = "the people of another guild have added it for themselves, and no source lists it"
        return Explanation(f"{key} was not announced: {reason}.", tuple(steps))
    record = next((record for record in records if record.game in followed), None)
    steps.append(f"the guild follows {', '.join(followed)}")
    if record is None:
        if not records and not followed.keys().isdisjoint(listed_for):
            # The last run has seen it, and was held back before it took note of it.
            goes = f"waits: {held_back}" if held_back else "is looked at by the next check."
            return Explanation(f"{key} {goes}", tuple(steps))
        reason = "the guild does not follow its game" if records else "no source lists it"
        return Explanation(f"{key} was not announced: {reason}.", tuple(steps))
    subscription, of_game = followed[record.game], owed.get(record.game)
    change = change_of(subscription.key, subscriptions)
    if of_game is not None and (mend := meaning_told(subscription, of_game.reason).said_of(change).mend):
        steps.append(mend)
    goes = "goes out with the next check."
    if held_back:
        goes = f"waits: {held_back}"
    elif of_game is not None and of_game.retry_at and is_left_alone(of_game.retry_at, now):
        test = f"giftping guilds test {subscription.guild_id}"
        goes = f"is tried again after {when(of_game.retry_at)}; at once: {test}."
    id_ = entry_id(guild_id, record.game, record.key, record.number)
    last = max((one for one in missed if one.id == id_ and one.over_at), key=lambda one: str(one.over_at), default=None)
    answer = _open_answer(
        record, subscription, listed, now, rules, when, last, change=change, is_owed=of_game is not None, goes=goes
    )
    return Explanation(answer, tuple(steps))


def _open_answer(
    record: CodeRecord,
    subscription: Subscription,
    listed: Collection[tuple[str, str]],
    now: datetime,
    rules: JudgingRules,
    when: Callable[[datetime], str],
    missed: Owed | None,
    *,
    change: str,
    is_owed: bool,
    goes: str,
) -> str:
    code, judged = code_of(record), remembered_clearance(record, now, rules)
    own = own_code(record, subscription.guild_id)
    if own is not None and (judged.held_by or not record.is_for_all):
        # Its own people's word is enough for a guild, as it is.
        code, judged = own, clearance(own, now, rules.skipped_regions, rules.games)
    if judged.held_by:
        ends = when(judged.held_until) if judged.held_until else "a person, or a second family, says so"
        said = f"{code.spelling} is held until {ends}: {judged.reason} (source {judged.held_by})"
        return f"{said}; {commands_for(code=code)}."
    broken, by_webhook = subscription.broken, subscription.destination.by_webhook
    if not judged.may_go_out:
        return f"{code.spelling} was not announced: {judged.reason}{_missed_says(missed, when)}."
    is_listed = MANUAL_SOURCE in code.sources or own is not None or (record.game, record.key) in listed
    if not is_listed and not is_owed:
        return f"{code.spelling} was not announced: no source lists it any more{_missed_says(missed, when)}."
    if broken is not None and is_resting(broken, now, by_webhook=by_webhook):
        meaning, retry_at = meaning_of_broken(broken, by_webhook=by_webhook).said_of(change), broken.retry_at
        retry = f"tried again after {when(retry_at)}" if retry_at else "not tried again by itself"
        mend = f"{meaning.mend or 'mend it'}, then: giftping guilds test {subscription.guild_id} ({retry})"
        return f"{code.spelling} waits: the guild's destination is broken ({broken.reason}); {mend}"
    if is_owed:
        return f"{code.spelling} was refused, and {goes}"
    by_hand = record.sources.get(MANUAL_SOURCE)
    sources = frozenset(code.sources) - {MANUAL_SOURCE}
    added = {record.key: by_hand.first_seen} if by_hand else {}
    freed = {record.key: at} if (at := freed_at(record)) is not None else {}
    of_guild = {} if own is None else {record.key: own}
    of_game = Listed(record.game, (code,), sources, sources, added, freed=freed)
    if plan_for(subscription, of_game, (), (), of_guild).seed:
        return f"{code.spelling} is not posted: it was there before the guild's first look, which is still to come."
    return f"{code.spelling} {goes}"


def _missed_says(missed: Owed | None, when: Callable[[datetime], str]) -> str:
    """Why it had not gone out before, where it was refused until it ended."""
    return "" if missed is None else f"; until then, since {when(missed.since)}, it was refused: {missed.reason}"


_ENTRY_SAYS = {
    EntryState.SENT: "was announced",
    EntryState.SEEDED: "was not posted: it was there at the guild's first look",
    EntryState.OPEN: "is on its way, or a run was cut short: the next check looks for it",
}

_DELIVERY_SAYS = {
    DeliveryState.UNCLEAR: "is uncertain: nobody can tell whether it arrived",
    DeliveryState.CLOSED: "was given up: nobody can tell any more whether it arrived",
}


def _entry_says(entry: LedgerEntry, delivery: Delivery | None) -> str:
    said = _DELIVERY_SAYS.get(delivery.state) if delivery and entry.state is EntryState.OPEN else None
    return said or _ENTRY_SAYS[entry.state]


def _of_game(entry: LedgerEntry, entries: Sequence[LedgerEntry]) -> str:
    return f" ({entry.game})" if len(entries) > 1 else ""
