"""What a no of Discord's means: whether time mends it or a person, who, what to do, and when to try again. Pure.

One table, from which everything speaks: lines, `guilds list`, `doctor`, `codes explain`, the operator's message, the
exit code and `--json`. The codes are Discord's own (API reference, JSON Error Codes).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from giftping.words.said import Said

CHANGE = "giftping guilds add ID"
"""How the command begins that changes a destination; whose that is, whoever tells of it knows."""


class Kind(StrEnum):
    """What is wrong."""

    PASSES = "passes"
    """Nothing that anybody has to mend: it passes with time."""
    LIMIT = "limit"
    """A limit of Discord's was used up; that passes, too."""
    DESTINATION = "destination"
    """A person has to mend the destination, or name another."""
    TOKEN = "token"  # noqa: S105 - a word, and no secret
    """The bot token or its account, whatever it is used for."""
    CONTENT = "content"
    """The message itself was refused, and not the place that it was for."""
    POST = "post"
    """The post of a forum that is kept up for one game, and not the forum, to which others go."""


class Mender(StrEnum):
    """Who has to act."""

    OPERATOR = "operator"
    """Who runs giftping, and knows its settings."""
    MANAGER = "manager"
    """Who manages the Discord server."""
    MEMBER = "member"
    """The member whom a message was for."""


class Again(StrEnum):
    """When it is tried again."""

    NEXT_RUN = "next run"
    SOON = "soon"
    """After half an hour, then twice as long each time, up to a day: it may have been a slip of Discord's."""
    HOURS = "hours"
    """After an hour, then twice as long each time, up to a day: somebody may mend it, and nobody tells giftping. Of a
    message whose content was refused, that message alone; of a token, everything that goes by it."""
    NEVER = "never"
    """Not before the destination is another one, or somebody has tried it."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a no means."""

    kind: Kind
    again: Again = Again.NEXT_RUN
    who: Mender | None = None
    """None where nobody has to act."""
    phrase: str = ""
    """What says what is wrong and what to do about it; empty where nobody has to act."""
    options: str = ""
    """Those of the command that changes the destination, where that mends it."""
    change: str = CHANGE
    """How that command begins."""

    @property
    def mend(self) -> str:
        """What is wrong and what to do about it, in words; empty where nobody has to act."""
        if not self.phrase:
            return ""
        return Said(self.phrase, how=f"{self.change} {self.options}", test="giftping guilds test")

    @property
    def is_lasting(self) -> bool:
        """Whether the same no is to be expected until a person has acted: asking again soon is pointless."""
        return self.kind in (Kind.DESTINATION, Kind.TOKEN)

    @property
    def is_of_message(self) -> bool:
        """Whether a person has to mend the message, or the post that it goes into, while others go on to the place."""
        return self.kind in (Kind.CONTENT, Kind.POST)

    @property
    def is_of_destination(self) -> bool:
        """Whether a person has to mend this destination, while all others go on."""
        return self.kind is Kind.DESTINATION

    def said_of(self, change: str) -> Meaning:
        """The same with the command in it that changes the destination in question, which begins with `change`."""
        return replace(self, change=change) if self.options else self


PASSES = Meaning(Kind.PASSES)
LIMIT = Meaning(Kind.LIMIT)

TOKEN = Meaning(
    Kind.TOKEN,
    Again.HOURS,
    Mender.OPERATOR,
    "mend.token",
)
"""Of a 401 to the bot, whatever its code."""

_CHANNEL_GONE = Meaning(Kind.DESTINATION, Again.SOON, Mender.OPERATOR, "mend.channel_gone")
_WEBHOOK_GONE = Meaning(Kind.DESTINATION, Again.NEVER, Mender.OPERATOR, "mend.webhook_gone")
_NOT_SEEN = Meaning(Kind.DESTINATION, Again.HOURS, Mender.MANAGER, "mend.not_seen")
_NOT_ALLOWED = Meaning(
    Kind.DESTINATION,
    Again.HOURS,
    Mender.MANAGER,
    "mend.not_allowed",
)
_FORBIDDEN = Meaning(Kind.DESTINATION, Again.HOURS, Mender.MANAGER, "mend.forbidden")
_OTHER_CHANNEL = Meaning(
    Kind.DESTINATION,
    Again.HOURS,
    Mender.OPERATOR,
    "mend.other_channel",
    options="--posts per-announcement",
)
_MALFORMED = Meaning(
    Kind.CONTENT,
    Again.HOURS,
    Mender.OPERATOR,
    "mend.malformed",
)
_FILTERED = Meaning(
    Kind.CONTENT,
    Again.HOURS,
    Mender.MANAGER,
    "mend.filtered",
)
_THREAD_CLOSED = Meaning(
    Kind.DESTINATION,
    Again.HOURS,
    Mender.MANAGER,
    "mend.thread_closed",
)
_POST_CLOSED = replace(
    _THREAD_CLOSED,
    kind=Kind.POST,
    phrase="mend.post_closed",
)
_UNREACHABLE = Meaning(Kind.DESTINATION, Again.HOURS, Mender.MEMBER, "mend.dms_closed")

