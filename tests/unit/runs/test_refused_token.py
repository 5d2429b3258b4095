from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fakes.records import code, subscription

from giftping.codes.report import CheckReport
from giftping.codes.request import CheckRequest
from giftping.demo.discord import StandInDiscord
from giftping.demo.log import Match
from giftping.runs.check import run_check
from giftping.runs.state_folder import REFUSED_TOKEN
from giftping.settings.load import load_settings
from giftping.settings.sources import MANUAL_SOURCE
from giftping.store.base import Destination, SourceMemory
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine
from giftping.wiring import Wiring

pytestmark = pytest.mark.usefixtures("bare_machine")

WRONG = "a-token-that-discord-does-not-take"
SETTINGS = """\
[codes]
built_in_sources = false
[sources.mine]
enabled = false
kind = "text"
game = "rise"
url = "https://codes.example/list.txt"
rows = { code = { pattern = '[A-Z0-9]{6,}' } }
"""
HOUR = timedelta(hours=1)


class Place:
    """A host with one guild of the bot's that is owed a code, whose token Discord does not take."""

    def __init__(self, folder: Path, discord: StandInDiscord, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.discord, self.token = folder, discord, WRONG
        self.now = datetime.now(UTC)
        monkeypatch.setattr("giftping.runs.refused_token.utc_now", lambda: self.now)
        (folder / "giftping.toml").write_text(SETTINGS, "utf-8")
        discord.add_guild(1)
        discord.add_channel(500, 1)
        with Store(TinyEngine(folder / "state")) as store:
            at = Destination(channel_id=500)
            store.put_subscriptions(subscription(1, "rise", destination=at, announce_current=True))
            by_hand = {MANUAL_SOURCE: SourceMemory("GIFT4YOU", self.now, self.now)}
            store.remember([code("GIFT4YOU", "rise", spelling="GIFT4YOU", sources=by_hand)])

    def wiring(self) -> Wiring:
        environment = {
            "GIFTPING_STATE": str(self.folder / "state"),
            "GIFTPING_DISCORD_API": self.discord.api,
            "DISCORD_TOKEN": self.token,
        }
        return Wiring(load_settings(environment, None, cwd=self.folder))

    def check(self, **request: bool) -> tuple[CheckReport, int]:
        """Return what a check did, and how many requests it made."""
        before = self.discord.count(Match())
        wiring = self.wiring()
        try:
            return run_check(wiring, CheckRequest(**request)), self.discord.count(Match()) - before
        finally:
            wiring.close()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with StandInDiscord() as discord:
        place = Place(tmp_path, discord, monkeypatch)
        yield place


def test_a_refused_token_is_left_alone_for_longer_each_time_and_each_run_says_why(place: Place) -> None:
    asked = []
    for _ in range(9):
        report, requests = place.check()
        asked.append(requests)
        (told,) = report.deliveries()
        assert (told.reason, told.meaning and told.meaning.who) == ("HTTP 401 Unauthorized", "operator")
        assert report.exit_code == 69
        place.now += HOUR
    assert [number for number, requests in enumerate(asked) if requests] == [0, 1, 3, 7]
    assert WRONG not in (place.folder / "state" / REFUSED_TOKEN).read_text("utf-8")


def test_another_token_is_tried_at_once(place: Place) -> None:
    place.check()
    place.token = place.discord.bot_token
    report, _ = place.check()
    assert [one.result for one in report.deliveries()] == ["sent"]
    assert not (place.folder / "state" / REFUSED_TOKEN).exists()


def test_a_time_from_a_clock_that_was_wrong_keeps_no_token_waiting(place: Place) -> None:
    place.now += timedelta(days=400)
    place.check()
    place.now -= timedelta(days=400)
    assert place.check()[1] > 0


def test_a_dry_run_notes_nothing_of_a_token(place: Place) -> None:
    place.check(dry_run=True)
    assert not (place.folder / "state" / REFUSED_TOKEN).exists()
