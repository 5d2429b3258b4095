"""The ledger's Python face, over every store, and as it is opened from the settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from fakes.mongod import database, new_database, or_skip, shared_mongod
from fakes.records import NOON, entry
from fakes.shared_store import FakeSharedEngine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo import MongoClient
from pymongo.monitoring import CommandListener
from store_kinds import BELOW_RECORDS, ENGINE_KINDS

from giftping.errors import GiftpingError
from giftping.settings.file import SettingsError
from giftping.store import StoreError, open_ledger
from giftping.store.base import HOME_GAME, EntrySource, EntryState
from giftping.store.clears import clears_of
from giftping.store.documents import CLEARS, LEDGER
from giftping.store.ledger import Ledger
from giftping.store.mirror.replay import is_cleared
from giftping.store.records import Store
from giftping.text import key_of

OTHER_GAME = "kingshot"
GUILD = 123456789012345678
STATES = dict.fromkeys(["open", "sent", "seeded", "uncertain", "given_up"], 0)

OpenStore = Callable[[], Store]


@pytest.fixture(params=BELOW_RECORDS)
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenStore]:
    kind = ENGINE_KINDS[request.param]
    address = kind.new_address(tmp_path)
    with ExitStack() as handles:
        yield lambda: handles.enter_context(kind.open_store(address))


def ledger_over(open_store: OpenStore, clock: Callable[[], datetime] = lambda: NOON) -> Ledger:
    def opener(*, read_only: bool) -> Store:
        return open_store()

    return Ledger(opener, {HOME_GAME, OTHER_GAME}, clock)


@pytest.fixture
def ledger(open_store: OpenStore) -> Iterator[Ledger]:
    with ledger_over(open_store) as opened:
        yield opened


# What counts as sent


def test_of_an_empty_guild_nothing_is_on_record(ledger: Ledger) -> None:
    assert ledger.sent_codes(GUILD) == set()
    assert not ledger.is_sent(GUILD, "GIFT100")
    assert ledger.which_sent(GUILD, ["GIFT100"]) == {"GIFT100": False}
    assert ledger.which_sent(GUILD, []) == {}
    assert ledger.clear(GUILD) == 0


def test_what_is_marked_counts_as_sent_at_once_and_for_the_next_program(ledger: Ledger, open_store: OpenStore) -> None:
    assert ledger.mark_sent(GUILD, ["gogoWOS", " GIFT100\n"]) == {"GOGOWOS", "GIFT100"}
    for one in (ledger, ledger_over(open_store)):
        assert one.sent_codes(GUILD) == {"GOGOWOS", "GIFT100"}
        assert one.is_sent(GUILD, "gift100")
        assert one.which_sent(GUILD, ["GogoWos", "OTHER1"]) == {"GOGOWOS": True, "OTHER1": False}


@pytest.mark.parametrize("state", EntryState)
def test_a_code_counts_as_sent_in_whichever_state_it_is_on_record(
    ledger: Ledger, open_store: OpenStore, state: EntryState
) -> None:
    """As nobody is to announce it again now: of a claim it is not known yet, and what is seeded is known there."""
    open_store().insert([entry(GUILD, state=state)])
    assert ledger.is_sent(GUILD, "GIFT100")
    assert ledger.sent_codes(GUILD) == {"GIFT100"}
    assert ledger.which_sent(GUILD, ["GIFT100"]) == {"GIFT100": True}
    assert ledger.stats(GUILD)["states"] == {**STATES, state.value: 1}


@pytest.mark.parametrize("state", EntryState)
def test_what_is_on_record_keeps_its_state_its_source_and_its_time(
    ledger: Ledger, open_store: OpenStore, state: EntryState
) -> None:
    there = entry(GUILD, state=state, source="rss", sent_at=NOON - timedelta(days=3))
    open_store().insert([there])
    assert ledger.mark_sent(GUILD, ["gift100", "GIFT200"], source="website") == {"GIFT200"}
    assert open_store().entry(GUILD, HOME_GAME, "GIFT100") == there


def test_what_is_marked_is_recorded_with_its_spelling_its_source_and_the_time(
    ledger: Ledger, open_store: OpenStore
) -> None:
    ledger.mark_sent(GUILD, [" gogoWOS ", "GOGOWOS"], source="api", game=OTHER_GAME)
    recorded = open_store().entry(GUILD, OTHER_GAME, "GOGOWOS")
    assert recorded
    assert (recorded.spelling, recorded.source, recorded.state) == ("gogoWOS", "api", EntryState.SENT)
    assert recorded.sent_at == recorded.created_at == recorded.updated_at == NOON


def test_marking_again_records_nothing_new(ledger: Ledger) -> None:
    assert ledger.mark_sent(GUILD, ["GIFT100"])
    assert ledger.mark_sent(GUILD, ["gift100"]) == set()
    assert ledger.mark_sent(GUILD, []) == set()


def test_each_guild_and_each_game_is_on_its_own(ledger: Ledger) -> None:
    ledger.mark_sent(GUILD, ["GIFT100"])
    ledger.mark_sent(GUILD, ["GIFT200"], game=OTHER_GAME)
    assert ledger.sent_codes(GUILD) == ledger.sent_codes(GUILD, game=HOME_GAME) == {"GIFT100"}
    assert ledger.sent_codes(GUILD, game=OTHER_GAME) == {"GIFT200"}
    assert ledger.which_sent(GUILD, ["GIFT100", "GIFT200"], game=OTHER_GAME) == {"GIFT100": False, "GIFT200": True}
    assert ledger.sent_codes(GUILD + 1) == set()
    assert ledger.stats(GUILD, game=OTHER_GAME)["total"] == 1
    assert ledger.clear(GUILD, game=OTHER_GAME) == 1
    assert ledger.sent_codes(GUILD) == {"GIFT100"}


def test_what_the_older_bot_wrote_counts(ledger: Ledger, open_store: OpenStore) -> None:
    document = {
        "_id": f"{GUILD}:OFFICIALSTORE",
        "guild_id": GUILD,
        "code": "OFFICIALSTORE",
        "source": "auto",
        "sent_at": "2025-11-02T10:00:00.000001",
        "created_at": "2025-11-02T10:00:00.000001",
        "updated_at": "2025-11-02T10:00:00.000001",
    }
    open_store().insert_documents("sent_giftcodes", [document])
    assert ledger.sent_codes(GUILD) == {"OFFICIALSTORE"}
    assert ledger.is_sent(GUILD, "OfficialStore")
    assert ledger.stats(GUILD) == {
        "total": 1,
        "last_code": "OFFICIALSTORE",
        "last_sent_at": datetime(2025, 11, 2, 10, 0, 0, 1, tzinfo=UTC),
        "states": {**STATES, "sent": 1},
        "sources": {"auto": 1},
    }


def test_of_many_threads_that_mark_the_same_codes_each_code_is_new_to_one(ledger: Ledger) -> None:
    codes = [f"GIFT{number}" for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        new = list(pool.map(lambda _: ledger.mark_sent(GUILD, codes), range(8)))
    assert sorted(key for keys in new for key in keys) == sorted(codes)


# Numbers, and clearing


def test_the_numbers_of_an_empty_guild_have_every_key(ledger: Ledger) -> None:
    assert ledger.stats(GUILD) == {
        "total": 0,
        "last_code": None,
        "last_sent_at": None,
        "states": STATES,
        "sources": {},
    }


def test_the_numbers_count_what_was_sent_by_source_and_name_the_last(ledger: Ledger, open_store: OpenStore) -> None:
    earlier = NOON - timedelta(hours=1)
    open_store().insert(
        [
            entry(GUILD, "FIRST1", state=EntryState.SENT, source="api", sent_at=earlier),
            entry(GUILD, "SEED1", state=EntryState.SEEDED, source="rss", updated_at=NOON + timedelta(days=1)),
            entry(GUILD, "OPEN1", source="rss"),
        ]
    )
    ledger.mark_sent(GUILD, ["gogoWOS", "GIFT100"])
    numbers = ledger.stats(GUILD)
    assert numbers["total"] == 3
    assert numbers["sources"] == {"manual": 2, "api": 1}
    assert numbers["states"] == {**STATES, "sent": 3, "seeded": 1, "open": 1}
    assert numbers["last_code"] in ("gogoWOS", "GIFT100")
    assert numbers["last_sent_at"] == NOON


def test_clearing_forgets_a_guild_and_is_recorded(ledger: Ledger, open_store: OpenStore) -> None:
    ledger.mark_sent(GUILD, ["GIFT100", "GIFT200"])
    ledger.mark_sent(GUILD + 1, ["GIFT100"])
    assert ledger.clear(str(GUILD)) == 2
    assert ledger.sent_codes(GUILD) == set()
    assert ledger.sent_codes(GUILD + 1) == {"GIFT100"}
    assert clears_of(open_store(), "GIFT100") == [(GUILD, NOON)]
    assert ledger.mark_sent(GUILD, ["GIFT100"]) == {"GIFT100"}


@pytest.mark.parametrize("days_off", [-400, -3, 3, 400])
def test_a_clear_covers_what_was_sent_before_it_and_nothing_since_whatever_the_clock_says(
    open_store: OpenStore, days_off: int
) -> None:
    store, minute = open_store(), timedelta(minutes=1)
    with ledger_over(open_store, lambda: NOON + timedelta(days=days_off)) as ledger:
        store.insert([entry(GUILD, state=EntryState.SENT, sent_at=NOON, created_at=NOON, updated_at=NOON)])
        (before,) = store.engine.walk(LEDGER)
        assert ledger.clear(GUILD) == 1
        later = NOON + minute
        store.insert([entry(GUILD, state=EntryState.SENT, sent_at=later, created_at=later, updated_at=later)])
        (since,) = store.engine.walk(LEDGER)
        clears = list(store.engine.walk(CLEARS))
        assert is_cleared(before, clears)
        assert not is_cleared(since, clears)


def test_clearing_a_guild_of_which_nothing_is_on_record_is_not_recorded(ledger: Ledger, open_store: OpenStore) -> None:
    assert ledger.clear(GUILD) == 0
    assert clears_of(open_store(), "GIFT100") == []


# What is asked for: of the JSON file, as the store has no part in it


@pytest.fixture
def own_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without settings, whose ledger is a file in the folder `state`."""
    for name in ("MONGO_URI", "MONGO_DB_NAME", "GIFTPING_CONFIG", "STATE_DIRECTORY", "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIFTPING_STATE", str(tmp_path / "state"))
    monkeypatch.setattr("giftping.settings.file.SYSTEM_FOLDER", tmp_path / "etc" / "giftping")
    monkeypatch.chdir(tmp_path)
    return tmp_path


