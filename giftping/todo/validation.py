"""What a TODO must be to be handed in: one validator for every way in, before anything is saved. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import PurePath

from giftping.discord.limits import text_length
from giftping.errors import UsageError
from giftping.text import day_first
from giftping.todo.model import Attachment, Member, Todo
from giftping.todo.texts import TEXT_LENGTH, is_seen, is_storable, says_something
from giftping.words.said import DiscordText, Said

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

NEAR_DAYS = 1
"""How many days before or after today a TODO may be for: the evening before, and the morning after."""


Mistake = tuple[str, Said]
"""What is wrong with a TODO: the field, empty for the whole, and the reason."""


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

    def __init__(self, mistakes: list[Mistake]) -> None:
        self.mistakes = mistakes
        """All of them, each with the field that it is about, empty for the whole."""
        super().__init__("\n".join(f"{field}: {reason}" if field else reason for field, reason in mistakes))


def shown_member(user_id: int, name: str = "") -> DiscordText:
    """A member by name or else by id, whom Discord shows by a mention."""
    return DiscordText(name or str(user_id), f"<@{user_id}>")


def not_listed(user_id: int) -> Said:
    """That a member is not on the roster, and what to do about it."""
    return Said("todo.wrong.not_listed", who=shown_member(user_id), command="todo roster add")


class NotOnRosterError(SubmissionError):
    """Whoever hands in a TODO of their own is not on the roster."""

    def __init__(self, user_id: int) -> None:
        super().__init__([("", not_listed(user_id))])


def validated(
    draft: TodoDraft, member: Member, *, todo_id: str, now: datetime, today: date, submitted_by: int | None = None
) -> Todo:
    """The TODO of a draft; `today` is the member's own. Raise SubmissionError with every mistake at once.

    What is returned fits into the post that Discord is sent: it was made and measured.
    """
    mistakes: list[Mistake] = []
    todo = Todo(
        # Who is on the roster without a name is called what everybody may be.
        name=_written(draft.name) or member.name.strip() or str(member.user_id),
        date=_date(draft.date.strip(), today, mistakes),
        must_do=_written(draft.must_do),
        can_do=_written(draft.can_do),
        dont_do=_written(draft.dont_do),
        id=todo_id,
        submitted_at=now,
        submitted_by=submitted_by,
        attachment=draft.attachment,
    )
    mistakes += [*_text_mistakes(draft), *_list_mistakes(draft, todo), *file_mistakes(todo.attachment)]
    if not mistakes and is_repeated(todo, member.todo) and member.todo and member.todo.date == todo.date:
        mistakes.append(("", Said("todo.wrong.twice", day=todo.date)))
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


def _date(text: str, today: date, mistakes: list[Mistake]) -> str:
    """The date as DD/MM/YYYY; note a mistake for one that is none, or is not near today."""
    if not text:
        return f"{today:%d/%m/%Y}"
    day = day_first(text)
    if day is None:
        mistakes.append(("date", Said("todo.wrong.date", text=repr(text), today=f"{today:%d/%m/%Y}")))
        return text
    if abs(day - today) > timedelta(days=NEAR_DAYS):
        mistakes.append(("date", Said("todo.wrong.far", day=f"{day:%d/%m/%Y}", today=f"{today:%d/%m/%Y}")))
    return f"{day:%d/%m/%Y}"


def _written(text: str) -> str:
    """A text without the blanks around it; empty for one of which nothing can be seen, which is as good as left out."""
    return text.strip() if is_seen(text) else ""


def _text_mistakes(draft: TodoDraft) -> Iterator[Mistake]:
    """What is wrong with what was typed; a name from the roster is nobody's mistake."""
    for name in ("name", *LISTS):
        text = getattr(draft, name)
        if not is_storable(text):
            yield name, Said("todo.wrong.encoding")
        elif (length := text_length(text)) > TEXT_LENGTH:
            yield name, Said("todo.wrong.long", count=length, most=TEXT_LENGTH)


def _list_mistakes(draft: TodoDraft, todo: Todo) -> Iterator[Mistake]:
    if todo.attachment is not None or any(map(says_something, _texts(todo))):
        return
    typed = next((name for name in LISTS if getattr(draft, name).strip()), "")
    if not typed:
        yield "", Said("todo.wrong.empty", fields=", ".join(LISTS))
    elif not any(_texts(todo)):
        yield typed, Said("todo.wrong.unseen")
    else:
        yield next(name for name in LISTS if getattr(todo, name)), Said("todo.wrong.signs")


def file_mistakes(file: Attachment | None) -> Iterator[Mistake]:
    """Why a file cannot be handed in, each reason with the field."""
    if file is None:
        return
    if file.size > ATTACHMENT_SIZE:
        size, most = f"{file.size / 2**20:.1f}", ATTACHMENT_SIZE >> 20
        yield "attachment", Said("todo.wrong.big_file", file=file.filename, size=size, most=most)
    if file.size == 0:
        yield "attachment", Said("todo.wrong.empty_file", file=file.filename)
    if content_type_of(file.filename) == "":
        kinds = ", ".join(CONTENT_TYPES)
        yield "attachment", Said("todo.wrong.kind_of_file", file=file.filename, kinds=kinds)


def content_type_of(filename: str) -> str:
    """The content type that a file's name stands for, empty for a kind that is not taken."""
    return CONTENT_TYPES.get(PurePath(filename).suffix.lstrip(".").lower(), "")
