"""The lines of `todo sweep`: what was done, what waits and why, and what goes into a log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING

from giftping.output.member_lines import ACTION_WORDS, NOBODY
from giftping.output.phrases import who
from giftping.output.trouble import (
    CLOCK,
    RUN,
    STORE,
    Trouble,
    clock_over,
    clock_troubles,
    over_line,
    run_troubles,
    store_over,
    store_troubles,
    without_numbers,
)
from giftping.text import counted, printable, when
from giftping.todo.model import LegName, NoticeKind
from giftping.todo.report import FAILED, ActionResult, what_happened
from giftping.todo.rules import Action

if TYPE_CHECKING:
    from giftping.todo.report import LegReport, PlannedWrites, RoleReport, SweepReport

NAMES_SHOWN = 3
"""How many members a line names before it says how many more."""


LEG_WORDS = {LegName.CHANNEL: "channel", LegName.DM: "direct message"}


def done_lines(report: SweepReport, zone: tzinfo | None) -> Iterator[str]:
    """The results of a sweep, a line each: for standard output."""
    if report.downtime_since is not None:
        since, until = when(report.downtime_since, zone), when(report.started_at, zone)
        yield f"no sweep between {since} and {until}: that time is not charged"
    for given, verb in ((False, "took the role from"), (True, "gave the role back to")):
        roles = [role for role in report.roles if role.given is given and role.result is ActionResult.DONE]
        if roles:
            yield f"{verb} {_members(roles)}"
    told = {(role.user_id, role.given) for role in report.roles}
    for kind, verb in _KIND_VERBS.items():
        legs = [leg for leg in report.legs if leg.kind is kind and leg.result is ActionResult.DONE]
        # A change of the role is told above, and its notice with it.
        fresh = [leg for leg in legs if not leg.settled and (leg.user_id, kind is NoticeKind.RESTORE) not in told]
        if kind is NoticeKind.SUBMISSION:
            # The direct message is for those whose TODO somebody else handed in; the post is in the channel.
            fresh = [leg for leg in fresh if leg.leg is LegName.CHANNEL]
        if fresh:
            yield f"{verb} {_members(fresh)}"
        if found := [leg for leg in legs if leg.settled]:
            yield f"found what an earlier run had sent: {kind.value} for {_members(found)}"
    names = {planned.user_id: planned.name for planned in report.plan}
    if report.left:
        yield f"left the guild: {_named([who(user_id, names.get(user_id, '')) for user_id in report.left])}"
    if report.returned:
        yield f"back in the guild: {_named([who(user_id, names.get(user_id, '')) for user_id in report.returned])}"


_KIND_VERBS = {
    NoticeKind.REMINDER: "reminded",
    NoticeKind.WARNING: "warned",
    NoticeKind.REMOVAL: "told of the role's loss:",
    NoticeKind.RESTORE: "told of the role's return:",
    NoticeKind.SUBMISSION: "posted the TODO of",
}


def _members(reports: Sequence[LegReport | RoleReport]) -> str:
    """How many members reports are about, and the first of their names."""
    names = {report.user_id: who(report.user_id, report.name) for report in reports}
    return f"{counted(len(names), 'member')}: {_named(list(names.values()))}"


def _named(names: Sequence[str]) -> str:
    shown, rest = names[:NAMES_SHOWN], len(names) - NAMES_SHOWN
    return f"{', '.join(shown)} and {rest} more" if rest > 0 else ", ".join(shown)


def waiting_lines(report: SweepReport, zone: tzinfo | None) -> Iterator[str]:
    """Each member who waits, and why, a line each: for those who ask with -v."""
    for leg in report.legs:
        if leg.result in (ActionResult.CLOSED, ActionResult.LATER):
            said = "takes no direct messages" if leg.result is ActionResult.CLOSED else f"{LEG_WORDS[leg.leg]} later"
            yield f"{who(leg.user_id, leg.name)}: {leg.kind.value}: {said} ({leg.reason})"
    for planned in report.plan:
        due = planned.due
        if due.action is Action.NOTHING and not planned.trouble:
            comes = f"{ACTION_WORDS[due.then]} " if due.then is not Action.NOTHING else ""
            at = f"{comes or 'waits until '}{when(due.until, zone)}: " if due.until else ""
            yield f"{who(planned.user_id, planned.name)}: {at}{due.why}"


def idle_line(report: SweepReport, zone: tzinfo | None) -> str:
    """One line about a sweep that had nothing to do, for a person at a terminal."""
    if not report.plan:
        return NOBODY
    coming = [
        (planned.due.until, planned)
        for planned in report.plan
        if planned.due.until and planned.due.then is not Action.NOTHING
    ]
    members = counted(len(report.plan), "member")
    if not coming:
        return f"Nothing is due: {members}."
    at, first = min(coming, key=lambda pair: pair[0])
    name = who(first.user_id, first.name)
    return f"Nothing is due: {members}. Next: {ACTION_WORDS[first.due.then]} for {name}, {when(at, zone)}."


def writes_line(writes: PlannedWrites) -> str:
    """How many direct messages a sweep would write, as few conversations are begun at a time."""
    later = f"; {writes.later} more in later sweeps, as few conversations are begun at a time"
    return f"{counted(writes.now, 'direct message')} would go out besides{later if writes.later else ''}."


# What is wrong


def sweep_troubles(report: SweepReport) -> Iterator[Trouble]:
    """Everything that is wrong, whether or not it was told before."""
    for_a_person = frozenset(report.lines_for_a_person())
    lines = tuple(map(printable, report.trouble))
    yield from run_troubles(report.standing, lines)
    yield from store_troubles(report.standing, lines)
    for line in report.member_lines():
        happened = what_happened(line)
        # 0.1.0 remembered the whole line.
        is_known = not report.told_before.isdisjoint({happened, line})
        counts = line in for_a_person
        yield Trouble(without_numbers(happened), printable(line), is_known, counts_when_told=counts)
    yield from clock_troubles(report.clock)


def sweep_over(report: SweepReport, key: str, line: str = "") -> str:
    """That trouble is over, in words: a sweep's whose messages arrived, and of which nothing was refused.

    `line` is what was said of it.
    """
    sort = key.partition(" ")[0]
    if sort == CLOCK:
        return clock_over(report.clock)
    if sort == STORE:
        return store_over(report.standing)
    if sort == RUN:
        return over_line(line) if report.is_whole else ""
    is_well = report.has_delivered and not report.member_lines()
    return "all is well again: what was refused before goes out" if is_well else ""


# For logs


def sweep_events(report: SweepReport, *, everything: bool) -> Iterator[tuple[str, dict[str, str]]]:
    """How each leg of a notice and each change of a role ended, with the level at which it is logged.

    What went wrong is told as trouble, once: at each sweep again only with `everything`.
    """
    for leg in report.legs:
        if leg.result in FAILED and not everything:
            continue
        fields = {
            "member": str(leg.user_id),
            "kind": leg.kind.value,
            "leg": leg.leg.value,
            "outcome": leg.result.value,
            "reason": leg.reason,
            "message_id": "" if leg.message_id is None else str(leg.message_id),
        }
        yield "error" if leg.result in FAILED else "info", fields
    for role in report.roles:
        if role.result in FAILED and not everything:
            continue
        kind = "role given" if role.given else "role taken"
        fields = {"member": str(role.user_id), "kind": kind, "outcome": role.result.value, "reason": role.reason}
        yield "error" if role.result in FAILED else "info", fields
