from __future__ import annotations

from dataclasses import replace

import pytest
from doctor_facts import FAIL, OK, SETTINGS, WARN

from giftping.doctor.judgement import Verdict
from giftping.doctor.settings import FileFacts, SettingsFacts, judge_files, judge_settings


def test_warnings_of_the_settings_are_told() -> None:
    found = judge_settings(SettingsFacts(None, ("chmod it",)))
    assert (found.verdict, found.what) == (WARN, "chmod it")
    assert found.next_step


@pytest.mark.parametrize(
    ("file", "verdict", "said"),
    [
        (FileFacts(".env", is_open=True), FAIL, "can change .env"),
        (FileFacts("hook", exposure="hook: every user …"), WARN, "can read hook"),
        (FileFacts(".env"), OK, "2 files"),
    ],
)
def test_a_file_in_the_reach_of_others_is_named_with_the_command_that_closes_it(
    file: FileFacts, verdict: Verdict, said: str
) -> None:
    found = judge_files(replace(SETTINGS, files=(*SETTINGS.files, file)))
    assert found is not None
    assert found.verdict is verdict
    assert said in found.what
    assert verdict is OK or (found.next_step.startswith("run: chmod ") and file.path in found.next_step)
