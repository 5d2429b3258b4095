"""Gift codes: what sources list, what of it may go out, what each guild is owed, and how it goes out."""
