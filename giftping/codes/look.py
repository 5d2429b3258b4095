"""How a message with codes looks: what stands in its content, its card and its buttons, in each style. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from giftping.codes.model import Code
from giftping.codes.showing import Showing, Validity
from giftping.discord.limits import (
    BUTTON_LABEL_LENGTH,
    BUTTON_URL_LENGTH,
    CONTENT_LENGTH,
    FIELD_VALUE_LENGTH,
    TITLE_LENGTH,
    text_length,
    truncate,
)
from giftping.discord.message import Embed, EmbedField, LinkButton, Message
from giftping.settings.catalogue import Game
from giftping.settings.sources import MANUAL_SOURCE
from giftping.store.base import EVERYONE, HERE, Style, Subscription
from giftping.store.documents import mentions_in, style_from
from giftping.text import (
    discord_time,
    discord_until,
    escape_markdown,
    in_code_marks,
    last_day,
    look_alike,
    without_hidden,
)
from giftping.words.catalogue import Words

REWARDS_LENGTH = 400
COMPACT_REWARDS_LENGTH = 80
EXPIRY_TEXT_LENGTH = 80
REGION_LENGTH = 60
SOURCES_LENGTH = 120
MESSAGE_LENGTH = 5_800
"""Somewhat below Discord's 6,000 for all embeds of a message, so that part numbers always fit."""

MENTIONED = 40
"""The most that one subscription may mention, so that the codes have room in the content, too."""

GREY = 0x99AAB5
"""The colour of a message whose codes are all over: Discord's own for what is inactive."""


@dataclass(frozen=True, slots=True)
class Look:
    """In which way codes of a game are shown to the members of a guild."""

    game: Game
    words: Words
    style: Style = Style.FULL
    mentions: Sequence[str] = ()
    """The ids of roles, EVERYONE and HERE."""
    rewards_length: int = REWARDS_LENGTH
    """The most that is shown of what each code brings; nothing at 0."""
    has_links: bool = True
    """Whether the card has links to redeem the codes."""


def look_for(subscription: Subscription, game: Game, words: Words) -> Look:
    """How codes of a game look where a subscription wants them."""
    return Look(game, words, subscription.style, subscription.mentions)


def look_as_claimed(look: Look, entry: Mapping[str, Any]) -> Look:
    """How the message looked that an entry was claimed for; where an older release wrote that, as it would now."""
    style = style_from(entry.get("style"))
    return look if style is None else replace(look, style=style, mentions=mentions_in(entry.get("mention")))


def message_of(look: Look, shown: Sequence[Showing], title: str, footer: str, *, has_content: bool = True) -> Message:
    """The message that shows these codes, with buttons to redeem them, and with links where Discord takes no buttons.

    Without content that which is there stays, in an edit.
    """
    is_over = all(one.validity is not Validity.VALID for one in shown)
    buttons = _buttons(look, shown)
    linked = Message(
        embeds=(_card(look, shown, title, footer, is_over=is_over),),
        content=_content(look, shown) if has_content else "",
        mention_roles=tuple(int(one) for one in _mentioned(look) if one not in (EVERYONE, HERE)),
        mention_everyone=any(one in (EVERYONE, HERE) for one in _mentioned(look)),
    )
    if not buttons:
        return linked
    card = _card(replace(look, has_links=False), shown, title, footer, is_over=is_over)
    return replace(linked, embeds=(card,), buttons=buttons, without_buttons=linked)


# The content: what a phone's notification shows, and what can be copied there.


def _content(look: Look, shown: Sequence[Showing]) -> str:
    """Whom it mentions, and each code alone in its line."""
    heading = " ".join(f"@{one}" if one in (EVERYONE, HERE) else f"<@&{one}>" for one in _mentioned(look))
    for escaped in (escape_markdown, look_alike):
        lines = (
            f"`{in_code_marks(one.code.spelling)}`"
            if one.validity is Validity.VALID
            else f"~~{escaped(one.code.spelling)}~~"
            for one in shown
        )
        content = "\n".join(filter(None, (heading, *lines)))
        if text_length(content) <= CONTENT_LENGTH:
            break
    return content


def _mentioned(look: Look) -> Sequence[str]:
    return look.mentions[:MENTIONED]


# The buttons


def _buttons(look: Look, shown: Sequence[Showing]) -> tuple[LinkButton, ...]:
    """A button for each code that can be redeemed, one for all where the page takes no code; none where one is not."""
    valid = [one.code for one in shown if one.validity is Validity.VALID]
    if not look.game.redeem_url or not valid:
        return ()
    words = look.words
    if len(shown) == 1 or not look.game.redeems_by_address:
        buttons = [LinkButton(_label(words("announcement.redeem")), look.game.redeem_address(valid[0].spelling))]
    else:
        buttons = [
            LinkButton(
                _label(words("announcement.redeem_code", code=without_hidden(code.spelling))),
                look.game.redeem_address(code.spelling),
            )
            for code in valid
        ]
    return tuple(buttons) if all(text_length(one.url) <= BUTTON_URL_LENGTH for one in buttons) else ()


