"""docs/doctor.md describes every check of `giftping doctor`, under its name."""

from __future__ import annotations

import re

from docs_reading import DOCS, blocks, section, table

from giftping.doctor.judge import CHECKS, DISCORD_CHECKS, HOST_CHECKS
from giftping.doctor.judge_codes import CODES_CHECKS
from giftping.doctor.judge_todo import TODO_CHECKS
from giftping.doctor.judging import Verdict

PAGE = DOCS / "doctor.md"
TABLES = {
    "Every installation": CHECKS,
    "Several hosts": HOST_CHECKS,
    "Discord": DISCORD_CHECKS,
    "Gift codes": CODES_CHECKS,
    "The TODO part": TODO_CHECKS,
}
NAMES = [name for checks in TABLES.values() for name, _ in checks]


def test_the_tables_name_every_check_in_its_order() -> None:
    for title, checks in TABLES.items():
        assert [row[0] for row in table(section(PAGE, title))] == [name for name, _ in checks]


def test_the_example_shows_every_check_and_counts_them_right() -> None:
    (shown,) = [block.text for block in blocks(PAGE) if block.language == "text"]
    verdicts = "|".join(Verdict)
    rows = re.findall(rf"^ (\S.*?) +({verdicts}) +\S", shown, re.MULTILINE)
    assert list(dict.fromkeys(name for name, _ in rows)) == NAMES
    found = [verdict for _, verdict in rows]
    assert shown.splitlines()[-1] == f"{len(rows)} checks: {found.count('ok')} ok, {found.count('fail')} fail."
    assert max(map(len, shown.splitlines())) <= 80
