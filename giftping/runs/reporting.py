"""Whom a job's run tells what: standard error, the monitor that waits for it, and the operator."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from giftping.errors import UsageError, error_lines, exit_code_of
from giftping.runs.lock import LockHeldError
from giftping.runs.state_folder import is_anything_told, is_nearly_full
from giftping.settings.file import SettingsError
from giftping.wiring import Wiring, utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from giftping.output.trouble import Trouble
    from giftping.settings.keys import Settings

Over = Callable[[str, str], str]
"""Says of a key of trouble, and of what was said of it, in words that it is over; empty where that was not seen."""

ERROR, LOCK, MISTAKES = ENDS = ("error", "lock", "mistakes")
"""How the keys begin of what ends a run."""

AGAIN = {
    ERROR: "runs come to their end again",
    LOCK: "runs find the lock free again",
    MISTAKES: "the settings can be used again",
}

HEARTBEAT, OPERATOR = "heartbeat", "operator"
"""The keys of the trouble with telling somebody."""

REACHED_AGAIN = {HEARTBEAT: "the heartbeat reaches its monitor again", OPERATOR: "the operator can be told again"}

STOPPED = "told to stop: what was not begun is left to the next run"

NAMES = {"codes": "codes check", "todo": "todo sweep", "bot": "bot"}
"""What each job is called."""


OVERLAPS_FOR = timedelta(minutes=15)
"""How long another run may well be at it, such as one that waits for rate limits: whoever comes meanwhile is told so
each time. What holds the lock for longer lasts, and is told once."""


class Speaker(Protocol):
    """Whatever has the settings of an invocation, and writes a line on standard error."""

    job: str
    """What the run is called in logs; empty where somebody asked for it by other means, such as the bot."""
    has_told_end: bool
    """Whether whoever reads standard error knows already what ends the invocation."""

    @property
    def settings(self) -> Settings:
        """The settings that count."""

    @property
    def is_watched(self) -> bool:
        """Whether a person waits for an answer, and is not to be spared what was told before."""

    def log(self, line: str, level: str, fields: Mapping[str, str] | None = None) -> None:
        """Write a line on standard error, in JSON together with what it is about."""

    def named(self, line: str) -> str:
        """A line with the names that are known behind the ids in it."""

    def write_log(self, line: str, level: str, fields: Mapping[str, str] | None = None) -> None:
        """Do the same, whether or not the settings can be read."""


class Reporting:
    """Tells how one run of a job went.

    `job` is `codes`, `todo` or `bot`. Only a whole run counts for the monitor and the operator: not a dry run, nor one
    about a part. Neither of them can fail a run, and each gets its own few seconds.
    """

    def __init__(self, session: Speaker, job: str, *, is_whole: bool) -> None:
        self._session = session
        self._job = job
        self._is_whole = is_whole
        self._settings: Settings | None = None
        self._news: list[str] = []
        self._shown: list[str] = []
        self._end_lines: list[str] = []
        self._say = session.log

    def __enter__(self) -> Self:
        try:
            self._settings = settings = self._session.settings
        except SettingsError as error:
            self._say = self._session.write_log
            # As far as they can be read: whom to tell may well stand in them.
            self._settings = error.so_far
            self._tell_of_mistakes(error)
            raise
        if settings.heartbeat.start and self._monitor(settings):
            self._ping(settings, "start", "")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        # Who interrupts a run, or asks for what cannot be, knows.
        if not self._is_whole or not isinstance(error, Exception) or isinstance(error, UsageError):
            return
        # A run that finds another one at work is no run: nobody is told but who reads the log.
        if isinstance(error, LockHeldError):
            if error.since is not None and utc_now() - error.since > OVERLAPS_FOR:
                self._tell_of_end(LOCK, error_lines(error))
            return
        from giftping.output.trouble import store_key, without_numbers
        from giftping.store.base import StoreAwayError

        if isinstance(error, StoreAwayError):
            self._tell_of_end(store_key(str(error)), error.lines, is_of_host=True)
        else:
            self._tell_of_end(f"{ERROR} {type(error).__name__} {without_numbers(str(error))}", error_lines(error))
        self._news += self._end_lines
        self.end(exit_code_of(error))

    def tell(self, found: Sequence[Trouble], over: Over, *, everything: bool = False) -> list[Trouble]:
        """What of the trouble was told: what is news, or everything; what is over is told as `over` says of its key.

        A run that is not a whole one was asked for by somebody, who is told everything.
        """
        # They are kept in a file, and some of them say what Discord said: it may repeat what it was sent.
        redact = self._settings.redactor() if found and self._settings else str
        found = [replace(one, key=redact(one.key), line=redact(one.line)) for one in found]
        found = [*self._host_troubles(), *found]
        news = self._tell(found, self._over_of_run(over)) if self._is_whole else {}
        told: list[Trouble] = []
        for trouble in found:
            line = self._dated(trouble.line, news.get(trouble.key))
            if everything or not self._is_whole or trouble.key in news:
                self._say(line, trouble.level, trouble.fields)
                told.append(trouble)
            if trouble.key in news and line not in self._news:
                self._news.append(line)
            self._shown.append(trouble.line)
        return told

    def end(self, exit_code: int, lines: Sequence[str] = (), *, stopped: bool = False) -> None:
        """Tell the monitor and the operator how the run went; `lines` are what it brought about.

        One that was told to stop counts neither as good nor as bad, and has no time for this.
        """
        settings = self._settings
        if settings is None or not self._is_whole or stopped:
            return
        # First: that a monitor is not reached is for the operator to know.
        if self._monitor(settings):
            said = [f"giftping {NAMES[self._job]}: exit code {exit_code}", *lines, *self._shown]
            self._ping(settings, "fail" if exit_code else "", "\n".join(said))
        if self._news and settings.operator.webhook:
            self._tell_operator(settings)

    # What was told before

    def _tell(
        self, found: Sequence[Trouble], over: Over, *, says_why_not: bool = True
    ) -> Mapping[str, datetime | None]:
        """The keys of what is news, each with since when it has lasted; what is over is told."""
        settings = self._settings
        if settings is None or not (found or is_anything_told(settings.state)):
            return {}
        from giftping.runs.told import tell_found

        news, ended, forgetful = tell_found(settings.state, self._job, found, over, utc_now())
        if forgetful and says_why_not:
            self._say(forgetful, "warning")
        for line in ended:
            self._say(line, "notice")
            self._news.append(line)
        return news

    def _over_of_run(self, over: Over) -> Over:
        """What says of any key that its trouble is over, once a run has come to its end."""

        def over_of_any(key: str, line: str) -> str:
            sort = key.partition(" ")[0]
            if sort in ENDS:
                return AGAIN[sort] if sort != MISTAKES or key.startswith(self._mistakes_key()) else ""
            if sort in REACHED_AGAIN:
                return ""
            from giftping.runs.host_trouble import host_trouble_over

            words = host_trouble_over(key, line)
            return over(key, line) if words is None else words

        return over_of_any

    def _host_troubles(self) -> Sequence[Trouble]:
        settings = self._settings
        # An idle run of a host where all is well loads nothing for this. Whoever asks the bot is not whom this is for.
        if settings is None or not self._session.job or not (settings.warnings or is_nearly_full(settings.state)):
            return ()
        from giftping.runs.host_trouble import host_troubles

        return tuple(host_troubles(settings))

    def _dated(self, line: str, since: datetime | None) -> str:
        """A line of trouble; that was told before, with since when it lasts."""
        if since is None or self._settings is None:
            return line
        from giftping.output.trouble import told_again
        from giftping.text import when

        return told_again(line, when(since, Wiring(self._settings).zone))

    # What ends a run

    def _tell_of_mistakes(self, error: SettingsError) -> None:
        """Tell that the settings cannot be used: each time who waits for it, else once a day."""
        settings = self._settings
        if settings is None or not self._is_whole:
            return
        key = f"{self._mistakes_key()}{hashlib.sha256(str(error).encode()).hexdigest()[:16]}"
        self._tell_of_end(key, error.lines, is_of_host=True)
        self._news += self._end_lines
        self.end(error.exit_code)

    def _mistakes_key(self) -> str:
        """How the key of mistakes in these settings begins: another file's may be there still."""
        return f"{MISTAKES} {self._settings.file if self._settings else None} "

    def _tell_of_end(self, key: str, lines: Sequence[str], *, is_of_host: bool = False) -> None:
        """Tell what ends the run on standard error, here and not where the command line tells of errors."""
        from giftping.output.trouble import Trouble

        redact = self._settings.redactor() if self._settings else str
        lines = [redact(line) for line in lines]
        ending = Trouble(redact(key), " ".join(lines), is_of_host=is_of_host)
        # A run that is none tells nobody else, who would miss it then.
        host = self._host_troubles() if key != LOCK else ()
        # Why it cannot be remembered may be the very reason.
        news = self._tell([*host, ending], lambda _key, _line: "", says_why_not=False)
        for trouble in host:
            if trouble.key in news:
                line = self._dated(trouble.line, news[trouble.key])
                self._say(line, trouble.level)
                self._news.append(line)
        said = [self._dated(line, news.get(ending.key)) for line in lines]
        if ending.key in news or self._session.is_watched:
            for line in said:
                self._say(f"giftping: {line}", "error")
        self._end_lines = said if ending.key in news else []
        self._shown += lines
        self._session.has_told_end = True

    # The monitor and the operator

    def _monitor(self, settings: Settings) -> str:
        if not self._is_whole:
            return ""
        return {"codes": settings.heartbeat.codes, "todo": settings.heartbeat.todo}.get(self._job, "")

    def _ping(self, settings: Settings, kind: str, summary: str) -> None:
        from giftping.runs.heartbeat import ping_by

        # The summary leaves this machine, and may quote what a server has said.
        why = ping_by(settings, self._monitor(settings), settings.redactor()(summary), kind=kind)
        self._note(HEARTBEAT, f"the heartbeat did not reach its monitor: {why}" if why else "", is_of_host=False)

    def _tell_operator(self, settings: Settings) -> None:
        from giftping.runs.operator import tell_operator_by, title_of

        redact = settings.redactor()
        lines = [redact(self._session.named(line)) for line in dict.fromkeys(self._news)]
        # A bot tells more than once while it runs.
        self._news.clear()
        why = tell_operator_by(settings, title_of(NAMES[self._job]), lines)
        self._note(OPERATOR, f"the operator could not be told: {why}" if why else "", is_of_host=True)

    def _note(self, key: str, warning: str, *, is_of_host: bool) -> None:
        """Tell that somebody could not be told, or can be again."""
        if self._settings is None or not (warning or is_anything_told(self._settings.state)):
            return
        from giftping.output.trouble import Trouble
        from giftping.runs.told import tell_one

        trouble = Trouble(key, warning, is_of_host=is_of_host)
        news, ended = tell_one(self._settings.state, self._job, trouble, REACHED_AGAIN[key], utc_now())
        for line in (*([self._dated(warning, news[key])] if key in news else []), *ended):
            self._say(line, "warning" if warning else "notice")
            self._news.append(line)
