"""Where exactly a message goes, and what it brings along for that: a post of a forum, a webhook's name. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from giftping.codes.announcement import Announcement
from giftping.delivery.deliveries import Delivery
from giftping.discord.limits import POST_NAME_LENGTH, truncate
from giftping.discord.meanings import Meaning, meaning_in, meaning_of
from giftping.discord.message import ForumPost, Message
from giftping.store.base import Destination, Posting, PostsIn, Subscription
from giftping.text import in_code_marks

if TYPE_CHECKING:
    from giftping.codes.model import Code
    from giftping.settings.catalogue import Game
    from giftping.words.catalogue import Words


def next_place(subscription: Subscription) -> Destination:
    """Where its next message goes: the destination, the post that is kept up there, or a post of its own."""
    posts, destination = subscription.posting.posts, subscription.destination
    if posts is None:
        return destination
    if posts is PostsIn.KEPT and subscription.kept_post is not None:
        return replace(destination, thread_id=subscription.kept_post)
    return replace(destination, opens_post=True)


def channel_in(place: Destination) -> int | None:
    """The channel, or the thread, that a message goes to; None where only Discord knows it, as a webhook's."""
    return place.thread_id or place.channel_id


def by_bot(delivery: Delivery) -> Destination:
    """Where a delivery of the bot's goes, or went."""
    return Destination(channel_id=delivery.channel_id, opens_post=delivery.opens_post)


def by_webhook(destination: Destination, delivery: Delivery) -> Destination:
    """Where a delivery goes, or went, through the webhook of a destination."""
    return replace(destination, thread_id=delivery.channel_id, opens_post=delivery.opens_post)


def meaning_there(subscription: Subscription, status: int | None, code: int | None) -> Meaning:
    """What a no means that was said to an announcement of a subscription."""
    return meaning_of(status, code, **_of_place(subscription))


def meaning_told(subscription: Subscription, reason: str) -> Meaning:
    """The same of a no of which the reason alone is on record."""
    return meaning_in(reason, **_of_place(subscription))


def _of_place(subscription: Subscription) -> dict[str, bool]:
    is_kept = subscription.posting.posts is PostsIn.KEPT
    return {"by_webhook": subscription.destination.by_webhook, "of_post": is_kept}


def dressed(subscription: Subscription, announcement: Announcement) -> Announcement:
    """The announcement with what its destination asks for: the post that it may open, a webhook's name and picture."""
    posting, message, look = subscription.posting, announcement.message, announcement.look
    post = None
    if posting.posts is not None:
        is_kept = posting.posts is PostsIn.KEPT
        name = _kept_name(look.game, look.words) if is_kept else _own_name(look.game, announcement.codes)
        post = _post(posting, name)
    return replace(announcement, message=sent_by(subscription, replace(message, post=post)))


def dressed_sample(subscription: Subscription, message: Message, words: Words) -> Message:
    """The message of a test with the same; in a forum it opens a post of its own, also where one is kept up."""
    posting = subscription.posting
    # Nobody who reads the one that is kept up has to read it.
    post = None if posting.posts is None else _post(posting, words("test.title"))
    return sent_by(subscription, replace(message, post=post))


def sent_by(subscription: Subscription, message: Message) -> Message:
    """The message under the name and the picture that a webhook is to have; the bot has its own."""
    posting = subscription.posting
    if not subscription.destination.webhook:
        return message
    return replace(message, username=posting.username, avatar_url=posting.avatar_url)


def _post(posting: Posting, name: str) -> ForumPost:
    # Phrases of one's own may be longer than Discord takes here.
    return ForumPost(truncate(name, POST_NAME_LENGTH), posting.tags)


def _kept_name(game: Game, words: Words) -> str:
    return words.counted("edited.title", 2, game=game.title)


def _own_name(game: Game, codes: Sequence[Code]) -> str:
    spelled = ", ".join(in_code_marks(code.spelling) for code in codes)
    return f"{truncate(game.title, 50)}: {spelled}"
