"""What a check works with, and the settings it follows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta

from giftping.codes.courier import Routes
from giftping.codes.edits import Concurrently
from giftping.codes.entries import Origins
from giftping.codes.fence import DiscordClock
from giftping.codes.gather import Gathered
from giftping.codes.publishing import Publish
from giftping.delivery.clock import Clock
from giftping.delivery.deliveries import Deliveries
from giftping.settings.catalogue import Game
from giftping.settings.sources import SourceDefinition
from giftping.store.records import Store
from giftping.words.catalogue import Words


@dataclass(frozen=True, slots=True)
class CheckRules:
    """The settings a check follows."""

    lease: timedelta
    """How long what another host has under way is left alone."""
    resend_unclear: bool = False
    """Whether a message of which nobody can tell whether it arrived is posted again, once."""
    skipped_regions: frozenset[str] = frozenset()
    """Codes for these regions alone go out nowhere."""
    edit_messages: bool = False
    """Whether messages are put right that announced what has ended, was withdrawn or corrected since."""


@dataclass(frozen=True, slots=True)
class CheckTools:
    """What a check works with, passed in by the wiring."""

    clock: Clock
    discord_now: DiscordClock
    gather: Callable[[Collection[str]], Gathered]
    """Asks the sources of these games."""
    open_store: Callable[[], Store]
    examine: Callable[[Store], object]
    """Looks for what cannot be read in the ledger: the store names it."""
    deliveries: Callable[[Store], Deliveries]
    """The deliveries in a store, in the name of this process."""
    routes: Routes
    games: Mapping[str, Game]
    """The games that the settings know, by slug."""
    sources: Mapping[str, SourceDefinition]
    """The sources that they know, by name."""
    origins: Origins
    words: Callable[[str], Words]
    """What is said in a language; in that of the settings where it is not named."""
    side_by_side: Concurrently
    publish: Publish
    gathered: Gathered | None = None
    """What the sources list, where they were asked before the check."""
    stopped: Callable[[], bool] = lambda: False
    """Once this says so nothing new is begun."""
    ends_by: Clock | None = None
    """Gives the instant by which a code has ended, once the sources have answered; by default the clock's."""
