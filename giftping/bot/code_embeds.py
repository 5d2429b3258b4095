"""What the gift code commands answer with: embeds made of what a command gave, in a member's words. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

import discord

from giftping.bot.command_runner import CommandResult
from giftping.bot.embeds import (
    BLUE,
    RED,
    Besides,
    answer_embed,
    at,
    plain,
    reason_text,
    refusal_embed,
    relative_time,
    shortened,
)
from giftping.bot.failures import failure_text
from giftping.bot.voice import Voice
from giftping.discord.limits import MESSAGE_EMBEDS_LENGTH, TITLE_LENGTH, truncate
from giftping.errors import EXIT_LOCKED
from giftping.settings.catalogue import Game
from giftping.store.base import EVERYONE, HERE
from giftping.text import escape_markdown, in_code_marks, last_day, unlinked
from giftping.words.catalogue import LONGEST_PHRASE, Words
from giftping.words.said import Said, in_words

Games = Mapping[str, Game]

CODES_A_PAGE = 10
PAGE_LENGTH = MESSAGE_EMBEDS_LENGTH - 3 * LONGEST_PHRASE - 20
"""What all embeds of a message may have, less the name of a field and the footer's two phrases."""

REWARDS_LENGTH = 300
LAST_DAYS = 7
LINES = 5

IN_DISCORD = (
    (re.compile(r"^(warning: )?guild \d+: |^warning: |^failed: |^cannot be used: "), ""),
    (re.compile(r"channel (\d{17,20})\b"), r"<#\1>"),
    (re.compile(r"; look into the channel, then: giftping codes settle .*"), "; whoever runs the bot settles it"),
    (re.compile(r": giftping guilds add \d+( --game \S+)* --(channel ID|webhook URL|mention ROLE)"), ""),
    (
        re.compile(r"(; or|[;:]) giftping guilds add \w+( --game \S+)* --(no-publish|posts|tag)\b.*"),
        "; whoever runs the bot changes it",
    ),
    (re.compile(r"^say where announcements go: .*"), "whoever runs the bot says where the codes of another game go"),
    (re.compile(r"[,;] then: giftping guilds test \d+"), ", then choose the channel again"),
    (re.compile(r": giftping guilds test \d+ --no-post"), ", choose the channel again"),
    (re.compile(r"; --anyway adds it all the same"), ""),
    (re.compile(r": giftping guilds list, giftping codes settle"), "; whoever runs the bot can see which"),
)
"""What the command line says, and what a member in Discord can act on in its place."""


def code_words(text: str) -> str:
    """A text of the command line as it is said in Discord."""
    text = unlinked(text)
    for said, instead in IN_DISCORD:
        text = said.sub(instead, text)
    return text[:1].upper() + text[1:]


def mend_words(mend: str, words: Words) -> str:
    """What has to be mended, in the guild's language; what only a command line changes is for whoever runs the bot."""
    return in_words(mend, words, how=words("mend.by_operator"))


def _said(text: str, voice: Voice) -> str:
    return reason_text(text, voice) if isinstance(text, Said) else code_words(text)


def code_refusal(result: CommandResult, voice: Voice) -> discord.Embed:
    """Why something was not done; where the store failed, without what only its operator can act on."""
    away = voice.words("bot.codes.away") if result.is_store_trouble else failure_text(result.told, voice)
    return refusal_embed(away or _said(result.refusal, voice))


def code_trouble(result: CommandResult, voice: Voice, *also: str) -> Besides:
    """The troubles besides, in a member's words, and what is to be told `also`."""
    words = voice.words
    lines = [_said(line, voice) for line in result.trouble if line not in result.notices]
    shown = lines[:LINES] + ([words("bot.cut_list", count=len(lines) - LINES)] if len(lines) > LINES else [])
    on_mirror = [words("bot.codes.on_mirror")] if result.is_by_mirror else []
    return Besides(words("bot.but"), (*shown, *on_mirror, *also))


def _codes(count: int, words: Words) -> str:
    return words.counted("bot.count.code", count, count=count)


# Codes


def code_pages(result: CommandResult, games: Games, voice: Voice) -> list[discord.Embed]:
    """The codes that are valid now, game by game, as many embeds as it takes; or why there are none to show."""
    if result.refusal:
        return [code_refusal(result, voice)]
    words = voice.words
    listed = sorted(result.value["codes"], key=lambda code: (code["game"], code["first_seen"]))
    pages = [
        page
        for slug, of_game in groupby(listed, key=lambda code: str(code["game"]))
        for page in _pages(slug, of_game, games, words)
    ]
    for number, page in enumerate(pages, 1):
        count = _codes(len(listed), words)
        of_pages = f"{count} · {words('bot.page', number=number, count=len(pages))}"
        page.set_footer(text=of_pages if len(pages) > 1 else count)
    if result.is_by_mirror and pages:
        pages[0].description = words("bot.codes.on_mirror")
    if pages:
        return pages
    none = words("bot.codes.none_active")
    return [answer_embed(words("bot.codes.active"), none, color=BLUE, trouble=code_trouble(result, voice))]


