"""What the `giftping codes` commands do, but for `codes check`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from giftping.commands.session import Session
from giftping.errors import EXIT_FINE, UsageError
from giftping.output.code_objects import code_object, entry_object
from giftping.output.json import id_text, instant
from giftping.settings.problems import nearest
from giftping.store.base import CodeRecord, EntryState, SourceMemory
from giftping.store.clears import clear_entries, clears_of
from giftping.text import counted, key_of, verb_for, when
from giftping.wiring import utc_now

if TYPE_CHECKING:
    from giftping.store.statistics import LedgerStatistics

BARS = 14
"""How many periods the chart of `codes stats` shows, the latest ones."""


def list_codes(session: Session, game: str | None, *, everything: bool, guild_id: int | None = None) -> int:
    """List what is known of codes: the ones that may go out now, or all.

    With a guild, and without a game, those of the games that it follows; of all games where it follows none.
    """
    from giftping.codes.explain import code_of
    from giftping.codes.guards import clearance

    session.check_game(game)
    skipped = frozenset(session.settings.codes.skipped_regions)
    now = utc_now()
    with session.store(read_only=True) as store:
        guild = store.guild(guild_id) if guild_id is not None and game is None else None
        records = [record for record in store.codes(game) if not guild or record.game in guild.games]
    judged = [(record, clearance(code_of(record), now, skipped).reason) for record in records]
    shown = [(record, reason) for record, reason in judged if everything or not reason]
    session.give({"codes": [code_object(record, reason) for record, reason in shown]})
    if not shown:
        hidden = f"No code may go out; --all shows the {len(judged)} that may not, and why."
        session.tell(hidden if judged else "No codes known yet: giftping codes check looks for them.")
        return EXIT_FINE
    _show_codes(session, shown)
    return EXIT_FINE


def _show_codes(session: Session, shown: list[tuple[CodeRecord, str]]) -> None:
    zone = session.wiring.zone
    rows: dict[str, list[list[str]]] = {}
    for record, reason in shown:
        valid = f"until {when(record.expires_at, zone)}" if record.expires_at else "valid"
        sources = ", ".join(sorted(record.sources))
        first_seen = f"{record.first_seen.astimezone(zone):%Y-%m-%d}"
        rows.setdefault(record.game, []).append([record.spelling, reason or valid, sources, first_seen])
    for number, (game, of_game) in enumerate(sorted(rows.items())):
        if number:
            session.tell("")
        session.show_table(
            f"{game}: {counted(len(of_game), 'code')}", ["Code", "State", "Sources", "First seen"], of_game
        )


def add_code(session: Session, spelling: str, game: str, *, rewards: str, expires_at: datetime | None) -> int:
    """Record a code by hand, to go out with the next check."""
    from giftping.codes.guards import clean_text, clearance
    from giftping.codes.model import Code
    from giftping.settings.sources import MANUAL_SOURCE

    session.check_game(game)
    now = utc_now()
    spelling = spelling.strip()
    judged = clearance(
        Code(game, key_of(spelling), spelling, (MANUAL_SOURCE,), expires_at=expires_at), now, frozenset()
    )
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
    follow = f"{counted(followers, 'guild', 'follow')} the game"
    session.tell(f"{spelling} added for {game}: the next check announces it where it was not yet ({follow}).")
    return EXIT_FINE


def parse_expiry(text: str) -> datetime | None:
    """The end of a code's last day, or of the time that was given; None for nothing.

    Raise ValueError for what is no date: its text says what is wrong.
    """
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a date such as 2026-12-31") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    # A day without a time counts to its end, as it does in a source's list.
    is_date_only = len(text) <= len("2026-12-31")
    try:
        return (moment + timedelta(days=1) if is_date_only else moment).astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is too far away") from None


def stats(session: Session, guild_id: int | None, per: str) -> int:
    """Show what the ledger holds."""
    from giftping.store.statistics import PERIODS, statistics

    if per not in PERIODS:
        raise UsageError(f"--per {per}: {nearest(per, PERIODS, otherwise='one of')}")
    with session.store(read_only=True) as store:
        numbers = statistics(list(store.entries(guild_id)), session.wiring.zone, store.unclear(guild_id))
    session.give(
        {
            "guild_id": id_text(guild_id),
            "total": numbers.total,
            "last_code": numbers.last.spelling if numbers.last else None,
            "last_sent_at": instant(numbers.last.sent_at) if numbers.last else None,
            "states": numbers.states,
            "sources": numbers.sources,
            "games": numbers.games,
            "days": numbers.periods["day"],
            "weeks": numbers.periods["week"],
            "months": numbers.periods["month"],
        }
    )
    if not (session.quiet or session.json):
        _show_stats(session, guild_id, numbers, per)
    return EXIT_FINE


def _show_stats(session: Session, guild_id: int | None, numbers: LedgerStatistics, per: str) -> None:
    from giftping.output.render import bars, facts

    last = numbers.last
    pairs = [
        ("Guild", str(guild_id) if guild_id is not None else "all"),
        ("Codes sent", str(numbers.total)),
        ("Last code", f"{last.spelling}, {when(last.sent_at, session.wiring.zone)}" if last else "–"),
        ("By source", _listed(numbers.sources)),
        ("By game", _listed(numbers.games)),
        ("Not posted", f"{numbers.states['seeded']} were there at the first look"),
        ("Open", f"{numbers.states['open']} under way, {numbers.states['uncertain']} uncertain"),
    ]
    session.show(facts(pairs))
    if chart := numbers.periods[per]:
        session.show("", bars(list(chart.items())[-BARS:]))
    if numbers.states["uncertain"]:
        session.tell("\nSettle the uncertain ones: giftping codes settle")


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "–"


def clear(session: Session, guild_id: int, code: str | None, game: str | None, *, yes: bool) -> int:
    """Forget what went to a guild, so that what is still listed goes out again."""
    session.check_game(game)
    key = key_of(code) if code else None
    with session.store(read_only=True) as store:
        meant = [entry for entry in store.entries(guild_id) if key in (None, entry.key) and game in (None, entry.game)]
    found = [entry for entry in meant if entry.state is not EntryState.OPEN]
    left = len(meant) - len(found)
    stays = f" {counted(left, 'code')} under way or uncertain {verb_for(left, 'stay')}: giftping codes settle."
    if not found:
        session.give({"guild_id": id_text(guild_id), "cleared": 0, "left": left})
        said = "Nothing was cleared" if left else "The ledger holds nothing of the kind"
        session.tell(f"{said} for guild {guild_id}.{stays if left else ''}")
        return EXIT_FINE
    entries = counted(len(found), "ledger entry")
    question = (
        f"Forget {entries} of guild {guild_id}? Those still listed as valid are announced again by the next check."
    )
    if not yes and not session.confirm(question):
        raise UsageError("nothing was cleared; say --yes to clear without being asked")
    with session.store() as store:
        cleared = clear_entries(store, guild_id, game=game, key=key, at=utc_now())
    session.give({"guild_id": id_text(guild_id), "cleared": cleared, "left": left})
    session.tell(f"{counted(cleared, 'entry')} cleared for guild {guild_id}.{stays if left else ''}")
    return EXIT_FINE


def explain(session: Session, code: str, guild_id: int) -> int:
    """Say why a code was, or was not, announced in a guild."""
    from giftping.codes.explain import code_of
    from giftping.codes.explain import explain as explained
    from giftping.codes.guards import clearance
    from giftping.codes.owed import owed_by
    from giftping.delivery.deliveries import DeliveryState
    from giftping.runs.check import listed_now

    key = key_of(code)
    skipped = frozenset(session.settings.codes.skipped_regions)
    now = utc_now()
    with session.store(read_only=True) as store:
        guild = store.guild(guild_id)
        records = [record for record in store.codes() if record.key == key]
        # The ledger may hold a code that no source has listed here, of an older bot say: under a game that is followed.
        games = {record.game for record in records} | set(guild.games if guild else ())
        entries = [entry for game in sorted(games) if (entry := store.entry(guild_id, game, key))]
        cleared = clears_of(store, guild_id, key)
        deliveries = session.wiring.deliveries(store, read_only=True)
        refused = [one for one in deliveries.load((DeliveryState.REFUSED,)) if one.guild_id == guild_id]
        owed = {one.game: (one.since, one.reason) for one in owed_by(refused) if one.key == key}
        known = deliveries.by_id([entry.delivery_id for entry in entries if entry.delivery_id])
    zone = session.wiring.zone
    explanation = explained(
        key,
        guild,
        records,
        entries,
        listed=listed_now(session.settings),
        now=now,
        when=lambda moment: when(moment, zone),
        skipped_regions=skipped,
        owed=owed,
        deliveries=known,
    )
    steps = [*explanation.steps, *(f"cleared on {when(moment, zone)}" for moment in cleared)]
    session.give(
        {
            "guild_id": id_text(guild_id),
            "key": key,
            "answer": explanation.answer,
            "steps": steps,
            "codes": [code_object(record, clearance(code_of(record), now, skipped).reason) for record in records],
            "entries": [entry_object(entry) for entry in entries],
        }
    )
    session.tell(explanation.answer)
    for step in steps:
        session.tell(f"  {step}")
    return EXIT_FINE
