"""What `giftping codes settle` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from giftping.codes.report import DeliveryResult
from giftping.commands.session import Session
from giftping.errors import EXIT_FINE, EXIT_TROUBLE, UsageError
from giftping.output.check_lines import delivery_line
from giftping.output.code_objects import delivery_object, entry_object
from giftping.store.base import EntryState, LedgerEntry
from giftping.text import key_of, when
from giftping.wiring import utc_now

if TYPE_CHECKING:
    from giftping.codes.report import DeliveryReport


def settle(session: Session, guild_id: int | None, code: str | None, *, sent: bool, resend: bool) -> int:
    """Settle what is uncertain: by looking again, by what the user says on the command line, or by asking."""
    from giftping.runs.check import look_again

    if sent and resend:
        raise UsageError("--sent and --resend contradict each other")
    if (sent or resend) and guild_id is None:
        raise UsageError("say of which guild: --guild ID")
    key = key_of(code) if code else None
    reports = [] if sent or resend else look_again(session.wiring, guild_id)
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
    where = f"guild {entry.guild_id}: {entry.spelling} ({entry.game}, {when(moment, session.wiring.zone)})"
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
