"""A Discord message as a value, and the payload it becomes. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class EmbedField:
    """A titled piece of an embed."""

    name: str
    value: str
    inline: bool = False


@dataclass(frozen=True, slots=True)
class Embed:
    """A card in a message."""

    title: str
    description: str = ""
    color: int = 0
    """0xRRGGBB."""
    fields: tuple[EmbedField, ...] = ()
    footer: str = ""
    timestamp: datetime | None = None
    """Aware."""
    author: str = ""
    """The name above the title."""
    image: str = ""
    """A URL, or `attachment://name` for a file of the same message."""
    thumbnail: str = ""
    """The same, of a small picture in the corner."""

    def payload(self) -> dict[str, Any]:
        """The embed as Discord's API takes it; what is empty is left out."""
        parts: dict[str, Any] = {
            "title": self.title,
            "description": self.description,
            "fields": [{"name": f.name, "value": f.value, "inline": f.inline} for f in self.fields],
            "footer": {"text": self.footer} if self.footer else None,
            "timestamp": self.timestamp.isoformat() if self.timestamp else None,
            "author": {"name": self.author} if self.author else None,
            "image": {"url": self.image} if self.image else None,
            "thumbnail": {"url": self.thumbnail} if self.thumbnail else None,
        }
        return {"color": self.color} | {name: part for name, part in parts.items() if part}


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that goes out with a message."""

    filename: str
    content: bytes = field(repr=False)
    content_type: str
    """One that is none is sent as plain bytes."""


BUTTONS_IN_ROW = 5
"""The most buttons that stand side by side (Component Reference, Action Row)."""

_ACTION_ROW, _BUTTON, _LINK = 1, 2, 5
"""The types of a row and of a button, and the style of a button that leads somewhere (Component Reference)."""


@dataclass(frozen=True, slots=True)
class LinkButton:
    """A button below a message that leads to a page."""

    label: str
    url: str

    def payload(self) -> dict[str, Any]:
        """The button as Discord's API takes it."""
        return {"type": _BUTTON, "style": _LINK, "label": self.label, "url": self.url}


@dataclass(frozen=True, slots=True)
class ForumPost:
    """The post of a forum that a message opens."""

    name: str
    tags: tuple[str, ...] = ()
    """The ids of those that it gets."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message to be posted."""

    embeds: tuple[Embed, ...] = ()
    content: str = ""
    mention_roles: tuple[int, ...] = ()
    """Only these roles, and the users of the next field, are notified, whatever the text says."""
    mention_users: tuple[int, ...] = ()
    mention_everyone: bool = False
    """Whether @everyone and @here in the content notify."""
    files: tuple[Upload, ...] = ()
    buttons: tuple[LinkButton, ...] = ()
    without_buttons: Message | None = None
    """What goes out in its stead where Discord takes no buttons; None for the same without them."""
    post: ForumPost | None = None
    """The post that it opens, where it goes to a place in which each message needs one."""
    username: str = ""
    """Of a webhook's: the name that it is posted under; empty for the webhook's own."""
    avatar_url: str = ""
    """Likewise the picture beside it."""

    @property
    def notifies(self) -> bool:
        """Whether it mentions anybody."""
        return bool(self.mention_roles or self.mention_users or self.mention_everyone)

    def allowed_mentions(self) -> dict[str, Any]:
        """Discord's allowed-mentions object: closed but for what is meant, each named once."""
        return {
            "parse": ["everyone"] if self.mention_everyone else [],
            "roles": [str(role) for role in dict.fromkeys(self.mention_roles)],
            "users": [str(user) for user in dict.fromkeys(self.mention_users)],
        }

    def payload(self) -> dict[str, Any]:
        """The JSON object that posts this message; what is empty is left out, and so are the files."""
        body: dict[str, Any] = {
            "embeds": [embed.payload() for embed in self.embeds],
            "allowed_mentions": self.allowed_mentions(),
        }
        rows = self.button_rows()
        return body | ({"content": self.content} if self.content else {}) | ({"components": rows} if rows else {})

    def button_rows(self) -> list[dict[str, Any]]:
        """The buttons as Discord's API takes them, row by row."""
        starts = range(0, len(self.buttons), BUTTONS_IN_ROW)
        rows = (self.buttons[start : start + BUTTONS_IN_ROW] for start in starts)
        return [{"type": _ACTION_ROW, "components": [one.payload() for one in row]} for row in rows]
