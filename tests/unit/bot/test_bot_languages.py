"""In which language the bot answers, and what Discord is told that its commands are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any

import discord
import pytest
from bot_stage import GUILD, TABLES, Stage, said, text_of
from english import ENGLISH
from fakes.openapi import ABSENT, discord_openapi
from fakes.records import NOON
from simcord.actors import MemberActor
from todo_guild import TodoGuild

from giftping.bot import code_embeds, embeds, todo_embeds
from giftping.bot.answers import voice_of
from giftping.bot.app import GiftpingBot
from giftping.bot.code_commands import reset_question
from giftping.bot.command_names import CommandTranslator
from giftping.bot.command_runner import CommandResult, CommandRunner
from giftping.bot.controls import Shown, pages_shown
from giftping.bot.settings_panel import PLACEHOLDER_LENGTH, Panel, SettingsPanel
from giftping.bot.todo_form import Draft, FormPurpose, correction
from giftping.bot.voice import language_of, voice_for
from giftping.discord.limits import BUTTON_LABEL_LENGTH
from giftping.store.base import Guild
from giftping.text import unlinked
from giftping.todo.model import Member
from giftping.todo.validation import SubmissionError, TodoDraft, not_listed, validated
from giftping.words.catalogue import COMMANDS, HOME_LANGUAGE, LONGEST_PHRASE, languages, phrases_of, words_of

NAMES = [name for name in phrases_of(HOME_LANGUAGE) if name.startswith(COMMANDS)]
LOCALES = {"de": ["de"], "es": ["es-ES", "es-419"]}


def bot_of(stage: Stage) -> GiftpingBot:
    assert isinstance(stage.env.bot, GiftpingBot)
    return stage.env.bot


def speak(stage: Stage, language: str, guild_id: int = GUILD) -> None:
    with stage.store() as store:
        store.change_guild(guild_id, lambda _: Guild(guild_id, language=language), discord.utils.utcnow())


@pytest.fixture
def ben(stage: Stage) -> MemberActor:
    """A member like any other."""
    return stage.add_member("ben")


# Answers


async def test_the_bot_answers_in_the_guilds_language_from_the_first_answer_on(stage: Stage, ben: MemberActor) -> None:
    speak(stage, "de")
    await stage.restart(TABLES)
    assert bot_of(stage).runner.voice(GUILD, "en-US").words.language == "de"
    assert words_of("de")("bot.codes.none_active") in said(await ben.slash(stage.channel, "giftcode"))


async def test_another_language_is_spoken_once_the_store_has_it(stage: Stage, ben: MemberActor) -> None:
    for language in ("es", "de"):
        speak(stage, language)
        assert words_of(language)("bot.codes.none_active") in said(await ben.slash(stage.channel, "giftcode"))


async def test_a_guild_without_one_is_answered_in_that_of_the_settings_and_in_ones_own_words(
    stage: Stage, ben: MemberActor
) -> None:
    await stage.restart(f'language = "es"\n{TABLES}\n[words.es.bot.codes]\nnone_active = "¡Nada!"\n')
    assert "¡Nada!" in said(await ben.slash(stage.channel, "giftcode"))


async def test_a_guilds_language_is_that_of_its_form(todo: TodoGuild) -> None:
    speak(todo.stage, "de")
    await todo.ask(todo.owner, "todo_roster add", member=todo.asha)
    opened = await todo.asha.slash(todo.channel, "todo")
    words = words_of("de")
    assert opened.modal is not None
    assert opened.modal["title"] == words("bot.form.title")


@pytest.mark.parametrize("language", LOCALES)
def test_what_is_wrong_with_a_todo_is_said_in_the_guilds_language(language: str) -> None:
    voice, today = voice_for(language, "en-US", {}), date(2026, 2, 1)
    member = Member(1_000_000_000_000_000_009)
    with pytest.raises(SubmissionError) as refused:
        validated(TodoDraft(date="x_y"), member, todo_id="t", now=NOON, today=today)
    words, fields = voice.words, todo_embeds.field_names(voice.words)
    said_now = todo_embeds.mistakes_text(refused.value.mistakes, voice).splitlines()
    wrong = words("todo.wrong.date", text="'x_y'", today="01/02/2026")
    empty = words("todo.wrong.empty", fields=", ".join(fields[name] for name in todo_embeds.LISTS))
    assert said_now == [f"**{fields['date']}**: {unlinked(wrong)}", empty[:1].upper() + empty[1:]]
    stranger = todo_embeds.mistakes_text([("for", not_listed(member.user_id))], voice)
    assert stranger == words("todo.wrong.not_listed", who=f"<@{member.user_id}>", command="`/todo_roster add`")


# Commands


async def all_commands(stage: Stage, own: Mapping[str, Mapping[str, str]] | None = None) -> list[dict[str, Any]]:
    """Return the commands of the bot as Discord is sent them."""
    tree, translator = bot_of(stage).tree, CommandTranslator(own or {})
    commands = [one for guild in (None, discord.Object(GUILD)) for one in tree.get_commands(guild=guild)]
    return [await one.get_translated_payload(tree, translator) for one in commands]


def phrases_in(payload: Mapping[str, Any], above: str = COMMANDS) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield the phrases of a command and of all in it: each with what is shown, and what in other locales."""
    name = f"{above}{payload['name']}"
    yield f"{name}.name", payload["name"], payload["name_localizations"]
    yield f"{name}.about", payload["description"], payload["description_localizations"]
    for option in payload.get("options", ()):
        yield from phrases_in(option, f"{name}.")


