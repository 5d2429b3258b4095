"""What makes the listing of a code doubtful: how many come at once, what comes beside it, and what it looks like. Pure.

Only what is fresh is judged, so that a verdict stays with the code: a smaller list later does not wash it clean, and
what a code is called later does not make one doubtful that has gone out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from types import MappingProxyType

from giftping.codes.guards.refusals import is_page_word
from giftping.settings.catalogue import Game
from giftping.text import counted

PAGE_WORDS = 3
"""So many fresh rows that are words of a page make a list one of a page's words."""

IN_ORDER_OF = 8
"""One in so many of what is back, or stands, in a list may be in order where it is a page of junk."""

CUT_FROM = 8
"""How long a code is at least that may be another one, cut."""

CUT_BY = 3
"""How much of it may be missing at most."""

CUT_OF_WITHIN = timedelta(days=7)
"""For how long after it was seen last a code may be the one that was cut."""

CONFIRMED_WITHIN = timedelta(days=1)
"""How long a code waits for a second family at most, where a game asks for one."""

UNCONFIRMED = "waits for a second family to list it, as the game's settings want"

_IN_A_ROW = 4
_TESTED = re.compile(r".*TEST[^0-9]*0[0-9]+")
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a listing of a code is doubtful."""

    reason: str
    lasts: timedelta | None
    """How long it holds the code; None until a person, or a second family, says so."""


@dataclass(frozen=True, slots=True)
class CurrentList:
    """What one source lists now, and how it is judged."""

    source: str
    family: str
    keys: frozenset[str]
    is_looked_at: bool
    """Whether somebody has had a first look at it before: until then it tells of no news."""
    trusted: bool
    hold_above: int
    ask_above: int
    hold_for: timedelta
    was_empty: bool = False
    """Whether the list before had nothing."""
    seen_last: datetime | None = None
    """When a code was last seen in it before, None where none was."""


@dataclass(frozen=True, slots=True)
class KnownCode:
    """What is known of one round of a code from before."""

    last_seen: datetime
    sources: frozenset[str]
    """Who has listed it."""
    doubtful_at: frozenset[str]
    """At which of them its listing is doubtful still."""
    is_refused: Callable[[], bool]
    """Whether it may not go out for a reason of its own, such as that it has ended."""
    seen_at: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    """By source, when that has listed it last."""
    asked_at: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    """By source, since when a person has been asked about its listing; of those alone where one is."""


@dataclass(frozen=True, slots=True)
class GameLists:
    """What is listed of one game now, and what is known of it."""

    game: Game
    lists: tuple[CurrentList, ...]
    spellings: Mapping[str, str]
    """Of each code that is listed, by key."""
    refused: frozenset[str]
    """What of that may not go out for a reason of its own."""
    not_codes: frozenset[str]
    """What of that is no code at all."""
    known: Mapping[str, KnownCode]
    """By key; without those of which a new round begins now."""
    elsewhere: frozenset[str] = frozenset()
    """The keys that are known for games that share no codes with this one."""


@dataclass(frozen=True, slots=True)
class Doubts:
    """What of a game's lists is doubtful."""

    of_codes: Mapping[str, Mapping[str, Doubt]] = field(default_factory=lambda: MappingProxyType({}))
    """By key and source."""
    unclean: frozenset[str] = frozenset()
    """The sources whose list is doubtful as a whole now."""


def doubts(lists: GameLists, now: datetime) -> Doubts:
    """What of the lists is doubtful; the order of the sources makes no difference."""
    found: dict[str, dict[str, Doubt]] = {}
    unclean: set[str] = set()
    # What a first look finds is no news; but it is no clean word either for what is doubtful at others.
    for one in sorted(lists.lists, key=lambda one: not one.is_looked_at):
        doubted = found.keys() if not one.is_looked_at else ()
        fresh_in_list = _fresh_in(lists, one, frozenset(doubted))
        of_list: dict[str, Doubt] = {}
        for key, doubt in _doubts_of_list(lists, one, fresh_in_list, now):
            of_list[key] = _stricter(of_list.get(key), doubt)
        if of_list.keys() - lists.refused or _is_of_a_page(lists, one, fresh_in_list):
            unclean.add(one.source)
        for key, doubt in of_list.items():
            found.setdefault(key, {})[one.source] = doubt
    unknown = {key for key in lists.spellings if key not in lists.known}
    of_code = dict(_doubts_of_codes(lists, unknown - lists.refused, now))
    for key, doubt in of_code.items():
        for one in _needing_a_second(lists, key, found.get(key, {}), doubt):
            of_key = found.setdefault(key, {})
            of_key[one.source] = _stricter(of_key.get(one.source), doubt)
    return Doubts(found, frozenset(unclean))


def _stricter(first: Doubt | None, second: Doubt) -> Doubt:
    if first is None or second.lasts is None:
        return second
    return first if first.lasts is None or first.lasts >= second.lasts else second


