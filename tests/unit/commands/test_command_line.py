"""What holds for every command."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer
from fakes.deliveries import delivery, put_delivery
from fakes.records import code, entry, subscription
from ran import Ran
from typer.main import get_command

from giftping import errors
from giftping.cli import app
from giftping.delivery.deliveries import DeliveryState
from giftping.store.base import EntryState
from giftping.store.documents import ACTIVE_MEMBERS, TODO_EVENTS
from giftping.store.records import Store

Run = Callable[..., Ran]

ESCAPE = "\x1b"


def commands(group: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command, groups too."""
    yield path
    for name, command in sorted(getattr(group, "commands", {}).items()):
        yield from commands(command, (*path, name))


EVERY = list(commands(get_command(app)))
READING = {
    ("codes", "list"): {"codes"},
    ("codes", "stats"): {
        "guild_id",
        "total",
        "last_code",
        "last_sent_at",
        "states",
        "sources",
        "games",
        "days",
        "weeks",
        "months",
    },
    ("guilds", "list"): {"guilds"},
    ("sources", "list"): {"sources"},
    ("config", "check"): {"file", "valid", "trouble", "remarks"},
    ("config", "show"): {"file", "values", "sources", "games", "warnings"},
    ("todo", "status"): {"members"},
    ("todo", "list"): {"members", "handed_in", "missing"},
    ("todo", "history", "101"): {"user_id", "total", "events"},
    ("todo", "roster", "list"): {"members"},
    ("codes", "explain", "GIFT100", "--guild", "1"): {"guild_id", "key", "answer", "steps", "codes", "entries"}
    | {"guilds", "events", "memory", "rules"},
}


@pytest.fixture
def busy(store: Store) -> None:
    """Put something of everything into the store."""
    store.put_subscriptions(subscription(1))
    store.remember([code("GIFT100", rewards="100 gems"), code("GIFT200")])
    store.insert([entry(1, "GIFT100", state=EntryState.SENT, sent_at=code().first_seen)])
    put_delivery(store, delivery("GIFT200", id="delivery-2", state=DeliveryState.UNCLEAR))
    store.insert_documents(ACTIVE_MEMBERS, [{"_id": "101", "name": "Asha" * 10, "added": 1e9}])
    store.insert_documents(TODO_EVENTS, [{"_id": "e", "user_id": "101", "kind": "added", "at": 1e9}])


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_the_help_of_every_command_fits_80_columns_and_begins_with_a_sentence(
    giftping: Run, words: tuple[str, ...]
) -> None:
    ran = giftping(*words, "--help")
    assert ran.exit_code == 0
    assert max(map(len, ran.output.splitlines())) <= 80
    assert re.search(r"Usage: [^\n]+\n\s*\n +[A-Z][^╭]+[.]", ran.output), ran.output


@pytest.mark.parametrize("words", [words for words in EVERY if words and len(words) == 1], ids=" ".join)
def test_short_help_is_the_same_help(giftping: Run, words: tuple[str, ...]) -> None:
    assert giftping(*words, "-h").output == giftping(*words, "--help").output


@pytest.mark.parametrize("words", READING, ids=" ".join)
@pytest.mark.parametrize("filled", [True, False], ids=["with data", "empty"])
def test_json_is_one_object_with_the_same_keys_whether_there_is_anything_or_not(
    giftping: Run, words: tuple[str, ...], filled: bool, request: pytest.FixtureRequest
) -> None:
    if filled:
        request.getfixturevalue("busy")
    ran = giftping(*words, "--json")
    assert set(ran.json) == READING[words]
    assert ran.errors == ""
    assert ran.exit_code == 0


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_a_quiet_command_says_nothing_when_all_is_well(giftping: Run, words: tuple[str, ...]) -> None:
    ran = giftping(*words, "-q")
    assert (ran.exit_code, ran.output, ran.errors) == (0, "", "")


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_what_goes_into_a_pipe_has_no_escape_codes_and_fits_80_columns(giftping: Run, words: tuple[str, ...]) -> None:
    ran = giftping(*words)
    assert ran.output
    assert ESCAPE not in ran.output
    if words[1] not in ("explain", "check"):  # one sentence each, as long as what it names
        assert max(map(len, ran.output.splitlines())) <= 80


