"""A guild on a stand-in Discord, and sweeps and submissions on it, each as in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fakes.clock import TestClock

from giftping.demo.discord import StandInDiscord
from giftping.demo.faults import Fault, status
from giftping.demo.log import Match
from giftping.discord.http import DiscordHttp
from giftping.discord.rest import RestClient
from giftping.output.sweep_lines import sweep_troubles
from giftping.runs.sweep import SubmitReport, SubmitRequest, Timing, run_submit, run_sweep
from giftping.settings.load import load_settings
from giftping.todo.history import Event
from giftping.todo.model import LegName, Member
from giftping.todo.report import LegReport, SweepReport
from giftping.todo.repository import MemberChange, MemberRepository
from giftping.todo.validation import TodoDraft
from giftping.wiring import Wiring

GUILD, CHANNEL, ROLE, OWNER = 1, 2, 3, 9
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MESSAGES = "/channels/{channel_id}/messages"

CHANNEL_POST = Match("POST", MESSAGES, CHANNEL)
OPENS_DM = Match("POST", "/users/@me/channels")
TAKES_ROLE = Match("DELETE", "/guilds/{guild_id}/members/{user_id}/roles/{role_id}")
GIVES_ROLE = Match("PUT", "/guilds/{guild_id}/members/{user_id}/roles/{role_id}")
LOOKS_AT_MEMBER = Match("GET", "/guilds/{guild_id}/members/{user_id}")
NOT_PERMITTED = status(403, 50013, "Missing Permissions")
NOT_NOW = status(403, 40004, "Send messages has been temporarily disabled")


class StageClock(TestClock):
    """Time that passes only while somebody sleeps, or when a test says so."""

    def __init__(self, now: datetime = datetime(2026, 6, 10, 12, tzinfo=UTC)) -> None:
        super().__init__(now)
        self._began = now
        self.sleeps: list[float] = []

    def monotonic(self) -> float:
        return (self.now - self._began).total_seconds()

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.pass_time(timedelta(seconds=seconds))


class Stage:
    """Runs giftping against the stand-in, by one clock for all."""

    def __init__(self, discord: StandInDiscord, folder: Path, clock: StageClock) -> None:
        self.discord = discord
        self.folder = folder
        self.clock = clock
        self.timing = Timing(clock, clock.sleep)
        self.settings = ""
        self.environment = {
            "GIFTPING_STATE": str(folder / "state"),
            "GIFTPING_DISCORD_API": discord.api,
            "DISCORD_TOKEN": discord.bot_token,
            "GUILD_ID": str(GUILD),
            "TODO_CHANNEL_ID": str(CHANNEL),
            "ROLE_ID": str(ROLE),
            "OWNER_ID": str(OWNER),
        }

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @contextmanager
    def wiring(self) -> Iterator[Wiring]:
        """A wiring whose client for Discord goes by the clock of the stage."""
        (self.folder / "giftping.toml").write_text(self.settings, "utf-8")
        wiring = Wiring(load_settings(self.environment, None, cwd=self.folder))
        if (token := wiring.settings.discord.token) is not None:
            http = DiscordHttp(
                wiring.settings.discord.api,
                token=token.reveal(),
                budget=wiring.settings.todo.budget,
                monotonic=self.clock.monotonic,
                sleep=self.clock.sleep,
                now=self.clock,
                steady=self.clock.monotonic,
            )
            wiring._todo_client = RestClient(http)
        try:
            yield wiring
        finally:
            wiring.close()

    @contextmanager
    def repository(self) -> Iterator[MemberRepository]:
        with self.wiring() as wiring, wiring.open_store() as store:
            yield MemberRepository(store, self.clock)

    # What people and timers do

    def sweep(self, **options: Any) -> SweepReport:
        with self.wiring() as wiring:
            return run_sweep(wiring, timing=self.timing, **options)

    def submit(
        self, user_id: int, by: int | None = None, content: bytes = b"", draft: TodoDraft | None = None
    ) -> SubmitReport:
        request = SubmitRequest(user_id, draft or TodoDraft(must_do="read ten pages"), by)
        with self.wiring() as wiring, wiring.open_store() as store:
            return run_submit(wiring, MemberRepository(store, self.clock), request, content, self.timing)

    def submit_by_older_bot(self, user_id: int) -> None:
        """Let an older bot write a submission: it puts a document in place of the one that is there."""
        with self.repository() as repository:
            (known,) = repository.store.engine.get("todo_timestamps", [str(user_id)]).values()
            repository.store.remove_documents("todo_timestamps", [str(user_id)])
            submitted = {**known, "last_submit": self.clock().timestamp(), "last_ping": 0}
            repository.store.insert_documents("todo_timestamps", [submitted])

    def pass_time(self, span: timedelta) -> None:
        self.clock.pass_time(span)

    # Setting the stage

    def join(self, *user_ids: int, silent_for: timedelta = DAY, **known: Any) -> None:
        """Let members with the role join the guild and the roster; they have been silent for so long."""
        for user_id in user_ids:
            self.discord.add_member(GUILD, user_id, roles=(ROLE,))
        self.enrol(*user_ids, silent_for=silent_for, **known)

    def enrol(self, *user_ids: int, silent_for: timedelta = DAY, **known: Any) -> None:
        fields = {"added": self.clock() - silent_for, **known}
        with self.repository() as repository:
            repository.save([MemberChange(Member(user_id, f"member-{user_id}", **fields)) for user_id in user_ids])

    def put(self, collection: str, *documents: dict[str, Any]) -> None:
        with self.repository() as repository:
            repository.store.insert_documents(collection, documents)

    def fail(self, fault: Fault, match: Match, *, times: int | None = None, after: bool = False) -> None:
        self.discord.fail(fault, match=match, times=times, after=after)

    # Looking

    def member(self, user_id: int) -> Member:
        with self.repository() as repository:
            return repository.member(user_id)

    def events(self, user_id: int) -> list[Event]:
        with self.repository() as repository:
            return repository.events(user_id)

    def pings(self, user_id: int) -> list[str]:
        """The ways by which a user was notified, in order."""
        return [notification.kind for notification in self.discord.notifications(user_id)]

    def titles(self, channel_id: int = CHANNEL) -> list[str]:
        return [embed["title"] for message in self.discord.messages(channel_id) for embed in message.embeds]


def counts(report: SweepReport) -> bool:
    """Return whether something counts in the exit code of the sweep that tells of it, and of no other."""
    return report.exit_code == 0 and any(one.counts_when_told for one in sweep_troubles(report))


def results(report: SweepReport | SubmitReport, leg: LegName) -> dict[int, str]:
    """How the legs of one kind ended, by member; the last one where there were several."""
    return {one.user_id: one.result.value for one in report.legs if one.leg is leg}


def legs_of(report: SweepReport | SubmitReport, user_id: int) -> list[LegReport]:
    return [one for one in report.legs if one.user_id == user_id]
