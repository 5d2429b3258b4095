"""Whom announcements mention: what the guild says of each of them, and whether it notifies anybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from giftping.discord.members import RoleInfo
from giftping.discord.refusals import clean
from giftping.store.base import EVERYONE, HERE
from giftping.text import id_or_none


@dataclass(frozen=True, slots=True)
class MentionFacts:
    """A role that announcements mention, or everybody."""

    mention: str
    """A role's id, EVERYONE or HERE."""
    is_known: bool = True
    """Whether the guild has it."""
    is_mentionable: bool = True
    """Whether anybody may mention it; nobody may everybody without being allowed to."""
    is_allowed: bool = True
    """Whether who posts there may mention what not anybody may; a webhook may."""
    name: str = ""
    """What the guild calls the role; empty where that is not known."""

    @property
    def reaches(self) -> bool:
        """Whether the mention notifies anybody."""
        return self.is_known and (self.is_mentionable or self.is_allowed)


def reaches(mention: MentionFacts, guild_id: int) -> bool:
    """Whether a mention notifies anybody; that of the guild's own role, as a role, does not."""
    return mention.reaches and mention.mention != str(guild_id)


def mention_facts(
    mentions: Sequence[str], roles: Mapping[int, RoleInfo], *, is_allowed: bool = True
) -> tuple[MentionFacts, ...]:
    """What the guild's roles say of each mention; `is_allowed` when who posts may mention what not anybody may."""
    return tuple(_mention(mention, roles, is_allowed=is_allowed) for mention in mentions)


def _mention(mention: str, roles: Mapping[int, RoleInfo], *, is_allowed: bool) -> MentionFacts:
    if mention in (EVERYONE, HERE):
        return MentionFacts(mention, is_mentionable=False, is_allowed=is_allowed)
    role = roles.get(id_or_none(mention) or 0)
    if role is None:
        return MentionFacts(mention, is_known=False, is_mentionable=False, is_allowed=is_allowed)
    return MentionFacts(mention, True, role.is_mentionable, is_allowed, clean(role.name))
