"""An older bot's file that giftping may not read: whose it is, and what to type, and no other file is touched by it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from giftping.commands.migrate import _is_there
from giftping.store.base import StoreError
from giftping.store.legacy.olddata import open_file

NOBODY = 65534


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file another user's")
@pytest.mark.parametrize("closed", ["the file", "its folder"])
def test_the_owner_is_named_and_a_copy_is_what_it_takes(tmp_path: Path, closed: str) -> None:
    for folder in reversed([tmp_path, *tmp_path.parents[:-1]]):
        if not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
    folder = tmp_path / "bot's"
    folder.mkdir()
    path = folder / "giftcode_state.json"
    path.write_text("{}")
    (path if closed == "the file" else folder).chmod(0o700)
    os.seteuid(NOBODY)
    try:
        assert _is_there(path)
        with pytest.raises(StoreError) as caught:
            open_file(path)
    finally:
        os.seteuid(0)
    whose = (
        "it belongs to root (mode 0700)" if closed == "the file" else f"its folder {folder} belongs to root (mode 0700)"
    )
    assert str(caught.value) == (
        f"{path}: cannot be read: {whose}, and giftping runs as nobody; take a copy, and name that:"
        f" sudo install -m 600 -o nobody {quoted(path)} giftcode_state.json"
    )


def quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "'\"'\"'") + "'"
