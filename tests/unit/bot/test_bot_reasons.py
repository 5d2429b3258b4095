"""Why something is not done, in the guild's language: each reason that there is, as the bot's answers show it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, timedelta

import discord
import pytest
from fakes.records import NOON
from hypothesis import given
from hypothesis import strategies as st

from giftping.bot import code_embeds, todo_embeds
from giftping.bot.command_runner import CommandResult
from giftping.bot.failures import failure_of
from giftping.bot.voice import Voice, voice_for
from giftping.codes.guards.refusals import never_reason, reason_in_writing
from giftping.commands.pause import END
from giftping.discord import meanings
from giftping.discord.meanings import Meaning
from giftping.errors import EXIT_USAGE, UsageError
from giftping.output.member_lines import pause_span
from giftping.text import discord_time
from giftping.todo.model import Pause
from giftping.todo.validation import shown_member
from giftping.words.catalogue import HOME_LANGUAGE, languages, phrases_of, placeholders
from giftping.words.said import Said

VOICES = {language: voice_for(language, "en-US", {}) for language in languages()}
ABROAD = [language for language in VOICES if language != HOME_LANGUAGE]


def every_meaning() -> dict[str, Meaning]:
    """Return what Discord's noes mean, one for each thing that has to be mended."""
    tables = [vars(meanings), *(one for one in vars(meanings).values() if isinstance(one, dict))]
    found = [one for table in tables for one in table.values() if isinstance(one, Meaning)]
    return {one.phrase: one for one in found if one.phrase}


def is_said_abroad(phrase: str, shown: Mapping[str, str]) -> bool:
    """Whether each language says a reason in words of its own, with what belongs to it put in."""
    return len(set(shown.values())) == len(VOICES) and not any("{" in text or phrase in text for text in shown.values())


@pytest.mark.parametrize("phrase", every_meaning())
def test_what_has_to_be_mended_at_a_channel_is_said_in_the_guilds_language(phrase: str) -> None:
    mend = every_meaning()[phrase].mend
    shown = {language: _broken_panel(mend, voice) for language, voice in VOICES.items()}
    assert is_said_abroad(phrase, shown)
    assert all(mend not in shown[language] for language in ABROAD)
    if phrase != "mend.token":
        assert all("giftping" not in text for text in shown.values()), "a member in Discord has no command line"


def _broken_panel(mend: str, voice: Voice) -> str:
    """Return what the panel of a guild says of its channel, which has something to mend."""
    broken = {"reason": "HTTP 400", "since": "2026-02-01T12:00:00+00:00", "mend": mend}
    known = {
        "subscriptions": [
            {
                "game": "g",
                "destination": "channel 1",
                "mentions": [],
                "announce_current": False,
                "seeded": [],
                "broken": broken,
            }
        ]
    }
    panel = code_embeds.panel(known, {}, voice.words, was_on=False)
    title = voice.words("bot.panel.broken")
    (field,) = [field.value for field in panel.fields if field.name == title]
    return str(field)


REFUSALS = [name for name in phrases_of(HOME_LANGUAGE) if name.startswith(("no_code.", "todo.pause.", "todo.wrong."))]


@pytest.mark.parametrize("refusal", [code_embeds.code_refusal, todo_embeds.todo_refusal])
@pytest.mark.parametrize("phrase", REFUSALS)
def test_why_something_is_refused_is_said_in_the_guilds_language(
    phrase: str, refusal: Callable[[CommandResult, Voice], discord.Embed]
) -> None:
    names = placeholders(phrases_of(HOME_LANGUAGE)[phrase])
    # A secret in what was typed is taken out on the way, and the reason stays one of all languages.
    said = Said(phrase, **dict.fromkeys(names, "s3cret"))
    failure = failure_of(UsageError(said), lambda text: text.replace("s3cret", "***"))
    result = CommandResult(refusal=failure.refusal, exit_code=failure.exit_code, told=failure.told)
    shown = {language: str(refusal(result, voice).description) for language, voice in VOICES.items()}
    assert is_said_abroad(phrase, shown)
    assert not any("s3cret" in text for text in shown.values())


@given(st.text(max_size=45), st.sampled_from(["", r"[A-Z]{6}"]))
def test_why_a_text_is_no_code_can_be_said_in_every_language(spelling: str, pattern: str) -> None:
    reason = reason_in_writing(spelling, pattern) or never_reason(spelling)
    assert isinstance(reason, Said) or not reason


def test_what_is_shown_otherwise_in_discord_is_shown_so_within_a_reason() -> None:
    pause = Pause("p", NOON, NOON + timedelta(days=2))
    reason = Said("todo.pause.there", who=shown_member(7, "Asha"), pause=pause_span(pause, UTC), reason="", option=END)
    assert reason == "Asha is paused already from 2026-05-04 12:00 UTC until 2026-05-06 12:00 UTC; --end ends that"
    shown = todo_embeds.todo_refusal(CommandResult(refusal=reason, exit_code=EXIT_USAGE), VOICES["de"])
    start, end = discord_time(NOON), discord_time(NOON + timedelta(days=2))
    assert shown.description == f"<@7> hat schon Pause von {start} bis {end}; „beenden“ beendet sie"


@pytest.mark.parametrize("phrase", [name for name in phrases_of(HOME_LANGUAGE) if name.startswith("todo.why.")])
def test_why_a_member_stands_as_they_do_is_said_in_the_guilds_language(phrase: str) -> None:
    why = Said(phrase, **dict.fromkeys(placeholders(phrases_of(HOME_LANGUAGE)[phrase]), "1 d"))
    times = dict.fromkeys(("last_submit", "next_ping", "role_taken_at", "role_off_at", "dms_closed_at", "streak"))
    result = CommandResult(value={"members": [{**times, "due": {"why": why}}]})
    shown = {}
    for language, voice in VOICES.items():
        fields = todo_embeds.status_of(result, 7, voice).fields
        (shown[language],) = [str(one.value) for one in fields if one.name == voice.words("bot.status.why")]
    assert is_said_abroad(phrase, shown)


@pytest.mark.parametrize("phrase", [name for name in phrases_of(HOME_LANGUAGE) if name.startswith("todo.trouble.")])
def test_what_went_wrong_with_a_todo_besides_is_said_in_the_guilds_language(phrase: str) -> None:
    trouble = Said(phrase, **dict.fromkeys(placeholders(phrases_of(HOME_LANGUAGE)[phrase]), "x1"))
    result = CommandResult(value={"deleted": True}, trouble=(trouble,))
    shown = {language: str(todo_embeds.deleted(result, voice).fields[0].value) for language, voice in VOICES.items()}
    assert is_said_abroad(phrase, shown)
