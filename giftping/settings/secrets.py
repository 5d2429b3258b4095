"""Secrets by reference: where a token or a webhook URL comes from, and how it stays out of every text."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Self, SupportsIndex, final
from urllib.parse import quote, unquote, urlsplit

from giftping.errors import EXIT_SETTINGS, GiftpingError
from giftping.settings.reading import read_file

MASK = "***"

_EXPOSED = ": every user of this machine can read this file and the secrets in it"
_LARGEST_SECRET = 64 * 1024
_SHORTEST_KNOWN = 4
# A short value under such a name is mostly a word, as in WEBHOOK_MODE=on, and masking it garbles every line.
_SHORTEST_BY_NAME = 8
_TELLING_NAMES = r"(?i)TOKEN|SECRET|PASSW|WEBHOOK|MONGO(DB)?_URI"
_SLASH = r"(?:\\*/|%(?:25)*2F|\\+u002F)"
"""A slash as it is, and as JSON and URLs write it."""
_VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"


class SecretError(GiftpingError):
    """A secret that a reference names is not there; its text names the reference and what is missing, never a value."""

    exit_code = EXIT_SETTINGS

    def __init__(self, reference: str, reason: str) -> None:
        self.reference = mask(reference)
        self.reason = mask(reason)
        super().__init__(f"{self.reference}: {self.reason}")


@final
class Secret:
    """A value that never shows itself: `reveal()` is the only way to it.

    `origin` says where it came from ("environment variable DISCORD_TOKEN"), `file` which file that is, if it is one;
    `warning` is a line for the operator when others can read that place, else empty.
    """

    __slots__ = ("_value", "file", "origin", "warning")

    def __init__(self, value: str, origin: str = "", warning: str = "", file: Path | None = None) -> None:
        self._value = value
        self.origin = origin
        self.warning = warning
        self.file = file

    def reveal(self) -> str:
        """The value itself, for the one place that sends it."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[object, ...]:
        """Raise TypeError: a pickled secret would be a readable one."""
        raise TypeError("a Secret is not written anywhere")


def resolve_secret(reference: str, environ: Mapping[str, str]) -> Secret:
    """The secret that a reference names.

    `env:NAME` is the variable NAME, else the file that NAME_FILE names, else the file NAME in
    $CREDENTIALS_DIRECTORY (systemd's LoadCredential); `file:PATH` is a file's content; anything else is the
    secret itself. A line break at the end is not part of it. Raise SecretError when it is missing, empty,
    unreadable or more than one line.
    """
    kind, colon, rest = reference.partition(":")
    if colon and kind == "env":
        return _from_variable(reference, rest, environ)
    if colon and kind == "file":
        # What was written after "file:" may be the secret itself.
        if "://" in rest:
            raise SecretError("file:", "must be followed by the path of a file, and not by an address")
        return _from_file(reference, rest, f"file {rest}")
    if colon and not rest.startswith("//") and _is_nearly_a_kind(kind):
        raise SecretError(f"{kind}:", "is not a kind of reference; write env:NAME or file:PATH")
    return _checked(reference, "the secret", "the value itself")


def find_secret(name: str, environ: Mapping[str, str]) -> Secret | None:
    """The secret that `env:NAME` names, None where no place holds it; an empty variable counts as not set.

    Raise SecretError when a place is named but holds nothing usable.
    """
    return resolve_secret(f"env:{name}", environ) if is_configured(name, environ) else None


def is_configured(name: str, environ: Mapping[str, str]) -> bool:
    """Whether any place that `env:NAME` looks at names or holds a secret, usable or not."""
    return any(environ.get(place) for place in (name, f"{name}_FILE")) or _credential(name, environ) is not None


def anchored_reference(reference: str, folder: Path) -> str:
    """A reference that means the same from every folder: the path in `file:PATH` made absolute."""
    kind, colon, rest = reference.partition(":")
    if colon and kind == "file" and rest:
        return f"file:{folder / Path(rest).expanduser()}"
    return reference


