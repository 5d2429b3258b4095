"""Days, dates and quiet hours go by one zone: the member's, else that of the TODOs, else that of all times."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from giftping.runs.sweep import rules_of, today_of, zone_of_member
from giftping.settings.load import load_settings
from giftping.todo.model import Member
from giftping.todo.rules import quiet_hours_of

TOP, TODO, OWN = "Europe/Berlin", "America/New_York", "Pacific/Auckland"


@pytest.mark.parametrize(
    ("top", "todo", "own", "counts"),
    [
        ("", "", "", "Asia/Kolkata"),
        (TOP, "", "", TOP),
        ("", TODO, "", TODO),
        (TOP, TODO, "", TODO),
        (TOP, TODO, OWN, OWN),
        (TOP, "", OWN, OWN),
    ],
)
def test_the_nearest_zone_counts_for_days_and_quiet_hours(
    tmp_path: Path, top: str, todo: str, own: str, counts: str
) -> None:
    lines = [f'time_zone = "{top}"'] if top else []
    lines += ["[todo]", 'quiet_hours = "22:00-07:00"', *([f'time_zone = "{todo}"'] if todo else [])]
    (tmp_path / "giftping.toml").write_text("\n".join(lines))
    settings = load_settings({"HOME": str(tmp_path)}, cwd=tmp_path)
    member = Member(1, time_zone=own)
    zone = zone_of_member(settings, member)
    quiet = rules_of(settings, "h").quiet
    assert zone.key == counts
    assert quiet is not None
    assert quiet_hours_of(member, quiet).zone == zone
    # Both sides of a night in which the clock is put forward somewhere, and of one in which it is put back.
    for now in (datetime(2026, 3, 29, 0, 30, tzinfo=UTC), datetime(2026, 11, 1, 5, 30, tzinfo=UTC)):
        assert today_of(settings, member, now) == now.astimezone(zone).date()
