"""Words for people, and what they may write: ids, and numbers with their nouns. Values only; every run loads this."""

from __future__ import annotations

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
