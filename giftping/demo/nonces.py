"""Counts how often a message was written, before its nonce makes one of it.

A nonce spares members the second message, and would hide from the tests that two processes wrote it: they then rely on
Discord, which knows a nonce for minutes only, and are lucky. So every request counts, but for a repeat that settles.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from giftping.demo.loopback import Peer


@dataclass(slots=True)
class Writing:
    """One request to post a message under a nonce."""

    peer: Peer
    is_known_to_be_there: bool | None = None
    """Whether its writer was answered with the message; None while it is under way."""

    @property
    def is_unclear(self) -> bool:
        """Whether nobody can know how it ended: its writer was not answered so, or went away before it was."""
        if self.is_known_to_be_there is None:
            return self.peer.is_gone
        return not self.is_known_to_be_there

    def answered(self, *, with_message: bool) -> None:
        """Note what is about to be answered; who has gone away does not hear it."""
        self.is_known_to_be_there = with_message and not self.peer.is_gone


@dataclass(slots=True)
class Writings:
    """The writings of each nonce. Not safe for threads: the stand-in holds its lock around it."""

    again: Counter[str] = field(default_factory=Counter)
    """How often each nonce was written again without settling anything."""

    _by_nonce: dict[str, list[Writing]] = field(default_factory=lambda: defaultdict(list))

    def begin(self, nonce: str, peer: Peer) -> Writing:
        """A new writing, counted as one too many unless all before it with this nonce are unclear by now."""
        known = self._by_nonce[nonce]
        if not all(writing.is_unclear for writing in known):
            self.again[nonce] += 1
        writing = Writing(peer)
        known.append(writing)
        return writing
