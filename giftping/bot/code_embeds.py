"""What the gift code commands answer with: embeds made of what a command gave, in a member's words. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

import discord

from giftping.bot.command_runner import CommandResult
from giftping.bot.embeds import BLUE, RED, answer_embed, at, plain, refusal_embed, relative_time, shortened
from giftping.discord.limits import truncate
from giftping.errors import EXIT_LOCKED
from giftping.settings.catalogue import Game
from giftping.store.base import EVERYONE, HERE
from giftping.text import counted, escape_markdown, in_code_marks, last_day, unlinked

Games = Mapping[str, Game]

CODES_A_PAGE = 10
PAGE_LENGTH = 5_500
"""Somewhat below Discord's 6,000 for all embeds of a message."""

REWARDS_LENGTH = 300
LAST_DAYS = 7
LINES = 5

AWAY = "The gift codes cannot be read or saved just now. Try again in a few minutes; the reason is in the bot's log."
CHECKING = "A check is at it just now, by the timer or by somebody else; what is new comes by itself."
NOTICED = "The database said something to whoever runs the bot; it is in the log."
ON_MIRROR = "The database is away: this is by the bot's mirror of it, and what is saved there is carried over later."

IN_DISCORD = (
    (re.compile(r"^(warning: )?guild \d+: |^warning: |^failed: |^cannot be used: "), ""),
    (re.compile(r"channel (\d{17,20})\b"), r"<#\1>"),
    (re.compile(r"; look into the channel, then: giftping codes settle .*"), "; whoever runs the bot settles it"),
    (re.compile(r": giftping guilds add \d+ --(channel ID|webhook URL|mention ROLE)"), ""),
    (re.compile(r"[,;] then: giftping guilds test \d+"), ", then choose the channel again"),
    (re.compile(r": giftping guilds test \d+ --no-post"), ", choose the channel again"),
    (re.compile(r": giftping guilds list, giftping codes settle"), "; whoever runs the bot can see which"),
)
"""What the command line says, and what a member in Discord can act on in its place."""


def code_words(text: str) -> str:
    """A text of the command line as it is said in Discord."""
    text = unlinked(text)
    for said, instead in IN_DISCORD:
        text = said.sub(instead, text)
    return text[:1].upper() + text[1:]


def code_refusal(result: CommandResult) -> discord.Embed:
    """Why something was not done; where the store failed, without what only its operator can act on."""
    if result.is_store_trouble:
        return refusal_embed(AWAY)
    return refusal_embed(code_words(result.refusal))


def code_trouble(result: CommandResult) -> list[str]:
    """The troubles besides, in a member's words."""
    lines = [code_words(line) for line in result.trouble if line not in result.notices]
    shown = lines[:LINES] + ([f"… and {len(lines) - LINES} more"] if len(lines) > LINES else [])
    return [*shown, ON_MIRROR] if result.is_by_mirror else shown


# Codes


def code_pages(result: CommandResult, games: Games) -> list[discord.Embed]:
    """The codes that are valid now, game by game, as many embeds as it takes; or why there are none to show."""
    if result.refusal:
        return [code_refusal(result)]
    listed = sorted(result.value["codes"], key=lambda code: (code["game"], code["first_seen"]))
    pages = [
        page
        for slug, of_game in groupby(listed, key=lambda code: str(code["game"]))
        for page in _pages(slug, of_game, games)
    ]
    for number, page in enumerate(pages, 1):
        count = counted(len(listed), "code")
        page.set_footer(text=f"{count} · page {number} of {len(pages)}" if len(pages) > 1 else count)
    if result.is_by_mirror and pages:
        pages[0].description = ON_MIRROR
    none = "None is known to be valid now. Check back later!"
    return pages or [answer_embed("🎁 Active gift codes", none, color=BLUE, trouble=code_trouble(result))]


def _pages(slug: str, codes: Iterator[Mapping[str, Any]], games: Games) -> Iterator[discord.Embed]:
    game = games.get(slug, Game(slug, slug))
    embed = _new_page(game)
    for code in codes:
        text = _code_text(code, game)
        if len(embed.fields) == CODES_A_PAGE or len(embed) + len(text) > PAGE_LENGTH:
            yield embed
            embed = _new_page(game)
        embed.add_field(name="Code:", value=text, inline=False)
    yield embed


