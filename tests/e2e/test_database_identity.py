"""The database behind a host is not the one that it knows: emptied, restored, another one, or only spelled anew."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from forks import ForkedHost, Forker, Victim, forked, wait_until_quiet
from mongodb import Gate, Ledger, ledger_behind, shares, uses
from plays import kill_at_request, put_clocks
from scene import Ran, Scene
from todo_scene import ANN, CHANNEL, GUILD, ROLE, SWEEP

CHECK = ("codes", "check")
GLANCES = timedelta(minutes=11)
"""A little more than what passes between two glances at the database."""

SHORTLY = timedelta(minutes=1)

Backup = dict[str, list[dict[str, Any]]]


@pytest.fixture
def new_host(scene: Scene, ledger: Ledger, forker: Forker) -> Callable[..., ForkedHost]:
    def new(name: str = "host", *, shared: bool = False) -> ForkedHost:
        host = forked(scene.host(name), forker)
        uses(host, ledger.uri, shared=shared)
        return host

    scene.list_codes()
    return new


@pytest.fixture
def host(new_host: Callable[..., ForkedHost]) -> ForkedHost:
    return new_host()


def fine(ran: Ran) -> Ran:
    assert ran.exit_code == 0, ran
    return ran


def backup(ledger: Ledger) -> Backup:
    return {name: list(ledger.database[name].find()) for name in ledger.database.list_collection_names()}


def restore(ledger: Ledger, kept: Backup, *, anew: bool = False) -> None:
    """Put a backup in place: as a snapshot of the disk does, or, with `anew`, as mongorestore makes collections."""
    if anew:
        empty(ledger)
    for name in ledger.database.list_collection_names():
        ledger.database[name].delete_many({})
    for name, documents in kept.items():
        if documents:
            ledger.database[name].insert_many(documents)


def empty(ledger: Ledger) -> None:
    ledger.database.client.drop_database(ledger.database.name)


def held(host: ForkedHost, what: str) -> Ran:
    """Check that nothing is sent, and that one line says which it is, and what to type."""
    ran = host.run(*CHECK)
    assert (ran.exit_code, ran.output) == (69, ""), ran
    assert what in ran.errors, ran
    assert ran.errors.count("\n") == 1, ran
    return ran


def test_a_database_that_was_restored_gets_back_what_was_sent_since_and_nothing_goes_out_again(
    scene: Scene, host: ForkedHost, ledger: Ledger
) -> None:
    guild = scene.bot_guild(host)
    scene.list_codes("BEFORE1CODE")
    fine(host.run(*CHECK))
    kept = backup(ledger)
    scene.list_codes("BEFORE1CODE", "SINCE1CODE")
    fine(host.run(*CHECK))
    restore(ledger, kept)
    scene.list_codes("BEFORE1CODE", "SINCE1CODE", "LATER1CODE")
    ran = fine(host.run(*CHECK))
    assert "was rolled back" in ran.errors
    assert ran.errors.count("\n") == 1, ran
    assert scene.arrived(guild) == {"BEFORE1CODE": 1, "SINCE1CODE": 1, "LATER1CODE": 1}
    assert set(ledger.states().values()) == {"sent"}
    assert len(ledger.states()) == 3
    assert fine(host.run("codes", "stats")).errors == ""
    scene.list_codes("BEFORE1CODE", "SINCE1CODE", "LATER1CODE", "LAST1CODE")
    assert fine(host.run(*CHECK)).errors == ""


@pytest.mark.parametrize("way", ["adopt", "accept"])
def test_guilds_that_were_added_since_the_backup_wait_for_a_person(
    scene: Scene, host: ForkedHost, ledger: Ledger, way: str
) -> None:
    first = scene.bot_guild(host, 1)
    scene.list_codes("BEFORE1CODE")
    fine(host.run(*CHECK))
    kept = backup(ledger)
    second = scene.bot_guild(host, 2)
    fine(host.run(*CHECK))
    restore(ledger, kept)
    scene.list_codes("BEFORE1CODE", "LATER1CODE")
    told = held(host, "it was rolled back")
    for command in ("giftping store status", "giftping store adopt", "giftping store accept"):
        assert command in told.errors
    status = host.run("store", "status", "--json")
    assert status.exit_code == 69
    assert status.json["database"] == "new epoch"
    assert [(one["id"], one["what"]) for one in status.json["differences"]] == [
        (str(second), "only here"),
        (f"{second}:whiteout-survival", "only here"),
    ]
    look = host.run("doctor", "--json")
    assert look.exit_code == 69
    assert "giftping store adopt" in str(look.json)
    decided = fine(host.run("store", way, "--yes", "--json")).json
    assert decided["guilds"] == (2 if way == "adopt" else 1)
    fine(host.run(*CHECK))
    assert scene.arrived(first) == {"BEFORE1CODE": 1, "LATER1CODE": 1}
    assert scene.arrived(second) == {"BEFORE1CODE": 1} | ({"LATER1CODE": 1} if way == "adopt" else {})
    again = host.run("store", way)
    assert (again.exit_code, "there is nothing to decide" in again.output) == (0, True), "nor is anybody asked"


@pytest.mark.parametrize("way", ["adopt", "accept"])
def test_a_database_that_comes_back_empty_is_said_to_be_and_nothing_goes_out_again(
    scene: Scene, host: ForkedHost, ledger: Ledger, way: str
) -> None:
    guild = scene.bot_guild(host)
    scene.list_codes("BEFORE1CODE")
    fine(host.run(*CHECK))
    empty(ledger)
    scene.list_codes("BEFORE1CODE", "LATER1CODE")
    held(host, "it was emptied")
    assert host.run(*CHECK).exit_code == 69, "it is told once, and counts each time"
    assert host.run("store", "status", "--json").json["database"] == "emptied"
    assert "was emptied" in str(host.run("doctor", "--json").json)
    assert host.run("guilds", "list", "--json").json["guilds"], "what is shown is what this host remembers"
    decided = host.run("store", way, "--yes")
    fine(decided)
    assert "rolled back" not in decided.errors
    if way == "accept":
        assert host.run("guilds", "list", "--json").json["guilds"] == []
        fine(host.run("guilds", "add", str(guild), "--channel", str(scene.channels[guild]), "--announce-current"))
    fine(host.run(*CHECK))
    assert scene.arrived(guild) == {"BEFORE1CODE": 1, "LATER1CODE": 1}
    assert set(ledger.states().values()) == {"sent"}
    assert len(ledger.states()) == 2


@pytest.mark.parametrize("way", ["adopt", "accept"])
def test_another_database_is_said_to_be_and_what_was_sent_stays_sent(
    scene: Scene, host: ForkedHost, gate: Gate, ledger: Ledger, new_host: Callable[..., ForkedHost], way: str
) -> None:
    guild = scene.bot_guild(host)
    scene.list_codes("BEFORE1CODE")
    fine(host.run(*CHECK))
    elsewhere = ledger_behind(gate)
    other = new_host("other")
    uses(other, elsewhere.uri)
    theirs = scene.bot_guild(other, 5)
    fine(other.run(*CHECK))
    uses(host, elsewhere.uri)
    scene.list_codes("BEFORE1CODE", "LATER1CODE")
    held(host, "it is another database")
    assert host.run("store", "status", "--json").json["database"] == "another"
    ran = host.run("store", way, "--yes")
    assert ran.exit_code == 0, ran
    for one in (host, other):
        shares(one)
        one.run(*CHECK)
    for one in (host, other):
        fine(one.run(*CHECK))
    assert elsewhere.states()[f"{guild}:BEFORE1CODE"] == "sent"
    assert scene.arrived(guild) == ({"BEFORE1CODE": 1} | ({"LATER1CODE": 1} if way == "adopt" else {}))
    assert scene.arrived(theirs) == {"BEFORE1CODE": 1, "LATER1CODE": 1}


def test_the_same_database_spelled_differently_is_the_same(scene: Scene, host: ForkedHost, ledger: Ledger) -> None:
    guild = scene.bot_guild(host)
    scene.list_codes("BEFORE1CODE")
    fine(host.run(*CHECK))
    uses(host, ledger.uri.replace("127.0.0.1", "localhost"))
    scene.list_codes("BEFORE1CODE", "LATER1CODE")
    assert fine(host.run(*CHECK)).errors == ""
    assert scene.arrived(guild) == {"BEFORE1CODE": 1, "LATER1CODE": 1}


def test_a_restore_by_mongorestore_is_noticed_by_a_host_that_knows_nothing_of_what_is_lost(
    scene: Scene, ledger: Ledger, new_host: Callable[..., ForkedHost]
) -> None:
    hosts, guild = three(new_host, scene)
    ignorant, second, sender = hosts
    kept = backup(ledger)
    scene.list_codes("BEFORE1CODE", "SINCE1CODE")
    fine(sender.run(*CHECK))
    restore(ledger, kept, anew=True)
    scene.list_codes("BEFORE1CODE", "SINCE1CODE", "LATER1CODE")
    ran = ignorant.run(*CHECK)
    assert (ran.exit_code, ran.output) == (69, ""), ran
    assert "nothing is sent until" in ran.errors
    for one in (second, sender, ignorant):
        one.run(*CHECK)
    assert scene.arrived(guild) == {"BEFORE1CODE": 1, "SINCE1CODE": 1, "LATER1CODE": 1}


def test_after_a_restore_nothing_is_sent_until_all_hosts_have_put_back_what_they_know(
    scene: Scene, host: ForkedHost, ledger: Ledger, new_host: Callable[..., ForkedHost]
) -> None:
    second = new_host("second", shared=True)
    shares(host)
    guild = scene.bot_guild(host)
    scene.list_codes("BEFORE1CODE")
    for one in (host, second):
        fine(one.run(*CHECK))
    kept = backup(ledger)
    scene.list_codes("BEFORE1CODE", "SINCE1CODE")
    for one in (second, host):
        fine(one.run(*CHECK))
    restore(ledger, kept)
    scene.list_codes("BEFORE1CODE", "SINCE1CODE", "LATER1CODE")
    name = (second.state / "host").read_text("utf-8")
    ran = host.run(*CHECK)
    assert (ran.exit_code, ran.output) == (69, ""), ran
    assert f"nothing is sent until {name} has put back what it has sent since" in ran.errors, ran
    assert f"giftping store forget {name}" in ran.errors
    assert host.run(*CHECK).exit_code == 69
    status = host.run("store", "status", "--json").json
    assert status["awaited"] == [name]
    assert host.run("store", "status").errors.count("nothing is sent until") == 1
    answer = host.run("codes", "explain", "LATER1CODE", "--guild", str(guild), "--json").json["answer"]
    assert answer.startswith("LATER1CODE waits: ")
    assert "nothing is sent until" in answer
    assert scene.arrived(guild) == {"BEFORE1CODE": 1, "SINCE1CODE": 1}
    for one in (second, host, second):
        fine(one.run(*CHECK))
    assert scene.arrived(guild) == {"BEFORE1CODE": 1, "SINCE1CODE": 1, "LATER1CODE": 1}


def test_a_host_that_never_comes_back_can_be_forgotten_for_the_others_to_go_on(
    scene: Scene, host: ForkedHost, ledger: Ledger, new_host: Callable[..., ForkedHost]
) -> None:
    second = new_host("second", shared=True)
    shares(host)
    guild = scene.bot_guild(host)
    for one in (host, second):
        fine(one.run(*CHECK))
    kept = backup(ledger)
    scene.list_codes("SINCE1CODE")
    fine(host.run(*CHECK))
    restore(ledger, kept)
    scene.list_codes("SINCE1CODE", "LATER1CODE")
    assert host.run(*CHECK).exit_code == 69
    name = (second.state / "host").read_text("utf-8")
    forgotten = fine(host.run("store", "forget", name, "--yes"))
    assert "nothing is sent until" not in forgotten.errors
    fine(host.run(*CHECK))
    assert scene.arrived(guild) == {"SINCE1CODE": 1, "LATER1CODE": 1}


def test_a_copied_folder_takes_a_name_of_its_own(
    scene: Scene, host: ForkedHost, ledger: Ledger, new_host: Callable[..., ForkedHost]
) -> None:
    shares(host)
    guild = scene.bot_guild(host)
    scene.list_codes("BEFORE1CODE")
    fine(host.run(*CHECK))
    twin = new_host("twin", shared=True)
    shutil.copytree(host.state, twin.state, dirs_exist_ok=True)
    scene.list_codes("BEFORE1CODE", "LATER1CODE")
    fine(host.run(*CHECK))
    name = (host.state / "host").read_text("utf-8")
    told = twin.run(*CHECK)
    assert (told.exit_code, told.output) == (69, "")
    assert "is a copy, or was restored" in told.errors
    taken = (twin.state / "host").read_text("utf-8")
    assert taken != name
    assert taken in told.errors
    fine(twin.run(*CHECK))
    assert scene.arrived(guild) == {"BEFORE1CODE": 1, "LATER1CODE": 1}


def test_a_folder_whose_name_the_settings_keep_waits_for_a_person(
    scene: Scene, host: ForkedHost, ledger: Ledger
) -> None:
    settings = host.folder / "giftping.toml"
    settings.write_text('host = "web-1"\n' + settings.read_text("utf-8"), "utf-8")
    guild = scene.bot_guild(host)
    scene.list_codes("BEFORE1CODE")
    fine(host.run(*CHECK))
    kept = host.folder / "kept"
    shutil.copytree(host.state, kept)
    scene.list_codes("BEFORE1CODE", "SINCE1CODE")
    fine(host.run(*CHECK))
    shutil.rmtree(host.state)
    kept.rename(host.state)
    scene.list_codes("BEFORE1CODE", "SINCE1CODE", "LATER1CODE")
    held(host, "two state folders run as web-1, or this one is a copy, or was restored")
    refused = host.run("store", "accept")
    assert (refused.exit_code, refused.output) == (2, "")
    assert "say --yes" in refused.errors
    fine(host.run("store", "accept", "--yes"))
    fine(host.run(*CHECK))
    assert scene.arrived(guild) == {"BEFORE1CODE": 1, "SINCE1CODE": 1, "LATER1CODE": 1}


def three(new_host: Callable[..., ForkedHost], scene: Scene) -> tuple[list[ForkedHost], int]:
    """Three hosts that share a database, and a guild of theirs that has one code; each has seen all."""
    hosts = [new_host(name, shared=True) for name in ("first", "second", "third")]
    guild = scene.bot_guild(hosts[0])
    scene.list_codes("BEFORE1CODE")
    for one in hosts * 2:
        fine(one.run(*CHECK))
    return hosts, guild


def pass_glances(scene: Scene, hosts: list[ForkedHost]) -> None:
    """Let so much time pass that each host glances at the database again."""
    first, *others = hosts
    put_clocks(scene, first, GLANCES)
    for one in others:
        one.ahead += GLANCES


def test_a_host_that_has_seen_what_another_sent_notices_a_restore_though_a_third_ran_on(
    scene: Scene, ledger: Ledger, new_host: Callable[..., ForkedHost]
) -> None:
    hosts, guild = three(new_host, scene)
    ignorant, watcher, sender = hosts
    kept = backup(ledger)
    scene.list_codes("BEFORE1CODE", "SINCE1CODE")
    fine(sender.run(*CHECK))
    pass_glances(scene, hosts)
    fine(watcher.run(*CHECK))
    restore(ledger, kept)
    for number in range(3):
        scene.list_codes("BEFORE1CODE", f"AFTER{number}CODE")
        fine(ignorant.run(*CHECK))
    scene.list_codes("BEFORE1CODE", "SINCE1CODE")
    pass_glances(scene, hosts)
    for one in (watcher, ignorant, sender) * 2:
        one.run(*CHECK)
        pass_glances(scene, hosts)
    assert scene.arrived(guild)["SINCE1CODE"] == 1
    assert ledger.states()[f"{guild}:SINCE1CODE"] == "sent"


def test_an_idle_host_notices_a_restore_though_the_number_is_what_it_was(
    scene: Scene, ledger: Ledger, new_host: Callable[..., ForkedHost]
) -> None:
    hosts, _ = three(new_host, scene)
    other, _, sender = hosts
    kept = backup(ledger)
    scene.list_codes("BEFORE1CODE", "SINCE1CODE")
    fine(sender.run(*CHECK))
    number = ledger.database["meta"].find_one({"_id": "identity"})
    restore(ledger, kept)
    scene.list_codes("BEFORE1CODE", "AFTER1CODE")
    fine(other.run(*CHECK))
    again = ledger.database["meta"].find_one({"_id": "identity"})
    assert number is not None
    assert again is not None
    assert again["number"] == number["number"]
    scene.list_codes("BEFORE1CODE", "SINCE1CODE")
    pass_glances(scene, hosts)
    assert "was rolled back" in sender.run(*CHECK).errors


def test_a_guild_added_since_the_backup_waits_for_a_person_though_another_host_ran_on(
    scene: Scene, ledger: Ledger, new_host: Callable[..., ForkedHost]
) -> None:
    hosts, _ = three(new_host, scene)
    other, second, adder = hosts
    fine(adder.run("store", "forget", (second.state / "host").read_text("utf-8"), "--yes"))
    kept = backup(ledger)
    added = scene.bot_guild(adder, 2)
    restore(ledger, kept)
    for number in range(5):
        scene.list_codes("BEFORE1CODE", f"AFTER{number}CODE")
        fine(other.run(*CHECK))
    scene.list_codes("BEFORE1CODE", "LATER1CODE")
    pass_glances(scene, hosts)
    held(adder, "giftping store adopt")
    adder.run("store", "adopt", "--yes")
    for one in (other, adder) * 2:
        one.run(*CHECK)
        pass_glances(scene, hosts)
    assert scene.arrived(added)["LATER1CODE"] == 1


@pytest.mark.parametrize("odd", [7, {"name": "host"}, 1.5])
def test_a_host_whose_record_is_odd_is_named_and_stops_nobody(
    scene: Scene, host: ForkedHost, ledger: Ledger, odd: object
) -> None:
    guild = scene.bot_guild(host)
    ledger.database["hosts"].insert_one({"_id": odd, "shared": True})
    scene.list_codes("BEFORE1CODE")
    first = host.run(*CHECK)
    assert first.exit_code == 69
    assert f"hosts: document {odd!r}: its _id is no text; skipped" in first.errors
    kept = backup(ledger)
    scene.list_codes("BEFORE1CODE", "SINCE1CODE")
    assert host.run(*CHECK).exit_code in (0, 69)
    restore(ledger, kept)
    scene.list_codes("BEFORE1CODE", "SINCE1CODE", "LATER1CODE")
    assert host.run(*CHECK).exit_code in (0, 69)
    status = host.run("store", "status")
    assert status.exit_code == 69, "it met what cannot be read"
    assert "can be reached; no change" in " ".join(status.output.split())
    assert scene.arrived(guild) == {"BEFORE1CODE": 1, "SINCE1CODE": 1, "LATER1CODE": 1}


def test_a_clear_whose_record_is_odd_is_named_and_explains_nothing(
    scene: Scene, host: ForkedHost, ledger: Ledger
) -> None:
    guild = scene.bot_guild(host)
    scene.list_codes("BEFORE1CODE")
    fine(host.run(*CHECK))
    odd: list[dict[str, Any]] = [
        {"_id": "one"},
        {"_id": "two", "guild_id": guild, "cleared_at": "soon"},
        {"_id": "three", "guild_id": None},
    ]
    ledger.database["clears"].insert_many(odd)
    ran = host.run("codes", "explain", "BEFORE1CODE", "--guild", str(guild))
    assert ran.exit_code in (0, 69), ran
    assert ran.output


@pytest.mark.parametrize("others_wrote", [False, True])
def test_a_ledger_that_alone_was_dropped_is_put_back_and_nothing_goes_out_again(
    scene: Scene, ledger: Ledger, new_host: Callable[..., ForkedHost], *, others_wrote: bool
) -> None:
    hosts, guild = three(new_host, scene)
    sender, other, _ = hosts
    ledger.database["sent_giftcodes"].delete_many({})
    if others_wrote:
        fine(other.run("codes", "add", "BYHANDCODE", "--game", "whiteout-survival"))
    scene.list_codes("BEFORE1CODE", "LATER1CODE")
    fine(sender.run(*CHECK))
    fine(sender.run(*CHECK))
    assert scene.arrived(guild)["BEFORE1CODE"] == 1
    assert scene.arrived(guild)["LATER1CODE"] == 1
    assert ledger.states()[f"{guild}:BEFORE1CODE"] == "sent"


def test_subscriptions_that_alone_were_dropped_wait_for_a_person_and_no_code_is_lost(
    scene: Scene, host: ForkedHost, ledger: Ledger
) -> None:
    guild = scene.bot_guild(host)
    scene.list_codes("BEFORE1CODE")
    fine(host.run(*CHECK))
    ledger.database.drop_collection("subscriptions")
    status = host.run("store", "status", "--json")
    assert (status.exit_code, status.json["database"]) == (69, "rolled back")
    assert host.run("guilds", "list", "--json").json["guilds"], "what is shown is what this host remembers"
    scene.list_codes("BEFORE1CODE", "LATER1CODE")
    held(host, "giftping store adopt")
    fine(host.run("store", "adopt", "--yes"))
    fine(host.run(*CHECK))
    assert scene.arrived(guild) == {"BEFORE1CODE": 1, "LATER1CODE": 1}


def test_a_backup_of_the_members_times_alone_has_nobody_pinged_twice(
    scene: Scene, ledger: Ledger, new_host: Callable[..., ForkedHost]
) -> None:
    scene.discord.add_guild(GUILD)
    scene.discord.set_bot(GUILD)
    scene.discord.add_channel(CHANNEL, GUILD)
    scene.discord.add_role(GUILD, ROLE, name="todo")
    scene.discord.add_member(GUILD, ANN, roles=(ROLE,), name="ann")
    hosts = [new_host(name, shared=True) for name in ("one", "other")]
    for host in hosts:
        settings = host.folder / "giftping.toml"
        ids = f"guild = {GUILD}\nchannel = {CHANNEL}\nrole = {ROLE}\n"
        settings.write_text(f'{settings.read_text("utf-8")}\n[todo]\nlinger = "0s"\n{ids}', "utf-8")
    fine(hosts[0].run("todo", "roster", "add", str(ANN)))
    fine(hosts[0].run("todo", "submit", str(ANN), "--must-do", "something"))
    for host in hosts:
        fine(host.run(*SWEEP))
    put_clocks(scene, hosts[0], timedelta(hours=24, minutes=1))
    hosts[1].ahead = hosts[0].ahead
    kept = list(ledger.database["todo_timestamps"].find())
    fine(hosts[0].run(*SWEEP))
    fine(hosts[1].run(*SWEEP))
    once = len(scene.discord.notifications(ANN))
    assert once > 0
    ledger.database.drop_collection("todo_timestamps")
    ledger.database["todo_timestamps"].insert_many(kept)
    for host in hosts * 2:
        host.run(*SWEEP)
    assert len(scene.discord.notifications(ANN)) == once


def test_what_was_cleared_goes_out_again_though_the_copy_knows_it_as_sent(
    scene: Scene, ledger: Ledger, new_host: Callable[..., ForkedHost]
) -> None:
    hosts, guild = three(new_host, scene)
    sender, other, _ = hosts
    fine(other.run("codes", "clear", "--guild", str(guild), "--yes"))
    scene.list_codes("BEFORE1CODE", "LATER1CODE")
    fine(sender.run(*CHECK))
    assert scene.arrived(guild) == {"BEFORE1CODE": 2, "LATER1CODE": 1}


def test_what_was_under_way_at_a_clear_stays_sent_also_after_a_restore(
    scene: Scene, host: ForkedHost, ledger: Ledger
) -> None:
    guild = scene.bot_guild(host)
    scene.list_codes("BEFORE1CODE")
    fine(host.run(*CHECK))
    kept = backup(ledger)
    scene.list_codes("BEFORE1CODE", "UNDERWAY1CODE")
    victim = Victim()
    kill_at_request(scene, victim, 1, "stored before the run dies")
    assert host.run(*CHECK, on_start=victim.started).exit_code == -9
    wait_until_quiet(scene.discord)
    put_clocks(scene, host, SHORTLY)
    assert "1 code under way" in fine(host.run("codes", "clear", "--guild", str(guild), "--yes")).output
    put_clocks(scene, host, SHORTLY)
    assert "found in the channel" in fine(host.run(*CHECK)).output
    restore(ledger, kept)
    pass_glances(scene, [host])
    host.run(*CHECK)
    assert scene.arrived(guild)["UNDERWAY1CODE"] == 1
