"""What goes to standard error: one handler for our lines and for whatever any library logs, warns of or lets escape.

It takes secrets out of everything, and writes it as it is read there: by a person, by journald, or as JSON. Importing
this costs the import of logging, which the clients of HTTP and of MongoDB bring anyway.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import TextIO

from giftping.text import for_terminal, json_for_terminal

Redact = Callable[[str], str]

_LEVELS = (("error", logging.ERROR, 3), ("warning", logging.WARNING, 4), ("notice", 25, 5), ("info", logging.INFO, 6))
"""How much a line matters: our word for it, the number of logging, and that of syslog and the journal."""

_DEBUG = ("debug", logging.DEBUG, 7)

_OURS = "giftping"

_FIELDS = "giftping_fields"
"""The attribute by which a record is a line of a command: what the line is about. No library gives one by this name."""


@dataclass(frozen=True, slots=True)
class Run:
    """Which run lines are of."""

    id: str
    """An id of its own: short, and different from those of the runs beside it in a log."""
    job: str
    """What its job is called."""


def new_run_id() -> str:
    """A fresh id for a run."""
    return os.urandom(4).hex()


class StderrHandler(logging.Handler):
    """Writes a record on standard error, without the secrets that are known at that moment.

    A line of a command is written as it is; to what a logger says its level and the logger's name are added.
    """

    def __init__(self, run: Run, redactor: Callable[[], Redact], *, as_json: bool, tracebacks: bool) -> None:
        super().__init__()
        self._run = run
        self._redactor = redactor
        self._as_json = as_json
        self._tracebacks = tracebacks

    def write(self, line: str, level: str, fields: Mapping[str, str]) -> None:
        """Write a line of ours and, in JSON, what it is about; without a line the fields say it all."""
        number = next(number for name, number, _ in _LEVELS if name == level)
        self.handle(logging.makeLogRecord({"name": _OURS, "levelno": number, "msg": line, _FIELDS: fields}))

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        try:
            text = self.format(record)
            if sys.stderr.isatty() and not self._as_json:
                from giftping.output.wrapping import fitted

                text = fitted(text, sys.stderr)
            sys.stderr.write(f"{text}\n")
        except Exception:  # noqa: BLE001 -- logging, too, lets no line end the program that wrote it
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 -- as logging calls it
        """Say only that a line is missing: what logging would write here holds the record with its secrets."""
        try:
            sys.stderr.write(f"giftping: a line of the log could not be written ({type(sys.exception()).__name__})\n")
        except (OSError, ValueError, AttributeError):  # Standard error is closed, or there is none.
            return

    def format(self, record: logging.LogRecord) -> str:
        """A record as it is written."""
        redact = self._redactor()
        level, _, priority = next((each for each in _LEVELS if record.levelno >= each[1]), _DEBUG)
        fields: Mapping[str, str] | None = getattr(record, _FIELDS, None)
        if self._as_json:
            if fields is None:
                fields = {"logger": record.name, "traceback": self._trace(record)}
            return json_line(self._run, level, {**fields, "message": _message(record)}, _time(record), redact)
        if fields is None:
            said = f"{record.levelname} {record.name}: {_message(record).rstrip()}\n{self._trace(record)}".rstrip("\n")
        else:
            said = _message(record) or plain_line(self._run, fields)
        text = for_terminal(redact(said))
        is_journal = goes_to_journal(os.environ.get("JOURNAL_STREAM", ""), sys.stderr)
        return with_priority(text, priority) if is_journal else text

    def _trace(self, record: logging.LogRecord) -> str:
        """Where a record came from, for those who ask for it."""
        if not self._tracebacks:
            return ""
        trace = _FORMATTER.formatException(record.exc_info) if _error(record) and record.exc_info else record.exc_text
        stack = _FORMATTER.formatStack(record.stack_info) if record.stack_info else ""
        return "\n".join(filter(None, (trace, stack)))


_FORMATTER = logging.Formatter()


def handle_all_logging(handler: StderrHandler, *, quiet: bool, verbose: int) -> None:
    """Let a handler have everything that is logged in this process, and make sure that nothing else writes it.

    Of libraries their warnings count, and nothing below: what httpx tells of each request, say. Of giftping's own
    loggers what is done counts too, unless `quiet`, and with `verbose` above 1 what helps to find a fault.
    """
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(_OURS).setLevel(logging.WARNING if quiet else logging.DEBUG if verbose > 1 else logging.INFO)
    # Where a logger is cut off from the root and has no handler of its own, this one would write to standard error.
    logging.lastResort = handler
    logging.captureWarnings(capture=True)
    _catch_what_escapes()


def _catch_what_escapes() -> None:
    """Log what Python itself would write of errors that nobody caught: in any thread, or while it cleans up."""
    log = logging.getLogger(_OURS)

    def escaped(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        log.error("unexpected", exc_info=(kind, error, trace))

    def escaped_thread(hook: threading.ExceptHookArgs) -> None:
        if hook.exc_value is not None and hook.exc_type is not SystemExit:
            name = hook.thread.name if hook.thread else "a thread"
            log.error("unexpected in %s", name, exc_info=(hook.exc_type, hook.exc_value, hook.exc_traceback))

    def ignored(hook: sys.UnraisableHookArgs) -> None:
        if hook.exc_value is not None:
            told = hook.err_msg or "Exception ignored in"
            log.warning("%s: %r", told, hook.object, exc_info=(hook.exc_type, hook.exc_value, hook.exc_traceback))

    sys.excepthook, threading.excepthook, sys.unraisablehook = escaped, escaped_thread, ignored


def goes_to_journal(journal_stream: str, stream: TextIO) -> bool:
    """Whether a stream is the connection to the journal that $JOURNAL_STREAM names."""
    if not journal_stream:
        return False
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return journal_stream == f"{status.st_dev}:{status.st_ino}"


def with_priority(text: str, priority: int) -> str:
    """A text with its priority before each line, as journald reads it (sd-daemon(3))."""
    return "\n".join(f"<{priority}>{line}" for line in text.splitlines())


def json_line(run: Run, level: str, fields: Mapping[str, str], at: datetime, redact: Redact) -> str:
    """One JSON object on one line, without the secrets in any of its values."""
    said = {"ts": at.isoformat(), "level": level, "run": run.id, "job": run.job}
    whole = said | {name: redact(value) for name, value in fields.items() if value}
    return json_for_terminal(json.dumps(whole, ensure_ascii=False))


def plain_line(run: Run, fields: Mapping[str, str]) -> str:
    """An event as `name=value` pairs, a value quoted where it holds a blank or the like."""
    return " ".join(f"{name}={_quoted(value)}" for name, value in {"run": run.id, **fields}.items() if value)


def _message(record: logging.LogRecord) -> str:
    """What a record says, with the error that it is about."""
    try:
        said = record.getMessage()
    except (TypeError, ValueError, KeyError):  # Its arguments do not fit. That is no reason to lose it.
        said = f"{record.msg} {record.args!r}"
    error = _error(record)
    return said if error is None else f"{said}: {type(error).__name__}: {error}"


def _error(record: logging.LogRecord) -> BaseException | None:
    return record.exc_info[1] if isinstance(record.exc_info, tuple) else None


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _quoted(value: str) -> str:
    is_plain = value.isprintable() and not set(value) & set(' "=')
    return value if is_plain else json.dumps(value, ensure_ascii=False)
