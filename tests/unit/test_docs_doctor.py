"""docs/doctor.md describes every check of `giftping doctor`, under its name."""

from __future__ import annotations

import re

from docs_reading import DOCS, blocks, section, table

from giftping.ops.doctor import CHECKS, TODO_CHECKS, Verdict

PAGE = DOCS / "doctor.md"


def test_the_tables_name_every_check_in_its_order() -> None:
    for title, checks in (("Every installation", CHECKS), ("The TODO part", TODO_CHECKS)):
        assert [row[0] for row in table(section(PAGE, title))] == [name for name, _ in checks]


def test_the_example_shows_every_check_and_counts_them_right() -> None:
    (shown,) = [block.text for block in blocks(PAGE) if block.language == "text"]
    verdicts = "|".join(Verdict)
    rows = re.findall(rf"^ (\S.*?) +({verdicts}) +\S", shown, re.MULTILINE)
    assert [name for name, _ in rows] == [name for name, _ in (*CHECKS, *TODO_CHECKS)]
    found = [verdict for _, verdict in rows]
    assert shown.splitlines()[-1] == f"{len(rows)} checks: {found.count('ok')} ok, {found.count('fail')} fail."
    assert max(map(len, shown.splitlines())) <= 80
