"""Settings: giftping.toml, the environment and `.env` files become one frozen value, or every mistake at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Literal, cast, get_args

from giftping.settings.catalogue import Game, load_catalogue, read_games, read_sources
from giftping.settings.dotenv import read_dotenv
from giftping.settings.environment import OWN_VARIABLES, REAL, Environment, Variable
from giftping.settings.file import (
    Mistake,
    SettingsError,
    SettingsFile,
    expanded,
    find_settings_file,
    home_folder,
    read_settings_file,
)
from giftping.settings.problems import Problem, unknown_key, unknown_value
from giftping.settings.secrets import (
    Redactor,
    Secret,
    SecretError,
    anchored_reference,
    exposure,
    find_secret,
    resolve_secret,
    secret_values,
)
from giftping.settings.sources import SourceDefinition
from giftping.settings.tables import TableReader
from giftping.settings.todo import TodoSettings, read_todo
from giftping.settings.values import (
    DISCORD_API,
    KEYS,
    api_mistake,
    lease_mistake,
    misplaced,
    regions,
    span,
    zone_mistake,
)

Unclear = Literal["ask", "resend"]
OnOutage = Literal["continue", "hold"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an effective value came from; `detail` is the file or the variable.

    Games and sources are "built-in", "changed" (a built-in one with the user's changes) or of the "file".
    """

    kind: Literal["default", "file", "environment", "built-in", "changed"] = "default"
    detail: str = ""


@dataclass(frozen=True, slots=True)
class DiscordSettings:
    """How Discord is reached: the REST API's address without a slash at its end, and the bot token if there is one."""

    api: str = DISCORD_API
    token: Secret | None = None


@dataclass(frozen=True, slots=True)
class CodesSettings:
    """How codes go out.

    `unclear` is what becomes of an announcement nobody can find again; a claim is left to its run for
    `lease`; `budget` is how long one run waits for rate limits in total; codes that are only valid in
    `skipped_regions` (upper case) stay out; `contact` is told to the sources in the User-Agent.
    """

    unclear: Unclear = "ask"
    lease: timedelta = timedelta(minutes=10)
    budget: timedelta = timedelta(minutes=5)
    skipped_regions: tuple[str, ...] = ("CN",)
    built_in_sources: bool = True
    contact: str = ""


@dataclass(frozen=True, slots=True)
class MongoSettings:
    """The ledger that several hosts share; without a `uri` the ledger is the JSON file alone.

    The database is the one in the URI, else `database`. While it is away, `on_outage` says whether a run goes
    on with the mirror or holds everything back; `server_selection` is how long it is waited for.
    """

    uri: Secret | None = None
    database: str = ""
    on_outage: OnOutage = "continue"
    server_selection: timedelta = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class HeartbeatSettings:
    """The monitor's address for each job, by reference; empty without one. `start`: it is told of the begin as well."""

    codes: str = ""
    todo: str = ""
    start: bool = False


