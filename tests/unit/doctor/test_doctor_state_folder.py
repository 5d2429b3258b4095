from __future__ import annotations

from dataclasses import replace

import pytest
from doctor_facts import FAIL, FOLDER, MIB, OK, WARN

from giftping.doctor.judgement import Verdict
from giftping.doctor.state_folder import judge_state_folder


@pytest.mark.parametrize(
    ("changes", "verdict", "said"),
    [
        ({"is_writable": False}, FAIL, "cannot be written to"),
        ({"is_writable": False, "mode": None}, FAIL, "cannot be written to"),
        ({"mode": None}, OK, "made by the first run"),
        ({"mode": 0o705}, WARN, "open to every user"),
        ({"mode": 0o705, "changed_by": "/srv"}, FAIL, "put another folder in the place of /srv/state"),
        ({"mode": 0o777, "changed_by": "/srv/state"}, WARN, "open to every user"),
        ({"mode": 0o750}, OK, "free"),
        ({"free": 100 * MIB}, OK, "100 MiB free"),
        ({"free": 100 * MIB - 1}, WARN, "nearly full (99 MiB free)"),
        ({"free": 5 * MIB - 1}, FAIL, "the disk is full (4 MiB free)"),
        ({"free": 20 * 1024 * MIB}, OK, "20 GiB free"),
    ],
)
def test_the_state_folder_is_writable_private_and_has_room(
    changes: dict[str, object], verdict: Verdict, said: str
) -> None:
    found = judge_state_folder(replace(FOLDER, **changes))  # type: ignore[arg-type]
    assert found.verdict is verdict
    assert said in found.what
    assert bool(found.next_step) is (verdict is not OK)
