"""A process that was frozen while the database became an older one knows nothing of it when it goes on."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from datetime import timedelta

from forks import ForkedHost, Forkers, Victim, forked, wait_until_quiet
from mongodb import Ledger, uses
from scene import GAME, Ran, Scene

from giftping.demo.clock import ShiftedClock
from giftping.demo.log import Match

CHECK = ("codes", "check")
PAST_LEASE = timedelta(minutes=11)
CODES = tuple(f"MANY{number:02}CODE" for number in range(12))
"""Two messages' worth."""
MANY_AT_ONCE = f"[games.{GAME}]\nhold_above = {len(CODES)}\n"


def backup_of(ledger: Ledger) -> Callable[[], None]:
    """What puts the database back as it is now."""
    database = ledger.database
    kept = {name: list(database[name].find()) for name in database.list_collection_names()}

    def restore() -> None:
        for name in database.list_collection_names():
            database[name].delete_many({})
        for name, documents in kept.items():
            if documents:
                database[name].insert_many(documents)

    return restore


def run_until_its_post(scene: Scene, host: ForkedHost, *arguments: str) -> Callable[[], Ran]:
    """Let a command run until Discord has its first post, where it is frozen; what lets it go on to its end."""
    victim, ends = Victim(), list[Ran]()
    planned = scene.discord.call(lambda: victim.kill(signal.SIGSTOP), match=Match("POST"), after=True)
    run = threading.Thread(target=lambda: ends.append(host.run(*arguments, on_start=victim.started)))
    run.start()
    while not (planned.fired and victim.is_stopped()):
        assert run.is_alive()
        run.join(0.01)

    def go_on() -> Ran:
        victim.kill(signal.SIGCONT)
        run.join()
        wait_until_quiet(scene.discord)
        return ends[0]

    return go_on


def test_a_run_that_was_frozen_while_a_backup_was_put_back_claims_nothing_that_others_had_sent(
    scene: Scene, ledger: Ledger, forkers: Forkers
) -> None:
    with forkers.lent() as forker, forkers.lent() as other_forker:
        scene.list_codes("BEFORE1CODE")
        frozen = forked(scene.host("frozen", settings=MANY_AT_ONCE), forker)
        sender, noticer = (
            forked(scene.host(name, settings=MANY_AT_ONCE), other_forker) for name in ("sender", "noticer")
        )
        for host in (frozen, sender, noticer):
            uses(host, ledger.uri, shared=True)
        guild = scene.bot_guild(frozen)
        for host in (frozen, sender, noticer):
            assert host.run(*CHECK).exit_code == 0
        restore = backup_of(ledger)
        scene.list_codes("BEFORE1CODE", "SINCE1CODE")
        assert noticer.run(*CHECK).exit_code == 0
        for host in (frozen, sender):
            assert host.run(*CHECK).exit_code == 0

        once = dict.fromkeys(("BEFORE1CODE", "SINCE1CODE", *CODES), 1)
        scene.list_codes(*once)
        go_on = run_until_its_post(scene, frozen, *CHECK)
        pass_time(scene, PAST_LEASE, sender, noticer)
        for _ in range(2):
            sender.run(*CHECK)
        assert scene.arrived(guild) == once
        restore()
        pass_time(scene, PAST_LEASE, sender, noticer)
        assert "was rolled back" in noticer.run(*CHECK).errors
        assert go_on().exit_code == 69
        assert scene.arrived(guild) == once
        for _ in range(2):
            for host in (sender, noticer, frozen):
                host.run(*CHECK)
        assert scene.arrived(guild) == once
        assert set(ledger.states().values()) == {"sent"}


def pass_time(scene: Scene, span: timedelta, *hosts: ForkedHost) -> None:
    """Let time pass, by the clocks of these hosts as well."""
    assert isinstance(scene.discord.clock, ShiftedClock)
    scene.discord.clock.forward(span)
    for host in hosts:
        host.ahead += span
