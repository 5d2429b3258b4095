"""The roster of the TODO part: whether it can be read, and fits those who are in the guild and hand in TODOs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from giftping.doctor.judgement import ODD_SHOWN, Checks, Judgement, fail, named, ok, warn
from giftping.text import counted, verb_for

if TYPE_CHECKING:
    from datetime import datetime

    from giftping.settings.keys import TodoSettings
    from giftping.todo.membership import MembershipReader
    from giftping.todo.repository import LoadedMembers


@dataclass(frozen=True, slots=True)
class RosterFacts:
    """The roster as the ledger has it, beside the guild as far as that is known."""

    size: int = 0
    """How many members are on it."""
    never_submitted: int = 0
    """How many of them have never handed in a TODO."""
    odd: tuple[str, ...] = ()
    """Documents that cannot be read, each with the reason."""
    left: tuple[str, ...] = ()
    """Members who are not in the guild."""
    unlisted: tuple[str, ...] = ()
    """Members who hand in TODOs without being on the roster."""


# Looking


def look_at_roster(
    loaded: LoadedMembers, memberships: MembershipReader | None, todo: TodoSettings, now: datetime
) -> RosterFacts:
    """How the roster is; without `memberships`, who has left is told as the sweeps last saw it."""
    listed = list(loaded.on_roster())
    left = _left(loaded, memberships) if memberships else tuple(one.label for one in listed if one.left_at is not None)
    return RosterFacts(
        size=len(listed),
        never_submitted=sum(member.last_submit is None for member in listed),
        odd=tuple(f"{odd.where}: {odd.why}" for odd in loaded.odd),
        left=left,
        # Who stays away for longer than it takes to lose the role has left for good, and is not missed on the roster.
        unlisted=tuple(
            member.label
            for member in loaded.members.values()
            if not member.on_roster and member.last_submit is not None and now - member.last_submit < todo.remove_after
        ),
    )


def _left(loaded: LoadedMembers, memberships: MembershipReader) -> tuple[str, ...]:
    """Who on the roster is not in the guild, as Discord shows it now, or as last known where it does not."""
    listed = {member.user_id: member for member in loaded.on_roster()}
    seen = memberships.look(listed)
    return tuple(
        member.label
        for user_id, member in listed.items()
        if (member.left_at is not None if isinstance(membership := seen[user_id], str) else not membership.in_guild)
    )


# Judging


def judge_roster(roster: RosterFacts) -> Judgement:
    """Whether the roster can be read, and anybody is on it."""
    if roster.odd:
        said = f"{counted(len(roster.odd), 'document')} cannot be read and {verb_for(len(roster.odd), 'are')} skipped"
        return fail(f"{said}: {named(roster.odd, ODD_SHOWN)}", "correct or remove what is named")
    if not roster.size:
        return warn("nobody is on it", "put members on it: giftping todo roster add")
    never = f", {roster.never_submitted} of them without any TODO yet" if roster.never_submitted else ""
    return ok(f"{counted(roster.size, 'member')}{never}")


def judge_left(roster: RosterFacts) -> Judgement | None:
    """Whether everybody on the roster is still in the guild."""
    if not roster.size:
        return None
    left = roster.left
    if left:
        said = f"{counted(len(left), 'member', 'are')} not in the guild: {named(left)}"
        return warn(said, "nobody reminds them; take them off: giftping todo roster remove")
    return ok("nobody on the roster is known to have left the guild")


def judge_unlisted(roster: RosterFacts) -> Judgement:
    """Whether somebody takes part whom no sweep looks after."""
    unlisted = roster.unlisted
    if unlisted:
        said = f"{counted(len(unlisted), 'person')} handed in TODOs lately"
        said += f" and {verb_for(len(unlisted), 'are')} not on the roster"
        return warn(f"{said}: {named(unlisted)}", "nobody reminds them; put them on: giftping todo roster add")
    return ok("nobody who hands in TODOs is missing on the roster")


ROSTER_CHECKS: Checks[RosterFacts] = (
    ("roster", judge_roster),
    ("left the guild", judge_left),
    ("not on roster", judge_unlisted),
)
