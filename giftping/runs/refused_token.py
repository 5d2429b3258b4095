"""A bot token that Discord has refused: no run asks anew with it until its time has come, or somebody has tried it.

Discord bans an address that goes on with a token that it does not take. Another token is tried at once.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from giftping.delivery.retries import is_left_alone, wait_after
from giftping.discord.meanings import TOKEN
from giftping.runs.state_folder import REFUSED_TOKEN, read_cache, write_cache
from giftping.wiring import utc_now

if TYPE_CHECKING:
    from pathlib import Path

    from giftping.wiring import Wiring


@dataclass(frozen=True, slots=True)
class RefusedToken:
    """What Discord said of a token. The names of the fields are keys of a file."""

    token: str
    """Which one: a hash of it, from which nobody learns it."""
    reason: str
    code: int | None
    noes: int
    retry_at: datetime


def leave_refused_token(wiring: Wiring) -> None:
    """Have the run do without the bot where its token was refused not long ago."""
    known = read_cache(RefusedToken, _file(wiring))
    if known is not None and known.token == _which(wiring) and is_left_alone(known.retry_at, utc_now()):
        from giftping.discord.outcome import Refused

        wiring.refused_token = Refused(known.reason, 401, known.code, lasting=True, everywhere=True)


def note_token(wiring: Wiring) -> None:
    """Note for the next runs that the token was refused, or that it is taken again."""
    path = _file(wiring)
    refused, is_taken = wiring.told_of_token()
    # What was not asked says nothing.
    if wiring.refused_token is not None or not path.parent.exists():
        return
    # Without it the next run asks once more, as it always did.
    with suppress(OSError):
        if refused is not None:
            known = read_cache(RefusedToken, path)
            noes = 1 + (known.noes if known is not None and known.token == _which(wiring) else 0)
            now = utc_now()
            retry_at = now + (wait_after(TOKEN.again, noes) or now - now)
            note = RefusedToken(_which(wiring), refused.reason, refused.code, noes, retry_at)
            write_cache(path, note)
        elif is_taken:
            path.unlink(missing_ok=True)


def _file(wiring: Wiring) -> Path:
    return wiring.settings.state / REFUSED_TOKEN


def _which(wiring: Wiring) -> str:
    token = wiring.settings.discord.token
    return hashlib.sha256(token.reveal().encode()).hexdigest()[:16] if token else ""
