from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from giftping.settings import reading
from giftping.settings.file import SettingsError, read_settings_file
from giftping.settings.secrets import SecretError, resolve_secret

TOML = "[codes]\nlease = '10m'\n"


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "giftping.toml"
    os.mkfifo(path)
    return path


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """No patience to speak of."""
    monkeypatch.setattr(reading, "PATIENCE", 0.01)


@pytest.mark.usefixtures("short")
def test_a_pipe_that_nobody_writes_to_ends_in_words_and_does_not_hold_up_every_run(pipe: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: it is no file, and nobody writes to it"):
        read_settings_file(pipe)
    with pytest.raises(SecretError, match="cannot be read: it is no file, and nobody writes to it"):
        resolve_secret(f"file:{pipe}", {})


@pytest.mark.usefixtures("short")
def test_a_pipe_whose_writer_stops_talking_is_not_waited_for_either(pipe: Path) -> None:
    writer = os.open(pipe, os.O_RDWR)
    os.write(writer, TOML.encode())
    with pytest.raises(SettingsError, match="nobody writes to it"):
        read_settings_file(pipe)
    os.close(writer)


def test_what_a_program_writes_into_a_pipe_is_read_to_its_end(pipe: Path) -> None:
    """Such as `--config <(decrypt giftping.toml.age)`."""
    filler = f"# {'a' * 200_000}\n"
    writer = threading.Thread(target=pipe.write_text, args=(f"{filler}{TOML}",))
    writer.start()
    assert read_settings_file(pipe).table == {"codes": {"lease": "10m"}}
    writer.join()


def test_a_device_without_an_end_is_no_settings() -> None:
    with pytest.raises(SettingsError, match="is larger than 16 MiB, no settings"):
        read_settings_file(Path("/dev/zero"))
    assert read_settings_file(Path("/dev/null")).table == {}


def test_line_ends_of_other_systems_are_read_as_ours(tmp_path: Path) -> None:
    path = tmp_path / "giftping.toml"
    path.write_bytes(b"\xef\xbb\xbf" + TOML.replace("\n", "\r\n").encode())
    read = read_settings_file(path)
    assert (read.text, read.table) == (TOML, {"codes": {"lease": "10m"}})
