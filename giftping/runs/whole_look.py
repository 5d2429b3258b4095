"""What runs remember of the last whole look at a long collection, so that it is not read whole by each of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from giftping.runs.state_folder import EXAMINED, read_cache, write_cache
from giftping.store.base import Examined

if TYPE_CHECKING:
    from pathlib import Path


def look_through(state: Path, collection: str, look: Callable[[Examined | None], Examined]) -> None:
    """Look at a collection, given the last whole look at it, and remember this one where that spares anything."""
    path = state / EXAMINED.replace("*", collection)
    known = read_cache(Examined, path)
    found = look(known)
    # Without it the next run looks at all of it once more.
    with suppress(OSError):
        if found.is_long and found != known:
            write_cache(path, found)
        elif known is not None and not found.is_long:
            path.unlink(missing_ok=True)