# Of a list


def _doubts_of_list(
    lists: GameLists, one: CurrentList, fresh: frozenset[str], now: datetime
) -> Iterator[tuple[str, Doubt]]:
    still = _still_in(lists, one)
    asked = frozenset(key for key in still if one.source in lists.known[key].asked_at)
    all_back = _back_in(lists, one) if fresh or still - asked else frozenset()
    back = _page_that_is_back(lists, all_back, still)
    # What nobody doubts says that it is the list still: where there is nothing of that, another page took its place.
    is_replaced = one.is_looked_at and not (one.keys & lists.known.keys()) - still - lists.not_codes
    words = sorted(_words_in(lists, fresh | back | (asked if is_replaced else frozenset())))
    if fresh and len(words) >= PAGE_WORDS:
        shown = ", ".join(lists.spellings[key] for key in words[:_EXAMPLES])
        reason = f"stands beside words of a page ({shown}){' and nothing else' if is_replaced else ''}"
        doubt = Doubt(reason, None if is_replaced else one.hold_for)
        yield from ((key, doubt) for key in (fresh | still if is_replaced else fresh))
    if not one.trusted:
        page = _page_of_now(lists, one, still, all_back, now)
        yield from _doubts_of_burst(lists, one, fresh, still, page or back & still)
        if len(back & asked) > one.hold_above:
            # What came with that page before, or stands in a list that is nothing else, is a part of it.
            is_all = not one.keys - fresh - still - lists.not_codes
            part = (back & still) - asked | (fresh if is_all else frozenset())
            yield from ((key, _beside_page(back & asked, None)) for key in part)


def _doubts_of_burst(
    lists: GameLists, one: CurrentList, fresh: frozenset[str], still: frozenset[str], page: frozenset[str]
) -> Iterator[tuple[str, Doubt]]:
    may_go_out = fresh - lists.refused
    if len(fresh) <= one.hold_above:
        if may_go_out and len(fresh | page) > one.hold_above:
            yield from ((key, _beside_page(page, one.hold_for)) for key in fresh)
        return
    count = len(fresh | still)
    asks = count > one.ask_above or 2 * count >= len(one.keys)
    reason = f"{counted(len(fresh), 'new code')} at once in a list of {len(one.keys)}"
    doubt = Doubt(reason, None if asks else one.hold_for)
    if len(may_go_out) > one.hold_above or (page and len(may_go_out | page) > one.hold_above):
        yield from ((key, doubt) for key in (fresh | still if asks else fresh))
    else:
        # What has ended, or is none, is a backlog that holds nothing up; and none of it is to come to life by itself.
        yield from ((key, doubt) for key in fresh - may_go_out)


def _still_in(lists: GameLists, one: CurrentList) -> frozenset[str]:
    """What of a list is doubtful from before."""
    return frozenset(key for key in one.keys if key in lists.known and one.source in lists.known[key].doubtful_at)


def _is_of_a_page(lists: GameLists, one: CurrentList, fresh: frozenset[str]) -> bool:
    """Whether words of a page have come into a list, or come again: then what was held waits, though it came before."""
    words = frozenset(_words_in(lists, one.keys))
    if len(words) < PAGE_WORDS:
        return False
    back = _page_that_is_back(lists, _back_in(lists, one), _still_in(lists, one))
    return len(words & (fresh | back)) >= PAGE_WORDS


def _words_in(lists: GameLists, keys: Iterable[str]) -> list[str]:
    """Those of the keys that are words that pages are made of, if only because no code has such letters."""

    def is_word(key: str) -> bool:
        spelling = lists.spellings[key]
        return is_page_word(spelling) or (key in lists.not_codes and spelling.isalpha() and not spelling.isascii())

    return list(filter(is_word, keys))


def _beside_page(page: frozenset[str], lasts: timedelta | None) -> Doubt:
    return Doubt(f"comes with {counted(len(page), 'doubtful code')} of a page of junk", lasts)


def _page_of_now(
    lists: GameLists, one: CurrentList, still: frozenset[str], back: frozenset[str], now: datetime
) -> frozenset[str]:
    """What a person was asked about and stands there still, as a page of junk that is read anew with other words.

    That is so many as no burst has by itself, and they came just now, or are at least half of the list and are back, or
    stand beside words of a page, or hardly anything else is there. What stays beside much that is in order, such as a
    new section that nobody has approved, delays nothing.
    """
    since = {key: at for key in still if (at := lists.known[key].asked_at.get(one.source)) is not None}
    asked = frozenset(since)
    if len(asked) <= one.ask_above:
        return frozenset()
    lately = [key for key in asked if now - since[key] < one.hold_for]
    in_order = (one.keys & lists.known.keys()) - still - lists.not_codes
    is_page = len(lately) > one.ask_above or IN_ORDER_OF * len(in_order) < len(asked)
    if not is_page and 2 * len(asked) >= len(one.keys):
        words = _words_in(lists, one.keys & lists.not_codes)
        is_page = len(asked & back) > one.ask_above or len(words) >= PAGE_WORDS
    return asked if is_page else frozenset()


