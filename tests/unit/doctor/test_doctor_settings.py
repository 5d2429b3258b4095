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
        (FileFacts(".env"), OK, "2 files with settings or secrets: not every user of this machine can change them, or"),
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


def test_a_secret_that_the_settings_warn_of_is_not_told_twice_nor_said_to_be_hidden() -> None:
    exposed = FileFacts(".env", exposure=".env: every user …")
    found = judge_files(replace(SETTINGS, warnings=(exposed.exposure,), files=(exposed,)))
    assert found is not None
    assert (found.verdict, found.next_step) == (OK, "")
    assert found.what.endswith("can change them")
