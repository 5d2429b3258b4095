"""What every value of JSON has in common."""

from __future__ import annotations

import json

import pytest

from giftping.output.json import redacted, write_json


def test_every_text_in_json_is_put_through_the_redaction_and_nothing_else_changes() -> None:
    value = {"a": "x", "list": ["x", 1, None, {"x": "x"}], "tuple": ("x",), "flag": True}
    assert redacted(value, str.upper) == {"a": "X", "list": ["X", 1, None, {"x": "X"}], "tuple": ["X"], "flag": True}


@pytest.mark.parametrize("portion", [1, 2, 7, 10_000])
def test_json_is_the_same_in_whatever_portions_it_is_written(
    portion: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("giftping.output.json.PORTION", portion)
    value = {
        "guilds": [{"id": str(number), "label": "☃ \x9b \u202e 😀", "none": None} for number in range(5)],
        "empty": [],
    }
    write_json(value)
    written = capsys.readouterr().out
    assert json.loads(written) == value
    assert written.count("\n") == json.dumps(value, indent=2).count("\n") + 1
    assert not {"\x9b", "\u202e"} & set(written)
