"""Every setting that there is: one field for each key, with its type, default, check and sentence.

A new setting is a field here, and nothing else but its row in docs/settings.md. Games and sources have keys of their
own, in `giftping.settings.catalogue` and `giftping.settings.sources`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from giftping.settings.catalogue import Game
from giftping.settings.declaring import holding, keys_of, secret, setting
from giftping.settings.durations import duration_text
from giftping.settings.environment import Environment
from giftping.settings.secrets import Redactor, Secret, resolve_secret, secret_values
from giftping.settings.sources import SourceDefinition
from giftping.settings.value_types import (
    DISCORD_API,
    QuietHours,
    one_of,
    parse_api,
    parse_contact,
    parse_discord_ids,
    parse_flag,
    parse_host,
    parse_language,
    parse_path,
    parse_quiet_hours,
    parse_regions,
    parse_span,
    parse_text,
    parse_zone,
    reference_to,
    span_up_to,
    whole_number,
    why_no_mongodb_address,
)
from giftping.text import parse_id

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

Unclear = Literal["ask", "resend"]
OnOutage = Literal["continue", "hold"]

FIRST_ZONE = "Asia/Kolkata"
"""By which members' days go where nobody has said another zone: the older bot's."""

Contradiction = tuple[tuple[str, ...], str]
"""Keys of one table whose values cannot hold together, first the one to change if it was written; and why not."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an effective value came from."""

    kind: Literal["default", "file", "environment", "built-in", "changed"] = "default"
    """Of games and sources: "built-in", "changed" (a built-in one with the user's changes), or of the "file"."""
    detail: str = ""
    """The file, or the variable."""


def _discord_id(name: str, variable: str = "", *, example: str) -> int | None:
    """The field of a Discord id, whose key is called otherwise than the field."""

    def id_text(value: int | None) -> str | None:
        return None if value is None else str(value)  # JSON readers elsewhere lose the last digits of a number.

    # The older bot took 0 for an id that is not set.
    return setting(parse_id, None, name=name, variable=variable, unset="0", show=id_text, example=example)


@dataclass(frozen=True, slots=True)
class DiscordSettings:
    """How Discord is reached."""

    api: str = setting(parse_api, DISCORD_API, variable="GIFTPING_DISCORD_API")
    """The address of Discord's API."""
    token: Secret | None = secret("token", variable="DISCORD_TOKEN", example="env:DISCORD_TOKEN")
    """The bot token, by reference: `"env:NAME"` or `"file:PATH"`. Without it, `$DISCORD_TOKEN`. Guilds that have a
    webhook need none."""


@dataclass(frozen=True, slots=True)
class CodesSettings:
    """How codes go out."""

    unclear: Unclear = setting(one_of(get_args(Unclear)), "ask")
    """What becomes of an announcement that may or may not have arrived, and that nobody can look for: `"ask"` waits
    for `giftping codes settle`; `"resend"` posts it again, once, after `lease`: a rare repeat in place of a wait."""
    lease: timedelta = setting(parse_span, timedelta(minutes=10))
    """How long what a run has under way is left alone by other hosts, by Discord's time. Longer than the budget."""
    budget: timedelta = setting(parse_span, timedelta(minutes=5))
    """How long one run waits for Discord's rate limits, in total. What is left goes out in the next run."""
    skipped_regions: tuple[str, ...] = setting(parse_regions, ("CN",))
    """Codes that work only in these regions do not go out."""
    built_in_sources: bool = setting(parse_flag, default=True)
    """`built_in_sources = false`: only the sources that have a table in your file are asked."""
    # Shown as an empty text, not as null: readers of `config show --json` have known it so.
    contact: str = setting(parse_contact, "", show=str, example="you@example.org")
    """An address that the people behind a source can write to; sent along as part of the User-Agent."""
    edit_messages: bool = setting(parse_flag, default=True)
    """`edit_messages = false`: announcements stay as they were sent, also when a code ends or was a mistake."""

    def contradictions(self) -> Iterator[Contradiction]:
        """Yield what cannot hold together."""
        yield from _lease_within_budget(self.lease, self.budget)


