"""giftping announces new game gift codes in Discord guilds: never twice, never lost."""

__version__ = "0.1.0"
