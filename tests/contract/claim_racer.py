"""A process that claims codes against others: `claim_racer.py KIND ADDRESS NAME COUNT`; begins when told on stdin."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fakes.patient import be_patient
from store_kinds import ENGINE_KINDS

from giftping.store.documents import DELIVERIES, LEDGER
from giftping.store.engine import Change


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    kind, address, name, count = sys.argv[1:]
    be_patient()
    won: list[str] = []
    engine = ENGINE_KINDS[kind].open(address)
    say("ready")
    sys.stdin.readline()
    for number in range(int(count)):
        delivery = Change(DELIVERIES, None, {"_id": f"{name}-{number}"})
        ids = [f"{guild_id}:CODE{number}" for guild_id in (1, 2)]
        claims = [Change(LEDGER, None, {"_id": id_, "state": "open", "delivery_id": name}) for id_ in ids]
        is_new, *made = engine.change([delivery, *claims])
        assert is_new
        won += [id_ for id_, is_made in zip(ids, made, strict=True) if is_made]
    engine.close()
    say(json.dumps(won))


main()
