"""What went out and has ended, was withdrawn or corrected since: what the channel shows at the end is true."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from forks import ForkedHost, Forkers, Trouble, Victim, forked, scene_in, wait_until_quiet
from plays import FATES, kill_at, put_clocks, troubles
from scene import Ran, Scene, sample

from giftping.demo import faults
from giftping.demo.log import Match
from giftping.demo.world import ChannelType

ENDING, TYPO, MISTAKE, STAYING, NEW = "ENDINGCODE", "SNOWDAY2026", "MISTAKE9", "STAYING77", "NEWCODE55"
CORRECTED = "SnowDay2026"
DAY = timedelta(days=1)
WHILE = timedelta(minutes=20)
PATCH = Match(method="PATCH")
EDITED = {ENDING: "ended", CORRECTED: "valid", MISTAKE: "withdrawn", STAYING: "valid"}


@dataclass(frozen=True, slots=True)
class Route:
    """How a guild is posted to."""

    by_webhook: bool
    in_thread: bool = False

    def __str__(self) -> str:
        return f"{'webhook' if self.by_webhook else 'bot'}{' in a thread' if self.in_thread else ''}"


ROUTES = [Route(by_webhook, in_thread) for by_webhook in (False, True) for in_thread in (False, True)]
BOT, WEBHOOK = Route(by_webhook=False), Route(by_webhook=True)
GUILD, CHANNEL, THREAD, HOOK = 2001, 2_000_001, 2_000_002, 9_000_001


@dataclass
class Act:
    """A guild to which four codes were announced in one message, before one of them ended."""

    scene: Scene
    host: ForkedHost
    place: int
    """The channel, or the thread, that it is in."""
    ends_at: datetime

    def change(self) -> None:
        """Let one code end, correct the spelling of another, and withdraw a third; a new one comes."""
        put_clocks(self.scene, self.host, 2 * DAY)
        withdrawn = self.host.run("codes", "withdraw", MISTAKE)
        assert withdrawn.exit_code == 0, withdrawn
        self.list(ENDING, CORRECTED, MISTAKE, STAYING, NEW)

    def list(self, *codes: str) -> None:
        ends = {ENDING: {"expires": self.ends_at.isoformat()}}
        self.scene.list_codes(*({"code": code, **ends.get(code, {})} for code in codes))

    def check(self) -> Ran:
        return self.host.run("codes", "check", "--json")

    def shown(self) -> dict[str, str]:
        """Return how the first message shows each of its codes."""
        message = self.scene.discord.messages(self.place)[0]
        (embed,) = message.embeds
        said = {}
        for field in embed["fields"]:
            first, second = (*field["value"].splitlines(), "")[:2]
            block = first.startswith("```")
            said[second if block else first.strip("~")] = "valid" if block else field["name"].lower().rstrip(":")
        return said

    def until_true(self) -> None:
        """Check as a timer would until nothing is left to edit; what is told is told of nothing but that."""
        for _ in range(3):
            put_clocks(self.scene, self.host, WHILE)
            ran = self.check()
            assert ran.exit_code == 0, ran
        assert self.shown() == EDITED
        lines = {code: f"`{code}`" if shows == "valid" else f"~~{code}~~" for code, shows in EDITED.items()}
        assert set(self.scene.discord.messages(self.place)[0].content.splitlines()) == set(lines.values())
        assert self.scene.discord.messages(self.place)[0].embeds[0]["fields"]
        arrived = [code for one in self.scene.discord.arrived() for code in one.codes]
        assert sorted(arrived) == sorted([ENDING, TYPO, MISTAKE, STAYING, NEW])


@contextmanager
def act(route: Route, folder: Path, forkers: Forkers, *, settings: str = "") -> Iterator[Act]:
    """Open a scene in which the four codes have just been announced."""
    with forkers.lent() as forker, scene_in(folder) as scene:
        discord = scene.discord
        discord.add_guild(GUILD)
        discord.add_channel(CHANNEL, GUILD)
        discord.add_channel(THREAD, GUILD, type=ChannelType.THREAD, parent_id=CHANNEL)
        discord.add_webhook(HOOK, "webhook-secret", CHANNEL)
        place = THREAD if route.in_thread else CHANNEL
        ends_at = datetime.now(UTC) + DAY
        scene.list_codes()
        host = forked(scene.host(token=not route.by_webhook, settings=settings), forker)
        playing = Act(scene, host, place, ends_at)
        playing.list(ENDING, TYPO, MISTAKE, STAYING)
        thread = f"?thread_id={THREAD}" if route.in_thread else ""
        host.environment["HOOK"] = f"{discord.webhook_url(HOOK)}{thread}"
        scene.add(host, GUILD, *(("--webhook", "env:HOOK") if route.by_webhook else ("--channel", str(place))))
        ran = playing.check()
        assert ran.exit_code == 0, ran
        assert playing.shown() == dict.fromkeys((ENDING, TYPO, MISTAKE, STAYING), "valid")
        yield playing


@pytest.fixture(params=ROUTES, ids=str)
def played(request: pytest.FixtureRequest, tmp_path: Path, forkers: Forkers) -> Iterator[Act]:
    with act(request.param, tmp_path / "act", forkers) as playing:
        yield playing


def test_what_ended_was_withdrawn_or_corrected_is_put_right_after_the_posts_and_notifies_nobody(played: Act) -> None:
    played.change()
    before = len(played.scene.discord.requests)
    ran = played.check()
    assert ran.exit_code == 0, ran
    assert played.shown() == EDITED
    asked = [one.method for one in played.scene.discord.requests[before:] if one.method in ("POST", "PATCH")]
    assert asked == ["POST", "PATCH"]
    (edit,) = ran.json["edits"]
    said = {one["code"]: one["shows"] for one in edit["codes"]}
    assert said == {ENDING: "ended", CORRECTED: "valid", MISTAKE: "withdrawn"}
    assert (edit["result"], ran.json["edits_left"]) == ("edited", 0)
    assert "ended" in played.host.run("codes", "explain", ENDING, "--guild", str(GUILD)).output
    played.until_true()
    assert sum(played.scene.discord.edits.values()) == 1


def test_a_run_with_nothing_to_edit_stays_idle_and_the_one_in_which_a_code_ends_is_not(played: Act) -> None:
    put_clocks(played.scene, played.host, WHILE)
    assert played.check().json["idle"] is True
    before = len(played.scene.discord.requests)
    assert played.check().json["idle"] is True
    assert len(played.scene.discord.requests) == before
    # Less than the hour after which a run looks all the same.
    put_clocks(played.scene, played.host, DAY - 2 * WHILE)
    played.check()
    assert played.shown()[ENDING] == "valid"
    put_clocks(played.scene, played.host, WHILE + timedelta(minutes=1))
    ran = played.check()
    assert ran.json["idle"] is False
    assert played.shown()[ENDING] == "ended"
    assert played.check().json["idle"] is True


KILLED = ROUTES[::3]


@pytest.mark.parametrize("route", KILLED, ids=str)
def test_a_run_that_is_killed_at_any_step_of_an_edit_leaves_what_is_true_at_the_end(
    route: Route, forkers: Forkers, tmp_path: Path
) -> None:
    with act(route, tmp_path / "unkilled", forkers) as playing:
        playing.change()
        assert playing.host.run("codes", "check", watched=True).exit_code == 0
        steps = list(playing.host.steps)
        playing.until_true()
    killed: list[int] = []

    def kill(trouble: Trouble) -> None:
        with act(route, tmp_path / f"{trouble.kill_at}-{trouble.half_way}", forkers) as playing:
            playing.change()
            killed.append(playing.host.run("codes", "check", trouble=trouble).exit_code)
            wait_until_quiet(playing.scene.discord)
            settle(playing)
            playing.until_true()

    # The steps before the last post are those of every check.
    planned = [one for one in troubles(steps) if one.kill_at > len(steps) // 2]
    assert len(planned) > 10
    planned = sample(planned, 2, KILLED.index(route))
    forkers.each(kill, planned)
    assert killed.count(-9) >= len(planned) - 1


def settle(playing: Act) -> None:
    """Say what became of a post that a run without a token cannot look for, as a person would."""
    put_clocks(playing.scene, playing.host, WHILE)
    playing.host.run("codes", "check")
    if "uncertain" in playing.host.states().values():
        arrived = any(NEW in one.codes for one in playing.scene.discord.arrived())
        playing.host.run("codes", "settle", str(GUILD), "--sent" if arrived else "--resend")


@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("route", [BOT, WEBHOOK], ids=str)
def test_a_run_that_is_killed_while_discord_has_its_edit_leaves_what_is_true_at_the_end(
    route: Route, fate: str, forkers: Forkers, tmp_path: Path
) -> None:
    with act(route, tmp_path / "act", forkers) as playing:
        playing.change()
        victim = Victim()
        kill_at(playing.scene, victim, PATCH, fate)
        assert playing.host.run("codes", "check", on_start=victim.started).exit_code == -9
        wait_until_quiet(playing.scene.discord)
        assert playing.scene.discord.unspent_faults() == []
        playing.until_true()


REFUSALS = [
    faults.status(500),
    faults.html(502),
    faults.reset(),
    faults.close(),
    faults.no_content(),
    faults.garbage(),
    faults.truncated(),
    faults.rate_limited(),
    faults.rate_limited("global"),
    faults.rate_limited("user", 1163.0),
    faults.cloudflare_ban(),
    faults.status(429, 30046),
    faults.status(403, 50013),
    faults.status(403, 50001),
    faults.status(400, 50083),
    faults.status(408),
]


@pytest.mark.parametrize("route", [BOT, WEBHOOK], ids=str)
def test_an_edit_that_is_not_taken_is_made_in_a_later_run_and_is_no_trouble(
    route: Route, forkers: Forkers, tmp_path: Path
) -> None:
    with act(route, tmp_path / "act", forkers) as playing:
        # Each is played on one of the routes, which an edit tells apart by its address alone.
        planned = sample([(fault, after) for fault in REFUSALS for after in (False, True)], 2, route is WEBHOOK)
        for number, (fault, after) in enumerate(planned):
            undo = ("--undo",) if number % 2 else ()
            assert playing.host.run("codes", "withdraw", STAYING, *undo).exit_code == 0
            playing.scene.discord.fail(fault, match=PATCH, after=after)
            ran = playing.host.run("codes", "check")
            assert (ran.exit_code, ran.errors) == (0, ""), fault.name
            assert playing.scene.discord.unspent_faults() == [], fault.name
            put_clocks(playing.scene, playing.host, WHILE)
            assert playing.check().exit_code == 0, fault.name
            assert playing.shown()[STAYING] == ("valid" if undo else "withdrawn"), fault.name
            assert playing.check().json["idle"] is True, fault.name


@pytest.mark.parametrize("route", [BOT, WEBHOOK], ids=str)
def test_a_message_that_a_person_deleted_is_left_alone(route: Route, forkers: Forkers, tmp_path: Path) -> None:
    with act(route, tmp_path / "act", forkers) as playing:
        (message,) = playing.scene.discord.messages(playing.place)
        playing.scene.discord.remove_message(playing.place, message.id)
        playing.change()
        assert [one["result"] for one in playing.check().json["edits"]] == ["gone"]
        put_clocks(playing.scene, playing.host, WHILE)
        ran = playing.check()
        assert (ran.exit_code, ran.json["edits"], ran.errors) == (0, [], "")


def test_a_thread_that_is_archived_is_edited_once_it_is_open_again(forkers: Forkers, tmp_path: Path) -> None:
    with act(Route(by_webhook=True, in_thread=True), tmp_path / "act", forkers) as playing:
        put_clocks(playing.scene, playing.host, 2 * DAY)
        playing.scene.discord.archive(THREAD)
        assert [one["result"] for one in playing.check().json["edits"]] == ["later"]
        assert playing.shown()[ENDING] == "valid"
        playing.scene.discord.add_message(THREAD, "hello")
        put_clocks(playing.scene, playing.host, WHILE)
        assert [one["result"] for one in playing.check().json["edits"]] == ["edited"]
        assert playing.shown()[ENDING] == "ended"


def test_a_message_in_a_thread_is_edited_though_the_webhook_posts_elsewhere_now(
    forkers: Forkers, tmp_path: Path
) -> None:
    with act(Route(by_webhook=True, in_thread=True), tmp_path / "act", forkers) as playing:
        playing.host.environment["HOOK"] = playing.scene.discord.webhook_url(HOOK)
        put_clocks(playing.scene, playing.host, 2 * DAY)
        playing.check()
        assert playing.shown()[ENDING] == "ended"


def test_when_discord_takes_no_more_edits_of_old_messages_the_rest_waits(forkers: Forkers, tmp_path: Path) -> None:
    with act(BOT, tmp_path / "act", forkers) as playing:
        playing.change()
        playing.scene.discord.allow_old_edits(0)
        assert [one["result"] for one in playing.check().json["edits"]] == ["later"]
        playing.scene.discord.allow_old_edits(1)
        playing.until_true()


def test_a_dry_run_says_what_would_be_edited_and_edits_nothing(forkers: Forkers, tmp_path: Path) -> None:
    with act(BOT, tmp_path / "act", forkers) as playing:
        playing.change()
        ran = playing.host.run("codes", "check", "--dry-run")
        assert "would edit 1 message" in ran.output
        assert playing.scene.discord.edits == {}
        assert "edited 1 message" in playing.host.run("codes", "check").output


def test_switched_off_messages_stay_as_they_were_sent(forkers: Forkers, tmp_path: Path) -> None:
    off = "[codes]\nbuilt_in_sources = false\nedit_messages = false\n"
    with act(BOT, tmp_path / "act", forkers, settings=off) as playing:
        playing.change()
        assert playing.check().json["edits"] == []
        assert playing.shown() == dict.fromkeys((ENDING, TYPO, MISTAKE, STAYING), "valid")
        settings = playing.host.folder / "giftping.toml"
        settings.write_text(settings.read_text("utf-8").replace("edit_messages = false", ""), "utf-8")
        playing.until_true()


def test_every_edit_is_as_discord_describes_it(scene: Scene) -> None:
    scene.list_codes(ENDING)
    host = scene.host()
    scene.webhook_guild(host)
    scene.bot_guild(host)
    assert host.run("codes", "check").exit_code == 0
    assert host.run("codes", "withdraw", ENDING).exit_code == 0
    edits = host.run("codes", "check", "--json").json["edits"]
    assert [one["result"] for one in edits] == ["edited", "edited"]
    assert host.ledger()[f"2001:{ENDING}"]["shown"] == "withdrawn"
