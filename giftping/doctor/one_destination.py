"""One destination of gift codes: what Discord says that it is, and whether codes for its guild can be announced there.

`guilds add`, `guilds test` and the doctor look and judge by this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from giftping.codes.subscriptions import change_command
from giftping.delivery.broken_destination import meaning_of_broken
from giftping.discord.channel_types import kind_of
from giftping.discord.meanings import PASSES, Meaning
from giftping.discord.members import MembersClient
from giftping.discord.outcome import Refused
from giftping.discord.permissions import Permission, permission_label
from giftping.discord.refusals import UNKNOWN_CHANNEL, clean
from giftping.discord.rest import RestClient
from giftping.discord.webhook import WebhookInfo, WebhookRoute
from giftping.doctor.discord import BotClient, Sight, channel_facts, look_at_guild, trouble_in
from giftping.doctor.judgement import Judgement, NoAnswer, about, fail, named, unanswered, untold, warn
from giftping.doctor.mentions import MentionFacts, mention_facts, reaches
from giftping.doctor.posting import UNSEEN, PlaceFacts, judge_posting, place_in
from giftping.store.base import EVERYONE, HERE, Posting, PostsIn
from giftping.text import id_or_none

if TYPE_CHECKING:
    from giftping.store.base import Subscription
    from giftping.wiring import Wiring

_SHOWN = (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)
"""The refusals of a post that a look gets, too."""


@dataclass(frozen=True, slots=True)
class BrokenFacts:
    """Why and since when the checks leave a destination alone."""

    reason: str
    """The refusal after which they did."""
    since: datetime
    retry_at: datetime | None = None
    """When they try again; None for never."""
    meaning: Meaning = PASSES
    """What that means, and what a person has to mend."""
    is_seen: bool = True
    """Whether a look at the destination would show that it still has to be mended."""


@dataclass(frozen=True, slots=True)
class SeenFacts:
    """What Discord calls a destination."""

    name: str
    kind: str = ""
    """What kind of channel it is, in words; empty where that was not shown."""
    guild_name: str = ""
    """Empty where it was not shown."""


@dataclass(frozen=True, slots=True)
class DestinationFacts:
    """Where a guild's announcements go, as Discord shows it now."""

    guild_id: int
    label: str
    """What to call it."""
    games: tuple[str, ...] = ()
    """What is announced there."""
    is_one_of_several: bool = False
    """Whether other games of the guild go elsewhere: what changes this one has to name its games."""
    is_webhook: bool = False
    is_asked: bool = True
    """False where there were too many to ask about."""
    unusable: str = ""
    """Why there is no way there at all, such as a secret that is not set."""
    trouble: NoAnswer | None = None
    """What Discord says to a look, where it does not show it."""
    lost_thread: int | None = None
    """The thread that the webhook's URL names, where its channel has none such."""
    seen: SeenFacts | None = None
    """None where Discord has not shown it."""
    unfit: str = ""
    """What the channel is, when codes cannot be announced in it."""
    place: PlaceFacts = UNSEEN
    """What the channel is and asks for."""
    postings: tuple[Posting, ...] = ()
    """How its subscriptions post there."""
    lacks_to_publish: tuple[str, ...] | None = ()
    """The permissions that the bot does not have to publish what is posted there; None where there is no bot."""
    is_elsewhere: bool = False
    """Whether it is not in the guild that it is for."""
    channel_guild_id: int | None = None
    """The guild that it is in; None where that was not shown, and for what is in none."""
    shared_with: tuple[int, ...] = ()
    """Other guilds that are given the same destination."""
    missing: tuple[str, ...] | NoAnswer = ()
    """The permissions that the bot lacks in the channel."""
    mentions: tuple[MentionFacts, ...] | NoAnswer | None = None
    """None where nobody was asked about them."""
    broken: BrokenFacts | None = None
    """None while the checks post there."""

    @property
    def change(self) -> str:
        """How the command begins that changes it, and nothing else of the guild."""
        return change_command(self.guild_id, self.games if self.is_one_of_several else ())

    @property
    def is_gone(self) -> bool:
        """Whether Discord knows it no more. For a webhook a 401 says that, too: its token is not good any more."""
        gone = (HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND) if self.is_webhook else (HTTPStatus.NOT_FOUND,)
        return self.trouble is not None and self.trouble.status in gone

    @property
    def is_hidden(self) -> bool:
        """Whether Discord has said that the bot may not see it."""
        return self.trouble is not None and self.trouble.status == HTTPStatus.FORBIDDEN

    @property
    def is_mention_unseen(self) -> bool:
        """Whether the destination was shown, but not the guild's roles: a webhook needs no bot that sees them."""
        return self.seen is not None and self.mentions is None

    @property
    def is_untold(self) -> bool:
        """Whether nothing was found out: Discord was not reached, or has not said anything about it."""
        return self.trouble is not None and not self.is_gone and not self.is_hidden


