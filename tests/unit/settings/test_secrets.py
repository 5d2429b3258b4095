from __future__ import annotations

import copy
import pickle
import re
import string
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from giftping.settings.secrets import (
    MASK,
    Redactor,
    Secret,
    SecretError,
    anchored_reference,
    changeable_by_all,
    find_secret,
    is_configured,
    mask,
    resolve_secret,
    secret_values,
)

WEBHOOK = "https://discord.com/api/webhooks/123456789012345678/aB3_dE-fGhIjKlMnOpQrStUvWxYz0123456789aB3_dE-fGhIjKlMnOpQrStUvWxYz01"
BOT_TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4." + "GabcDE." + "a" * 38


def test_a_secret_shows_itself_only_when_it_is_asked_to() -> None:
    secret = Secret("hunter2-hunter2")
    shown = f"{secret} {secret!r} {secret!s:>9} {[secret]} {secret:>5}"
    assert "hunter2" not in shown
    assert secret.reveal() == "hunter2-hunter2"


def test_a_secret_is_never_pickled_and_a_copy_is_the_same_secret() -> None:
    secret = Secret("hunter2-hunter2")
    assert copy.deepcopy(secret) is secret
    assert copy.copy(secret) is secret
    with pytest.raises(TypeError, match="not written anywhere"):
        pickle.dumps(secret)


def test_secrets_are_equal_by_value() -> None:
    assert Secret("a", "here") == Secret("a", "there")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1


def test_a_variable_goes_before_its_file_and_its_file_before_the_credential(tmp_path: Path) -> None:
    (tmp_path / "NAME").write_text("from the credential\n")
    named = tmp_path / "named"
    named.write_text("from the file\r\n")
    environ = {"NAME": "from the variable", "NAME_FILE": str(named), "CREDENTIALS_DIRECTORY": str(tmp_path)}
    found = []
    for gone in ("NAME", "NAME_FILE", "CREDENTIALS_DIRECTORY"):
        secret = resolve_secret("env:NAME", environ)
        found.append((secret.reveal(), secret.origin))
        del environ[gone]
    assert found == [
        ("from the variable", "environment variable NAME"),
        ("from the file", f"file {named} (named by NAME_FILE)"),
        ("from the credential", "credential NAME"),
    ]


def test_a_literal_is_the_secret_itself() -> None:
    assert resolve_secret(WEBHOOK, {}).reveal() == WEBHOOK