@dataclass(frozen=True, slots=True)
class OperatorSettings:
    """The webhook, by reference, by which the operator is told of trouble; empty without one."""

    webhook: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that is configured, checked, with absolute paths.

    `time_zone` is None for the machine's; `file` is None when only defaults and the environment count;
    `origins` maps dotted keys to where their values came from; `warnings` are lines for the operator.
    """

    state: Path
    time_zone: str | None
    discord: DiscordSettings
    codes: CodesSettings
    todo: TodoSettings
    mongo: MongoSettings
    heartbeat: HeartbeatSettings
    operator: OperatorSettings
    games: Mapping[str, Game]
    sources: Mapping[str, SourceDefinition]
    file: Path | None
    environment: Environment
    origins: Mapping[str, Origin] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    _resolved: set[Secret] = field(default_factory=set, repr=False, compare=False)

    def secret(self, reference: str) -> Secret:
        """The secret a reference names, `.env` files included. Raise SecretError when it is not there."""
        secret = resolve_secret(reference, self.environment.values)
        # A webhook's URL is known by its looks, and there may be thousands of them.
        if "/webhooks/" not in secret.reveal():
            self._resolved.add(secret)
        return secret

    def redactor(self) -> Redactor:
        """Return what takes every secret that these settings know of, or have given out, out of a text."""
        known = [secret for secret in (self.discord.token, self.mongo.uri) if secret]
        return Redactor([*known, *self._resolved.copy(), *secret_values(self.environment.values)])


def load_settings(environ: Mapping[str, str], config: Path | None = None, *, cwd: Path) -> Settings:
    """The settings that count for a process with this environment in this folder.

    `config` is a settings file named on the command line; without one it is looked for as
    `find_settings_file` says. The environment goes before the file, the file before the defaults. Raise
    SettingsError with every mistake at once.
    """
    return _Loading(environ, config, cwd).settings()


def default_state(environ: Mapping[str, str]) -> Path:
    """The folder the ledger is kept in where nothing names one: $XDG_STATE_HOME/giftping, or below the home."""
    environment = Environment(environ)
    configured = environment.get("XDG_STATE_HOME")
    if configured.startswith("/"):  # The XDG rules say to ignore a relative one.
        return Path(configured, "giftping")
    return (home_folder(environment) or Path("~")) / ".local" / "state" / "giftping"


def mistakes_of_source(settings: Settings, name: str, problems: Iterable[Problem]) -> list[Mistake]:
    """Problems of a source's definition, their keys relative to its table, with the places they were made at."""
    file = read_settings_file(settings.file)
    return [file.mistake(problem.below(f"sources.{name}")) for problem in problems]


