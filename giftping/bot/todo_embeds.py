"""What the TODO commands answer with: embeds made of what a command gave, in a member's words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import discord

from giftping.bot.command_runner import CommandResult
from giftping.bot.embeds import (
    BLUE,
    GOLD,
    Besides,
    answer_embed,
    at,
    lines_of,
    plain,
    reason_text,
    refusal_embed,
    relative_time,
    shortened,
    with_trouble,
    written,
)
from giftping.bot.failures import failure_text
from giftping.bot.voice import Voice
from giftping.discord.limits import truncate
from giftping.errors import EXIT_USAGE
from giftping.text import unescape_markdown, unlinked
from giftping.todo.days import Standing
from giftping.todo.validation import Mistake
from giftping.words.catalogue import Words
from giftping.words.said import in_words

TEXTS = ("name", "date", "must_do", "can_do", "dont_do")
"""What is typed into the form, in its order."""

LISTS = TEXTS[2:]

MEMBERS_A_PAGE = 40

SHORT = 256
"""The most characters of what is shown of a name, a date or a file: an older bot took any length."""


def field_names(words: Words) -> dict[str, str]:
    """What stands above the fields of the form."""
    return {
        "name": words("bot.form.name"),
        "date": words("bot.form.date"),
        "must_do": words("bot.form.must_do"),
        "can_do": words("bot.form.can_do"),
        "dont_do": words("bot.form.dont_do"),
    }


def is_failure(result: CommandResult) -> bool:
    """Whether something failed, as against a command that was rightly refused."""
    return bool(result.refusal) and result.exit_code != EXIT_USAGE


def todo_refusal(result: CommandResult, voice: Voice) -> discord.Embed:
    """Why something was not done; where the store failed, without what only its operator can act on."""
    away = voice.words("bot.todo.away") if result.is_store_trouble else failure_text(result.told, voice)
    wrong = mistakes_text(result.mistakes, voice) if result.mistakes else reason_text(result.refusal, voice)
    return refusal_embed(away or wrong)


def mistakes_text(mistakes: Iterable[Mistake], voice: Voice) -> str:
    """What is wrong with a TODO, a mistake a line, each with the field that it is about."""
    fields = field_names(voice.words)
    lists = ", ".join(fields[name] for name in LISTS)
    named, add = fields | {"attachment": voice.words("bot.form.file")}, voice.command("todo_roster.add")
    lines = []
    for field, reason in mistakes:
        said = unlinked(reason.in_words(voice.words, fields=lists, command=add))
        lines.append(f"**{named[field]}**: {said}" if field in named else said[:1].upper() + said[1:])
    return "\n".join(lines)


def todo_trouble(result: CommandResult, voice: Voice) -> Besides:
    """The troubles besides, in a member's words."""
    lines = [reason_text(line, voice) for line in result.trouble if line not in result.notices]
    lines += [voice.words("bot.todo.on_mirror")] if result.is_by_mirror else []
    return Besides(voice.words("bot.but"), tuple(lines))


# Handing in


def not_taken(result: CommandResult, texts: Mapping[str, str], voice: Voice) -> discord.Embed:
    """Why a TODO was not taken, with the texts that were typed, so that nobody has to write them twice."""
    embed, words = todo_refusal(result, voice), voice.words
    if result.is_store_trouble:
        perhaps = words("bot.todo.perhaps", command=voice.command("listtodo"))
        embed.description = f"{perhaps} {words('bot.todo.perhaps_why')}"
    embed.title = words("bot.todo.not_taken")
    for name, label in field_names(words).items():
        if texts[name].strip():
            embed.add_field(name=label, value=written(texts[name]), inline=False)
    return embed


def typed_texts(shown: Iterable[discord.Embed], voice: Voice) -> dict[str, str]:
    """What was typed, as far as an answer that gives it back shows it."""
    values = {field.name: field.value for embed in shown for field in embed.fields}
    named = {name: values.get(label) for name, label in field_names(voice.words).items()}
    return {name: unescape_markdown(value) for name, value in named.items() if value}


def handed_in(result: CommandResult, voice: Voice, *, for_other: bool) -> discord.Embed:
    """The answer to a TODO: never more than what is so."""
    value, words = result.value, voice.words
    embed = todo_embed(words("bot.todo.taken"), value["todo"], words, color=GOLD if for_other else BLUE)
    embed.description = "\n".join(_what_came(value, words))
    return with_trouble(embed, todo_trouble(result, voice))


