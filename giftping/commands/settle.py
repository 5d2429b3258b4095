"""What `giftping codes settle` does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from giftping.commands.session import Session
from giftping.errors import EXIT_FINE, EXIT_TROUBLE, UsageError
from giftping.output.check_lines import delivery_line
from giftping.output.code_objects import delivery_object, open_objects
from giftping.text import key_of, when

if TYPE_CHECKING:
    from giftping.codes.entries import Held
    from giftping.runs.settle import Looked, Wanted


def settle(
    session: Session,
    guild_id: int | None,
    code: str | None,
    *,
    sent: bool,
    resend: bool,
    everything: bool = False,
    since: datetime | None = None,
) -> int:
    """Settle what is uncertain: by looking again, by what the user says on the command line, or by asking."""
    from giftping.runs.settle import Wanted, look_again, record

    if sent and resend:
        raise UsageError("--sent and --resend contradict each other")
    if guild_id is not None and everything:
        raise UsageError("a guild and --all contradict each other")
    if (sent or resend) and guild_id is None and not everything:
        raise UsageError("say of which guild: giftping codes settle GUILD, or --all")
    wanted = Wanted(guild_id, key_of(code) if code else None, since)
    looked = look_again(session.wiring, session.clock, wanted, looks=not (sent or resend))
    session.know(looked.guilds)
    decided = [(held, _decision(session, held, wanted, sent=sent, resend=resend)) for held in looked.open]
    lost: list[Held] = []
    if known := [(held, said) for held, said in decided if said is not None]:
        record(session.wiring, session.clock, known, wanted, lost.append)
    decided = [(held, None if held in lost else said) for held, said in decided]
    left = [held for held, said in decided if said is None]
    session.give(
        {
            "looked": [delivery_object(report) for report in looked.reports],
            "decided": [
                {**one, "decision": "sent" if said else "resend"}
                for held, said in decided
                if said is not None
                for one in open_objects(held, wanted.ids_of(held))
            ],
            "uncertain": [one for held in left for one in open_objects(held, wanted.ids_of(held))],
            "busy": [one for held in looked.busy for one in open_objects(held, wanted.ids_of(held))],
        }
    )
    _tell_settled(session, looked, decided, wanted)
    return EXIT_TROUBLE if left or looked.busy else EXIT_FINE


def parse_since(text: str) -> datetime:
    """The moment that a date, or a date with a time, names; in UTC where it names no zone. Raise ValueError."""
    day, _, rest = text.partition(" ")
    if day.count("/") == 2:
        text = "-".join(reversed(day.split("/"))) + (f" {rest}" if rest else "")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a date such as 2026-12-31, or 2026-12-31T18:00") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _decision(session: Session, held: Held, wanted: Wanted, *, sent: bool, resend: bool) -> bool | None:
    """Whether a person says that it arrived, None for who does not say."""
    if sent or resend:
        return sent
    if not session.at_terminal or session.quiet:
        return None
    moment = when(held.delivery.since, session.wiring.zone)
    where = f"{session.named(f'guild {held.guild_id}')}: {_codes(held, wanted)} ({held.delivery.game}, {moment})"
    if session.confirm(f"{where}\nLook into the channel. Is the message there?"):
        return True
    return False if session.confirm("Then post it again with the next check?") else None


def _codes(held: Held, wanted: Wanted) -> str:
    ids = wanted.ids_of(held)
    return ", ".join(said for id_, said in held.spellings_by_id().items() if id_ in ids)


def _outcomes(held: Held, wanted: Wanted, looked: Looked, *, arrived: bool) -> dict[str, list[str]]:
    """What follows from a person's word, and for which codes."""
    found: dict[str, list[str]] = {}
    ids = wanted.ids_of(held)
    for id_, spelling in held.spellings_by_id().items():
        if id_ in ids:
            why_not = looked.not_again.get(id_)
            again = f"does not go out again: {why_not}" if why_not else "goes out again with the next check"
            found.setdefault("recorded as sent" if arrived else again, []).append(spelling)
    return found


def _tell_settled(session: Session, looked: Looked, decided: list[tuple[Held, bool | None]], wanted: Wanted) -> None:
    for report in looked.reports:
        session.tell(delivery_line(report))
    for held, said in decided:
        if said is not None:
            for what, codes in _outcomes(held, wanted, looked, arrived=said).items():
                session.tell(f"guild {held.guild_id}: {held.delivery.game}: {', '.join(codes)}: {what}")
    for held in looked.busy:
        session.tell(f"guild {held.guild_id}: {held.delivery.game}: {_codes(held, wanted)}: somebody is at it")
    if not (looked.reports or decided or looked.busy):
        is_about_all = (wanted.guild_id, wanted.key, wanted.since) == (None, None, None)
        session.tell("Nothing is uncertain." if is_about_all else "Nothing of that is uncertain.")