@dataclass(frozen=True, slots=True)
class TodoSettings:
    """How members are reminded of their TODOs, and lose the role. Only guild, channel and role have to be set."""

    guild_id: int | None = _discord_id("guild", "GUILD_ID", example="123456789012345678")
    """The guild. `$GUILD_ID` goes before it."""
    channel_id: int | None = _discord_id("channel", "TODO_CHANNEL_ID", example="123456789012345679")
    """The channel that reminders go to. `$TODO_CHANNEL_ID` goes before it."""
    role_id: int | None = _discord_id("role", "ROLE_ID", example="123456789012345680")
    """The role that silent members lose. `$ROLE_ID` goes before it."""
    owner_id: int | None = _discord_id("owner", "OWNER_ID", example="123456789012345681")
    """The user who administers the TODOs. `$OWNER_ID` goes before it."""
    remind_after: timedelta = setting(parse_span, timedelta(hours=24))
    """After how long without a TODO a member is reminded. Shorter than `remove_after`."""
    remind_every: timedelta = setting(parse_span, timedelta(hours=3))
    """How long after a reminder that arrived the next one goes out, at the earliest."""
    remove_after: timedelta = setting(parse_span, timedelta(days=5))
    """After how long without a TODO a member loses the role."""
    warning: timedelta = setting(parse_span, timedelta(hours=12))
    """How long before that a warning must have arrived; else the role stays until one has. With `remind_every`, it
    has to fit between `remind_after` and `remove_after`."""
    linger: timedelta = setting(span_up_to(timedelta(minutes=10)), timedelta(minutes=2))
    """How long a run waits for members who are about to fall due. `"0s"` to `"10m"`, shorter than `remind_every`."""
    downtime: timedelta = setting(parse_span, timedelta(hours=6))
    """A gap between two runs that is longer than this is not held against anybody. Longer than `remind_every`."""
    quiet_hours: QuietHours | None = setting(parse_quiet_hours, None, example="23:00-07:00")
    """When nobody is reminded, such as `"23:00-07:00"`, by the clock of the member."""
    time_zone: str | None = setting(parse_zone, None, example="Asia/Kolkata")
    """The zone of members of whom no other one is known. Without it, the `time_zone` at the top of the file; without
    both, `"Asia/Kolkata"`."""
    direct_messages: bool = setting(parse_flag, default=True)
    """`direct_messages = false`: reminders go to the channel only."""
    new_dms: int = setting(whole_number(most=50), 10)
    """With how many members a run may begin to exchange direct messages, 0 to 50: Discord minds many at once."""
    how_to: str = setting(parse_text, "", example="Write your TODO to Asha, who enters it.")
    """What reminders tell members to do, where it is not `/todo`: how a TODO is handed in here. Without it, they say
    `/todo` while the bot runs, and to ask whoever runs the TODOs while it does not."""
    exempt: frozenset[int] = setting(parse_discord_ids, frozenset(), example=["123456789012345682"])
    """The ids of members who are never reminded and never lose the role."""
    staff_role_id: int | None = _discord_id("staff_role", example="123456789012345683")
    """The role whose holders may do with the bot what the owner may: hand in for others, and change the roster."""
    budget: timedelta = setting(parse_span, timedelta(minutes=5))
    """How long one run waits for Discord's rate limits, in total."""
    lease: timedelta = setting(parse_span, timedelta(minutes=10))
    """How long a reminder stays claimed by a run before another one looks after it. Longer than the budget."""

    def contradictions(self) -> Iterator[Contradiction]:
        """Yield what cannot hold together."""
        after, removal = duration_text(self.remind_after), duration_text(self.remove_after)
        warning, every = duration_text(self.warning), duration_text(self.remind_every)
        if self.remind_after >= self.remove_after:
            reason = f"remind_after ({after}) must be shorter than remove_after ({removal})"
            yield ("remind_after", "remove_after"), reason
        elif self.remind_after + self.warning + self.remind_every > self.remove_after:
            reason = (
                f"warning ({warning}) and remind_every ({every}) must fit between remind_after ({after}) "
                f"and remove_after ({removal}), or nobody could be warned in time"
            )
            yield ("warning", "remind_every", "remove_after", "remind_after"), reason
        if self.linger >= self.remind_every:
            reason = f"linger ({duration_text(self.linger)}) must be shorter than remind_every ({every})"
            yield ("linger", "remind_every"), reason
        if self.downtime <= self.remind_every:
            reason = (
                f"downtime ({duration_text(self.downtime)}) must be longer than remind_every ({every}), "
                "or a timer that runs that often would count as down"
            )
            yield ("downtime", "remind_every"), reason
        yield from _lease_within_budget(self.lease, self.budget)


