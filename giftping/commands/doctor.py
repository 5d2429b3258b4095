"""What `giftping doctor` does."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from giftping.commands.session import EXIT_FINE, EXIT_TROUBLE, Session
from giftping.doctor.judge import examined
from giftping.doctor.judging import Verdict
from giftping.output.codes import counted

if TYPE_CHECKING:
    from giftping.doctor.judge import Finding

NO_CODES = "Gift codes are not set up: no guild is known. Add one: giftping guilds add"
NO_TODO = "The TODO part is not set up: no id is set for it, and the roster is empty."


def doctor(session: Session, *, live: bool = False) -> int:
    """Look at everything that giftping needs, say what is wrong and what to do about it, and return the exit code."""
    from giftping.doctor.look import examine

    facts = examine(session.house, live=live)
    findings = examined(facts)
    counts = Counter(finding.verdict for finding in findings)
    exit_code = EXIT_TROUBLE if counts[Verdict.FAIL] else EXIT_FINE
    session.give(
        {
            "exit_code": exit_code,
            **{verdict.value: counts[verdict] for verdict in Verdict},
            "codes": facts.codes is not None,
            "todo": facts.todo is not None,
            "findings": [
                {
                    "name": finding.name,
                    "subject": finding.subject,
                    "verdict": finding.verdict.value,
                    "what": finding.what,
                    "next_step": finding.next_step,
                }
                for finding in findings
            ],
        }
    )
    if session.quiet and not session.json:
        for finding in findings:
            if finding.verdict is not Verdict.OK:
                session.trouble(f"{finding.name}: {finding.verdict.value}: {finding.what}; {finding.next_step}")
    elif not session.json:
        _show(session, findings)
        missing = [text for part, text in ((facts.codes, NO_CODES), (facts.todo, NO_TODO)) if part is None]
        if missing and not facts.ledger.trouble:
            session.tell("\n" + "\n".join(missing))
        said = ", ".join(f"{counts[verdict]} {verdict.value}" for verdict in Verdict if counts[verdict])
        session.tell(f"\n{counted(len(findings), 'check')}: {said}.")
    return exit_code


def _show(session: Session, findings: list[Finding]) -> None:
    from giftping.output.render import table

    rows = [
        [finding.name, finding.verdict.value, finding.what + (f"\n→ {finding.next_step}" if finding.next_step else "")]
        for finding in findings
    ]
    session.show(table("giftping doctor", ["Check", "", "What"], rows))
