"""Whom a job's run tells what: standard error, the monitor that waits for it, and the operator."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from giftping.runs.codec import from_json, to_json
from giftping.runs.lock import LockHeldError
from giftping.runs.state_folder import TOLD
from giftping.settings.secrets import SecretError
from giftping.store.tiny.files import replace_file
from giftping.wiring import utc_now

if TYPE_CHECKING:
    from pathlib import Path

    from giftping.output.trouble import Trouble
    from giftping.runs.telling import Mark
    from giftping.settings.keys import Settings

RUNS_AGAIN = "runs come to their end again"

HEARTBEAT, OPERATOR = NOT_OF_THE_RUN = ("heartbeat", "operator")
"""The keys of the trouble with telling somebody."""

STOPPED = "told to stop: what was not begun is left to the next run"


class Speaker(Protocol):
    """Whatever has the settings of an invocation, and writes a line on standard error."""

    @property
    def settings(self) -> Settings:
        """The settings that count."""

    def log(self, line: str, level: str, fields: Mapping[str, str] | None = None) -> None:
        """Write a line on standard error, in JSON together with what it is about."""


class Reporting:
    """Tells how one run of a job went.

    `job` is `codes` or `todo`, as in the settings. Only a whole run counts for the monitor and the operator: not a dry
    run, nor one about a part. Neither of them can fail a run, and each gets its own few seconds.
    """

    def __init__(self, session: Speaker, job: str, *, is_whole: bool) -> None:
        self._session = session
        self._job = job
        self._is_whole = is_whole
        self._news: list[str] = []
        self._shown: list[str] = []
        self._told: dict[str, Mark] | None = None

    def __enter__(self) -> Self:
        settings = self._session.settings
        if settings.heartbeat.start and self._monitor(settings):
            self._ping(settings, "start", "")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        # A run that finds another one at work is no run; who interrupts one knows.
        if not isinstance(error, Exception) or isinstance(error, LockHeldError):
            return
        # It is shown where the command line puts errors into words, and not a second time here.
        self._tell({f"error {type(error).__name__}": (f"{error}", False)}, lambda _: "", shows=False)
        self.end(1)

    def tell(self, found: Sequence[Trouble], over: Callable[[str], str], *, everything: bool = False) -> list[Trouble]:
        """What of the trouble was told: what is news, or everything; what is over is told as `over` says of its key.

        A run that is not a whole one was asked for by somebody, who is told everything.
        """
        # Keys are kept in a file, and some of them say what Discord said: it may repeat what it was sent.
        redact = self._session.settings.redactor() if found else str
        found = [replace(trouble, key=redact(trouble.key)) for trouble in found]
        told: list[Trouble] = []
        keys: dict[str, tuple[str, bool]] = {}
        for trouble in found:
            keys.setdefault(trouble.key, (trouble.line, trouble.is_known))
        news = self._tell(keys, over, shows=True)
        for trouble in found:
            if everything or not self._is_whole or trouble.key in news:
                self._session.log(trouble.line, "error", trouble.fields)
                told.append(trouble)
            if trouble.key in news and trouble.line not in self._news:
                self._news.append(trouble.line)
            self._shown.append(trouble.line)
        return told

    def end(self, exit_code: int, lines: Sequence[str] = (), *, stopped: bool = False) -> None:
        """Tell the monitor and the operator how the run went; `lines` are what it brought about.

        One that was told to stop counts neither as good nor as bad, and has no time for this.
        """
        if not self._is_whole or stopped:
            return
        settings = self._session.settings
        if self._news and settings.operator.webhook:
            self._tell_operator(settings)
        if self._monitor(settings):
            said = [f"giftping {self._name}: exit code {exit_code}", *lines, *self._shown]
            self._ping(settings, "fail" if exit_code else "", "\n".join(said))

    @property
    def _name(self) -> str:
        return "codes check" if self._job == "codes" else "todo sweep"

    # What was told before

    def _tell(
        self, found: Mapping[str, tuple[str, bool]], over: Callable[[str], str], *, shows: bool
    ) -> frozenset[str]:
        told = self._remembered()
        if not (found or told):
            return frozenset()
        from giftping.runs.telling import tell

        def over_of_job(key: str) -> str:
            """That trouble is over, in words; that of those who are told is not the run's."""
            if key in NOT_OF_THE_RUN:
                return ""
            return RUNS_AGAIN if shows and key.startswith("error ") else over(key)

        telling = tell({key: is_known for key, (_, is_known) in found.items()}, over_of_job, told, utc_now())
        for line in dict.fromkeys(telling.over):
            self._session.log(line, "notice")
            self._news.append(line)
        if not shows:
            self._news += [line for key, (line, _) in found.items() if key in telling.news]
        self._remember(dict(telling.told))
        return telling.news

    def _remembered(self) -> dict[str, Mark]:
        if self._told is None:
            self._told = {}
            # Without it trouble is told once more, which is better than not at all.
            with suppress(OSError, ValueError):
                text = self._file.read_text("utf-8")
                from giftping.runs.telling import Mark

                self._told = from_json(dict[str, Mark], json.loads(text))
        return self._told

    def _remember(self, told: dict[str, Mark]) -> None:
        if told == self._told:
            return
        self._told = told
        if not self._is_whole or not self._file.parent.exists():
            return
        # Where nothing can be written the run itself has told so.
        with suppress(OSError):
            content = f"{json.dumps(to_json(dict(sorted(told.items()))), indent=1)}\n".encode()
            replace_file(self._file, [content], durable=False)

    @property
    def _file(self) -> Path:
        return self._session.settings.state / TOLD[self._job]

    # The monitor and the operator

    def _monitor(self, settings: Settings) -> str:
        if not self._is_whole:
            return ""
        return settings.heartbeat.codes if self._job == "codes" else settings.heartbeat.todo

    def _ping(self, settings: Settings, kind: str, summary: str) -> None:
        from giftping.runs.heartbeat import ping, url_mistake

        try:
            url = settings.secret(self._monitor(settings)).reveal()
            # The summary leaves this machine, and may quote what a server has said.
            why = url_mistake(url) or ping(url, settings.redactor()(summary), kind=kind)
        except SecretError as error:
            why = str(error)
        self._note(HEARTBEAT, f"the heartbeat did not reach its monitor: {why}" if why else "")

    def _tell_operator(self, settings: Settings) -> None:
        from giftping.runs.operator import tell_operator

        # Several hosts may tell by one webhook.
        title = f"giftping {self._name} on {os.uname().nodename}"
        redact = settings.redactor()
        lines = [redact(line) for line in dict.fromkeys(self._news)]
        try:
            why = tell_operator(settings.secret(settings.operator.webhook).reveal(), settings.discord.api, title, lines)
        except SecretError as error:
            why = str(error)
        self._note(OPERATOR, f"the operator could not be told: {why}" if why else "")

    def _note(self, key: str, warning: str) -> None:
        """Tell that somebody could not be told; that, too, once a day."""
        told = self._remembered()
        if not warning and key not in told:
            return
        from giftping.runs.telling import tell

        # Only with its own key: the run's trouble, which is not met here, would count as over.
        telling = tell(
            {key: False} if warning else {}, lambda _: "", {k: at for k, at in told.items() if k == key}, utc_now()
        )
        if key in telling.news:
            self._session.log(warning, "warning")
        others = {other: at for other, at in told.items() if other != key}
        self._remember({**others, **telling.told} if warning else others)
