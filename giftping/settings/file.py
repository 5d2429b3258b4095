"""giftping.toml: where it is looked for, what is in it, and at which line a mistake was made."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from giftping.errors import EXIT_SETTINGS, GiftpingError
from giftping.settings.environment import Environment
from giftping.settings.problems import Problem
from giftping.settings.reading import read_file

if TYPE_CHECKING:
    from giftping.settings.keys import Settings

FILE_NAME = "giftping.toml"
SYSTEM_FOLDER = Path("/etc/giftping")
LARGEST = 16 * 1024 * 1024
FILE_VARIABLE = "GIFTPING_CONFIG"


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in the settings."""

    place: str
    """Where it was made: a file, or "environment"."""
    key: str
    """The dotted key or the variable; empty where it is of the whole file."""
    reason: str
    """What is wrong, and what to do about it."""
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        """The mistake as one line: `place:line:column: key: reason`, without the parts that are not known."""
        numbers = [str(number) for number in (self.line, self.column) if number is not None]
        return ": ".join(part for part in (":".join([self.place, *numbers]), self.key, self.reason) if part)


class SettingsError(GiftpingError):
    """The settings cannot be used; `mistakes` holds every mistake in them, in the order a reader meets them."""

    exit_code = EXIT_SETTINGS

    def __init__(self, mistakes: Iterable[Mistake], so_far: Settings | None = None) -> None:
        self.mistakes = tuple(mistakes)
        self.so_far = so_far
        """The settings as far as they can be read, with defaults in place of what cannot: for telling of the mistakes,
        and for nothing else."""
        super().__init__("\n".join(map(str, self.mistakes)))


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """What was read of one giftping.toml."""

    path: Path | None = None
    """None where there is no file and the defaults count."""
    text: str = ""
    table: Mapping[str, object] = field(default_factory=dict)
    """What the text means as TOML."""

    @property
    def folder(self) -> Path | None:
        """The folder the file is in, which relative paths in it start from."""
        return self.path.parent if self.path else None

    def mistakes(self, problems: Collection[Problem]) -> list[Mistake]:
        """Problems with the places they were made at, in the order of the lines."""
        if not problems:
            return []  # As in almost every run: these do not look for lines.
        lines, place = KeyLines(self.text), str(self.path or FILE_NAME)
        found = [Mistake(place, problem.key, problem.reason, lines.line_of(problem.key)) for problem in problems]
        return sorted(found, key=lambda mistake: mistake.line or 0)


def home_folder(environment: Environment) -> Path | None:
    """The user's home folder as the environment says; None where it does not, as in some system services."""
    home = environment.get("HOME")
    return Path(home) if home.startswith("/") else None


def expanded(text: str, folder: Path, environment: Environment) -> Path:
    """A path that was written in settings: `~` is the home folder, a relative one starts from `folder`."""
    home = home_folder(environment)
    if home and (text == "~" or text.startswith("~/")):
        return home / text[2:]
    return folder / text


def find_settings_file(environment: Environment, config: Path | None, cwd: Path) -> Path | None:
    """The settings file to read, or None where there is none.

    Asked in turn: `config`, $GIFTPING_CONFIG, $CREDENTIALS_DIRECTORY, the current folder, $XDG_CONFIG_HOME/giftping
    (~/.config/giftping), $CONFIGURATION_DIRECTORY, /etc/giftping. Raise SettingsError when a file that was
    named is missing, or when a system folder that may hold one cannot be looked into.
    """
    if config is not None:
        return _named(cwd / config, "--config")
    if named := environment.get(FILE_VARIABLE):
        return _named(expanded(named, cwd, environment), FILE_VARIABLE)
    for folder, is_private in _folders(environment, cwd):
        path = folder / FILE_NAME
        try:
            path.stat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            # Run as another user or under ProtectHome=, the current folder and the home folder may be closed to us.
            if is_private:
                continue
            raise SettingsError([Mistake(str(path), "", f"cannot be looked at: {_reason(path, error)}")]) from None
        return path
    return None