@pytest.mark.usefixtures("busy")
def test_no_color_is_honoured_even_where_colour_is_forced(giftping: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[32m" in giftping("codes", "stats").output
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", giftping("codes", "stats").output)


def options_of(words: tuple[str, ...]) -> set[str]:
    """The options of a command, by their long names."""
    command = get_command(app)
    for word in words:
        command = command.commands[word]  # type: ignore[attr-defined]
    return {name for parameter in command.params for name in parameter.opts if name.startswith("--")}


def test_every_command_takes_the_options_that_all_share() -> None:
    taken = {words: options_of(words) for words in EVERY if not any(other[:-1] == words for other in EVERY)}
    assert len(taken) > 25
    for words, options in taken.items():
        assert options >= {"--json", "--quiet", "--verbose"}, words
    assert {words for words, options in taken.items() if "--config" not in options} == {("init",), ("demo",)}
    assert {words for words, options in taken.items() if "--log-json" in options} == {
        ("codes", "check"),
        ("todo", "sweep"),
    }


def test_the_version_is_one_line(giftping: Run) -> None:
    ran = giftping("--version")
    assert re.fullmatch(r"giftping \d+\.\d+\.\d+\S*\n", ran.output)
    assert ran.exit_code == 0


def test_without_a_command_the_help_is_shown(giftping: Run) -> None:
    ran = giftping()
    assert "codes" in ran.output + ran.errors
    assert ran.exit_code in (0, 2)


# Exit codes and what is said with them


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("codes", "chekc"),
        ("codes", "check", "--dryrun"),
        ("codes", "check", "--guild", "abc"),
        ("codes", "add"),
        ("guilds", "add", "0"),
        ("guilds", "remove"),
        ("todo", "history"),
        ("todo", "history", "101", "--limit", "0"),
        ("todo", "pause", "Asha"),
        ("todo", "roster", "add"),
    ],
    ids=" ".join,
)
def test_a_command_line_that_cannot_be_read_is_2(giftping: Run, words: tuple[str, ...]) -> None:
    ran = giftping(*words)
    assert (ran.exit_code, ran.output) == (2, "")
    mistake, usage = ran.errors.splitlines()
    assert mistake.startswith("giftping: ")
    assert usage.startswith("giftping: Usage: giftping ")
    assert usage.endswith(" --help says more")


def test_a_command_line_that_cannot_be_read_is_told_in_json_where_that_was_asked_for(giftping: Run) -> None:
    ran = giftping("codes", "check", "--log-json", "--dryrun")
    assert (ran.exit_code, ran.output) == (2, "")
    mistake, usage = map(json.loads, ran.errors.splitlines())
    assert (mistake["level"], "--dryrun" in mistake["message"]) == ("error", True)
    assert "--help says more" in usage["message"]


WEBHOOK = f"https://discord.com/api/webhooks/123456789012345678/{'s3cret' * 11}"
KNOWN_TOKEN = "s3cret-that-looks-like-no-token"
EVERYWHERE = {
    "further argument": ("1", "2", "3", WEBHOOK),
    "unknown option": (f"--webhookk={WEBHOOK}",),
    "id": ("--guild", WEBHOOK),
    "known token": ("--guild=1", "2", "3", KNOWN_TOKEN),
}
SOMEWHERE = [
    ("guilds", WEBHOOK),
    ("codes", KNOWN_TOKEN),
    ("guilds", "add", WEBHOOK),
    ("guilds", "add", "123456789012345678", WEBHOOK),
    ("guilds", "add", "123456789012345678", "--webhookk", WEBHOOK),
    ("todo", "history", "101", "--limit", WEBHOOK),
    ("codes", "add", "GIFT1", "--game", "a", "--expires", WEBHOOK),
    ("codes", "check", f"--json={KNOWN_TOKEN}"),
    ("codes", "check", "--log-json", WEBHOOK),
    ("codes", "check", f"--{WEBHOOK}"),
]


