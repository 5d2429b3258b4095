"""What members are told, as messages. Pure.

Colours and fields are those that the older bot's users know. A mention notifies only from a message's content and
with allowed mentions for exactly the members meant; the one in an embed is for reading. Each embed ends with a
reference, by which a run that does not know whether its message arrived finds it in the channel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from giftping.discord.limits import (
    EMBEDS,
    FIELD_VALUE_LENGTH,
    MESSAGE_EMBEDS_LENGTH,
    embed_length,
    shown_whole,
    text_length,
    truncate,
)
from giftping.discord.message import Embed, EmbedField, Message
from giftping.text import LARGEST_ID, discord_time, discord_until, escape_markdown, look_alike
from giftping.todo.model import PINGS, Member, Notice, NoticeKind, Todo
from giftping.todo.texts import is_seen, pieces, shares
from giftping.words.catalogue import Words

GREEN, GOLD, ORANGE, RED = 3066993, 15844367, 15105570, 15158332

_FILENAME_SHOWN = 200
_CONTINUED = " …"

MOST_LIST_FIELDS = 9
"""Into how many fields the lists of a post go at most: as many as their room makes, and one more for each."""


class Speech(NamedTuple):
    """What is said to the members of a guild, and how it has them hand in a TODO."""

    words: Words
    how: str


@dataclass(frozen=True, slots=True)
class NoticeDetails:
    """One notice for one member, with what its text says."""

    member: Member
    notice: Notice
    words: Words
    """What is said in the guild."""
    next_ping_at: datetime | None = None
    """When the next ping comes, if there is no TODO before."""
    role_off_at: datetime | None = None
    """When the role would go, for a warning."""
    role_id: int | None = None
    """The role that the text names."""
    how: str = ""
    """How a TODO can be handed in."""

    @property
    def todo(self) -> Todo:
        """What was handed in, for the notices that tell of that."""
        return self.notice.todo or Todo(self.member.name or str(self.member.user_id), "–")

    @property
    def by_other(self) -> bool:
        """Whether somebody else handed it in."""
        return self.todo.submitted_by not in (None, self.member.user_id)


def reference(notice: Notice) -> str:
    """The text that stands at the end of a notice's embed, and of no other."""
    return f"ref {notice.id}"


def shows(message: Mapping[str, Any], notice: Notice) -> bool:
    """Whether a message, as Discord's API gives it, carries a notice."""
    wanted = reference(notice)
    footers = [embed.get("footer") for embed in message.get("embeds", ()) if isinstance(embed, Mapping)]
    # Its end, since the post of a TODO says before it whose that is.
    return any(isinstance(footer, Mapping) and str(footer.get("text")).endswith(wanted) for footer in footers)


def channel_message(details: Sequence[NoticeDetails]) -> Message:
    """One message for the TODO channel that tells several members something, an embed each.

    A member who handed in a TODO is not pinged for it; one for whom somebody else did, is.
    """
    # A member who is told two things in one message is named once.
    users = dict.fromkeys(one.member.user_id for one in details if _mentions(one))
    return Message(
        embeds=tuple(map(_channel_embed, details)),
        content=" ".join(f"<@{user}>" for user in users),
        mention_users=tuple(users),
    )


def dm_message(details: NoticeDetails) -> Message:
    """The direct message that tells one member something."""
    return Message(embeds=(_dm_embed(details),))


def batches(details: Sequence[NoticeDetails]) -> Iterator[list[NoticeDetails]]:
    """The notices, as many at a time as fit into one message: ten embeds, and what Discord allows them together.

    A submission has a message of its own.
    """
    batch: list[NoticeDetails] = []
    length = 0
    for one in details:
        # It may bring a file, and a picture among the files of a message is shown in the embed that names it.
        alone = one.notice.kind is NoticeKind.SUBMISSION
        more = embed_length(_channel_embed(one))
        if batch and (alone or len(batch) == EMBEDS or length + more > MESSAGE_EMBEDS_LENGTH):
            yield batch
            batch, length = [], 0
        batch.append(one)
        length += more
        if alone:
            yield batch
            batch, length = [], 0
    if batch:
        yield batch


