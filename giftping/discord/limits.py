"""Discord's limits on messages: the numbers, how it counts, and what keeps a text within them.

Sources: Discord's documents, Resources > Channel/Message > Embed Limits, Create Message and Allowed Mentions,
Reference > Uploading Files, and the `maxLength`/`maxItems` of its OpenAPI description. Where the two differ
the smaller number is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from giftping.discord.message import Embed, LinkButton, Message, Upload
from giftping.text import counted, escape_markdown, look_alike

CONTENT_LENGTH = 2000
"""A message's content. Documents: 2000 on both routes; the OpenAPI description allows a bot 4000."""

EMBEDS = 10
"""Embeds of one message."""

MESSAGE_EMBEDS_LENGTH = 6000
"""Titles, descriptions, authors, field names and values, and footers of all embeds of one message together."""

TITLE_LENGTH = 256
DESCRIPTION_LENGTH = 4096
FIELDS = 25
FIELD_NAME_LENGTH = 256
FIELD_VALUE_LENGTH = 1024
FOOTER_LENGTH = 2048
AUTHOR_LENGTH = 256
"""The parts of one embed (Embed Limits)."""

URL_LENGTH = 2048
"""The address of an image (OpenAPI)."""

ATTACHMENT = "attachment://"
"""How the address of an image begins that is a file of the same message (Uploading Files)."""

POST_NAME_LENGTH = 100
"""The name of a forum's post (OpenAPI)."""

POST_TAGS = 5
"""The tags of one post (OpenAPI)."""

USERNAME_LENGTH = 80
"""The name that a webhook posts under (OpenAPI)."""

COLOR = 0xFFFFFF
"""The largest colour (OpenAPI)."""

MENTIONS = 100
"""Roles, and likewise users, that one allowed-mentions object may name (Allowed Mentions)."""

FILES = 10
"""Files of one message (OpenAPI, `attachments` and `files[n]`)."""

FILES_BYTES = 10 * 1024 * 1024
"""What Discord takes where nobody has paid for more (Uploading Files); counted here for all files of a message."""

BUTTONS = 25
"""Buttons of one message: five rows of five (Component Reference, Action Row)."""

BUTTON_LABEL_LENGTH = 80
BUTTON_URL_LENGTH = 512
"""What a button shows, and where it leads (Component Reference, Button)."""

NONCE_LENGTH = 25
"""A nonce given as a string (Create Message)."""

ELLIPSIS = "…"
ZERO_WIDTH_JOINER = "\u200d"

_VIRAMA = 9
"""The combining class of the signs by which Indic letters join the next one."""

_FLAG = re.compile("[\U0001f1e6-\U0001f1ff]")
_FLAGS_AT_END = re.compile("[\U0001f1e6-\U0001f1ff]+$")
_SYLLABLE = re.compile("[\u1100-\u11ff\ua960-\ua97f\uac00-\ud7ff]")
_SYLLABLE_GOES_ON = re.compile("[\u1160-\u11ff\ud7b0-\ud7ff]")
_CONTINUES = re.compile("[\u0300-\u036f\u200d\u20d0-\u20ff\ufe00-\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]")


def text_length(text: str) -> int:
    """A text's length in UTF-16 code units, without the blanks around it.

    Discord measures embeds after trimming (Embed Limits). Its staff says that it counts code points
    (discord-api-docs #1315), its clients count UTF-16 code units. Units are never fewer than code points,
    so that a text within a limit by this count is within it by either.
    """
    trimmed = text.strip()
    return len(trimmed) + (0 if trimmed.isascii() else sum(character > "\uffff" for character in trimmed))


def message_length(message: Message) -> int:
    """What counts against MESSAGE_EMBEDS_LENGTH: the texts of all embeds, without the content."""
    return sum(embed_length(embed) for embed in message.embeds)


