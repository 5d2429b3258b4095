"""What of the codes that are listed may go out now: refused, held or clear, by their lists and by what is remembered.

What is found doubtful is written into the memory of codes before anything goes out, and what comes back from there is
what counts: another host may have seen another list. That one write apart, this is pure.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property, partial

from giftping.codes.gather import SourceReport
from giftping.codes.guards.doubts import UNCONFIRMED, CurrentList, Doubts, GameLists, KnownCode, doubts
from giftping.codes.guards.refusals import clearance, glued, is_no_code
from giftping.codes.holds import JudgingRules, as_holds, code_of, hold_clearance, open_holds, released
from giftping.codes.model import Clearance, Code
from giftping.codes.plan import code_records
from giftping.codes.report import HeldReport, RefusedReport
from giftping.codes.rounds import begins_anew
from giftping.settings.catalogue import Game
from giftping.settings.sources import MANUAL_SOURCE
from giftping.store.base import CodeRecord, Hold, Round, Subscription, code_id
from giftping.store.code_documents import merge_code_records
from giftping.store.records import Store

UNREADABLE = "what is known of it cannot be read: mend that first"


@dataclass(frozen=True, slots=True)
class Judged:
    """What becomes of the codes that are listed now."""

    codes: tuple[Code, ...]
    """All of them, with what is remembered of them."""
    valid: tuple[Code, ...]
    """Those that may go out."""
    refused: tuple[RefusedReport, ...]
    held: tuple[HeldReport, ...]
    released: tuple[HeldReport, ...]
    """What was held before this run, and may go out now."""
    records: Mapping[str, CodeRecord]
    """What is remembered of all codes from now on, those included that are not listed; by id."""


def judge_lists(store: Store, lists: Lists, *, seen_at: datetime, writes: bool) -> Judged:
    """What may go out of what is listed; what is learnt of it is remembered, if the run `writes`.

    `seen_at` is when it was listed. Raise StoreError when the memory cannot be written.
    """
    after = store.remember(lists.to_remember(seen_at), writes=writes)
    verdicts = {id_: lists.verdict(id_, after[id_]) for id_ in lists.codes}
    reports = {
        id_: HeldReport(
            game=code.game,
            spelling=code.spelling,
            source=verdicts[id_].held_by,
            reason=verdicts[id_].reason,
            since=verdicts[id_].held_since or seen_at,
            until=verdicts[id_].held_until,
            is_new=not lists.held_before(id_),
            is_overdue=lists.is_over(verdicts[id_].held_until),
            is_doubtful=verdicts[id_].reason != UNCONFIRMED,
        )
        for id_, code in lists.codes.items()
        if verdicts[id_].held_by
    }
    return Judged(
        codes=tuple(lists.codes.values()),
        valid=tuple(
            _spelled(code, after[id_].spelling) for id_, code in lists.codes.items() if verdicts[id_].may_go_out
        ),
        refused=tuple(
            RefusedReport(code.game, code.spelling, lists.refusals[id_])
            for id_, code in lists.codes.items()
            if lists.refusals[id_]
        ),
        held=tuple(reports.values()),
        released=tuple(
            report for id_ in lists.codes if verdicts[id_].may_go_out and (report := lists.held_before(id_)) is not None
        ),
        records={**lists.known, **after},
    )


def _spelled(code: Code, spelling: str) -> Code:
    """The code as it is spelled."""
    return code if code.spelling == spelling else replace(code, spelling=spelling)


class KnownCodes(Mapping[str, KnownCode]):
    """What is known of codes, by key; made when it is asked for, as there are thousands and few of them matter."""

    def __init__(self, records: Mapping[str, CodeRecord], made_of: Callable[[CodeRecord], KnownCode]) -> None:
        self._records = records
        self._made_of = made_of
        self._made: dict[str, KnownCode] = {}

    def __getitem__(self, key: str) -> KnownCode:
        if key not in self._made:
            self._made[key] = self._made_of(self._records[key])
        return self._made[key]

    def __contains__(self, key: object) -> bool:
        return key in self._records

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)


class Lists:
    """What is listed now, beside what is remembered and what the settings say.

    `now` is the instant by which things have ended. `unreadable` are the ids of codes of which something is remembered
    that cannot be read: whether they are held, or were withdrawn, nobody knows.
    """

    def __init__(
        self,
        listed: Sequence[Code],
        sources: Sequence[SourceReport],
        remembered: Sequence[CodeRecord],
        subscriptions: Iterable[Subscription],
        rules: JudgingRules,
        now: datetime,
        unreadable: Collection[str] = (),
    ) -> None:
        self._unreadable = unreadable
        self.known = {record.id: record for record in remembered}
        """What was remembered before this run, by id."""
        # What a guild's own people say counts for nobody else, nor against what others list.
        self._of_all = {id_: record for id_, record in self.known.items() if record.is_for_all}
        self._sources = [source for source in sources if source.has_list]
        self._rules = rules
        self._now = now
        of_game: dict[str, list[Subscription]] = {}
        for one in subscriptions:
            of_game.setdefault(one.game, []).append(one)
        self._looked_at = {
            source.name
            for source in sources
            if any(one.has_looked_at(source.name, source.address) for one in of_game.get(source.game, ()))
        }
        self._looked_last: dict[str, datetime] = {}
        """When a list of a game was last known before this run, by game."""
        for source in self._sources:
            if source.listed_before is not None and not source.is_failing:
                before = self._looked_last.get(source.game, source.listed_before)
                self._looked_last[source.game] = max(before, source.listed_before)
        self._rounds = {code_id(code.game, code.key): self._rounds_of(code) for code in listed}
        self.codes = {code_id(code.game, code.key): self._as_known(code) for code in listed}
        """By id, in the order in which they are listed, with what is remembered of them."""

    def _rounds_of(self, code: Code) -> tuple[Round, ...]:
        known = self.known.get(code_id(code.game, code.key))
        if known is None or not known.is_for_all:
            return ()
        game = self._rules.games.get(code.game)
        anew = begins_anew(
            code,
            known,
            self._now,
            looked_at=self._looked_last.get(code.game),
            reissue_after=game.reissue_after if game else None,
        )
        return (*known.rounds, anew) if anew else known.rounds

    def _as_known(self, code: Code) -> Code:
        id_ = code_id(code.game, code.key)
        number = 1 + len(self._rounds[id_])
        known = self.known.get(id_)
        if known is None or (number == 1 and not known.withdrawn and not known.approved):
            return code
        of_record = code_of(known)
        return replace(code, number=number, withdrawn=of_record.withdrawn, approved_at=of_record.approved_at)

    @cached_property
    def _own_refusals(self) -> dict[str, str]:
        """Why each code may not go out, by nothing but itself and its end."""
        return {
            id_: UNREADABLE
            if id_ in self._unreadable
            else clearance(code, self._now, self._rules.skipped_regions, self._rules.games).reason
            for id_, code in self.codes.items()
        }

    @cached_property
    def refusals(self) -> dict[str, str]:
        """Why each code may not go out for a reason of its own, empty where it may, by id."""
        return {id_: self._own_refusals[id_] or self._glued(id_, code) for id_, code in self.codes.items()}

    def _glued(self, id_: str, code: Code) -> str:
        if code.approved_at is not None or MANUAL_SOURCE in code.sources:
            return ""
        singles = self._singles.get(code.game, {})
        first_seen = self._of_all[id_].first_seen if id_ in self._of_all else self._now
        # Two that came later do not make one of it.
        return glued(code.key, lambda key: key in singles and singles[key] <= first_seen)

    @cached_property
    def _singles(self) -> dict[str, dict[str, datetime]]:
        """What is surely a code, by game and key, with when it was seen first: what is in doubt proves nothing."""
        found: dict[str, dict[str, datetime]] = {}
        for record in self._of_all.values():
            is_sure = record.withdrawn is None and not (record.holds and open_holds(record))
            if is_sure and not self._is_no_code(record.game, record.spelling):
                # By a clock that is ahead it may have been seen in what is to come: then it is seen now.
                found.setdefault(record.game, {})[record.key] = min(record.first_seen, self._now)
        for id_, code in self.codes.items():
            in_doubt = code.game in self._doubts and code.key in self._doubts[code.game].of_codes
            if id_ not in self._of_all and not in_doubt and not self._is_no_code(code.game, code.spelling):
                found.setdefault(code.game, {})[code.key] = self._now
        return found

    def _is_no_code(self, game: str, spelling: str) -> bool:
        pattern = self._rules.games[game].code_pattern if game in self._rules.games else ""
        return is_no_code(spelling, pattern)

    @cached_property
    def _doubts(self) -> dict[str, Doubts]:
        """What of the lists is doubtful, by game."""
        games = {code.game for code in self.codes.values()} & self._rules.games.keys()
        return {slug: doubts(self._game_lists(self._rules.games[slug]), self._now) for slug in games}

    def _game_lists(self, game: Game) -> GameLists:
        codes = {id_: code for id_, code in self.codes.items() if code.game == game.slug}
        listed: dict[str, set[str]] = {}
        for code in codes.values():
            for source in code.sources:
                listed.setdefault(source, set()).add(code.key)
        of_round = {
            record.key: record
            for id_, record in self._of_all.items()
            if record.game == game.slug and len(self._rounds.get(id_, record.rounds)) == len(record.rounds)
        }
        foreign = {slug for slug in {record.game for record in self._of_all.values()} if self._is_foreign(game, slug)}
        seen_last: dict[str, datetime] = {}
        for record in of_round.values():
            for name, memory in record.sources.items():
                if name not in seen_last or seen_last[name] < memory.last_seen:
                    seen_last[name] = memory.last_seen
        return GameLists(
            game=game,
            lists=tuple(
                self._current_list(game, one, listed.get(one.name, ()), seen_last.get(one.name))
                for one in self._sources
                if one.game == game.slug
            ),
            spellings={code.key: code.spelling for code in codes.values()},
            refused=frozenset(code.key for id_, code in codes.items() if self._own_refusals[id_]),
            not_codes=frozenset(code.key for code in codes.values() if self._is_no_code(game.slug, code.spelling)),
            known=KnownCodes(of_round, self._known_code),
            elsewhere=frozenset(
                record.key
                for record in self._of_all.values()
                if record.game in foreign and record.withdrawn is None and not open_holds(record)
            ),
        )

    def _current_list(
        self, game: Game, report: SourceReport, keys: Collection[str], seen_last: datetime | None
    ) -> CurrentList:
        name = report.name
        source = self._rules.sources.get(name)
        own = (None, None, None) if source is None else (source.hold_above, source.ask_above, source.hold_for)
        hold_above, ask_above, hold_for = own
        return CurrentList(
            source=name,
            family=self._rules.family_of(name),
            keys=frozenset(keys),
            is_looked_at=name in self._looked_at,
            trusted=source is not None and source.trusted,
            hold_above=game.hold_above if hold_above is None else hold_above,
            ask_above=game.ask_above if ask_above is None else ask_above,
            hold_for=game.hold_for if hold_for is None else hold_for,
            was_empty=report.was_empty,
            seen_last=seen_last,
        )

    def _known_code(self, record: CodeRecord) -> KnownCode:
        began_at = record.rounds[-1].began_at if record.rounds else None
        of_round = (
            record.sources
            if began_at is None
            else [name for name, one in record.sources.items() if one.last_seen >= began_at]
        )
        is_refused = partial(self._is_refused, record)
        holds = open_holds(record)
        return KnownCode(
            last_seen=record.last_seen,
            sources=frozenset(of_round),
            doubtful_at=frozenset(holds),
            is_refused=is_refused,
            seen_at={name: one.last_seen for name, one in record.sources.items()},
            asked_at={name: hold.since for name, hold in holds.items() if hold.until is None},
        )

    def _is_refused(self, record: CodeRecord) -> bool:
        if record.id in self.codes:
            return bool(self._own_refusals[record.id])
        regions, games = self._rules.skipped_regions, self._rules.games
        return not clearance(code_of(record), self._now, regions, games).may_go_out

    def _is_foreign(self, game: Game, slug: str) -> bool:
        other = self._rules.games.get(slug)
        shares = slug in game.shares_codes or (other is not None and game.slug in other.shares_codes)
        return slug != game.slug and not shares

    def to_remember(self, seen_at: datetime) -> list[CodeRecord]:
        """What is to be remembered of the codes: where they are listed, and what is doubtful of that, or is no more."""
        records = code_records(self.codes.values(), self.known, seen_at)
        return [self._with_doubts(record, seen_at) for record in records]

    def _with_doubts(self, record: CodeRecord, seen_at: datetime) -> CodeRecord:
        code = self.codes[record.id]
        found = self._doubts[code.game].of_codes.get(code.key, {}) if code.game in self._doubts else {}
        known = self.known.get(record.id)
        if self._rounds[record.id]:
            record = replace(record, rounds=self._rounds[record.id])
        if not found and (known is None or not open_holds(known)):
            return record
        record = replace(record, holds=as_holds(found, code.number, seen_at))
        after = record if known is None else merge_code_records(known, record)
        if self.verdict(record.id, after).may_go_out and (over := released(after, seen_at)) != after:
            return replace(record, holds=over.holds)
        return record

    def verdict(self, id_: str, record: CodeRecord) -> Clearance:
        """Whether a code may go out, by what is remembered of it."""
        if reason := self.refusals[id_]:
            return Clearance(may_go_out=False, reason=reason)
        return hold_clearance(self.codes[id_], record, self._now, self._rules, self._standing)

    @cached_property
    def _standing(self) -> frozenset[str]:
        """The sources whose list is one to go by."""
        unclean = {name for found in self._doubts.values() for name in found.unclean}
        return frozenset(one.name for one in self._sources if not one.is_failing) - unclean

    def is_over(self, until: datetime | None) -> bool:
        """Whether an instant has come; none never does."""
        return until is not None and until <= self._now

    def held_before(self, id_: str) -> HeldReport | None:
        """How a code was held before this run, None where it was not."""
        known = self.known.get(id_)
        holds: Mapping[str, Hold] = open_holds(known) if known is not None else {}
        if known is None or not holds or len(known.rounds) < len(self._rounds[id_]):
            return None
        source, hold = min(holds.items(), key=lambda one: (one[1].since, one[0]))
        return HeldReport(
            known.game,
            known.spelling,
            source,
            hold.reason,
            hold.since,
            hold.until,
            is_new=False,
            is_doubtful=hold.reason != UNCONFIRMED,
        )
