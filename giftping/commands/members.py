"""What the `giftping todo` commands share: members read from the store, and the rules that hold for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from giftping.runs.sweep import rules_of, today_of, zone_of_member
from giftping.todo.days import Streak, streak, submissions_of
from giftping.todo.history import Event
from giftping.todo.periods import Period
from giftping.todo.repository import MemberRepository, OddDocument
from giftping.todo.rules import Due, Outlook, due, outlook
from giftping.wiring import host_name, utc_now

if TYPE_CHECKING:
    from giftping.commands.session import Session
    from giftping.todo.model import Member


@dataclass(frozen=True, slots=True)
class Members:
    """The members as one command finds them."""

    session: Session
    """What the command was asked for, and how it speaks."""
    repository: MemberRepository
    now: datetime
    """The one instant at which the command looks."""

    @property
    def host(self) -> str:
        """The name under which this host writes into the history."""
        return host_name(self.session.settings)

    def zone(self, member: Member) -> ZoneInfo:
        """The zone by which a member's days go."""
        return zone_of_member(self.session.settings, member)

    def roster(self) -> list[Member]:
        """Those who take part; documents that cannot be read are told."""
        loaded = self.repository.load()
        self.tell_odd(loaded.odd)
        return list(loaded.on_roster())

    def member(self, user_id: int) -> Member:
        """One member. Raise RepositoryError for documents that are odd."""
        return self.repository.member(user_id)

    def events(self, user_id: int | None = None) -> list[Event]:
        """The history of one member, or all of it; an entry that cannot be read is told when the store is closed."""
        return self.repository.events(user_id)

    def streak(self, member: Member, events: Sequence[Event]) -> Streak | None:
        """A member's streak; None where some of their history cannot be read."""
        if not self.repository.is_history_known(member.user_id):
            return None
        today = today_of(self.session.settings, member, self.now)
        return streak(submissions_of(member, events), member.pauses, today, self.zone(member))

    def tell_odd(self, odd: Sequence[OddDocument]) -> None:
        """Tell of documents that cannot be read."""
        for one in odd:
            self.session.tell_odd(f"{one.where}: {one.why}; skipped: correct or remove the document")


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is due for members, and what comes, at one instant."""

    members: Members
    downtimes: tuple[Period, ...]
    """When giftping was not running, which is charged to nobody."""
    host: str
    """The name of this host, which may hold claims of its own."""

    def due(self, member: Member) -> Due:
        """The action that is due for a member, and the one that comes next."""
        return due(member, rules_of(self.members.session.settings, self.host), self.members.now, self.downtimes)

    def outlook(self, member: Member) -> Outlook:
        """When a member would be reminded, and when the role would go."""
        return outlook(member, rules_of(self.members.session.settings, self.host), self.downtimes)


def forecast(members: Members) -> Forecast:
    """The forecast of this instant; the time since the last sweep counts as downtime where it is so long."""
    settings = members.session.settings
    notes = members.repository.notes()
    last = notes.last_sweep
    # The sweep that comes next will write this downtime down; until then it is in no note.
    is_down = last is not None and members.now - last > settings.todo.downtime
    present = (Period(last, members.now),) if last is not None and is_down else ()
    return Forecast(members, (*notes.downtimes, *present), host_name(settings, create=False))


@contextmanager
def open_members(session: Session, *, read_only: bool = False, sends: bool = False) -> Iterator[Members]:
    """The members, while the store is open. Raise StoreError when the store cannot be read."""
    # What sends has a clock of its own, by which it is dated.
    clock = utc_now if sends else session.clock
    with session.store(read_only=read_only, sends=sends) as store:
        yield Members(session, MemberRepository(store, clock), clock())
