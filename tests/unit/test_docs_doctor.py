"""docs/doctor.md describes every check of `giftping doctor`, under its name."""

from __future__ import annotations

import re
from dataclasses import replace

from docs_reading import DOCS, blocks, section, table
from doctor_facts import FACTS, names

from giftping.doctor.judgement import Verdict

PAGE = DOCS / "doctor.md"
NAMES = names(FACTS)
ALONE = replace(FACTS, mongo=None, hosts=None, discord=None, codes=None, todo=None, contacts=None, older_bot=None)
PARTS = {
    "Every installation": ALONE,
    "Several hosts": replace(ALONE, mongo=FACTS.mongo, hosts=FACTS.hosts, older_bot=FACTS.older_bot),
    "Discord": replace(ALONE, discord=FACTS.discord),
    "Gift codes": replace(ALONE, codes=FACTS.codes),
    "The TODO part": replace(ALONE, todo=FACTS.todo),
    "Who is told": replace(ALONE, contacts=FACTS.contacts),
}


def described(title: str) -> list[str]:
    return [row[0] for row in table(section(PAGE, title))]


def test_the_tables_name_every_check_in_its_order() -> None:
    assert [name for title in PARTS for name in described(title)] == NAMES


def test_a_table_names_the_checks_of_its_part() -> None:
    everywhere = described("Every installation")
    assert names(ALONE) == everywhere
    for title, facts in PARTS.items():
        assert [name for name in names(facts) if name not in everywhere or facts is ALONE] == described(title)


def test_the_example_shows_every_check_and_counts_them_right() -> None:
    (shown,) = [block.text for block in blocks(PAGE) if block.language == "text"]
    verdicts = "|".join(Verdict)
    rows = re.findall(rf"^ (\S.*?) +({verdicts}) +\S", shown, re.MULTILINE)
    assert list(dict.fromkeys(name for name, _ in rows)) == NAMES
    found = [verdict for _, verdict in rows]
    assert shown.splitlines()[-1] == f"{len(rows)} checks: {found.count('ok')} ok, {found.count('fail')} fail."
    assert max(map(len, shown.splitlines())) <= 80
