"""Kills the story at every call that touches a file: `crash_stage.py FOLDER`.

Each child lives in a folder of its own and counts its calls; the one whose turn it is kills itself with SIGKILL
before the call, or, for writes, also half-way through it. The calls that were acknowledged before are counted in
the file `acknowledged` beside the state.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from store_story import tell

TOUCHING = ("open", "write", "fsync", "replace", "link", "unlink", "ftruncate")


class Killer:
    """Counts calls and kills this process at one of them."""

    def __init__(self, turn: int, half_way: bool) -> None:
        self._left = turn
        self._half_way = half_way
        for name in TOUCHING:
            setattr(os, name, self._counted(name, getattr(os, name)))

    def _counted(self, name: str, call: Any) -> Any:
        def counted(*arguments: Any, **named: Any) -> Any:
            if not self._half_way or name == "write":
                self._left -= 1
                if self._left == 0:
                    if self._half_way:
                        call(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
                    os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **named)

        return counted


def live(scene: Path, turn: int, half_way: bool) -> None:
    scene.mkdir()
    acknowledged = os.open(scene / "acknowledged", os.O_WRONLY | os.O_CREAT)
    write = os.write
    # Only processes are killed here, not the machine.
    os.fsync = os.fstat  # type: ignore[assignment]  # takes a descriptor, and fails where there is none
    Killer(turn, half_way)
    tell(scene / "state", lambda: (write(acknowledged, b"."), None)[1])
    os._exit(0)


def is_killed(scene: Path, turn: int, half_way: bool) -> bool:
    child = os.fork()
    if child == 0:
        try:
            live(scene, turn, half_way)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) != 0:
        sys.exit(f"the story failed by itself at {scene}")
    return os.WIFSIGNALED(status)


def main() -> None:
    folder = Path(sys.argv[1])
    for half_way in (False, True):
        turn = 1
        while is_killed(folder / f"{'half' if half_way else 'before'}-{turn:03d}", turn, half_way):
            turn += 1


main()
