"""What became of a document while MongoDB was away. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Queued:
    """What became of one document while MongoDB was away."""

    collection: str
    id: str
    order: int
    before: Mapping[str, Any] | None
    """As it was before the first change; None where it was not there, or that is not known."""
    after: Mapping[str, Any] | None
    """As the copy has it now; None where it has it no more."""
    at: str
    """When it was changed last, by this host's clock."""
    asked: Mapping[str, Any] | None = None
    """As the database was asked to have it when it was lost, and may have it; empty where it was asked to remove it."""