def test_a_file_loses_its_byte_order_mark_and_its_last_line_break(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_bytes(b"\xef\xbb\xbfthe token\r\n\n")
    assert resolve_secret(f"file:{path}", {}).reveal() == "the token"


def mistakes(tmp_path: Path) -> dict[str, tuple[str, dict[str, str], str]]:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "two").write_text("hunter2\nhunter3\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "large").write_text("x" * 70_000)
    missing = str(tmp_path / "missing")
    return {
        "unset": ("env:A", {}, "env:A: A is not set, and neither A_FILE nor a credential A is there"),
        "empty": ("env:A", {"A": ""}, "env:A: A is set but empty, and neither A_FILE nor a credential A is there"),
        "blank": ("env:A", {"A": "  "}, "env:A: environment variable A is empty"),
        "break": (
            "env:A",
            {"A": "hunter2\nhunter3"},
            "env:A: environment variable A must hold one line without control characters",
        ),
        "no name": ("env:", {}, "env:: must be followed by the name of a variable: letters, digits and _"),
        "no path": ("file:", {}, "file:: must be followed by the path of a file"),
        "a NUL": ("file:a\0b", {}, "file:: must be followed by the path of a file"),
        "an address": (
            "file:mongodb://user:hunter2@host/db",
            {},
            "file:: must be followed by the path of a file, and not by an address",
        ),
        "no file": ("env:A", {"A_FILE": missing}, f"env:A: {missing} cannot be read: No such file or directory"),
        "a folder": (f"file:{tmp_path}", {}, f"file:{tmp_path}: {tmp_path} cannot be read: Is a directory"),
        "empty file": (f"file:{tmp_path}/empty", {}, f"file:{tmp_path}/empty: file {tmp_path}/empty is empty"),
        "two lines": (
            f"file:{tmp_path}/two",
            {},
            f"file:{tmp_path}/two: file {tmp_path}/two must hold one line without control characters",
        ),
        "binary": (f"file:{tmp_path}/binary", {}, f"file:{tmp_path}/binary: {tmp_path}/binary is not text in UTF-8"),
        "large": (
            f"file:{tmp_path}/large",
            {},
            f"file:{tmp_path}/large: {tmp_path}/large is larger than 64 KiB, no secret",
        ),
        "misspelt": ("evn:A", {}, "evn:: is not a kind of reference; write env:NAME or file:PATH"),
        "nothing": ("", {}, "the secret: the value itself is empty"),
    }


def test_each_missing_secret_is_told_with_its_reference_and_never_with_a_value(tmp_path: Path) -> None:
    told = {}
    expected = {}
    for name, (reference, environ, line) in mistakes(tmp_path).items():
        with pytest.raises(SecretError) as caught:
            resolve_secret(reference, environ)
        told[name], expected[name] = str(caught.value), line
        assert "hunter" not in str(caught.value)
        assert caught.value.__cause__ is None
    assert told == expected


@pytest.mark.parametrize("reference", [f"env:{WEBHOOK}", f"file:{WEBHOOK}", f"env:{BOT_TOKEN}", f"file:{BOT_TOKEN}"])
def test_a_secret_written_where_a_reference_belongs_is_not_told(reference: str) -> None:
    with pytest.raises(SecretError) as caught:
        resolve_secret(reference, {})
    assert reference[-30:] not in str(caught.value)


def test_an_empty_variable_counts_as_not_configured() -> None:
    assert find_secret("A", {"A": "", "A_FILE": ""}) is None
    assert not is_configured("A", {"A": ""})


def test_a_credentials_folder_without_the_secret_is_no_trouble(tmp_path: Path) -> None:
    assert find_secret("A", {"CREDENTIALS_DIRECTORY": str(tmp_path)}) is None
    assert find_secret("A", {"CREDENTIALS_DIRECTORY": str(tmp_path / "missing")}) is None


def test_a_file_that_every_user_can_read_brings_a_warning(open_folder: Path) -> None:
    path = open_folder / "token"
    path.write_text("the token")
    path.chmod(0o644)
    assert resolve_secret(f"file:{path}", {}).warning.endswith(f"run: chmod 600 {path}")
    path.chmod(0o640)
    assert resolve_secret(f"file:{path}", {}).warning == ""


def test_a_readable_file_in_a_folder_closed_to_others_brings_no_warning(open_folder: Path) -> None:
    path = open_folder / "closed" / "token"
    path.parent.mkdir(mode=0o700)
    path.write_text("the token")
    path.chmod(0o644)
    assert resolve_secret(f"file:{path}", {}).warning == ""


def test_a_file_reference_is_anchored_so_that_cron_finds_it(tmp_path: Path) -> None:
    assert anchored_reference("file:hook.txt", tmp_path) == f"file:{tmp_path}/hook.txt"
    assert anchored_reference("file:/etc/hook", tmp_path) == "file:/etc/hook"
    assert anchored_reference("env:HOOK", tmp_path) == "env:HOOK"
    assert anchored_reference(WEBHOOK, tmp_path) == WEBHOOK


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (
            f"POST {WEBHOOK}?wait=true -> 404",
            "POST https://discord.com/api/webhooks/123456789012345678/***?wait=true -> 404",
        ),
        ("http://127.0.0.1:8080/api/v10/webhooks/1/short", "http://127.0.0.1:8080/api/v10/webhooks/1/***"),
        ("webhooks%2F123%2Fabc_def", "webhooks%2F123%2F***"),
        ("https%253A%252F%252Fdiscord.com%252Fapi%252Fwebhooks%252F1%252Fabc-d", None),
        (r'{"url": "https:\/\/discord.com\/api\/webhooks\/1\/abc-d"}', None),
        (r'"{\"url\": \"https:\\/\\/discord.com\\/api\\/webhooks\\/1\\/abc-d\"}"', None),
        (r"https:\u002f\u002fdiscord.com\u002Fapi\u002Fwebhooks\u002f1\u002fabc-d", None),
        ("'/api/v10/webhooks/1/abc-d/messages/5'", "'/api/v10/webhooks/1/***/messages/5'"),
        ("/interactions/123/abc/callback", "/interactions/123/***/callback"),
        (f"token={BOT_TOKEN};", "token=***;"),
        (f"Authorization: Bot {BOT_TOKEN}", "Authorization: Bot ***"),
        ("mongodb://user:pa@ss/w:rd@host/db", "mongodb://user:***@host/db"),
        ("mongodb+srv://user:password@host", "mongodb+srv://user:***@host"),
        ("mongodb:/user:pass@word@host/db cannot be read", "mongodb:/user:***@host/db cannot be read"),
        ("file:https:/user:password@host", "file:https:/user:***@host"),
        ("proxy http://me:password@proxy:3128/", "proxy http://me:***@proxy:3128/"),
        ("https://example.org/codes?a=1 lists 3 codes", "https://example.org/codes?a=1 lists 3 codes"),
        ("12:30:00 giftping.codes.check done", "12:30:00 giftping.codes.check done"),
    ],
)
def test_what_looks_like_a_secret_is_masked_and_the_rest_is_left(text: str, masked: str | None) -> None:
    assert mask(text) == (text.replace("abc-d", "***") if masked is None else masked)


