"""What one `codes check` was asked to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from giftping.store.base import GuildRecord


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

    def concerned(self, guilds: Sequence[GuildRecord]) -> list[GuildRecord]:
        """Those of the guilds that the run is about."""
        return [
            replace(guild, games=tuple(game for game in guild.games if self.game in (None, game)))
            for guild in guilds
            if self.guild_id in (None, guild.guild_id)
        ]
