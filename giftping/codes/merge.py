"""Sightings of one code become one code, whatever order they come in. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache

from giftping.codes.model import Code, Sighting
from giftping.settings.sources import SightingState
from giftping.text import is_folded, last_day


def merge(sightings: Iterable[Sighting]) -> list[Code]:
    """The codes that the sightings speak of, sorted by game and key; their order makes no difference."""
    groups: defaultdict[tuple[str, str], set[Sighting]] = defaultdict(set)
    for sighting in sightings:
        # A set, as a source that lists a code twice says no more than once.
        groups[sighting.game, sighting.key].add(sighting)
    return [_merged(game, key, tuple(sorted(groups[game, key], key=_rank))) for game, key in sorted(groups)]


def _rank(sighting: Sighting) -> tuple[str, ...]:
    expires_at = sighting.expires_at.isoformat() if sighting.expires_at else ""
    return (
        sighting.source,
        sighting.spelling,
        sighting.state,
        expires_at,
        sighting.expiry_text,
        sighting.region,
        sighting.rewards,
    )


# A history that is played through says nearly the same of each code, list after list.
@lru_cache(maxsize=5000)
def _merged(game: str, key: str, sightings: tuple[Sighting, ...]) -> Code:
    spellings = _spelling_per_source(sightings)
    spelling = _best_spelling(list(spellings.values()))
    states = _state_per_source(sightings)
    state = _best_state(states.values())
    expires_at, expiry_text = _expiry(sightings)
    # The longest text of rewards says most.
    return Code(
        game=game,
        key=key,
        spelling=spelling,
        sources=tuple(sorted(spellings)),
        spellings=spellings,
        rewards=min((sighting.rewards for sighting in sightings), key=lambda text: (-len(text), text)),
        expires_at=expires_at,
        expiry_text=expiry_text,
        state=state,
        regions=_regions(sightings),
        disagreements=(
            *_spelling_disagreement(spellings),
            *_state_disagreement(states),
            *_expiry_disagreement(sightings),
        ),
    )


def _spelling_per_source(sightings: Sequence[Sighting]) -> dict[str, str]:
    listed: defaultdict[str, list[str]] = defaultdict(list)
    for sighting in sightings:
        listed[sighting.source].append(sighting.spelling.strip())
    return {source: _best_spelling(spellings) for source, spellings in listed.items()}


def _best_spelling(spellings: Sequence[str]) -> str:
    """Mixed case beats one case, because aggregators fold case; then the most listed, then the alphabet."""
    if len(spellings) == 1:
        return spellings[0]
    counts = Counter(spellings)
    return min(counts, key=lambda spelling: (is_folded(spelling), -counts[spelling], spelling))


def _state_per_source(sightings: Sequence[Sighting]) -> dict[str, SightingState]:
    listed: defaultdict[str, list[SightingState]] = defaultdict(list)
    for sighting in sightings:
        listed[sighting.source].append(sighting.state)
    return {source: _best_state(states) for source, states in listed.items()}


def _best_state(states: Iterable[SightingState]) -> SightingState:
    """To list a code is to call it active, whether or not the source states so."""
    return SightingState.EXPIRED if set(states) == {SightingState.EXPIRED} else SightingState.ACTIVE


def _expiry(sightings: Sequence[Sighting]) -> tuple[datetime | None, str]:
    dated = [(sighting.expires_at, sighting.expiry_text) for sighting in sightings if sighting.expires_at is not None]
    if dated:
        # A code that was prolonged is on some lists with its former end: to keep it back would lose it.
        latest = max(expires_at for expires_at, _ in dated)
        texts = {text for expires_at, text in dated if expires_at == latest}
        # One that states a time says less than one that names its last day: midnight is how machines write a day.
        return latest, min(texts, key=lambda text: (not last_day(latest, text), text))
    words = {sighting.expiry_text for sighting in sightings if sighting.expiry_text}
    return None, min(words, default="")


def _regions(sightings: Sequence[Sighting]) -> tuple[str, ...]:
    """Join the regions; a sighting may name several, separated by commas, and one that names none is for everywhere."""
    named = [{name.strip() for name in sighting.region.split(",")} - {""} for sighting in sightings]
    return tuple(sorted(set.union(*named))) if all(named) else ()


def _spelling_disagreement(spellings: dict[str, str]) -> tuple[str, ...]:
    if len(set(spellings.values())) < 2:
        return ()
    return ("spelling: " + ", ".join(f"{source} writes {spelling}" for source, spelling in sorted(spellings.items())),)


def _state_disagreement(states: dict[str, SightingState]) -> tuple[str, ...]:
    if len(set(states.values())) < 2:
        return ()
    said = ", ".join(f"{source} lists it as {state}" for source, state in sorted(states.items()))
    return (f"state: {said}",)


def _expiry_disagreement(sightings: Sequence[Sighting]) -> tuple[str, ...]:
    dates = {(sighting.source, sighting.expires_at) for sighting in sightings if sighting.expires_at is not None}
    if len({expires_at for _, expires_at in dates}) < 2:
        return ()
    said = ", ".join(f"{source} says {expires_at:%Y-%m-%d %H:%M}" for source, expires_at in sorted(dates))
    return (f"expiry: {said} UTC",)
