"""What members are told, as messages. Pure.

Colours and fields are those that the older bot's users know. A mention notifies only from a message's content and
with allowed mentions for exactly the members meant; the one in an embed is for reading. Each embed ends with a
reference, by which a run that does not know whether its message arrived finds it in the channel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from giftping.discord.limits import EMBEDS, FIELD_VALUE_LENGTH, MESSAGE_EMBEDS_LENGTH, embed_length
from giftping.discord.message import Embed, EmbedField, Message
from giftping.text import discord_time, discord_until
from giftping.todo.model import Member, Notice, NoticeKind, Todo

GREEN, GOLD, ORANGE, RED = 3066993, 15844367, 15105570, 15158332

HOW = "Hand in your TODO with `/todo`."

LIST_LENGTH = FIELD_VALUE_LENGTH
"""The most characters of one list of a TODO: it is one field of the post."""


@dataclass(frozen=True, slots=True)
class NoticeDetails:
    """One notice for one member, with what its text says."""

    member: Member
    notice: Notice
    next_ping_at: datetime | None = None
    """When the next ping comes, if there is no TODO before."""
    role_off_at: datetime | None = None
    """When the role would go, for a warning."""
    role_id: int | None = None
    """The role that the text names."""

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


def submission_embed(user_id: int, todo: Todo, notice: Notice) -> Embed:
    """The post of a TODO that was handed in; its lists are shown as they were written."""
    by_other = todo.submitted_by not in (None, user_id)
    people = [EmbedField("👤 For" if by_other else "👤 Submitted by", _mention(user_id))]
    if by_other:
        people.append(EmbedField("👨‍💼 Submitted by", f"<@{todo.submitted_by}>"))
    lists = (("✔️ Must do", todo.must_do), ("🎯 Can do", todo.can_do), ("❌ Don't do", todo.dont_do))
    file = todo.attachment
    return Embed(
        title="✅ TODO submitted for a member" if by_other else "✅ New TODO submitted",
        color=GOLD if by_other else GREEN,
        fields=(
            *people,
            EmbedField("📅 Date", todo.date, inline=True),
            EmbedField("📝 Name", todo.name, inline=True),
            *(EmbedField(name, text) for name, text in lists if text),
            *((EmbedField("📎 File", file.filename),) if file else ()),
        ),
        image=f"attachment://{file.filename}" if file and file.is_image else "",
        footer=f"User {user_id} · {reference(notice)}",
    )


def _mentions(details: NoticeDetails) -> bool:
    return details.notice.kind is not NoticeKind.SUBMISSION or details.by_other


def _channel_embed(details: NoticeDetails) -> Embed:
    user_id = details.member.user_id
    who = _mention(user_id)
    match details.notice.kind:
        case NoticeKind.SUBMISSION:
            return submission_embed(user_id, details.todo, details.notice)
        case NoticeKind.REMINDER:
            return _embed("⏰ TODO reminder", GOLD, f"{who}, {_silence(details)}.", details)
        case NoticeKind.WARNING:
            return _embed("⚠️ Last call for your TODO", ORANGE, f"{who}, {_silence(details)}.", details)
        case NoticeKind.REMOVAL:
            text = f"{who} has lost {_role(details)}: {_silence(details)}, in spite of a warning."
            return _embed("❌ TODO role removed", RED, text, details)
        case NoticeKind.RESTORE:
            text = f"{who} has handed in a TODO and has {_role(details)} again."
            return _embed("✅ TODO role is back", GREEN, text, details)


def _dm_embed(details: NoticeDetails) -> Embed:
    match details.notice.kind:
        case NoticeKind.SUBMISSION:
            text = f"<@{details.todo.submitted_by}> has handed in a TODO for you. Your clock starts anew."
            return _embed("✅ A TODO was submitted for you", GOLD, text, details)
        case NoticeKind.REMINDER:
            return _embed("🔔 TODO reminder", ORANGE, f"{_silence(details, you=True)}.", details)
        case NoticeKind.WARNING:
            return _embed("⚠️ Last call for your TODO", ORANGE, f"{_silence(details, you=True)}.", details)
        case NoticeKind.REMOVAL:
            text = f"You have lost {_role(details)}: {_silence(details)}, in spite of a warning."
            return _embed("❌ TODO role removed", RED, text, details)
        case NoticeKind.RESTORE:
            text = f"Thank you for your TODO: you have {_role(details)} again."
            return _embed("✅ TODO role is back", GREEN, text, details)


def _embed(title: str, color: int, text: str, details: NoticeDetails) -> Embed:
    fields = tuple(_fields(details))
    return Embed(title, text[:1].upper() + text[1:], color, fields, reference(details.notice))


def _fields(details: NoticeDetails) -> list[EmbedField]:
    match details.notice.kind:
        case NoticeKind.SUBMISSION:
            return [EmbedField("📅 Date", details.todo.date)]
        case NoticeKind.REMINDER | NoticeKind.WARNING:
            return _ping_fields(details)
        case NoticeKind.REMOVAL:
            return [EmbedField("📝 The way back", f"{HOW} The role comes back with it.")]
        case NoticeKind.RESTORE:
            return []


def _ping_fields(details: NoticeDetails) -> list[EmbedField]:
    fields = [EmbedField("📝 What to do", HOW)]
    if details.role_off_at is not None and details.notice.kind is NoticeKind.WARNING:
        fields.append(
            EmbedField(
                "⚠️ Otherwise",
                f"{_role(details)} goes {discord_time(details.role_off_at)}, {discord_until(details.role_off_at)}.",
            )
        )
    elif details.next_ping_at is not None:
        fields.append(EmbedField("🔄 Otherwise", f"The next reminder comes {discord_until(details.next_ping_at)}."))
    return fields


def _silence(details: NoticeDetails, *, you: bool = False) -> str:
    member = details.member
    last, added = member.last_submit, member.added
    if last is not None and (added is None or added <= last):
        return f"{'your' if you else 'the'} last TODO came {discord_until(last)}"
    since = f" since {discord_time(added)}" if added else ""
    return f"{'you have' if you else 'there has been'} {'handed in no TODO' if you else 'no TODO'}{since}"


def _role(details: NoticeDetails) -> str:
    return f"<@&{details.role_id}>" if details.role_id else "the TODO role"


def _mention(user_id: int) -> str:
    return f"<@{user_id}>"
