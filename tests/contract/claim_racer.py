"""A process that claims codes against others: `claim_racer.py KIND ADDRESS NAME COUNT`; begins when told on stdin."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fakes.records import entry
from store_kinds import STORE_KINDS


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    kind, address, name, count = sys.argv[1:]
    won: list[str] = []
    with STORE_KINDS[kind].open(address) as store:
        say("ready")
        sys.stdin.readline()
        for number in range(int(count)):
            claimed = [entry(guild_id, f"CODE{number}", claimed_by=name, delivery_id=name) for guild_id in (1, 2)]
            won.extend(sorted(store.insert(claimed)))
    say(json.dumps(won))


main()