# Looking


def known_destination(group: Sequence[Subscription]) -> DestinationFacts:
    """What the ledger says of a destination, given the subscriptions that go there."""
    first = group[0]
    channel_id = first.destination.channel_id
    label = "its webhook" if channel_id is None else f"channel {channel_id}"
    games = tuple(one.game for one in group)
    postings = tuple(dict.fromkeys(one.posting for one in group))
    return DestinationFacts(
        first.guild_id, label, games, is_webhook=channel_id is None, postings=postings, broken=_broken(group)
    )


def _broken(group: Sequence[Subscription]) -> BrokenFacts | None:
    subscription = next((one for one in group if one.broken is not None), group[0])
    broken = subscription.broken
    if broken is None:
        return None
    # A forum, or a channel whose posts are blocked, looks like any other, as does a webhook's: only a post tells.
    is_seen = subscription.destination.channel_id is not None and broken.status in (None, *_SHOWN)
    return BrokenFacts(
        broken.reason,
        broken.since,
        broken.retry_at,
        meaning_of_broken(broken, by_webhook=subscription.destination.by_webhook),
        is_seen,
    )


def look_at_destination(wiring: Wiring, bot: BotClient | None, group: Sequence[Subscription]) -> DestinationFacts:
    """How the destination of subscriptions is; a channel is seen by a bot that Discord takes alone.

    Raise SettingsError for a token that cannot be one.
    """
    known, destination = known_destination(group), group[0].destination
    route = wiring.route_to(destination)
    if isinstance(route, Refused):
        return replace(known, unusable=route.reason)
    known = replace(known, label=route.label)
    mentions = tuple(dict.fromkeys(mention for one in group for mention in one.mentions))
    if isinstance(route, WebhookRoute):
        return _webhook(wiring, known, route, mentions)
    channel_id = destination.channel_id
    if bot is None or channel_id is None:
        return replace(known, trouble=NoAnswer("no bot that Discord takes can look"))
    channel = bot.members.channel(channel_id)
    if not isinstance(channel, Mapping):
        return replace(known, trouble=trouble_in(channel))
    return _channel(_placed(known, channel), bot, channel, mentions)


def _placed(known: DestinationFacts, channel: Mapping[str, Any]) -> DestinationFacts:
    """A destination with what a channel is, and where."""
    kind, guild_id = kind_of(channel), id_or_none(channel.get("guild_id"))
    place = place_in(channel)
    return replace(
        known,
        seen=SeenFacts(clean(str(channel.get("name") or "")), kind),
        unfit="" if place.kind is not None else kind,
        place=place,
        is_elsewhere=guild_id != known.guild_id,
        channel_guild_id=guild_id,
    )


def _channel(
    known: DestinationFacts, bot: BotClient, channel: Mapping[str, Any], mentions: Sequence[str]
) -> DestinationFacts:
    if known.unfit or known.is_elsewhere or known.seen is None:
        # Of what cannot be right nothing more has to be known.
        return known
    sight = look_at_guild(bot, known.guild_id)
    also = [Permission.MANAGE_THREADS] if known.place.is_locked else []
    if any(posting.posts is PostsIn.KEPT for posting in known.postings):
        also.append(Permission.SEND_MESSAGES_IN_THREADS)
    facts = channel_facts(bot, channel, sight, files=False, forums=True, also=also)
    # Whether that keeps the bot out is among the permissions.
    place = replace(known.place, is_locked=False)
    if not isinstance(sight, Sight):
        return replace(known, place=place, missing=sight, mentions=sight if mentions else ())
    return replace(
        known,
        place=place,
        seen=replace(known.seen, guild_name=sight.facts.name),
        missing=facts.missing,
        mentions=mention_facts(mentions, sight.roles, is_allowed=facts.mentions_all),
    )


