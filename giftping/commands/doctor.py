"""What `giftping doctor` does."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from giftping.commands.session import EXIT_FINE, EXIT_TROUBLE, Session
from giftping.ops.doctor import Verdict, examined
from giftping.output import counted

if TYPE_CHECKING:
    from giftping.ops.doctor import Finding

NO_TODO = "The TODO part is not set up: no id is set for it, and the roster is empty."


def doctor(session: Session) -> int:
    """Look at everything that giftping needs, say what is wrong and what to do about it, and return the exit code."""
    from giftping.examining import examine

    facts = examine(session.house)
    findings = examined(facts)
    counts = Counter(finding.verdict for finding in findings)
    exit_code = EXIT_TROUBLE if counts[Verdict.FAIL] else EXIT_FINE
    redact = session.settings.redactor()
    session.give(
        {
            "exit_code": exit_code,
            **{verdict.value: counts[verdict] for verdict in Verdict},
            "todo": facts.todo is not None,
            "findings": [
                {
                    "name": finding.name,
                    "verdict": finding.verdict.value,
                    "what": redact(finding.what),
                    "next_step": redact(finding.next_step),
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
        if facts.todo is None:
            session.tell(f"\n{NO_TODO}")
        said = ", ".join(f"{counts[verdict]} {verdict.value}" for verdict in Verdict if counts[verdict])
        session.tell(f"\n{counted(len(findings), 'check')}: {said}.")
    return exit_code


def _show(session: Session, findings: list[Finding]) -> None:
    from giftping.render import table

    rows = [
        [finding.name, finding.verdict.value, finding.what + (f"\n→ {finding.next_step}" if finding.next_step else "")]
        for finding in findings
    ]
    session.show(table("giftping doctor", ["Check", "", "What"], rows))
