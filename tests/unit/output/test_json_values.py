"""What every value of JSON has in common."""

from __future__ import annotations

from giftping.output.json import redacted


def test_every_text_in_json_is_put_through_the_redaction_and_nothing_else_changes() -> None:
    value = {"a": "x", "list": ["x", 1, None, {"x": "x"}], "tuple": ("x",), "flag": True}
    assert redacted(value, str.upper) == {"a": "X", "list": ["X", 1, None, {"x": "X"}], "tuple": ["X"], "flag": True}
