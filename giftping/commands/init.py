"""What `giftping init` does: settings from a few answers, secrets beside them, and what to do next on this machine."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from giftping.commands.session import Session
from giftping.commands.subscribing import WHERE
from giftping.errors import EXIT_FINE, UsageError
from giftping.output.json import redacted, write_json
from giftping.settings.secrets import Redactor, mask
from giftping.text import parse_id

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE_NAME = "giftping.toml"
TOKEN = "DISCORD_TOKEN"  # noqa: S105 the name of a variable
SYSTEMD_RUNS = Path("/run/systemd/system")
SYSTEM_SETTINGS = Path("/etc/giftping")

Ask = Callable[[str, bool], str]
"""Asks a person a question; the answer is not shown where the second argument says so. Empty for no answer."""

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class InitRequest:
    """What is known of the first guild: where its codes go, by webhook or into a channel, and its TODO part."""

    guild_id: int | None = None
    webhook: str | None = None
    """A reference (env:NAME, file:PATH), or the URL itself, which then goes into the `.env` file."""
    channel_id: int | None = None
    token: str | None = None
    """The bot's, by reference or itself, likewise."""
    todo_channel_id: int | None = None
    todo_role_id: int | None = None
    owner_id: int | None = None


def init(session: Session, folder: Path, request: InitRequest, *, force: bool, ask: Ask | None = None) -> int:
    """Write settings, and the secrets that were given, and say what comes next; without any option, ask first."""
    path = folder / FILE_NAME
    if path.exists() and not force:
        raise UsageError(f"{path} is there already; --force writes a new one over it")
    if ask is not None and request == InitRequest():
        request = _asked(ask)
    _check(request)
    secrets = _secrets(request)
    _write(folder, path, request, secrets, force=force)
    _tell_next(session, folder.resolve(), path, request, secrets)
    return EXIT_FINE


# Asking


def _asked(ask: Ask) -> InitRequest:
    guild_id = _answer(ask, "Guild (server) id, empty to fill in nothing", parse_id)
    if guild_id is None:
        return InitRequest()
    request = InitRequest(guild_id)
    hook = _answer(ask, "Webhook URL for gift codes (not shown), empty to post as a bot", _webhook, hidden=True)
    if hook is not None:
        request = replace(request, webhook=hook)
    else:
        channel_id = _answer(ask, "Channel id for gift codes, empty for none", parse_id)
        request = replace(request, channel_id=channel_id)
    todo_channel_id = _answer(ask, "Channel id for TODO reminders, empty for none", parse_id)
    if todo_channel_id is not None:
        request = replace(
            request,
            todo_channel_id=todo_channel_id,
            todo_role_id=_answer(ask, "Role id that silent members lose, empty for none", parse_id),
            owner_id=_answer(ask, "Your own user id, who administers the TODOs, empty for none", parse_id),
        )
    if request.channel_id is not None or todo_channel_id is not None:
        request = replace(
            request, token=_answer(ask, "Bot token (not shown), empty to set it later", _token, hidden=True)
        )
    return request


def _answer(ask: Ask, question: str, read: Callable[[str], Answer], *, hidden: bool = False) -> Answer | None:
    """The answer to a question, None for an empty one; what cannot be right is asked again."""
    wrong = ""
    while True:
        text = ask(f"{wrong}{question}", hidden).strip()
        if not text:
            return None
        try:
            return read(text)
        except ValueError as error:
            wrong = f"{mask(str(error))}\n"


def _webhook(text: str) -> str:
    from giftping.discord.webhook import parse_webhook_url
    from giftping.settings.value_types import DISCORD_API

    if not _is_reference(text):
        parse_webhook_url(text, api=os.environ.get("GIFTPING_DISCORD_API") or DISCORD_API)
    return text


def _token(text: str) -> str:
    if not _is_reference(text) and (not text.isascii() or not text.isprintable() or " " in text):
        raise ValueError("the bot token holds blanks or other characters that no token has")
    return text


def _is_reference(text: str) -> bool:
    return text.startswith(("env:", "file:"))


