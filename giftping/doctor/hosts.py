"""The other hosts that share the ledger: whether they follow what is recorded there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from giftping.doctor.judgement import Checks, Judgement, ago, fail, named, ok, warn
from giftping.text import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from giftping.store.base import RunRecord
    from giftping.store.records import Store

HOST_LATE = timedelta(hours=1)
"""How long a host may take to follow what is in the ledger."""

HOST_GONE = timedelta(days=30)
"""How long after its last run a host is taken for one that was switched off."""


@dataclass(frozen=True, slots=True)
class HostFacts:
    """Another host that shares the ledger."""

    name: str
    job: str
    """What it last did."""
    at: datetime
    """When that ended. Checks with nothing new leave no trace in the ledger, so a long silence alone says nothing."""
    missed: datetime | None = None
    """When others last wrote to the ledger, if that is later: the host has not come to see it."""


@dataclass(frozen=True, slots=True)
class HostsFacts:
    """All other hosts."""

    now: datetime
    """The time of the look."""
    others: tuple[HostFacts, ...] = ()
    refusal: str = ""
    """Why this host may not send because of the others, by the rule that its runs go by; empty where it may."""


def look_at_other_hosts(store: Store, runs: Sequence[RunRecord], own: str) -> tuple[HostFacts, ...]:
    """The hosts but for our `own` one, by their latest runs, and what they have not come to see."""
    latest = {run.host: run for run in sorted(runs, key=lambda run: run.finished_at) if run.host != own}
    # The whole ledger is read for this, so not where there is nobody else.
    written = max((entry.updated_at for entry in store.entries()), default=None) if latest else None
    return tuple(
        # What was written after its last run ended, it has not written itself.
        HostFacts(name, run.job, run.finished_at, written if written and written > run.finished_at else None)
        for name, run in sorted(latest.items())
    )


def judge_other_hosts(hosts: HostsFacts) -> Judgement:
    """Whether this host may send beside the others, and each that is not switched off has seen what others wrote."""
    if hosts.refusal:
        said, _, step = hosts.refusal.partition(": ")
        return fail(said, step or "giftping store status shows the hosts")
    now = hosts.now
    live = [host for host in hosts.others if now - host.at < HOST_GONE]
    behind = [
        f"{host.name}: last {host.job} {ago(host.at, now)}"
        for host in live
        if host.missed is not None and now - host.missed >= HOST_LATE
    ]
    if behind:
        said = f"{counted(len(behind), 'host', 'are')} behind what others have recorded: {named(behind)}"
        return warn(said, "look after its timers; if it was switched off for good, all is well")
    return ok(f"{counted(len(live), 'other host')}, none of which is behind" if live else "no other host is known")


HOSTS_CHECKS: Checks[HostsFacts] = (("other hosts", judge_other_hosts),)