CALLS: dict[str, Callable[[Ledger, Any, str, str], object]] = {
    "sent_codes": lambda ledger, guild, code, game: ledger.sent_codes(guild, game=game),
    "is_sent": lambda ledger, guild, code, game: ledger.is_sent(guild, code, game=game),
    "which_sent": lambda ledger, guild, code, game: ledger.which_sent(guild, ["GIFT1", code], game=game),
    "mark_sent": lambda ledger, guild, code, game: ledger.mark_sent(guild, ["GIFT1", code], game=game),
    "stats": lambda ledger, guild, code, game: ledger.stats(guild, game=game),
    "clear": lambda ledger, guild, code, game: ledger.clear(guild, game=game),
}
TAKING_CODES = ["is_sent", "which_sent", "mark_sent"]


@pytest.mark.parametrize("call", CALLS)
def test_the_calls_that_are_tried_are_those_there_are(call: str) -> None:
    public = {name for name in vars(Ledger) if not name.startswith("_")}
    assert public == {*CALLS, "name", "notices", "close"}


@pytest.mark.parametrize("call", TAKING_CODES)
@pytest.mark.parametrize("code", ["", "   ", "\t\n", "\u2003", "A:B", "A~2", "GIFT\ud800", "GIFT\x00", "GIFT\u200b"])
@pytest.mark.usefixtures("own_machine")
def test_what_is_no_code_is_refused_before_anything_is_written(call: str, code: str) -> None:
    with open_ledger() as ledger:
        with pytest.raises(ValueError, match="is no code"):
            CALLS[call](ledger, GUILD, code, HOME_GAME)
        assert ledger.sent_codes(GUILD) == set()


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "guild", [0, -1, 2**64, True, 1.0, None, "", " 1", "+1", "1_0", "0x1", "٣", "guild", "9" * 5000]
)
@pytest.mark.usefixtures("own_machine")
def test_what_is_no_guild_is_refused(call: str, guild: object) -> None:
    with open_ledger() as ledger, pytest.raises(ValueError, match="the guild must be a Discord id"):
        CALLS[call](ledger, guild, "GIFT100", HOME_GAME)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.usefixtures("own_machine")