def _pages(slug: str, codes: Iterator[Mapping[str, Any]], games: Games, words: Words) -> Iterator[discord.Embed]:
    game = games.get(slug, Game(slug, slug))
    embed = _new_page(game, words)
    for code in codes:
        text = _code_text(code, game, words)
        if len(embed.fields) == CODES_A_PAGE or len(embed) + len(text) > PAGE_LENGTH:
            yield embed
            embed = _new_page(game, words)
        embed.add_field(name=words("announcement.code"), value=text, inline=False)
    yield embed


def _new_page(game: Game, words: Words) -> discord.Embed:
    title = words("bot.codes.active_of", game=truncate(game.title, TITLE_LENGTH - LONGEST_PHRASE))
    return discord.Embed(title=title, color=game.color)


def _code_text(code: Mapping[str, Any], game: Game, words: Words) -> str:
    """A code as its announcement shows it."""
    ends_at, not_stated = code["expires_at"], words("announcement.not_stated")
    end = last_day(ends_at, code["expiry_text"]) or (at(ends_at) if ends_at else "")
    expires = f"{end} ({relative_time(ends_at)})" if ends_at else ""
    rewards = truncate(escape_markdown(code["rewards"]), REWARDS_LENGTH) or not_stated
    end = expires or truncate(escape_markdown(code["expiry_text"]), 80) or not_stated
    lines = [
        f"```\n{in_code_marks(code['spelling'])}\n```",
        words("announcement.rewards", rewards=rewards),
        words("announcement.expires", end=end),
    ]
    if code["regions"]:
        regions = truncate(escape_markdown(", ".join(code["regions"])), 60)
        lines.append(words("announcement.region", regions=regions))
    if game.redeem_url:
        lines.append(f"[{words('announcement.redeem')}]({game.redeem_address(code['spelling'])})")
    return shortened("\n".join(lines))


def added(result: CommandResult, games: Games, voice: Voice) -> discord.Embed:
    """The answer to a code that was added by hand for this guild."""
    if result.refusal:
        return code_refusal(result, voice)
    words, code = voice.words, result.value["code"]
    if result.value["guilds"]:
        text = words("bot.codes.announced_here")
    else:
        text = words("bot.codes.not_followed_here", command=voice.command("giftcodesettings"))
    shown = f"{text}\n{_code_text(code, games[code['game']], words)}"
    embed = answer_embed(words("bot.codes.added"), shown, trouble=code_trouble(result, voice))
    return embed.set_footer(text=games[code["game"]].title)


# What went out


def statistics(result: CommandResult, games: Games, voice: Voice) -> discord.Embed:
    """The numbers of what went out to one guild."""
    if result.refusal:
        return code_refusal(result, voice)
    value, words = result.value, voice.words
    states = value["states"]
    embed = answer_embed(words("bot.stats.title"), color=BLUE, trouble=code_trouble(result, voice))
    embed.add_field(name=words("bot.stats.codes"), value=str(value["total"]))
    last = in_code_marks(value["last_code"] or "")
    last = f"`{last}` {relative_time(value['last_sent_at'])}" if last else "–"
    embed.add_field(name=words("bot.stats.last"), value=last)
    embed.add_field(name=words("bot.stats.seeded"), value=str(states["seeded"]))
    if unsettled := states["open"] + states["uncertain"]:
        embed.add_field(name=words("bot.stats.unsettled"), value=str(unsettled))
    by_game = {_title(slug, games, words): count for slug, count in value["games"].items()}
    days = dict(sorted(value["days"].items())[-LAST_DAYS:])
    for name, counts in (
        (words("bot.stats.by_game"), by_game),
        (words("bot.stats.by_source"), value["sources"]),
        (words("bot.stats.last_days"), days),
    ):
        text = ", ".join(f"{plain(one)} {count}" for one, count in counts.items())
        embed.add_field(name=name, value=shortened(text), inline=False)
    return embed


def question_before_reset(result: CommandResult, voice: Voice) -> discord.Embed | None:
    """The question that says what would be forgotten, and what comes of it; None where there is nothing."""
    states, words = result.value["states"], voice.words
    count = sum(states.values())
    if not count:
        return None
    unsettled = states["open"] + states["uncertain"]
    kinds = (
        words("bot.reset.announced", count=states["sent"]) if states["sent"] else "",
        words("bot.reset.seeded", count=states["seeded"]) if states["seeded"] else "",
        words("bot.reset.unsettled", count=unsettled) if unsettled else "",
    )
    known = words.counted("bot.reset.known", count, count=count, which=", ".join(filter(None, kinds)))
    text = f"{known} {words('bot.reset.follows')} {words('bot.reset.for_good')}"
    return answer_embed(words("bot.reset.question"), text, color=RED)