class _Loading:
    """One reading of the settings; gathers mistakes, warnings and origins on the way."""

    def __init__(self, environ: Mapping[str, str], config: Path | None, cwd: Path) -> None:
        self.cwd = cwd
        self.problems: list[Problem] = []
        self.mistakes: list[Mistake] = []
        self.warnings: list[str] = []
        self.origins: dict[str, Origin] = {}
        self.file = SettingsFile()
        self.environment = self._read(Environment(dict(environ)), config)
        self.reader = TableReader(self.file.table, problems=self.problems)

    def settings(self) -> Settings:
        self._note_unknown_keys()
        state, time_zone, discord, codes = self._state(), self._time_zone(), self._discord(), self._codes()
        todo, mongo = self._todo(), self._mongo()
        heartbeat, operator = self._heartbeat(), self._operator()
        catalogue = load_catalogue()
        own_games = self._table("games")
        games = read_games(own_games, catalogue, self.problems)
        own_sources = self._table("sources")
        named = {**games, **own_games}  # A game with a mistake in it is not unknown on top.
        sources = read_sources(own_sources, named, catalogue, self.problems, built_in=codes.built_in_sources)
        self._note_foreign_variables()
        self._raise_mistakes()
        self._note_tables("games", games, catalogue.games, own_games)
        self._note_tables("sources", sources, catalogue.tables, own_sources)
        return Settings(
            state=state,
            time_zone=time_zone,
            discord=discord,
            codes=codes,
            todo=todo,
            mongo=mongo,
            heartbeat=heartbeat,
            operator=operator,
            games=MappingProxyType(games),
            sources=MappingProxyType(sources),
            file=self.file.path,
            environment=self.environment,
            origins=MappingProxyType(self.origins),
            warnings=tuple(dict.fromkeys(filter(None, self.warnings))),
        )

    def _read(self, real: Environment, config: Path | None) -> Environment:
        """Read all files and return the environment: the real one, then the `.env` beside the settings, then here."""
        here, variables, mistakes = self._dotenv(self.cwd)
        environment = real
        try:
            path = find_settings_file(real.beneath(here, variables), config, self.cwd)
            if path and path.parent != self.cwd:
                beside, more_variables, more_mistakes = self._dotenv(path.parent)
                environment = real.beneath(beside, more_variables)
                mistakes = more_mistakes + mistakes
            self.file = read_settings_file(path)
        except SettingsError as error:
            self.mistakes += error.mistakes
        self.mistakes += mistakes
        return environment.beneath(here, variables)

    def _dotenv(self, folder: Path) -> tuple[Path, list[Variable], list[Mistake]]:
        path, variables, mistakes = read_dotenv(folder)
        if variables:
            self.warnings.append(exposure(path))
        return path, variables, mistakes

    def _table(self, name: str) -> Mapping[str, object]:
        with self.reader.inside(name) as reader:
            return reader.table if reader else {}

    def _note_unknown_keys(self) -> None:
        for name, allowed in KEYS.items():
            table = self.file.table.get(name) if name else self.file.table
            for key in table if isinstance(table, Mapping) else ():
                if key not in allowed:
                    problem = misplaced(key) or unknown_key(key, allowed)
                    self.problems.append(problem.below(name) if name else problem)

    def _state(self) -> Path:
        if named := self._variable("state", "GIFTPING_STATE"):
            return expanded(named, self.cwd, self.environment)
        if "state" in self.file.table:
            self._origin_file("state")
            return expanded(self.reader.text("state"), self.file.folder or self.cwd, self.environment)
        if folder := self._variable("state", "STATE_DIRECTORY").partition(":")[0]:
            return self.cwd / folder
        if self.environment.get("XDG_STATE_HOME").startswith("/"):
            self._variable("state", "XDG_STATE_HOME")
        elif home_folder(self.environment) is None:
            reason = "HOME is not set, so there is no default folder; set GIFTPING_STATE or `state` in giftping.toml"
            self.mistakes.append(Mistake(REAL, "GIFTPING_STATE", reason))
        return default_state(self.environment.values)

    def _time_zone(self) -> str | None:
        name = self.reader.text("time_zone")
        if not name:
            return None
        self._origin_file("time_zone")
        if reason := zone_mistake(name):
            self.reader.wrong("time_zone", reason)
        return name

    def _discord(self) -> DiscordSettings:
        reader = TableReader(self._table("discord"), "discord", self.problems)
        return DiscordSettings(self._api(reader), self._token(reader))

    def _api(self, reader: TableReader) -> str:
        written = reader.text("api")
        api = self._variable("discord.api", "GIFTPING_DISCORD_API")
        if api:
            reason, warning = api_mistake(api)
            if reason:
                self._variable_mistake("GIFTPING_DISCORD_API", reason)
        elif written:
            self._origin_file("discord.api")
            api = written
            reason, warning = api_mistake(api)
            if reason:
                reader.wrong("api", reason)
        else:
            return DISCORD_API
        self.warnings.append(warning)
        return api.rstrip("/")

    def _token(self, reader: TableReader) -> Secret | None:
        return self._secret(reader, "token", "DISCORD_TOKEN")

    def _mongo(self) -> MongoSettings:
        reader = TableReader(self._table("mongo"), "mongo", self.problems)
        default = MongoSettings()
        self._note_origins(reader)
        return MongoSettings(
            uri=self._secret(reader, "uri", "MONGO_URI"),
            database=self._variable("mongo.database", "MONGO_DB_NAME") or reader.text("database"),
            on_outage=cast("OnOutage", reader.choice("on_outage", get_args(OnOutage), default=default.on_outage)),
            server_selection=span(reader, "server_selection", default.server_selection),
        )

    def _heartbeat(self) -> HeartbeatSettings:
        reader = TableReader(self._table("heartbeat"), "heartbeat", self.problems)
        self._note_origins(reader)
        codes, todo = self._reference(reader, "codes"), self._reference(reader, "todo")
        return HeartbeatSettings(codes, todo, reader.flag("start", default=False))

    def _operator(self) -> OperatorSettings:
        reader = TableReader(self._table("operator"), "operator", self.problems)
        self._note_origins(reader)
        return OperatorSettings(self._reference(reader, "webhook"))

    def _reference(self, reader: TableReader, key: str) -> str:
        """The reference to a secret that is looked up when it is needed: the run does not hang on it."""
        reference = reader.text(key)
        if reference and not reference.startswith(("env:", "file:")):
            reader.wrong(key, "must be env:NAME or file:PATH; the address itself does not belong in this file")
            return ""
        return anchored_reference(reference, self.file.folder or self.cwd)

    def _secret(self, reader: TableReader, key: str, variable: str) -> Secret | None:
        """The secret that a key refers to, else the variable's; None where neither is set."""
        reference = reader.text(key)
        secret: Secret | None
        if reference and not reference.startswith(("env:", "file:")):
            reader.wrong(key, f"must be env:NAME or file:PATH; the {key} itself does not belong in this file")
            return None
        try:
            if reference:
                folder = self.file.folder or self.cwd
                secret = resolve_secret(anchored_reference(reference, folder), self.environment.values)
            else:
                secret = find_secret(variable, self.environment.values)
        except SecretError as error:
            if reference:
                reader.wrong(key, error.reason)
            else:
                self._variable_mistake(variable, error.reason)
            return None
        if secret:
            place = self.environment.place_of(variable).name if not reference else str(self.file.path)
            detail = secret.origin if place == REAL else f"{secret.origin}, {place}"
            name = f"{reader.prefix}.{key}"
            self.origins[name] = Origin("file" if reference else "environment", detail)
            self.warnings.append(secret.warning)
        return secret

    def _codes(self) -> CodesSettings:
        reader = TableReader(self._table("codes"), "codes", self.problems)
        default = CodesSettings()
        self._note_origins(reader)
        codes = CodesSettings(
            unclear=cast("Unclear", reader.choice("unclear", get_args(Unclear), default=default.unclear)),
            lease=span(reader, "lease", default.lease),
            budget=span(reader, "budget", default.budget),
            skipped_regions=regions(reader, default.skipped_regions),
            built_in_sources=reader.flag("built_in_sources", default=default.built_in_sources),
            contact=reader.text("contact"),
        )
        reason = lease_mistake(codes.lease, codes.budget)
        if reason and not any(p.key in ("codes.lease", "codes.budget") for p in self.problems):
            reader.wrong("lease" if "lease" in reader.table else "budget", reason)
        if not (codes.contact.isascii() and codes.contact.isprintable()):
            reader.wrong("contact", "must be printable ASCII: it is sent in the User-Agent")
        return codes

    def _todo(self) -> TodoSettings:
        reader = TableReader(self._table("todo"), "todo", self.problems)
        self._note_origins(reader)
        # The older bot took 0 for an id that is not set.
        return read_todo(reader, partial(self._variable, unset="0"), self._variable_mistake)

    def _note_foreign_variables(self) -> None:
        for name in self.environment.unknown_variables():
            near = unknown_value("", name, OWN_VARIABLES).reason.partition("; ")[2]
            self._variable_mistake(name, f"no such variable; {near} (what begins with GIFTPING_ is giftping's own)")

    def _variable(self, key: str, name: str, *, unset: str = "") -> str:
        """A variable's value and note it as the origin of a key; empty when it is not set, or `unset`."""
        value = self.environment.get(name)
        if value == unset:
            return ""
        if value:
            place = self.environment.place_of(name)
            self.origins[key] = Origin("environment", name if place.line is None else f"{name} in {place.name}")
        return value

    def _variable_mistake(self, name: str, reason: str) -> None:
        place = self.environment.place_of(name)
        self.mistakes.append(Mistake(place.name, name, reason, place.line))

    def _origin_file(self, key: str) -> None:
        self.origins[key] = Origin("file", str(self.file.path))

    def _note_origins(self, reader: TableReader) -> None:
        """Note the file as the origin of every key of a table that is in it."""
        for key in KEYS[reader.prefix]:
            if key in reader.table:
                self._origin_file(reader.key(key))

    def _note_tables(
        self, parent: str, effective: Iterable[str], built_in: Mapping[str, object], own: Mapping[str, object]
    ) -> None:
        path = str(self.file.path)
        for name in effective:
            kind: Literal["built-in", "changed", "file"]
            kind = "file" if name not in built_in else "changed" if name in own else "built-in"
            self.origins[f"{parent}.{name}"] = Origin(kind, path if name in own else "")

    def _raise_mistakes(self) -> None:
        """Raise SettingsError if there is any mistake, in the order of the lines, without the secrets in reach."""
        in_file = [self.file.mistake(problem) for problem in self.problems]
        in_file.sort(key=lambda mistake: mistake.line or 0)
        mistakes = in_file + self.mistakes
        if mistakes:
            redact = Redactor(secret_values(self.environment.values))
            raise SettingsError(replace(each, key=redact(each.key), reason=redact(each.reason)) for each in mistakes)
