"""Messages with buttons, also where Discord takes none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from giftping.discord.http import Answer, DiscordHttp, Result
from giftping.discord.message import Message
from giftping.discord.outcome import Refused

COMPONENTS = "components"
"""The part of a body that buttons stand in."""


def sent_as_taken(http: DiscordHttp, place: str, message: Message, send: Callable[[Message], Result]) -> Result:
    """How a message was taken: with its buttons, or once more without them where Discord has refused just those.

    That is remembered of the place for the rest of the run. A no is a no: nothing was posted before the second one.
    """
    if not message.buttons or place in http.buttonless:
        return send(linked(message))
    result = send(message)
    if not isinstance(result, Refused) or COMPONENTS not in result.parts:
        return result
    http.buttonless.add(place)
    again = send(linked(message))
    if not isinstance(again, Answer):
        # They were not why, or not alone: the next message shows it.
        http.buttonless.discard(place)
    return again


def linked(message: Message) -> Message:
    """A message without its buttons, with what goes out in their stead, to the same place and under the same name."""
    instead = message.without_buttons or replace(message, buttons=())
    return replace(instead, post=message.post, username=message.username, avatar_url=message.avatar_url)
