"""What one invocation was asked to look like, and its settings: shared by all commands."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from giftping.errors import UsageError
from giftping.settings.keys import Settings
from giftping.settings.load import load_settings
from giftping.settings.problems import near_name
from giftping.settings.secrets import Redactor, secret_values
from giftping.text import for_terminal
from giftping.wiring import Wiring

if TYPE_CHECKING:
    from rich.console import RenderableType

    from giftping.delivery.clock import Clock
    from giftping.output.log import StderrHandler
    from giftping.settings.catalogue import LookCloser
    from giftping.store.base import Guild
    from giftping.store.records import Store


@dataclass
class Session:
    """One invocation: how it speaks, and what it works with."""

    config: Path | None = None
    """The settings file that the command line names; None for the usual places."""
    json: bool = False
    """Whether standard output gets one JSON object and nothing else."""
    quiet: bool = False
    verbose: int = 0
    """How often -v was given: 1 tells more, 2 tells where an error came from."""
    log_json: bool = False
    """Whether each line on standard error is a JSON object."""
    job: str = ""
    """What the run is called in such lines."""
    confirm: Callable[[str], bool] = lambda question: False  # noqa: ARG005
    """Asks a person a question that is answered by yes or no; where there is nobody to ask, it is no."""
    look_closer: LookCloser | None = None
    """What is asked about each source of the user's own when the settings are loaded."""
    has_told_end: bool = field(default=False, repr=False)
    """Whether what ends the command was told, or was within a day: standard error is spared it then."""
    has_met_odd: bool = field(default=False, repr=False)
    """Whether a document could not be read, so that what the command says may not be all."""
    _guilds: Mapping[int, Guild] = field(default_factory=dict, repr=False)
    """Those whose names stand behind their ids in what is told."""
    _told: set[str] = field(default_factory=set, repr=False)
    _has_given: bool = field(default=False, repr=False)

    @cached_property
    def settings(self) -> Settings:
        """The settings, loaded once; their warnings are told, or left to the run of a job, which tells them once a day.

        Raise SettingsError with every mistake at once.
        """
        # Known before its warnings are told: they go out without the secrets that it knows of.
        self.settings = settings = load_settings(os.environ, self.config, cwd=Path.cwd(), look_closer=self.look_closer)
        for warning in settings.warnings if not self.job else ():
            self.write_log(f"warning: {warning}", "warning")
        return settings

    @cached_property
    def wiring(self) -> Wiring:
        """The parts that do the work, made from the settings."""
        return Wiring(self.settings)

    @cached_property
    def clock(self) -> Clock:
        """Gives the instant by which the command dates what it writes; that this host's clock is wrong is told.

        Asked for before the store is opened to write: Discord may have to be asked.
        """
        from giftping.runs.clock import clock_of_command

        clock = clock_of_command(self.wiring)
        if clock.verdict.line:
            self.log(clock.verdict.line, "warning")
        return clock.now

    @cached_property
    def clock_of_look(self) -> Clock:
        """Gives the instant by which a command that only looks says what is to come; nobody is asked for it.

        That this host's clock is wrong, by what Discord said to an earlier run, is told.
        """
        from giftping.runs.clock import clock_of_look

        clock = clock_of_look(self.wiring)
        if clock.verdict.line:
            self.log(clock.verdict.line, "warning")
        return clock.now

    @contextmanager
    def store(self, *, read_only: bool = False, sends: bool = False) -> Iterator[Store]:
        """The store, and tell afterwards, once, what it has to say of itself: that MongoDB is away, say.

        Documents that cannot be read, and were skipped, are told as well.

        What `sends` makes this host known to the others that use the store; where it may not send, that is told.
        """
        with self.wiring.open_store(read_only=read_only) as store:
            try:
                if sends and (refused := self.wiring.join(store)):
                    self.trouble(refused)
                yield store
            finally:
                for notice in store.notices:
                    self.trouble(notice)
                for odd in store.odd:
                    self.tell_odd(odd)

    def check_game(self, game: str | None) -> None:
        """Raise UsageError with the nearest name for a game that the settings do not know; None is no game."""
        if game is not None and game not in self.settings.games:
            from giftping.words.said import Said

            if near := near_name(game, self.settings.games):
                raise UsageError(Said("no_code.near_game", game=repr(game), near=repr(near)))
            raise UsageError(Said("no_code.no_game", game=repr(game), games=tuple(sorted(self.settings.games)) or "–"))

    @property
    def at_terminal(self) -> bool:
        """Whether a person is looking at standard output."""
        return sys.stdout.isatty() and not self.json

    @property
    def is_watched(self) -> bool:
        """Whether a person waits for an answer, and is not to be spared what was told before."""
        return (
            self.verbose > 0
            or (self.at_terminal and not self.quiet)
            or (sys.stderr is not None and sys.stderr.isatty())
        )

    def know(self, guilds: Mapping[int, Guild]) -> None:
        """Put the names of guilds and their channels behind their ids in what is told from now on."""
        self._guilds = guilds

    def named(self, line: str) -> str:
        """A line with the names that are known behind the ids in it."""
        if not self._guilds:
            return line
        from giftping.output.names import with_names

        return with_names(line, self._guilds)

    def tell(self, line: str) -> None:
        """Write a line of results, unless quiet or writing JSON."""
        if not (self.quiet or self.json):
            text = for_terminal(self.settings.redactor()(self.named(line)))
            if sys.stdout.isatty():
                from giftping.output.wrapping import fitted

                text = fitted(text, sys.stdout)
            self._write(sys.stdout, text)

    def trouble(self, line: str) -> None:
        """Write a line of trouble on standard error, once: a store and the command that asks it may say the same."""
        if line not in self._told:
            self._told.add(line)
            self.log(line, "error")

    def was_told(self, line: str) -> bool:
        """Whether a line of trouble was written before."""
        return line in self._told

    def tell_odd(self, line: str) -> None:
        """Write a line of trouble about a document that could not be read: the command did the rest."""
        self.has_met_odd = True
        self.trouble(line)

    def log(self, line: str, level: str, fields: Mapping[str, str] | None = None) -> None:
        """Write a line on standard error, in JSON together with what it is about. Raise SettingsError as `settings`."""
        _ = self.settings
        self.write_log(self.named(line), level, fields)

    def write_log(self, line: str, level: str, fields: Mapping[str, str] | None = None) -> None:
        """Write a line on standard error, whether or not the settings can be read."""
        self.log_handler.write(line, level, fields or {})

    def event(self, level: str, fields: Mapping[str, str]) -> None:
        """Write one line about one thing that the run did or found: in JSON, or for those who ask with -v."""
        if self.log_json or self.verbose:
            self.log("", level, fields)

    def handle_all_logging(self) -> None:
        """From now on whatever any library logs or warns of in this process goes the way of the session's own lines."""
        from giftping.output.log import handle_all_logging

        handle_all_logging(self.log_handler, quiet=self.quiet, verbose=self.verbose)

    @cached_property
    def log_handler(self) -> StderrHandler:
        """The way to standard error for all lines of this session."""
        from giftping.output.log import Run, StderrHandler, new_run_id

        run = Run(new_run_id(), self.job)
        return StderrHandler(run, self._redactor, as_json=self.log_json, tracebacks=self.verbose > 1)

    def _redactor(self) -> Callable[[str], str]:
        """What takes out the secrets known by now: those of the environment until there are settings.

        It does not load them, which may be what has just failed.
        """
        settings: Settings | None = vars(self).get("settings")
        return settings.redactor() if settings else Redactor(secret_values(os.environ))

    def show(self, *renderables: RenderableType) -> None:
        """Show tables, previews and the like, unless quiet or writing JSON."""
        if self.quiet or self.json:
            return
        from giftping.output.render import drawn

        redact = self.settings.redactor()
        for line in drawn(*renderables, redact=lambda text: for_terminal(redact(text))).splitlines():
            self._write(sys.stdout, line)

    @contextmanager
    def progress(self, what: str, *, shown: bool = True) -> Iterator[Callable[[int, int], None]]:
        """A function that shows at a terminal how many of how many are done; elsewhere, and when quiet, nothing."""
        if not (shown and self.at_terminal and not self.quiet):
            yield lambda done, total: None  # noqa: ARG005 as whoever calls it calls it
            return
        from giftping.output.render import progress

        with progress(what) as on_progress:
            yield on_progress

    def show_table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Show a table, unless quiet or writing JSON: then its rows are not even made, nor rich loaded."""
        if not (self.quiet or self.json):
            from giftping.output.render import table

            self.show(table(title, columns, list(rows)))

    def show_facts(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Show names and values side by side, on the same terms."""
        if not (self.quiet or self.json):
            from giftping.output.render import facts

            self.show(facts(list(pairs)))

    def give(self, value: object) -> None:
        """Write the command's JSON object if JSON was asked for, without any secret in its texts."""
        if self.json:
            from giftping.output.json import redacted, write_json

            write_json(redacted(value, self.settings.redactor()))
            self._has_given = True

    def give_error(self, lines: Sequence[str], exit_code: int) -> None:
        """Write the JSON object of what could not be done, where JSON was asked for and no other object is there.

        It does not load the settings, which may be what has just failed.
        """
        if self.json and not self._has_given:
            from giftping.output.json import redacted, write_json

            write_json(redacted({"error": list(lines), "exit_code": exit_code}, self._redactor()))

    def close(self) -> None:
        """Close what the command opened."""
        if "wiring" in vars(self):
            self.wiring.close()

    @staticmethod
    def _write(stream: TextIO, line: str) -> None:
        stream.write(f"{line}\n")
