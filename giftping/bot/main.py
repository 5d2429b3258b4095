"""What `giftping bot` does: the settings, the one bot of this state folder, and the discord.py client."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

from giftping.commands.session import Session
from giftping.errors import EXIT_FINE, EXIT_SETTINGS, EXIT_TROUBLE, UsageError
from giftping.output.trouble import RUN, Trouble, over_line, without_numbers
from giftping.runs.lock import RunLock
from giftping.runs.reporting import Reporting
from giftping.runs.state_folder import BOT_LOCK
from giftping.settings.file import Mistake, SettingsError
from giftping.settings.value_types import DISCORD_API

if TYPE_CHECKING:
    from giftping.settings.keys import Settings

INSTALL = "the bot needs discord.py, which comes with: pip install 'giftping[bot]'"
REFUSED = "the bot token is refused; check DISCORD_TOKEN"

JOB = "bot"
"""What the memory of what was told calls it."""

UNAUTHORIZED = 401
AUTHENTICATION_FAILED = 4004
"""The close code of a gateway that does not take the token (Gateway Close Event Codes)."""


def run_bot(session: Session, *, removes_others: bool = False) -> int:
    """The exit code of a bot that ran until it was told to end.

    With `removes_others` it takes away what any other bot of this token has left among the servers' commands. Raise
    UsageError without discord.py, SettingsError without a token, and LockHeldError when there is a bot already.
    """
    if find_spec("discord") is None:
        raise UsageError(INSTALL)
    # Whatever starts it again at once, such as systemd, is not to tell the same each time.
    session.job = JOB
    with Reporting(session, JOB, is_whole=True) as reporting:
        trouble = _run(session, partial(_note_connected, reporting), removes_others=removes_others)
        found = [Trouble(f"{RUN} {without_numbers(trouble)}", trouble)] if trouble else []
        reporting.tell(found, lambda _key, _line: "", everything=session.is_watched)
        # What starts it again is not to do so with a token that a person has to mend.
        exit_code = EXIT_SETTINGS if trouble == REFUSED else EXIT_TROUBLE if trouble else EXIT_FINE
        reporting.end(exit_code)
    return exit_code


def _note_connected(reporting: Reporting) -> None:
    """Tell that what kept the bot from connecting is over, and to the operator at once: it may run for weeks."""
    reporting.tell([], lambda _key, line: over_line(line))
    reporting.end(EXIT_FINE)


def _run(session: Session, on_connected: Callable[[], None], *, removes_others: bool) -> str:
    """Why the bot could not run until it was told to end; empty where it has."""
    settings = session.settings
    token = settings.discord.token
    if token is None:
        reason = "is not set; the bot needs it to connect"
        raise SettingsError([Mistake("environment", "DISCORD_TOKEN", reason)])
    if session.verbose and not session.quiet:
        # discord.py tells of every connection at INFO; of interest only to whoever asks for more.
        logging.getLogger("discord").setLevel(logging.INFO)
    logging.getLogger("discord.client").addFilter(Reconnecting(is_told=not session.quiet))
    with RunLock(settings.state / BOT_LOCK):
        session.give({"state": str(settings.state)})
        refusal = _go_by(session)
        return refusal or _connected(settings, token.reveal(), on_connected, removes_others=removes_others)


def _connected(settings: Settings, token: str, on_connected: Callable[[], None], *, removes_others: bool) -> str:
    """Why the connection ended before the bot was told to end, empty where it was told to."""
    import aiohttp
    import discord

    from giftping.bot.app import GatewayUnreachableError, run
    from giftping.net.transport import UnusableProxyError

    # The bot speaks to nobody: that discord.py lacks the libraries for it is of no interest.
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
    try:
        run(settings, token, on_connected, removes_others=removes_others)
    except discord.LoginFailure:
        return REFUSED
    except GatewayUnreachableError as error:
        return f"Discord's gateway cannot be reached: {error}; it is tried again when the bot is started again"
    except discord.ConnectionClosed as error:
        return REFUSED if error.code == AUTHENTICATION_FAILED else f"Discord closed the connection: {error.code}"
    except UnusableProxyError as error:
        return str(error)
    except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
        return f"the connection to Discord ended: {error}"
    return ""


class Reconnecting(logging.Filter):
    """Makes a line of what discord.py logs as an error, with where it came from: that it connects again by itself."""

    def __init__(self, *, is_told: bool) -> None:
        super().__init__()
        self._is_told = is_told

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is written."""
        if not str(record.msg).startswith("Attempting a reconnect"):
            return True
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        record.msg = f"{record.msg}: %s"
        record.args = (*(record.args if isinstance(record.args, tuple) else ()), error or "no reason")
        record.exc_info, record.levelno, record.levelname = None, logging.WARNING, "WARNING"
        return self._is_told


def _go_by(session: Session) -> str:
    """Why discord.py cannot go by the settings' address of the API and the gateway named there; empty once it does.

    Going on without would take the token to Discord's own gateway.
    """
    api = session.settings.discord.api
    if api == DISCORD_API:
        return ""
    import yarl
    from discord.gateway import DiscordWebSocket
    from discord.http import Route

    from giftping.discord.http import Answer, Endpoint

    result = session.wiring.http().request(Endpoint("GET", "GET /gateway/bot", "/gateway/bot", "gateway"))
    url = result.body.get("url") if isinstance(result, Answer) and isinstance(result.body, dict) else None
    if getattr(result, "status", None) == UNAUTHORIZED:
        return REFUSED
    if not url:
        return f"{api} does not say where its gateway is: {getattr(result, 'reason', 'no url')}"
    Route.BASE = api
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(str(url))
    return ""
