from __future__ import annotations

import shlex
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
        (FileFacts(".env", changed_by=".env"), FAIL, "can change .env"),
        (FileFacts("a b/.env", changed_by="a b"), FAIL, "can change a b/.env"),
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
    closed = shlex.split(found.next_step.partition("run: ")[2])
    assert verdict is OK or (closed[0], closed[2:]) == ("chmod", [file.changed_by or file.path])


def test_a_secret_that_the_settings_warn_of_is_not_told_twice_nor_said_to_be_hidden() -> None:
    exposed = FileFacts(".env", exposure=".env: every user …")
    found = judge_files(replace(SETTINGS, warnings=(exposed.exposure,), files=(exposed,)))
    assert found is not None
    assert (found.verdict, found.next_step) == (OK, "")
    assert found.what.endswith("can change them")
