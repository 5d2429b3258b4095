"""What is kept of a check in the ledger, for every host to see."""

from __future__ import annotations

from collections import Counter
from typing import Any

from giftping.codes.memory import Health
from giftping.codes.report import CheckReport
from giftping.store.base import RunRecord

JOB = "codes check"


def run_record(report: CheckReport, host: str) -> RunRecord:
    """What is kept of a run: how it ended, what went out, and how each source stands."""
    counts = Counter(delivery.result.value for delivery in report.deliveries())
    sources = {
        source.name: {
            "outcome": source.outcome.value,
            "reason": source.reason,
            "listed_at": source.listed_at.isoformat() if source.listed_at else None,
            "failing_since": source.failing_since.isoformat() if source.failing_since else None,
            "failures": source.failures,
            "count": source.count,
            "changed_at": source.changed_at.isoformat() if source.changed_at else None,
            "health": _health_object(source.health) if source.health else None,
        }
        for source in report.sources
    }
    details = {
        "guilds": report.guild_count,
        "deliveries": dict(counts),
        "uncertain": report.uncertain,
        "sources": sources,
    }
    return RunRecord(JOB, host, report.started_at, report.finished_at, report.exit_code, details)


def _health_object(health: Health) -> dict[str, Any]:
    return {
        "days": list(health.days),
        "changes": [changed_at.isoformat() for changed_at in health.changes],
        "unmodified": health.unmodified,
        "hidden": health.hidden,
    }