def pings_a_message(speech: Speech) -> int:
    """How many reminders and warnings fit into one message, whoever they are for."""
    long_ago = datetime(9999, 12, 31, tzinfo=UTC)
    newcomer = Member(LARGEST_ID, added=long_ago)
    longest = max(
        embed_length(
            _channel_embed(NoticeDetails(member, notice, speech.words, long_ago, long_ago, LARGEST_ID, speech.how))
        )
        for member in (newcomer, replace(newcomer, last_submit=long_ago))
        for notice in (Notice("0" * 32, kind, long_ago) for kind in PINGS)
    )
    return max(min(EMBEDS, MESSAGE_EMBEDS_LENGTH // longest), 1)


def submission_embed(user_id: int, todo: Todo, notice: Notice, words: Words) -> Embed:
    """The post of a TODO that was handed in; its lists are shown as they were written, as far as there is room."""
    by_other = todo.submitted_by not in (None, user_id)
    people = [EmbedField(words("todo.post.for") if by_other else words("todo.post.by"), _mention(user_id))]
    if by_other:
        people.append(EmbedField(words("todo.post.by_other"), f"<@{todo.submitted_by}>"))
    file = todo.attachment
    shown_file = [EmbedField(words("todo.post.file"), _shown(truncate(file.filename, _FILENAME_SHOWN)))] if file else []
    bare = Embed(
        title=words("todo.post.title_for_other") if by_other else words("todo.post.title"),
        color=GOLD if by_other else GREEN,
        description=words("todo.post.cut"),
        fields=(
            *people,
            EmbedField(words("todo.post.date"), _shown(todo.date), inline=True),
            EmbedField(words("todo.post.name"), _shown(todo.name), inline=True),
        ),
        image=f"attachment://{file.filename}" if file and file.is_image else "",
        footer=f"{words('todo.post.user', user_id=user_id)} · {reference(notice)}",
    )
    lists = {
        words("todo.post.must_do"): todo.must_do,
        words("todo.post.can_do"): todo.can_do,
        words("todo.post.dont_do"): todo.dont_do,
    }
    titles = MOST_LIST_FIELDS * (max(map(text_length, lists)) + len(_CONTINUED))
    room = MESSAGE_EMBEDS_LENGTH - titles - embed_length(replace(bare, fields=(*bare.fields, *shown_file)))
    written = _letter_by_letter(lists, room)
    shown = shares(written, room)
    is_whole = shown == written and text_length(todo.name.strip()) <= FIELD_VALUE_LENGTH
    of_lists = (field for title, text in shown.items() for field in _list_fields(title, text))
    return replace(
        bare, description="" if is_whole else bare.description, fields=(*bare.fields, *of_lists, *shown_file)
    )


def _letter_by_letter(texts: Mapping[str, str], room: int) -> dict[str, str]:
    """What somebody wrote, as Discord shows it letter by letter, in whatever way needs no more room than there is."""
    escaped = {title: escape_markdown(text) for title, text in texts.items()}
    if sum(map(text_length, escaped.values())) <= room:
        return escaped
    return {title: look_alike(text) for title, text in texts.items()}


def _list_fields(title: str, text: str) -> Iterator[EmbedField]:
    """The fields of one list: as many as it takes, one after the other."""
    # Discord takes no field of which nothing can be seen.
    for number, piece in enumerate(filter(is_seen, pieces(text))):
        yield EmbedField(f"{title}{_CONTINUED}" if number else title, piece)


def _mentions(details: NoticeDetails) -> bool:
    return details.notice.kind is not NoticeKind.SUBMISSION or details.by_other


def _channel_embed(details: NoticeDetails) -> Embed:
    words, user_id = details.words, details.member.user_id
    who = _mention(user_id)
    match details.notice.kind:
        case NoticeKind.SUBMISSION:
            return submission_embed(user_id, details.todo, details.notice, words)
        case NoticeKind.REMINDER | NoticeKind.WARNING:
            is_last = details.notice.kind is NoticeKind.WARNING
            title = words("todo.channel.warning") if is_last else words("todo.channel.reminder")
            said = (
                words("todo.channel.silent_since_todo", who=who, ago=_ago(details))
                if _is_since_todo(details)
                else words("todo.channel.silent_since", who=who, since=since)
                if (since := _since(details))
                else words("todo.channel.silent", who=who)
            )
            return _embed(title, ORANGE if is_last else GOLD, said, details)
        case NoticeKind.REMOVAL:
            role = _role(details)
            said = (
                words("todo.channel.removed_since_todo", who=who, role=role, ago=_ago(details))
                if _is_since_todo(details)
                else words("todo.channel.removed_since", who=who, role=role, since=since)
                if (since := _since(details))
                else words("todo.channel.removed", who=who, role=role)
            )
            return _embed(words("todo.channel.removal"), RED, said, details)
        case NoticeKind.RESTORE:
            said = words("todo.channel.restored", who=who, role=_role(details))
            return _embed(words("todo.channel.restore"), GREEN, said, details)


def _dm_embed(details: NoticeDetails) -> Embed:
    words = details.words
    match details.notice.kind:
        case NoticeKind.SUBMISSION:
            said = words("todo.dm.submitted_by", who=f"<@{details.todo.submitted_by}>")
            return _embed(words("todo.dm.submitted"), GOLD, said, details)
        case NoticeKind.REMINDER | NoticeKind.WARNING:
            is_last = details.notice.kind is NoticeKind.WARNING
            title = words("todo.dm.warning") if is_last else words("todo.dm.reminder")
            said = (
                words("todo.dm.silent_since_todo", ago=_ago(details))
                if _is_since_todo(details)
                else words("todo.dm.silent_since", since=since)
                if (since := _since(details))
                else words("todo.dm.silent")
            )
            return _embed(title, ORANGE, said, details)
        case NoticeKind.REMOVAL:
            role = _role(details)
            said = (
                words("todo.dm.removed_since_todo", role=role, ago=_ago(details))
                if _is_since_todo(details)
                else words("todo.dm.removed_since", role=role, since=since)
                if (since := _since(details))
                else words("todo.dm.removed", role=role)
            )
            return _embed(words("todo.dm.removal"), RED, said, details)
        case NoticeKind.RESTORE:
            return _embed(words("todo.dm.restore"), GREEN, words("todo.dm.restored", role=_role(details)), details)


def _embed(title: str, color: int, text: str, details: NoticeDetails) -> Embed:
    fields = tuple(_fields(details))
    return Embed(title, text[:1].upper() + text[1:], color, fields, reference(details.notice))


def _fields(details: NoticeDetails) -> list[EmbedField]:
    words = details.words
    match details.notice.kind:
        case NoticeKind.SUBMISSION:
            return [EmbedField(words("todo.post.date"), _shown(details.todo.date))]
        case NoticeKind.REMINDER | NoticeKind.WARNING:
            return _ping_fields(details)
        case NoticeKind.REMOVAL:
            return [EmbedField(words("todo.next.way_back"), words("todo.next.comes_back", how=details.how))]
        case NoticeKind.RESTORE:
            return []


def _ping_fields(details: NoticeDetails) -> list[EmbedField]:
    words, off_at = details.words, details.role_off_at
    fields = [EmbedField(words("todo.next.what_to_do"), details.how)]
    if off_at is not None and details.notice.kind is NoticeKind.WARNING:
        goes = words("todo.next.role_goes", role=_role(details), at=discord_time(off_at), ago=discord_until(off_at))
        fields.append(EmbedField(words("todo.next.otherwise_role"), goes))
    elif details.next_ping_at is not None:
        comes = words("todo.next.next_reminder", ago=discord_until(details.next_ping_at))
        fields.append(EmbedField(words("todo.next.otherwise_reminder"), comes))
    return fields


def _is_since_todo(details: NoticeDetails) -> bool:
    """Whether it is a TODO since which the member has been silent, and not how they came to take part."""
    member = details.member
    return member.last_submit is not None and member.silent_since == member.last_submit


def _ago(details: NoticeDetails) -> str:
    last = details.member.last_submit
    return discord_until(last) if last is not None else ""


def _since(details: NoticeDetails) -> str:
    since = details.member.silent_since
    return discord_time(since) if since else ""


def _shown(text: str) -> str:
    """What somebody wrote, as the value of a field: letter by letter; a dash for what shows nothing."""
    return shown_whole(text, FIELD_VALUE_LENGTH) or "–"


def _role(details: NoticeDetails) -> str:
    return f"<@&{details.role_id}>" if details.role_id else details.words("todo.the_role")


def _mention(user_id: int) -> str:
    return f"<@{user_id}>"
