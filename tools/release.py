"""Whether the tree is ready to be released under a tag: `python tools/release.py v0.2.0`. It needs no library."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]


def text_of(name: str) -> str:
    """The text of a file, by its path in the repository."""
    return (ROOT / name).read_text("utf-8")


def missing(tag: str) -> Iterator[str]:
    """What has to be done before the tag, one line each."""
    version = tag.removeprefix("v")
    if not re.fullmatch(r"v\d+\.\d+\.\d+", tag):
        yield f"{tag} is no tag of a release, such as v1.2.3"
    if f'__version__ = "{version}"' not in text_of("giftping/__init__.py"):
        yield f"giftping/__init__.py: __version__ is not {version}"
    sections = re.split(r"^## ", text_of("CHANGELOG.md"), flags=re.MULTILINE)
    if not any(re.match(rf"\[{re.escape(version)}\] - \d{{4}}-\d{{2}}-\d{{2}}\n", section) for section in sections):
        yield f"CHANGELOG.md: no section [{version}] with a date"
    if any(section.startswith("[Unreleased]") and section.partition("\n")[2].strip() for section in sections):
        yield "CHANGELOG.md: something is left under [Unreleased]"
    if not re.search(rf"^## To {re.escape(version)}$", text_of("docs/upgrading.md"), re.MULTILINE):
        yield f"docs/upgrading.md: no section on upgrading to {version}, and on going back"
    if not (ROOT / "tests" / "data" / version).is_dir():
        yield f"tests/data/{version}: no data that this release has written; tests/data/make.py makes it"


def main() -> int:
    """Say what is missing; 1 when something is, 2 without a tag."""
    if len(sys.argv) != 2:
        sys.stderr.write("usage: python tools/release.py TAG, such as v1.2.3\n")
        return 2
    lines = list(missing(sys.argv[1]))
    sys.stderr.writelines(f"{line}\n" for line in lines)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
