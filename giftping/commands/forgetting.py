"""What `giftping todo forget` does: a member who asks for it is forgotten, but for what has to stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from giftping.commands.members import Members, open_members
from giftping.commands.session import Session
from giftping.errors import EXIT_FINE, UsageError
from giftping.output.json import id_text, instant
from giftping.output.phrases import who
from giftping.runs.migrate import taken_from_elsewhere
from giftping.runs.state_folder import ATTACHMENTS, BACKUPS, UPGRADE_BACKUPS
from giftping.runs.sweep import Attachments
from giftping.text import counted, when
from giftping.todo.forget import Forgotten, forget_documents
from giftping.todo.history import Event
from giftping.todo.model import LegName, Member, RemovalState
from giftping.todo.repository import RepositoryError

LINKS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class _Known:
    """What there was of a member."""

    member: Member | None
    """None where their documents cannot be read: they are removed all the same."""
    events: tuple[Event, ...]
    todo_ids: frozenset[str]
    """Of the TODOs whose files may lie in the state folder."""

    @property
    def name(self) -> str:
        """What to call them."""
        return self.member.name if self.member else ""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What was removed of a member, and what stays."""

    forgotten: Forgotten
    files: int
    pauses: int
    role_taken_at: datetime | None
    messages: tuple[str, ...]
    """The addresses of messages in the channel that tell of them."""
    backups: tuple[str, ...]
    taken_from: tuple[str, ...]
    """The files and other databases that were taken over: nothing is changed in them."""
    waits: bool
    """Whether MongoDB is away, so that it is removed there once it is back."""


def forget_member(session: Session, user_id: int, *, yes: bool) -> int:
    """Remove what is kept of a member who asks for it: texts, history, files, pauses; say what stays, and why."""
    # Twice: whoever is asked in between may take their time, and a sweep need not wait for that.
    with open_members(session, read_only=True) as members:
        name = who(user_id, _known(members, user_id).name)
    question = f"Remove the TODOs, the history and the pauses of {name} for good?"
    if not yes and not session.confirm(question):
        raise UsageError("nobody was forgotten; say --yes to forget without being asked")
    with open_members(session) as members:
        found = _forget(members, user_id, _known(members, user_id))
    session.give(_object(user_id, found))
    _tell(session, name, found)
    # Beside the ledger lie what it was before, and how it came to be what it is.
    session.wiring.drop_former()
    return EXIT_FINE


def _known(members: Members, user_id: int) -> _Known:
    try:
        member = members.member(user_id)
    except RepositoryError as error:
        members.session.trouble(str(error))
        member = None
    try:
        events = tuple(members.events(user_id))
    except RepositoryError as error:
        members.session.trouble(str(error))
        events = ()
    todos = [member.todo, *(notice.todo for notice in member.notices)] if member else []
    ids = {todo.id for todo in todos if todo is not None and todo.id}
    return _Known(member, events, frozenset(ids))


def _forget(members: Members, user_id: int, known: _Known) -> _Outcome:
    forgotten = forget_documents(members.repository, user_id, members.now)
    state, store = members.session.settings.state, members.repository.store
    files = Attachments(state / ATTACHMENTS).forget(known.todo_ids)
    removal = known.member.removal if known.member else None
    is_taken = removal is not None and removal.state is not RemovalState.ABSENT
    backups = sorted(path.name for pattern in (BACKUPS, UPGRADE_BACKUPS) for path in state.glob(pattern))
    return _Outcome(
        forgotten=forgotten,
        files=files,
        pauses=max(len(known.member.pauses) - forgotten.pauses_left, 0) if known.member else 0,
        role_taken_at=removal.at if removal is not None and is_taken else None,
        messages=_messages(members, known.events),
        backups=tuple(backups),
        taken_from=taken_from_elsewhere(store),
        waits=store.is_away,
    )


def _messages(members: Members, events: Sequence[Event]) -> tuple[str, ...]:
    todo = members.session.settings.todo
    ids = dict.fromkeys(one.message_id for one in events if one.message_id and one.leg == LegName.CHANNEL)
    if todo.guild_id is None or todo.channel_id is None:
        return ()
    return tuple(f"https://discord.com/channels/{todo.guild_id}/{todo.channel_id}/{id_}" for id_ in ids)


def _object(user_id: int, found: _Outcome) -> dict[str, Any]:
    return {
        "user_id": id_text(user_id),
        "removed": {
            "todo": found.forgotten.had_todo,
            "events": found.forgotten.events,
            "pauses": found.pauses,
            "files": found.files,
        },
        "stays": {
            "on_roster": found.forgotten.on_roster,
            "pauses": found.forgotten.pauses_left,
            "role_taken_at": instant(found.role_taken_at),
            "messages": list(found.messages),
            "backups": list(found.backups),
            "taken_from": list(found.taken_from),
        },
        "waits": found.waits,
    }


def _tell(session: Session, name: str, found: _Outcome) -> None:
    removed = ["the last TODO and its times"] if found.forgotten.had_todo else []
    removed += [counted(found.forgotten.events, "entry") + " of the history"] if found.forgotten.events else []
    removed += [counted(found.pauses, "pause")] if found.pauses else []
    removed += [counted(found.files, "file")] if found.files else []
    session.tell(f"Removed of {name}: {', '.join(removed) or 'nothing, as nothing was kept'}.")
    if found.waits:
        session.tell("MongoDB is away: it is removed there once it is back, by the next run that writes.")
    if found.forgotten.on_roster:
        session.tell("Stays: the place on the roster, with a clock that begins now; todo roster remove ends that.")
    if found.forgotten.pauses_left:
        several = counted(found.forgotten.pauses_left, "pause")
        session.tell(f"Stays: {several} that has not ended, without its reason: nobody is reminded in it.")
    if found.role_taken_at is not None:
        at = when(found.role_taken_at, session.wiring.zone)
        session.tell(f"Stays: that giftping took the role {at}: a TODO brings it back, and so may a person.")
    if found.messages:
        session.tell(f"Stays: {counted(len(found.messages), 'message')} in Discord; whoever may, deletes them there:")
        for link in found.messages[-LINKS_SHOWN:]:
            session.tell(f"  {link}")
    if found.backups:
        session.tell(f"Stays: what backups hold; delete those that you need no more: {', '.join(found.backups)}")
    if found.taken_from:
        session.tell(f"Stays: what was taken over from there, where nothing is changed: {', '.join(found.taken_from)}")
