"""The form of a TODO. Whose it is stands in its id; what was typed, and the file, are kept while the bot runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import discord
from discord import ui

from giftping.bot import todo_embeds as embeds
from giftping.bot.controls import Shown, control_id
from giftping.bot.voice import Voice
from giftping.discord.snowflake import snowflake_time

FORM_OPEN = timedelta(hours=12)
"""How long a draft is kept; what was opened and never sent is forgotten then."""

TITLE_LENGTH = 45
"""The most characters of a form's title, and of a label (Modal)."""

DESCRIPTION_LENGTH = 100
"""The most characters of what is said below a label (Modal)."""

DATE_LENGTH = 10

NAME_LENGTH = 256
"""The most characters of a name in the form; it is shown in full."""

LIST_LENGTH = 4000
"""The most characters of a list: the most that a form's input takes (Text Input)."""

FORM, CORRECT = "form", "correct"
"""The names of the form, and of the button that opens it once more with what was typed."""


@dataclass(frozen=True, slots=True)
class FormPurpose:
    """What a form is for."""

    member_id: int | None = None
    """The member that a TODO is handed in for; None for oneself."""
    member_name: str = ""
    """What that member is called, as far as it is known."""
    file: discord.Attachment | None = None
    """The file to post along."""


@dataclass(slots=True)
class Draft:
    """One form, from when it is opened or has to be corrected until it is handed in."""

    purpose: FormPurpose
    texts: Mapping[str, str] = field(default_factory=dict)
    """What was typed."""
    is_taken: bool = False
    """Whether it was sent: a client that no answer has reached sends it again."""
    is_file_lost: bool = False
    """Whether there was a file, which the bot of before had."""


class Drafts:
    """The drafts of half a day, by the id of the interaction that they came from."""

    def __init__(self) -> None:
        self._drafts: dict[int, Draft] = {}

    def keep(self, number: int, draft: Draft) -> Draft:
        """Keep a draft, and return it."""
        now = snowflake_time(number)
        for old in list(self._older(now)):
            del self._drafts[old]
        self._drafts[number] = draft
        return draft

    def get(self, number: int) -> Draft | None:
        """A draft; None for one that another bot has kept, or nobody any more."""
        return self._drafts.get(number)

    def _older(self, now: datetime) -> Iterator[int]:
        for number in self._drafts:
            if now - snowflake_time(number) < FORM_OPEN:
                return
            yield number


class TodoForm(ui.Modal):
    """The form of a TODO: for oneself, or for a member."""

    def __init__(self, number: int, draft: Draft, voice: Voice) -> None:
        words, purpose = voice.words, draft.purpose
        title = (
            words("bot.form.title_for", name=purpose.member_name) if purpose.member_name else words("bot.form.title")
        )
        id_ = control_id(FORM, purpose.member_id or 0, number, int(purpose.file is not None))
        super().__init__(title=title[:TITLE_LENGTH], custom_id=id_)
        entries: dict[str, ui.TextInput[Any]] = {
            "name": ui.TextInput(custom_id="name", required=False, max_length=NAME_LENGTH),
            "date": ui.TextInput(custom_id="date", required=False, max_length=DATE_LENGTH),
        }
        for name in embeds.LISTS:
            style = discord.TextStyle.paragraph
            entries[name] = ui.TextInput(custom_id=name, style=style, required=False, max_length=LIST_LENGTH)
        described = {
            "name": words("bot.form.name_hint"),
            "date": words("bot.form.date_hint"),
            "must_do": words("bot.form.must_do_hint"),
        }
        shown = embeds.field_names(words)
        for name, entry in entries.items():
            entry.default = draft.texts.get(name, "")[: entry.max_length] or None
            hint = described[name][:DESCRIPTION_LENGTH] if name in described else None
            self.add_item(ui.Label(text=shown[name][:TITLE_LENGTH], description=hint, component=entry))
        # The library would keep it, and answer by itself what is answered by id.
        self.stop()


def correction(number: int, draft: Draft, voice: Voice) -> Shown:
    """A button that opens the form once more, with what was typed."""
    id_ = control_id(CORRECT, draft.purpose.member_id or 0, number)
    return Shown(ui.Button(label=voice.on_button("bot.form.correct"), emoji="✏️", custom_id=id_))
