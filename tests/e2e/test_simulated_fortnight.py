"""A fortnight of clocks that jump, processes that freeze and backups that are put back: every promise holds."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from forks import Forkers
from fortnight import Fortnight
from mongodb import Ledger
from scene import FULL, Scene

SEEDS = tuple(range(1, 11)) if FULL else (1,)
DAYS = 14 if FULL else 8
"""As long as it takes to meet everything twice, or a fortnight."""


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", SEEDS)
def test_in_a_fortnight_of_wrong_clocks_every_promise_holds(
    seed: int, scene: Scene, ledger: Ledger, forkers: Forkers, record_property: Callable[[str, object], None]
) -> None:
    with forkers.lent() as forker, forkers.lent() as other:
        fortnight = Fortnight(scene, ledger, (forker, other), Random(seed))
        try:
            fortnight.set_up()
            fortnight.play(DAYS)
            fortnight.end()
        finally:
            fortnight.close()
    told = f"seed {seed}: " + ", ".join(f"{count} {what}" for what, count in sorted(fortnight.counts.items()))
    broken = [told, f"all that happened is in {fortnight.told}", *fortnight.violations[:20]]
    assert not fortnight.violations, "\n".join(broken)
    for what in ("runs frozen", "restores", "runs by a wrong clock", "mended clocks that work at once", "pings"):
        assert fortnight.counts[what] >= 2, told
    record_property("told", f"simulated fortnight: {told}")