@dataclass(frozen=True, slots=True)
class MongoSettings:
    """The ledger that several hosts share."""

    uri: Secret | None = secret(
        "uri",
        variable="MONGO_URI",
        older_variable="MONGODB_URI",
        example="env:MONGO_URI",
        why_none=why_no_mongodb_address,
    )
    """The MongoDB that several hosts share, by reference: `"env:NAME"` or `"file:PATH"`. Without it, `$MONGO_URI`,
    else `$MONGODB_URI`, as the older TODO bot called it; without all of them, the ledger is a file."""
    database: str = setting(parse_text, "", variable="MONGO_DB_NAME", example="discord_bot")
    """The database, if the URI names none. `discord_bot` without both."""
    shared: bool = setting(parse_flag, default=False)
    """`true`, on every host, where several of them use the database: everything waits while it is away. Without it, a
    host sends only as long as it is the only one."""
    # What it is without being written depends on `shared`; so None says here that it was not.
    on_outage: OnOutage | None = setting(one_of(get_args(OnOutage)), None, example="hold")
    """While MongoDB is away: `"continue"` with the file that mirrors it, or `"hold"` everything until it is back.
    Without it, `"continue"`; with `shared`, `"hold"`."""
    server_selection: timedelta = setting(parse_span, timedelta(seconds=3))
    """How long to wait for MongoDB to answer."""

    def __post_init__(self) -> None:
        """Let hosts that share wait for each other."""
        if self.on_outage is None:
            # The class is frozen; this is how its own __init__ sets fields, too.
            object.__setattr__(self, "on_outage", "hold" if self.shared else "continue")

    def contradictions(self) -> Iterator[Contradiction]:
        """Yield what cannot hold together."""
        if self.shared and self.on_outage == "continue":
            reason = '"continue" contradicts shared = true: hosts that go on alone send twice; leave it out'
            yield ("on_outage", "shared"), reason
        if self.shared and self.uri is None:
            reason = (
                "there is no database to share: set MONGO_URI to its address, or take shared out where this host is to"
                " go by its file alone; the others would send what it sends once more"
            )
            yield ("shared", "uri"), reason


@dataclass(frozen=True, slots=True)
class HeartbeatSettings:
    """A monitor that raises the alarm when a job fails or does not run, such as healthchecks.io."""

    codes: str = setting(reference_to("address"), "", reference="kept", example="env:HEARTBEAT_CODES")
    """The monitor's address for `codes check`, by reference: `"env:NAME"` or `"file:PATH"`."""
    todo: str = setting(reference_to("address"), "", reference="kept", example="env:HEARTBEAT_TODO")
    """The same for `todo sweep`."""
    start: bool = setting(parse_flag, default=False)
    """`start = true`: the monitor is told when a run begins, too."""