def _new_page(game: Game) -> discord.Embed:
    return discord.Embed(title=f"🎁 Active {truncate(game.title, 100)} gift codes", color=game.color)


def _code_text(code: Mapping[str, Any], game: Game) -> str:
    """A code as its announcement shows it."""
    ends_at = code["expires_at"]
    end = last_day(ends_at, code["expiry_text"]) or (at(ends_at) if ends_at else "")
    expires = f"{end} ({relative_time(ends_at)})" if ends_at else ""
    lines = [
        f"```\n{in_code_marks(code['spelling'])}\n```",
        f"**Rewards:** {truncate(escape_markdown(code['rewards']), REWARDS_LENGTH) or 'not stated'}",
        f"**Expires:** {expires or truncate(escape_markdown(code['expiry_text']), 80) or 'not stated'}",
    ]
    if code["regions"]:
        lines.append(f"**Region:** {truncate(escape_markdown(', '.join(code['regions'])), 60)}")
    if game.redeem_url:
        lines.append(f"[Redeem]({game.redeem_address(code['spelling'])})")
    return shortened("\n".join(lines))


def added(result: CommandResult, games: Games) -> discord.Embed:
    """The answer to a code that was added by hand."""
    if result.refusal:
        return code_refusal(result)
    code, guilds = result.value["code"], result.value["guilds"]
    servers = f"{counted(guilds, 'server', 'follow')}"
    text = f"The next check announces it where it was not yet; {servers} the game."
    embed = answer_embed("Added", f"{text}\n{_code_text(code, games[code['game']])}", trouble=code_trouble(result))
    return embed.set_footer(text=games[code["game"]].title)


# What went out


def statistics(result: CommandResult, games: Games) -> discord.Embed:
    """The numbers of what went out to one guild."""
    if result.refusal:
        return code_refusal(result)
    value = result.value
    states = value["states"]
    embed = answer_embed("📊 Gift codes announced here", color=BLUE, trouble=code_trouble(result))
    embed.add_field(name="Codes", value=str(value["total"]))
    last = in_code_marks(value["last_code"] or "")
    last = f"`{last}` {relative_time(value['last_sent_at'])}" if last else "–"
    embed.add_field(name="Last one", value=last)
    embed.add_field(name="There at the first look", value=str(states["seeded"]))
    if unsettled := states["open"] + states["uncertain"]:
        embed.add_field(name="Not known to have arrived", value=str(unsettled))
    by_game = {_title(slug, games): count for slug, count in value["games"].items()}
    days = dict(sorted(value["days"].items())[-LAST_DAYS:])
    for name, counts in (("By game", by_game), ("By source", value["sources"]), ("Last days", days)):
        text = ", ".join(f"{plain(one)} {count}" for one, count in counts.items())
        embed.add_field(name=name, value=shortened(text), inline=False)
    return embed


def question_before_reset(result: CommandResult) -> discord.Embed | None:
    """The question that says what would be forgotten, and what comes of it; None where there is nothing."""
    states = result.value["states"]
    count = sum(states.values())
    if not count:
        return None
    kinds = {
        "announced": states["sent"],
        "there at the first look": states["seeded"],
        "not known to have arrived": states["open"] + states["uncertain"],
    }
    which = ", ".join(f"{number} {kind}" for kind, number in kinds.items() if number)
    text = (
        f"It is known of {counted(count, 'code')} that this server need not get {'it' if count == 1 else 'them'}"
        f" any more ({which}). Once that is forgotten, the next check announces again, with the mention, whichever of"
        " them is still valid. It cannot be undone."
    )
    return answer_embed("Forget what was announced here?", text, color=RED)


def forgotten(result: CommandResult) -> discord.Embed:
    """The answer once it is forgotten."""
    if result.refusal:
        return code_refusal(result)
    text = f"{counted(result.value['cleared'], 'code')} forgotten. The next check announces again what is still valid."
    return answer_embed("Forgotten", text, trouble=code_trouble(result))