def embed_length(embed: Embed) -> int:
    """What one embed adds to `message_length`."""
    texts = [embed.title, embed.description, embed.author, embed.footer]
    for field in embed.fields:
        texts += [field.name, field.value]
    return sum(map(text_length, texts))


def violations(message: Message) -> list[str]:
    """Every reason, in words, for which Discord would refuse the message; none for one that it takes."""
    return [
        *_message_violations(message),
        *_mention_violations(message),
        *_file_violations(message.files),
        *_all_embed_violations(message),
        *_button_violations(message.buttons),
        *(violations(message.without_buttons) if message.without_buttons else ()),
    ]


def _message_violations(message: Message) -> Iterator[str]:
    if not message.embeds and not message.content.strip() and not message.files:
        yield "the message is empty"
    yield from _too_long("content", message.content, CONTENT_LENGTH)
    if len(message.embeds) > EMBEDS:
        yield f"{len(message.embeds)} embeds, at most {EMBEDS}"
    yield from _too_long("username", message.username, USERNAME_LENGTH)
    yield from _too_long("avatar", message.avatar_url, URL_LENGTH)
    if message.post is not None:
        if not message.post.name.strip():
            yield "the post has no name"
        yield from _too_long("the post's name", message.post.name, POST_NAME_LENGTH)
        if len(message.post.tags) > POST_TAGS:
            yield f"{len(message.post.tags)} tags, at most {POST_TAGS}"
    if (length := message_length(message)) > MESSAGE_EMBEDS_LENGTH:
        yield f"the embeds together have {counted(length, 'character')}, at most {MESSAGE_EMBEDS_LENGTH}"


def _mention_violations(message: Message) -> Iterator[str]:
    for what, ids in (("roles", message.mention_roles), ("users", message.mention_users)):
        if len(set(ids)) > MENTIONS:
            yield f"{len(set(ids))} mentioned {what}, at most {MENTIONS}"


def _file_violations(files: tuple[Upload, ...]) -> Iterator[str]:
    if len(files) > FILES:
        yield f"{len(files)} files, at most {FILES}"
    if (size := sum(len(file.content) for file in files)) > FILES_BYTES:
        yield f"the files together have {size} bytes, at most {FILES_BYTES}"
    for number, file in enumerate(files, 1):
        if not file.filename.strip():
            yield f"file {number}: it has no name"


def _button_violations(buttons: tuple[LinkButton, ...]) -> Iterator[str]:
    if len(buttons) > BUTTONS:
        yield f"{len(buttons)} buttons, at most {BUTTONS}"
    for number, button in enumerate(buttons, 1):
        if not button.label.strip():
            yield f"button {number}: the label is empty"
        yield from _too_long(f"button {number}: label", button.label, BUTTON_LABEL_LENGTH)
        yield from _too_long(f"button {number}: url", button.url, BUTTON_URL_LENGTH)
        if not button.url.startswith(("https://", "http://")):
            yield f"button {number}: it leads to nothing that Discord takes"


def _all_embed_violations(message: Message) -> Iterator[str]:
    filenames = {file.filename for file in message.files}
    for number, embed in enumerate(message.embeds, 1):
        pictures = (("image", embed.image), ("thumbnail", embed.thumbnail))
        found = (
            *_embed_violations(embed),
            *(wrong for what, address in pictures for wrong in _picture_violations(what, address, filenames)),
        )
        yield from (f"embed {number}: {violation}" for violation in found)


def _picture_violations(what: str, address: str, filenames: set[str]) -> Iterator[str]:
    yield from _too_long(what, address, URL_LENGTH)
    if address.startswith(ATTACHMENT):
        if address.removeprefix(ATTACHMENT) not in filenames:
            yield f"{what} names a file that the message does not bring"
    elif address and not address.startswith(("https://", "http://")):
        yield f"{what} is not a URL that Discord takes"