def _check(request: InitRequest) -> None:
    """Raise UsageError for options that do not go together, or cannot be right."""
    if request.webhook is not None and request.channel_id is not None:
        raise UsageError(WHERE)
    needing = {
        "--webhook": request.webhook,
        "--channel": request.channel_id,
        "--todo-channel": request.todo_channel_id,
    }
    lonely = [name for name, value in needing.items() if value is not None]
    if request.guild_id is None and lonely:
        raise UsageError(f"{lonely[0]} needs --guild ID, the guild that it is in")
    if request.todo_channel_id is None and (request.todo_role_id is not None or request.owner_id is not None):
        raise UsageError("--todo-role and --owner need --todo-channel ID, where members are reminded")
    for name, value, read in (("--webhook", request.webhook, _webhook), ("--token", request.token, _token)):
        try:
            # A reference is always right here: what it names may come later. It stands for what was not given, too.
            read(value or "env:")
        except ValueError as error:
            raise UsageError(f"{name}: {mask(str(error))}") from None


# Writing


def _secrets(request: InitRequest) -> dict[str, str]:
    """The secrets that belong into the `.env` file, those that were given themselves, by their variables."""
    secrets = {}
    if request.token and not _is_reference(request.token):
        secrets[TOKEN] = request.token
    if request.webhook and not _is_reference(request.webhook):
        secrets[f"WEBHOOK_{request.guild_id}"] = request.webhook
    return secrets


def _settings(request: InitRequest, folder: Path) -> dict[str, str]:
    """The settings that the answers come to, by dotted key."""
    from giftping.settings.secrets import anchored_reference

    todo = {
        "todo.guild": request.guild_id if request.todo_channel_id is not None else None,
        "todo.channel": request.todo_channel_id,
        "todo.role": request.todo_role_id,
        "todo.owner": request.owner_id,
    }
    settings = {key: str(value) for key, value in todo.items() if value is not None}
    if request.token and _is_reference(request.token) and request.token != f"env:{TOKEN}":
        settings["discord.token"] = anchored_reference(request.token, folder)
    return settings


def _write(folder: Path, path: Path, request: InitRequest, secrets: Mapping[str, str], *, force: bool) -> None:
    from giftping.settings.dotenv import FILE_NAME as DOTENV
    from giftping.settings.dotenv import dotenv_with
    from giftping.settings.file import SettingsError, read_text
    from giftping.settings.load import default_state
    from giftping.settings.starter import starter_toml
    from giftping.store.tiny.files import replace_file

    text = starter_toml(
        folder=folder.resolve(),
        state=default_state(os.environ),
        source="wosgiftcodes-page",
        settings=_settings(request, Path.cwd()),
    )
    dotenv = folder / DOTENV
    try:
        before = read_text(dotenv) if secrets and dotenv.exists() else ""
        after = dotenv_with(before, secrets, replaces=force)
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        if secrets:
            replace_file(dotenv, [after.encode()])
    except KeyError as error:
        raise UsageError(f"{dotenv} sets {error.args[0]} already; --force writes the new value over it") from None
    except SettingsError as error:
        raise UsageError(f"{dotenv} cannot be added to: {error}") from None
    except OSError as error:
        from giftping.settings.ownership import why_forbidden

        whose = why_forbidden(path, error)
        said = "; ".join(filter(None, [error.strerror, whose]))
        raise UsageError(f"{error.filename or path} cannot be written: {said}") from None


# What comes next


