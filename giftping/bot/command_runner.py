"""How the bot does what a command does: the very functions of the command line, run off the event loop.

A command gets a session that keeps what it says instead of writing it. No rule lives in the bot.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from giftping.bot.failures import Failure, Told, failure_of
from giftping.bot.voice import Voice, voice_for
from giftping.commands.session import Session
from giftping.errors import EXIT_FINE
from giftping.settings.keys import Settings
from giftping.todo.validation import Mistake
from giftping.wiring import Wiring
from giftping.words.catalogue import languages
from giftping.words.said import redacted

if TYPE_CHECKING:
    from giftping.store.records import Store

Command = Callable[..., int]

LOOKS, FORMS, POSTS, CHECKS = 8, 4, 32, 4
"""How many commands of each kind are done side by side, in threads of their own: those of one kind never hold up
another. A thread is made when it is needed."""

LOOKS_EVERY = 30.0
"""Seconds between two looks whether MongoDB is back, while something is to be carried back to it: no longer does a
member who has handed in go unseen by the other hosts that use it."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What came of a command."""

    value: Mapping[str, Any] = field(default_factory=dict)
    """Its JSON object."""
    trouble: tuple[str, ...] = ()
    """The lines of trouble that it would have written."""
    exit_code: int = EXIT_FINE
    """The one that it would have had."""
    refusal: str = ""
    """One sentence, or several lines, that the member can act on; nothing was done, or it is not known to have been."""
    told: Told = Told.AS_SAID
    """What the member is told of the refusal."""
    mistakes: tuple[Mistake, ...] = ()
    """What is wrong with a TODO, where that is why."""
    notices: tuple[str, ...] = ()
    """Those lines of trouble that the store said of itself."""
    is_by_mirror: bool = False
    """Whether the store's mirror answered, and not the store."""

    @property
    def is_store_trouble(self) -> bool:
        """Whether the refusal is about the store, in words for its operator."""
        return self.told is Told.AWAY


class BotSession(Session):
    """A session that speaks to nobody: it keeps the object and the lines of one command."""

    def __init__(self, settings: Settings, languages: dict[int, str]) -> None:
        super().__init__(json=True, confirm=lambda _question: False)
        self._languages = languages
        self.settings = settings
        self.wiring = Wiring(settings)
        self.value: Mapping[str, Any] = {}
        self.lines: list[str] = []
        self.notices: list[str] = []
        self.is_by_mirror = False

    @contextmanager
    def store(self, *, read_only: bool = False, sends: bool = False) -> Iterator[Store]:
        """The store, and keep what it has to say of itself; by whatever it writes the other hosts know the bot."""
        with super().store(read_only=read_only, sends=sends or not read_only) as store:
            self._note_languages(store)
            try:
                yield store
            finally:
                self.notices += map(self.settings.redactor(), store.notices)
                self.is_by_mirror |= store.is_away

    def _note_languages(self, store: Store) -> None:
        found = store.languages({*languages(), *self.settings.words})
        for guild_id in [one for one in self._languages if one not in found]:
            self._languages.pop(guild_id, None)
        self._languages.update(found)

    def log(self, line: str, level: str, fields: Mapping[str, str] | None = None) -> None:  # noqa: ARG002
        """Keep a line: of trouble, or of what there is to say besides."""
        kept = self.lines if level == "error" else self.notices
        kept.append(redacted(line, self.settings.redactor()))

    def give(self, value: object) -> None:
        """Keep the command's object."""
        if isinstance(value, Mapping):
            self.value = value


def bring_back(session: Session) -> int:
    """The exit code. Whoever opens the store to write carries back what waits in its mirror, if MongoDB is back."""
    if session.wiring.waiting():
        with session.store():
            pass
    session.give({"waiting": session.wiring.waiting()})
    return EXIT_FINE