def _webhook(wiring: Wiring, known: DestinationFacts, route: WebhookRoute, mentions: Sequence[str]) -> DestinationFacts:
    shown = route.look()
    if not isinstance(shown, WebhookInfo):
        return replace(known, trouble=trouble_in(shown))
    known = replace(
        known,
        seen=SeenFacts(clean(shown.name)),
        is_elsewhere=shown.guild_id not in (None, known.guild_id),
        channel_guild_id=shown.guild_id,
    )
    reader = None if known.is_elsewhere else wiring.reader()
    if reader is None:
        return replace(known, lacks_to_publish=None)
    members = MembersClient(reader.http)
    channel = members.channel(route.thread_id or shown.channel_id)
    # What a bot may not see it cannot judge: webhooks are used where no bot is.
    is_lost = isinstance(channel, Refused) and channel.code == UNKNOWN_CHANNEL
    if route.thread_id and is_lost:
        return replace(known, lost_thread=route.thread_id)
    if isinstance(channel, Mapping):
        if route.thread_id and id_or_none(channel.get("parent_id")) != shown.channel_id:
            return replace(known, lost_thread=route.thread_id)
        known = replace(_placed(known, channel), seen=SeenFacts(clean(shown.name), kind_of(channel)))
        if any(posting.publishes for posting in known.postings):
            known = replace(known, lacks_to_publish=_lacking_to_publish(reader, known.guild_id, channel))
    if known.unfit or all(mention in (EVERYONE, HERE) for mention in mentions):
        return replace(known, mentions=mention_facts(mentions, {}))
    roles = members.roles(known.guild_id)
    if not isinstance(roles, tuple):
        # Nor does it have to see the guild.
        return known
    return replace(known, mentions=mention_facts(mentions, {role.role_id: role for role in roles}))


def _lacking_to_publish(reader: RestClient, guild_id: int, channel: Mapping[str, Any]) -> tuple[str, ...]:
    """The permissions that the bot lacks to publish what a webhook has posted, as far as Discord shows them."""
    me = reader.me()
    if not isinstance(me, int):
        return ()
    bot = BotClient(MembersClient(reader.http), me)
    needed = (Permission.VIEW_CHANNEL, Permission.MANAGE_MESSAGES)
    facts = channel_facts(bot, channel, look_at_guild(bot, guild_id), files=False, also=needed)
    missing = () if isinstance(facts.missing, NoAnswer) else facts.missing
    return tuple(label for label in map(permission_label, needed) if label in missing)


# Judging


def judge_destination(one: DestinationFacts, now: datetime) -> Judgement | None:
    """What is wrong with a destination, None for nothing. Of several things it is the one to mend first."""
    name, subject = f"guild {one.guild_id}: {one.label}", str(one.guild_id)
    test = f"giftping guilds test {one.guild_id}"
    if one.unusable:
        return fail(f"{name}: {one.unusable}", f"set what is missing, then: {test}", subject)
    if one.trouble is not None:
        return _judge_hidden(one, one.trouble, name, test)
    if (wrong := judge_place(one)) is not None:
        return wrong
    if isinstance(one.missing, NoAnswer):
        return untold(f"{name}: what the bot may do is not to be told", one.missing, subject)
    if one.missing:
        names = ", ".join(one.missing)
        return fail(
            f"{name}: the bot lacks {names}", f"allow it there, or for its role: {names}; then: {test}", subject
        )
    if (wrong := judge_posting_at(one)) is not None:
        return wrong
    if one.broken is not None:
        mend = one.broken.meaning.said_of(one.change).mend or "mend it"
        return _judge_broken(one.broken, now, name, mend, test, subject)
    return judge_mentions(one)


