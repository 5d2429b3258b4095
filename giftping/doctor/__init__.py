"""What `giftping doctor` looks at, and what it makes of that: one module per subject, `examine` puts them together.

A module has the facts of its subject, a `look_at_…` that gathers them and changes nothing, and a `judge_…` for each
line of the output. Judging is pure: a `judge_…` gets facts and nothing else (they hold the time of the look, too), so
whatever it needs to know, the look has to find out. That is why each can be tested by facts made up for it.
"""
