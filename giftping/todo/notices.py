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
from giftping.todo.model import Member, Notice, NoticeKind, Todo

GREEN, GOLD, ORANGE, RED = 3066993, 15844367, 15105570, 15158332

HOW = "Hand in your TODO with `/todo`."


@dataclass(frozen=True, slots=True)
class Told:
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
    return any(isinstance(footer, Mapping) and str(footer.get("text")).endswith(wanted) for footer in footers)


def channel_message(told: Sequence[Told]) -> Message:
    """One message for the TODO channel that tells several members something, an embed each.

    A member who handed in a TODO is not pinged for it; one for whom somebody else did, is.
    """
    users = dict.fromkeys(one.member.user_id for one in told if _mentions(one))
    return Message(
        embeds=tuple(map(_channel_embed, told)),
        content=" ".join(f"<@{user}>" for user in users),
        mention_users=tuple(users),
    )


def dm_message(told: Told) -> Message:
    """The direct message that tells one member something."""
    return Message(embeds=(_dm_embed(told),))


def batches(told: Sequence[Told]) -> Iterator[list[Told]]:
    """The notices, as many at a time as fit into one message: ten embeds, and what Discord allows them together.

    A submission has a message of its own.
    """
    batch: list[Told] = []
    length = 0
    for one in told:
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


def _mentions(told: Told) -> bool:
    return told.notice.kind is not NoticeKind.SUBMISSION or told.by_other


def _channel_embed(told: Told) -> Embed:
    member, notice = told.member, told.notice
    who = _mention(member.user_id)
    match notice.kind:
        case NoticeKind.SUBMISSION:
            return submission_embed(member.user_id, told.todo, notice)
        case NoticeKind.REMINDER:
            return _embed("⏰ TODO reminder", GOLD, f"{who}, {_silence(told)}.", told, _ping_fields(told))
        case NoticeKind.WARNING:
            return _embed("⚠️ Last call for your TODO", ORANGE, f"{who}, {_silence(told)}.", told, _ping_fields(told))
        case NoticeKind.REMOVAL:
            text = f"{who} has lost {_role(told)}: {_silence(told)}, in spite of a warning."
            return _embed("❌ TODO role removed", RED, text, told, [_way_back()])
        case NoticeKind.RESTORE:
            return _embed(
                "✅ TODO role is back", GREEN, f"{who} has handed in a TODO and has {_role(told)} again.", told
            )


def _dm_embed(told: Told) -> Embed:
    match told.notice.kind:
        case NoticeKind.SUBMISSION:
            text = (
                f"<@{told.todo.submitted_by if told.todo else 0}> has handed in a TODO for you. Your clock starts anew."
            )
            date = [EmbedField("📅 Date", told.todo.date)] if told.todo else []
            return _embed("✅ A TODO was submitted for you", GOLD, text, told, date)
        case NoticeKind.REMINDER:
            return _embed("🔔 TODO reminder", ORANGE, f"{_silence(told, you=True)}.", told, _ping_fields(told))
        case NoticeKind.WARNING:
            return _embed("⚠️ Last call for your TODO", ORANGE, f"{_silence(told, you=True)}.", told, _ping_fields(told))
        case NoticeKind.REMOVAL:
            text = f"You have lost {_role(told)}: {_silence(told)}, in spite of a warning."
            return _embed("❌ TODO role removed", RED, text, told, [_way_back()])
        case NoticeKind.RESTORE:
            return _embed(
                "✅ TODO role is back", GREEN, f"Thank you for your TODO: you have {_role(told)} again.", told
            )


def _embed(title: str, color: int, text: str, told: Told, fields: Sequence[EmbedField] = ()) -> Embed:
    return Embed(title, text[:1].upper() + text[1:], color, tuple(fields), reference(told.notice))


def _ping_fields(told: Told) -> list[EmbedField]:
    fields = [EmbedField("📝 What to do", HOW)]
    if told.role_off_at is not None and told.notice.kind is NoticeKind.WARNING:
        fields.append(
            EmbedField("⚠️ Otherwise", f"{_role(told)} goes {_time(told.role_off_at)}, {_ago(told.role_off_at)}.")
        )
    elif told.next_ping_at is not None:
        fields.append(EmbedField("🔄 Otherwise", f"The next reminder comes {_ago(told.next_ping_at)}."))
    return fields


def _way_back() -> EmbedField:
    return EmbedField("📝 The way back", f"{HOW} The role comes back with it.")


def _silence(told: Told, *, you: bool = False) -> str:
    member = told.member
    last, added = member.last_submit, member.added
    if last is not None and (added is None or added <= last):
        return f"{'your' if you else 'the'} last TODO came {_ago(last)}"
    since = f" since {_time(added)}" if added else ""
    return f"{'you have' if you else 'there has been'} {'handed in no TODO' if you else 'no TODO'}{since}"


def _role(told: Told) -> str:
    return f"<@&{told.role_id}>" if told.role_id else "the TODO role"


def _mention(user_id: int) -> str:
    return f"<@{user_id}>"


def _ago(at: datetime) -> str:
    return f"<t:{int(at.timestamp())}:R>"


def _time(at: datetime) -> str:
    return f"<t:{int(at.timestamp())}:f>"


LIST_LENGTH = FIELD_VALUE_LENGTH
"""The most characters of one list of a TODO: it is one field of the post."""
