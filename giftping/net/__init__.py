"""Sockets for httpx: one deadline over a whole request, and proxies."""
