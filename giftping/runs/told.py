"""The one memory of what was told of trouble that lasts: a file in the state folder, with a section for each job.

What is of the host and not of one job, such as MongoDB that is away, has a section of its own: whichever job meets it
first tells it for all. No job tells what another one has met to be over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from giftping.errors import GiftpingError
from giftping.runs.state_folder import TOLD, TOLD_BEFORE, TOLD_LOCK, read_cache, write_cache
from giftping.runs.telling import LONGEST_KEPT, Mark, Met, Telling, tell
from giftping.store.tiny.files import StoreLock, next_step

if TYPE_CHECKING:
    from giftping.output.trouble import Trouble

HOST = "host"
"""The section of what is no single job's."""

PATIENCE = timedelta(seconds=2)
"""How long it is waited for another process that writes; after that, trouble may be told once more."""

_Section = Mapping[str, Mark]


News = Mapping[str, "datetime | None"]
"""The keys of what is to be told, each with since when it has lasted; None where it was not told before."""


def tell_found(
    state: Path, job: str, found: Sequence[Trouble], over: Callable[[str, str], str], now: datetime
) -> tuple[News, Sequence[str], str]:
    """What of the trouble that a run has met is to be told, and what is over; and why that cannot be remembered.

    The memory is brought up to it.
    """
    memory, news, ended = ToldMemory(state), dict[str, "datetime | None"](), dict[str, None]()
    for section, is_of_host in ((job, False), (HOST, True)):
        met = [one for one in found if one.key and one.is_of_host is is_of_host]

        def decide(told: _Section, met: Sequence[Trouble] = met) -> Telling:
            return tell(_found(met, memory), over, told, now)

        telling = memory.update(section, decide)
        news.update({one.key: telling.news[kept] for one in met if (kept := _kept(one.key)) in telling.news})
        ended.update(dict.fromkeys(telling.over))
    return news, tuple(ended), memory.trouble


def tell_one(state: Path, job: str, trouble: Trouble, over: str, now: datetime) -> tuple[News, Sequence[str]]:
    """The same of one single trouble, which is over in these words where nothing is said of it; nothing else is met."""
    key, section = _kept(trouble.key), HOST if trouble.is_of_host else job

    def decide(told: _Section) -> Telling:
        found = {key: Met(trouble.line)} if trouble.line else {}
        one = tell(found, lambda _key, _line: over, {key: told[key]} if key in told else {}, now)
        others = {other: mark for other, mark in told.items() if other != key}
        return replace(one, told={**others, **one.told})

    telling = ToldMemory(state).update(section, decide)
    return telling.news, telling.over


def _found(met: Iterable[Trouble], memory: ToldMemory) -> dict[str, Met]:
    """What was met, by the key that it has in the file; of several with one key the first."""
    found: dict[str, Met] = {}
    for one in met:
        # Who has told of it before is not to be believed where it cannot be read what was.
        is_known = one.is_known and not memory.is_lost
        found.setdefault(_kept(one.key), Met(one.line, is_known, one.is_told_once, one.end_is_news))
    return found


def _kept(key: str) -> str:
    """A key as it is kept: one that quotes a whole page is cut, and told from others by a hash."""
    if len(key) <= LONGEST_KEPT:
        return key
    return f"{key[:LONGEST_KEPT]} {hashlib.sha256(key.encode('utf-8', 'replace')).hexdigest()[:16]}"


class ToldMemory:
    """What was told, by section and key; a damaged file only means that trouble is told once more."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self.is_lost = False
        """Whether nothing could be read: nobody is believed to have told anything for this host then."""
        self.trouble = ""
        """Why nothing could be written; empty where it could, or nothing was to be."""

    def update(self, section: str, decide: Callable[[_Section], Telling]) -> Telling:
        """What was decided for what is remembered in a section; it is written where anything has changed.

        Of two processes that meet the same trouble at once only one finds it not yet told.
        """
        before = self._read().get(section, {})
        telling = decide(before)
        if dict(telling.told) == before:
            return telling
        try:
            self._state.mkdir(mode=0o700, parents=True, exist_ok=True)
            with StoreLock(self._state / TOLD_LOCK, PATIENCE).exclusive():
                sections = self._read()
                telling = decide(sections.get(section, {}))
                self._write({**sections, section: telling.told})
        # Telling something once more is better than not at all.
        except OSError as error:
            path = Path(error.filename or self._state / TOLD)
            reason = f"{error.strerror or error}; {next_step(path, error)}"
            self.trouble = f"what was told cannot be remembered, and is told by each run: {path}: {reason}"
        except GiftpingError as error:
            self.trouble = f"what was told cannot be remembered, and is told by each run: {error}"
        return telling

    def _read(self) -> dict[str, dict[str, Mark]]:
        sections = read_cache(dict[str, dict[str, Mark]], self._state / TOLD)
        self.is_lost = self.is_lost or sections is None
        return sections or {}

    def _write(self, sections: Mapping[str, _Section]) -> None:
        kept = {name: dict(sorted(marks.items())) for name, marks in sorted(sections.items()) if marks}
        # Empty, it stays: this host has told all that there was. After a power cut, trouble is told once more.
        write_cache(self._state / TOLD, kept)
        for name in TOLD_BEFORE:
            (self._state / name).unlink(missing_ok=True)
