"""`.env` files: lines of NAME=value that the real environment goes before."""

from __future__ import annotations

import re
import stat
from collections.abc import Mapping
from pathlib import Path

from giftping.settings.environment import Variable
from giftping.settings.file import Mistake, SettingsError, read_text

FILE_NAME = ".env"

_ASSIGNMENT = r"(?s)(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=[ \t]*(.*)"
_QUOTED = r"""(?s)(?:'([^']*)'|"((?:[^"\\]|\\.)*)")[ \t]*(?:\#.*)?"""
_ESCAPE = r"(?s)\\(.)"
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "'": "'", "\\": "\\", "$": "$"}


def read_dotenv(folder: Path) -> tuple[Path, list[Variable], list[Mistake]]:
    """The `.env` file of a folder, what it sets, and what is wrong in it; nothing where there is none.

    A folder that this user is shut out of has none to offer, and a folder named `.env` is somebody's virtual
    environment.
    """
    path = folder / FILE_NAME
    try:
        if stat.S_ISDIR(path.stat().st_mode):
            return path, [], []
    except OSError:
        return path, [], []
    try:
        return path, *parse_dotenv(read_text(path), str(path))
    except SettingsError as error:
        return path, [], list(error.mistakes)


def parse_dotenv(text: str, file: str) -> tuple[list[Variable], list[Mistake]]:
    """The variables that the text of a `.env` file sets, in order, and its wrong lines.

    A line is `NAME=value`, with or without `export`. A value may stand in single quotes (taken as it is) or
    double quotes (with backslash escapes); without quotes, a `#` after a blank begins a comment. Nothing is
    substituted, and no value spans lines. A mistake tells the line's number, never its text: that may be a secret.
    """
    variables: list[Variable] = []
    mistakes: list[Mistake] = []
    # splitlines() would also break at form feeds, U+2028 and others that a value may hold.
    for number, raw in enumerate(re.split(r"\r\n|\n|\r", text.removeprefix("\ufeff")), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        found = re.fullmatch(_ASSIGNMENT, line)
        if not found:
            mistakes.append(Mistake(file, "", "not a line of the form NAME=value", number))
            continue
        value = _value(found[2])
        if value is None:
            mistakes.append(Mistake(file, found[1], "the quotes around its value do not match up on this line", number))
        # No environment can hold it, and a path with it makes Python raise ValueError.
        elif "\0" in value:
            mistakes.append(Mistake(file, found[1], "its value holds a NUL", number))
        else:
            variables.append(Variable(found[1], value, number))
    return variables, mistakes


def dotenv_with(text: str, values: Mapping[str, str], *, replaces: bool = False) -> str:
    """The text of a `.env` file with variables added to it; what it sets to the same value stays as it is.

    Raise KeyError with the name of a variable that it sets to something else, unless it `replaces` that, and
    SettingsError where the text is not that of a `.env` file.
    """
    variables, mistakes = parse_dotenv(text, ".env")
    if mistakes:
        raise SettingsError(mistakes)
    # Split as `parse_dotenv` does, by whose line numbers these are found.
    lines = re.split(r"\r\n|\n|\r", text)
    if lines[-1] == "":
        lines.pop()
    known = {variable.name: variable for variable in variables}
    added = []
    for name, value in values.items():
        line = f"{name}={_written(value)}"
        if name not in known:
            added.append(line)
        elif known[name].value != value:
            if not replaces:
                raise KeyError(name)
            lines[known[name].line - 1] = line
    return "".join(f"{line}\n" for line in [*lines, *added])


def _value(raw: str) -> str | None:
    if raw[:1] in {"'", '"'}:
        quoted = re.fullmatch(_QUOTED, raw)
        if not quoted:
            return None
        if quoted[1] is not None:
            return quoted[1]
        # A backslash before anything else stays, as within a shell's double quotes.
        return re.sub(_ESCAPE, lambda match: _ESCAPED.get(match[1], match[0]), quoted[2])
    return re.split(r"(?:^|[ \t])#", raw, maxsplit=1)[0].strip()


def _written(value: str) -> str:
    if re.fullmatch(r"[\w:/.@%+=&?,~-]+", value, re.ASCII):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
