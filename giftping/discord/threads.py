"""Threads that are archived: nothing in one can be edited before it is opened again."""

from __future__ import annotations

from collections.abc import Callable

from giftping.discord.http import Answer, DiscordHttp, Endpoint, Result
from giftping.discord.outcome import Outcome, Refused

ARCHIVED = 50083
"""Discord's code, with 400, for a thread that is archived."""


def edited_in(http: DiscordHttp, thread_id: int, edit: Callable[[], Outcome]) -> Outcome:
    """How an edit ended that may be of a message in an archived thread, which the bot then opens for it.

    Without a bot such a thread stays as it is, until somebody writes into it.
    """
    outcome = edit()
    if not isinstance(outcome, Refused) or outcome.code != ARCHIVED or not http.has_token:
        return outcome
    opened = _archive(http, thread_id, archived=False)
    if not isinstance(opened, Answer):
        return opened
    outcome = edit()
    # Members did not ask for it in their list. Where that is not taken, it archives itself after a while.
    _archive(http, thread_id, archived=True)
    return outcome


def _archive(http: DiscordHttp, thread_id: int, *, archived: bool) -> Result:
    endpoint = Endpoint("PATCH", "PATCH /channels/{channel}", f"/channels/{thread_id}", f"channel {thread_id}")
    return http.request(endpoint, json={"archived": archived}, is_repeated=False)
