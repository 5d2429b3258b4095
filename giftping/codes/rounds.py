"""Whether a code that is listed is issued anew: another round of it begins, and it goes out once more. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from giftping.codes.model import Code
from giftping.settings.sources import MANUAL_SOURCE, SightingState
from giftping.store.base import CodeRecord, Round
from giftping.text import when


def begins_anew(
    code: Code, known: CodeRecord, now: datetime, *, looked_at: datetime | None, reissue_after: timedelta | None
) -> Round | None:
    """The round that begins with what is listed now, None where it is the same one as before.

    `looked_at` is when a list of its game was last known before this run. To leave a list and to come back is no new
    round by itself: sources do that all the time.
    """
    ended = end_before(known, now)
    end = code.expires_at
    if ended is not None and end is not None and end > max(ended, now):
        if code.state is SightingState.EXPIRED:
            return None
        return Round(now, f"it had ended on {when(ended, UTC)}, and is listed until {when(end, UTC)}", ended)
    # By the lists themselves, not by the time that has gone by: nobody may have looked meanwhile.
    if reissue_after is None or looked_at is None or MANUAL_SOURCE in code.sources:
        return None
    if looked_at - known.last_seen >= reissue_after:
        return Round(now, f"it was on no list from {when(known.last_seen, UTC)} to {when(looked_at, UTC)}", ended)
    return None


def end_before(known: CodeRecord, now: datetime) -> datetime | None:
    """When the present round of a code ended, None where it has not, as far as anybody has said."""
    ended = known.latest_end or known.expires_at
    return ended if ended is not None and ended <= now else None