def exposure(path: Path) -> str:
    """A warning when every user of this machine can read the file, else an empty text.

    A file in a folder that others may not enter is out of their reach whatever its own mode says.
    """
    if not _is_open_to_all(path, stat.S_IROTH):
        return ""
    return f"{path}{_EXPOSED}; run: {chmod('600', path)}"


def chmod(mode: str, *paths: Path | str) -> str:
    """The command that gives files or folders another mode, for a shell."""
    # Few runs name one.
    import shlex

    return shlex.join(["chmod", mode, *map(str, paths)])


def is_exposed_still(warning: str) -> bool:
    """Whether a warning is one of a file's exposure, and still holds."""
    path, said, _ = warning.partition(_EXPOSED)
    return bool(said and exposure(Path(path)))


def changeable_by_all(path: Path) -> Path | None:
    """By what every user of this machine can change what a file or folder holds: it, or a folder that it lies in.

    Who may write to a folder may put something else in the place of what lies there; not so in one like /tmp, where
    each may only move what is their own.
    """
    for place in dict.fromkeys((path, path.resolve(), *path.absolute().parents, *path.resolve().parents)):
        if _is_open_to_all(place, stat.S_IWOTH) and not _keeps_to_owners(place):
            return place
    return None


def _keeps_to_owners(folder: Path) -> bool:
    mode = folder.stat().st_mode
    return stat.S_ISDIR(mode) and bool(mode & stat.S_ISVTX)


def _is_open_to_all(path: Path, bit: int) -> bool:
    try:
        folders = path.resolve().parents
        is_open = bool(path.stat().st_mode & bit)
        return is_open and all(folder.stat().st_mode & stat.S_IXOTH for folder in folders)
    except OSError:
        return False


class Redactor:
    """Takes secrets out of any text: the known ones, and whatever looks like one.

    Known secrets shorter than four characters are left alone: masking every "a" hides the message, not the
    secret.
    """

    def __init__(self, secrets: Iterable[Secret | str] = ()) -> None:
        values = {value if isinstance(value, str) else value.reveal() for value in secrets}
        forms = {form for value in values for form in _forms_of(value) if len(form) >= _SHORTEST_KNOWN}
        # Of alternatives the first that fits is taken: a secret that begins another one would leave the rest to be
        # read.
        longest_first = sorted(forms, key=lambda form: (-len(form), form))
        self._known = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def __call__(self, text: str) -> str:
        """The text with each secret replaced by `***`."""
        if self._known:
            text = self._known.sub(MASK, text)
        for pattern, replacement in _lookalikes():
            text = pattern.sub(replacement, text)
        return text


def secret_values(environ: Mapping[str, str]) -> set[str]:
    """The values of the variables that hold secrets going by their names, for a `Redactor`."""
    return {
        value
        for name, value in environ.items()
        if re.search(_TELLING_NAMES, name) and not name.endswith("_FILE") and len(value) >= _SHORTEST_BY_NAME
    }


def mask(text: str, secrets: Iterable[Secret | str] = ()) -> str:
    """The text without the given secrets and without anything that looks like one."""
    return Redactor(secrets)(text)


def _from_variable(reference: str, name: str, environ: Mapping[str, str]) -> Secret:
    if not re.fullmatch(_VARIABLE, name):
        # What was written after "env:" may be the secret itself.
        raise SecretError("env:", "must be followed by the name of a variable: letters, digits and _")
    if environ.get(name):
        return _checked(environ[name], reference, f"environment variable {name}")
    if path := environ.get(f"{name}_FILE"):
        return _from_file(reference, path, f"file {path} (named by {name}_FILE)")
    if (credential := _credential(name, environ)) is not None:
        return _from_file(reference, str(credential), f"credential {name}")
    state = "set but empty" if name in environ else "not set"
    raise SecretError(reference, f"{name} is {state}, and neither {name}_FILE nor a credential {name} is there")


