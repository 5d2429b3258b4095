"""Settings: every key, the file, the environment, secrets, games and sources, and what a new user starts from."""
