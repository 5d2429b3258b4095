"""What `giftping doctor` says of what it has found."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from giftping.commands.session import Session
from giftping.doctor.judgement import Verdict
from giftping.errors import EXIT_FINE, EXIT_TROUBLE
from giftping.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from giftping.doctor.examine import Facts, JudgedCheck

NO_CODES = "Gift codes are not set up: no guild is known. Add one: giftping guilds add"
NO_TODO = "The TODO part is not set up: no id is set for it, and the roster is empty."


def doctor(session: Session, *, live: bool = False) -> int:
    """The exit code, once everything that giftping needs was looked at, and what is wrong was said with what to do."""
    from giftping.doctor.examine import examine

    found = examine(session.wiring, session.clock_of_look, live=live)
    counts = Counter(finding.judgement.verdict for finding in found.findings)
    exit_code = EXIT_TROUBLE if counts[Verdict.FAIL] else EXIT_FINE
    session.give(
        {
            "exit_code": exit_code,
            **{verdict.value: counts[verdict] for verdict in Verdict},
            "codes": found.facts.codes is not None,
            "todo": found.facts.todo is not None,
            "findings": [
                {
                    "name": finding.name,
                    "subject": finding.judgement.subject,
                    "verdict": finding.judgement.verdict.value,
                    "what": finding.judgement.what,
                    "next_step": finding.judgement.next_step,
                }
                for finding in found.findings
            ],
        }
    )
    if session.json:
        return exit_code
    session.know(found.facts.guilds)
    if session.quiet:
        _tell_trouble(session, found.findings)
    else:
        _show(session, found.findings)
        if missing := list(_missing_parts(found.facts)):
            session.tell("\n" + "\n".join(missing))
        said = ", ".join(f"{counts[verdict]} {verdict.value}" for verdict in Verdict if counts[verdict])
        session.tell(f"\n{counted(len(found.findings), 'check')}: {said}.")
    return exit_code


def _tell_trouble(session: Session, findings: Sequence[JudgedCheck]) -> None:
    for finding in findings:
        found = finding.judgement
        if found.verdict is not Verdict.OK:
            session.trouble(f"{finding.name}: {found.verdict.value}: {found.what}; {found.next_step}")


def _show(session: Session, findings: Sequence[JudgedCheck]) -> None:
    from giftping.output.render import table

    rows = [
        [
            finding.name,
            finding.judgement.verdict.value,
            session.named(finding.judgement.what)
            + (f"\n→ {finding.judgement.next_step}" if finding.judgement.next_step else ""),
        ]
        for finding in findings
    ]
    session.show(table("giftping doctor", ["Check", "", "What"], rows))


def _missing_parts(facts: Facts) -> Iterator[str]:
    """The parts that are not set up. A ledger that cannot be read does not tell: guilds and roster are in it."""
    if not facts.ledger.trouble:
        yield from (text for part, text in ((facts.codes, NO_CODES), (facts.todo, NO_TODO)) if part is None)