def _credential(name: str, environ: Mapping[str, str]) -> Path | None:
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return None
    path = Path(folder, name)
    try:
        path.lstat()
    except FileNotFoundError:
        return None
    except OSError:
        return path  # Something is there; reading it tells what is wrong.
    return path


def _from_file(reference: str, location: str, origin: str) -> Secret:
    if not location or "\0" in location:
        raise SecretError("file:", "must be followed by the path of a file")
    path = Path(location).expanduser() if location.startswith("~") else Path(location)
    try:
        # Not the whole of it: it may be a device without an end. The one byte more tells that there is more.
        content = read_file(path, _LARGEST_SECRET + 1)
    except OSError as error:
        from giftping.settings.ownership import why_forbidden

        whose = why_forbidden(path, error, writes=False)
        raise SecretError(
            reference, f"{path} cannot be read: {'; '.join(filter(None, [error.strerror, whose]))}"
        ) from None
    if len(content) > _LARGEST_SECRET:
        raise SecretError(reference, f"{path} is larger than 64 KiB, no secret")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SecretError(reference, f"{path} is not text in UTF-8") from None
    return _checked(text, reference, origin, exposure(path), path)


def _checked(value: str, subject: str, origin: str, warning: str = "", file: Path | None = None) -> Secret:
    value = value.rstrip("\r\n")
    if not value.strip():
        raise SecretError(subject, f"{origin} is empty")
    # A line break inside would end up in an HTTP header, and in the error text of whoever refuses it there.
    if any(ord(character) < 32 or ord(character) == 127 for character in value):
        raise SecretError(subject, f"{origin} must hold one line without control characters")
    return Secret(value, origin, warning, file)


def _is_nearly_a_kind(kind: str) -> bool:
    return re.fullmatch(r"[A-Za-z]{2,6}", kind) is not None and (
        sorted(kind.lower()) in (sorted("env"), sorted("file"))
        or kind.lower() in {"envs", "var", "variable", "files", "path", "fil", "environ", "en"}
    )


def _forms_of(value: str) -> set[str]:
    """The value, its secret parts where it is a URL, and both as they look percent-encoded, in a repr and in JSON."""
    parts = {value}
    if "://" in value:
        try:
            url = urlsplit(value)
            password = url.password
        except ValueError:  # Not a URL after all; the whole value is known.
            password, url = None, urlsplit("")
        # What is percent-encoded in a URL is not where it is used.
        parts |= {
            password or "",
            unquote(password or ""),
            url.path.rpartition("/")[2] if "/webhooks/" in url.path else "",
        }
    shown = {form(part)[1:-1] for form in (repr, ascii, json.dumps) for part in parts}
    return parts | shown | {quote(part, safe="") for part in parts}


@cache
def _lookalikes() -> list[tuple[re.Pattern[str], str]]:
    """The looks of secrets, each with what to put there; compiled late, as most runs have nothing to say.

    A webhook's or interaction's token is the path segment after its id; a bot token is three base64url parts (the
    bot's id, a time stamp, a signature); the rest are credentials in an Authorization header and in URLs. A URL that
    was given in the place of a path has one slash left: `Path` makes one of several.
    """
    return [
        (re.compile(pattern), replacement)
        for pattern, replacement in (
            (rf"(?i)((?:webhooks|interactions){_SLASH}\d+{_SLASH})[^\s/?#\"'<>%\\]+", rf"\1{MASK}"),
            (r"(?<![\w-])[\w-]{23,32}\.[\w-]{6,8}\.[\w-]{27,}", MASK),
            (r"\b(Bot|Bearer) +[\w.~+/=-]{16,}", rf"\1 {MASK}"),
            (r"(?i)(mongodb(?:\+srv)?:/{1,2}[^\s:@/]*):\S+@", rf"\1:{MASK}@"),
            (r"(:/{1,2}[^\s:@/]*):[^\s/@]+@", rf"\1:{MASK}@"),
        )
    ]
