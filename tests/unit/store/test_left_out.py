"""Which guilds of an older bot get nothing until a person has decided, as long as its documents say so."""

from __future__ import annotations

from typing import Any

import pytest

from giftping.store.legacy.left_out import CHANNEL, HISTORY, left_out

ADD = "giftping guilds add 11 --channel {} --game whiteout-survival"
STATE: dict[str, Any] = {"_id": "giftcode_state", "channels": {"11": 500, "12": 600}}


@pytest.mark.parametrize("odd", [None, True, 0.5, "soon", {"A1": True}, [[]]])
def test_a_guild_is_left_out_whose_channel_or_whole_history_cannot_be_read(odd: object) -> None:
    in_state = {**STATE, "sent": {"11": odd, "12": ["A1"]}}
    of_guild = {"_id": "11", "guild_id": 11, "codes": odd}
    nowhere = {**STATE, "channels": {"11": odd, "12": 600}}
    if not isinstance(odd, list):
        assert left_out([in_state], []) == {11: (HISTORY, ADD.format(500))}
        assert left_out([STATE], [of_guild]) == {11: (HISTORY, ADD.format(500))}
    assert left_out([nowhere], []) == {11: (CHANNEL, ADD.format("ID"))}


def test_nobody_is_left_out_whose_documents_are_mended_or_who_is_not_there_any_more() -> None:
    sent = {"_id": "11", "guild_id": 11, "codes": ["A1"]}
    assert left_out([{**STATE, "sent": {"11": ["A1"]}}], [sent]) == {}
    assert left_out([{**STATE, "channels": {"12": 600}, "sent": {"11": None}}], []) == {}
    assert left_out([], [{"_id": "11:A1", "guild_id": None, "code": None, "state": "sent"}]) == {}
