"""`make bench`: every measurement, one after the other."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

for name in ("idle", "delivery", "sweep", "ledger", "migrate", "memory", "config", "bot"):
    sys.stdout.write(f"\n== {name}\n")
    sys.stdout.flush()
    runpy.run_path(str(Path(__file__).with_name(f"{name}.py")), run_name="__main__")