_BY_CODE: dict[int, Meaning] = {
    10003: _CHANNEL_GONE,
    10004: replace(_NOT_SEEN, again=Again.SOON, phrase="mend.not_in_guild"),
    10015: _WEBHOOK_GONE,
    50027: _WEBHOOK_GONE,
    50001: _NOT_SEEN,
    50013: _NOT_ALLOWED,
    50009: replace(_FORBIDDEN, phrase="mend.verification"),
    # The forms in which a forum, or another channel that is none for messages, says no.
    220001: replace(
        _OTHER_CHANNEL,
        phrase="mend.forum_webhook",
        options="--posts per-announcement, or --posts kept",
    ),
    220002: replace(_OTHER_CHANNEL, phrase="mend.thread_twice", options=""),
    220003: replace(_OTHER_CHANNEL, phrase="mend.no_forum_webhook", options="--posts none"),
    220004: replace(_OTHER_CHANNEL, phrase="mend.takes_no_webhooks", options=""),
    40067: replace(
        _OTHER_CHANNEL,
        who=Mender.MANAGER,
        phrase="mend.wants_tag",
        options="--tag NAME",
    ),
    50008: _OTHER_CHANNEL,
    50024: _OTHER_CHANNEL,
    50083: _THREAD_CLOSED,
    160005: _THREAD_CLOSED,
    # A person who was written to.
    50007: _UNREACHABLE,
    50033: _UNREACHABLE,
    50278: replace(_UNREACHABLE, phrase="mend.no_shared_guild"),
    10007: replace(_UNREACHABLE, phrase="mend.member_left"),
    10013: replace(_UNREACHABLE, phrase="mend.no_such_user"),
    10011: Meaning(Kind.DESTINATION, Again.HOURS, Mender.OPERATOR, "mend.role_gone"),
    # The message.
    20009: _FILTERED,
    200000: _FILTERED,
    200001: _FILTERED,
    240000: _FILTERED,
    50006: _MALFORMED,
    50035: _MALFORMED,
    50109: _MALFORMED,
    40005: _MALFORMED,
    # The sender.
    40001: TOKEN,
    40002: replace(TOKEN, phrase="mend.unverified"),
    40333: PASSES,
    # Limits, and what Discord has switched off for a while.
    20016: LIMIT,
    20022: LIMIT,
    20028: LIMIT,
    20029: LIMIT,
    30046: LIMIT,
    40003: LIMIT,
    40062: LIMIT,
    40004: PASSES,
    130000: PASSES,
}

_BY_CODE_OF_WEBHOOK: dict[int, Meaning] = {
    10003: replace(_CHANNEL_GONE, phrase="mend.webhook_channel_gone"),
    10004: replace(_CHANNEL_GONE, phrase="mend.webhook_server_gone"),
    50001: replace(_FORBIDDEN, phrase="mend.webhook_not_allowed"),
    50013: replace(_FORBIDDEN, phrase="mend.webhook_not_allowed"),
    # It has no account, and the bot's token is not what it posts with.
    40001: replace(_FORBIDDEN, phrase="mend.webhook_not_allowed"),
    40002: replace(_FORBIDDEN, phrase="mend.webhook_not_allowed"),
}
"""What differs where a webhook was asked, of which no permissions are known."""

_BY_CODE_OF_ROLE: dict[int, Meaning] = {
    50013: replace(_NOT_ALLOWED, phrase="mend.role_not_allowed"),
    50001: replace(_NOT_SEEN, phrase="mend.member_not_seen"),
}
"""What differs where a role was to be given or taken."""

_BY_CODE_OF_POST: dict[int, Meaning] = {50083: _POST_CLOSED, 160005: _POST_CLOSED}
"""What differs where a message was to go into a post that is kept up."""

_BY_STATUS = {403: _FORBIDDEN, 404: _CHANNEL_GONE, 429: LIMIT}
"""For a code that the table does not know, or none."""

_BY_STATUS_OF_WEBHOOK = {403: _BY_CODE_OF_WEBHOOK[50001], 404: _BY_CODE_OF_WEBHOOK[10003]}
"""The same where a webhook was asked."""


def meaning_of(
    status: int | None, code: int | None, *, by_webhook: bool = False, of_role: bool = False, of_post: bool = False
) -> Meaning:
    """What a no with this HTTP status and code of Discord's means; without a status no request was made."""
    if status is None:
        return PASSES
    if status == 401:
        return _WEBHOOK_GONE if by_webhook else TOKEN
    if status == 429:
        return LIMIT
    if by_webhook and (found := _BY_CODE_OF_WEBHOOK.get(code or 0)):
        return found
    if of_role and (found := _BY_CODE_OF_ROLE.get(code or 0)):
        return found
    if of_post and (found := _BY_CODE_OF_POST.get(code or 0)):
        return found
    # Whatever else a message may have been refused for, the place that it was for is not blamed.
    known = _BY_CODE.get(code or 0) or (_BY_STATUS_OF_WEBHOOK.get(status) if by_webhook else None)
    return known or _BY_STATUS.get(status) or (_MALFORMED if status in (400, 413, 422) else PASSES)


_REASON = re.compile(r"HTTP (\d{3})\b[^()]*(?:\((\d+)\))?")
"""How the reason of a refusal begins: the status, Discord's words, and its code."""


def meaning_in(reason: str, *, by_webhook: bool = False, of_post: bool = False) -> Meaning:
    """What a no means of which the reason alone is on record."""
    said = _REASON.match(reason)
    status, code = (int(said[1]), int(said[2]) if said[2] else None) if said else (None, None)
    return meaning_of(status, code, by_webhook=by_webhook, of_post=of_post)
