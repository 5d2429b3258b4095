"""What libraries log, warn of and let escape: it goes out once, by one handler, without a secret."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from giftping.output.log import Redact, Run, StderrHandler, handle_all_logging
from giftping.settings.secrets import Redactor

PASSWORD = "p\"a's\\s wörd"
SECRETS = {
    "password": PASSWORD,
    "token": "MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcDE.abcdefghijklmnopqrstuvwxyz0123456789AB",
    "webhook": "https://discord.com/api/webhooks/123456789012345678/tOkEn-of-the_webhook",
    "address": "mongodb://user:hunter2hunter2@db.example/discord_bot",
}
TRACES = ["hunter2hunter2", "tOkEn-of", "GabcDE", "wörd", "w\\xf6rd", "w\\u00f6rd", "s\\s", "a's", 'p"a']
"""What would be left of a secret, however it was written."""

LOGGERS = ["pymongo", "pymongo.serverSelection", "discord", "discord.gateway", "httpx", "asyncio", "of.nobody.we.know"]
OPTIONS = {"": (False, 0), "-q": (True, 0), "-v": (False, 1), "-vv": (False, 2)}


class Unprintable:
    """An argument that fails when it is written out."""

    def __str__(self) -> str:
        raise RuntimeError(PASSWORD)


@pytest.fixture
def known() -> list[str]:
    """The secrets that the run knows of by now."""
    return list(SECRETS.values())


@pytest.fixture(params=["plain", "journald", "json"])
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "journald":
        monkeypatch.setattr("giftping.output.log.goes_to_journal", lambda _named, _stream: True)
    return str(request.param)


@pytest.fixture(params=OPTIONS)
def begin(request: pytest.FixtureRequest, form: str, known: list[str]) -> Callable[[], None]:
    """What puts the one handler in charge, as a command with these options does.

    A test calls it: pytest, too, adds its handlers when the test itself begins.
    """
    quiet, verbose = OPTIONS[request.param]

    def redactor() -> Redact:
        return Redactor(known)

    def take() -> None:
        handler = StderrHandler(
            Run("ab12cd34", "codes check"), redactor, as_json=form == "json", tracebacks=verbose > 1
        )
        handle_all_logging(handler, quiet=quiet, verbose=verbose)

    return take


def nothing_shows(written: str) -> None:
    assert "***" in written or "could not be written" in written
    for trace in [*SECRETS.values(), *TRACES]:
        assert trace not in written


def by_message(logger: logging.Logger, secret: str) -> None:
    logger.warning(f"connecting with {secret}")


def by_arguments(logger: logging.Logger, secret: str) -> None:
    logger.warning("connecting with %s, %r, %a", secret, secret, {"uri": secret})


def by_named_arguments(logger: logging.Logger, secret: str) -> None:
    logger.warning("connecting with %(uri)s", {"uri": secret})


def by_arguments_that_do_not_fit(logger: logging.Logger, secret: str) -> None:
    logger.warning("connecting with %d", secret)


def by_an_argument_that_fails(logger: logging.Logger, secret: str) -> None:
    logger.warning("connecting with %s: %s", secret, Unprintable())


def by_an_exception(logger: logging.Logger, secret: str) -> None:
    try:
        try:
            raise KeyError(secret)
        except KeyError as error:
            raise ValueError(f"no {secret}") from error
    except ValueError:
        logger.exception("it failed")


def by_a_stack(logger: logging.Logger, secret: str) -> None:
    record = logger.makeRecord(logger.name, logging.ERROR, "", 0, f"at {secret}", (), None)
    record.stack_info = f"Stack (most recent call last):\n  {secret}"
    record.exc_text = f"ValueError: {secret}"
    logger.handle(record)


def by_extra_fields(logger: logging.Logger, secret: str) -> None:
    logger.warning("at %s", secret, extra={"uri": secret, "fields": {"uri": secret}})


def by_its_name(logger: logging.Logger, secret: str) -> None:
    logger.getChild(f"of {secret}").warning("hello")


def by_json_in_a_message(logger: logging.Logger, secret: str) -> None:
    logger.warning("%s", json.dumps({"uri": secret}))


WAYS = [
    by_message,
    by_arguments,
    by_named_arguments,
    by_arguments_that_do_not_fit,
    by_an_argument_that_fails,
    by_an_exception,
    by_a_stack,
    by_extra_fields,
    by_its_name,
    by_json_in_a_message,
]


@pytest.mark.parametrize("way", WAYS)
def test_no_secret_shows_in_what_a_library_logs(
    begin: Callable[[], None], way: Callable[[logging.Logger, str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    begin()
    for name in LOGGERS:
        for secret in SECRETS.values():
            way(logging.getLogger(name), secret)
            nothing_shows(capsys.readouterr().err)


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_no_secret_shows_in_a_warning(
    begin: Callable[[], None], secret: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        begin()
        warnings.warn(f"deprecated: {secret}", UserWarning, stacklevel=1)
    written = capsys.readouterr().err
    assert "py.warnings" in written
    nothing_shows(written)


@pytest.fixture
def lonely() -> Iterator[logging.Logger]:
    """A logger that hands nothing on and has no handler of its own."""
    logger = logging.getLogger("of.somebody.lonely")
    logger.propagate = False
    yield logger
    logger.propagate = True


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_the_last_resort_of_logging_writes_nothing_by_itself(
    begin: Callable[[], None], lonely: logging.Logger, secret: str, capsys: pytest.CaptureFixture[str]
) -> None:
    begin()
    lonely.handlers.clear()  # pytest adds its own to such loggers, too
    by_an_exception(lonely, secret)
    nothing_shows(capsys.readouterr().err)
    assert logging.lastResort is not None
    logging.lastResort.handle(logging.makeLogRecord({"msg": "at %s", "args": (secret,), "levelno": logging.ERROR}))
    nothing_shows(capsys.readouterr().err)


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_no_secret_shows_in_an_error_that_nobody_caught(
    begin: Callable[[], None], secret: str, capsys: pytest.CaptureFixture[str]
) -> None:
    begin()

    def fail() -> None:
        raise ValueError(secret)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    nothing_shows(capsys.readouterr().err)
    error = ValueError(secret)
    sys.excepthook(ValueError, error, None)
    nothing_shows(capsys.readouterr().err)
    ignored = SimpleNamespace(exc_type=ValueError, exc_value=error, exc_traceback=None, err_msg=None, object=secret)
    sys.unraisablehook(ignored)  # type: ignore[arg-type] -- only Python can make the real one
    nothing_shows(capsys.readouterr().err)


def test_a_secret_that_was_resolved_later_shows_no_more_than_the_others(
    begin: Callable[[], None], known: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    begin()
    late = "from-the-vault-of-the-host"
    logging.getLogger("pymongo").warning("with %s", late)
    assert late in capsys.readouterr().err
    known.append(late)
    logging.getLogger("pymongo").warning("with %s", late)
    assert late not in capsys.readouterr().err


# How it looks


@pytest.fixture
def log_of(form: str, capsys: pytest.CaptureFixture[str]) -> Callable[..., list[str]]:
    """What loggers at these levels write when a command has these options."""

    def lines(options: str, *told: tuple[str, int]) -> list[str]:
        quiet, verbose = OPTIONS[options]
        run = Run("ab12cd34", "codes check")
        handler = StderrHandler(run, lambda: Redactor(), as_json=form == "json", tracebacks=verbose > 1)
        handle_all_logging(handler, quiet=quiet, verbose=verbose)
        for name, level in told:
            logging.getLogger(name).log(level, "said %d", 1)
        return capsys.readouterr().err.splitlines()

    return lines


@pytest.mark.parametrize("options", OPTIONS)
def test_of_libraries_warnings_are_written_once_and_nothing_below(
    options: str, form: str, log_of: Callable[..., list[str]]
) -> None:
    levels = (logging.DEBUG, logging.INFO, logging.WARNING)
    (line,) = log_of(options, *(("pymongo", level) for level in levels), ("httpx", logging.INFO))
    if form == "json":
        said = json.loads(line)
        assert said.pop("ts")
        assert said == {
            "level": "warning",
            "run": "ab12cd34",
            "job": "codes check",
            "logger": "pymongo",
            "message": "said 1",
        }
    else:
        assert line == {"plain": "WARNING pymongo: said 1", "journald": "<4>WARNING pymongo: said 1"}[form]


@pytest.mark.parametrize(("options", "count"), [("-q", 1), ("", 2), ("-v", 2), ("-vv", 3)])
def test_of_our_own_loggers_what_is_done_counts_unless_quiet(
    options: str, count: int, log_of: Callable[..., list[str]]
) -> None:
    levels = (logging.WARNING, logging.INFO, logging.DEBUG)
    assert len(log_of(options, *(("giftping.bot", level) for level in levels))) == count


@pytest.mark.parametrize(("options", "is_shown"), [("", False), ("-v", False), ("-vv", True)])
def test_where_an_error_came_from_is_for_those_who_ask_twice(
    options: str, form: str, is_shown: bool, log_of: Callable[..., list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    log_of(options)
    by_an_exception(logging.getLogger("discord.client"), "way")
    lines = capsys.readouterr().err.splitlines()
    assert "it failed: ValueError: no way" in lines[0]
    assert ("Traceback" in "".join(lines)) == is_shown
    assert len(lines) == 1 or form != "json"
    assert all(line.startswith("<3>") for line in lines) or form != "journald"


def test_a_line_that_cannot_be_written_ends_nothing(
    log_of: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log_of("")
    with monkeypatch.context() as away:
        away.setattr(sys, "stderr", None)
        logging.getLogger("pymongo").warning("into the void")
    assert capsys.readouterr().err == ""


def test_no_library_that_we_use_brings_a_handler_of_its_own() -> None:
    """It would write past ours."""
    script = """
import logging
import aiohttp, discord, discord.ext, httpx, pymongo, rich, tinydb, typer
own = [
    name
    for name, logger in logging.Logger.manager.loggerDict.items()
    for handler in getattr(logger, "handlers", ())
    if not isinstance(handler, logging.NullHandler)
]
print(own, logging.getLogger().handlers)
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "[] []\n"
