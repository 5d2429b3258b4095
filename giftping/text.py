"""Ids, keys, numbers with their nouns, instants, and texts to be shown letter by letter. Every run loads this.

Pure.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

LARGEST_ID = 2**64 - 1
"""Discord's ids are unsigned numbers of 64 bits (Discord, API reference, Snowflakes)."""


def parse_id(value: object) -> int:
    """The Discord id that a whole number, or a text of nothing but digits, is.

    Raise ValueError, with the fix, for anything else; its text does not repeat what may be a token in the wrong place.
    """
    found = id_or_none(value)
    if found is None:
        raise ValueError("must be a Discord id: copy it from Discord with developer mode on")
    return found


def id_or_none(value: object) -> int | None:
    """The Discord id that a whole number, or a text of nothing but digits, is; None for anything else."""
    if isinstance(value, str):
        # int() would also take "1_0", " 10", "+10", "٣" and "０", and raises where there are thousands of digits.
        is_written_out = value.isascii() and value.isdigit() and value[0] != "0" and len(value) <= len(str(LARGEST_ID))
        value = int(value) if is_written_out else None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= LARGEST_ID:
        return None
    # MongoDB's driver gives whole numbers in a class of its own.
    return int(value)


def key_of(spelling: str) -> str:
    """The key under which spellings of one code meet: trimmed and upper-cased."""
    return spelling.strip().upper()


def counted(count: int, noun: str, verb: str = "") -> str:
    """A number with its noun: `1 guild`, `3 guilds`, `2 ledger entries`, `0 people`.

    With a verb, given as it is for several, that follows: `1 guild waits`, `3 guilds wait`.
    """
    phrase = f"{count} {noun if count == 1 else _plural(noun)}"
    return f"{phrase} {verb_for(count, verb)}" if verb else phrase


def verb_for(count: int, plural: str) -> str:
    """The form for so many things of a verb that is given as it is for several: "waits" or "wait", "is" or "are"."""
    if count != 1:
        return plural
    return {"are": "is", "were": "was"}.get(plural, f"{plural}s")


def _plural(noun: str) -> str:
    if noun == "person":
        return "people"
    return f"{noun[:-1]}ies" if re.search("[^aeiou]y$", noun) else f"{noun}s"


def day_first(text: str) -> date | None:
    """The day that a text names in the way of the older bot, 31/12/2026; None where it names none."""
    found = re.fullmatch("([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})", text)
    try:
        return date(int(found[3]), int(found[2]), int(found[1])) if found else None
    except ValueError:
        return None


def when(moment: datetime | None, zone: tzinfo | None) -> str:
    """An instant in a reader's zone, None for the machine's, to the minute; a dash for no instant."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M %Z}" if moment else "–"


def until(moment: datetime, now: datetime) -> str:
    """How far an instant is away, in the largest unit that fits: `in 3 days`, `2 hours ago`."""
    seconds = (moment - now).total_seconds()
    for name, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        count = round(abs(seconds) / size)
        if count >= 1:
            return f"in {counted(count, name)}" if seconds > 0 else f"{counted(count, name)} ago"
    return "now"


def discord_time(moment: datetime) -> str:
    """An instant as Discord shows it to each reader, in their zone: date and time (Reference, Timestamp Styles)."""
    return f"<t:{int(moment.timestamp())}:f>"


def discord_until(moment: datetime) -> str:
    """How far an instant is away at the time of reading, as Discord shows it to each reader."""
    return f"<t:{int(moment.timestamp())}:R>"


def cut(text: str, length: int) -> str:
    """A text in at most so many characters, the last of them an ellipsis where something is missing."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def printable(text: str) -> str:
    """A text without control characters: what members call themselves is not for the terminal to obey."""
    return "".join(character if character.isprintable() else "�" for character in text)


def escape_markdown(text: str) -> str:
    """A text that Discord shows letter by letter: no markup, mentions, links, custom emoji or timestamps.

    What can begin or end markup gets a backslash, so that the text may grow; shorten it afterwards with `truncate` of
    `giftping.discord.limits`, which does not part a backslash from what it escapes.
    """
    escaped = re.sub(r"[\\*_~`|<>\[\]@]|:(?=//)", r"\\\g<0>", text)
    return re.sub(r"^(\s*)([-+#])", r"\1\\\2", escaped, flags=re.MULTILINE)
