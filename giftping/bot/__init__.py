"""The bot: the small resident part, which only takes slash commands and does what the command line does."""
