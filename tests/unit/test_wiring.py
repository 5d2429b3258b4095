from __future__ import annotations

import threading
from pathlib import Path

import pytest

from giftping.discord.outcome import Refused
from giftping.discord.rest import ChannelRoute
from giftping.discord.webhook import WebhookRoute
from giftping.settings.keys import Settings
from giftping.settings.load import load_settings
from giftping.store.base import Destination, StoreError
from giftping.store.opening import kept_host_name
from giftping.wiring import Wiring, side_by_side, utc_now

TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcdE.a-token-for-tests-that-opens-nothing-0123"
URL = "https://discord.com/api/webhooks/123456789012345678/a-webhook-token-for-tests-0123456789012345678901234567"


def wiring(folder: Path, **environment: str) -> Wiring:
    return Wiring(settings(folder, **environment))


def settings(folder: Path, **environment: str) -> Settings:
    return load_settings({"GIFTPING_STATE": str(folder / "state"), **environment}, None, cwd=folder)


@pytest.mark.usefixtures("bare_machine")
def test_a_channel_needs_the_bot_and_a_webhook_its_url(tmp_path: Path) -> None:
    channel, webhook = Destination(channel_id=500), Destination(webhook="env:HOOK")
    bare = wiring(tmp_path)
    assert bare.route_to(channel) == Refused("no bot token: set DISCORD_TOKEN to post to a channel")
    missing = bare.route_to(webhook)
    assert isinstance(missing, Refused)
    assert "HOOK is not set" in missing.reason
    with_all = wiring(tmp_path, DISCORD_TOKEN=TOKEN, HOOK=URL)
    assert isinstance(with_all.route_to(channel), ChannelRoute)
    assert isinstance(with_all.route_to(webhook), WebhookRoute)
    with_all.close()
    bare.close()


@pytest.mark.usefixtures("bare_machine")
def test_a_webhook_url_that_is_none_is_refused_without_its_token(tmp_path: Path) -> None:
    route = wiring(tmp_path, HOOK=URL.replace("discord.com", "discord.example")).route_to(
        Destination(webhook="env:HOOK")
    )
    assert isinstance(route, Refused)
    assert "a-webhook-token" not in route.reason


@pytest.mark.usefixtures("bare_machine")
def test_all_threads_share_one_client_because_it_keeps_the_rate_limits(tmp_path: Path) -> None:
    one = wiring(tmp_path)
    start = threading.Barrier(8)

    def ask(_: int) -> int:
        start.wait()
        return id(one.http())

    assert len(set(side_by_side(ask, range(8)))) == 1
    one.close()


@pytest.mark.usefixtures("bare_machine")
def test_a_house_shows_no_secret(tmp_path: Path) -> None:
    one = wiring(tmp_path, DISCORD_TOKEN=TOKEN, HOOK=URL)
    one.http()
    assert TOKEN not in repr(one)
    one.close()


@pytest.mark.parametrize("count", [0, 1, 2, 20])
def test_results_come_in_order_and_progress_counts_them(count: int) -> None:
    told: list[tuple[int, int]] = []
    assert side_by_side(lambda number: number * 2, range(count), lambda done, of: told.append((done, of))) == [
        number * 2 for number in range(count)
    ]
    assert told == [(number, count) for number in range(1, count + 1)]


def test_an_error_is_raised_after_all_others_are_done() -> None:
    done: list[int] = []

    def work(number: int) -> None:
        if number == 0:
            raise StoreError("the first one fails")
        done.append(number)

    with pytest.raises(StoreError):
        side_by_side(work, range(10))
    assert sorted(done) == list(range(1, 10))


def test_a_host_keeps_its_name(tmp_path: Path) -> None:
    first = kept_host_name(tmp_path / "state")
    assert kept_host_name(tmp_path / "state") == first
    assert kept_host_name(tmp_path / "other") != first


def test_a_folder_that_is_no_host_yet_is_given_no_name_by_who_only_looks(tmp_path: Path) -> None:
    assert not kept_host_name(tmp_path / "state", create=False)
    assert not (tmp_path / "state").exists()


def test_an_empty_name_is_not_a_name(tmp_path: Path) -> None:
    """A power cut may leave the file empty; two hosts without a name would settle each other's claims."""
    (tmp_path / "host").write_text("\n", "utf-8")
    assert kept_host_name(tmp_path)
    assert (tmp_path / "host").read_text("utf-8").strip()


def test_a_folder_that_cannot_keep_the_name_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(StoreError, match=r"file/state/store\.lock"):
        kept_host_name(tmp_path / "file" / "state")


def test_the_time_is_aware() -> None:
    assert utc_now().utcoffset() is not None
