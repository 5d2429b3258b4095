"""The settings are read in time linear in the file. Calls are counted, not seconds: no busy machine makes them fail."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from giftping.codes.sources.expressions import check_expressions
from giftping.settings import file
from giftping.settings.file import SettingsError
from giftping.settings.load import load_settings

Load = Callable[[str], int]

SOURCE = """
[sources.own-{0}]
kind = "json"
game = "rise"
url = "https://example.org/{0}.json"
rows = {{ at = "codes_{0}", code = "code" }}
"""

FILES: dict[str, Callable[[int], str]] = {
    "sources without a mistake": lambda number: SOURCE.format(number),
    "misspelt keys": lambda number: f"{SOURCE.format(number)}enabld = false\n",
    "wrong expressions": lambda number: SOURCE.format(number).replace('"codes', '"codes[?'),
    "wrong date formats": lambda number: f'{SOURCE.format(number)}dates = {{ formats = ["%Q {number}"] }}\n',
    "unknown games": lambda number: f"[games.game-{number}]{SOURCE.format(number)}".replace(
        '"rise"', f'"geme-{number}"'
    ),
    "misspelt built-in sources": lambda number: f"[sources.rise-apj-{number}]\nenabled = false\n",
    "tables that nobody knows": lambda number: f"[source-{number}]\nurl = 1\n",
}


@pytest.fixture
def load(bare_machine: None, tmp_path: Path) -> Load:
    """Loads settings from the text of a giftping.toml, and says how many mistakes are in it."""

    def loading(text: str) -> int:
        (tmp_path / "giftping.toml").write_text(text, "utf-8")
        try:
            load_settings({"HOME": str(tmp_path)}, cwd=tmp_path, look_closer=check_expressions)
        except SettingsError as error:
            return len(error.mistakes)
        return 0

    return loading


def calls_of(work: Callable[[], object]) -> int:
    """Return how many calls some work takes, of Python's own functions too."""
    count = 0

    def profiler(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(profiler)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("name", FILES)
def test_twice_the_file_is_twice_the_work(name: str, load: Load) -> None:
    first, others = 200, 50  # The first are more than the games that a misspelt one is compared with.
    texts = ["".join(map(FILES[name], range(first + others * times))) for times in (0, 1, 2)]
    mistakes = load(texts[0])  # What is imported, and kept for the next time, is not counted.
    assert mistakes == (0 if name == "sources without a mistake" else first)
    begin, middle, end = (calls_of(lambda text=text: load(text)) for text in texts)
    assert end - middle <= 1.1 * (middle - begin)


def test_the_file_is_read_and_scanned_once_for_all_mistakes(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    for name in ("read_text", "KeyLines"):
        monkeypatch.setattr(f"giftping.settings.file.{name}", counted(name, done))
    load("".join(map(FILES["wrong expressions"], range(20))))
    assert done == ["read_text", "KeyLines"]


def counted(name: str, done: list[str]) -> Callable[..., object]:
    real: Callable[..., object] = getattr(file, name)

    def counting(*arguments: object) -> object:
        done.append(name)
        return real(*arguments)

    return counting
