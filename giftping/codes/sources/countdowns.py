"""Ends that a source counts down to, such as "7 days left": what they mean at the time when they were read. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo

from giftping.codes.model import Listing, Sighting

MINUTE, HOUR, DAY, WEEK, MONTH = (timedelta(minutes=count) for count in (1, 60, 1440, 10_080, 43_200))

_UNIT_WORDS = {
    MINUTE: r"m|mins?\.?|minutes?|minuten?|minutos?|minuti|мин[а-я]*|分钟|分鐘|分|분",
    HOUR: r"h|hrs?\.?|hours?|stunden?|std\.?|horas?|heures?|or[ae]|час[а-я]*|時間|小时|小時|시간",
    DAY: r"d|days?|tagen?|tage|d[ií]as?|jours?|giorn[io]|gün|ngày|hari|дн[а-я]*|день|日|天|일",
    WEEK: r"w|wks?|weeks?|wochen?|semanas?|semaines?|settiman[ae]|недел[а-я]*|週間?|周|주",
    MONTH: r"months?|monat\w*|mes(?:es)?|mois|mes[ei]|месяц[а-я]*|か月|ヶ月|个月|個月|개월",
}
_UNIT = "|".join(_UNIT_WORDS.values())
_PART = rf"\d{{1,4}}\s?(?:{_UNIT})(?![a-zа-я])"
_PARTS = rf"{_PART}(?:\s?(?:,|:|and|und|y|et|e|и)?\s?{_PART}){{0,4}}"
_BEFORE = (
    r"(?:(?:(?:the |this )?code )?(?:expires?|expiring|ends?|ending|valid|available|good|closes?)(?: only)?:? ?)?"
    r"(?:in|for another|within)(?: the next)?(?: about)?"
    r"|(?:time )?(?:left|remaining)(?: time)?:?|noch|quedan?|faltan?|encore|restam?|mancano|осталось|còn|sisa"
    r"|残り(?:時間)?[:：]?|あと|剩余(?:时间)?[:：]?|剩餘(?:時間)?[:：]?|还剩|還剩|남은 시간[:：]?"
)
_AFTER = (
    r"left|remaining|to go|more|(?:until|till|before) (?:it )?(?:expir\w+|ends?)|verbleibend|übrig|restants?|restantes?"
    r"|남음|남았습니다|후 (?:만료|종료)|後に?(?:終了|失効)|后(?:过期|结束|截止|失效)|後(?:過期|結束|截止|失效)"
)
_LEFT = re.compile(rf"(?:{_BEFORE})\s?({_PARTS})(?:\s?(?:{_AFTER}))?|({_PARTS})\s?(?:{_AFTER})", re.IGNORECASE)
_ENDING_TODAY = re.compile(
    r"(?:(?:expires?|ends?|valid (?:until|till|through)|until|till|only)(?: the end of)? )?(?:today|tonight)|heute"
    r"|本日(?:まで)?|今日(?:まで)?|今天|오늘(?:까지)?",
    re.IGNORECASE,
)
_ENDING_TOMORROW = re.compile(
    r"(?:(?:expires?|ends?|valid (?:until|till|through)|until|till)(?: the end of)? )?tomorrow|morgen"
    r"|明日(?:まで)?|明天|내일(?:까지)?",
    re.IGNORECASE,
)
_AGO = re.compile(rf"(?:(?:expired|ended|over|since):? )?{_PARTS} ago", re.IGNORECASE)
_EACH = re.compile(rf"(\d{{1,4}})\s?({_UNIT})(?![a-zа-я])", re.IGNORECASE)
_UNITS = [(re.compile(words, re.IGNORECASE), unit) for unit, words in _UNIT_WORDS.items()]

_WITH_DAY = re.compile(r"\d{4}-\d{2}-\d{2} \((.*)\)")


@dataclass(frozen=True, slots=True)
class Countdown:
    """How long it is until an end."""

    left: timedelta
    unit: timedelta
    """By what it is counted: it may be so much more, or less."""

    def end(self, now: datetime, zone: tzinfo) -> date | datetime:
        """The end as counted from `now`: the last day in the zone, or the instant where hours are counted."""
        if self.unit >= DAY:
            return (now.astimezone(zone) + self.left).date()
        end = now + self.left
        # The end of the hour, or minute: what is called over too early would be lost.
        whole = end.replace(minute=0 if self.unit >= HOUR else end.minute, second=0, microsecond=0)
        return whole if whole == end else whole + self.unit

    def agrees(self, end: datetime, now: datetime) -> bool:
        """Whether what is counted may be the time until this end, whatever way the source rounds."""
        through_day = DAY if self.unit >= DAY else timedelta(0)
        return now < end and self.left - self.unit < end - now <= self.left + self.unit + through_day


def countdown_of(text: str) -> Countdown | None:
    """What a text counts down to, None where it does not."""
    if _ENDING_TODAY.fullmatch(text):
        return Countdown(timedelta(0), DAY)
    if _ENDING_TOMORROW.fullmatch(text):
        return Countdown(DAY, DAY)
    found = _LEFT.fullmatch(text)
    if found is None:
        return None
    parts = [(int(count), _unit_of(name)) for count, name in _EACH.findall(found[1] or found[2])]
    return Countdown(sum((count * unit for count, unit in parts), timedelta(0)), min(unit for _, unit in parts))


def tells_past_end(text: str) -> bool:
    """Whether a text says how long ago the end was."""
    return _AGO.fullmatch(text) is not None


def steadied(listing: Listing, before: Listing | None, now: datetime) -> Listing:
    """The listing, with the ends it counts down to where they were when it was read before, as long as that fits.

    One source counts whole days, another one begun ones: the end would be another one at each reading.
    """
    known = {one.key: one for one in before.sightings} if before else {}
    return replace(listing, sightings=tuple(_steady(one, known.get(one.key), now) for one in listing.sightings))


def _steady(now_read: Sighting, before: Sighting | None, now: datetime) -> Sighting:
    if before is None or before.expires_at is None or now_read.expires_at in (None, before.expires_at):
        return now_read
    text, text_before = _counted(now_read.expiry_text), _counted(before.expiry_text)
    countdown = countdown_of(text)
    if countdown is None or countdown_of(text_before) is None:
        return now_read
    # A text that nobody brings up to date says no more than it did.
    if text == text_before or countdown.agrees(before.expires_at, now):
        day = before.expiry_text[:10] if before.expiry_text != text_before else ""
        return replace(
            now_read, expires_at=before.expires_at, expiry_text=f"{day} ({text})" if day else before.expiry_text
        )
    return now_read


def _counted(text: str) -> str:
    """What the source wrote, without the day that it meant."""
    found = _WITH_DAY.fullmatch(text)
    return found[1] if found else text


def _unit_of(name: str) -> timedelta:
    return next(unit for words, unit in _UNITS if words.fullmatch(name))
