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

    def payload(self) -> dict[str, Any]:
        """Return the embed as Discord's API takes it; what is empty is left out."""
        parts: dict[str, Any] = {
            "title": self.title,
            "description": self.description,
            "fields": [{"name": f.name, "value": f.value, "inline": f.inline} for f in self.fields],
            "footer": {"text": self.footer} if self.footer else None,
        }
        return {"color": self.color} | {name: part for name, part in parts.items() if part}


@dataclass(frozen=True, slots=True)
class Message:
    """A message to be posted. Only the roles and users named here are notified, whatever the text says."""

    embeds: tuple[Embed, ...] = ()
    content: str = ""
    mention_roles: tuple[int, ...] = ()
    mention_users: tuple[int, ...] = ()

    def allowed_mentions(self) -> dict[str, Any]:
        """Return Discord's allowed-mentions object: closed but for the named roles and users, each named once."""
        return {
            "parse": [],
            "roles": [str(role) for role in dict.fromkeys(self.mention_roles)],
            "users": [str(user) for user in dict.fromkeys(self.mention_users)],
        }

    def payload(self) -> dict[str, Any]:
        """Return the JSON object that posts this message; what is empty is left out."""
        body: dict[str, Any] = {
            "embeds": [embed.payload() for embed in self.embeds],
            "allowed_mentions": self.allowed_mentions(),
        }
        return body | ({"content": self.content} if self.content else {})