def _label(text: str) -> str:
    return truncate(text, BUTTON_LABEL_LENGTH)


# The card


def _card(look: Look, shown: Sequence[Showing], title: str, footer: str, *, is_over: bool) -> Embed:
    game = look.game
    # Room for the marks that strike it through.
    title = truncate(title, TITLE_LENGTH - 4)
    is_compact = look.style is Style.COMPACT
    return Embed(
        title=f"~~{title}~~" if is_over else title,
        description="\n".join(_lines(look, shown)) if is_compact else "",
        color=GREY if is_over else game.color,
        fields=() if is_compact else tuple(_field(look, one) for one in shown),
        footer="" if is_over else footer,
        thumbnail=game.thumbnail,
        image=game.image,
    )


def _lines(look: Look, shown: Sequence[Showing]) -> list[str]:
    """A line for each code, and one for the page where all are redeemed."""
    valid = [one.code for one in shown if one.validity is Validity.VALID]
    page = "" if look.game.redeems_by_address or not valid else _link(look, valid[0], FIELD_VALUE_LENGTH)
    return [*(_line(look, one) for one in shown), *filter(None, [page])]


def _line(look: Look, one: Showing) -> str:
    words, code = look.words, one.code
    if one.validity is not Validity.VALID:
        state = words("compact.withdrawn") if one.validity is Validity.WITHDRAWN else words("compact.ended")
        return f"~~{escape_markdown(code.spelling)}~~ · {state}"
    length = min(look.rewards_length, COMPACT_REWARDS_LENGTH)
    parts = [
        f"`{in_code_marks(code.spelling)}`",
        _on_one_line(code.rewards, length),
        words("compact.until", end=end) if (end := _expiry(code)) else "",
        _on_one_line(", ".join(code.regions), REGION_LENGTH) if length else "",
        _link(look, code, FIELD_VALUE_LENGTH) if look.game.redeems_by_address else "",
    ]
    return " · ".join(filter(None, parts))


def _field(look: Look, one: Showing) -> EmbedField:
    words = look.words
    if one.validity is Validity.VALID:
        return EmbedField(words("announcement.code"), _field_text(look, one.code))
    # Not in a block of its own any more: that invites to copy it.
    struck = f"~~{escape_markdown(one.code.spelling)}~~"
    if one.validity is Validity.WITHDRAWN:
        return EmbedField(words("edited.withdrawn"), f"{struck}\n{words('edited.mistake')}")
    lines = [struck, _rewards(look, one.code)]
    if one.code.expires_at is not None:
        lines.append(words("edited.ended_at", end=discord_time(one.code.expires_at)))
    return EmbedField(words("edited.ended"), truncate("\n".join(filter(None, lines)), FIELD_VALUE_LENGTH))


def _field_text(look: Look, code: Code) -> str:
    words, game = look.words, look.game
    lines = [
        f"```\n{in_code_marks(code.spelling)}\n```",
        _rewards(look, code),
        words("announcement.expires", end=_expiry(code) or words("announcement.not_stated")),
    ]
    if code.regions:
        lines.append(words("announcement.region", regions=_plain(", ".join(code.regions), REGION_LENGTH)))
    sources = ", ".join(name for name in code.sources if name != MANUAL_SOURCE)
    if game.show_sources and sources:
        lines.append(words("announcement.sources", sources=_plain(sources, SOURCES_LENGTH)))
    # Phrases of one's own may be long. What is cut off then is never the code.
    text = truncate("\n".join(filter(None, lines)), FIELD_VALUE_LENGTH)
    link = _link(look, code, FIELD_VALUE_LENGTH - text_length(text) - 1)
    return f"{text}\n{link}" if link else text


def _link(look: Look, code: Code, room: int) -> str:
    """The link that redeems a code, empty where there is none, or no room for it: it is less than a code."""
    if not look.game.redeem_url or not look.has_links:
        return ""
    link = f"[{look.words('announcement.redeem')}]({look.game.redeem_address(code.spelling)})"
    return link if text_length(link) <= room else ""


def _rewards(look: Look, code: Code) -> str:
    words = look.words
    if not look.rewards_length:
        return ""
    rewards = _plain(code.rewards, look.rewards_length) or words("announcement.not_stated")
    return words("announcement.rewards", rewards=rewards)


def _expiry(code: Code) -> str:
    """When a code ends, as each reader sees it; empty where that is not stated."""
    if code.expires_at is None:
        return _on_one_line(code.expiry_text, EXPIRY_TEXT_LENGTH)
    # A day is the source's own: as an instant it would be another one for most readers.
    end = last_day(code.expires_at, code.expiry_text) or discord_time(code.expires_at)
    return f"{end} ({discord_until(code.expires_at)})"


def _on_one_line(text: str, length: int) -> str:
    return _plain(" ".join(text.split()), length) if length else ""


def _plain(text: str, length: int) -> str:
    return truncate(escape_markdown(text), length)