def forgotten(result: CommandResult, voice: Voice) -> discord.Embed:
    """The answer once it is forgotten."""
    if result.refusal:
        return code_refusal(result, voice)
    count = result.value["cleared"]
    text = voice.words.counted("bot.reset.forgotten", count, count=count)
    return answer_embed(voice.words("bot.reset.done"), text, trouble=code_trouble(result, voice))


def checked(result: CommandResult, voice: Voice) -> discord.Embed:
    """The answer to a check: what it brought this guild."""
    words = voice.words
    if result.refusal:
        is_busy = result.exit_code == EXIT_LOCKED
        return refusal_embed(words("bot.codes.checking")) if is_busy else code_refusal(result, voice)
    deliveries: Sequence[Mapping[str, Any]] = result.value["deliveries"]
    sent = _marked(deliveries, "sent", "settled")
    refused, open_ = _marked(deliveries, "refused"), _marked(deliveries, "unclear", "uncertain")
    seeded = sum(len(one["codes"]) for one in result.value["seeded"])
    owed = sum(one["owed"] for one in result.value["resting"])
    lines = [
        words("bot.check.sent", codes=sent) if sent else "",
        words("bot.check.refused", codes=refused) if refused else "",
        words("bot.check.unsettled", codes=open_) if open_ else "",
        words.counted("bot.check.seeded", seeded, count=seeded) if seeded else "",
        words.counted("bot.check.owed", owed, count=owed) if owed else "",
    ]
    notices = result.value["notices"]
    also = [words("bot.codes.noticed")] if notices else []
    trouble = code_trouble(replace(result, notices=(*result.notices, *notices)), voice, *also)
    is_short = bool(refused or open_ or owed)
    title = words("bot.check.short") if is_short else words("bot.check.done")
    text = "\n".join(filter(None, lines)) or words("bot.check.nothing")
    return answer_embed(title, text, color=RED if is_short else BLUE, trouble=trouble)


def _marked(deliveries: Sequence[Mapping[str, Any]], *results: str) -> str:
    """The codes of the deliveries that ended so, in code marks."""
    codes = [code for one in deliveries if one["result"] in results for code in one["codes"]]
    return ", ".join(f"`{in_code_marks(code)}`" for code in codes)


# The panel


def panel(known: Mapping[str, Any], games: Games, words: Words, *, was_on: bool) -> discord.Embed:
    """Where a guild's codes go; `was_on` when they went somewhere a moment ago."""
    title = words("bot.panel.title")
    if not known:
        off = f"{words('bot.panel.off_now')} {words('bot.panel.back_on')}" if was_on else words("bot.panel.off")
        return answer_embed(title, off, color=BLUE)
    embed = discord.Embed(title=title, color=BLUE)
    subscriptions = known["subscriptions"]
    where = dict.fromkeys(_where(str(one["destination"])) for one in subscriptions)
    embed.add_field(name=words("bot.panel.where"), value=shortened("\n".join(where)))
    mentioned = [mention if mention in (EVERYONE, HERE) else f"<@&{mention}>" for mention in mentions_of(known)]
    nobody = words("bot.panel.nobody")
    embed.add_field(name=words("bot.panel.mentions"), value=shortened(" ".join(mentioned) or nobody))
    followed = ", ".join(_title(game, games, words) for game in followed_games(known))
    embed.add_field(name=words("bot.panel.games"), value=shortened(followed), inline=False)
    if any(one["announce_current"] for one in subscriptions):
        current = words("bot.panel.current_announced")
    elif all(one["seeded"] is not None for one in subscriptions):
        current = words("bot.panel.current_recorded")
    else:
        current = words("bot.panel.current_to_come")
    embed.add_field(name=words("bot.panel.current"), value=current, inline=False)
    if broken := next((one["broken"] for one in subscriptions if one["broken"]), None):
        mend = f"; {mend_words(broken['mend'], words)}" if broken["mend"] else ""
        text = f"{relative_time(broken['since'])}: {code_words(broken['reason'])}{mend}"
        embed.add_field(name=words("bot.panel.broken"), value=shortened(text), inline=False)
    return embed


def _where(destination: str) -> str:
    """Where codes go, as Discord shows it: a channel by its mention."""
    found = re.fullmatch(r"channel (\d{17,20})", destination)
    return f"<#{found[1]}>" if found else code_words(destination)


def followed_games(known: Mapping[str, Any]) -> list[str]:
    """The games that a guild follows, from what a command gave of it."""
    return [one["game"] for one in known.get("subscriptions", ())]


def mentions_of(known: Mapping[str, Any]) -> tuple[str, ...]:
    """Whom a guild's announcements mention, each once."""
    return tuple(dict.fromkeys(mention for one in known.get("subscriptions", ()) for mention in one["mentions"]))


def _title(slug: str, games: Games, words: Words) -> str:
    return games[slug].title if slug in games else words("bot.codes.unknown_game", game=slug)
