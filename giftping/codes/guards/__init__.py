"""What may go out: what is refused, and which listings are doubtful; not what is remembered of that. All pure."""

from giftping.codes.guards.refusals import clearance as clearance
