"""The form of a TODO, and the button that opens it once more with what was typed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import discord
from discord import ui

from giftping.bot import todo_embeds as embeds
from giftping.bot.answers import Interaction, acknowledge, answer, voice_of
from giftping.bot.command_runner import CommandRunner
from giftping.bot.embeds import refusal_embed
from giftping.bot.failures import tell_failure
from giftping.bot.views import Controls
from giftping.bot.voice import Voice
from giftping.settings.keys import Settings

FORM_OPEN = 12 * 3600.0
"""Seconds for which an opened form is taken; what was opened and never sent is forgotten then."""

TITLE_LENGTH = 45
"""The most characters of a form's title, and of a label (Modal)."""

DESCRIPTION_LENGTH = 100
"""The most characters of what is said below a label (Modal)."""

DATE_LENGTH = 10

NAME_LENGTH = 256
"""The most characters of a name in the form; it is shown in full."""

LIST_LENGTH = 4000
"""The most characters of a list: the most that a form's input takes (Text Input)."""


@dataclass(frozen=True, slots=True)
class FormPurpose:
    """What a form is for."""

    member: discord.User | discord.Member | None = None
    """The member that a TODO is handed in for; None for oneself."""
    file: discord.Attachment | None = None
    """The file to post along."""


HandIn = Callable[[Interaction, Mapping[str, str], FormPurpose], Awaitable[None]]


class TodoForm(ui.Modal):
    """The form of a TODO: for oneself, or for a member. It hands in once, however often it is sent."""

    def __init__(
        self,
        hand_in: HandIn,
        settings: Settings,
        purpose: FormPurpose,
        voice: Voice,
        texts: Mapping[str, str] | None = None,
    ) -> None:
        words = voice.words
        title = (
            words("bot.form.title_for", name=purpose.member.display_name) if purpose.member else words("bot.form.title")
        )
        super().__init__(title=title[:TITLE_LENGTH], timeout=FORM_OPEN)
        self._hand_in = hand_in
        self._settings = settings
        self._purpose = purpose
        self._is_taken = False
        self._entries: dict[str, ui.TextInput[Any]] = {
            "name": ui.TextInput(required=False, max_length=NAME_LENGTH),
            "date": ui.TextInput(required=False, max_length=DATE_LENGTH),
        }
        for name in embeds.LISTS:
            style = discord.TextStyle.paragraph
            self._entries[name] = ui.TextInput(style=style, required=False, max_length=LIST_LENGTH)
        described = {
            "name": words("bot.form.name_hint"),
            "date": words("bot.form.date_hint"),
            "must_do": words("bot.form.must_do_hint"),
        }
        shown = embeds.field_names(words)
        for name, entry in self._entries.items():
            entry.default = (texts or {}).get(name) or None
            hint = described[name][:DESCRIPTION_LENGTH] if name in described else None
            self.add_item(ui.Label(text=shown[name][:TITLE_LENGTH], description=hint, component=entry))

    async def on_submit(self, interaction: Interaction, /) -> None:
        """Hand in what was written."""
        await acknowledge(interaction)
        # A client that no answer has reached sends the form again, under another interaction.
        if self._is_taken:
            await answer(interaction, refusal_embed(voice_of(interaction).words("bot.form.taken")))
            return
        self._is_taken = True
        texts = {name: entry.value for name, entry in self._entries.items()}
        await self._hand_in(interaction, texts, self._purpose)

    # discord.py's forms take one argument less than its other views.
    async def on_error(self, interaction: Interaction, error: Exception, /) -> None:  # type: ignore[override]
        """Tell the member that something went wrong, where that can still be told."""
        await tell_failure(interaction, error, self._settings, "the form of a TODO", voice_of(interaction))


class CorrectionButton(Controls):
    """A button that opens the form once more, with what was typed."""

    def __init__(self, runner: CommandRunner, shown_by: Interaction, form: Callable[[], TodoForm]) -> None:
        super().__init__(runner, shown_by)
        self._form = form
        self.correct.label = voice_of(shown_by).on_button("bot.form.correct")

    @ui.button(emoji="✏️")
    async def correct(self, interaction: Interaction, _button: ui.Button[Any]) -> None:
        """Open the form with what was typed."""
        await interaction.response.send_modal(self._form())
