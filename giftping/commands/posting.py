"""What `guilds add` is asked for of how messages are posted: posts of a forum, publishing, a webhook's name. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from giftping.discord.limits import POST_TAGS, URL_LENGTH, USERNAME_LENGTH, text_length
from giftping.doctor.posting import fitting, tag_ids
from giftping.errors import UsageError
from giftping.settings.problems import nearest
from giftping.store.base import ChannelKind, Destination, Posting, PostsIn, Subscription
from giftping.text import counted

NO_POSTS = "none"
"""What `--posts` says where messages need no post."""

NOT_IN_NAMES = ("discord", "clyde")
"""What Discord has in no webhook's name (Webhook Resource, Create Webhook)."""


@dataclass(frozen=True, slots=True)
class PostingRequest:
    """How messages are to be posted; None and () leave what is known as it is."""

    posts: str | None = None
    """One of PostsIn, or NO_POSTS."""
    tags: tuple[str, ...] = ()
    """Names or ids."""
    no_tags: bool = False
    """Whether the tags are taken away."""
    publishes: bool | None = None
    username: str | None = None
    """An empty one is taken away; so is an empty picture."""
    avatar_url: str | None = None
    kind: ChannelKind | None = None
    """What the channel is, where that is known."""

    @property
    def is_of_channel(self) -> bool:
        """Whether it asks for anything that not every channel can do."""
        return bool(self.tags or self.publishes or self.posts)


NOTHING_ASKED = PostingRequest()
"""That it stays as it is."""


def checked_posting(request: PostingRequest, destinations: Iterable[Destination]) -> PostingRequest:
    """The request. Raise UsageError where Discord would not take it, whatever the channel is."""
    if request.posts not in (None, NO_POSTS, *PostsIn):
        raise UsageError(
            f"--posts {request.posts!r}; {nearest(request.posts or '', (*(one.value for one in PostsIn), NO_POSTS))}"
        )
    if request.tags and request.no_tags:
        raise UsageError("--tag and --no-tag contradict each other")
    if len(request.tags) > POST_TAGS:
        raise UsageError(f"--tag: a post has at most {counted(POST_TAGS, 'tag')}, not {len(request.tags)}")
    if (request.username or request.avatar_url) and any(not one.webhook for one in destinations):
        raise UsageError("--username and --avatar are for webhooks: a bot posts under its own name")
    _check_username(request.username or "")
    _check_avatar(request.avatar_url or "")
    return request


def _check_username(name: str) -> None:
    if text_length(name) > USERNAME_LENGTH:
        raise UsageError(f"--username has {counted(text_length(name), 'character')}, at most {USERNAME_LENGTH}")
    if name and not name.strip():
        raise UsageError("--username is blank")
    for word in NOT_IN_NAMES:
        if word in name.casefold():
            raise UsageError(f"--username {name!r}: Discord takes no name with {word!r} in it")


def _check_avatar(url: str) -> None:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise UsageError(f"--avatar {url!r} is not a URL") from None
    if url and (parts.scheme not in ("http", "https") or not parts.netloc or any(map(str.isspace, url))):
        raise UsageError(f"--avatar {url!r} is not an http or https URL")
    if len(url) > URL_LENGTH:
        raise UsageError(f"--avatar has {counted(len(url), 'character')}, at most {URL_LENGTH}")


def with_tag_ids(request: PostingRequest, tags: Mapping[str, str] | None) -> PostingRequest:
    """The request with the ids of its tags; `tags` are those of the forum, None where nobody sees them.

    Raise UsageError for one that the forum does not have.
    """
    try:
        return replace(request, tags=tag_ids(request.tags, tags))
    except LookupError as error:
        tag = str(error.args[0])
    if tags is None:
        raise UsageError(f"--tag {tag!r}: no bot sees the forum's tags; give the tag's id")
    raise UsageError(f"--tag {tag!r}: {nearest(tag, tags.values(), otherwise='the forum has')}")


def posting_after(request: PostingRequest, known: Posting, *, is_moved: bool) -> Posting:
    """How messages are posted after a request; at another destination what was of the channel begins anew."""
    if is_moved:
        known = Posting(username=known.username, avatar_url=known.avatar_url)
    asked = replace(
        known,
        kind=request.kind or known.kind,
        posts=known.posts if request.posts in (None, NO_POSTS) else PostsIn(request.posts),
        tags=() if request.no_tags else request.tags or known.tags,
        publishes=known.publishes if request.publishes is None else request.publishes,
        username=known.username if request.username is None else request.username.strip(),
        avatar_url=known.avatar_url if request.avatar_url is None else request.avatar_url,
    )
    return replace(asked, posts=None, tags=()) if request.posts == NO_POSTS else fitting(asked, asked.kind)


def with_posting(one: Subscription, posting: Posting, *, is_moved: bool) -> Subscription:
    """A subscription that posts so; a post that was kept up elsewhere, or is not kept up any more, is left alone."""
    is_kept = posting.posts is PostsIn.KEPT and not is_moved
    return replace(one, posting=posting, kept_post=one.kept_post if is_kept else None)


def posting_words(posting: Posting) -> str:
    """How messages are posted, for people; empty where nothing is said that is not so anyway."""
    posts = {PostsIn.PER_ANNOUNCEMENT: "each in a post of its own", PostsIn.KEPT: "all in one post"}
    return ", ".join(
        filter(
            None,
            (
                posts[posting.posts] if posting.posts else "",
                f"with {counted(len(posting.tags), 'tag')}" if posting.tags else "",
                "published" if posting.publishes else "",
                f"as {posting.username}" if posting.username else "",
            ),
        )
    )
