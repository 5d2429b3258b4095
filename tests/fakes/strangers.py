"""What strangers write to be heard, clicked or misread, and what a message of ours lets them do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import strategies as st

from giftping.demo.notifying import Notified, notified_by
from giftping.demo.rules import AllowedMentions

TRICKS = (
    *("@everyone", "@here", "@Everyone", "<@101>", "<@!101>", "<@&3>", "<#2>", "</todo:1>", "<t:1700000000:R>"),
    *("<:gift:1>", "<a:gift:1>", "<id:customize>", "<https://evil.example>", "[gems](https://evil.example/{code})"),
    *("[gems](<https://evil.example>)", "[https://discord.com](https://evil.example)", "](https://evil.example)", "["),
    *("https://evil.example", "discord.gg/evil", "https://discord.com/invite/evil", "DISCORD.GG/evil"),
    *(
        "||spoiler||",
        "```",
        "`",
        "``",
        "**",
        "__",
        "~~",
        "\\",
        "\\\\",
        "\n# big",
        "\n-# small",
        "\n> quote",
        "\n>>> all",
    ),
    *(
        "\u202e",
        "\u2066",
        "\u200f",
        "\u200b",
        "\u2060",
        "\ufeff",
        "\u00ad",
        "\u200d",
        "\U000e0041",
        "\x1b[31m",
        "\x9b1m",
    ),
    *(
        "\x00",
        "\x07",
        "\r",
        "\x7f",
        "[bold]red[/bold]",
        ":warning:",
        "@\u200beveryone",
        "@\u202eeveryone",
        "<@\u200d101>",
    ),
)
"""Alone, or beside each other: what is broken may not become whole by what is taken out of it."""

HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)

_WORDS = ("Gems", "x100", "свиток", "読書", "Meat & Coal", " ", "a", "1")
_LIVE = re.compile(
    r"<(?:@[!&]?\d+|#\d+|/[^>\n]+:\d+|t:\d+(?::\w)?|a?:\w+:\d+|id:\w+)>"
    r"|\[[^\[\]\n]*\]\([^)\n]*\)|https?://\S+|discord(?:app)?\.(?:gg|com)/\S+"
    r"|\|\|[^|]+\|\||^\s*-?#+ |^\s*>(?:>>)? ",
    re.MULTILINE | re.IGNORECASE,
)


def texts(most: int = 8) -> st.SearchStrategy[str]:
    """Texts of tricks, words and any characters."""
    piece = st.sampled_from(TRICKS) | st.sampled_from(_WORDS) | st.text(max_size=3)
    return st.lists(piece, min_size=1, max_size=most).map("".join)


def shown_texts(message: Mapping[str, Any]) -> Iterator[str]:
    """Every text of a message, from Discord's JSON of it, in which markup counts."""
    yield message.get("content") or ""
    for embed in message.get("embeds") or ():
        yield from (embed.get("title", ""), embed.get("description", ""))
        for field in embed.get("fields", ()):
            yield from (field["name"], field["value"])


def all_texts(message: Mapping[str, Any]) -> list[str]:
    """Every text of a message."""
    plain = [embed.get(part, {}).get(key, "") for embed in message["embeds"] for part, key in _PLAIN_PARTS]
    return [*shown_texts(message), *plain]


_PLAIN_PARTS = (("footer", "text"), ("author", "name"))


def live(message: Mapping[str, Any]) -> list[str]:
    """What of a message is more than text to its readers: mentions, links, times, emoji, spoilers, headings, quotes."""
    found: list[str] = []
    for text in shown_texts(message):
        bare = re.sub(r"```.*?```|(?<!\\)`[^`\n]+`", "\x1a", text, flags=re.DOTALL)
        found += _LIVE.findall(re.sub(r"\\[^\w\s]", "\x1a", bare))
    return found


def would_notify(message: Mapping[str, Any]) -> Notified:
    """Whom a message would notify if all of it stood in the content, and everything were allowed."""
    return notified_by("\n".join(all_texts(message)), AllowedMentions())