async def test_every_name_and_description_is_a_phrase_and_every_such_phrase_is_shown(todo: TodoGuild) -> None:
    shown = [(name, text) for one in await all_commands(todo.stage) for name, text, _ in phrases_in(one)]
    assert sorted(shown) == sorted((name, phrases_of(HOME_LANGUAGE)[name]) for name in NAMES)


@pytest.mark.parametrize("language", LOCALES)
async def test_commands_are_called_in_each_language_as_its_phrases_say(todo: TodoGuild, language: str) -> None:
    home, there = phrases_of(HOME_LANGUAGE), phrases_of(language)
    for one in await all_commands(todo.stage):
        for name, _, elsewhere in phrases_in(one):
            expected = there[name] if there[name] != home[name] else None
            assert {elsewhere.get(locale) for locale in LOCALES[language]} == {expected}, name


@pytest.mark.parametrize("language", languages())
def test_no_two_commands_or_options_of_one_have_the_same_name(language: str) -> None:
    names = [name.removesuffix(".name") for name in NAMES if name.endswith(".name")]
    shown = Counter((name.rpartition(".")[0], phrases_of(language)[f"{name}.name"]) for name in names)
    assert max(shown.values()) == 1


@pytest.mark.skipif(discord_openapi() is None, reason=ABSENT)
async def test_what_discord_is_sent_of_commands_is_what_it_describes(todo: TodoGuild) -> None:
    openapi = discord_openapi()
    assert openapi is not None
    for one in await all_commands(todo.stage):
        assert openapi.schema_violations("ApplicationCommandUpdateRequest", one) == []


async def test_ones_own_words_for_commands_are_shown_in_their_locale(todo: TodoGuild) -> None:
    own = {"fr": {"commands.todo.name": "tâches"}, "en": {"commands.todo.about": "Hand it in"}}
    (command,) = [one for one in await all_commands(todo.stage, own) if one["name"] == "todo"]
    assert command["name_localizations"] == {"fr": "tâches"}
    assert command["description_localizations"]["en-US"] == "Hand it in"
    assert "fr" not in command["description_localizations"]


def test_a_locale_means_its_language() -> None:
    known = {"pt-br": 1, "fr": 1}
    found = {locale: language_of(locale, known) for locale in ("de", "es-ES", "es-419", "en-GB", "fr", "pt-BR", "ja")}
    assert found == {
        "de": "de",
        "es-ES": "es",
        "es-419": "es",
        "en-GB": "en",
        "fr": "fr",
        "pt-BR": "pt-br",
        "ja": "",
    }


def test_a_command_is_named_as_the_members_discord_shows_it() -> None:
    voice = voice_for("en", "de", {})
    assert voice.command("todo_roster.add") == "`/todo_liste hinzufügen`"
    assert ENGLISH.command("todo_roster.add") == "`/todo_roster add`"
    assert voice.words("bot.but") == ENGLISH.words("bot.but")


# What fits


LONGEST = {name: "x" * LONGEST_PHRASE for name in phrases_of(HOME_LANGUAGE) if not name.startswith(COMMANDS)}


async def test_every_button_and_menu_fits_with_the_longest_phrases(stage: Stage) -> None:
    runner = CommandRunner(replace(bot_of(stage).runner.settings, language="longest", words={"longest": LONGEST}))
    asked: Any = SimpleNamespace(client=SimpleNamespace(runner=runner), guild_id=GUILD, locale=discord.Locale.german)
    voice, page, draft = voice_of(asked), discord.Embed(title="t"), Draft(FormPurpose())
    views = [pages_shown([page, page], 0, voice, "codes"), reset_question(voice), correction(1, draft, voice)]
    for known in ({}, {"subscriptions": []}):
        views.append(Shown(*SettingsPanel(runner)._controls(Panel(asked, GUILD, known))))
    shown = [part for view in views for row in view.to_components() for part in row["components"]]
    assert {len(part["label"]) for part in shown if "label" in part} == {BUTTON_LABEL_LENGTH}
    assert {len(part["placeholder"]) for part in shown if "placeholder" in part} == {PLACEHOLDER_LENGTH}


@pytest.mark.parametrize("language", [*languages(), "longest"])
def test_every_answer_fits_with_the_longest_texts(language: str) -> None:
    voice = voice_for(language, "en-US", {"longest": LONGEST})
    member = {"user_id": "1" * 19, "standing": "not yet", "last_submit": None}
    roster = CommandResult(value={"members": [member] * 500, "handed_in": 3})
    spellings = {"spelling": "X" * 100, "expires_at": None, "expiry_text": "y" * 400, "rewards": "z" * 4000}
    listed = [{"game": "g" * 300, "first_seen": "", "regions": ["r" * 300], **spellings}] * 40
    pages = [
        *todo_embeds.roster_pages(roster, voice),
        *code_embeds.code_pages(CommandResult(value={"codes": listed}), {}, voice),
        embeds.answer_embed("t", embeds.lines_of(["x" * 90] * 500, voice.words, none="")),
    ]
    for page in pages:
        assert len(page) <= 6000
        assert len(page.title or "") <= 256
        assert len(page.description or "") <= 4096
        assert all(len(field.name or "") <= 256 and len(field.value or "") <= 1024 for field in page.fields)
        assert text_of(page)
