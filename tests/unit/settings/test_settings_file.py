from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from giftping.settings.environment import Environment
from giftping.settings.file import KeyLines, Mistake, SettingsError, expanded, find_settings_file, read_settings_file


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "etc" / "giftping"
    monkeypatch.setattr("giftping.settings.file.SYSTEM_FOLDER", folder)
    return folder


def write_file(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "giftping.toml").write_text("")
    return folder / "giftping.toml"


def test_the_file_is_looked_for_from_the_most_to_the_least_particular_place(tmp_path: Path, system: Path) -> None:
    option, variable = write_file(tmp_path / "option"), write_file(tmp_path / "variable")
    places = [
        tmp_path / "credentials",
        tmp_path / "here",
        tmp_path / "xdg/giftping",
        tmp_path / "configuration",
        system,
    ]
    files = [write_file(place) for place in places]
    environ = {
        "HOME": str(tmp_path / "home"),
        "GIFTPING_CONFIG": str(variable),
        "CREDENTIALS_DIRECTORY": str(places[0]),
        "XDG_CONFIG_HOME": str(tmp_path / "xdg"),
        "CONFIGURATION_DIRECTORY": f"{tmp_path}/other:{places[3]}",
    }
    here = places[1]
    assert find_settings_file(Environment(environ), option, here) == option
    assert find_settings_file(Environment(environ), None, here) == variable
    del environ["GIFTPING_CONFIG"]
    for file in files:
        assert find_settings_file(Environment(environ), None, here) == file
        file.unlink()
    assert find_settings_file(Environment(environ), None, here) is None


def test_without_xdg_config_home_the_home_folder_is_asked(tmp_path: Path, system: Path) -> None:
    file = write_file(tmp_path / ".config" / "giftping")
    assert find_settings_file(Environment({"HOME": str(tmp_path)}), None, tmp_path / "here") == file
    relative = Environment({"HOME": str(tmp_path), "XDG_CONFIG_HOME": "relative"})
    assert find_settings_file(relative, None, tmp_path / "here") == file
    assert find_settings_file(Environment({}), None, tmp_path / "here") is None


def test_a_named_file_that_is_missing_is_a_mistake(tmp_path: Path, system: Path) -> None:
    with pytest.raises(SettingsError) as by_option:
        find_settings_file(Environment({}), Path("my.toml"), tmp_path)
    assert str(by_option.value) == f"{tmp_path}/my.toml: no such file (named by --config)"
    with pytest.raises(SettingsError) as by_variable:
        find_settings_file(Environment({"GIFTPING_CONFIG": "~/my.toml", "HOME": "/nowhere"}), None, tmp_path)
    assert str(by_variable.value) == "/nowhere/my.toml: no such file (named by GIFTPING_CONFIG)"


def test_a_closed_system_folder_is_a_mistake_and_a_closed_current_folder_is_not(
    tmp_path: Path, system: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: set[Path] = {tmp_path / "here"}
    real_stat = Path.stat

    def stat(path: Path, *, follow_symlinks: bool = True) -> object:
        if path.parent in closed:
            raise PermissionError(13, "Permission denied")
        return real_stat(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", stat)
    assert find_settings_file(Environment({}), None, tmp_path / "here") is None
    closed.add(system)
    with pytest.raises(SettingsError, match=r"giftping\.toml: cannot be looked at: Permission denied"):
        find_settings_file(Environment({}), None, tmp_path / "here")


def test_a_file_that_cannot_be_read_is_told_and_never_taken_for_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b'a = 1\nb = "\xe9"\n')
    (tmp_path / "deep.toml").write_text("a = " + "[" * 5000)
    told = []
    for name in (".", "latin.toml", "deep.toml"):
        with pytest.raises(SettingsError) as caught:
            read_settings_file(tmp_path / name)
        told.append(str(caught.value).replace(str(tmp_path), ""))
    assert told == [
        ": cannot be read: Is a directory",
        "/latin.toml:2: is not text in UTF-8",
        "/deep.toml: is nested too deeply to be read",
    ]


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "giftping.toml").write_bytes(b"\xef\xbb\xbfa = 1")
    assert read_settings_file(tmp_path / "giftping.toml").table == {"a": 1}


TEXT = """\
a = 1
  "b.c" = 2
d.e = 3 # a remark
[codes]  # another
lease = "1m"
[ sources . "my-list" ]
kind = 'x'
rows = [
  { code = "x" },
]
[[sources.two.rows]]
code = "a"
[[sources.two.rows]]
code = "b"
"""


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("a", 1),
        ("d.e", 3),
        ("codes", 4),
        ("codes.lease", 5),
        ("codes.missing", 4),
        ("sources", 6),
        ("sources.my-list.kind", 7),
        ("sources.my-list.rows[0].code", 8),
        ("sources.two.rows[1].code", None),
        ("nowhere", None),
        ("", None),
    ],
)
def test_the_line_of_a_key_is_found_by_eye(key: str, line: int | None) -> None:
    assert KeyLines(TEXT).line_of(key) == line


@given(st.text(max_size=200), st.text(max_size=20))
def test_any_text_and_key_have_a_line_within_the_text_or_none(text: str, key: str) -> None:
    line = KeyLines(text).line_of(key)
    assert line is None or 1 <= line <= text.count("\n") + 1


def test_a_mistake_reads_as_one_line_with_what_is_known_of_its_place() -> None:
    assert str(Mistake("f", "k", "r")) == "f: k: r"
    assert str(Mistake("f", "", "r", 3)) == "f:3: r"
    assert str(Mistake("f", "k", "r", 3, 4)) == "f:3:4: k: r"


def test_paths_in_settings_start_from_their_file_or_from_home() -> None:
    environment = Environment({"HOME": "/home/me"})
    assert expanded("~/x", Path("/etc"), environment) == Path("/home/me/x")
    assert expanded("~", Path("/etc"), environment) == Path("/home/me")
    assert expanded("x", Path("/etc"), environment) == Path("/etc/x")
    assert expanded("/x", Path("/etc"), environment) == Path("/x")
