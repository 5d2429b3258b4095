"""giftping announces new game gift codes in Discord guilds: never twice, never lost."""

__version__ = "0.2.0.dev0"