def _what_came(value: Mapping[str, Any], words: Words) -> Iterator[str]:
    yield words("bot.todo.posted") if value["posted"] else words("bot.todo.saved")
    if value["repeated"]:
        yield words("bot.todo.repeated")
    dms = {leg["result"] for leg in value["legs"] if leg["leg"] == "dm" and leg["kind"] == "submission"}
    if "done" in dms:
        yield words("bot.todo.told", who=f"<@{value['user_id']}>")
    if "closed" in dms:
        yield words("bot.todo.closed", who=f"<@{value['user_id']}>")
    if value["role"] and value["role"]["result"] == "done":
        yield words("bot.todo.role_back")
    if streak := value["streak"]:
        yield words("bot.todo.streak", days=_days(streak["current"], words))


def _days(count: int, words: Words) -> str:
    return words.counted("bot.count.day", count, count=count)


def todo_embed(title: str, todo: Mapping[str, Any], words: Words, *, color: discord.Color = BLUE) -> discord.Embed:
    """A TODO as its member sees it, whichever bot has written it: what is too long is cut."""
    embed = discord.Embed(title=title, color=color)
    embed.add_field(name=words("todo.post.date"), value=truncate(plain(todo["date"]), SHORT) or "–")
    embed.add_field(name=words("todo.post.name"), value=truncate(plain(todo["name"]), SHORT) or "–")
    lists = (words("todo.post.must_do"), words("todo.post.can_do"), words("todo.post.dont_do"))
    for key, name in zip(LISTS, lists, strict=True):
        if todo[key]:
            embed.add_field(name=name, value=written(todo[key]), inline=False)
    if todo.get("attachment"):
        embed.add_field(name=words("todo.post.file"), value=truncate(plain(todo["attachment"]), SHORT), inline=False)
    return embed


# Looking


def first_member(result: CommandResult) -> Mapping[str, Any]:
    """The one member that a status is about, empty where nothing is known."""
    members: Sequence[Mapping[str, Any]] = result.value.get("members") or [{}]
    return members[0]


def own_todo(result: CommandResult, voice: Voice) -> discord.Embed:
    """A member's own TODO, or that there is none."""
    if is_failure(result):
        return todo_refusal(result, voice)
    words, trouble = voice.words, todo_trouble(result, voice)
    todo = first_member(result).get("todo")
    if not todo:
        hand_in = words("bot.todo.hand_in", command=voice.command("todo"))
        return answer_embed(words("bot.todo.none"), hand_in, color=BLUE, trouble=trouble)
    embed = todo_embed(words("bot.todo.own"), todo, words)
    ago = relative_time(todo["submitted_at"] or first_member(result)["last_submit"])
    embed.description = words("bot.todo.handed_in", ago=ago)
    return with_trouble(embed, trouble)


def deleted(result: CommandResult, voice: Voice) -> discord.Embed:
    """The answer once a TODO's text is deleted."""
    if result.refusal:
        return todo_refusal(result, voice)
    words, trouble = voice.words, todo_trouble(result, voice)
    if not result.value["deleted"]:
        return answer_embed(words("bot.todo.nothing_to_delete"), color=BLUE, trouble=trouble)
    return answer_embed(words("bot.todo.deleted"), words("bot.todo.deleted_clock"), trouble=trouble)


def status_of(result: CommandResult, user_id: int, voice: Voice) -> discord.Embed:
    """How a member stands: last TODO, what comes next and when, and why."""
    if is_failure(result):
        return todo_refusal(result, voice)
    words, trouble = voice.words, todo_trouble(result, voice)
    found = first_member(result)
    if not found:
        unknown = words("bot.status.unknown", who=f"<@{user_id}>")
        return answer_embed(words("bot.status.title"), unknown, color=BLUE, trouble=trouble)
    embed = discord.Embed(title=words("bot.status.title"), description=f"<@{user_id}>", color=BLUE)
    embed.add_field(name=words("bot.status.last"), value=relative_time(found["last_submit"]))
    embed.add_field(name=words("bot.status.reminder"), value=relative_time(found["next_ping"]))
    role = (
        words("bot.status.role_taken", ago=relative_time(found["role_taken_at"]))
        if found["role_taken_at"]
        else relative_time(found["role_off_at"])
    )
    embed.add_field(name=words("bot.status.role"), value=role)
    if (streak := found["streak"]) is not None:
        both = words("bot.status.streak_of", days=_days(streak["current"], words), longest=streak["longest"])
        embed.add_field(name=words("bot.status.streak"), value=both)
    why = in_words(found["due"]["why"], words)
    embed.add_field(name=words("bot.status.why"), value=shortened(plain(why)), inline=False)
    if found["dms_closed_at"]:
        closed = words("bot.status.dms_closed", ago=relative_time(found["dms_closed_at"]))
        embed.add_field(name=words("bot.status.dms"), value=closed, inline=False)
    return with_trouble(embed, trouble)


