"""A Discord message as a value, and the payload it becomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class EmbedField:
    """A titled piece of an embed."""

    name: str
    value: str
    inline: bool = False


@dataclass(frozen=True, slots=True)
class Embed:
    """A card in a message; `color` is 0xRRGGBB."""

    title: str
    description: str = ""
    color: int = 0
    fields: tuple[EmbedField, ...] = ()
    footer: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A message to be posted. Only the roles and users named here are notified, whatever the text says."""

    embeds: tuple[Embed, ...] = ()
    content: str = ""
    mention_roles: tuple[int, ...] = ()
    mention_users: tuple[int, ...] = ()

    def allowed_mentions(self) -> dict[str, Any]:
        """Return Discord's allowed-mentions object: closed but for the named roles and users."""
        return {
            "parse": [],
            "roles": [str(role) for role in self.mention_roles],
            "users": [str(user) for user in self.mention_users],
        }
