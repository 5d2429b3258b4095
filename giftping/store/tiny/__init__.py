"""The embedded store: a TinyDB file in the state folder, with a journal beside it."""
