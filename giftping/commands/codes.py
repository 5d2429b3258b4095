"""What the `giftping codes` commands do, but for `codes check`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from giftping.commands.session import Session
from giftping.errors import EXIT_FINE, UsageError
from giftping.output.code_objects import code_object
from giftping.output.json import id_text, instant
from giftping.settings.problems import nearest
from giftping.store.base import CodeRecord, EntryState
from giftping.store.clears import clear_entries
from giftping.text import counted, end_text, key_of, verb_for, when

if TYPE_CHECKING:
    from giftping.store.base import LedgerEntry
    from giftping.store.statistics import LedgerStatistics

BARS = 14
"""How many periods the chart of `codes stats` shows, the latest ones."""


def list_codes(session: Session, game: str | None, *, everything: bool, guild_id: int | None = None) -> int:
    """List what is known of codes: the ones that may go out now, or all.

    With a guild, those that are for it; without a game, of the games that it follows, or of all where it follows none.
    """
    from giftping.codes.guards.refusals import clearance
    from giftping.codes.holds import JudgingRules, remembered_clearance
    from giftping.codes.scope import own_code, seen_apart, seen_by

    session.check_game(game)
    rules, now = JudgingRules.of(session.settings), session.clock_of_look()
    with session.store(read_only=True) as store:
        followed = {one.game for one in store.subscriptions(guild_id)} if guild_id is not None and game is None else ()
        records = [record for record in store.codes(game) if not followed or record.game in followed]
        session.know(store.guilds())

    def reason_of(record: CodeRecord) -> str:
        if guild_id is not None and (own := own_code(record, guild_id)) is not None:
            return clearance(own, now, rules.skipped_regions, rules.games).reason
        return remembered_clearance(record, now, rules).reason

    if guild_id is None:
        known = [seen for record in records for seen in seen_apart(record)]
    else:
        known = [seen for record in records if (seen := seen_by(record, guild_id)) is not None]
    judged = [(record, reason_of(record)) for record in known]
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
        valid = f"until {end_text(record.expires_at, record.expiry_text, zone)}" if record.expires_at else "valid"
        if record.regions and not reason:
            valid += f"; Region: {', '.join(record.regions)}"
        alone = () if record.is_for_all else (session.named(f"only guild {one}") for one in record.own)
        sources = ", ".join([*sorted(record.sources), *alone])
        first_seen = f"{record.first_seen.astimezone(zone):%Y-%m-%d}"
        rows.setdefault(record.game, []).append([record.spelling, reason or valid, sources, first_seen])
    for number, (game, of_game) in enumerate(sorted(rows.items())):
        if number:
            session.tell("")
        session.show_table(
            f"{game}: {counted(len(of_game), 'code')}", ["Code", "State", "Sources", "First seen"], of_game
        )


def parse_expiry(text: str) -> datetime | None:
    """The end of a code's last day, or of the time that was given; None for nothing.

    Raise ValueError for what is no date, with what is wrong.
    """
    if not text:
        return None
    from giftping.words.said import Said

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(Said("no_code.no_date", text=repr(text))) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    # A day without a time counts to its end, as it does in a source's list.
    is_date_only = len(text) <= len("2026-12-31")
    try:
        return (moment + timedelta(days=1) if is_date_only else moment).astimezone(UTC)
    except OverflowError:
        raise ValueError(Said("no_code.far_date", text=repr(text))) from None


def stats(session: Session, guild_id: int | None, per: str) -> int:
    """Show what the ledger holds."""
    from giftping.store.statistics import PERIODS, statistics

    if per not in PERIODS:
        raise UsageError(f"--per {per}: {nearest(per, PERIODS, otherwise='one of')}")
    with session.store(read_only=True) as store:
        entries = list(store.entries(guild_id))
        numbers = statistics(entries, session.wiring.zone, store.unclear(guild_id), store.given_up(entries))
        session.know(store.guilds())
        by_source = Counter() if session.quiet or session.json else _by_source(entries, store.codes())
    session.give(
        {
            "guild_id": id_text(guild_id),
            "total": numbers.total,
            "last_code": numbers.last.spelling if numbers.last else None,
            "last_sent_at": instant(numbers.last.happened_at) if numbers.last else None,
            "states": numbers.states,
            "sources": numbers.sources,
            "games": numbers.games,
            "days": numbers.periods["day"],
            "weeks": numbers.periods["week"],
            "months": numbers.periods["month"],
        }
    )
    if not (session.quiet or session.json):
        whose = "all" if guild_id is None else session.named(f"guild {guild_id}").removeprefix("guild ")
        _show_stats(session, whose, numbers, by_source, per)
    return EXIT_FINE


def _by_source(entries: Iterable[LedgerEntry], codes: Iterable[CodeRecord]) -> Counter[str]:
    """How many codes were sent of each source, by the one that listed it first; else by what kind of place it was."""
    first = {
        (code.game, code.key): min(code.sources, key=lambda name, code=code: (code.sources[name].first_seen, name))  # type: ignore[misc]
        for code in codes
        if code.sources
    }
    sent = (entry for entry in entries if entry.state is EntryState.SENT)
    return Counter(first.get((entry.game, entry.key), entry.source) for entry in sent)


def _show_stats(session: Session, whose: str, numbers: LedgerStatistics, by_source: Counter[str], per: str) -> None:
    from giftping.output.render import bars, facts

    last, zone = numbers.last, session.wiring.zone
    last_at = when(last.happened_at, zone) if last and last.happened_at else "when is not recorded"
    undated = f", {numbers.undated} of them not recorded when" if numbers.undated else ""
    open_ones = [f"{numbers.states['open']} under way", f"{numbers.states['uncertain']} uncertain"]
    if numbers.states["given_up"]:
        open_ones.append(f"{numbers.states['given_up']} given up")
    pairs = [
        ("Guild", whose),
        ("Codes sent", f"{numbers.total}{undated}"),
        ("Last code", f"{last.spelling}, {last_at}" if last else "–"),
        ("By source", _listed(dict(by_source.most_common()))),
        ("By game", _listed(numbers.games)),
        ("Not posted", f"{numbers.states['seeded']} were there at the first look"),
        ("Open", ", ".join(open_ones)),
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
        session.know(store.guilds())
        meant = [entry for entry in store.entries(guild_id) if key in (None, entry.key) and game in (None, entry.game)]
        given_up = store.given_up(meant)
    found = [entry for entry in meant if entry.state is not EntryState.OPEN or entry.id in given_up]
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
    at = session.clock()
    with session.store() as store:
        cleared = clear_entries(store, guild_id, game=game, key=key, at=at)
    session.give({"guild_id": id_text(guild_id), "cleared": cleared, "left": left})
    session.tell(f"{counted(cleared, 'entry')} cleared for guild {guild_id}.{stays if left else ''}")
    return EXIT_FINE