@pytest.fixture
def narrow(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A known token, and a terminal too narrow for a secret on one line."""
    monkeypatch.setenv("DISCORD_TOKEN", KNOWN_TOKEN)
    monkeypatch.setenv("COLUMNS", "60")


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("place", EVERYWHERE)
def test_no_command_repeats_a_secret_in_the_wrong_place_of_its_line(giftping: Run, place: str) -> None:
    for command in EVERY:
        ran = giftping(*command, *EVERYWHERE[place])
        assert ran.exit_code == 2, command
        assert "s3cret" not in ran.output + ran.errors, command


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("words", SOMEWHERE, ids=lambda words: " ".join(words)[:40])
def test_a_secret_in_the_wrong_place_of_a_line_is_not_repeated(giftping: Run, words: tuple[str, ...]) -> None:
    ran = giftping(*words)
    assert ran.exit_code == 2
    assert "s3cret" not in ran.output + ran.errors


def test_a_prompt_that_is_broken_off_is_1_in_one_line(giftping: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(*_: object, **__: object) -> None:
        raise typer.Abort

    monkeypatch.setattr("giftping.commands.codes.stats", break_off)
    ran = giftping("codes", "stats")
    assert (ran.exit_code, ran.errors) == (130, "giftping: aborted\n")


@pytest.mark.parametrize(
    ("words", "exit_code"),
    [
        (("codes", "check", "--dryrun"), 2),
        (("codes", "check", "--game", "no-such-game"), 2),
        (("guilds", "test", "1"), 2),
        (("codes", "nothing"), 2),
        (("config", "check", "--config", "missing.toml"), 78),
        (("todo", "sweep"), 78),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_an_object_too_where_json_was_asked_for(
    giftping: Run, words: tuple[str, ...], exit_code: int
) -> None:
    ran = giftping(*words, "--json")
    assert ran.exit_code == exit_code
    assert ran.json["exit_code"] == exit_code
    assert [f"giftping: {line}" for line in ran.json["error"]] == ran.errors.splitlines()


def test_every_sort_of_error_is_one_object(giftping: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ends_in(error: type[BaseException]) -> Ran:
        def end(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr("giftping.commands.codes.stats", end)
        return giftping("codes", "stats", "--json")

    assert ends_in(typer.Abort).json == {"error": ["aborted"], "exit_code": 130}
    unforeseen = ends_in(ZeroDivisionError).json
    assert (unforeseen["exit_code"], "unexpected ZeroDivisionError" in unforeseen["error"][0]) == (1, True)
    (home / "state").mkdir()
    (home / "state" / "giftping.json").write_text("{ this is no ledger", "utf-8")
    assert giftping("guilds", "list", "--json").json["exit_code"] == 69


def test_an_error_after_the_object_does_not_make_it_two(giftping: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from giftping.commands.session import Session

    def break_off(session: Session, *_: object) -> int:
        session.give({"total": 1})
        raise errors.GiftpingError("too late")

    monkeypatch.setattr("giftping.commands.codes.stats", break_off)
    ran = giftping("codes", "stats", "--json")
    assert (ran.exit_code, ran.json) == (69, {"total": 1})


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("words", SOMEWHERE, ids=lambda words: " ".join(words)[:40])
def test_an_object_of_an_error_repeats_no_secret(giftping: Run, words: tuple[str, ...]) -> None:
    ran = giftping(*words, "--json")
    assert (ran.exit_code, "s3cret" in ran.output) == (2, False)
    assert ran.json["exit_code"] == 2


def test_mistakes_in_the_settings_are_78_and_all_of_them_are_named(giftping: Run, home: Path) -> None:
    (home / "giftping.toml").write_text('[codes]\nunclaer = "ask"\nlease = "soon"\n[discrod]\n', "utf-8")
    for words in (("config", "check"), ("codes", "check"), ("guilds", "list")):
        ran = giftping(*words)
        assert (ran.exit_code, ran.output) == (78, "")
        assert "codes.unclaer" in ran.errors
        assert "'unclear'" in ran.errors
        assert "codes.lease" in ran.errors
        assert "discrod" in ran.errors
        assert all(line.startswith("giftping: ") for line in ran.errors.splitlines())
        assert "Traceback" not in ran.errors


def test_a_settings_file_that_is_not_there_is_78(giftping: Run) -> None:
    ran = giftping("config", "check", "--config", "missing.toml")
    assert ran.exit_code == 78
    assert "missing.toml" in ran.error


def test_a_damaged_store_is_69_in_one_line_and_is_never_taken_for_an_empty_one(giftping: Run, home: Path) -> None:
    (home / "state").mkdir()
    (home / "state" / "giftping.json").write_text("{ this is no ledger", "utf-8")
    for words in (("codes", "stats"), ("guilds", "list"), ("codes", "check"), ("todo", "list"), ("todo", "status")):
        ran = giftping(*words)
        assert (ran.exit_code, ran.output) == (69, "")
        assert ran.error.startswith("giftping: ")
        assert "giftping.json" in ran.error


def test_a_run_that_finds_another_at_it_is_75(giftping: Run, home: Path) -> None:
    from giftping.runs.lock import RunLock
    from giftping.runs.state_folder import CHECK_LOCK

    with RunLock(home / "state" / CHECK_LOCK):
        ran = giftping("codes", "check")
    assert (ran.exit_code, ran.output) == (75, "")
    assert "another run holds the lock" in ran.error


def test_a_state_folder_that_cannot_be_used_is_69_in_one_line(
    giftping: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "file").write_text("", "utf-8")
    monkeypatch.setenv("GIFTPING_STATE", str(home / "file" / "state"))
    ran = giftping("codes", "check")
    assert ran.exit_code == 69
    assert "file/state" in ran.error


def test_what_nobody_foresaw_is_one_line_and_the_traceback_is_for_vv(
    giftping: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"https://discord.com/api/webhooks/123456789/{'s3cret' * 10}"

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(f"boom {url}")

    monkeypatch.setattr("giftping.commands.codes.stats", fail)
    ran = giftping("codes", "stats")
    assert ran.exit_code == 1
    assert ran.error.startswith("giftping: unexpected RuntimeError: boom")
    assert "s3cret" not in ran.errors
    loud = giftping("codes", "stats", "-vv")
    assert "Traceback" in loud.errors
    assert "s3cret" not in loud.errors


def test_the_bot_token_is_in_no_error_wherever_it_came_from(
    giftping: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = "a-token-that-looks-like-no-token"
    (home / "token").write_text(token, "utf-8")
    (home / "token").chmod(0o600)
    monkeypatch.setenv("DISCORD_TOKEN_FILE", str(home / "token"))

    def fail(session: object, *_: object) -> None:
        session.settings  # type: ignore[attr-defined]  # noqa: B018 loads the settings
        raise RuntimeError(f"boom {token}")

    monkeypatch.setattr("giftping.commands.codes.stats", fail)
    assert token not in giftping("codes", "stats", "-vv").errors


def test_exit_codes_are_told_in_the_help(giftping: Run) -> None:
    shown = " ".join(giftping("--help").output.split())
    told = [int(code) for code in re.findall(r"(\d+) \w", shown.partition("Exit codes: ")[2])]
    assert told == [0, 1, 2, 69, 75, 78, 130, 143]
    assert set(told) >= {value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    for said in ("0 fine", "2 usage", "69 something failed", "75 another run", "78 settings"):
        assert said in shown
