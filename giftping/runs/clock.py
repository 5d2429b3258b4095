"""What the witnesses of a run say of this host's clock, and what is kept of that for the next one.

Nobody is asked for it alone where that can be helped: each source says what time it is with its answer, and so does
Discord with each of its own. Only one that differs has Discord asked, in one request.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from giftping.delivery.clock import (
    NO_TIME_YET,
    NOTICEABLE,
    UNKNOWN,
    UNTRUSTED,
    Clock,
    ClockStanding,
    ClockVerdict,
    ClockWitness,
    Reading,
    RunClock,
    clock_verdict,
)
from giftping.net.http_date import http_date
from giftping.net.steady import steady_seconds
from giftping.runs.state_folder import CLOCK, read_cache, write_cache
from giftping.wiring import utc_now

if TYPE_CHECKING:
    from giftping.store.base import Subscription
    from giftping.wiring import Wiring

DISCORD = "Discord"

NOT_YET_VALID = "not yet valid"
"""How OpenSSL says that a certificate begins only later, by this host's clock."""

LEFT_OUT = timedelta(seconds=2)
"""What a `Date` does not say of the time: it has whole seconds, and is as old as its way here. What this host's clock
has beyond it is no difference: a run that went by it would date what is handed in too early."""

PROVEN_FOR = timedelta(hours=1)
"""How long a clock that was found right is taken to be right, whatever one source says."""

MOST_DIGITS = 7
"""The digits of the longest Age that is believed: a cache keeps an answer for weeks at most."""


BOOT = Path("/proc/sys/kernel/random/boot_id")
"""Where Linux has a token of the machine's last start."""


def boot_of_machine() -> str:
    """A token of the machine's last start, empty where nothing tells."""
    try:
        return BOOT.read_text("utf-8").strip()
    except (OSError, ValueError):
        return ""


@dataclass(frozen=True, slots=True)
class WitnessedTime:
    """When Discord last said what time it is to this host. The names of the fields are keys of a file."""

    at: datetime
    """What it said."""
    uptime_milliseconds: int
    """What the clock that nobody sets showed then; it begins anew when the machine does."""
    boot: str
    """Since which start of the machine that counts; empty where nothing tells."""

    def now_by(self, milliseconds: int, boot: str) -> datetime | None:
        """What it is now, by that clock; None where the machine was started since, or may have been."""
        passed = milliseconds - self.uptime_milliseconds
        is_the_same = bool(boot) and boot == self.boot and passed >= 0
        return self.at + timedelta(milliseconds=passed) if is_the_same else None

    def earliest_now(self, milliseconds: int) -> datetime:
        """The earliest that it can be now, by that clock: whether or not the machine was off in between."""
        return self.at + timedelta(milliseconds=max(0, milliseconds - self.uptime_milliseconds))