@dataclass(frozen=True, slots=True)
class CommandRunner:
    """Runs commands for the bot."""

    settings: Settings
    """Those that the bot was started with."""
    _languages: dict[int, str] = field(default_factory=dict, repr=False, compare=False)
    """Those of the guilds that have one, as the store had them when it was last opened."""
    _looks: Executor = field(default_factory=partial(ThreadPoolExecutor, LOOKS, "looks"), repr=False, compare=False)
    _forms: Executor = field(default_factory=partial(ThreadPoolExecutor, FORMS, "forms"), repr=False, compare=False)
    _posts: Executor = field(default_factory=partial(ThreadPoolExecutor, POSTS, "posts"), repr=False, compare=False)
    _checks: Executor = field(default_factory=partial(ThreadPoolExecutor, CHECKS, "checks"), repr=False, compare=False)
    _under_way: set[asyncio.Task[Any]] = field(default_factory=set, repr=False, compare=False)
    _carrying_back: set[asyncio.Task[None]] = field(default_factory=set, repr=False, compare=False)

    def voice(self, guild_id: int | None, locale: str) -> Voice:
        """What is said in a guild to a member whose Discord is in a locale."""
        return voice_for(self._languages.get(guild_id or 0, self.settings.language), locale, self.settings.words)

    async def run(self, command: Command, *arguments: Any, **named: Any) -> CommandResult:
        """The result of a command of the command line, run in a thread. Raise nothing for what can go wrong."""
        return await self._run(self._looks, command, *arguments, **named)

    async def form(self, command: Command, *arguments: Any, **named: Any) -> CommandResult:
        """The same of a command that a form waits for, which has to open within three seconds."""
        return await self._run(self._forms, command, *arguments, **named)

    async def post(self, command: Command, *arguments: Any, **named: Any) -> CommandResult:
        """The same of a command that asks Discord for something, and waits as long as Discord lets it wait."""
        return await self._run(self._posts, command, *arguments, **named)

    async def check(self, command: Command, *arguments: Any, **named: Any) -> CommandResult:
        """The same of a command that asks sources, and may wait for many of them."""
        return await self._run(self._checks, command, *arguments, **named)

    async def _run(self, pool: Executor, command: Command, *arguments: Any, **named: Any) -> CommandResult:
        work = partial(self.run_now, command, *arguments, **named)
        result = await asyncio.get_running_loop().run_in_executor(pool, work)
        if result.is_by_mirror:
            self.carry_back_later()
        return result

    def attend(self) -> None:
        """Note that the present task answers somebody, before the bot ends (`finish`)."""
        if (task := asyncio.current_task()) is not None:
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    def carry_back_later(self) -> None:
        """Look from now on whether MongoDB is back, as long as something is to be carried back to it."""
        if not self._carrying_back:
            task = asyncio.ensure_future(self._carry_back())
            self._carrying_back.add(task)
            task.add_done_callback(self._carrying_back.discard)

    async def _carry_back(self) -> None:
        result = None
        while result is None or result.refusal or result.value["waiting"]:
            await asyncio.sleep(LOOKS_EVERY)
            result = await asyncio.to_thread(self.run_now, bring_back)

    async def finish(self, patience: float) -> None:
        """Wait until whoever waits for a command has been answered, or so many seconds are over."""
        for task in self._carrying_back:
            task.cancel()
        if self._under_way:
            await asyncio.wait(set(self._under_way), timeout=patience)

    def run_now(self, command: Command, *arguments: Any, **named: Any) -> CommandResult:
        """The result of a command, run here and now."""
        # A session, and with it a store and clients, for each command: nothing is shared between the threads.
        session = BotSession(self.settings, self._languages)
        try:
            code = command(session, *arguments, **named)
            return self._result(session, Failure("", code))
        except Exception as error:  # noqa: BLE001 the last place where it can be told; the bot goes on
            return self._result(session, failure_of(error, self.settings.redactor()))
        finally:
            session.close()

    @staticmethod
    def _result(session: BotSession, failure: Failure) -> CommandResult:
        return CommandResult(
            value=session.value,
            trouble=tuple(session.lines),
            exit_code=failure.exit_code,
            refusal=failure.refusal,
            told=failure.told,
            mistakes=failure.mistakes,
            notices=tuple(session.notices),
            is_by_mirror=session.is_by_mirror,
        )
