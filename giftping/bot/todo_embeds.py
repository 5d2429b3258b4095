"""What the TODO commands answer with: embeds made of what a command gave, in a member's words. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import discord

from giftping.bot.command_runner import CommandResult
from giftping.bot.embeds import (
    BLUE,
    GOLD,
    answer_embed,
    at,
    lines_of,
    plain,
    refusal_embed,
    relative_time,
    shortened,
    with_trouble,
    written,
)
from giftping.discord.limits import truncate
from giftping.errors import EXIT_USAGE
from giftping.text import counted, unlinked

FIELDS = {"name": "Name", "date": "Date", "must_do": "Must do", "can_do": "Can do", "dont_do": "Don't do"}
"""The fields of the form: how a TODO calls them, and what stands above them."""

LISTS = {"must_do": "✔️ Must do", "can_do": "🎯 Can do", "dont_do": "❌ Don't do"}

NOT_FOR_YOU = "Only the owner, or somebody with the staff role, may do this."
ELSEWHERE = "TODOs are handed in on another server."
TAKEN = "This form is handed in already."
AWAY = "The TODOs cannot be read or saved just now. Try again in a few minutes; the reason is in the bot's log."
PERHAPS = (
    "This could not be saved, or not all of it. Try again in a few minutes: `/listtodo` shows whether it is there."
    " The reason is in the bot's log."
)
ON_MIRROR = (
    "The database is away, or just back: this is by the bot's mirror of it, and what is saved there is carried over."
)

MEMBERS_A_PAGE = 40

SHORT = 256
"""The most characters of what is shown of a name, a date or a file: an older bot took any length."""

IN_DISCORD = (
    (re.compile(r"add them: (giftping )?todo roster add( USER| \d+)?"), "add them with `/todo_roster add`"),
    (re.compile(r": giftping todo roster list"), "; `/todo_roster list` shows who is"),
    (re.compile(r"--(from|to|end|name|reason)\b"), r"`\1`"),
    (re.compile(r"^(name|date|must_do|can_do|dont_do): ", re.MULTILINE), lambda found: f"**{FIELDS[found[1]]}**: "),
    (re.compile(r"^(for|by): ", re.MULTILINE), ""),
    (re.compile(r"^attachment: ", re.MULTILINE), "**File**: "),
    (re.compile("must_do, can_do, dont_do"), ", ".join(FIELDS[name] for name in LISTS)),
    (re.compile(r"(?<![\w@&])(\d{17,20})(?!\w)"), r"<@\1>"),
)
"""What the command line says, and what a member in Discord can act on in its place."""


def todo_words(text: str) -> str:
    """A text of the command line as it is said in Discord."""
    text = unlinked(text)
    for said, instead in IN_DISCORD:
        text = said.sub(instead, text)
    return text[:1].upper() + text[1:]


def is_failure(result: CommandResult) -> bool:
    """Whether something failed, as against a command that was rightly refused."""
    return bool(result.refusal) and result.exit_code != EXIT_USAGE


def todo_refusal(result: CommandResult) -> discord.Embed:
    """Why something was not done; where the store failed, without what only its operator can act on."""
    text = AWAY if result.is_store_trouble else todo_words(result.refusal)
    return refusal_embed(text)


def todo_trouble(result: CommandResult) -> list[str]:
    """The troubles besides, in a member's words."""
    lines = [todo_words(line) for line in result.trouble if line not in result.notices]
    return [*lines, ON_MIRROR] if result.is_by_mirror else lines


# Handing in


def not_taken(result: CommandResult, texts: Mapping[str, str]) -> discord.Embed:
    """Why a TODO was not taken, with the texts that were typed, so that nobody has to write them twice."""
    embed = todo_refusal(result)
    if result.is_store_trouble:
        embed.description = PERHAPS
    embed.title = "Not handed in"
    for name, label in FIELDS.items():
        if texts[name].strip():
            embed.add_field(name=label, value=written(texts[name]), inline=False)
    return embed


def handed_in(result: CommandResult, *, for_other: bool) -> discord.Embed:
    """The answer to a TODO: never more than what is so."""
    value = result.value
    embed = todo_embed("✅ TODO handed in", value["todo"], color=GOLD if for_other else BLUE)
    embed.description = "\n".join(_what_came(value))
    return with_trouble(embed, todo_trouble(result))


def _what_came(value: Mapping[str, Any]) -> Iterator[str]:
    yield "Posted in the channel." if value["posted"] else "Saved, but not posted yet: a sweep posts it."
    if value["repeated"]:
        yield "It says the same as the one before."
    dms = {leg["result"] for leg in value["legs"] if leg["leg"] == "dm" and leg["kind"] == "submission"}
    if "done" in dms:
        yield f"<@{value['user_id']}> was told by direct message."
    if "closed" in dms:
        yield f"<@{value['user_id']}> takes no direct messages."
    if value["role"] and value["role"]["result"] == "done":
        yield "The role is back."
    if streak := value["streak"]:
        yield f"Streak: {counted(streak['current'], 'day')}."


def todo_embed(title: str, todo: Mapping[str, Any], *, color: discord.Color = BLUE) -> discord.Embed:
    """A TODO as its member sees it, whichever bot has written it: what is too long is cut."""
    embed = discord.Embed(title=title, color=color)
    embed.add_field(name="📅 Date", value=truncate(plain(todo["date"]), SHORT) or "–")
    embed.add_field(name="📝 Name", value=truncate(plain(todo["name"]), SHORT) or "–")
    for key, name in LISTS.items():
        if todo[key]:
            embed.add_field(name=name, value=written(todo[key]), inline=False)
    if todo.get("attachment"):
        embed.add_field(name="📎 File", value=truncate(plain(todo["attachment"]), SHORT), inline=False)
    return embed


