"""A run that keeps its ledger in MongoDB is killed at any step; the next runs may find MongoDB away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from forks import Forker, Trouble, forked, wait_until_quiet
from mongodb import ledger_behind, open_gate, uses
from plays import WHILE, put_clocks
from scene import FULL, Scene

CHECK = ("codes", "check")
EACH = 2 if FULL else 7
"""How far the steps are apart at which a run is killed."""


def test_a_run_killed_at_any_step_posts_nothing_twice_and_loses_nothing(
    scene: Scene, forker: Forker, record_property: Callable[[str, object], None]
) -> None:
    """Between the ledger and its mirror, too. After each kill MongoDB is away for one run."""
    with open_gate() as gate:
        ledger = ledger_behind(gate)
        scene.list_codes()
        host = forked(scene.host(token=True), forker)
        uses(host, ledger.uri)
        guild = scene.bot_guild(host)
        assert host.run(*CHECK).exit_code == 0
        codes = ["WHOLE1CODE"]
        scene.list_codes(*codes)
        assert host.run(*CHECK).exit_code == 0
        ends: Counter[int] = Counter()
        steps = len(host.steps)
        for step in range(1, steps, EACH):
            codes.append(f"STEP{step}CODE")
            scene.list_codes(*codes)
            ends[host.run(*CHECK, trouble=Trouble(kill_at=step)).exit_code] += 1
            wait_until_quiet(scene.discord)
            if ends.total() % 3 == 0:
                # Longer than a claim is leased and than Discord knows a nonce.
                put_clocks(scene, host, WHILE)
            gate.shut()
            assert host.run(*CHECK).exit_code == 0
            gate.open()
            assert host.run(*CHECK).exit_code == 0
            assert scene.arrived(guild) == dict.fromkeys(codes, 1), step
            assert set(ledger.states().values()) == {"sent"}, step
            assert host.ledger() == ledger.entries(), step
        assert ends[-9] >= (steps - 1) // EACH
        record_property("told", f"mongodb: {ends[-9]} runs killed, at steps {EACH} apart of {steps}")