def judge_place(one: DestinationFacts) -> Judgement | None:
    """Why codes for the guild do not belong there, None where they do; nobody can mend that but by another one."""
    name, subject = f"guild {one.guild_id}: {one.label}", str(one.guild_id)
    another = f"{one.change} {'--webhook URL' if one.is_webhook else '--channel ID'}"
    of = "of " if one.is_webhook else ""
    if one.unfit and one.channel_guild_id is None:
        return fail(f"{name} is {one.unfit} and in no guild", f"give it a channel of the guild: {another}", subject)
    if one.is_elsewhere:
        said = f"{name} is in guild {one.channel_guild_id}" if one.channel_guild_id else f"{name} is in no guild"
        return fail(said, f"give it one of its own: {another}", subject)
    if one.lost_thread is not None:
        said = f"{name}: thread {one.lost_thread}, which its URL names, is not in its channel"
        return fail(said, f"give it a URL with a thread of its channel, or without one: {another}", subject)
    if one.unfit:
        said = f"{name} is {of}{one.unfit}, where nobody looks for announcements"
        return fail(said, f"give it a text channel: {another}", subject)
    if one.shared_with:
        others = named([f"guild {other}" for other in one.shared_with])
        said = f"{name} is used by {others}, too: members would see each code twice"
        return fail(said, f"give each its own: {another}; or: giftping guilds remove ID", subject)
    return None


def judge_posting_at(one: DestinationFacts) -> Judgement | None:
    """What of how announcements are to be posted a destination cannot do, None where it can do all of it."""
    name = f"guild {one.guild_id}: {one.label}"
    lacks = one.lacks_to_publish
    return judge_posting(
        name, one.guild_id, one.postings, one.place, lacks, change=one.change, is_webhook=one.is_webhook
    )


def judge_mentions(one: DestinationFacts) -> Judgement | None:
    """Why a mention of a destination's announcements notifies nobody, None where all do or there is none."""
    return next(iter(judge_each_mention(one)), None)


def judge_each_mention(one: DestinationFacts) -> list[Judgement]:
    """Why each mention of a destination's announcements that notifies nobody does not."""
    if isinstance(one.mentions, NoAnswer):
        said = f"guild {one.guild_id}: {one.label}: whether the mention reaches anybody is not to be told"
        return [untold(said, one.mentions, str(one.guild_id))]
    return [_judge_mention(one, mention) for mention in one.mentions or () if not reaches(mention, one.guild_id)]


def _judge_mention(one: DestinationFacts, mention: MentionFacts) -> Judgement:
    name, subject = f"guild {one.guild_id}: {one.label}", str(one.guild_id)
    other = f"name another: {one.change} --mention ROLE"
    if mention.mention == str(one.guild_id):
        said = f"{name}: the role {mention.mention} is @everyone: its mention as a role notifies nobody"
        return warn(said, f"{one.change} --mention everyone; or {other}", subject)
    if not mention.is_known:
        said = f"{name}: the guild has no role {mention.mention}, which is to be mentioned"
        return warn(said, other, subject)
    if mention.mention in (EVERYONE, HERE):
        said = f"{name}: the mention @{mention.mention} notifies nobody: the bot may not mention everyone"
        return warn(said, f"allow the bot Mention Everyone there; or {other}", subject)
    said = f"{name}: the mention of role {mention.mention} notifies nobody: not anybody may mention it"
    allow = "let anyone mention the role, or allow the bot Mention Everyone there"
    return warn(said, f"{allow}; or {other}", subject)


def _judge_hidden(one: DestinationFacts, trouble: NoAnswer, name: str, test: str) -> Judgement:
    subject = str(one.guild_id)
    if one.is_gone and one.is_webhook:
        said = f"{name} is gone ({trouble.reason})"
        return fail(said, f"make a new one: {one.change} --webhook URL; then: {test}", subject)
    if one.is_gone:
        said = f"{name} is not there ({trouble.reason})"
        return fail(said, f"give it another: {one.change} --channel ID; then: {test}", subject)
    if one.is_hidden:
        said = f"{name}: the bot cannot see it ({trouble.reason})"
        return fail(said, f"invite the bot to the guild, and allow it View Channel there; then: {test}", subject)
    return unanswered(f"{name} was not shown", trouble, subject)


def _judge_broken(broken: BrokenFacts, now: datetime, name: str, mend: str, test: str, subject: str) -> Judgement:
    """What to say of a destination that the checks still leave alone, though no look shows why."""
    said = f"{name} has been left alone for {about(now - broken.since)}: {broken.reason}"
    if not broken.is_seen:
        return fail(said, f"{mend}, then: {test}", subject)
    if broken.retry_at is None:
        return fail(said, f"it can be seen now: {test}", subject)
    return warn(said, f"it is tried again by itself; to have it done now: {test}", subject)
