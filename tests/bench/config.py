"""What `config check` takes for 100, 1,000 and 3,000 sources of one's own, with and without a mistake in each."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 5
SIZES = (100, 1_000, 3_000)
SOURCE = """
[sources.own-{0}]
kind = "html"
game = "rise"
url = "https://example.org/{0}"
rows = {{ at = "tr.row-{0}", code = "{1}", expires = "td.ends-{0}" }}
dates = {{ formats = ["%d.%m.%Y {0}"] }}
"""


def seconds(folder: Path) -> float:
    """Return what one check of the settings in a folder takes."""
    environment = {"HOME": str(folder), "PATH": os.environ["PATH"]}
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "giftping", "config", "check"],
        cwd=folder,
        env=environment,
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - started


def main() -> None:
    """Measure in turns, and write the ratios."""
    for kind, code in (("without a mistake", "b"), ("with one in each", "b[")):
        with tempfile.TemporaryDirectory() as folder:
            places = []
            for size in SIZES:
                place = Path(folder, str(size))
                place.mkdir()
                text = "".join(SOURCE.format(number, code) for number in range(size))
                (place / "giftping.toml").write_text(text, "utf-8")
                places.append(place)
            turns = [[seconds(place) for place in places] for _ in range(ROUNDS)]
            few, many, most = (statistics.median(column) for column in zip(*turns, strict=True))
        # Of what 2,000 more take, against what 900 more do: 1 is linear.
        beyond = ((most - many) / 2_000) / ((many - few) / 900)
        sys.stdout.write(
            f"sources {kind}: 100 {few:.2f} s, 1,000 {many:.2f} s ({many / few:.1f} x; aim at most 3 x),"
            f" 3,000 {most:.2f} s (per source beyond: {beyond:.2f} x; 1 is linear)\n"
        )


main()
