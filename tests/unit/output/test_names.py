"""Names beside ids."""

from __future__ import annotations

import pytest

from giftping.output.names import with_names
from giftping.store.base import Guild

GUILDS = {
    1: Guild(1, "Ours", title="Official name", destinations={"channel 500": "gift-codes"}),
    2: Guild(2, title="Second"),
    3: Guild(3),
}


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("guild 1: sent to channel 500: GIFT", "guild 1 (Ours): sent to channel 500 (gift-codes): GIFT"),
        ("Guild 2 removed.", "Guild 2 (Second) removed."),
        ("guild 3: guild 12: channel 5000", "guild 3: guild 12: channel 5000"),
        ("giftping codes add X --guild 1", "giftping codes add X --guild 1"),
        ("giftping guilds test 1 --channel 500", "giftping guilds test 1 --channel 500"),
        ("by channel 500 (gift-codes, a text channel)", "by channel 500 (gift-codes, a text channel)"),
    ],
)
def test_names_stand_behind_ids_in_lines_and_not_in_commands(line: str, named: str) -> None:
    assert with_names(line, GUILDS) == named
    assert with_names(named, GUILDS) == named