def test_a_game_that_is_not_known_is_no_game_without_codes(call: str) -> None:
    with open_ledger() as ledger, pytest.raises(ValueError, match="no game 'kingshoot'; did you mean 'kingshot'"):
        CALLS[call](ledger, GUILD, "GIFT100", "kingshoot")


@pytest.mark.usefixtures("own_machine")
@pytest.mark.parametrize(("config", "named"), [("/nonexistent.toml", "/nonexistent.toml"), ("", "''")])
def test_settings_that_are_not_there_are_named_as_they_were_given(config: str, named: str) -> None:
    with pytest.raises(SettingsError) as raised:
        open_ledger(config)
    assert str(raised.value) == f"{named}: no such file"


@pytest.mark.usefixtures("own_machine")
def test_a_text_is_not_taken_for_a_list_of_its_letters() -> None:
    with open_ledger() as ledger:
        for call in (ledger.which_sent, ledger.mark_sent):
            with pytest.raises(TypeError, match=r"write \['GIFT100'\]"):
                call(GUILD, "GIFT100")
            with pytest.raises(TypeError, match="codes is None, not a list of texts"):
                call(GUILD, None)  # type: ignore[arg-type]  # that is the point
            with pytest.raises(TypeError, match="a code is a text"):
                call(GUILD, ["GIFT100", 5])  # type: ignore[list-item]  # as a program without types may
        assert ledger.sent_codes(GUILD) == set()


