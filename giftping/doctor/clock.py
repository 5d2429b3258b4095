"""How far this machine's clock may be from the clocks that it works with."""

from __future__ import annotations

from datetime import timedelta

from giftping.doctor.judgement import Judgement, about, fail, ok, warn

CLOCK_WARN, CLOCK_FAIL = timedelta(seconds=5), timedelta(minutes=1)
"""How far two clocks may be apart: answers tell whole seconds, and take some on their way."""


def judge_clock_offset(offset: timedelta, whose: str) -> Judgement:
    """What this machine's clock is worth when another one, `whose`, is ahead of it by `offset`."""
    apart = abs(offset)
    way = "behind" if offset > timedelta(0) else "ahead of"
    said = f"this machine's clock is {about(apart)} {way} {whose}"
    if apart >= CLOCK_FAIL:
        return fail(said, "set it, and keep it right: timedatectl set-ntp true")
    if apart >= CLOCK_WARN:
        return warn(said, "keep it right: timedatectl set-ntp true")
    return ok(f"right by {whose}, to a few seconds")
