"""The memory of the sources as one small JSON file. It is a cache: without it everything is fetched again."""

from __future__ import annotations

import json
from pathlib import Path
from types import MappingProxyType
from typing import Any

from giftping.codes.memory import Memory, SourceState
from giftping.runs.codec import from_json, to_json
from giftping.store.tiny.files import replace_file

FORMAT = 1


def read_memory(path: Path) -> Memory:
    """What is remembered; an empty memory, and the trouble in words, when the file cannot be used."""
    try:
        document = json.loads(path.read_bytes())
        if document["format"] != FORMAT:
            raise ValueError("another format")
        return Memory(MappingProxyType({name: _state(name, entry) for name, entry in document["sources"].items()}))
    except FileNotFoundError:
        return Memory()
    except OSError as error:
        from giftping.settings.ownership import why_forbidden

        whose = why_forbidden(path, error, folder=path.parent)
        what_follows = "; ".join(filter(None, ["all sources are fetched anew", whose]))
        return Memory(trouble=f"{path} cannot be read ({error.strerror}); {what_follows}")
    # All that JSON may hold in place of the objects that are expected here.
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Memory(
            trouble=f"{path} is not a memory of sources that this release wrote; all sources are fetched anew"
        )


def write_memory(path: Path, memory: Memory) -> None:
    """Replace the file as a whole, readable by its owner only. Raise OSError when that cannot be done."""
    document = {"format": FORMAT, "sources": {name: _entry(state) for name, state in memory.states.items()}}
    replace_file(path, [json.dumps(document, separators=(",", ":")).encode("ascii")], durable=False)


def _entry(state: SourceState) -> dict[str, Any]:
    """The state as it stands in the file: the rows of its listing beside the rest, without the name of their source."""
    entry: dict[str, Any] = to_json(state, sparse=True)
    if state.listing is not None:
        rows = entry.pop("listing")["sightings"]
        # The entry stands under that name; thousands of rows would repeat it.
        for row in rows:
            del row["source"]
        entry["sightings"] = rows
        entry["dropped"] = [[row.text, row.reason] for row in state.listing.dropped]
    return entry


def _state(name: str, entry: dict[str, Any]) -> SourceState:
    """The state that an entry tells of. Raise ValueError, KeyError, TypeError or AttributeError when it is none."""
    if "sightings" in entry:
        rows = [{**row, "source": name} for row in entry["sightings"]]
        dropped = [{"text": text, "reason": reason} for text, reason in entry["dropped"]]
        entry = {**entry, "listing": {"sightings": rows, "dropped": dropped}}
    state = from_json(SourceState, entry, sparse=True)
    # It is always written, but has a default, by which a sparse reading lets an entry pass that is none of ours.
    if "failures" not in entry or state.failures < 0:
        raise ValueError("failures must be a count")
    return state
