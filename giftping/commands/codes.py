"""What the `giftping codes` commands do, but for `codes check`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from giftping.codes.report import DeliveryResult
from giftping.commands.session import EXIT_FINE, EXIT_TROUBLE, Session, UsageError
from giftping.output import (
    code_object,
    counted,
    delivery_line,
    delivery_object,
    entry_object,
    instant,
    snowflake,
    when,
)
from giftping.store.base import CodeRecord, EntryState, LedgerEntry, SourceMemory
from giftping.wiring import utc_now

if TYPE_CHECKING:
    from giftping.codes.report import DeliveryReport


def list_codes(session: Session, game: str | None, *, everything: bool) -> int:
    """List what is known of codes: the ones that may go out now, or all."""
    from giftping.codes.explain import code_of
    from giftping.codes.guards import verdict

    session.check_game(game)
    skipped = frozenset(session.settings.codes.skipped_regions)
    now = utc_now()
    with session.store(read_only=True) as store:
        records = store.codes(game)
    judged = [(record, verdict(code_of(record), now, skipped).reason) for record in records]
    shown = [(record, reason) for record, reason in judged if everything or not reason]
    session.give({"codes": [code_object(record, reason) for record, reason in shown]})
    if not shown:
        hidden = f"No code may go out; --all shows the {len(judged)} that may not, and why."
        session.tell(hidden if judged else "No codes known yet: giftping codes check looks for them.")
        return EXIT_FINE
    _show_codes(session, shown)
    return EXIT_FINE


def _show_codes(session: Session, shown: list[tuple[CodeRecord, str]]) -> None:
    from giftping.render import table

    zone = session.house.zone
    rows: dict[str, list[list[str]]] = {}
    for record, reason in shown:
        valid = f"until {when(record.expires_at, zone)}" if record.expires_at else "valid"
        sources = ", ".join(sorted(record.sources))
        first_seen = f"{record.first_seen.astimezone(zone):%Y-%m-%d}"
        rows.setdefault(record.game, []).append([record.spelling, reason or valid, sources, first_seen])
    for number, (game, of_game) in enumerate(sorted(rows.items())):
        title = f"{game}: {counted(len(of_game), 'code')}"
        session.show(*[""] * min(number, 1), table(title, ["Code", "State", "Sources", "First seen"], of_game))


def add_code(session: Session, spelling: str, game: str, *, rewards: str, expires_at: datetime | None) -> int:
    """Record a code by hand, to go out with the next check."""
    from giftping.codes.guards import clean_text, verdict
    from giftping.codes.model import MANUAL_SOURCE, Code, key_of

    session.check_game(game)
    now = utc_now()
    spelling = spelling.strip()
    judged = verdict(Code(game, key_of(spelling), spelling, (MANUAL_SOURCE,), expires_at=expires_at), now, frozenset())
    if not judged.may_go_out:
        raise UsageError(f"{spelling!r} cannot be added: {judged.reason}")
    record = CodeRecord(
        game=game,
        key=key_of(spelling),
        spelling=spelling,
        first_seen=now,
        last_seen=now,
        sources={MANUAL_SOURCE: SourceMemory(spelling, now, now)},
        rewards=clean_text(rewards),
        expires_at=expires_at,
    )
    with session.store() as store:
        followers = sum(game in guild.games for guild in store.guilds())
        store.remember([record])
    session.give({"code": code_object(record, ""), "guilds": followers})
    follow = f"{counted(followers, 'guild')} {'follows' if followers == 1 else 'follow'} the game"
    session.tell(f"{spelling} added for {game}: the next check announces it where it was not yet ({follow}).")
    return EXIT_FINE


@dataclass(frozen=True, slots=True)
class LedgerStatistics:
    """What the ledger holds, of one guild or of all. The same fields whether there is anything or not."""

    total: int
    last: LedgerEntry | None
    states: dict[str, int]
    sources: dict[str, int]
    games: dict[str, int]
    days: dict[str, int]


def statistics(entries: list[LedgerEntry], zone: Any) -> LedgerStatistics:
    """Return the numbers of some ledger entries; days are those on which codes were sent, in the given zone."""
    sent = [entry for entry in entries if entry.state is EntryState.SENT]
    last = max(sent, key=lambda entry: (entry.sent_at or entry.updated_at, entry.id), default=None)
    days = Counter(f"{(entry.sent_at or entry.updated_at).astimezone(zone):%Y-%m-%d}" for entry in sent)
    return LedgerStatistics(
        total=len(sent),
        last=last,
        states={state.value: sum(entry.state is state for entry in entries) for state in EntryState},
        sources=dict(Counter(entry.source for entry in sent).most_common()),
        games=dict(Counter(entry.game for entry in sent).most_common()),
        days=dict(sorted(days.items())),
    )


def stats(session: Session, guild_id: int | None) -> int:
    """Show what the ledger holds."""
    with session.store(read_only=True) as store:
        numbers = statistics(list(store.entries(guild_id)), session.house.zone)
    session.give(
        {
            "guild_id": snowflake(guild_id),
            "total": numbers.total,
            "last_code": numbers.last.spelling if numbers.last else None,
            "last_sent_at": instant(numbers.last.sent_at) if numbers.last else None,
            "states": numbers.states,
            "sources": numbers.sources,
            "games": numbers.games,
            "days": numbers.days,
        }
    )
    if not (session.quiet or session.json):
        _show_stats(session, guild_id, numbers)
    return EXIT_FINE


def _show_stats(session: Session, guild_id: int | None, numbers: LedgerStatistics) -> None:
    from giftping.render import bars, facts

    last = numbers.last
    pairs = [
        ("Guild", str(guild_id) if guild_id is not None else "all"),
        ("Codes sent", str(numbers.total)),
        ("Last code", f"{last.spelling}, {when(last.sent_at, session.house.zone)}" if last else "–"),
        ("By source", _listed(numbers.sources)),
        ("By game", _listed(numbers.games)),
        ("Not posted", f"{numbers.states['seeded']} were there at the first look"),
        ("Open", f"{numbers.states['claimed']} claimed, {numbers.states['uncertain']} uncertain"),
    ]
    session.show(facts(pairs))
    if numbers.days:
        session.show("", bars(list(numbers.days.items())[-14:]))
    if numbers.states["uncertain"]:
        session.tell("\nSettle the uncertain ones: giftping codes settle")


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "–"


def clear(session: Session, guild_id: int, code: str | None, game: str | None, *, yes: bool) -> int:
    """Forget what went to a guild, so that what is still listed goes out again."""
    from giftping.codes.model import key_of

    session.check_game(game)
    key = key_of(code) if code else None
    with session.store(read_only=True) as store:
        found = [entry for entry in store.entries(guild_id) if key in (None, entry.key) and game in (None, entry.game)]
    if not found:
        session.give({"guild_id": snowflake(guild_id), "cleared": 0})
        session.tell(f"The ledger holds nothing of the kind for guild {guild_id}.")
        return EXIT_FINE
    entries = "1 ledger entry" if len(found) == 1 else f"{len(found)} ledger entries"
    question = (
        f"Forget {entries} of guild {guild_id}? Those still listed as valid are announced again by the next check."
    )
    if not yes and not session.confirm(question):
        raise UsageError("nothing was cleared; say --yes to clear without being asked")
    with session.store() as store:
        cleared = store.clear(guild_id, game=game, key=key)
    session.give({"guild_id": snowflake(guild_id), "cleared": cleared})
    session.tell(f"{cleared} {'entry' if cleared == 1 else 'entries'} cleared for guild {guild_id}.")
    return EXIT_FINE


def explain(session: Session, code: str, guild_id: int) -> int:
    """Say why a code was, or was not, announced in a guild."""
    from giftping.checking import listed_now
    from giftping.codes.explain import code_of
    from giftping.codes.explain import explain as explained
    from giftping.codes.guards import verdict
    from giftping.codes.model import key_of

    key = key_of(code)
    skipped = frozenset(session.settings.codes.skipped_regions)
    now = utc_now()
    with session.store(read_only=True) as store:
        guild = store.guild(guild_id)
        records = [record for record in store.codes() if record.key == key]
        games = {record.game for record in records} | set(guild.games if guild else ())
        entries = [entry for game in sorted(games) if (entry := store.entry(guild_id, game, key))]
    zone = session.house.zone
    explanation = explained(
        key,
        guild,
        records,
        entries,
        listed=listed_now(session.settings),
        now=now,
        when=lambda moment: when(moment, zone),
        skipped_regions=skipped,
    )
    session.give(
        {
            "guild_id": snowflake(guild_id),
            "key": key,
            "answer": explanation.answer,
            "steps": list(explanation.steps),
            "codes": [code_object(record, verdict(code_of(record), now, skipped).reason) for record in records],
            "entries": [entry_object(entry) for entry in entries],
        }
    )
    session.tell(explanation.answer)
    for step in explanation.steps:
        session.tell(f"  {step}")
    return EXIT_FINE


def settle(session: Session, guild_id: int | None, code: str | None, *, sent: bool, resend: bool) -> int:
    """Settle what is uncertain: by looking again, by what the user says on the command line, or by asking."""
    from giftping.checking import look_again
    from giftping.codes.model import key_of

    if sent and resend:
        raise UsageError("--sent and --resend contradict each other")
    if (sent or resend) and guild_id is None:
        raise UsageError("say of which guild: --guild ID")
    key = key_of(code) if code else None
    reports = [] if sent or resend else look_again(session.house, guild_id)
    with session.store() as store:
        left = [entry for entry in store.entries(guild_id, (EntryState.UNCERTAIN,)) if key in (None, entry.key)]
        decided = {entry.id: _decision(session, entry, sent=sent, resend=resend) for entry in left}
        now = utc_now()
        for entry in left:
            if decided[entry.id] == "sent":
                store.mark_sent(entry.delivery_id, [entry.id], message_id=None, channel_id=entry.channel_id, at=now)
            elif decided[entry.id] == "resend":
                store.release(entry.delivery_id, [entry.id])
    open_ones = [entry for entry in left if decided[entry.id] == "open"]
    session.give(
        {
            "looked": [delivery_object(report) for report in reports],
            "decided": [
                {**entry_object(entry), "decision": decided[entry.id]} for entry in left if decided[entry.id] != "open"
            ],
            "uncertain": [entry_object(entry) for entry in open_ones],
        }
    )
    _tell_settled(session, reports, left, decided)
    unclear = any(report.result is DeliveryResult.UNCLEAR for report in reports)
    return EXIT_TROUBLE if open_ones or unclear else EXIT_FINE


def _decision(session: Session, entry: LedgerEntry, *, sent: bool, resend: bool) -> str:
    if sent or resend:
        return "sent" if sent else "resend"
    if not session.at_terminal or session.quiet:
        return "open"
    moment = entry.claimed_at or entry.created_at
    where = f"guild {entry.guild_id}: {entry.spelling} ({entry.game}, {when(moment, session.house.zone)})"
    if session.confirm(f"{where}\nLook into the channel. Is the message there?"):
        return "sent"
    return "resend" if session.confirm("Then post it again with the next check?") else "open"


def _tell_settled(
    session: Session, reports: list[DeliveryReport], left: list[LedgerEntry], decided: dict[str, str]
) -> None:
    for report in reports:
        session.tell(delivery_line(report))
    said = {"sent": "recorded as sent", "resend": "goes out again with the next check"}
    for entry in left:
        if decided[entry.id] in said:
            session.tell(f"guild {entry.guild_id}: {entry.game}: {entry.spelling}: {said[decided[entry.id]]}")
    if not reports and not left:
        session.tell("Nothing is uncertain.")
