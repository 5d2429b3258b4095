"""What one `codes check` was asked to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from giftping.store.base import Subscription


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """What a run was asked to do."""

    dry_run: bool = False
    guild_id: int | None = None
    """The guild that it is about, None for all of them."""
    game: str | None = None
    """The game that it is about, None for all of them."""

    @property
    def is_complete(self) -> bool:
        """Whether the run does all there is to do, so that the next one may be idle."""
        return not self.dry_run and self.guild_id is None and self.game is None

    def concerned(self, subscriptions: Sequence[Subscription]) -> list[Subscription]:
        """Those of the subscriptions that the run is about."""
        return [one for one in subscriptions if self.is_about(one.guild_id) and self.game in (None, one.game)]

    def is_about(self, guild_id: int | None) -> bool:
        """Whether the run is about a guild."""
        return self.guild_id in (None, guild_id)
