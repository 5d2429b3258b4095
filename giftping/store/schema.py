"""What is in the documents of the second schema: every field of every collection. No run loads this.

`docs/documents.md` has the same tables, and what giftping writes is compared with them; a test holds both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from giftping.store.documents import (
    ACTIVE_MEMBERS,
    CLEARS,
    CODES,
    DELIVERIES,
    GUILDS,
    HOSTS,
    LEDGER,
    META,
    MIRROR,
    RUNS,
    SUBSCRIPTIONS,
    TODO_EVENTS,
    TODO_STATE,
    TODO_TIMESTAMPS,
)


@dataclass(frozen=True, slots=True)
class Shape:
    """What the documents of one collection are."""

    about: str
    fields: Mapping[str, tuple[str, str]]
    """For each field its type and what it says. Beside `_id`, one that has nothing to say may be missing."""


REV_FIELD = "rev"
"""In the documents of every collection but the ledger: another one after each change, so that nobody writes over what
he has not read."""

SHAPES: Mapping[str, Shape] = {
    LEDGER: Shape(
        "What went to which guild: a document for each code and guild, in the older bot's shape with fields added.",
        {
            "_id": (
                "text",
                "`GUILD:KEY` for a code of whiteout-survival, else `GUILD:GAME:KEY`; a code that was issued anew has"
                " `~2`, `~3` and so on behind that",
            ),
            "guild_id": ("number", "the guild"),
            "game": ("text", "the game; whiteout-survival where it is missing"),
            "code": ("text", "the key: the code in capitals"),
            "spelling": ("text", "the code as it is announced"),
            "source": ("text", "`api`, `website`, `rss`, `manual`, `migration` or `auto`"),
            "state": (
                "text",
                "`open` as long as its delivery is under way, `sent`, or `seeded`: it was there at a first look and was"
                " not posted. Where it is missing: sent",
            ),
            "created_at": ("time", "when it was claimed or recorded"),
            "updated_at": ("time", "when it was last changed"),
            "sent_at": ("time", "when it was delivered"),
            "delivery_id": ("text", "the delivery that carries it, or did"),
            "message_id": ("number", "the message"),
            "channel_id": ("number", "the channel that the message is in"),
            "round": ("number", "which round of the code it is of; the first where it is missing"),
            "webhook_id": ("number", "the webhook that the message came by; the bot where it is missing"),
            "shown": (
                "text",
                "what the message shows of the code: `valid`, `valid until` when, `ended`, `withdrawn`; `gone` where"
                " there is no message any more",
            ),
            "edited_at": ("time", "when the message was last put right"),
            "host": ("text", "the host that has sent the message, or found that it had arrived"),
            "edited_by": ("text", "the host that has last put the message right"),
            "style": ("text", "how the message looks: `full` or `compact`; missing where 0.1.0 has sent it"),
            "mention": ("list of texts", "whom the message mentions: ids of roles, `everyone`, `here`"),
            "publishing": (
                "text",
                "whether the message is published to the channels that follow its own: `owed`, `done`, or `gone` where"
                " that cannot be any more; missing where nobody asked for it",
            ),
        },
    ),
    DELIVERIES: Shape(
        "One message under way: an announcement, or a notice of the TODO part. What it says of the outcome is true,"
        " also where the ledger has not followed yet.",
        {
            "_id": ("text", "also the message's nonce"),
            "kind": ("text", "`announcement`, or what a notice tells"),
            "host": ("text", "the host that holds it"),
            "process": ("text", "the process there; empty where it is gone"),
            "since": ("time", "when it was claimed"),
            "state": (
                "text",
                "`claimed`: not a byte went out; `written`: it may have arrived; `done`; `refused`, and owed;"
                " `unclear`: a person is asked; `closed`: given up; `missed`: refused until there was no"
                " use in it any more",
            ),
            "anchor": ("id", "Discord's own time just before, as an id: where a look for it begins"),
            "webhook_id": ("id", "the webhook it goes by"),
            "channel_id": ("id", "the channel or the thread it goes to"),
            "guild_id": ("number", "the guild"),
            "game": ("text", "the game"),
            "entries": ("list of texts", "what it carries: ids of ledger entries, or `USER:NOTICE:LEG`"),
            "spellings": ("list of texts", "the codes it shows"),
            "reason": ("text", "why it is unclear or closed, or was refused"),
            "message_id": ("id", "the message"),
            "held_since": ("id", "when its holder took it, by Discord's time: the lease counts from there"),
            "quiet_since": ("id", "since when nobody is at it any more, by Discord's time"),
            "owed_since": ("time", "since when what it carries is owed"),
            "noes": ("number", "how often the content of its message was refused"),
            "retry_at": ("time", "when it is tried again after that"),
            "opens_post": ("flag", "it opens a post of a forum, which is a channel of its own"),
            "over_at": ("time", "when it was missed"),
            "over_reason": ("text", "how what it carries had ended"),
            "is_final": ("flag", "another look would not tell either"),
            "is_resent": ("flag", "it goes out again though nobody can tell: that is done once"),
        },
    ),
    SUBSCRIPTIONS: Shape(
        "One game in one guild.",
        {
            "_id": ("text", "`GUILD:GAME`"),
            "guild_id": ("number", "the guild"),
            "game": ("text", "the game"),
            "destination": (
                "object",
                "`webhook`: `env:NAME`, `file:PATH` or the URL itself; or `channel_id`: the channel that the bot posts"
                " to",
            ),
            "mention": ("text or list", "whom its announcements mention: the id of a role, `everyone`, `here`"),
            "style": ("object", "how its announcements look. `form`: `full`, or `compact`; `full` where it is missing"),
            "seeded": (
                "object",
                "the sources that were looked at first, each with its address then where that is known. Missing before"
                " any look",
            ),
            "announce_current": ("flag", "what is listed at the first look goes out"),
            "broken": (
                "object",
                "that somebody has to mend the destination: `since`, `reason`, `times`, `retry_at`, `status` of HTTP,"
                " and Discord's own `code`",
            ),
            "posting": (
                "object",
                "how messages are posted there: the `kind` of the channel (`text`, `announcement`, `thread`, `forum`,"
                " `media`), how they become `posts` of a forum (`per-announcement`, `kept`), the `tags` of those,"
                " whether the guild `publishes` them, and the webhook's `username` and `avatar_url`",
            ),
            "kept_post": ("id", "the post of a forum that is kept up for the game"),
            "place": ("number", "its place among the guild's games; the first where it is missing"),
            "created_at": ("time", "when it was made"),
            "updated_at": ("time", "when its destination was last another one"),
        },
    ),
    GUILDS: Shape(
        "What is of a guild itself. A guild without a name of its own has none: its subscriptions make it one.",
        {
            "_id": ("text", "the guild's id"),
            "guild_id": ("number", "the same"),
            "label": ("text", "what people call it"),
            "language": ("text", "the language of what its members see; that of the settings where it is missing"),
            "title": ("text", "what Discord calls it, as `guilds add` or the bot was last told"),
            "destinations": (
                "object",
                "what Discord calls where its announcements go, by what it is called here: `channel ID`, `webhook"
                " env:NAME`",
            ),
            "created_at": ("time", "when it was added"),
            "updated_at": ("time", "when its destination was last another one"),
        },
    ),
    CODES: Shape(
        "What is known of each code, by all hosts.",
        {
            "_id": ("text", "`GAME:KEY`"),
            "game": ("text", "the game"),
            "key": ("text", "the code in capitals"),
            "spelling": ("text", "as it was listed last"),
            "first_seen": ("time", "when a source first listed it"),
            "last_seen": ("time", "when a source last listed it"),
            "sources": (
                "object",
                "for each source its `spelling`, `first_seen` and `last_seen`, and for `manual` `by` whom it was added",
            ),
            "own": (
                "object",
                "for each guild whose own people have added it for themselves: its `spelling`, when (`at`), `by` whom,"
                " `rewards`, `expires_at` and `expiry_text`. Where no source is named it goes to these guilds alone",
            ),
            "rewards": ("text", "what it brings"),
            "expires_at": ("time", "when it ends"),
            "expiry_text": (
                "text",
                "when it ends, in the words of the source; its last day, as `2026-12-31`, where it names a day and no"
                " time",
            ),
            "latest_end": ("time", "the latest end that any source has named"),
            "state": ("text", "what the sources say of it, such as `expired`"),
            "regions": ("list of texts", "where it can be redeemed"),
            "rounds": (
                "list of objects",
                "each time it was issued anew: when that `began_at`, the `reason` to think so, and when the one before"
                " had `ended_at`",
            ),
            "holds": (
                "object",
                "for each source whose listing is doubtful: held `since`, the `reason`, and `until` when, which is"
                " missing where somebody has to say so; when it was `released_at`, and in which `round` of the code,"
                " the first where that is missing",
            ),
            "withdrawn": ("object", "that a person has said it is none: `by` whom, and when (`at`)"),
            "approved": ("object", "that a person has said it is one, likewise"),
            "past_rulings": (
                "list of objects",
                "what people had `said` of it, `approved` or `withdrawn`, and counts no more: `by` whom and when"
                " (`at`); who took it back (`ended_by`), and when (`ended_at`)",
            ),
            "shown": (
                "text",
                "what all messages of it are known to show, so that they need not be looked up; missing while some are"
                " yet to be put right",
            ),
        },
    ),
    HOSTS: Shape(
        "The state folders that check, sweep or run the bot by this store.",
        {
            "_id": ("text", "the host's name"),
            "shared": ("flag", "whether it runs with `mongo.shared = true`"),
            "seen_at": ("time", "when it was last at it"),
        },
    ),
    RUNS: Shape(
        "The last run of each job on each host.",
        {
            "_id": ("text", "`JOB@HOST`"),
            "job": ("text", "`codes check`, `todo sweep`, or `migrate` and what was taken over"),
            "host": ("text", "the host"),
            "started_at": ("time", "when it began"),
            "finished_at": ("time", "when it ended"),
            "exit_code": ("number", "how"),
            "details": ("object", "its numbers"),
        },
    ),
    CLEARS: Shape(
        "That ledger entries were cleared, so that nobody has to guess why a code went out again.",
        {
            "_id": ("text", "any"),
            "guild_id": ("number", "of which guild"),
            "game": ("text", "of which game; all where it is missing"),
            "code": ("text", "of which code; all where it is missing"),
            "cleared_at": ("time", "when"),
        },
    ),
    TODO_TIMESTAMPS: Shape(
        "When a member handed in and was pinged, in the older bot's shape with fields added.",
        {
            "_id": ("text", "the user's id"),
            "last_submit": (
                "seconds",
                "when the last TODO was handed in; the first day of 2100 where none was, which the older bot leaves"
                " alone",
            ),
            "last_ping": ("seconds", "when the member was last reminded; 0 once a TODO was handed in"),
            "todo": (
                "object",
                "that TODO: `name`, `date`, `must_do`, `can_do`, `dont_do`, and what is known of its `attachment`",
            ),
            "lapse": ("object", "the silence since: `since`, `warned_at`, and the `removal` of the role"),
            "notices": ("list of objects", "messages that are not all delivered yet, each with its two legs"),
            "done": (
                "list of texts",
                "the last notices and lapses that are done with, for whoever meets an older mirror of it",
            ),
            "events": ("list of objects", "what the history is yet to get"),
            "updated_at": ("time", "when it was last changed"),
        },
    ),
    ACTIVE_MEMBERS: Shape(
        "The roster, in the older bot's shape with fields added.",
        {
            "_id": ("text", "the user's id"),
            "user_id": ("number", "the same"),
            "name": ("text", "what the member is called"),
            "added": ("time", "since when; the clock of one who never handed in starts there"),
            "exempt": ("flag", "never reminded"),
            "time_zone": ("text", "the member's own"),
            "pauses": ("list of objects", "each `from` when, `to` when, and the `reason`"),
            "found": ("flag", "an older bot has put the member there, and no sweep has started their clock yet"),
            "clock_from": ("seconds", "when a sweep has started the clock of a member who was found there"),
            "left_at": ("seconds", "since when the member is not in the guild"),
            "seen": ("object", "what Discord said of the member last, and when"),
            "dm_channel_id": ("text", "the channel of direct messages"),
            "dms_closed_at": ("seconds", "when Discord last said that the member takes none"),
            "updated_at": ("time", "when somebody changed it last"),
        },
    ),
    TODO_EVENTS: Shape(
        "The history: nothing in it is changed.",
        {
            "_id": ("text", "what and when, so that nothing is in it twice"),
            "user_id": ("text", "whose"),
            "kind": ("text", "`submission`, `reminder`, `removal` and the like"),
            "at": ("seconds", "when"),
            "by": ("text", "the host or the user that did it"),
            "leg": ("text", "`channel` or `dm`"),
            "result": ("text", "what came of it"),
            "reason": ("text", "why"),
            "day": ("text", "the member's own date of a submission"),
            "message_id": ("text", "the message"),
        },
    ),
    TODO_STATE: Shape(
        "What sweeps keep for each other: one document, `sweep`. And who asked to be forgotten, a document for each.",
        {
            "_id": ("text", "`sweep`; or `forgotten USER`, for a year"),
            "forgotten_at": ("seconds", "when that was: what is older is taken away again where it comes back"),
            "last_sweep": ("seconds", "when the last one began"),
            "last_gap": ("number", "the seconds between the two last ones"),
            "downtimes": ("list", "the times in which nobody swept, each from and to"),
            "dms_stopped_until": ("seconds", "until when no new direct messages are opened"),
            "told": ("list of texts", "which trouble the last one told"),
            "channel": (
                "object",
                "the channel that said a lasting no: `channel_id`, `since`, `reason`, `times`, `retry_at`, `status` of"
                " HTTP, and Discord's own `code`",
            ),
        },
    ),
    META: Shape(
        "What a store says of itself: a document for each subject.",
        {
            "_id": (
                "text",
                "`schema`: its `version`; `upgrade`: where the backup of the last one is; `identity`: which database it"
                " is; `mongodb`: which indexes it has; `generation`: which state of `giftping.json` this is",
            ),
        },
    ),
    MIRROR: Shape(
        "In the mirror of a MongoDB alone: with what it is in step, and what is to be carried back. Not for others.",
        {"_id": ("text", "what it is a note of")},
    ),
}
"""Every collection, the most important one first."""
