"""The giftping.toml that `giftping init` writes: every key, with its sentence and its default or an example."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from giftping.settings.declaring import keys_of, sentences
from giftping.settings.keys import declared_tables

_WIDTH = 110

_HEAD = """\
# giftping reads this file, then GIFTPING_*, DISCORD_TOKEN and the like from the environment or a .env
# file beside it; where each value comes from: giftping config show
# Every line that is commented out shows the default or an example: remove the "# " in front to change it.
# After a change: giftping config check
#
# Secrets do not belong in this file. Put DISCORD_TOKEN=... and MONGO_URI=... into
# {folder}/.env (chmod 600).
"""

_GAMES_AND_SOURCES = """\


# `giftping sources list` shows the built-in sources. A table with the name of one changes keys of it.
# [sources.{source}]
# min_interval = "1h"
# enabled = false

# A game and a source of your own. Try it: giftping sources test my-list
# [games.my-game]
# title = "My Game"
# redeem_url = "https://example.org/redeem?code={{code}}"

# [sources.my-list]
# kind = "json"
# game = "my-game"
# url = "https://example.org/codes.json"
# rows = {{ at = "codes[]", code = "code", rewards = "reward", expires = "expires_at" }}

# What members see in your own words, by language.
# [words.en.announcement]
# redeem = "Get it"
"""


def starter_toml(*, folder: Path, state: Path, source: str, settings: Mapping[str, str] = MappingProxyType({})) -> str:
    """The text of a giftping.toml in which everything but `settings` is commented out and works when it is not.

    `folder` is where the file goes, `state` the default folder of the ledger, `source` the name of a built-in
    source for the example; `settings` are values by dotted key. Raise ValueError for a key that there is not.
    """
    lines = dict(_lines({"state": str(state)}, settings))
    if unknown := settings.keys() - lines.keys():
        msg = f"there is no key {min(unknown)}"
        raise ValueError(msg)
    return "".join(
        [_HEAD.format(folder=_escaped(str(folder))), *lines.values(), _GAMES_AND_SOURCES.format(source=source)]
    )


def _lines(defaults: Mapping[str, str], settings: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield what stands in the file for each table and key, by its dotted name."""
    for name, declared in declared_tables().items():
        if name:
            yield name, f"\n\n[{name}]\n{_comment(declared.__doc__ or '')}"
        said = sentences(declared)
        for key in keys_of(declared).values():
            if key.parse is None:
                continue
            dotted = f"{name}.{key.name}" if name else key.name
            default = defaults.get(dotted, key.show(key.default))
            shown = key.example if default in (None, "", []) else default
            line = f"{key.name} = {_toml(settings.get(dotted, shown))}"
            yield dotted, f"\n{_comment(said[key.field])}{'' if dotted in settings else '# '}{line}\n"


def _comment(text: str) -> str:
    # What is to be copied, such as a URL or a command, stays in one piece.
    lines = textwrap.wrap(" ".join(text.split()), _WIDTH - 2, break_long_words=False, break_on_hyphens=False)
    return "".join(f"# {line}\n" for line in lines)


def _toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case list():
            return f"[{', '.join(map(_toml, value))}]"
        case str():
            return f'"{_escaped(value)}"'
    return str(value)


def _escaped(text: str) -> str:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    # Not as JSON would: TOML takes no pairs of surrogates.
    return "".join(character if character.isprintable() else f"\\U{ord(character):08x}" for character in quoted)
