"""Ids, keys, numbers with their nouns, instants, and texts to be shown letter by letter. Every run loads this.

Pure.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
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


def is_folded(spelling: str) -> bool:
    """Whether a spelling is all in one case, as of those who fold it, so that it says nothing of a code's own."""
    return spelling in (spelling.upper(), spelling.lower())


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


def enumerated(names: Sequence[str]) -> str:
    """Some names in a line: "a", "a and b", "a, b and c"."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


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


def last_day(expires_at: datetime | None, expiry_text: str) -> str:
    """The day, as 2026-12-31, through which a code is valid whose source names a day and no time; else empty.

    In whatever zone: it is the day that the source named, which is another one in other zones.
    """
    found = re.match(r"(\d{4}-\d{2}-\d{2})(?: \(|$)", expiry_text)
    return found[1] if found and expires_at is not None else ""


def end_text(expires_at: datetime | None, expiry_text: str, zone: tzinfo | None) -> str:
    """When a code ends: the last day that its source names, the instant in a reader's zone, or the source's words."""
    return last_day(expires_at, expiry_text) or (when(expires_at, zone) if expires_at else expiry_text)


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


# What pages, documents and members write, made safe for where it is shown: a function for each such place.

_HIDDEN = (
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180b-\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e01ef]"
)
"""Control characters but for line breaks and tabs, direction marks, what has no width, and halves of characters."""

_STRAY_JOINERS = r"(?<![^\x00-\x7f])[\u200c\u200d]+|[\u200c\u200d]+(?![^\x00-\x7f])|(?<=[\u200c\u200d])[\u200c\u200d]+"
"""Joiners that join nothing: many scripts and emoji need one between two of their characters."""

_MENTION = r"(?i)@(?=everyone|here|[!&]?[0-9])"
_INVITE = r"(?i)(discord(?:app)?\.(?:com|gg|gift|me|li|io|new))(?=/)"

NOTHING_BETWEEN = "\u200b"
"""A space of no width: what it parts, Discord takes for no mention and no invite, wherever it stands."""

_LOOK_ALIKES = str.maketrans(r"\*_~`|<>[]@", "＼∗＿∼ˋ∣‹›［］＠")


def to_type(*words: str) -> str:
    """A giftping command between code marks, to be typed as it stands there: a shell gives on each word as it is."""
    # Few lines name a command of several words.
    import shlex

    return f"`giftping {shlex.join(words)}`"


def without_hidden(text: str) -> str:
    """A text without control characters, direction marks and what has no width; line breaks and tabs stay.

    For where Discord knows no markup: footers, authors, the names of channels and threads.
    """
    if text.isascii() and text.isprintable():
        return text
    plain = re.sub(_HIDDEN, "", text.replace("\r\n", "\n").replace("\r", "\n"))
    return re.sub(_STRAY_JOINERS, "", plain)


def escape_markdown(text: str) -> str:
    """A text that Discord shows letter by letter: no markup, mentions, links, invites, custom emoji or timestamps.

    What can begin or end markup gets a backslash. A mention notifies whatever stands before it, so that it is parted.
    The text may grow; shorten it afterwards with `truncate` of `giftping.discord.limits`, which does not part a
    backslash from what it escapes.
    """
    parted = re.sub(_MENTION, f"@{NOTHING_BETWEEN}", without_hidden(text))
    parted = re.sub(_INVITE, rf"\1{NOTHING_BETWEEN}", parted)
    escaped = re.sub(r"[\\*_~`|<>\[\]@]|:(?=//)", r"\\\g<0>", parted)
    return re.sub(r"^(\s*)([-+#])", r"\1\\\2", escaped, flags=re.MULTILINE)


def unescape_markdown(text: str) -> str:
    """A text as it was before `escape_markdown`."""
    return re.sub(r"\\([\\*_~`|<>\[\]@:+#-])", r"\1", text.replace(NOTHING_BETWEEN, ""))


def look_alike(text: str) -> str:
    """A text as `escape_markdown` has it, but no longer than it is: with other characters that look like markup."""
    plain = re.sub(_INVITE, lambda found: found[1].replace(".", "․"), without_hidden(text)).translate(_LOOK_ALIKES)
    plain = plain.replace("://", "꞉//")
    marks = {"-": "‐", "+": "＋", "#": "＃"}
    return re.sub(r"^(\s*)([-+#])", lambda found: found[1] + marks[found[2]], plain, flags=re.MULTILINE)


def in_code_marks(text: str) -> str:
    """A text for between code marks, where Discord shows all but those marks as it is; a code comes out unchanged."""
    return " ".join(without_hidden(text).replace("`", "ˋ").split("\n"))


def unlinked(text: str) -> str:
    """A text of ours that may quote what others wrote, with its markup, but for links that say they lead elsewhere."""
    return without_hidden(text).replace("](", f"]{NOTHING_BETWEEN}(")


def file_name(name: str, *, plain: bool = False) -> str:
    """A name under which a file may be stored and posted: letters and digits of any script, `.`, `-` and `_`.

    Accents and vowel signs stay with their letters. With `plain` of ASCII alone, as Discord shows a picture only under
    such a name.
    """
    # Few runs name a file.
    from unicodedata import category

    def stand_in(found: re.Match[str]) -> str:
        is_mark = category(found[0]).startswith("M") and found.string[: found.start()].strip(".")
        return found[0] if is_mark and not plain else "_"

    kept = re.sub(r"[^\w.-]", stand_in, without_hidden(name), flags=re.ASCII if plain else 0)
    stem, dot, suffix = kept.rpartition(".") if "." in kept else (kept, "", "")
    return f"{stem.lstrip('.')[:40] or 'file'}{dot}{suffix[-20:]}"


def printable(text: str) -> str:
    """A text on one line without control characters: what members call themselves is not for the terminal to obey."""
    return "".join(character if character.isprintable() else "�" for character in text)


def for_terminal(text: str) -> str:
    """Lines that a terminal shows and does not obey, whatever of others' is in them; line breaks and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return re.sub(_HIDDEN, "�", text)


def json_for_terminal(text: str) -> str:
    """A JSON text that says the same, with what a terminal would obey written as escapes."""
    return re.sub(_HIDDEN, lambda found: json_escape(found[0]), text)


def json_escape(character: str) -> str:
    """A character as JSON escapes it, as two halves where it takes those."""
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))