@dataclass(frozen=True, slots=True)
class OperatorSettings:
    """Where giftping tells you of trouble."""

    webhook: str = setting(reference_to("address"), "", reference="kept", example="env:OPERATOR_WEBHOOK")
    """A webhook by which you are told of trouble, such as broken destinations and failing sources, by reference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that is configured, checked, with absolute paths."""

    # More variables than this one have a say in it: see `giftping.settings.load`.
    state: Path = setting(parse_path, Path("~/.local/state/giftping"), variable="GIFTPING_STATE")
    """The folder of the ledger: the record of what went to which guild. Back it up."""
    host: str = setting(parse_host, "", example="my-server")
    """The name by which other hosts know this one, such as `"my-server"`: each has its own. Without it, the state
    folder keeps one, which a container that is rebuilt without its folder loses."""
    time_zone: str | None = setting(parse_zone, None, example="Europe/Berlin")
    """The zone that times are shown in, such as `"Europe/Berlin"`; without it, the machine's."""
    language: str = setting(parse_language, "en")
    """The language of what members see in guilds that have none of their own (`giftping guilds add ID --language
    NAME`): `"en"`, `"de"`, `"es"`, or one that has a table of words."""
    discord: DiscordSettings = holding(DiscordSettings)
    """The table [discord]."""
    codes: CodesSettings = holding(CodesSettings)
    """The table [codes]."""
    todo: TodoSettings = holding(TodoSettings)
    """The table [todo]."""
    mongo: MongoSettings = holding(MongoSettings)
    """The table [mongo]."""
    heartbeat: HeartbeatSettings = holding(HeartbeatSettings)
    """The table [heartbeat]."""
    operator: OperatorSettings = holding(OperatorSettings)
    """The table [operator]."""
    games: Mapping[str, Game] = holding(Game, many=True)
    """The games by slug: the built-in ones, and the tables [games.SLUG]."""
    words: Mapping[str, Mapping[str, str]] = holding(dict, many=True)
    """Phrases of one's own by language and dotted name: the tables [words.LANGUAGE]."""
    sources: Mapping[str, SourceDefinition] = holding(SourceDefinition, many=True)
    """The sources by name, disabled ones too: the built-in ones, and the tables [sources.NAME]."""
    file: Path | None
    """The settings file; None where only the defaults and the environment count."""
    environment: Environment
    """The variables, those of `.env` files included."""
    origins: Mapping[str, Origin] = field(default_factory=dict)
    """Where each value that is no default came from, by dotted key."""
    warnings: tuple[str, ...] = ()
    """Lines for the operator."""
    remarks: tuple[str, ...] = ()
    """Lines for whoever looks at the settings: nothing is wrong, but worth knowing."""
    _resolved: set[Secret] = field(default_factory=set, repr=False, compare=False)

    @property
    def todo_zone(self) -> ZoneInfo:
        """The zone that days, dates and quiet hours go by of members who have none of their own."""
        from zoneinfo import ZoneInfo

        return ZoneInfo(self.todo.time_zone or self.time_zone or FIRST_ZONE)

    def secret(self, reference: str) -> Secret:
        """The secret a reference names, `.env` files included. Raise SecretError when it is not there."""
        secret = resolve_secret(reference, self.environment.values)
        # A webhook's URL is known by its looks, and there may be thousands of them.
        if "/webhooks/" not in secret.reveal():
            self._resolved.add(secret)
        return secret

    def redactor(self) -> Redactor:
        """What takes every secret that these settings know of, or have given out, out of a text."""
        known = [secret for secret in (self.discord.token, self.mongo.uri) if secret]
        # A copy: another thread may add to it meanwhile.
        return Redactor([*known, *self._resolved.copy(), *secret_values(self.environment.values)])


def declared_tables() -> dict[str, type]:
    """The dataclasses of the tables that have a fixed name, by that name; empty for the top of the file."""
    held = {name: key.table for name, key in keys_of(Settings).items() if key.table and not key.many}
    return {"": Settings, **held}


def _lease_within_budget(lease: timedelta, budget: timedelta) -> Iterator[Contradiction]:
    if lease <= budget:
        lease_text, budget_text = duration_text(lease), duration_text(budget)
        reason = f"the lease ({lease_text}) must be longer than the budget ({budget_text}), which a claim outlasts"
        yield ("lease", "budget"), reason
