"""Discord by webhook and REST: one client, its pacing, its limits, and how a post can end."""
