"""The gift code commands in Discord: who may do what, what members see, and what they are told when it fails."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from bot_stage import GUILD, OTHER_GUILD, TABLES, Machine, Stage, labels, said, shown, text_of
from english import ENGLISH, SAID
from fakes.patience import PATIENT
from fakes.records import LATER, NOON, code, entry, subscriptions
from fakes.shared_store import FakeSharedEngine
from simcord.actors import MemberActor
from simcord.backend.errors import SetupError

from giftping.bot import code_embeds as embeds
from giftping.bot.command_runner import CommandResult
from giftping.commands import codes as coding
from giftping.settings.keys import Settings
from giftping.settings.secrets import Secret
from giftping.store.base import CodeRecord, EntryState, GuildAddition

WOS, KINGSHOT = "whiteout-survival", "kingshot"
MANAGERS = ("giftcode_reset", "giftcode_add", "giftcodesettings")


@pytest.fixture
def alice(stage: Stage) -> MemberActor:
    """A member who may manage the server."""
    return stage.add_member("alice", manage_guild=True)


@pytest.fixture
def ben(stage: Stage) -> MemberActor:
    """A member like any other."""
    return stage.add_member("ben")


def know(stage: Stage, *keys: str, game: str = WOS, **changes: object) -> None:
    with stage.store() as store:
        store.remember([code(key, game, **changes) for key in keys])


def follow(stage: Stage, *games: str, guild_id: int = GUILD) -> None:
    with stage.store() as store:
        store.put_subscriptions(*subscriptions(guild_id, *games))


def damage_the_store(stage: Stage) -> None:
    stage.machine.state.mkdir(exist_ok=True)
    (stage.machine.state / "giftping.json").write_text("{", "utf-8")


def ledger(stage: Stage, guild_id: int = GUILD) -> list[str]:
    with stage.store() as store:
        return sorted(found.key for found in store.entries(guild_id))


# Who may


async def test_commands_for_managers_are_not_shown_to_other_members(
    stage: Stage, alice: MemberActor, ben: MemberActor
) -> None:
    assert set(MANAGERS) <= set(alice.available_commands(stage.channel))
    shown_to_ben = set(ben.available_commands(stage.channel))
    assert not shown_to_ben & set(MANAGERS)
    assert {"giftcode", "giftcode_stats"} <= shown_to_ben


@pytest.mark.parametrize("command", MANAGERS)
async def test_a_manager_who_let_others_see_a_command_has_not_let_them_use_it(
    stage: Stage, ben: MemberActor, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for known in stage.env.bot.tree.get_commands():  # type: ignore[attr-defined]
        known.default_permissions = None
    await stage.env.bot.tree.sync()  # type: ignore[attr-defined]
    options = {"code": "Frost2026", "game": WOS} if command == "giftcode_add" else {}
    assert said(await ben.slash(stage.channel, command, **options)) == "This needs the permission Manage Server."
    with stage.store() as store:
        assert store.codes() == []


# /giftcode


async def test_giftcode_shows_each_code_with_rewards_and_expiry(stage: Stage, ben: MemberActor) -> None:
    expiry = datetime(2099, 12, 31, tzinfo=UTC)
    know(stage, "FROST2026", spelling="Frost2026", rewards="VIP XP ×200", expires_at=expiry)
    embed = shown(await ben.slash(stage.channel, "giftcode"))
    assert embed.title == "🎁 Active Whiteout Survival gift codes"
    (field,) = embed.fields
    assert field.name == "Code:"
    assert field.value is not None
    assert "```\nFrost2026\n```" in field.value
    assert "**Rewards:** VIP XP ×200" in field.value
    assert f"**Expires:** <t:{int(expiry.timestamp())}:f> (<t:{int(expiry.timestamp())}:R>)" in field.value


async def test_giftcode_leaves_out_what_may_not_go_out(stage: Stage, ben: MemberActor) -> None:
    know(stage, "EXAMPLE")
    know(stage, "OLD2020", expires_at=datetime(2020, 1, 1, tzinfo=UTC))
    assert "None is known to be valid now" in said(await ben.slash(stage.channel, "giftcode"))


async def test_giftcode_shows_the_games_that_the_server_follows_and_others_when_asked(
    stage: Stage, ben: MemberActor
) -> None:
    know(stage, "FROST2026")
    know(stage, "VIP777", game=KINGSHOT)
    follow(stage, KINGSHOT)
    text = said(await ben.slash(stage.channel, "giftcode"))
    assert "Vip777" in text
    assert "Frost2026" not in text
    assert "Frost2026" in said(await ben.slash(stage.channel, "giftcode", game=WOS))


async def test_giftcode_shows_all_games_where_a_server_follows_none(stage: Stage, ben: MemberActor) -> None:
    know(stage, "FROST2026")
    know(stage, "VIP777", game=KINGSHOT)
    result = await ben.slash(stage.channel, "giftcode")
    first = said(result)
    assert result.response
    turned = await ben.click(result.response, label="On")
    assert turned.response
    assert {"Vip777", "Frost2026"} == {
        word for word in ("Vip777", "Frost2026") if word in first + text_of(turned.response.embeds[0])
    }


async def test_thirty_codes_are_on_three_pages_that_one_leafs_through(stage: Stage, ben: MemberActor) -> None:
    keys = [f"GIFT{number:03}" for number in range(30)]
    know(stage, *keys)
    result = await ben.slash(stage.channel, "giftcode")
    message = result.response
    assert message
    assert labels(message.components) == ["On"]
    seen = [text_of(shown(result))]
    for buttons in (["Back", "On"], ["Back"]):
        turned = (await ben.click(message, label="On")).response
        assert turned
        assert labels(turned.components) == buttons
        seen.append(text_of(turned.embeds[0]))
    assert [page.splitlines()[-1] for page in seen] == [f"30 codes · page {number} of 3" for number in (1, 2, 3)]
    assert [sum(key.title() in page for key in keys) for page in seen] == [10, 10, 10]
    back = (await ben.click(message, label="Back")).response
    assert back
    assert text_of(back.embeds[0]) == seen[1]


async def test_long_rewards_make_more_pages_not_a_message_that_discord_refuses(stage: Stage, ben: MemberActor) -> None:
    url = f"https://codes.example/{'a' * 200}?code={{code}}"
    await stage.restart(f'{TABLES}\n[games.long]\ntitle = "Long"\nredeem_url = "{url}"\n')
    keys = (f"GIFT{number:03}" for number in range(10))
    know(stage, *keys, game="long", rewards="*" * 400, expiry_text="soon " * 30)
    result = await ben.slash(stage.channel, "giftcode")
    assert len(shown(result)) <= 6000
    assert result.response
    assert labels(result.response.components) == ["On"]


async def test_pages_from_before_a_restart_are_turned_and_show_what_is_so_by_then(
    stage: Stage, ben: MemberActor
) -> None:
    know(stage, *(f"GIFT{number:03}" for number in range(30)))
    result = await ben.slash(stage.channel, "giftcode")
    assert result.response
    await stage.env.advance_time(3600)
    await stage.restart()
    know(stage, "GIFT030")
    turned = (await ben.click(result.response, label="On")).response
    assert turned
    assert text_of(turned.embeds[0]).endswith("31 codes · page 2 of 4")
    # Nothing is kept of what was shown.
    assert stage.env.bot._connection._view_store._views == {}


async def test_a_control_of_another_version_is_told_to_be_one(stage: Stage, ben: MemberActor) -> None:
    know(stage, *(f"GIFT{number:03}" for number in range(30)))
    result = await ben.slash(stage.channel, "giftcode")
    assert result.response
    told = await stage.press_at_once(ben, result.response, "0f3a9c", "giftping:of-tomorrow:1")
    assert [said(one) for one in told] == [SAID("bot.failure.old")] * 2


async def test_a_game_that_there_is_not_is_answered_with_the_nearest_one(stage: Stage, ben: MemberActor) -> None:
    assert said(await ben.slash(stage.channel, "giftcode", game="kingshoot")) == (
        "There is no game 'kingshoot'; did you mean 'kingshot'?"
    )


async def test_games_are_offered_by_name_while_one_types(stage: Stage, ben: MemberActor) -> None:
    offered = await ben.autocomplete(stage.channel, "giftcode", "game", "white")
    assert offered == [{"name": "Whiteout Survival", "value": WOS}]


async def test_at_most_25_games_are_offered(stage: Stage, ben: MemberActor) -> None:
    games = "\n".join(f'[games.game-{number:02}]\ntitle = "Game {number:02}"' for number in range(30))
    await stage.restart(f"{TABLES}\n{games}")
    assert len(await ben.autocomplete(stage.channel, "giftcode", "game", "")) == 25
    assert len(await ben.autocomplete(stage.channel, "giftcode", "game", "Game 29")) == 1


# /giftcode_add


async def test_a_code_added_by_hand_is_there_for_the_next_check(stage: Stage, alice: MemberActor) -> None:
    follow(stage, WOS)
    text = said(
        await alice.slash(
            stage.channel, "giftcode_add", code="SnowDay24", game=WOS, rewards="Gems x100", expires="2099-12-31"
        )
    )
    assert "SnowDay24" in text
    assert SAID("bot.codes.announced_here") in text
    with stage.store() as store:
        (known,) = store.codes()
    assert known.spelling == "SnowDay24"
    assert (known.sources, set(known.own)) == ({}, {stage.guild.id})
    said_here = known.own[stage.guild.id]
    assert (said_here.by, said_here.rewards) == (f"member {alice.id}", "Gems x100")
    assert said_here.expires_at == datetime(2100, 1, 1, tzinfo=UTC)


async def test_a_code_that_is_added_where_its_game_is_not_followed_says_so(stage: Stage, alice: MemberActor) -> None:
    text = said(await alice.slash(stage.channel, "giftcode_add", code="SnowDay24", game=WOS))
    assert SAID("bot.codes.not_followed_here", command="`/giftcodesettings`") in text


async def test_a_code_of_another_guilds_people_is_not_shown(stage: Stage, alice: MemberActor, ben: MemberActor) -> None:
    follow(stage, WOS)
    with stage.store() as store:
        theirs = GuildAddition("TheirsOnly", LATER)
        store.remember([CodeRecord(WOS, "THEIRSONLY", "TheirsOnly", LATER, LATER, own={OTHER_GUILD: theirs})])
    await alice.slash(stage.channel, "giftcode_add", code="SnowDay24", game=WOS)
    shown = said(await ben.slash(stage.channel, "giftcode"))
    assert "SnowDay24" in shown
    assert "TheirsOnly" not in shown


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"code": "EXAMPLE"}, "'EXAMPLE' cannot be added: is a placeholder"),
        ({"code": "Two words"}, "'Two words' cannot be added: "),
        ({"game": "nope"}, "There is no game 'nope'; "),
        ({"expires": "tomorrow"}, "Expires: 'tomorrow' is not a date such as 2026-12-31."),
        ({"expires": "9999-12-31"}, "Expires: '9999-12-31' is too far away."),
    ],
)
async def test_a_code_that_cannot_be_added_is_refused_with_the_reason(
    stage: Stage, alice: MemberActor, options: dict[str, str], reason: str
) -> None:
    given = {"code": "SnowDay24", "game": WOS} | options
    answer = said(await alice.slash(stage.channel, "giftcode_add", **given))
    assert answer.startswith(reason)
    assert "--" not in answer
    with stage.store() as store:
        assert store.codes() == []


# /giftcode_stats


async def test_statistics_are_of_this_server_alone(stage: Stage, ben: MemberActor) -> None:
    sent = {"state": EntryState.SENT, "sent_at": NOON}
    with stage.store() as store:
        store.insert([entry(GUILD, "GIFT100", **sent), entry(GUILD, "GIFT200", state=EntryState.SEEDED)])
        store.insert([entry(OTHER_GUILD, "GIFT300", **sent)])
    text = said(await ben.slash(stage.channel, "giftcode_stats"))
    assert "Codes: 1\n" in text
    assert f"Last one: `Gift100` <t:{int(NOON.timestamp())}:R>" in text
    assert "There at the first look: 1" in text
    assert "By game: Whiteout Survival 1" in text


async def test_statistics_of_a_server_that_got_nothing_say_so(stage: Stage, ben: MemberActor) -> None:
    assert "Codes: 0\nLast one: –" in said(await ben.slash(stage.channel, "giftcode_stats"))


# /giftcode_reset


def fill_ledger(stage: Stage) -> None:
    with stage.store() as store:
        store.insert([entry(GUILD, "GIFT100", state=EntryState.SENT), entry(GUILD, "GIFT200", state=EntryState.SEEDED)])
        store.insert([entry(OTHER_GUILD, "GIFT100", state=EntryState.SENT)])


async def test_a_reset_says_what_would_be_forgotten_and_does_nothing_yet(stage: Stage, alice: MemberActor) -> None:
    fill_ledger(stage)
    result = await alice.slash(stage.channel, "giftcode_reset")
    text = said(result)
    assert "2 codes" in text
    assert "1 announced, 1 there at the first look" in text
    assert "the next check announces again" in text
    assert result.response
    assert labels(result.response.components) == ["Forget them", "Keep them"]
    assert ledger(stage) == ["GIFT100", "GIFT200"]


async def test_a_confirmed_reset_forgets_this_server_alone(stage: Stage, alice: MemberActor) -> None:
    fill_ledger(stage)
    asked = (await alice.slash(stage.channel, "giftcode_reset")).response
    assert asked
    await stage.restart()
    result = await alice.click(asked, label="Forget them")
    (embed,) = asked.embeds
    assert text_of(embed).startswith("Forgotten\n2 codes forgotten.")
    assert asked.components == []
    assert result.followups == []
    assert ledger(stage) == []
    assert ledger(stage, OTHER_GUILD) == ["GIFT100"]


async def test_what_is_kept_is_kept(stage: Stage, alice: MemberActor) -> None:
    fill_ledger(stage)
    asked = (await alice.slash(stage.channel, "giftcode_reset")).response
    assert asked
    await alice.click(asked, label="Keep them")
    assert text_of(asked.embeds[0]) == "Nothing was changed"
    assert asked.components == []
    assert ledger(stage) == ["GIFT100", "GIFT200"]


async def test_nothing_to_forget_is_said(stage: Stage, alice: MemberActor) -> None:
    assert said(await alice.slash(stage.channel, "giftcode_reset")) == "Nothing to forget\nNothing was announced here."


class HeldCommand:
    """A command of the command line that waits within its thread until it is let go on."""

    def __init__(self, command: Callable[..., int]) -> None:
        self._command = command
        self.began = threading.Event()
        self.go_on = threading.Event()
        self.calls = 0

    def __call__(self, *arguments: Any, **named: Any) -> int:
        self.calls += 1
        self.began.set()
        assert self.go_on.wait(PATIENT)
        return self._command(*arguments, **named)


async def test_a_double_click_on_forget_them_forgets_once(
    stage: Stage, alice: MemberActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_ledger(stage)
    asked = (await alice.slash(stage.channel, "giftcode_reset")).response
    assert asked
    held = HeldCommand(coding.clear)
    held.go_on.set()
    monkeypatch.setattr(coding, "clear", held)
    first, second = await stage.click_at_once(alice, asked, "Forget them", "Forget them")
    assert held.calls == 1
    assert first.followups == []
    assert said(second) == "It is being done already."
    assert text_of(asked.embeds[0]).startswith("Forgotten")


async def test_keep_them_after_forget_them_is_too_late(stage: Stage, alice: MemberActor) -> None:
    fill_ledger(stage)
    asked = (await alice.slash(stage.channel, "giftcode_reset")).response
    assert asked
    _, second = await stage.click_at_once(alice, asked, "Forget them", "Keep them")
    assert said(second) == "It is being done already."
    assert ledger(stage) == []


async def test_the_answer_is_acknowledged_before_the_store_has_answered(
    stage: Stage, ben: MemberActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = HeldCommand(coding.list_codes)
    monkeypatch.setattr(coding, "list_codes", held)
    asking = asyncio.ensure_future(ben.slash(stage.channel, "giftcode"))
    await asyncio.to_thread(held.began.wait, 10)
    callbacks = [request.json for request in stage.env.http_requests if request.path.endswith("/callback")]
    assert [callback["type"] for callback in callbacks] == [5]
    held.go_on.set()
    assert "None is known" in said(await asking)


# When it fails


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("giftcode", {}),
        ("giftcode_stats", {}),
        ("giftcode_reset", {}),
        ("giftcode_add", {"code": "SnowDay24", "game": WOS}),
        ("giftcodesettings", {}),
    ],
)
async def test_a_store_that_cannot_be_read_is_said_and_nothing_is_reported_as_done(
    stage: Stage, alice: MemberActor, command: str, options: dict[str, str]
) -> None:
    damage_the_store(stage)
    assert said(await alice.slash(stage.channel, command, **options)) == (
        "The gift codes cannot be read or saved just now. Try again in a few minutes; the reason is in the bot's log."
    )


async def test_a_reset_that_fails_is_not_reported_as_done(stage: Stage, alice: MemberActor) -> None:
    fill_ledger(stage)
    asked = (await alice.slash(stage.channel, "giftcode_reset")).response
    assert asked
    damage_the_store(stage)
    await alice.click(asked, label="Forget them")
    assert text_of(asked.embeds[0]).startswith("The gift codes cannot be read or saved just now.")


async def test_a_failing_command_tells_one_sentence_and_logs_no_token(
    stage: Stage, ben: MemberActor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_arguments: Any, **_named: Any) -> int:
        raise RuntimeError(f"with {stage.stand_in.bot_token}")

    monkeypatch.setattr(coding, "stats", broken)
    said_to_ben = said(await ben.slash(stage.channel, "giftcode_stats"))
    assert said_to_ben == "Something unexpected went wrong; it is in the bot's log."
    assert "RuntimeError" in caplog.text
    assert stage.stand_in.bot_token not in caplog.text


async def test_an_answer_that_discord_refuses_ends_nothing(
    stage: Stage, ben: MemberActor, caplog: pytest.LogCaptureFixture
) -> None:
    stage.env.inject_error("PATCH", "/webhooks/*", status=404, code=10015, message="Unknown Webhook")
    await ben.slash(stage.channel, "giftcode_stats")
    assert "an answer did not get through: HTTP 404; what it says is done" in caplog.text
    assert "Codes: 0" in said(await ben.slash(stage.channel, "giftcode_stats"))


async def test_a_member_who_has_left_cannot_have_the_buttons_answered(stage: Stage, ben: MemberActor) -> None:
    know(stage, *(f"GIFT{number:03}" for number in range(30)))
    message = (await ben.slash(stage.channel, "giftcode")).response
    assert message
    stage.guild.remove_member(ben)
    with pytest.raises(SetupError):
        await ben.click(message, label="On")


# MongoDB is away


@dataclass
class Shared:
    """A MongoDB that can go away."""

    is_away: bool = False


@pytest.fixture
def mongodb(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Shared:
    """What stands for a MongoDB that the settings of the next start name."""
    shared = Shared()

    def open_shared(_settings: Settings, _uri: Secret) -> FakeSharedEngine:
        return FakeSharedEngine(machine.folder / "mongodb", lambda: shared.is_away)

    monkeypatch.setattr("giftping.store.opening.database_of", open_shared)
    machine.variables["MONGO_URI"] = "mongodb://stands-in/giftping"
    return shared


async def test_codes_are_shown_by_the_own_copy_which_is_said(
    stage: Stage, mongodb: Shared, alice: MemberActor, ben: MemberActor
) -> None:
    await stage.restart()
    await alice.slash(stage.channel, "giftcode_add", code="Frost2026", game=WOS)
    assert SAID("bot.codes.on_mirror") not in said(await ben.slash(stage.channel, "giftcode"))
    mongodb.is_away = True
    text = said(await ben.slash(stage.channel, "giftcode"))
    assert "Frost2026" in text
    assert SAID("bot.codes.on_mirror") in text


async def test_a_code_is_added_to_the_own_copy_which_is_said(
    stage: Stage, mongodb: Shared, alice: MemberActor, ben: MemberActor
) -> None:
    await stage.restart()
    await ben.slash(stage.channel, "giftcode_stats")
    await alice.slash(stage.channel, "giftcodesettings")
    await alice.slash(stage.channel, "giftcode_add", code="Frost2026", game=WOS)
    mongodb.is_away = True
    text = said(await alice.slash(stage.channel, "giftcode_add", code="SnowDay24", game=WOS))
    assert text.startswith("Added\n")
    assert SAID("bot.codes.on_mirror") in text
    mongodb.is_away = False
    assert "SnowDay24" in said(await ben.slash(stage.channel, "giftcode"))


@pytest.mark.parametrize("command", ["giftcode_add", "giftcodesettings", "giftcode_reset"])
async def test_a_database_that_was_never_met_is_said_not_to_be_there_and_nothing_is_reported_as_done(
    stage: Stage, mongodb: Shared, alice: MemberActor, command: str
) -> None:
    mongodb.is_away = True
    await stage.restart()
    options = {"code": "SnowDay24", "game": WOS} if command == "giftcode_add" else {}
    assert said(await alice.slash(stage.channel, command, **options)) == SAID("bot.codes.away")


def test_a_check_that_the_database_held_up_does_not_tell_its_address() -> None:
    """What it says of itself is for whoever runs the bot."""
    notice = "MongoDB giftping at 10.0.0.7: the connection was refused; nothing is sent meanwhile (on_outage = hold)"
    value = {"deliveries": [], "seeded": [], "resting": [], "notices": [notice]}
    result = CommandResult(value=value, trouble=(notice, "source my-list: HTTP 500"), exit_code=69)
    text = text_of(embeds.checked(result, ENGLISH))
    assert "10.0.0.7" not in text
    assert "The database said something to whoever runs the bot" in text
    assert "Source my-list: HTTP 500" in text
