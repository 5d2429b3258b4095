"""What a person says of codes: `giftping codes held`, `approve`, `reject` and `withdraw`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime, tzinfo
from itertools import groupby
from typing import TYPE_CHECKING

from giftping.commands.adding import who_types
from giftping.commands.session import Session
from giftping.errors import EXIT_FINE, UsageError
from giftping.output.code_objects import code_object
from giftping.output.json import id_text, instant
from giftping.settings.problems import nearest
from giftping.store.base import CodeRecord, Ruling
from giftping.text import counted, key_of, to_type, verb_for, when

if TYPE_CHECKING:
    from giftping.codes.held_codes import HeldCode
    from giftping.store.records import Store


def held(session: Session, game: str | None, source: str | None) -> int:
    """Show what is held: why, since when and until when, and how many guilds wait for it."""
    session.check_game(game)
    with session.store(read_only=True) as store:
        found = _held(session, store, game, source)
    session.give({"held": [_held_object(one) for one in found]})
    listed = [one for one in found if one.is_listed]
    for line in _lines(listed, session.wiring.zone):
        session.tell(line)
    if not listed:
        session.tell("Nothing is held.")
    if gone := len(found) - len(listed):
        session.tell(f"{counted(gone, 'more code')} {verb_for(gone, 'were')} held, and no source lists them any more.")
    return EXIT_FINE


def _lines(found: Sequence[HeldCode], zone: tzinfo | None) -> Iterator[str]:
    """What is held, together what one source brought at once; behind all of a source, what says whether it is real."""
    from giftping.codes.holds import commands_for

    def batch(one: HeldCode) -> tuple[str, ...]:
        said = one.clearance
        until = when(said.held_until, zone) if said.held_until else "you say so"
        return said.held_by, one.record.game, said.reason, when(said.held_since, zone), until

    for source, of_source in groupby(sorted(found, key=batch), key=lambda one: one.clearance.held_by):
        for (_, game, reason, since, until), alike in groupby(of_source, key=batch):
            codes = list(alike)
            count = counted(len(codes), "code", "are")
            yield f"{source}: {count} held for {game} since {since}, until {until}: {reason}"
            yield f"  {', '.join(one.record.spelling for one in codes)}"
            yield f"  {counted(max(len(one.guilds) for one in codes), 'guild', 'wait')}"
        yield f"All of {source}: {commands_for(source=source)}; codes may be named in place of the source."


def _held(session: Session, store: Store, game: str | None, source: str | None) -> list[HeldCode]:
    """What is held. Raise UsageError for a source that nobody knows."""
    from giftping.codes.held_codes import held_codes
    from giftping.codes.holds import JudgingRules

    if source is not None:
        # One that the settings do not name any more may have left something.
        known = {*session.settings.sources, *(name for record in store.codes() for name in record.sources)}
        if source not in known:
            raise UsageError(f"there is no source {source!r}; {nearest(source, known)}")
    return list(held_codes(store, JudgingRules.of(session.settings), session.clock_of_look(), game, source))


def _held_object(one: HeldCode) -> dict[str, object]:
    return {
        "game": one.record.game,
        "key": one.record.key,
        "spelling": one.record.spelling,
        "source": one.clearance.held_by,
        "reason": one.clearance.reason,
        "since": instant(one.clearance.held_since),
        "until": instant(one.clearance.held_until),
        "listed": one.is_listed,
        "guilds": [id_text(guild_id) for guild_id in one.guilds],
    }


def approve(session: Session, codes: Sequence[str], game: str | None, source: str | None) -> int:
    """Let codes go out that are held, or refused; with a source, all that are held because of it."""
    from giftping.codes.held_codes import LISTED_WITHIN
    from giftping.codes.holds import JudgingRules, approved_by

    def approved(record: CodeRecord, ruling: Ruling) -> CodeRecord:
        return approved_by(record, ruling, JudgingRules.of(session.settings))

    def says(record: CodeRecord, now: datetime, check: str) -> str:
        if now - record.last_seen < LISTED_WITHIN or not record.is_for_all:
            return f"{record.spelling} approved: {check} announces it where it was not yet"
        what = ["--", record.spelling] if record.spelling.startswith("-") else [record.spelling]
        add = to_type("codes", "add", "--game", record.game, *what)
        return f"{record.spelling} approved, but no source lists it any more; to announce it: {add}"

    return _rule(session, codes, game, source, approved, says)


def reject(session: Session, codes: Sequence[str], game: str | None, source: str | None) -> int:
    """Say of codes that they are none; with a source, of all that are held because of it."""
    from giftping.codes.holds import withdrawn_by

    return _rule(session, codes, game, source, withdrawn_by, _says_withdrawn)


def withdraw(session: Session, code: str, game: str | None, *, undo: bool) -> int:
    """Take a code back, so that it goes out nowhere any more; or, with `undo`, take that back."""
    from giftping.codes.holds import JudgingRules, commands_for, remembered_clearance, restored_by, withdrawn_by

    if not undo:
        return _rule(session, [code], game, None, withdrawn_by, _says_withdrawn)
    was_withdrawn: set[str] = set()

    def undone(record: CodeRecord, ruling: Ruling) -> CodeRecord:
        if record.withdrawn is not None:
            was_withdrawn.add(record.id)
        return restored_by(record, ruling)

    def says(record: CodeRecord, now: datetime, check: str) -> str:
        if record.id not in was_withdrawn:
            return f"{record.spelling} was not withdrawn"
        judged = remembered_clearance(record, now, JudgingRules.of(session.settings))
        if judged.held_by:
            return f"{record.spelling} is held again ({judged.reason}): {commands_for(code=record)}"
        if not judged.may_go_out:
            return f"{record.spelling} is not withdrawn any more, and goes out nowhere all the same: it {judged.reason}"
        return f"{record.spelling} is a code again: if it is listed, {check} announces it where it was not yet"

    return _rule(session, [code], game, None, undone, says)


def _says_withdrawn(record: CodeRecord, _: datetime, _check: str) -> str:
    return f"{record.spelling} withdrawn: it goes out nowhere any more"


def _rule(
    session: Session,
    codes: Sequence[str],
    game: str | None,
    source: str | None,
    ruled: Callable[[CodeRecord, Ruling], CodeRecord],
    says: Callable[[CodeRecord, datetime, str], str],
) -> int:
    """Note what a person says of codes, and tell what comes of it. Raise UsageError for one that is not known."""
    from giftping.codes.holds import JudgingRules, remembered_clearance
    from giftping.commands.next_check import check_that_sends

    session.check_game(game)
    if not codes and source is None:
        raise UsageError("which codes? Name them, or a source with --source NAME: giftping codes held")
    now = session.clock()
    ruling = Ruling(who_types(), now)
    with session.store() as store:
        meant = _meant(store.codes(game), codes)
        if source is not None:
            meant += [one.record for one in _held(session, store, game, source)]
        if not meant:
            named = f"because of the source {source!r}" if source is not None else f"of {' '.join(codes)!r}"
            raise UsageError(f"nothing is held {named}: giftping codes held")
        for record in meant:
            store.amend_code(record.game, record.key, lambda one: ruled(one, ruling))
        wanted = {record.id for record in meant}
        check = check_that_sends(session, store)
        after = sorted((record for record in store.codes(game) if record.id in wanted), key=lambda one: one.id)
    rules = JudgingRules.of(session.settings)
    session.give({"codes": [code_object(record, remembered_clearance(record, now, rules).reason) for record in after]})
    for record in after:
        session.tell(f"{says(record, now, check)}.")
    return EXIT_FINE


def _meant(records: Collection[CodeRecord], codes: Sequence[str]) -> list[CodeRecord]:
    """The records of the codes that are named, or pasted. Raise UsageError for one that is not known."""
    from giftping.codes.pasted import codes_in

    meant: list[CodeRecord] = []
    keys = {record.key for record in records}
    for code in codes_in(codes, keys.__contains__):
        found = [record for record in records if record.key == key_of(code)]
        if not found:
            raise UsageError(f"no source has listed {code!r}, and nobody added it: giftping codes list --all")
        if len(found) > 1:
            games = ", ".join(sorted(record.game for record in found))
            raise UsageError(f"{code!r} is known for more than one game ({games}): say which with --game")
        meant += [record for record in found if record not in meant]
    return meant