# Looking


def first_member(result: CommandResult) -> Mapping[str, Any]:
    """The one member that a status is about, empty where nothing is known."""
    members: Sequence[Mapping[str, Any]] = result.value.get("members") or [{}]
    return members[0]


def own_todo(result: CommandResult) -> discord.Embed:
    """A member's own TODO, or that there is none."""
    if is_failure(result):
        return todo_refusal(result)
    todo = first_member(result).get("todo")
    if not todo:
        return answer_embed("No TODO yet", "Hand one in with `/todo`.", color=BLUE, trouble=todo_trouble(result))
    embed = todo_embed("Your TODO", todo)
    embed.description = f"Handed in {relative_time(todo['submitted_at'] or first_member(result)['last_submit'])}."
    return with_trouble(embed, todo_trouble(result))


def deleted(result: CommandResult) -> discord.Embed:
    """The answer once a TODO's text is deleted."""
    if result.refusal:
        return todo_refusal(result)
    if not result.value["deleted"]:
        return answer_embed("No TODO to delete", color=BLUE, trouble=todo_trouble(result))
    text = "Your clock goes on as before: it still counts as handed in."
    return answer_embed("Your TODO is deleted", text, trouble=todo_trouble(result))


def status_of(result: CommandResult, user_id: int) -> discord.Embed:
    """How a member stands: last TODO, what comes next and when, and why."""
    if is_failure(result):
        return todo_refusal(result)
    found = first_member(result)
    if not found:
        return answer_embed(
            "TODO status", f"Nothing is known of <@{user_id}>.", color=BLUE, trouble=todo_trouble(result)
        )
    embed = discord.Embed(title="TODO status", description=f"<@{user_id}>", color=BLUE)
    embed.add_field(name="Last TODO", value=relative_time(found["last_submit"]))
    embed.add_field(name="Next reminder", value=relative_time(found["next_ping"]))
    role = (
        f"taken {relative_time(found['role_taken_at'])}"
        if found["role_taken_at"]
        else relative_time(found["role_off_at"])
    )
    embed.add_field(name="Role goes", value=role)
    if (streak := found["streak"]) is not None:
        embed.add_field(name="Streak", value=f"{counted(streak['current'], 'day')} (longest {streak['longest']})")
    embed.add_field(name="Why", value=shortened(plain(found["due"]["why"])), inline=False)
    if found["dms_closed_at"]:
        embed.add_field(
            name="Direct messages", value=f"closed since {relative_time(found['dms_closed_at'])}", inline=False
        )
    return with_trouble(embed, todo_trouble(result))


# The roster


def listed(result: CommandResult, user_id: int) -> discord.Embed:
    """The answer once a member is on the roster."""
    if result.refusal:
        return todo_refusal(result)
    if result.value["added"]:
        title, text = "On the roster", f"<@{user_id}> takes part: the clock starts now."
    else:
        title, text = "On the roster already", f"<@{user_id}> takes part."
    return answer_embed(title, text, trouble=todo_trouble(result))


def unlisted(result: CommandResult, user_id: int) -> discord.Embed:
    """The answer once a member is off the roster."""
    if result.refusal:
        return todo_refusal(result)
    if not result.value["removed"]:
        return answer_embed(
            "Off the roster already", f"<@{user_id}> takes no part.", color=BLUE, trouble=todo_trouble(result)
        )
    text = f"<@{user_id}> is not reminded any more, and the role stays as it is; so does the history."
    return answer_embed("Off the roster", text, trouble=todo_trouble(result))


def roster_pages(result: CommandResult) -> list[discord.Embed]:
    """Who takes part and who has handed in today, as many embeds as it takes."""
    if result.refusal:
        return [todo_refusal(result)]
    rows = result.value["members"]
    lines = [f"<@{row['user_id']}> {row['standing']}, last {relative_time(row['last_submit'])}" for row in rows]
    parts = [lines[start : start + MEMBERS_A_PAGE] for start in range(0, len(lines), MEMBERS_A_PAGE)] or [[]]
    pages = []
    for number, part in enumerate(parts, 1):
        title = f"{result.value['handed_in']} of {len(rows)} handed in today"
        text = lines_of(part, none="Nobody is on the roster. Add members with `/todo_roster add`.")
        embed = answer_embed(title, text, color=BLUE, trouble=todo_trouble(result))
        if len(parts) > 1:
            embed.set_footer(text=f"{counted(len(rows), 'member')} · page {number} of {len(parts)}")
        pages.append(embed)
    return pages


def paused(result: CommandResult, user_id: int, now: datetime) -> discord.Embed:
    """The answer to a pause: those of now and later."""
    if result.refusal:
        return todo_refusal(result)
    pauses = [pause for pause in result.value["pauses"] if _is_ahead(pause, now)]
    title = "Paused" if pauses else "Not paused any more"
    none = "All clocks go on."
    text = lines_of((f"• {_pause_text(pause)}" for pause in pauses), none=none)
    return answer_embed(title, f"<@{user_id}>\n{text}", trouble=todo_trouble(result))


def _is_ahead(pause: Mapping[str, Any], now: datetime) -> bool:
    return pause["to"] is None or datetime.fromisoformat(pause["to"]) > now


def _pause_text(pause: Mapping[str, Any]) -> str:
    until = f"until {at(pause['to'])}" if pause["to"] else "until it is ended"
    reason = f": {plain(pause['reason'])}" if pause["reason"] else ""
    return f"from {at(pause['from'])} {until}{reason}"
