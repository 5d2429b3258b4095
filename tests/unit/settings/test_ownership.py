"""Whose a file is that cannot be used, and the command that gives it back."""

from __future__ import annotations

import errno
import os
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from giftping.runs.lock import LockError, RunLock
from giftping.runs.sources_file import read_memory
from giftping.runs.state_folder import TOLD_LOCK
from giftping.runs.told import ToldMemory
from giftping.settings.file import SettingsError, read_text
from giftping.settings.ownership import Obstacle, user_name, whose, why_forbidden
from giftping.settings.secrets import SecretError, resolve_secret
from giftping.store.base import StoreError
from giftping.store.holder import ProcessLock
from giftping.store.tiny.engine import TinyEngine
from giftping.store.tiny.files import HOLDERS, LOCK, SNAPSHOT

STRANGER = 65534
"""Whoever may use nothing that is not everybody's; the tests lend themselves to it where they run as root."""


@pytest.fixture
def state(open_folder: Path) -> Path:
    """A folder that a stranger may get at, and may not use."""
    folder = open_folder / "state"
    folder.mkdir(mode=0o700)
    return folder


@contextmanager
def as_stranger(*, gives: Path | None = None) -> Iterator[None]:
    """Run as somebody else where that can be done; `gives` is the folder that is theirs."""
    if os.geteuid() != 0:
        pytest.skip("only root can run as somebody else")
    user_name(0)  # Loads what the stranger could not.
    if gives is not None:
        os.chown(gives, STRANGER, -1)
    os.seteuid(STRANGER)
    try:
        yield
    finally:
        os.seteuid(0)


def read_ledger(state: Path) -> None:
    TinyEngine(state).get("guilds", ["1"])


def lock_run(state: Path) -> None:
    with RunLock(state / "check.lock"):
        pass


def claim(state: Path) -> None:
    with ProcessLock(state, "me") as lock:
        lock.take()


def read_settings(state: Path) -> None:
    read_text(state / ".env")


def read_secret(state: Path) -> None:
    resolve_secret(f"file:{state}/.env", {})


USES: dict[str, tuple[str, Callable[[Path], None], type[Exception]]] = {
    "the ledger": (SNAPSHOT, read_ledger, StoreError),
    "the store's lock": (LOCK, read_ledger, StoreError),
    "the lock of a run": ("check.lock", lock_run, LockError),
    "the folder of claims": (HOLDERS, claim, StoreError),
    "settings": (".env", read_settings, SettingsError),
    "a secret": (".env", read_secret, SecretError),
}


OF_STATE = set(USES) - {"settings", "a secret"}


@pytest.mark.parametrize(
    ("kind", "is_ours"), [(kind, is_ours) for kind in USES for is_ours in (True, False) if is_ours or kind in OF_STATE]
)
def test_one_run_as_root_is_named_with_the_command_that_gives_its_files_back(
    state: Path, kind: str, is_ours: bool
) -> None:
    name, use, error = USES[kind]
    path = state / name
    if name == HOLDERS:
        path.mkdir(mode=0o700)
    else:
        path.write_text("{}", "utf-8")
        path.chmod(0o600)
    with as_stranger(gives=state if is_ours else None), pytest.raises(error) as refused:
        use(state)
    (said,) = str(refused.value).splitlines()
    me, root = user_name(STRANGER), user_name(0)
    assert f"belongs to {root}, and giftping runs as {me}; run: sudo chown " in said
    mends = shlex.split(said.rpartition("run: ")[2])
    assert mends[:2] == ["sudo", "chown"]
    assert str(path).startswith(mends[-1])
    # What it says is what helps.
    for given in [Path(mends[-1]), *(Path(mends[-1]).rglob("*") if "-R" in mends else ())]:
        os.chown(given, STRANGER, -1)
    if not is_ours:
        os.chown(state, STRANGER, -1)
    with as_stranger():
        assert why_forbidden(path, PermissionError(errno.EACCES, "no")) == ""


def test_a_memory_of_what_was_told_that_is_anothers_is_named(state: Path) -> None:
    from giftping.runs.telling import Met, tell

    (state / TOLD_LOCK).touch(0o600)
    memory = ToldMemory(state)
    with as_stranger(gives=state):
        from datetime import UTC, datetime

        now = datetime(2026, 5, 4, tzinfo=UTC)
        telling = memory.update("codes", lambda told: tell({"a": Met("a")}, lambda _key, _line: "", told, now))
    assert set(telling.news) == {"a"}
    assert f"run: sudo chown -R {user_name(STRANGER)}: {state}" in memory.trouble


def test_a_memory_of_sources_that_is_anothers_is_named(state: Path) -> None:
    (state / "sources.json").touch(0o600)
    with as_stranger(gives=state):
        trouble = read_memory(state / "sources.json").trouble
    assert f"run: sudo chown -R {user_name(STRANGER)}: {state}" in trouble


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            Obstacle(Path("/srv/gift codes/giftping.json"), is_folder=False, owner=0, mode=0o600),
            "it belongs to root, and giftping runs as 4711; run: sudo chown -R 4711: '/srv/gift codes'",
        ),
        (
            Obstacle(Path("/srv"), is_folder=True, owner=0, mode=0o700),
            "its folder /srv belongs to root, and giftping runs as 4711;"
            " run: sudo install -d -m 700 -o 4711 '/srv/gift codes'",
        ),
        (
            Obstacle(Path("/srv/gift codes"), is_folder=True, owner=0, mode=0o700),
            "its folder /srv/gift codes belongs to root, and giftping runs as 4711;"
            " run: sudo chown -R 4711: '/srv/gift codes'",
        ),
        (
            Obstacle(Path("/"), is_folder=True, owner=0, mode=0o700),
            "its folder / belongs to root, and giftping runs as 4711;"
            " put it into a folder that 4711 may use, and name that in the settings",
        ),
        (
            Obstacle(Path("/srv/gift codes/store.lock"), is_folder=False, owner=4711, mode=0o400),
            "it is closed to its owner (mode 0400); run: chmod u+rw '/srv/gift codes/store.lock'",
        ),
    ],
)
def test_whose_it_is_is_said_with_what_to_type(found: Obstacle, said: str) -> None:
    assert whose(found, 4711, folder=Path("/srv/gift codes")) == said


def test_nobody_is_told_to_give_away_a_folder_that_is_not_giftpings(state: Path) -> None:
    missing = state / "var" / "giftping"
    with as_stranger(), pytest.raises(LockError) as refused:
        lock_run(missing)
    assert "chown" not in str(refused.value)
    with as_stranger(), pytest.raises(SettingsError) as unread:
        read_settings(state)
    me = user_name(STRANGER)
    assert str(unread.value).endswith(f"put it into a folder that {me} may use, and name that in the settings")


def test_a_full_disk_is_nobodys_file(state: Path) -> None:
    assert why_forbidden(state / "a", OSError(errno.ENOSPC, "full")) == ""
