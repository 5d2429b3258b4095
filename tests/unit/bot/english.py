"""What the bot says in English, for tests that compare its answers."""

from __future__ import annotations

from giftping.bot.failures import Told, failure_text
from giftping.bot.todo_embeds import field_names
from giftping.bot.voice import voice_for

ENGLISH = voice_for("en", "en-US", {})
SAID = ENGLISH.words
FIELDS = field_names(SAID)
PERHAPS = f"{SAID('bot.todo.perhaps', command='`/listtodo`')} {SAID('bot.todo.perhaps_why')}"
NOT_LISTED = failure_text(Told.NOT_LISTED, ENGLISH)
