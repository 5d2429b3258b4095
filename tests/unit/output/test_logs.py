from __future__ import annotations

import json
import os
import tempfile
from datetime import UTC, datetime

from giftping.output.log import Run, goes_to_journal, json_line, new_run_id, plain_line, with_priority

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
RUN = Run("ab12cd34", "codes check")


def test_the_journal_is_known_by_the_device_and_inode_that_it_names() -> None:
    with tempfile.TemporaryFile("w") as stream, tempfile.TemporaryFile("w") as other:
        status = os.fstat(stream.fileno())
        journal = f"{status.st_dev}:{status.st_ino}"
        assert goes_to_journal(journal, stream)
        assert not goes_to_journal(journal, other)
        assert not goes_to_journal("", stream)
    assert not goes_to_journal(journal, stream), "a stream that is closed"


def test_each_line_of_a_text_has_its_priority() -> None:
    assert with_priority("one\ntwo\n", 3) == "<3>one\n<3>two"
    assert with_priority("good", 6) == "<6>good"


def test_a_json_line_is_one_object_on_one_line_without_secrets() -> None:
    fields = {"guild": "7", "code": "Gift\n100", "reason": 'hunter2 said "no"', "game": ""}
    line = json_line(RUN, "error", fields, NOW, lambda text: text.replace("hunter2", "***"))
    assert "\n" not in line
    assert json.loads(line) == {
        "ts": "2026-05-04T12:00:00+00:00",
        "level": "error",
        "run": "ab12cd34",
        "job": "codes check",
        "guild": "7",
        "code": "Gift\n100",
        "reason": '*** said "no"',
    }


def test_a_plain_line_quotes_what_would_fall_apart() -> None:
    line = plain_line(RUN, {"guild": "7", "code": "Gift100", "reason": "timed out", "odd": "a=b\n", "none": ""})
    assert line == r'run=ab12cd34 guild=7 code=Gift100 reason="timed out" odd="a=b\n"'


def test_runs_have_different_ids() -> None:
    assert len({new_run_id() for _ in range(50)}) == 50
