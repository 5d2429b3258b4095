"""What `guilds add` asks before it trusts a destination: Discord, what it is, and the store, who has it already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from giftping.discord.members import MembersClient
from giftping.discord.refusals import clean
from giftping.doctor.destinations import others_there, users_by_place
from giftping.doctor.discord import look_at_discord
from giftping.doctor.judgement import Judgement, NoAnswer, Verdict
from giftping.doctor.mentions import reaches
from giftping.doctor.one_destination import (
    DestinationFacts,
    SeenFacts,
    judge_destination,
    judge_each_mention,
    judge_place,
    judge_posting_at,
    known_destination,
    look_at_destination,
)
from giftping.errors import GiftpingError, UsageError
from giftping.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from giftping.doctor.posting import PlaceFacts
    from giftping.store.base import Posting, Subscription
    from giftping.wiring import Wiring


def look_with_or_without_bot(
    wiring: Wiring, group: Sequence[Subscription], everybody: Iterable[Subscription] = ()
) -> DestinationFacts:
    """How the one destination of subscriptions is, whether or not there is a bot, and who of `everybody` has it, too.

    Raise SettingsError for a token that cannot be one.
    """
    everybody, guild_id, bot = list(everybody), group[0].guild_id, None
    is_one_of_several = len({one.destination for one in everybody if one.guild_id == guild_id}) > 1
    if group[0].destination.channel_id is not None and wiring.reader() is not None:
        discord, bot = look_at_discord(wiring, is_needed=True)
        if isinstance(discord.bot, NoAnswer):
            # Nothing was said of the channel, whatever was said of the token.
            return replace(known_destination(group), trouble=replace(discord.bot, status=None))
    facts = replace(look_at_destination(wiring, bot, group), is_one_of_several=is_one_of_several)
    return replace(facts, shared_with=others_there(wiring, group[0], users_by_place(wiring, everybody)))


@dataclass(frozen=True, slots=True)
class LookedAt:
    """A destination that was looked at and is taken, and what is to be told of it."""

    facts: DestinationFacts
    warnings: tuple[str, ...]


def look_and_warn(
    wiring: Wiring,
    group: Sequence[Subscription],
    now: datetime,
    *,
    named: tuple[str, ...],
    is_new: bool,
    posted_as: Callable[[Posting, PlaceFacts], Posting],
) -> LookedAt:
    """What Discord says of the one destination of subscriptions, new or not, of whom they mention, and how they post.

    `named` are the games that it is asked about for, none for all of the guild; `posted_as` says how is posted, given
    what the channel is.

    Raise what `warnings_of` does.
    """
    facts = look_with_or_without_bot(wiring, group)
    facts = replace(facts, games=named, is_one_of_several=bool(named))
    facts = replace(facts, postings=tuple(posted_as(one, facts.place) for one in facts.postings))
    warnings = tuple(warnings_of(facts, now, is_new=is_new))
    return LookedAt(_with_guild_name(wiring, facts) if is_new else facts, warnings)


def _with_guild_name(wiring: Wiring, facts: DestinationFacts) -> DestinationFacts:
    """What was seen, with what the guild is called: a webhook does not say, and a bot that is in it does."""
    reader = wiring.reader()
    if facts.seen is None or facts.seen.guild_name or reader is None:
        return facts
    shown = MembersClient(reader.http).guild(facts.guild_id)
    name = clean(str(shown.get("name") or "")) if isinstance(shown, Mapping) else ""
    return replace(facts, seen=replace(facts.seen, guild_name=name))


def warnings_of(facts: DestinationFacts, now: datetime, *, is_new: bool) -> list[str]:
    """What is to be told of a destination and a mention that are taken all the same: what nobody has seen, or is amiss.

    A destination that is not new is not judged again, only who is mentioned there, and how messages are posted. Raise
    UsageError for a new one that cannot be right, GiftpingError for one that Discord lets nobody see: that is mended
    there.
    """
    if facts.unusable:
        return [facts.unusable]
    if facts.trouble is not None and (facts.is_untold or not is_new):
        what, later = facts.label if is_new else "the mention", f"giftping guilds test {facts.guild_id} --no-post"
        return [f"{what} was not checked: {facts.trouble.reason}; once that is over: {later}"]
    judged = judge_destination(replace(facts, broken=None, mentions=None), now) if is_new else None
    if judged is not None and facts.is_hidden:
        raise GiftpingError(line_of(judged, facts.guild_id))
    if judged is not None and (facts.is_gone or judge_place(facts) is not None):
        raise UsageError(line_of(judged, facts.guild_id))
    of_posting = judge_posting_at(facts)
    if of_posting is not None and of_posting.verdict is Verdict.FAIL:
        raise UsageError(line_of(of_posting, facts.guild_id))
    lines = [line_of(one, facts.guild_id) for one in (judged, of_posting) if one is not None]
    return [*dict.fromkeys(lines), *mention_warnings(facts)]


def posting_warnings(facts: DestinationFacts) -> list[str]:
    """What of how messages are posted a destination takes all the same, and cannot do."""
    judged = judge_posting_at(facts)
    return [line_of(judged, facts.guild_id)] if judged is not None and judged.verdict is Verdict.WARN else []


def mention_warnings(facts: DestinationFacts) -> list[str]:
    """Why mentions reach nobody, a line for each."""
    return [line_of(judged, facts.guild_id) for judged in judge_each_mention(facts)]


def mention_objects(facts: DestinationFacts, group: Sequence[Subscription]) -> list[dict[str, Any]]:
    """Whom announcements of each game mention there, as it stands in JSON; `reaches` is null where nobody can tell."""
    known = {one.mention: one for one in facts.mentions} if isinstance(facts.mentions, tuple) else {}
    return [
        {
            "game": one.game,
            "mention": mention,
            "name": known[mention].name or None if mention in known else None,
            "reaches": reaches(known[mention], facts.guild_id) if mention in known else None,
        }
        for one in group
        for mention in one.mentions
    ]


def reason_against(facts: DestinationFacts, now: datetime) -> str:
    """Why nothing can be posted to a destination, and what to do; empty where that is to be tried."""
    if facts.unusable:
        return f"cannot be used: {facts.unusable}"
    if facts.trouble is not None and facts.is_untold:
        return f"failed: {facts.trouble.reason}"
    judged = judge_destination(replace(facts, broken=None, mentions=None), now)
    if judged is None or judged.verdict is not Verdict.FAIL:
        return ""
    return line_of(judged, facts.guild_id).removeprefix(facts.label).lstrip(": ")


def line_of(judgement: Judgement, guild_id: int) -> str:
    """A judgement on one line, with its next step; whose destination it is about has been said."""
    return f"{judgement.what.removeprefix(f'guild {guild_id}: ')}; {judgement.next_step}"


def refuse_another_guilds(wiring: Wiring, one: Subscription, everybody: Iterable[Subscription]) -> None:
    """Raise UsageError where the destination that a guild is to have is that of another one, however it is written."""
    used = others_there(wiring, one, users_by_place(wiring, everybody))
    if used and (judged := judge_place(replace(known_destination([one]), shared_with=used))):
        raise UsageError(line_of(judged, one.guild_id))


def seen_words(seen: SeenFacts | None) -> str:
    """What Discord calls a destination, in brackets behind how the settings call it; empty where it has not said it."""
    if seen is None:
        return ""
    of_guild = f" of {seen.guild_name}" if seen.guild_name else ""
    return printable(f" ({', '.join(filter(None, (seen.name, seen.kind)))}{of_guild})")


def seen_object(seen: SeenFacts | None) -> dict[str, str | None] | None:
    """What Discord calls a destination, for JSON; None where it was not asked, or has not said it."""
    if seen is None:
        return None
    return {"name": seen.name, "kind": seen.kind or None, "guild": seen.guild_name or None}
