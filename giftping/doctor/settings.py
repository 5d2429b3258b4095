"""The settings that count, and the files that they and the secrets come from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from giftping.doctor.judgement import Checks, Judgement, fail, named, ok, warn
from giftping.settings.environment import REAL
from giftping.settings.secrets import Secret, SecretError, changeable_by_all, chmod
from giftping.text import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from giftping.settings.keys import Settings
    from giftping.store.base import Subscription


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file that settings or secrets come from."""

    path: str
    exposure: str = ""
    """What others can read in it that they should not, as a warning; empty when that is nothing."""
    changed_by: str = ""
    """By which file or folder every user of this machine can change it; empty where they cannot."""


@dataclass(frozen=True, slots=True)
class SettingsFacts:
    """The settings, and what they were read from."""

    file: str | None
    """The settings file, None where there is none."""
    warnings: tuple[str, ...] = ()
    """What reading the settings warned of."""
    files: tuple[FileFacts, ...] = ()
    """Every file that settings or secrets come from."""


# Looking


def look_at_settings(settings: Settings, subscriptions: Sequence[Subscription]) -> SettingsFacts:
    """The settings with their files, and those of the webhooks that subscriptions name."""
    file = str(settings.file) if settings.file else None
    return SettingsFacts(file, settings.warnings, tuple(_files(settings, subscriptions)))


def _files(settings: Settings, subscriptions: Sequence[Subscription]) -> Iterator[FileFacts]:
    dotenv = {Path(place.name) for place in settings.environment.places.values() if place.name != REAL}
    secrets = [secret for secret in _secrets(settings, subscriptions) if secret.file is not None]
    exposed = {secret.file: secret.warning for secret in secrets}
    paths = {settings.file, *dotenv, *(secret.file for secret in secrets)} - {None}
    for path in sorted(path for path in paths if path is not None):
        yield FileFacts(str(path), exposed.get(path, ""), str(changeable_by_all(path) or ""))


def _secrets(settings: Settings, subscriptions: Sequence[Subscription]) -> Iterator[Secret]:
    yield from (secret for secret in (settings.discord.token, settings.mongo.uri) if secret)
    values = [value for source in settings.sources.values() if source.enabled for value in source.headers.values()]
    references = {*values, *(one.destination.webhook for one in subscriptions)}
    for reference in sorted(one for one in references if one.startswith(("env:", "file:"))):
        try:
            yield settings.secret(reference)
        except SecretError:
            # Whoever needs it says that it is not there: the destination, or the source.
            continue


# Judging


def judge_settings(settings: SettingsFacts) -> Judgement:
    """Which file the settings come from, and what they warn of. Mistakes in them let no command start."""
    if settings.warnings:
        return warn("; ".join(settings.warnings), "do what the warning says, then: giftping config check")
    return ok(settings.file or "no settings file: the defaults and the environment")


def judge_files(settings: SettingsFacts) -> Judgement | None:
    """Whether others can change the files, which is worse, or read a secret in them."""
    files = settings.files
    changeable = [file.path for file in files if file.changed_by]
    if changeable:
        places = list(dict.fromkeys(file.changed_by for file in files if file.changed_by))
        said = f"every user of this machine can change {named(changeable)}, and with that what giftping does"
        return fail(said, f"run: {chmod('o-w', *places)}")
    # What the settings warn of themselves is not told twice, and is not called well here either.
    exposed = [file.path for file in files if file.exposure and file.exposure not in settings.warnings]
    if exposed:
        said = f"every user of this machine can read {named(exposed)}, with secrets in it"
        return warn(said, f"run: {chmod('600', *exposed)}")
    # Whoever has a file's group is left out of this: that is how one lets a colleague in.
    unread = "" if any(file.exposure for file in files) else ", or read a secret in them"
    said = f"{counted(len(files), 'file')} with settings or secrets: not every user of this machine can change them"
    return ok(said + unread) if files else None


SETTINGS_CHECKS: Checks[SettingsFacts] = (
    ("settings", judge_settings),
    ("files", judge_files),
)
