"""Settings: giftping.toml, the environment and `.env` files become one frozen value, or every mistake at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from giftping.settings.catalogue import LookCloser, load_catalogue, read_games, read_sources
from giftping.settings.declaring import Key, keys_of
from giftping.settings.dotenv import read_dotenv
from giftping.settings.environment import OWN_PREFIX, REAL, Environment, Variable
from giftping.settings.file import (
    FILE_VARIABLE,
    Mistake,
    SettingsError,
    SettingsFile,
    expanded,
    find_settings_file,
    home_folder,
    read_settings_file,
    state_in,
)
from giftping.settings.keys import Origin, Settings, declared_tables
from giftping.settings.problems import Problem, nearest, unknown_key, unknown_value
from giftping.settings.secrets import (
    Redactor,
    Secret,
    SecretError,
    anchored_reference,
    exposure,
    find_secret,
    is_configured,
    resolve_secret,
    secret_values,
)
from giftping.settings.table_reader import TableReader
from giftping.settings.value_types import unencrypted


def load_settings(
    environ: Mapping[str, str], config: Path | None = None, *, cwd: Path, look_closer: LookCloser | None = None
) -> Settings:
    """The settings that count for a process with this environment in this folder.

    `config` is a settings file named on the command line; without one it is looked for as
    `find_settings_file` says. The environment goes before the file, the file before the defaults. `look_closer` is
    asked about each source that the user wrote or changed. Raise SettingsError with every mistake at once.
    """
    return _Loading(environ, config, cwd).settings(look_closer)


def default_state(environ: Mapping[str, str]) -> Path:
    """The folder the ledger is kept in where nothing names one: $XDG_STATE_HOME/giftping, or below the home."""
    environment = Environment(environ)
    configured = environment.get("XDG_STATE_HOME")
    if configured.startswith("/"):  # The XDG rules say to ignore a relative one.
        return Path(configured, "giftping")
    return expanded(str(keys_of(Settings)["state"].default), Path(), environment)


class _Loading:
    """One reading of the settings; gathers mistakes, warnings and origins on the way."""

    def __init__(self, environ: Mapping[str, str], config: Path | None, cwd: Path) -> None:
        self.cwd = cwd
        self.problems: list[Problem] = []
        self.mistakes: list[Mistake] = []
        self.warnings: list[str] = []
        self.remarks: list[str] = []
        self.origins: dict[str, Origin] = {}
        self.file = SettingsFile()
        self.named: Path | None = None
        """The file that was to be read, whether or not it could be."""
        self.environment = self._read(Environment(dict(environ)), config)
        self.reader = TableReader(self.file.table, problems=self.problems)

    def settings(self, look_closer: LookCloser | None) -> Settings:
        self._note_unknown_keys()
        values = self._values(Settings, self.reader)
        values["state"] = self._state(values.get("state"))
        values |= {name: self._settings_of(table, name) for name, table in declared_tables().items() if name}
        words = self._words()
        self._note_unknown_language(values, words)
        if unencrypted(api := values["discord"].api):
            warning = "is reached without encryption: the bot token and webhook URLs can be read on the way"
            self.warnings.append(f"{api} {warning}")
        catalogue = load_catalogue()
        own_games, own_sources = self._table("games"), self._table("sources")
        games = read_games(own_games, catalogue.games, self.problems)
        built_in = values["codes"].built_in_sources
        sources = read_sources(
            own_sources,
            {**games, **own_games},  # A game that is no table is a mistake, but not unknown on top.
            catalogue,
            self.problems,
            built_in=built_in,
            look_closer=look_closer,
        )
        for name, source in sources.items():
            if source.game in games and games[source.game].code_pattern:
                sources[name] = replace(source, code_pattern=games[source.game].code_pattern)
        self._note_foreign_variables()
        self._raise_mistakes(values)
        self._note_named_tables("games", games, catalogue.games, own_games)
        self._note_named_tables("sources", sources, catalogue.tables, own_sources)
        return Settings(
            **values,
            games=MappingProxyType(games),
            words=MappingProxyType(words),
            sources=MappingProxyType(sources),
            file=self.file.path,
            environment=self.environment,
            origins=MappingProxyType(self.origins),
            # One file may hold several secrets, and is warned of once.
            warnings=tuple(dict.fromkeys(filter(None, self.warnings))),
            remarks=tuple(self.remarks),
        )

    def _read(self, real: Environment, config: Path | None) -> Environment:
        """Read all files and return the environment: the real one, then the `.env` beside the settings, then here."""
        here, variables, mistakes = self._dotenv(self.cwd)
        environment = real
        try:
            # The `.env` here may say where the settings are, too.
            path = find_settings_file(real.beneath(here, variables), config, self.cwd)
            if path and path.parent != self.cwd:
                beside, more_variables, more_mistakes = self._dotenv(path.parent)
                environment = real.beneath(beside, more_variables)
                mistakes = more_mistakes + mistakes
            self.named = path
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
        for name, declared in declared_tables().items():
            allowed = keys_of(declared)
            table = self.file.table.get(name) if name else self.file.table
            for key in table if isinstance(table, Mapping) else ():
                if key not in allowed:
                    problem = _misplaced(key) or unknown_key(key, allowed)
                    self.problems.append(problem.below(name) if name else problem)

    def _words(self) -> Mapping[str, Mapping[str, str]]:
        if not (tables := self._table("words")):
            return {}
        # Here, because most people have no words of their own.
        from giftping.settings.own_words import read_words

        return read_words(tables, self.problems)

    def _note_unknown_language(self, values: Mapping[str, Any], words: Mapping[str, object]) -> None:
        if (language := values.get("language")) is None:
            return
        # Here, because whoever says nothing of it need not know which there are.
        from giftping.words.catalogue import languages

        known = {*languages(), *words}
        if language not in known:
            self.problems.append(unknown_value("language", language, known))

    def _settings_of(self, declared: type, name: str) -> Any:
        """What a table and the variables say, with the defaults of what they do not say."""
        reader = TableReader(self._table(name), name, self.problems)
        settings = declared(**self._values(declared, reader))
        variables = {mistake.key for mistake in self.mistakes}
        wrong = {problem.key for problem in self.problems}
        wrong |= {reader.key(key.name) for key in keys_of(declared).values() if key.variable in variables}
        for keys, reason in getattr(settings, "contradictions", tuple)():
            # In place of a wrong value stands its default, and nobody wrote what that contradicts.
            if wrong.isdisjoint(map(reader.key, keys)):
                # The defaults go together, so that one of these keys was written.
                reader.wrong(next(key for key in keys if key in reader.table), reason)
        return settings

    def _values(self, declared: type, reader: TableReader) -> dict[str, Any]:
        """The values that a table and the variables set, by field; a variable goes before the file."""
        values = reader.values(declared)
        for key in keys_of(declared).values():
            if key.parse and key.name in reader.table:
                self._origin_file(reader.key(key.name))
            if key.reference:
                values[key.field] = self._secret(reader, key, values.get(key.field, ""))
            elif key.variable and (text := self._variable(reader.key(key.name), key.variable, unset=key.unset)):
                variable = TableReader({key.variable: text})
                values |= variable.value(key.variable, key)
                for problem in variable.problems:
                    self._variable_mistake(key.variable, problem.reason)
        return values

    def _secret(self, reader: TableReader, key: Key, reference: str) -> Secret | str | None:
        """What a key refers to, looked up where it is needed at once; else what its variable says."""
        if reference:
            reference = anchored_reference(reference, self.file.folder or self.cwd)
        if key.reference == "kept":
            return reference
        if key.name in reader.table and not reference:
            return None  # It is no reference: that has been noted.
        try:
            environ = self.environment.values
            is_older = key.older_variable and not is_configured(key.variable, environ)
            variable = key.older_variable if is_older else key.variable
            secret = resolve_secret(reference, environ) if reference else find_secret(variable, environ)
        except SecretError as error:
            if reference:
                reader.wrong(key.name, error.reason)
            else:
                self._variable_mistake(variable, error.reason)
            return None
        if secret and key.why_none and (reason := key.why_none(secret.reveal())):
            if reference:
                reader.wrong(key.name, reason)
            else:
                self._variable_mistake(variable, reason)
            return None
        if secret:
            if key.older_variable:
                self._note_older_variable(key, secret, is_it=not reference and variable == key.older_variable)
            place = str(self.file.path) if reference else self.environment.place_of(variable).name
            detail = secret.origin if place == REAL else f"{secret.origin}, {place}"
            self.origins[reader.key(key.name)] = Origin("file" if reference else "environment", detail)
            self.warnings.append(secret.warning)
        return secret

    def _note_older_variable(self, key: Key, secret: Secret, *, is_it: bool) -> None:
        """Say that an older program's variable counts; or that it does not, where it says something else."""
        older = key.older_variable
        if is_it:
            self.remarks.append(f"{older}, the older bot's name for {key.variable}, is read: {key.variable} is not set")
            return
        try:
            other = find_secret(older, self.environment.values)
        except SecretError:
            # It names nothing usable, and nothing goes by it.
            return
        if other is not None and other != secret:
            named = secret.origin or str(self.file.path)
            self.warnings.append(f"{older} names another address than {named}, which counts; take {older} out")

    def _state(self, named: Path | None) -> Path:
        """The state folder: the one that is named, else the one that systemd made, else the default."""
        if named:
            is_by_variable = self.origins["state"].kind == "environment"
            # A relative path starts where it was written: in a file from its folder, in a variable from here.
            start = self.cwd if is_by_variable else self.file.folder
            return expanded(str(named), start or self.cwd, self.environment)
        # Of several folders that a unit names, joined with colons (systemd.exec(5)), the first counts.
        if folder := self._variable("state", "STATE_DIRECTORY").partition(":")[0]:
            return self.cwd / folder
        if self.environment.get("XDG_STATE_HOME").startswith("/"):
            self._variable("state", "XDG_STATE_HOME")
        elif home_folder(self.environment) is None:
            reason = "HOME is not set, so there is no default folder; set GIFTPING_STATE or `state` in giftping.toml"
            self.mistakes.append(Mistake(REAL, "GIFTPING_STATE", reason))
        return default_state(self.environment.values)

    def _note_foreign_variables(self) -> None:
        known = {key.variable for declared in declared_tables().values() for key in keys_of(declared).values()}
        own = {FILE_VARIABLE, *(name for name in known if name.startswith(OWN_PREFIX))}
        for name in self.environment.unknown_variables(own):
            near = nearest(name, own, otherwise="one of")
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

    def _note_named_tables(
        self, parent: str, effective: Iterable[str], built_in: Mapping[str, object], own: Mapping[str, object]
    ) -> None:
        path = str(self.file.path)
        for name in effective:
            kind: Literal["built-in", "changed", "file"]
            kind = "file" if name not in built_in else "changed" if name in own else "built-in"
            self.origins[f"{parent}.{name}"] = Origin(kind, path if name in own else "")

    def _raise_mistakes(self, values: Mapping[str, Any]) -> None:
        """Raise SettingsError if there is any mistake, in the order of the lines, without the secrets in reach."""
        mistakes = self.file.mistakes(self.problems) + self.mistakes
        if mistakes:
            # A mistake may quote what was written, such as a token in the wrong place.
            redact = Redactor(secret_values(self.environment.values))
            told = [replace(each, key=redact(each.key), reason=redact(each.reason)) for each in mistakes]
            raise SettingsError(told, self._so_far(values))

    def _so_far(self, values: Mapping[str, Any]) -> Settings | None:
        """The settings without games, sources and the like; None where it is not known where the state folder is."""
        if not values["state"].is_absolute():
            return None
        state = values["state"]
        if self.file.path is None and self.named is not None and "state" not in self.origins:
            # No table was read of it; what it says of itself is remembered where it says.
            said = state_in(self.named)
            state = expanded(said, self.named.parent, self.environment) if said else state
        many: dict[str, Any] = {name: {} for name, key in keys_of(Settings).items() if key.many}
        so_far = {**values, **many, "state": state}
        return Settings(**so_far, file=self.named, environment=self.environment)


def _misplaced(key: str) -> Problem | None:
    """The problem of a key that is right in another table, or in several; None for one that is right nowhere."""
    where = [
        f"in [{name}]" if name else "at the top of the file, above the first [table]"
        for name, declared in declared_tables().items()
        if key in keys_of(declared)
    ]
    return Problem(key, f"unknown key here; it belongs {', or '.join(where)}") if where else None
