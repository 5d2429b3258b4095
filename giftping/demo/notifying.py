"""Whom a message notifies, as Discord decides it: by its content and its allowed mentions, never by its embeds."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from giftping.demo.rules import AllowedMentions

_USER = re.compile(r"<@!?(\d+)>")
_ROLE = re.compile(r"<@&(\d+)>")
_EVERYONE = re.compile(r"@(everyone|here)\b")


@dataclass(frozen=True, slots=True)
class Notified:
    """Whom a message names so that it may notify them."""

    users: tuple[int, ...] = ()
    roles: tuple[int, ...] = ()
    everyone: bool = False


def notified_by(content: str, allowed: AllowedMentions, silent: Container[int] = ()) -> Notified:
    """Those whom a message notifies: mentioned in its content, and permitted by its allowed mentions.

    Embeds notify nobody, and the roles of `silent` are not mentionable to the author. The author is taken as allowed
    to mention everyone, so that a ping that Discord might swallow is still seen.
    """
    users = dict.fromkeys(int(user) for user in _USER.findall(content))
    roles = dict.fromkeys(int(role) for role in _ROLE.findall(content))
    return Notified(
        users=tuple(user for user in users if "users" in allowed.parse or user in allowed.users),
        roles=tuple(
            role for role in roles if ("roles" in allowed.parse or role in allowed.roles) and role not in silent
        ),
        everyone="everyone" in allowed.parse and _EVERYONE.search(content) is not None,
    )