def checked(result: CommandResult) -> discord.Embed:
    """The answer to a check: what it brought this guild."""
    if result.refusal:
        return refusal_embed(CHECKING) if result.exit_code == EXIT_LOCKED else code_refusal(result)
    deliveries: Sequence[Mapping[str, Any]] = result.value["deliveries"]
    sent = [code for one in deliveries if one["result"] in ("sent", "settled") for code in one["codes"]]
    refused = [code for one in deliveries if one["result"] == "refused" for code in one["codes"]]
    open_ = [code for one in deliveries if one["result"] in ("unclear", "uncertain") for code in one["codes"]]
    told = (("Announced", sent), ("Refused, and still owed", refused), ("Not known to have arrived", open_))
    seeded = sum(len(one["codes"]) for one in result.value["seeded"])
    owed = sum(one["owed"] for one in result.value["resting"])
    lines = [f"{said}: {', '.join(f'`{in_code_marks(code)}`' for code in codes)}." for said, codes in told if codes]
    lines += [f"{counted(seeded, 'code')} there at the first look: recorded, not announced."] if seeded else []
    lines += [f"{counted(owed, 'code')} waiting until the channel can be posted to again."] if owed else []
    notices = result.value["notices"]
    trouble = code_trouble(replace(result, notices=(*result.notices, *notices)))
    trouble += [NOTICED] if notices else []
    is_short = bool(refused or open_ or owed)
    title = "Checked, but not all went out" if is_short else "Checked"
    return answer_embed(title, "\n".join(lines) or "Nothing new.", color=RED if is_short else BLUE, trouble=trouble)


# The panel


def panel(known: Mapping[str, Any], games: Games, *, was_on: bool) -> discord.Embed:
    """Where a guild's codes go; `was_on` when they went somewhere a moment ago."""
    if not known:
        text = (
            "No gift codes go to this server any more. What was announced stays recorded. To turn it on again, choose a"
            " channel: games and mention are as they were as long as you see this message."
            if was_on
            else "No gift codes go to this server yet. Choose a channel, and they do."
        )
        return answer_embed("🎁 Gift codes", text, color=BLUE)
    embed = discord.Embed(title="🎁 Gift codes", color=BLUE)
    subscriptions = known["subscriptions"]
    where = dict.fromkeys(code_words(str(one["destination"])) for one in subscriptions)
    embed.add_field(name="Where", value=shortened("\n".join(where)))
    mentioned = [mention if mention in (EVERYONE, HERE) else f"<@&{mention}>" for mention in mentions_of(known)]
    embed.add_field(name="Mentions", value=shortened(" ".join(mentioned) or "nobody"))
    followed = ", ".join(_title(game, games) for game in followed_games(known))
    embed.add_field(name="Games", value=shortened(followed), inline=False)
    if any(one["announce_current"] for one in subscriptions):
        current = "announced with the next check"
    elif all(one["seeded"] is not None for one in subscriptions):
        current = "recorded; only new ones are announced"
    else:
        current = "recorded with the next check, not announced"
    embed.add_field(name="Codes that were valid before", value=current, inline=False)
    if broken := next((one["broken"] for one in subscriptions if one["broken"]), None):
        mend = f"; {broken['mend']}" if broken["mend"] else ""
        text = f"{relative_time(broken['since'])}: {code_words(broken['reason'])}{mend}"
        embed.add_field(name="⚠️ The last announcement was refused", value=shortened(text), inline=False)
    return embed


def followed_games(known: Mapping[str, Any]) -> list[str]:
    """The games that a guild follows, from what a command gave of it."""
    return [one["game"] for one in known.get("subscriptions", ())]


def mentions_of(known: Mapping[str, Any]) -> tuple[str, ...]:
    """Whom a guild's announcements mention, each once."""
    return tuple(dict.fromkeys(mention for one in known.get("subscriptions", ()) for mention in one["mentions"]))


def _title(slug: str, games: Games) -> str:
    return games[slug].title if slug in games else f"{slug} (not known any more)"