def _back_in(lists: GameLists, one: CurrentList) -> frozenset[str]:
    """What the list before had not, though an earlier one had."""
    seen = {key: lists.known[key].seen_at.get(one.source) for key in one.keys if key in lists.known}
    last = one.seen_last
    return frozenset(key for key, at in seen.items() if at and (one.was_empty or (last is not None and at < last)))


def _page_that_is_back(lists: GameLists, back: frozenset[str], still: frozenset[str]) -> frozenset[str]:
    """What is doubtful, or no code, of what is back: a junk page comes again.

    Nothing where much that is in order is back with it: then it is the list that comes again, with what it had.
    """
    junk = back & (still | lists.not_codes)
    return junk if IN_ORDER_OF * len(back - junk) < len(junk) else frozenset()


def _fresh_in(lists: GameLists, one: CurrentList, doubted: frozenset[str]) -> frozenset[str]:
    """What is new in a list: what nobody knew, and what this source says for the first time of what is in doubt.

    `doubted` is what other lists have made doubtful now, where the list tells of no news itself.
    """

    def is_fresh(key: str) -> bool:
        known = lists.known.get(key)
        if known is None:
            return one.is_looked_at or key in doubted or key in lists.not_codes
        return one.source not in known.sources and (bool(known.doubtful_at) or key in lists.not_codes)

    return frozenset(filter(is_fresh, one.keys))


# Of a code


def _doubts_of_codes(lists: GameLists, fresh: Iterable[str], now: datetime) -> Iterator[tuple[str, Doubt]]:
    fresh = frozenset(fresh)
    longer = _longer_ones(lists, fresh, now)
    for key in sorted(fresh):
        if key in longer:
            yield key, Doubt(f"is {longer[key]} without its end", None)
        elif is_made_up(key):
            yield key, Doubt("looks made up", None)
        elif key in lists.elsewhere:
            yield key, Doubt("is known as a code of another game", None)
        elif lists.game.confirm > 1:
            yield key, Doubt(UNCONFIRMED, CONFIRMED_WITHIN)


def _needing_a_second(lists: GameLists, key: str, of_lists: Mapping[str, Doubt], doubt: Doubt) -> Iterable[CurrentList]:
    """The lists whose word for a doubtful code is not enough: all of them, unless two families have given theirs."""
    listing = [one for one in lists.lists if key in one.keys]
    families = {one.family for one in listing}
    has_clean_one = any(one.source not in of_lists for one in listing)
    if len(families) > 1 and (has_clean_one or doubt.reason == UNCONFIRMED):
        return ()
    return [one for one in listing if one.is_looked_at]


def _longer_ones(lists: GameLists, keys: frozenset[str], now: datetime) -> dict[str, str]:
    """Which of the keys are what would be left of a code of the game if its end were cut, and of which code."""
    cut = [key for key in keys if len(key) >= CUT_FROM]
    if not cut:
        return {}
    found: dict[str, str] = {}
    # Whether a code is refused takes longest to say: it is asked of those alone of which it matters.
    shortest, longest = len(min(cut, key=len)) + 1, len(max(cut, key=len)) + CUT_BY
    for key in sorted(one for one in lists.known.keys() | lists.spellings if shortest <= len(one) <= longest):
        parts = [key[:-by] for by in range(1, CUT_BY + 1) if key[:-by] in keys and len(key) - by >= CUT_FROM]
        if parts and _is_of_now(lists, key, now):
            found.update((part, lists.spellings.get(key, key)) for part in parts if part not in found)
    return found


def _is_of_now(lists: GameLists, key: str, now: datetime) -> bool:
    """Whether a code is listed, or was lately, and is none that may not go out itself."""
    if key in lists.spellings and key not in lists.refused:
        return True
    known = lists.known.get(key)
    return known is not None and now - known.last_seen <= CUT_OF_WITHIN and not known.is_refused()


def is_made_up(key: str) -> bool:
    """Whether a code looks like one that somebody, or something, has made up."""
    letters = [ord(one) - ord("A") for one in key if "A" <= one <= "Z"]
    digits = [int(one) for one in key if one in "0123456789"]
    return bool(_TESTED.fullmatch(key)) or (_end_in_a_row(letters, 26) and _end_in_a_row(digits, 10))


def _end_in_a_row(numbers: list[int], size: int) -> bool:
    last = numbers[-_IN_A_ROW:]
    return len(last) == _IN_A_ROW and all((one + 1) % size == two for one, two in pairwise(last))
