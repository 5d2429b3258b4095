"""What a TODO must be to be handed in: one validator for every way in, before anything is saved. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import PurePath

from giftping.discord.limits import text_length, violations
from giftping.discord.message import Message
from giftping.errors import UsageError
from giftping.text import counted, day_first
from giftping.todo.model import Attachment, Member, Notice, NoticeKind, Todo
from giftping.todo.notices import LIST_LENGTH, submission_embed

NAME_LENGTH = (2, 100)
"""The fewest and the most characters of a name."""

ATTACHMENT_SIZE = 8 * 1024 * 1024
"""The most bytes of a file: the older bot's limit, which is within Discord's."""

CONTENT_TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "bmp": "image/bmp",
    "tiff": "image/tiff",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "csv": "text/csv",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ppt": "application/vnd.ms-powerpoint",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
"""The kinds of file that are taken, by the ending of the name, as the older bot took them."""

LISTS = {"must_do": "Must do", "can_do": "Can do", "dont_do": "Don't do"}

LEAST_CONTENT = 3
"""Letters and digits that the lists have together at least: a dot is no TODO."""

NEAR_DAYS = 1
"""How many days before or after today a TODO may be for: the evening before, and the morning after."""


@dataclass(frozen=True, slots=True)
class TodoDraft:
    """A TODO as it was typed."""

    name: str = ""
    """Empty for the member's name on the roster."""
    date: str = ""
    """Empty for today."""
    must_do: str = ""
    can_do: str = ""
    dont_do: str = ""
    attachment: Attachment | None = None


class SubmissionError(UsageError):
    """A TODO cannot be handed in."""

    def __init__(self, mistakes: list[tuple[str, str]]) -> None:
        self.mistakes = mistakes
        """All of them, each with the field that it is about, empty for the whole."""
        super().__init__("\n".join(f"{field}: {reason}" if field else reason for field, reason in mistakes))


class NotOnRosterError(SubmissionError):
    """Whoever hands in a TODO of their own is not on the roster."""

    def __init__(self, user_id: int) -> None:
        super().__init__([("", f"{user_id} is not on the roster; add them: todo roster add")])


def validated(
    draft: TodoDraft, member: Member, *, todo_id: str, now: datetime, today: date, submitted_by: int | None = None
) -> Todo:
    """The TODO of a draft; `today` is the member's own. Raise SubmissionError with every mistake at once.

    What is returned fits into the post that Discord is sent: it was made and measured.
    """
    mistakes: list[tuple[str, str]] = []
    todo = Todo(
        name=draft.name.strip() or member.name,
        date=_date(draft.date.strip(), today, mistakes),
        must_do=draft.must_do.strip(),
        can_do=draft.can_do.strip(),
        dont_do=draft.dont_do.strip(),
        id=todo_id,
        submitted_at=now,
        submitted_by=submitted_by,
        attachment=draft.attachment,
    )
    mistakes += [*_name_mistakes(todo), *_list_mistakes(todo), *file_mistakes(todo.attachment)]
    if not mistakes and is_repeated(todo, member.todo) and member.todo and member.todo.date == todo.date:
        mistakes.append(("", f"this TODO for {todo.date} is handed in already, word for word"))
    # Measured last, as Discord measures: each field may be short enough, and all of them too long for one embed.
    if not mistakes:
        mistakes += [("", f"it does not fit into a post: {reason}") for reason in _misfits(member.user_id, todo, now)]
    if mistakes:
        raise SubmissionError(mistakes)
    return todo


def is_repeated(todo: Todo, before: Todo | None) -> bool:
    """Whether a TODO says, word for word, what the one before it said; the date apart."""
    # Two files with the same words around them may differ.
    if before is None or todo.attachment or before.attachment:
        return False
    return (todo.name, *_texts(todo)) == (before.name, *_texts(before))


def _texts(todo: Todo) -> tuple[str, ...]:
    return todo.must_do, todo.can_do, todo.dont_do


def _date(text: str, today: date, mistakes: list[tuple[str, str]]) -> str:
    """The date as DD/MM/YYYY; note a mistake for one that is none, or is not near today."""
    if not text:
        return f"{today:%d/%m/%Y}"
    day = day_first(text)
    if day is None:
        mistakes.append(("date", f"{text!r} is not a date; write it as DD/MM/YYYY, such as {today:%d/%m/%Y}"))
        return text
    if abs(day - today) > timedelta(days=NEAR_DAYS):
        mistakes.append(("date", f"{day:%d/%m/%Y} is not near today, {today:%d/%m/%Y}; a day before or after is"))
    return f"{day:%d/%m/%Y}"


def _name_mistakes(todo: Todo) -> Iterator[tuple[str, str]]:
    fewest, most = NAME_LENGTH
    length = text_length(todo.name)
    if not fewest <= length <= most:
        yield "name", f"has {counted(length, 'character')}; write {fewest} to {most}"
    elif not _content(todo.name):
        yield "name", "has neither letters nor digits"


def _list_mistakes(todo: Todo) -> Iterator[tuple[str, str]]:
    given = {name: getattr(todo, name) for name in LISTS if getattr(todo, name)}
    if not given and todo.attachment is None:
        yield "", f"nothing is in it; write at least one of {', '.join(LISTS)}, or attach a file"
    for name, text in given.items():
        if (length := text_length(text)) > LIST_LENGTH:
            yield name, f"has {counted(length, 'character')}, at most {LIST_LENGTH} fit"
    if given and not todo.attachment and sum(map(_content, given.values())) < LEAST_CONTENT:
        yield next(iter(given)), "says too little; write what is to be done"


def _content(text: str) -> int:
    """How many letters and digits of any script: a member who writes Hindi or Chinese says as much in fewer words."""
    return sum(character.isalnum() for character in text)


def file_mistakes(file: Attachment | None) -> Iterator[tuple[str, str]]:
    """Why a file cannot be handed in, each reason with the field."""
    if file is None:
        return
    if file.size > ATTACHMENT_SIZE:
        yield "attachment", f"{file.filename} has {file.size / 2**20:.1f} MiB, at most {ATTACHMENT_SIZE >> 20} MiB"
    if file.size == 0:
        yield "attachment", f"{file.filename} is empty"
    if content_type_of(file.filename) == "":
        yield "attachment", f"{file.filename} is of a kind that is not taken; taken are {', '.join(CONTENT_TYPES)}"


def content_type_of(filename: str) -> str:
    """The content type that a file's name stands for, empty for a kind that is not taken."""
    return CONTENT_TYPES.get(PurePath(filename).suffix.lstrip(".").lower(), "")


def _misfits(user_id: int, todo: Todo, now: datetime) -> list[str]:
    """Why Discord would refuse the post, the file of which is measured elsewhere."""
    embed = submission_embed(user_id, todo, Notice("0" * 16, NoticeKind.SUBMISSION, now))
    # Without its picture, which names a file that this message does not bring.
    return violations(Message(embeds=(replace(embed, image=""),)))