class HostClock:
    """The clock of one run on this host, and what its witnesses say of it. Safe to use from several threads.

    `state` is the folder where what Discord said is kept for the next run, None for a run that leaves nothing behind.
    With `to_the_second` the run goes by Discord as soon as it has said anything, else only where this host's clock is
    off: what is measured between two messages is measured by Discord's time.
    """

    def __init__(
        self,
        state: Path | None,
        wall: Clock = utc_now,
        steady: Callable[[], float] = steady_seconds,
        *,
        to_the_second: bool = False,
        boot: Callable[[], str] = boot_of_machine,
    ) -> None:
        self._state, self._wall, self._steady, self._boot = state, wall, steady, boot
        self._to_the_second = to_the_second
        self.now = RunClock(wall, steady)
        self.verdict: ClockVerdict = UNKNOWN
        self._discord: list[Reading] = []
        self._sources: list[Reading] = []
        self._has_asked = False
        self._lock = threading.RLock()
        self._kept = self._read()

    @property
    def ends_by(self) -> datetime:
        """The instant by which what has an end has ended: without any witness nothing has."""
        return NO_TIME_YET if self.verdict.standing is ClockStanding.UNKNOWN else self.now()

    # The witnesses

    @property
    def is_doubtful(self) -> bool:
        """Whether Discord is to be asked: a source differs, or Discord has said before that it is later than this."""
        with self._lock:
            if self._discord or self._has_asked:
                return False
            return self._is_behind() or (self._differs() and not self._is_proven())

    def hear_source(self, host: str, date: str, age: str) -> None:
        """Take in the `date` of a source's answer, and the `age` that a cache in between says it has."""
        shown = http_date(date)
        if shown is not None:
            with self._lock:
                self._sources.append(Reading(host, shown + _seconds_in(age), self.now()))

    def hear_discord(self, shown: datetime | None) -> None:
        """Take in what Discord says the time is now, None where it has said nothing."""
        if shown is None:
            return
        with self._lock:
            reading = self.now.read(DISCORD, shown)
            # Only the one that is furthest off has a say; a run of a thousand guilds hears a thousand.
            self._discord = [max([reading, *self._discord], key=lambda one: abs(one.ahead))]
            self.verdict = clock_verdict(self._discord)
            is_the_same = timedelta(0) <= -reading.ahead < LEFT_OUT
            if self.verdict.line or (self._to_the_second and not is_the_same):
                self.now.go_by(shown)
            self._keep(shown)

    def look_again(self) -> bool:
        """Whether Discord has been heard in this run; if so it is noticed, too, that the clock was set since."""
        with self._lock:
            if not self._discord:
                return False
            reading = self.now.read(DISCORD, self.now())
            self._discord = [max([reading, *self._discord], key=lambda one: abs(one.ahead))]
            self.verdict = clock_verdict(self._discord)
            return True

    def hear_certificates(self) -> None:
        """Take in that by this host's clock the certificate of everybody who was asked is not valid yet."""
        if not self._discord:
            self.verdict = UNTRUSTED

    def settle(self, ask: Callable[[], datetime | None], *, is_judged_by: bool) -> ClockVerdict:
        """What this host's clock is worth once the sources have answered.

        `ask` has Discord say its time in one request, and returns None where it does not; it is called once, and only
        where a source differs, where Discord has said before that it is later than this, or where nobody has said
        anything though something `is_judged_by` the time.
        """
        with self._lock:
            if self._discord or self._has_asked:
                return self.verdict
            proven = self._is_proven()
            if self.is_doubtful or (is_judged_by and not self._sources and not proven):
                self._has_asked = True
                self.hear_discord(ask())
            if not self._discord and not self.verdict.is_untrusted:
                self.verdict = self._without_discord(proven=proven)
            return self.verdict

    def _without_discord(self, *, proven: bool) -> ClockVerdict:
        if proven:
            return ClockVerdict(ClockStanding.RIGHT, witness=ClockWitness.DISCORD)
        verdict = clock_verdict((), self._sources)
        if verdict.line:
            self.now.go_by(self.now() + verdict.ahead)
        return verdict

    def _differs(self) -> bool:
        return any(reading.differs for reading in self._sources)

    def _is_behind(self) -> bool:
        """Whether Discord has said to an earlier run that it was later than it is now by this host's clock."""
        return self._kept is not None and self._kept.earliest_now(self._uptime()) - self._wall() > NOTICEABLE

    def _is_proven(self) -> bool:
        """Whether Discord has confirmed this clock not long ago, and nobody has set it since."""
        if self._kept is None:
            return False
        passed = timedelta(milliseconds=self._uptime() - self._kept.uptime_milliseconds)
        is_recent = timedelta(0) <= passed < PROVEN_FOR
        return is_recent and abs(self._kept.at + passed - self._wall()) <= NOTICEABLE

    def go_by_kept(self) -> ClockVerdict:
        """What this host's clock is worth by what Discord said to an earlier run, which is gone by from now on.

        Nobody is asked: that is for whoever only looks.
        """
        with self._lock:
            if self._kept is None:
                return self.verdict
            shown = self._kept.now_by(self._uptime(), self._boot())
            # The machine may have been off for long: it is known only that it is not earlier.
            if shown is None and self._is_behind():
                shown = self._kept.earliest_now(self._uptime())
            if shown is not None:
                self.verdict = clock_verdict([self.now.read(DISCORD, shown)])
                if self.verdict.line:
                    self.now.go_by(shown)
            return self.verdict

    # What is kept

    def _uptime(self) -> int:
        return int(self._steady() * 1000)

    def _read(self) -> WitnessedTime | None:
        # Without it a clock that is behind is noticed a little later.
        return None if self._state is None else read_cache(WitnessedTime, self._state / CLOCK)

    def _keep(self, shown: datetime) -> None:
        if self._state is None or not self._state.exists():
            return
        uptime = self._uptime()
        if self._kept is not None:
            passed = timedelta(milliseconds=uptime - self._kept.uptime_milliseconds)
            says_the_same = abs(self._kept.at + passed - shown) <= NOTICEABLE
            # Nothing is learnt from it by which a run would do anything else, and a small machine's disk wears out.
            if says_the_same and timedelta(0) <= passed < PROVEN_FOR / 2:
                return
        self._kept = WitnessedTime(shown, uptime, self._boot())
        # Without it a clock that is behind is noticed a little later.
        with suppress(OSError):
            write_cache(self._state / CLOCK, self._kept)


def ask_discord(
    wiring: Wiring, clock: HostClock, subscriptions: Callable[[], Iterable[Subscription]]
) -> datetime | None:
    """Discord's time, for which it is asked by whatever way there is; None where there is none, or no answer.

    Without a token that is the webhook of one of `subscriptions`: any will do, as one that is gone tells the time, too.
    """
    from giftping.discord.outcome import Refused
    from giftping.discord.rest import ME

    unheard: object = None
    if (reader := wiring.reader()) is not None:
        unheard = reader.http.ask(ME)
    else:
        routes = (wiring.route_to(one.destination) for one in subscriptions())
        if (route := next((route for route in routes if not isinstance(route, Refused)), None)) is not None:
            unheard = route.ask()
    return heard(wiring, clock, unheard)


def heard(wiring: Wiring, clock: HostClock, unheard: object) -> datetime | None:
    """Discord's time, None where it has not said it; `unheard` is what became of the request instead."""
    if NOT_YET_VALID in getattr(unheard, "reason", ""):
        clock.hear_certificates()
    return wiring.http().discord_now()


def clock_of_command(wiring: Wiring) -> HostClock:
    """The clock by which a command that somebody types dates what it writes.

    That is Discord's time where this host's clock is not known to be right: it is asked unless a run has done so not
    long ago. Nothing waits for it, as where there is no answer a person knows what time it is.
    """
    clock = HostClock(wiring.settings.state)

    def subscriptions() -> list[Subscription]:
        with wiring.open_store(read_only=True) as store:
            return store.subscriptions()

    clock.settle(lambda: ask_discord(wiring, clock, subscriptions), is_judged_by=True)
    return clock


def clock_of_look(wiring: Wiring) -> HostClock:
    """The clock by which a command that only looks says what is to come: Discord's time where a run has heard it."""
    clock = HostClock(wiring.settings.state)
    clock.go_by_kept()
    return clock


def _seconds_in(age: str) -> timedelta:
    """What an Age says; nothing where it says nothing sensible."""
    digits = age.strip()
    is_sensible = digits.isascii() and digits.isdigit() and len(digits) <= MOST_DIGITS
    return timedelta(seconds=int(digits)) if is_sensible else timedelta(0)