def read_settings_file(path: Path | None) -> SettingsFile:
    """The contents of a settings file. Raise SettingsError when it cannot be read or is not TOML."""
    if path is None:
        return SettingsFile()
    text = read_text(path)
    try:
        return SettingsFile(path, text, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([_syntax_mistake(path, text, str(error))]) from None
    except RecursionError:
        raise SettingsError([Mistake(str(path), "", "is nested too deeply to be read")]) from None
    except ValueError:  # Python reads no number of more than 4,300 digits.
        raise SettingsError([Mistake(str(path), "", "holds a number too long to be read")]) from None


def state_in(path: Path) -> str:
    """Where a settings file that cannot be read as a whole puts the state folder; empty where it does not say."""
    try:
        top = itertools.takewhile(lambda line: not line.lstrip().startswith("["), read_text(path).split("\n"))
        said = tomllib.loads("\n".join(line for line in top if re.match(r"[ \t]*state[ \t]*=", line))).get("state")
    except (SettingsError, ValueError, RecursionError):
        return ""
    return said if isinstance(said, str) else ""


def read_text(path: Path) -> str:
    """The text of a settings or `.env` file. Raise SettingsError when it cannot be read or is not UTF-8."""
    try:
        # Some editors put a byte order mark in front, at which tomllib would stumble.
        content = read_file(path, LARGEST + 1)
        text = content.decode("utf-8-sig") if len(content) <= LARGEST else ""
    except OSError as error:
        raise SettingsError([Mistake(str(path), "", f"cannot be read: {_reason(path, error)}")]) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise SettingsError([Mistake(str(path), "", "is not text in UTF-8", line)]) from None
    if len(content) > LARGEST:
        raise SettingsError([Mistake(str(path), "", "is larger than 16 MiB, no settings")])
    # As a text file is read: with one kind of line end.
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _reason(path: Path, error: OSError) -> str:
    """Why a file cannot be read, and whose it is where that is the reason."""
    from giftping.settings.ownership import why_forbidden

    return "; ".join(filter(None, [error.strerror or str(error), why_forbidden(path, error, writes=False)]))


class KeyLines:
    """The lines of a TOML text, counted from 1, by the keys that they set and the tables that they begin.

    A reading by eye, not a parse. The text is read once, however many keys are looked for in it.
    """

    def __init__(self, text: str) -> None:
        self._of_key: dict[tuple[str, ...], list[int]] = {}
        self._first_within: dict[tuple[str, ...], int] = {}
        for number, path in _key_lines(text):
            self._of_key.setdefault(path, []).append(number)
            for length in range(1, len(path) + 1):
                self._first_within.setdefault(path[:length], number)

    def line_of(self, key: str) -> int | None:
        """The line at which a dotted key is set, or of the table it would be in.

        None where the text has nothing, or more than one line, that fits.
        """
        wanted = tuple(re.split(r"[.\[\]]+", key))
        while wanted:
            if exact := self._of_key.get(wanted):
                return exact[0] if len(exact) == 1 else None
            if wanted in self._first_within:
                return self._first_within[wanted]
            wanted = wanted[:-1]
        return None


def _named(path: Path, by: str) -> Path:
    if not path.exists():
        raise SettingsError([Mistake(str(path), "", f"no such file (named by {by})")])
    return path


def _folders(environment: Environment, cwd: Path) -> Iterator[tuple[Path, bool]]:
    """The folders a settings file may be in, and whether being shut out of it just means it is not ours."""
    # Files that systemd hands to this service alone, by LoadCredential= (systemd.exec(5)).
    if credentials := environment.get("CREDENTIALS_DIRECTORY"):
        yield Path(credentials), False
    yield cwd, True
    configured = environment.get("XDG_CONFIG_HOME")
    home = home_folder(environment)
    if configured.startswith("/"):  # The XDG rules say to ignore a relative one.
        yield Path(configured, "giftping"), True
    elif home:
        yield home / ".config" / "giftping", True
    # A unit may name several folders, which systemd joins with colons (systemd.exec(5)).
    for folder in filter(None, environment.get("CONFIGURATION_DIRECTORY").split(":")):
        yield Path(folder), False
    yield SYSTEM_FOLDER, False


def _syntax_mistake(path: Path, text: str, reason: str) -> Mistake:
    """Tomllib's complaint with the position it writes into its text (an attribute only from Python 3.14)."""
    what, _, where = reason.partition(" (at ")
    numbers = re.findall(r"\d+", where)
    if len(numbers) == 2:
        return Mistake(str(path), "", f"not valid TOML: {what}", int(numbers[0]), int(numbers[1]))
    return Mistake(str(path), "", f"not valid TOML: {what} at the end of the file", len(text.splitlines()) or 1)


_KEY = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_DOTTED = rf"{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*"
_KEY_LINE = rf"[ \t]*(?:\[\[?[ \t]*({_DOTTED})[ \t]*\]\]?[ \t]*(?:#.*)?$|({_DOTTED})[ \t]*=)"


def _key_lines(text: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    table: tuple[str, ...] = ()
    # Lines of TOML end in LF or CRLF; splitlines() would count more of them.
    for number, line in enumerate(text.split("\n"), start=1):
        found = re.match(_KEY_LINE, line)
        if not found:
            continue
        path = tuple(part.strip("\"'") for part in re.findall(_KEY, found[1] or found[2]))
        if found[1]:
            table = path
            yield number, path
        else:
            yield number, table + path
