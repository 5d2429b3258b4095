"""The memory of the sources as one small JSON file. It is a cache: without it everything is fetched again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from giftping.codes.memory import Memory, Outcome, SourceState
from giftping.codes.model import Dropped, Listing, Sighting
from giftping.settings.sources import SightingState
from giftping.store.files import replace_file

FORMAT = 1
TEXTS = ("etag", "last_modified", "sha256", "digest", "reason")
TIMES = ("listed_at", "changed_at", "failing_since", "requested_at", "not_before")


def read_memory(path: Path) -> Memory:
    """Return what is remembered; an empty memory, and the trouble in words, when the file cannot be used."""
    try:
        document = json.loads(path.read_bytes())
        return Memory(MappingProxyType(_states(document)))
    except FileNotFoundError:
        return Memory()
    except OSError as error:
        return Memory(trouble=f"{path} cannot be read ({error.strerror}); all sources are fetched anew")
    except (ValueError, KeyError, TypeError, RecursionError):
        return Memory(
            trouble=f"{path} is not a memory of sources that this release wrote; all sources are fetched anew"
        )


def write_memory(path: Path, memory: Memory) -> None:
    """Replace the file as a whole, readable by its owner only. Raise OSError when that cannot be done."""
    document = {"format": FORMAT, "sources": {name: _entry(state) for name, state in memory.states.items()}}
    replace_file(path, [json.dumps(document, separators=(",", ":")).encode("ascii")], durable=False)


def _states(document: Any) -> dict[str, SourceState]:
    if document["format"] != FORMAT:
        raise ValueError("another format")
    return {name: _state(name, entry) for name, entry in _mapping(document["sources"]).items()}


def _entry(state: SourceState) -> dict[str, Any]:
    entry: dict[str, Any] = {"fingerprint": state.fingerprint, "failures": state.failures}
    entry |= {name: getattr(state, name) for name in TEXTS}
    entry |= {name: _time_text(getattr(state, name)) for name in TIMES}
    entry["outcome"] = state.outcome.value if state.outcome else ""
    if state.listing is not None:
        entry["sightings"] = [_sighting_entry(sighting) for sighting in state.listing.sightings]
        entry["dropped"] = [[row.text, row.reason] for row in state.listing.dropped]
    return {name: value for name, value in entry.items() if value not in ("", None)}


def _state(name: str, entry: Any) -> SourceState:
    failures = entry["failures"]
    if not isinstance(failures, int) or failures < 0:
        raise TypeError("failures must be a count")
    return SourceState(
        fingerprint=_text(entry, "fingerprint"),
        etag=_text(entry, "etag"),
        last_modified=_text(entry, "last_modified"),
        sha256=_text(entry, "sha256"),
        listing=_listing(name, entry) if "sightings" in entry else None,
        digest=_text(entry, "digest"),
        listed_at=_time(entry, "listed_at"),
        changed_at=_time(entry, "changed_at"),
        outcome=Outcome(entry["outcome"]) if "outcome" in entry else None,
        reason=_text(entry, "reason"),
        failing_since=_time(entry, "failing_since"),
        failures=failures,
        requested_at=_time(entry, "requested_at"),
        not_before=_time(entry, "not_before"),
    )


def _listing(source: str, entry: Mapping[str, Any]) -> Listing:
    return Listing(
        sightings=tuple(_sighting(source, row) for row in entry["sightings"]),
        dropped=tuple(Dropped(_string(text), _string(reason)) for text, reason in entry["dropped"]),
    )


def _sighting_entry(sighting: Sighting) -> dict[str, Any]:
    entry = {
        "game": sighting.game,
        "spelling": sighting.spelling,
        "rewards": sighting.rewards,
        "expires_at": _time_text(sighting.expires_at),
        "expiry_text": sighting.expiry_text,
        "state": sighting.state.value,
        "region": sighting.region,
    }
    return {name: value for name, value in entry.items() if value}


def _sighting(source: str, entry: Any) -> Sighting:
    return Sighting(
        source=source,
        game=_text(entry, "game"),
        spelling=_text(entry, "spelling"),
        rewards=_text(entry, "rewards"),
        expires_at=_time(entry, "expires_at"),
        expiry_text=_text(entry, "expiry_text"),
        state=SightingState(entry["state"]),
        region=_text(entry, "region"),
    )


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("must be an object")
    return value


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("must be a string")
    return value


def _text(entry: Any, name: str) -> str:
    return _string(_mapping(entry).get(name, ""))


def _time_text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _time(entry: Any, name: str) -> datetime | None:
    text = _text(entry, name)
    moment = datetime.fromisoformat(text) if text else None
    return moment.replace(tzinfo=UTC) if moment and not moment.tzinfo else moment
