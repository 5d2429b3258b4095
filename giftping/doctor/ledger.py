"""The ledger, in MongoDB or in the JSON file: whether it can be read, and what it holds for the other subjects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from giftping.codes.entries import ANNOUNCEMENT
from giftping.codes.held_codes import held_codes
from giftping.codes.holds import JudgingRules
from giftping.codes.left_open import NOT_ENDED
from giftping.delivery.deliveries import DeliveryState
from giftping.doctor.hosts import HostFacts, look_at_other_hosts
from giftping.doctor.judgement import ODD_SHOWN, Checks, Judgement, fail, named, ok, warn
from giftping.doctor.older_bot import OlderBotFacts, look_at_older_bot
from giftping.store.base import StoreError
from giftping.store.clears import clears_of
from giftping.store.tiny.files import JOURNAL, SNAPSHOT
from giftping.text import counted, verb_for
from giftping.todo.document_fields import OddDocumentError
from giftping.todo.repository import MemberRepository

if TYPE_CHECKING:
    from datetime import datetime

    from giftping.codes.held_codes import HeldCode
    from giftping.delivery.clock import Clock
    from giftping.delivery.deliveries import Delivery
    from giftping.store.base import Guild, RunRecord, Subscription
    from giftping.store.records import Store
    from giftping.todo.repository import LoadedMembers
    from giftping.todo.sweep_notes import SweepNotes
    from giftping.wiring import Wiring


@dataclass(frozen=True, slots=True)
class LedgerFacts:
    """The store that the settings name."""

    name: str
    """What to call it; empty when it cannot be read."""
    trouble: str = ""
    """Why it cannot be read."""
    is_there: bool = True
    """Whether anything has been written yet."""
    notices: tuple[str, ...] = ()
    """What it has to say of itself, such as that MongoDB is away."""
    held_back: str = ""
    """Why nothing is sent by it although it can be read, such as that MongoDB was emptied."""
    odd: tuple[str, ...] = ()
    """The documents in it that cannot be read, and are skipped; those of members are told with the roster."""


@dataclass(frozen=True, slots=True)
class TodoContents:
    """What the ledger holds of the TODO part."""

    loaded: LoadedMembers
    notes: SweepNotes
    """What the sweeps remember."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What the ledger holds that other subjects are about; empty as far as it cannot be read."""

    subscriptions: tuple[Subscription, ...] = ()
    """What the guilds follow, and where it goes."""
    left_open: tuple[Delivery, ...] = ()
    """The deliveries of gift codes that are under way, unclear or refused."""
    held: tuple[HeldCode, ...] = ()
    """The codes that are held."""
    runs: tuple[RunRecord, ...] = ()
    """The last run of each job on each host."""
    others: tuple[HostFacts, ...] = ()
    """The other hosts, where the ledger is one that hosts share."""
    refusal: str = ""
    """Why this host may not send because of them; empty where it may."""
    todo: TodoContents | None = None
    """None where the TODO part cannot be read."""
    guilds: Mapping[int, Guild] = field(default_factory=dict)
    """What is known of guilds beside what they follow."""
    older_bot: OlderBotFacts | None = None
    """None where no older bot has kept anything beside it, or MongoDB is away."""


def look_at_ledger(wiring: Wiring, clock: Clock, host: str) -> tuple[LedgerFacts, Contents]:
    """How the ledger is, and what it holds; it is opened once, and read-only."""
    contents = Contents()
    try:
        with wiring.open_store(read_only=True) as store:
            codes = _codes(store, wiring, clock())
            others = look_at_other_hosts(store, codes.runs, host) if wiring.settings.mongo.uri is not None else ()
            held_back = "" if store.is_away else store.held_back
            has_database = wiring.settings.mongo.uri is not None
            older_bot = look_at_older_bot(store, codes.subscriptions) if has_database else None
            contents = replace(codes, others=others, refusal=wiring.join(store, read_only=True), older_bot=older_bot)
            # What was read stays when an odd document among the TODOs ends it here: guilds are looked at all the same.
            repository = MemberRepository(store, clock)
            contents = replace(contents, todo=TodoContents(repository.load(), repository.notes()))
            repository.examine_history(clock())
        ledger = LedgerFacts(
            store.name,
            is_there=_is_there(wiring),
            notices=tuple(store.notices),
            held_back=held_back,
            odd=store.odd,
        )
        return ledger, contents
    except (StoreError, OddDocumentError) as error:
        return LedgerFacts("", trouble=str(error)), contents


def _is_there(wiring: Wiring) -> bool:
    # The journal comes before the file: a first run that was killed leaves it alone.
    state = wiring.settings.state
    return wiring.settings.mongo.uri is not None or any((state / name).exists() for name in (SNAPSHOT, JOURNAL))


def _codes(store: Store, wiring: Wiring, now: datetime) -> Contents:
    # Nobody needs all of them here, but for whether they can be read.
    deliveries = wiring.deliveries(store, read_only=True).load()
    left_open = [
        one for one in deliveries if one.state in (*NOT_ENDED, DeliveryState.REFUSED) and one.kind == ANNOUNCEMENT
    ]
    held = held_codes(store, JudgingRules.of(wiring.settings), now)
    guilds = store.guilds()
    store.examine_entries(now)
    clears_of(store, "")
    return Contents(tuple(store.subscriptions()), tuple(left_open), tuple(held), tuple(store.runs()), guilds=guilds)


def judge_ledger(ledger: LedgerFacts) -> Judgement:
    """Whether the ledger can be read: without it no run does anything."""
    if ledger.trouble:
        return fail(ledger.trouble, "mend that: until then nothing is announced and nobody is reminded")
    if ledger.held_back:
        return fail(ledger.held_back, "do what it says: until then nothing is announced and nobody is reminded")
    if ledger.odd:
        said = f"{counted(len(ledger.odd), 'document')} cannot be read and {verb_for(len(ledger.odd), 'are')} skipped"
        return fail(f"{said}: {named(ledger.odd, ODD_SHOWN)}", "correct or remove what is named")
    if ledger.notices:
        return warn("; ".join(ledger.notices), "if it stays, do what the notice says")
    return ok(f"{ledger.name} can be read" if ledger.is_there else f"{ledger.name} (made by the first write)")


LEDGER_CHECKS: Checks[LedgerFacts] = (("ledger", judge_ledger),)
