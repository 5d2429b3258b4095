"""The first check that meets an older bot's MongoDB takes its data over, and announces none of it."""

from __future__ import annotations

from fakes.mongod import database, new_database, or_skip, shared_mongod
from forks import Forker, forked
from scene import Host, Scene, findings

from giftping.demo.discord import StandInDiscord

GUILD, CHANNEL = 4711, 47110


def old_bots_database(discord: StandInDiscord, **state: object) -> str:
    """Return the URI of a database as the older bot left it, with one guild that has a channel."""
    discord.add_guild(GUILD)
    discord.add_channel(CHANNEL, GUILD)
    uri = or_skip(lambda: new_database(shared_mongod()))
    document = {"_id": "giftcode_state", "channels": {str(GUILD): CHANNEL}, "initialized": True, **state}
    database(uri)["giftcode_state"].insert_one(document)
    return str(uri)


def host_at(scene: Scene, forker: Forker, uri: str) -> Host:
    scene.channels[GUILD] = CHANNEL
    host = forked(scene.host(), forker)
    host.environment["MONGO_URI"] = uri
    return host


def test_an_upgrade_is_no_storm(scene: Scene, forker: Forker) -> None:
    """D3: upgrading from the older bot's state document announces the new code alone, however often one runs."""
    uri = old_bots_database(scene.discord, sent={str(GUILD): ["CODEA", "CODEB", "CODEC"]})
    scene.list_codes("CodeA", "CODEB", "CODEC", "CODEX")
    host = host_at(scene, forker, uri)
    first = host.run("codes", "check")
    assert first.exit_code == 0, first.errors
    assert "taken over" in first.errors
    for _ in range(2):
        again = host.run("codes", "check")
        assert (again.exit_code, again.errors) == (0, "")
    assert scene.arrived(GUILD) == {"CODEX": 1}


def test_a_long_list_that_was_sent_is_no_burst(scene: Scene, forker: Forker) -> None:
    """All of it was held until a person said so, and with it what was new."""
    sent = [f"CODE{number}Q" for number in range(12)]
    uri = old_bots_database(scene.discord, sent={str(GUILD): sent})
    scene.list_codes(*sent, "CODEX")
    ran = host_at(scene, forker, uri).run("codes", "check")
    assert ran.exit_code == 0, ran.errors
    assert "held" not in ran.errors
    assert scene.arrived(GUILD) == {"CODEX": 1}


def test_the_older_bots_documents_stay_as_they_were(scene: Scene, forker: Forker) -> None:
    uri = old_bots_database(scene.discord, sent={str(GUILD): ["CODEA"]})
    before = list(database(uri)["giftcode_state"].find({}, {"migrated_to_sent_adapter": 0}))
    scene.list_codes("CODEA")
    assert host_at(scene, forker, uri).run("codes", "check").exit_code == 0
    assert list(database(uri)["giftcode_state"].find({}, {"migrated_to_sent_adapter": 0})) == before


def test_a_guild_whose_history_cannot_be_read_is_the_doctors_until_a_person_has_decided(
    scene: Scene, forker: Forker
) -> None:
    uri = old_bots_database(scene.discord, sent={str(GUILD): None})
    scene.list_codes("CODEA")
    host = host_at(scene, forker, uri)
    assert host.run("codes", "check").exit_code == 69
    (found,) = [one for one in findings(host.run("doctor", "--json")) if one["name"] == "older bot"]
    assert (found["verdict"], found["subject"]) == ("fail", str(GUILD))
    assert host.run(*found["next_step"].partition("from then on: giftping ")[2].split()).exit_code == 0
    assert [one for one in findings(host.run("doctor", "--json")) if one["name"] == "older bot"] == []
    assert scene.arrived(GUILD) == {}


def test_a_dry_run_takes_nothing_over(scene: Scene, forker: Forker) -> None:
    uri = old_bots_database(scene.discord, sent={str(GUILD): ["CODEA"]})
    scene.list_codes("CODEA")
    host_at(scene, forker, uri).run("codes", "check", "--dry-run")
    assert set(database(uri).list_collection_names()) == {"giftcode_state"}


def test_a_ledger_in_the_json_file_does_not_keep_the_old_data_from_being_taken_over(
    scene: Scene, forker: Forker
) -> None:
    uri = old_bots_database(scene.discord, sent={str(GUILD): ["CODEA"]})
    scene.list_codes("CODEA", "CODEN")
    host = host_at(scene, forker, "")
    other = scene.bot_guild(host)
    host.run("codes", "check")
    host.environment["MONGO_URI"] = uri
    assert host.run("codes", "check").exit_code == 0
    assert scene.arrived(GUILD) == {"CODEN": 1}
    assert scene.arrived(other) == {"CODEA": 1, "CODEN": 1}
