"""The lines of `codes check`: what each announcement came to, what is wrong, and what goes into a log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from giftping.codes.report import GOOD_RESULTS, DeliveryResult, EditResult, PublishResult
from giftping.output.trouble import (
    CLOCK,
    ONLY_IF_ASKED,
    RUN,
    STORE,
    Trouble,
    clock_over,
    clock_troubles,
    over_line,
    run_troubles,
    store_over,
    store_troubles,
    without_numbers,
)
from giftping.text import counted, to_type, when

if TYPE_CHECKING:
    from giftping.codes.gather import SourceReport
    from giftping.codes.report import CheckReport, DeliveryReport, HeldReport
    from giftping.discord.meanings import Meaning

EXAMPLES = 5
"""So many of the codes that are held are named."""

HELD = "held"
"""How the key of what is held begins."""

NO_GUILDS = "No guilds yet. Add one: giftping guilds add GUILD_ID --webhook env:NAME"


def good_lines(report: CheckReport, zone: tzinfo | None = None) -> Iterator[str]:
    """The results of a check, a line each: for standard output."""
    for seed in report.seeded():
        # Imported late: an idle run records nothing.
        from giftping.codes.subscriptions import change_command

        codes = counted(len(seed.codes), "current code")
        verb = "would be recorded" if report.dry_run else "recorded"
        yield (
            f"guild {seed.guild_id}: {seed.game}: {codes} {verb}, not posted (first look);"
            f" to post them: {change_command(seed.guild_id, [seed.game])} --announce-current"
        )
    for delivery in report.deliveries():
        if delivery.result in GOOD_RESULTS:
            yield delivery_line(delivery)
    yield from _edit_lines(report, zone)
    done = PublishResult.PLANNED if report.dry_run else PublishResult.PUBLISHED
    if count := sum(one.result is done for one in report.published):
        yield f"{'would publish' if report.dry_run else 'published'} {counted(count, 'message')}"


def _edit_lines(report: CheckReport, zone: tzinfo | None) -> Iterator[str]:
    """How many messages were put right, and which codes they show otherwise now."""
    edited = [edit for edit in report.edits if edit.result in (EditResult.EDITED, EditResult.PLANNED)]
    if not edited:
        return
    from giftping.codes.showing import for_reader

    shown = dict.fromkeys(change for edit in edited for change in edit.changes)
    changes = [f"{spelling} is {for_reader(shows, lambda at: when(at, zone))}" for spelling, shows in shown]
    some = f"{', '.join(changes[:EXAMPLES])}{' …' if len(changes) > EXAMPLES else ''}"
    left = f"; {report.edits_left} more in later runs" if report.edits_left and not report.dry_run else ""
    yield f"{'would edit' if report.dry_run else 'edited'} {counted(len(edited), 'message')}: {some}{left}"


def delivery_line(delivery: DeliveryReport, zone: tzinfo | None = None) -> str:
    """One line about one delivery: for whom, how it ended, what follows."""
    to = f" {_TOWARDS.get(delivery.result, 'to')} {delivery.destination}" if delivery.destination else ""
    reason = f" ({delivery.reason})" if delivery.reason else ""
    said = f"{_SAID[delivery.result]}{to}{reason}: {', '.join(delivery.codes)}"
    return f"guild {delivery.guild_id}: {delivery.game}: {said}{_next_step(delivery, zone)}"


_SAID = {
    DeliveryResult.SENT: "sent",
    DeliveryResult.SETTLED: "already there, now recorded as sent",
    DeliveryResult.REFUSED: "refused",
    DeliveryResult.UNCLEAR: "unclear whether it arrived",
    DeliveryResult.UNCERTAIN: "uncertain, nobody can tell whether it arrived",
    DeliveryResult.RELEASED: "taken off the ledger",
    DeliveryResult.CLOSED: "given up, nobody can tell any more whether it arrived",
    DeliveryResult.PLANNED: "would be sent",
    DeliveryResult.TAKEN: "left alone",
}


_TOWARDS = {
    DeliveryResult.REFUSED: "by",
    DeliveryResult.UNCLEAR: "at",
    DeliveryResult.UNCERTAIN: "at",
    DeliveryResult.TAKEN: "at",
}


def _next_step(delivery: DeliveryReport, zone: tzinfo | None) -> str:
    match delivery.result:
        case DeliveryResult.UNCLEAR if delivery.can_look:
            return "; the next run looks for it"
        case DeliveryResult.UNCERTAIN | DeliveryResult.UNCLEAR:
            settle = ("codes", "settle", str(delivery.guild_id))
            return f"; look into the channel, then: {to_type(*settle, '--sent')} or {to_type(*settle, '--resend')}"
        case DeliveryResult.REFUSED if delivery.meaning is not None and (delivery.broke or delivery.is_of_message):
            again = what_follows(delivery.meaning, delivery.guild_id, delivery.retry_at, zone)
            return f"; {again}"
        case DeliveryResult.REFUSED:
            mend = f"; {delivery.meaning.mend}" if delivery.meaning is not None and delivery.meaning.mend else ""
            return f"{mend}; it goes out in a later run"
        case _:
            return ""


def what_follows(meaning: Meaning, guild_id: int, retry_at: datetime | None, zone: tzinfo | None) -> str:
    """What a person has to mend at a broken destination, the command that tries it, and when it is tried anyway."""
    retry = f"tried again after {when(retry_at, zone)}" if retry_at else "not tried again by itself"
    return f"{meaning.mend}, then: giftping guilds test {guild_id} ({retry})"


def summary_line(report: CheckReport) -> str:
    """One line about a run that had nothing to say, for a person at a terminal."""
    if not report.guild_count:
        return NO_GUILDS
    outcomes = _by_outcome(report.sources)
    return f"Nothing new: {outcomes or 'no sources'}; {counted(report.guild_count, 'guild')}."


def detail_lines(report: CheckReport) -> Iterator[str]:
    """What each source said, and where they contradict each other: for those who ask with -v."""
    for source in report.sources:
        yield f"source {source.name}: {source.outcome.value.replace('_', ' ')}, {counted(source.count, 'code')}"
    for edit in report.edits:
        if edit.reason:
            said = f"message {edit.message_id} not edited ({edit.reason}); {_AFTER_EDIT[edit.result]}"
            yield f"guild {edit.guild_id}: {said}"
    for one in report.published:
        if one.reason and not one.mend:
            then = f"; tried again after {one.retry_at:%H:%M} UTC" if one.retry_at else "; it stays as it is"
            yield f"guild {one.guild_id}: message {one.message_id} not published ({one.reason}){then}"
    for text in report.disagreements:
        yield f"sources disagree: {text}"


_AFTER_EDIT = {
    EditResult.LATER: "a later run tries again",
    EditResult.GONE: "it stays as it is",
}


_PUBLISHED = PublishResult.PUBLISHED


def _by_outcome(sources: Iterable[SourceReport]) -> str:
    counts: dict[str, int] = {}
    for source in sources:
        counts[source.outcome.value] = counts.get(source.outcome.value, 0) + 1
    return ", ".join(f"{counted(count, 'source')} {outcome.replace('_', ' ')}" for outcome, count in counts.items())


# What is wrong


def troubles(report: CheckReport, zone: tzinfo | None) -> Iterator[Trouble]:
    """Everything that is wrong, whether or not it was told before."""
    yield from run_troubles(report.standing, report.trouble)
    yield from store_troubles(report.standing, report.trouble)
    yield from clock_troubles(report.clock)
    for source in report.sources:
        if source.is_failing:
            line = f"source {source.name}: {source.reason}"
            yield Trouble(f"source {source.name}", line, fields=source_fields(source))
        elif source.concern:
            line = f"source {source.name} {source.concern}; see: giftping sources list"
            fields = source_fields(source) | {"reason": source.concern}
            yield Trouble(f"list {source.name}", line, is_told_once=True, fields=fields)
    for delivery in report.deliveries():
        if delivery.result not in GOOD_RESULTS and not delivery.everywhere:
            yield Trouble(
                _delivery_key(delivery),
                delivery_line(delivery, zone),
                not delivery.told,
                counts_when_told=delivery.waits_for_a_person,
                fields=_delivery_fields(delivery),
            )
    # A refused token, or a limit for all, is one trouble however many guilds it hits.
    for reason, refused in report.refused_everywhere().items():
        line = delivery_line(refused[0]) if len(refused) == 1 else _refused_line(reason, refused)
        fields = {"outcome": DeliveryResult.REFUSED.value, "reason": reason}
        yield Trouble(f"everywhere {without_numbers(reason)}", line, fields=fields)
    for rest in report.resting():
        retry = f"tried again after {when(rest.retry_at, zone)}" if rest.retry_at else "not tried again"
        mend = rest.meaning.mend if rest.meaning is not None and rest.meaning.mend else "mend it"
        is_of_message = rest.meaning is not None and rest.meaning.is_of_message
        line = (
            f"guild {rest.guild_id}: {counted(rest.owed, 'code', 'wait')}"
            f" {'whose message was refused' if is_of_message else 'for a broken destination'}"
            f" ({rest.reason}; {retry}); {mend}, then: giftping guilds test {rest.guild_id}"
        )
        fields = {"guild": str(rest.guild_id), "outcome": "waiting", "reason": rest.reason}
        yield Trouble(
            _broken_key(rest.guild_id, rest.reason), line, is_known=True, counts_when_told=True, fields=fields
        )
    for one in report.published:
        if one.mend:
            retry = f"tried again after {when(one.retry_at, zone)}" if one.retry_at else "not tried again"
            said = f"messages in channel {one.channel_id} are not published ({one.reason}; {retry})"
            fields = {"guild": str(one.guild_id), "outcome": one.result.value, "reason": one.reason}
            key = f"publish {one.guild_id} {one.channel_id} {without_numbers(one.reason)}"
            yield Trouble(key, f"guild {one.guild_id}: {said}; {one.mend}", counts_when_told=True, fields=fields)
    yield from _hold_troubles(report, zone)
    for missed in report.missed:
        why = f" ({missed.reason})" if missed.reason else ""
        said = f"missed{why}: {missed.spelling}; it ended before it could go out ({missed.ended})"
        line = f"guild {missed.guild_id}: {missed.game}: {said}"
        fields = {"guild": str(missed.guild_id), "game": missed.game, "code": missed.spelling, "outcome": "missed"}
        yield Trouble(f"missed {missed.guild_id} {missed.game} {missed.spelling}", line, fields=fields)
    if report.uncertain:
        line = f"{counted(report.uncertain, 'code')} uncertain; look into the channels, then: giftping codes settle"
        yield Trouble("standing", line, is_known=True, counts_when_told=True)
    # An idle run has not opened the store: it knows that there is something, and a run that looks says what.
    if report.idle and report.broken:
        line = f"{counted(report.broken, 'destination')} broken: giftping guilds list"
        yield Trouble(ONLY_IF_ASKED, line, counts_when_told=True)
    if report.standing_trouble:
        yield Trouble(ONLY_IF_ASKED, "what earlier runs told of is not over: giftping doctor")


def _hold_troubles(report: CheckReport, zone: tzinfo | None) -> Iterator[Trouble]:
    """What is held, together what one source brought at once; to wait for a second family is no trouble."""
    for key, held in _batches(one for one in report.held if one.is_doubtful).items():
        # Imported late: an idle run holds nothing, and loads no guards.
        from giftping.codes.holds import commands_for

        first = held[0]
        ends = when(first.until, zone) if first.until else "you say so"
        line = (
            f"source {first.source}: {counted(len(held), 'code')} of {first.game} held until {ends}"
            f" ({first.reason}): {_some(held)}; {commands_for(source=first.source)}"
        )
        fields = {"source": first.source, "game": first.game, "outcome": "held", "reason": first.reason}
        yield Trouble(key, line, counts_when_told=True, end_is_news=True, fields=fields)


def _batches(held: Iterable[HeldReport]) -> dict[str, list[HeldReport]]:
    """What is, or was, held, by the key of its trouble: by source and since when."""
    found: dict[str, list[HeldReport]] = {}
    for one in held:
        found.setdefault(f"{HELD} {one.source} {one.since.isoformat()}", []).append(one)
    return found


def _some(held: Sequence[HeldReport]) -> str:
    shown = ", ".join(one.spelling for one in held[:EXAMPLES])
    return f"{shown} …" if len(held) > EXAMPLES else shown


def _hold_over(report: CheckReport, key: str) -> str:
    """That nothing of a batch is held any more, where this run has released the last of it."""
    # What has left the list is not released: it may come back at any time.
    held = _batches(report.released).get(key)
    if not held or key in _batches(report.held):
        return ""
    return f"source {held[0].source}: {counted(len(held), 'code')} held so far may go out: {_some(held)}"


def _delivery_key(delivery: DeliveryReport) -> str:
    if delivery.result is DeliveryResult.UNCERTAIN:
        return f"uncertain {delivery.delivery_id}"
    if delivery.result is DeliveryResult.UNCLEAR:
        # Why it cannot be found out is what a person can mend.
        return f"unclear {delivery.delivery_id} {without_numbers(delivery.reason)}"
    if delivery.broke or delivery.is_of_message:
        return _broken_key(delivery.guild_id, delivery.reason)
    return f"guild {delivery.guild_id} {delivery.result.value}"


def _broken_key(guild_id: int, reason: str) -> str:
    """The key of a destination that a person must mend: broken for another reason, it wants another mend."""
    return f"guild {guild_id} broken {without_numbers(reason)}"


def _refused_line(reason: str, refused: Sequence[DeliveryReport]) -> str:
    guilds = counted(len({delivery.guild_id for delivery in refused}), "guild")
    codes = sum(len(delivery.codes) for delivery in refused)
    meaning = refused[0].meaning
    mend = f"; {meaning.mend}" if meaning is not None and meaning.mend else ""
    return f"{guilds}: refused ({reason}): {counted(codes, 'code')} in all{mend}; they go out in a later run"


def trouble_over(report: CheckReport, key: str, line: str = "") -> str:
    """The news that the trouble of a key is over; empty when this run did not show that. `line` is what was said."""
    sort, _, rest = key.partition(" ")
    if sort == STORE:
        return store_over(report.standing)
    if sort == RUN:
        return over_line(line) if report.is_whole else ""
    if sort == CLOCK:
        return clock_over(report.clock)
    if sort == HELD:
        return _hold_over(report, key)
    if sort == "source":
        is_well = any(source.name == rest and not source.is_failing for source in report.sources)
        return f"{key}: answers again" if is_well else ""
    if sort == "list":
        one = next((source for source in report.sources if source.name == rest), None)
        is_well = one is not None and one.count > 0 and not (one.is_failing or one.concern)
        return f"source {rest}: its list is as usual again" if is_well else ""
    if sort == "publish":
        guild, channel = rest.split(" ")[:2]
        where = {(str(one.guild_id), str(one.channel_id)) for one in report.published if one.result is _PUBLISHED}
        return f"guild {guild}: messages in channel {channel} are published again" if (guild, channel) in where else ""
    # Silence is no sign: a guild is well again once something has arrived there.
    arrived = {
        one.guild_id for one in report.deliveries() if one.result in (DeliveryResult.SENT, DeliveryResult.SETTLED)
    }
    if sort == "everywhere":
        return "announcements go out again" if arrived else ""
    guild = rest.partition(" ")[0]
    return f"guild {guild}: announcements arrive again" if sort == "guild" and guild in map(str, arrived) else ""


# For logs


def check_events(report: CheckReport, *, everything: bool) -> Iterator[tuple[str, dict[str, str]]]:
    """What became of each code in each guild, with the level at which it is logged.

    What went wrong is told as trouble, once: at each run again, as what each source said, only with `everything`.
    """
    for seed in report.seeded():
        for code in seed.codes:
            fields = {"guild": str(seed.guild_id), "game": seed.game, "code": code, "outcome": "seeded"}
            yield "info", fields
    for delivery in report.deliveries():
        is_good = delivery.result in GOOD_RESULTS
        for code in delivery.codes if is_good or everything else ():
            yield "info" if is_good else "error", {**_delivery_fields(delivery), "code": code}
    for edit in report.edits:
        for code, shows in edit.changes if edit.result is EditResult.EDITED or everything else ():
            fields = {"guild": str(edit.guild_id), "game": edit.game, "code": code, "outcome": edit.result.value}
            yield "info", {**fields, "shows": shows, "message_id": str(edit.message_id)}
    for source in report.sources if everything else ():
        yield "error" if source.is_failing else "info", source_fields(source)


def source_fields(source: SourceReport) -> dict[str, str]:
    """A source by name and value, as a log has it."""
    fields = {"source": source.name, "game": source.game, "outcome": source.outcome.value, "reason": source.reason}
    return {name: value for name, value in fields.items() if value}


def _delivery_fields(delivery: DeliveryReport) -> dict[str, str]:
    fields = {
        "guild": str(delivery.guild_id),
        "game": delivery.game,
        "code": ", ".join(delivery.codes),
        "outcome": delivery.result.value,
        "reason": delivery.reason,
        "destination": delivery.destination,
        "delivery": delivery.delivery_id,
        "message_id": "" if delivery.message_id is None else str(delivery.message_id),
    }
    return {name: value for name, value in fields.items() if value}