# The roster


def listed(result: CommandResult, user_id: int, voice: Voice) -> discord.Embed:
    """The answer once a member is on the roster."""
    if result.refusal:
        return todo_refusal(result, voice)
    words, who = voice.words, f"<@{user_id}>"
    if result.value["added"]:
        title, text = words("bot.roster.added"), words("bot.roster.added_text", who=who)
    else:
        title, text = words("bot.roster.there"), words("bot.roster.there_text", who=who)
    return answer_embed(title, text, trouble=todo_trouble(result, voice))


def unlisted(result: CommandResult, user_id: int, voice: Voice) -> discord.Embed:
    """The answer once a member is off the roster."""
    if result.refusal:
        return todo_refusal(result, voice)
    words, who, trouble = voice.words, f"<@{user_id}>", todo_trouble(result, voice)
    if not result.value["removed"]:
        text = words("bot.roster.not_there_text", who=who)
        return answer_embed(words("bot.roster.not_there"), text, color=BLUE, trouble=trouble)
    return answer_embed(words("bot.roster.removed"), words("bot.roster.removed_text", who=who), trouble=trouble)


def roster_pages(result: CommandResult, voice: Voice) -> list[discord.Embed]:
    """Who takes part and who has handed in today, as many embeds as it takes."""
    if result.refusal:
        return [todo_refusal(result, voice)]
    words, rows = voice.words, result.value["members"]
    standings = _standings(words)
    lines = [
        words(
            "bot.roster.row",
            who=f"<@{row['user_id']}>",
            standing=standings[Standing(row["standing"])],
            ago=relative_time(row["last_submit"]),
        )
        for row in rows
    ]
    parts = [lines[start : start + MEMBERS_A_PAGE] for start in range(0, len(lines), MEMBERS_A_PAGE)] or [[]]
    none = words("bot.roster.nobody", command=voice.command("todo_roster.add"))
    pages = []
    for number, part in enumerate(parts, 1):
        title = words("bot.roster.today", handed_in=result.value["handed_in"], count=len(rows))
        text = lines_of(part, words, none=none)
        embed = answer_embed(title, text, color=BLUE, trouble=todo_trouble(result, voice))
        if len(parts) > 1:
            members = words.counted("bot.count.member", len(rows), count=len(rows))
            embed.set_footer(text=f"{members} · {words('bot.page', number=number, count=len(parts))}")
        pages.append(embed)
    return pages


def _standings(words: Words) -> dict[Standing, str]:
    return {
        Standing.MISSING: words("bot.standing.missing"),
        Standing.HANDED_IN: words("bot.standing.handed_in"),
        Standing.PAUSED: words("bot.standing.paused"),
        Standing.EXEMPT: words("bot.standing.exempt"),
        Standing.LEFT: words("bot.standing.left"),
        Standing.BOT: words("bot.standing.bot"),
    }


def paused(result: CommandResult, user_id: int, now: datetime, voice: Voice) -> discord.Embed:
    """The answer to a pause: those of now and later."""
    if result.refusal:
        return todo_refusal(result, voice)
    words = voice.words
    pauses = [pause for pause in result.value["pauses"] if _is_ahead(pause, now)]
    title = words("bot.pause.paused") if pauses else words("bot.pause.over")
    lines = (f"• {_pause_text(pause, words)}" for pause in pauses)
    text = lines_of(lines, words, none=words("bot.pause.goes_on"))
    return answer_embed(title, f"<@{user_id}>\n{text}", trouble=todo_trouble(result, voice))


def _is_ahead(pause: Mapping[str, Any], now: datetime) -> bool:
    return pause["to"] is None or datetime.fromisoformat(pause["to"]) > now


def _pause_text(pause: Mapping[str, Any], words: Words) -> str:
    start, reason = at(pause["from"]), f": {plain(pause['reason'])}" if pause["reason"] else ""
    if pause["to"]:
        return f"{words('todo.pause.between', start=start, end=at(pause['to']))}{reason}"
    return f"{words('todo.pause.open', start=start)}{reason}"
