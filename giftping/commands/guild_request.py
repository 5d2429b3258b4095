"""What `giftping guilds add` is asked for: read from what somebody typed, and refused where it cannot be."""

from __future__ import annotations

from dataclasses import dataclass, replace

from giftping.commands.posting import NOTHING_ASKED, PostingRequest
from giftping.commands.session import Session
from giftping.doctor.one_destination import SeenFacts
from giftping.errors import UsageError
from giftping.settings.problems import nearest
from giftping.store.base import EVERYONE, HERE, Style
from giftping.store.documents import style_from
from giftping.text import id_or_none


@dataclass(frozen=True, slots=True)
class GuildRequest:
    """What `guilds add` was asked for; None and () leave what is known as it is."""

    guild_id: int
    webhook: str | None = None
    """A reference (env:NAME, file:PATH), or the URL itself."""
    channel_id: int | None = None
    games: tuple[str, ...] = ()
    """The subscriptions that it is about; () for all that the guild has."""
    mentions: tuple[str, ...] = ()
    """The ids of roles, "everyone" and "here"."""
    announce_current: bool = False
    """Whether what the sources list now goes out as well, instead of being recorded as there already."""
    mentions_nobody: bool = False
    """Whether whom it mentioned so far is taken away."""
    records_current: bool = False
    """Whether `announce_current` is taken back, as long as no check has gone by it."""
    label: str | None = None
    """What people call the guild; an empty one is taken away."""
    language: str | None = None
    """The language of what its members see; an empty one is that of the settings."""
    seen: SeenFacts | None = None
    """What Discord calls the destination and its guild, where that is known without asking."""
    style: Style | None = None
    """How its announcements are to look."""
    posting: PostingRequest = NOTHING_ASKED
    """How messages are to be posted there."""
    is_checked: bool = True
    """Whether Discord is asked what a new destination, and whom it mentions, is before that is taken."""

    @property
    def is_of_games(self) -> bool:
        """Whether it changes anything of what is announced, and not of the guild alone."""
        of_guild = GuildRequest(self.guild_id, games=self.games, label=self.label, language=self.language)
        return replace(self, seen=None, is_checked=True) != of_guild


def as_known(session: Session, request: GuildRequest) -> GuildRequest:
    """The request, with its words as the settings have them. Raise UsageError for what there is not, or cannot be."""
    for game in request.games:
        session.check_game(game)
    _check_mentions(request)
    return replace(request, language=_known_language(session, request.language)) if request.language else request


def _check_mentions(request: GuildRequest) -> None:
    from giftping.codes.look import MENTIONED

    if request.mentions_nobody and request.mentions:
        raise UsageError("--mention and --no-mention contradict each other")
    if str(request.guild_id) in request.mentions:
        raise UsageError(f"--mention {request.guild_id} is the guild's @everyone: write --mention everyone")
    if len(request.mentions) > MENTIONED:
        raise UsageError(f"--mention: a message has room for {MENTIONED}, and these are {len(request.mentions)}")


def _known_language(session: Session, typed: str) -> str:
    from giftping.words.catalogue import languages

    known = {*languages(), *session.settings.words}
    if (language := typed.strip().lower()) not in known:
        raise UsageError(f"unknown language {typed!r}; {nearest(language, known, otherwise='one of')}")
    return language


def style_named(text: str) -> Style:
    """The style that somebody typed. Raise UsageError for one that there is not."""
    if (style := style_from(text.strip().lower())) is None:
        raise UsageError(f"unknown style {text!r}; {nearest(text, [one.value for one in Style], otherwise='one of')}")
    return style


def mention_from(text: str) -> str:
    """The mention that somebody typed: a role, by its id or as copied, or everybody. Raise UsageError for none."""
    mention = text.strip().removeprefix("<@&").removesuffix(">").removeprefix("@").lower()
    if mention in (EVERYONE, HERE) or id_or_none(mention) is not None:
        return mention
    raise UsageError(f"--mention {text!r}: give a role's id, everyone or here")