def _embed_violations(embed: Embed) -> Iterator[str]:
    if not embed_length(embed) and not embed.image and not embed.thumbnail:
        yield "it is empty"
    if not 0 <= embed.color <= COLOR:
        yield f"color {embed.color:#x} is outside 0…{COLOR:#x}"
    yield from _too_long("title", embed.title, TITLE_LENGTH)
    yield from _too_long("description", embed.description, DESCRIPTION_LENGTH)
    yield from _too_long("author", embed.author, AUTHOR_LENGTH)
    yield from _too_long("footer", embed.footer, FOOTER_LENGTH)
    if embed.timestamp is not None and embed.timestamp.utcoffset() is None:
        yield "the timestamp has no offset"
    if len(embed.fields) > FIELDS:
        yield f"{len(embed.fields)} fields, at most {FIELDS}"
    for number, field in enumerate(embed.fields, 1):
        for part, text, limit in (("name", field.name, FIELD_NAME_LENGTH), ("value", field.value, FIELD_VALUE_LENGTH)):
            if not text.strip():
                yield f"field {number}: the {part} is empty"
            yield from _too_long(f"field {number}: {part}", text, limit)


def _too_long(what: str, text: str, limit: int) -> Iterator[str]:
    if (length := text_length(text)) > limit:
        yield f"{what} has {counted(length, 'character')}, at most {limit}"


def truncate(text: str, limit: int) -> str:
    """The trimmed text, cut to `limit` by `text_length`, with an ellipsis where something was cut.

    Whole characters are kept: neither accents, joined emoji and the like nor escaped characters are split.
    Raise ValueError when `limit` leaves no room for the ellipsis.
    """
    if limit < len(ELLIPSIS):
        msg = f"a limit of {limit} has no room for an ellipsis"
        raise ValueError(msg)
    trimmed = text.strip()
    if text_length(trimmed) <= limit:
        return trimmed
    return trimmed[: room_for(trimmed, limit - len(ELLIPSIS))].rstrip() + ELLIPSIS


def room_for(text: str, limit: int) -> int:
    """How much of a text, which is longer than the limit by `text_length`, has room within it, in whole characters.

    A single one that is longer than the limit, such as a letter with a thousand accents, is cut all the same.
    """
    end = taken = 0
    for end, character in enumerate(text):  # noqa: B007 - the index is read after the loop
        taken += 2 if character > "\uffff" else 1
        if taken > limit:
            break
    whole = _whole(text, end)
    # A backslash without what it escapes would escape what comes behind it.
    return whole if whole or text[:end].endswith("\\") else end


def shown_whole(text: str, limit: int) -> str:
    """A text that Discord shows letter by letter, within a limit: nothing is lost where its escapes would not fit."""
    escaped = escape_markdown(text)
    return escaped if text_length(escaped) <= limit else truncate(look_alike(text), limit)


def _whole(text: str, end: int) -> int:
    """The last place at or before `end` where the text may be cut between whole characters."""
    while end and _is_within_character(text, end):
        end -= 1
    before = text[:end]
    if (len(before) - len(before.rstrip("\\"))) % 2:
        end -= 1
    return end


def _is_within_character(text: str, at: int) -> bool:
    """Whether the place lies within what is seen as one character: accents, joined emoji, flags, syllables."""
    # Only what is too long is cut, so that only then the tables are loaded.
    from unicodedata import category, combining

    before, after = text[at - 1], text[at]
    if before == ZERO_WIDTH_JOINER or _CONTINUES.match(after) or category(after) in ("Mn", "Mc", "Me"):
        return True
    # The second half of a flag; the vowel and the end of a Korean syllable; what an Indic sign joins to the one before.
    if _FLAG.match(before) and _FLAG.match(after):
        flags = len(text[:at]) - len(_FLAGS_AT_END.sub("", text[:at]))
        return flags % 2 == 1
    return bool(_SYLLABLE.match(before) and _SYLLABLE_GOES_ON.match(after)) or (
        combining(before) == _VIRAMA and category(after) == "Lo"
    )