def test_the_token_of_a_known_webhook_is_masked_on_its_own_too() -> None:
    token = WEBHOOK.rpartition("/")[2]
    assert mask(f"token {token} is bad", [Secret(WEBHOOK)]) == "token *** is bad"


def test_the_password_in_a_known_address_is_masked_on_its_own_too() -> None:
    assert mask("bad auth 'pa%24%24word'", ["mongodb://me:pa%24%24word@host"]) == "bad auth '***'"


def test_a_known_secret_that_is_no_address_though_it_looks_like_one_is_masked_whole() -> None:
    assert mask("got http://[secret", ["http://[secret"]) == "got ***"


def test_a_very_short_secret_does_not_take_the_text_apart() -> None:
    assert mask("a banana", ["a"]) == "a banana"


def test_a_credential_that_cannot_be_looked_at_is_not_taken_for_none(tmp_path: Path) -> None:
    name = "A" * 300  # Longer than a file name may be: the look itself fails.
    with pytest.raises(SecretError, match="cannot be read: File name too long"):
        find_secret(name, {"CREDENTIALS_DIRECTORY": str(tmp_path)})


def test_secrets_are_known_by_the_names_of_their_variables() -> None:
    environ = {
        "WOS_WEBHOOK": "w" * 9,
        "DISCORD_TOKEN": "t" * 9,
        "DISCORD_TOKEN_FILE": "/path/token",
        "HOME": "/home/me",
    }
    assert secret_values(environ) == {"w" * 9, "t" * 9}


SECRETS = st.lists(st.text(string.ascii_letters + string.digits + "_-.:/%@ é", min_size=4, max_size=40), max_size=4)


@given(SECRETS, st.lists(st.one_of(st.integers(0, 3), st.text(max_size=20)), max_size=8))
@example(["abcdef", "abcd"], [0, 1])
@example(["://aaaa"], [0])
def test_no_known_secret_survives_in_any_text(secrets: list[str], parts: list[int | str]) -> None:
    text = "".join(part if isinstance(part, str) else secrets[part] if part < len(secrets) else "" for part in parts)
    masked = Redactor(secrets)(text)
    # What is left between two masks is searched: the masks themselves are no part of the text.
    for rest in re.split(r"\*\*\*", masked):
        assert not [secret for secret in secrets if secret in rest]


def test_a_password_is_taken_out_of_a_text_encoded_and_as_it_is() -> None:
    redact = Redactor([Secret("mongodb://app:pass%40word%2F1@db.example/gifts")])
    for form in ("pass%40word%2F1", "pass@word/1"):
        assert redact(f"user app, password {form}") == f"user app, password {MASK}"


def test_a_secret_from_a_file_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("the-secret\n", "utf-8")
    assert resolve_secret(f"file:{path}", {}).file == path
    assert resolve_secret("env:TOKEN", {"TOKEN_FILE": str(path)}).file == path
    assert resolve_secret("env:TOKEN", {"CREDENTIALS_DIRECTORY": str(tmp_path), "TOKEN": "the-secret"}).file is None


@pytest.mark.parametrize(("mode", "is_open"), [(0o602, True), (0o604, False), (0o620, False)])
def test_a_file_that_every_user_can_write_to_is_changeable(open_folder: Path, mode: int, is_open: bool) -> None:
    path = open_folder / "giftping.toml"
    path.touch()
    path.chmod(mode)
    assert changeable_by_all(path) == (path if is_open else None)
    open_folder.chmod(0o700)
    assert changeable_by_all(path) is None
    assert changeable_by_all(open_folder / "gone") is None


@pytest.mark.parametrize(("mode", "is_open"), [(0o777, True), (0o773, True), (0o1777, False), (0o775, False)])
@pytest.mark.parametrize("depth", [1, 3])
def test_a_file_is_changeable_by_whoever_may_put_another_in_the_place_of_a_folder_it_lies_in(
    open_folder: Path, mode: int, is_open: bool, depth: int
) -> None:
    wide = open_folder / "wide"
    path = wide.joinpath(*"abc"[:depth])
    path.parent.mkdir(parents=True)
    path.write_text("", "utf-8")
    for folder in path.parents[:depth]:
        folder.chmod(0o755)
    path.chmod(0o600)
    wide.chmod(mode)
    link = open_folder / "link"
    link.symlink_to(path)
    for way in (path, link):
        assert changeable_by_all(way) == (wide if is_open else None)
