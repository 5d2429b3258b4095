"""The clock that codes and TODOs go by: it is passed in, so that tests and the demo have one of their own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

Clock = Callable[[], datetime]
"""Gives the present instant, aware."""
