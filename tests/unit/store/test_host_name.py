"""The name that a state folder keeps for its host."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from giftping.store.opening import kept_host_name


@pytest.mark.parametrize("runs", [2, 8, 32])
def test_first_runs_that_begin_at_once_agree_on_one_name(tmp_path: Path, runs: int) -> None:
    state = tmp_path / "state"
    with ThreadPoolExecutor(runs) as pool:
        names = set(pool.map(lambda _: kept_host_name(state), range(runs)))
    assert names == {kept_host_name(state, create=False)}


def test_whoever_only_looks_names_no_host(tmp_path: Path) -> None:
    assert kept_host_name(tmp_path / "state", create=False) == ""
    assert not (tmp_path / "state").exists()