def _tell_next(session: Session, folder: Path, path: Path, request: InitRequest, secrets: Mapping[str, str]) -> None:
    from giftping.settings.timers import SWEEP, SWEEP_MINUTES, crontab_line

    command, config = Path(shutil.which("giftping") or sys.argv[0]).resolve(), path.resolve()
    line = crontab_line(command, config=config)
    sweep_line = crontab_line(command, config=config, minutes=SWEEP_MINUTES, job=SWEEP)
    units = _units(command, config, request, has_secrets=bool(secrets))
    guild = str(request.guild_id or "GUILD_ID")
    named = "" if folder == Path.cwd() else f" --config {shlex.quote(str(config))}"
    commands = (f"guilds add {guild} {_way(request)}", f"guilds test {guild}", "codes check --dry-run")
    steps = [f"giftping {words}{named}" for words in commands]
    if state := os.environ.get("GIFTPING_STATE"):
        said = f"warning: GIFTPING_STATE={state} counts in this shell alone: for cron, too, write state into {path}"
        session.write_log(said, "warning")
    # What was written need not be complete yet, so that nothing here asks for the settings.
    redact = Redactor(secrets.values())
    if session.json:
        told = {
            "file": str(config),
            "secrets": str(folder / ".env") if secrets else None,
            "next": steps,
            "crontab": line,
            "todo_crontab": sweep_line,
            "units": units,
        }
        write_json(redacted(told, redact))
    if session.quiet or session.json:
        return

    def tell(text: str, *to_copy: str) -> None:
        said = redact(text)
        if sys.stdout.isatty():
            from giftping.output.wrapping import fitted

            said = fitted(said, sys.stdout)
        # What goes into a crontab or a shell is a line of its own, however long.
        sys.stdout.write("".join(f"{line}\n" for line in (said, *(f"     {redact(one)}" for one in to_copy))))

    filled = "Your answers are in it, and everything else" if _settings(request, folder) else "Everything in it"
    tell(f"Wrote {path}. {filled} is commented out: the defaults work.")
    if secrets:
        tell(f"Wrote {folder / '.env'}, for you alone: {', '.join(secrets)}.")
    tell("\nNext:")
    meanings = ("where the codes go", "a test message", "what would be announced")
    for number, (step, meaning) in enumerate(zip(steps, meanings, strict=True), 1):
        tell(f"  {number}. {step}\n     {meaning}")
    tell("  4. crontab -e, and add:", line)
    tell("")
    if request.todo_channel_id is None:
        tell("For TODO reminders, name the guild, the channel and the role in [todo]; then:")
    else:
        tell("For TODO reminders:")
    tell(f"  1. giftping todo roster add USER{named}\n     who takes part")
    tell(f"  2. giftping todo sweep --dry-run{named}\n     who would be told what")
    tell("  3. crontab -e, and add:", sweep_line)
    if units:
        tell("\nOr, in place of the crontab, systemd:", *units)
    tell("\nAnd whenever something does not come: giftping doctor")


def _way(request: InitRequest) -> str:
    if request.channel_id is not None:
        return f"--channel {request.channel_id}"
    if request.webhook is None:
        return "--webhook env:NAME"
    return f"--webhook {request.webhook if _is_reference(request.webhook) else f'env:WEBHOOK_{request.guild_id}'}"


def _units(command: Path, config: Path, request: InitRequest, *, has_secrets: bool) -> list[str]:
    """The shell commands that install the systemd units here; none where there is no systemd, or no units."""
    from giftping.settings.timers import unit_lines

    units = unit_folder()
    if units is None or not SYSTEMD_RUNS.is_dir():
        return []
    jobs = ["codes", *(["todo"] if request.todo_channel_id is not None else [])]
    if os.geteuid() != 0:
        return unit_lines(units / "user", command, jobs, config=config, is_root=False)
    # The units' user cannot look into home folders, nor read what root alone may.
    lines = []
    if config.parent != SYSTEM_SETTINGS:
        lines.append(f"install -D -m 644 {shlex.quote(str(config))} {SYSTEM_SETTINGS / FILE_NAME}")
    if has_secrets:
        dotenv = shlex.quote(str(config.parent / ".env"))
        lines.append(f"install -D -m 600 {dotenv} {SYSTEM_SETTINGS / 'environment'} && rm {dotenv}")
    return lines + unit_lines(units, command, jobs, config=None, is_root=True)


def unit_folder() -> Path | None:
    """The folder with the systemd units: that of the installation, or of the checkout; None without one."""
    checkout = Path(__file__).parents[2] / "systemd"
    places = (Path(sys.prefix, "share", "giftping", "systemd"), checkout)
    return next((place for place in places if (place / "giftping-codes.service").is_file()), None)