@pytest.mark.usefixtures("own_machine")
def test_a_source_is_one_of_those_that_the_ledger_knows() -> None:
    with open_ledger() as ledger:
        with pytest.raises(ValueError, match="no source 'manuel'; did you mean 'manual'"):
            ledger.mark_sent(GUILD, ["GIFT100"], source="manuel")  # type: ignore[arg-type]
        for number, source in enumerate(get_args(EntrySource)):
            ledger.mark_sent(GUILD, [f"GIFT{number}"], source=source)
        assert ledger.stats(GUILD)["sources"] == dict.fromkeys(get_args(EntrySource), 1)


SPELLINGS = st.text(min_size=1, max_size=12).filter(
    lambda text: bool(key_of(text)) and key_of(text).isprintable() and not {":", "~"} & set(key_of(text))
)


@given(spelling=SPELLINGS, before=st.sampled_from(["", " ", "\n\t", "\u3000"]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_however_a_code_is_written_it_is_one_code(own_machine: Path, spelling: str, before: str) -> None:
    with open_ledger() as ledger:
        (key,) = ledger.mark_sent(GUILD, [before + spelling]) or ledger.which_sent(GUILD, [spelling])
        assert ledger.is_sent(str(GUILD), spelling)
        assert ledger.which_sent(GUILD, [spelling + before, key, spelling]) == {key: True}
        assert key in ledger.sent_codes(GUILD)


# As it is opened from the settings


def test_whoever_only_asks_leaves_no_trace(own_machine: Path) -> None:
    with open_ledger() as ledger:
        assert ledger.sent_codes(GUILD) == set()
        assert ledger.clear(GUILD) == 0
        assert ledger.name == str(own_machine / "state" / "giftping.json")
    assert not (own_machine / "state").exists()


@pytest.mark.parametrize("as_text", [True, False])
def test_the_settings_say_which_ledger_it_is(own_machine: Path, monkeypatch: pytest.MonkeyPatch, as_text: bool) -> None:
    monkeypatch.delenv("GIFTPING_STATE")
    config = own_machine / "other" / "mine.toml"
    config.parent.mkdir()
    config.write_text('state = "kept"\n\n[games.rise]\ntitle = "Rise"\n', "utf-8")
    with open_ledger(str(config) if as_text else config) as ledger:
        assert ledger.mark_sent(GUILD, ["GIFT100"], game="rise") == {"GIFT100"}
    assert (own_machine / "other" / "kept" / "giftping.json").is_file()


def test_a_mistake_in_the_settings_is_told(own_machine: Path) -> None:
    (own_machine / "giftping.toml").write_text("stat = 'x'\n", "utf-8")
    with pytest.raises(GiftpingError, match="stat"):
        open_ledger()


def test_a_ledger_that_cannot_be_read_is_never_an_empty_one(own_machine: Path) -> None:
    (own_machine / "state").mkdir()
    (own_machine / "state" / "giftping.json").write_text('{"sent_giftcodes": {"1"', "utf-8")
    with pytest.raises(StoreError, match=r"giftping\.json"):
        open_ledger()


def test_an_entry_that_cannot_be_read_counts_as_sent_and_is_named(own_machine: Path) -> None:
    """Taken for none, its code would be sent again."""
    odd = {"_id": f"{GUILD}:GIFT100", "guild_id": GUILD, "code": "GIFT100", "sent_at": "yesterday"}
    with ENGINE_KINDS["tinydb"].open_store(str(own_machine / "state")) as store:
        store.insert_documents("sent_giftcodes", [odd])
    with open_ledger() as ledger:
        assert ledger.sent_codes(GUILD) == {"GIFT100"}
        assert ledger.is_sent(GUILD, "gift100")
        assert ledger.mark_sent(GUILD, ["GIFT100"]) == set()
        assert ledger.stats(GUILD)["total"] == 0
        (named,) = ledger.notices
        assert "sent_at is 'yesterday'" in named
        assert ledger.clear(GUILD) == 1
        assert ledger.sent_codes(GUILD) == set()


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("has_written", [True, False])
@pytest.mark.usefixtures("own_machine")
def test_a_ledger_that_was_closed_answers_nothing(call: str, has_written: bool) -> None:
    with open_ledger() as ledger:
        if has_written:
            ledger.mark_sent(GUILD, ["GIFT0"])
    ledger.close()
    with pytest.raises(StoreError, match="closed"):
        CALLS[call](ledger, GUILD, "GIFT100", HOME_GAME)


# MongoDB, with its mirror


class Counted(CommandListener):
    """The commands that PyMongo has sent, but for those that keep a connection."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def started(self, event: Any) -> None:
        if event.command_name not in ("hello", "ping", "endSessions", "isMaster"):
            self.names.append(event.command_name)

    def succeeded(self, event: Any) -> None:
        pass

    def failed(self, event: Any) -> None:
        pass


@pytest.fixture
def mongodb(own_machine: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    uri: str = new_database(or_skip(shared_mongod))
    monkeypatch.setenv("MONGO_URI", uri)
    return uri


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    counter = Counted()
    monkeypatch.setattr(
        "giftping.store.mongo.link.MongoClient",
        lambda *arguments, **named: MongoClient(*arguments, **named, event_listeners=[counter]),
    )
    return counter


def test_questions_to_mongodb_cost_what_they_say(mongodb: str, counted: Counted) -> None:
    codes = [f"GIFT{number}" for number in range(300)]
    with open_ledger() as ledger:
        ledger.mark_sent(GUILD, codes)
    with open_ledger() as ledger:
        counted.names.clear()
        ledger.is_sent(GUILD, "GIFT1")
        first = ["find", "find", "listCollections", "find"]
        assert counted.names == first, "it looks at the schema, and whether this is its database still"
        for call, names in (("is_sent", ["find"]), ("sent_codes", ["find"]), ("stats", ["find", "find"])):
            counted.names.clear()
            CALLS[call](ledger, GUILD, "GIFT1", HOME_GAME)
            assert counted.names == names, call
        counted.names.clear()
        assert all(ledger.which_sent(GUILD, codes).values())
        assert counted.names == ["find"]
        ledger.mark_sent(GUILD, ["NEW1"])
        counted.names.clear()
        assert ledger.mark_sent(GUILD, [*codes, "NEW2"]) == {"NEW2"}
        assert counted.names == ["insert"]
        counted.names.clear()
        assert ledger.clear(GUILD) == 302
        assert counted.names == ["find", "find", "insert", "find", "find", "delete"]


def test_what_is_marked_is_in_mongodb_as_the_older_bot_wrote_it(mongodb: str) -> None:
    with open_ledger() as ledger:
        ledger.mark_sent(GUILD, ["gogoWOS"])
        assert ledger.notices == ()
        assert "MongoDB" in ledger.name
    (document,) = database(mongodb)["sent_giftcodes"].find()
    assert (document["_id"], document["code"], document["source"]) == (f"{GUILD}:GOGOWOS", "GOGOWOS", "manual")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.usefixtures("own_machine")
def test_a_mongodb_that_is_away_and_was_never_met_is_an_error(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGO_URI", "mongodb://user:secret@127.0.0.1:9/giftping?serverSelectionTimeoutMS=50")
    with open_ledger() as ledger, pytest.raises(StoreError) as raised:
        CALLS[call](ledger, GUILD, "GIFT100", HOME_GAME)
    assert "secret" not in str(raised.value)
    # What a program that does not catch it would print.
    assert raised.value.__cause__ is None or "secret" not in str(raised.value.__cause__)


def test_asking_mongodb_makes_no_host_of_whoever_asks(mongodb: str, own_machine: Path) -> None:
    with open_ledger() as ledger:
        assert ledger.sent_codes(GUILD) == set()
    assert not (own_machine / "state").exists()


def test_while_the_shared_store_is_away_its_copy_answers_and_that_is_said(
    own_machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = False

    def stands_in(*_: object) -> FakeSharedEngine:
        return FakeSharedEngine(own_machine / "shared", lambda: away)

    monkeypatch.setenv("MONGO_URI", "mongodb://stands-in/giftping")
    monkeypatch.setattr("giftping.store.opening.database_of", stands_in)
    with open_ledger() as ledger:
        ledger.mark_sent(GUILD, ["GIFT100"])
        assert ledger.notices == ()
    with open_ledger() as ledger:
        away = True
        assert ledger.sent_codes(GUILD) == {"GIFT100"}
        assert "the shared store is away" in ledger.notices[0]
        assert ledger.mark_sent(GUILD, ["GIFT200"]) == {"GIFT200"}
        away = False
        assert ledger.sent_codes(GUILD) == {"GIFT100", "GIFT200"}, "what was just written is read, by one store"
    with open_ledger() as ledger:
        assert ledger.mark_sent(GUILD, ["GIFT300"]) == {"GIFT300"}
    with Store(stands_in()) as shared:
        assert {one.key for one in shared.entries(GUILD)} == {"GIFT100", "GIFT200", "GIFT300"}
