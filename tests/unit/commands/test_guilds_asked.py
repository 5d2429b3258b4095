"""What `guilds add` asks Discord before it trusts a destination, and what it makes of the answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.records import subscription
from ran import Ran

from giftping.demo import faults
from giftping.demo.discord import StandInDiscord
from giftping.demo.log import Match
from giftping.demo.world import ChannelType, Permission
from giftping.store.base import Destination, Guild
from giftping.store.records import Store

Run = Callable[..., Ran]

HERE, THERE = 7001, 7002
ROLE = 7100
CHANNEL, ELSEWHERE = 7010, 7020
KINDS = {
    ChannelType.VOICE: 7011,
    ChannelType.STAGE: 7012,
    ChannelType.CATEGORY: 7013,
    ChannelType.FORUM: 7014,
    ChannelType.MEDIA: 7015,
    ChannelType.ANNOUNCEMENT: 7016,
}
POST, FOREIGN_POST = 7017, 7027
HOOK, ELSEWHERE_HOOK, FORUM_HOOK, VOICE_HOOK = 8001, 8002, 8003, 8004


@pytest.fixture
def town(discord: StandInDiscord) -> StandInDiscord:
    """Two guilds with all kinds of channels and some webhooks."""
    for guild_id, channel in ((HERE, CHANNEL), (THERE, ELSEWHERE)):
        discord.add_guild(guild_id, name=f"town {guild_id}")
        discord.set_bot(guild_id, permissions=0)
        discord.add_channel(channel, guild_id)
    for kind, channel in KINDS.items():
        discord.add_channel(channel, HERE, type=kind)
    discord.add_channel(POST, HERE, type=ChannelType.THREAD, parent_id=KINDS[ChannelType.FORUM])
    discord.add_channel(FOREIGN_POST, THERE, type=ChannelType.THREAD, parent_id=ELSEWHERE)
    discord.add_role(HERE, ROLE)
    discord.add_role(HERE, ROLE + 1, is_mentionable=False)
    discord.add_role(THERE, ROLE + 2)
    places = {
        HOOK: CHANNEL,
        ELSEWHERE_HOOK: ELSEWHERE,
        FORUM_HOOK: KINDS[ChannelType.FORUM],
        VOICE_HOOK: KINDS[ChannelType.VOICE],
    }
    for hook, channel in places.items():
        discord.add_webhook(hook, f"token-of-{hook}", channel)
    return discord


def hook(discord: StandInDiscord, webhook_id: int, query: str = "") -> tuple[str, str]:
    return "--webhook", f"{discord.webhook_url(webhook_id)}{query}"


def test_what_discord_calls_a_channel_is_told(giftping: Run, town: StandInDiscord) -> None:
    ran = giftping("guilds", "add", str(HERE), "--channel", str(CHANNEL), "--json")
    assert (ran.exit_code, ran.errors) == (0, "")
    assert ran.json["seen"] == {"name": "gift-codes", "kind": "a text channel", "guild": f"town {HERE}"}
    told = giftping("guilds", "add", str(HERE), *hook(town, HOOK)).output
    assert f"by webhook {HOOK} (Gift codes, a text channel of town {HERE})." in told


def test_what_discord_calls_a_guild_and_its_channel_is_kept_for_those_who_look(
    giftping: Run, store: Store, town: StandInDiscord
) -> None:
    giftping("guilds", "add", str(HERE), "--channel", str(CHANNEL))
    asked = len(town.requests)
    (listed,) = giftping("guilds", "list", "--json").json["guilds"]
    assert (listed["label"], listed["title"]) == (None, f"town {HERE}")
    assert [one["destination_name"] for one in listed["subscriptions"]] == ["gift-codes"]
    shown = giftping("guilds", "list").output
    assert f"town {HERE}" in shown
    assert f"channel {CHANNEL} (gift-codes)" in shown
    assert f"{HERE} (town {HERE})" in giftping("codes", "stats", "--guild", str(HERE)).output
    assert len(town.requests) == asked


def test_a_name_that_a_person_gave_goes_before_discords(giftping: Run, store: Store, town: StandInDiscord) -> None:
    giftping("guilds", "add", str(HERE), "--channel", str(CHANNEL), "--label", "Our town")
    shown = giftping("guilds", "list").output
    assert "Our town" in shown
    assert f"town {HERE}" not in shown
    giftping("guilds", "add", str(HERE), "--label", "")
    assert f"town {HERE}" in giftping("guilds", "list").output


def test_a_webhook_does_not_say_what_its_guild_is_called_and_a_bot_that_is_in_it_does(
    giftping: Run, store: Store, town: StandInDiscord, monkeypatch: pytest.MonkeyPatch
) -> None:
    giftping("guilds", "add", str(HERE), *hook(town, HOOK))
    assert store.guild(HERE) == Guild(HERE, title=f"town {HERE}", destinations={f"webhook {HOOK}": "Gift codes"})
    monkeypatch.delenv("DISCORD_TOKEN")
    giftping("guilds", "add", str(THERE), *hook(town, ELSEWHERE_HOOK))
    assert store.guild(THERE).title == ""


def test_the_doctor_names_guilds_beside_their_ids(giftping: Run, town: StandInDiscord) -> None:
    giftping("guilds", "add", str(HERE), "--channel", "99999", "--no-check", "--label", "Our town")
    assert f"guild {HERE} (Our town)" in giftping("doctor", "-q").errors


def test_a_destination_that_nothing_goes_to_any_more_has_no_name(
    giftping: Run, store: Store, town: StandInDiscord
) -> None:
    giftping("guilds", "add", str(HERE), "--channel", str(CHANNEL))
    giftping("guilds", "add", str(HERE), *hook(town, HOOK))
    assert store.guild(HERE).destinations.keys() == {f"webhook {HOOK}"}


@pytest.mark.parametrize("kind", [ChannelType.VOICE, ChannelType.STAGE, ChannelType.CATEGORY])
def test_a_channel_where_codes_cannot_be_announced_is_refused_by_what_it_is(
    giftping: Run, store: Store, town: StandInDiscord, kind: ChannelType
) -> None:
    ran = giftping("guilds", "add", str(HERE), "--channel", str(KINDS[kind]))
    assert ran.exit_code == 2
    assert f"channel {KINDS[kind]} is a {kind.name.lower()}" in ran.error
    assert store.subscriptions(HERE) == []


@pytest.mark.parametrize("kind", [[], {}, ["x"], "0", None, True, 0.5])
def test_a_channel_of_what_is_no_type_is_refused_by_that(
    giftping: Run, store: Store, town: StandInDiscord, kind: object
) -> None:
    shown = {"id": str(CHANNEL), "guild_id": str(HERE), "name": "gift-codes", "type": kind}
    match = Match(method="GET", template="/channels/{channel_id}")
    town.fail(faults.garbage(json.dumps(shown).encode()), match=match, times=None)
    ran = giftping("guilds", "add", str(HERE), "--channel", str(CHANNEL))
    assert (ran.exit_code, "of no known type" in ran.error) == (2, True)
    assert store.subscriptions(HERE) == []


def test_a_direct_message_is_refused(giftping: Run, store: Store, town: StandInDiscord) -> None:
    town.add_member(HERE, 42)
    channel = town._world.open_dm(42).id
    ran = giftping("guilds", "add", str(HERE), "--channel", str(channel))
    assert (ran.exit_code, "is a direct message and in no guild" in ran.error) == (2, True)
    assert store.subscriptions(HERE) == []


@pytest.mark.parametrize(
    "way",
    [
        lambda town: ("--channel", str(KINDS[ChannelType.ANNOUNCEMENT])),
        lambda town: ("--channel", str(POST)),
        lambda town: ("--channel", str(KINDS[ChannelType.FORUM])),
        lambda town: ("--channel", str(KINDS[ChannelType.MEDIA]), "--posts", "kept"),
        lambda town: hook(town, FORUM_HOOK),
        lambda town: hook(town, HOOK),
        lambda town: hook(town, FORUM_HOOK, f"?thread_id={POST}"),
    ],
    ids=["announcement", "post of a forum", "forum", "media", "forum by webhook", "webhook", "webhook with a post"],
)
def test_what_codes_can_be_announced_in_is_taken(giftping: Run, town: StandInDiscord, way: Callable[..., str]) -> None:
    ran = giftping("guilds", "add", str(HERE), *way(town))
    assert (ran.exit_code, ran.errors) == (0, "")
    assert giftping("guilds", "test", str(HERE)).exit_code == 0


@pytest.mark.parametrize(
    ("way", "why"),
    [
        (lambda town: ("--channel", str(ELSEWHERE)), f"channel {ELSEWHERE} is in guild {THERE}"),
        (lambda town: hook(town, ELSEWHERE_HOOK), f"webhook {ELSEWHERE_HOOK} is in guild {THERE}"),
        (
            lambda town: (*hook(town, FORUM_HOOK), "--posts", "none"),
            f"webhook {FORUM_HOOK} is of a forum, where each message needs a post",
        ),
        (lambda town: hook(town, VOICE_HOOK), f"webhook {VOICE_HOOK} is of a voice channel"),
        (lambda town: hook(town, HOOK, f"?thread_id={FOREIGN_POST}"), f"thread {FOREIGN_POST}"),
        (lambda town: hook(town, HOOK, "?thread_id=123456"), "thread 123456"),
        (lambda town: ("--webhook", f"{town.api}/webhooks/8999/gone"), "webhook 8999 is gone (HTTP 404"),
        (lambda town: ("--webhook", f"{town.api}/webhooks/{HOOK}/wrong"), f"webhook {HOOK} is gone (HTTP 401"),
        (lambda town: ("--channel", "7999"), "channel 7999 is not there (HTTP 404"),
    ],
)
def test_a_destination_that_cannot_be_right_is_refused_with_the_reason(
    giftping: Run, store: Store, town: StandInDiscord, way: Callable[..., tuple[str, str]], why: str
) -> None:
    ran = giftping("guilds", "add", str(HERE), *way(town))
    assert ran.exit_code == 2
    assert why in ran.error
    assert store.subscriptions(HERE) == []


def test_an_invented_guild_is_refused(giftping: Run, store: Store, town: StandInDiscord) -> None:
    for way in (hook(town, HOOK), ("--channel", str(CHANNEL))):
        ran = giftping("guilds", "add", "7003", *way)
        assert (ran.exit_code, f"is in guild {HERE}" in ran.error) == (2, True)
    assert store.subscriptions() == []


def test_a_channel_that_the_bot_may_not_see_is_refused_as_trouble_of_the_server(
    giftping: Run, store: Store, town: StandInDiscord
) -> None:
    town.set_permissions(CHANNEL, Permission.NONE)
    ran = giftping("guilds", "add", str(HERE), "--channel", str(CHANNEL))
    assert ran.exit_code == 69
    assert "the bot cannot see it (HTTP 403 Missing Access (50001))" in ran.error
    assert "View Channel" in ran.error
    assert store.subscriptions(HERE) == []


def test_a_permission_that_the_bot_lacks_is_told_and_the_guild_is_added(giftping: Run, town: StandInDiscord) -> None:
    town.set_permissions(CHANNEL, Permission.POSTING & ~Permission.EMBED_LINKS)
    ran = giftping("guilds", "add", str(HERE), "--channel", str(CHANNEL))
    assert ran.exit_code == 0
    assert "the bot lacks Embed Links" in ran.error
    assert giftping("guilds", "test", str(HERE), "--no-post").exit_code == 69


# Twice the same


WAYS_TO_WRITE = (
    "{url}",
    "{url}/",
    "{url}?thread_id=7018",
    "https://discord.com/api/webhooks/{path}",
    "https://discordapp.com/api/webhooks/{path}?wait=true",
    "https://ptb.discord.com/api/v9/webhooks/{path}/",
    "https://canary.discord.com/api/v10/webhooks/{path}",
    "https://Discord.COM/webhooks/{path}",
    "env:HOOK",
    "file:{folder}/hook",
)


@pytest.mark.parametrize("number", range(len(WAYS_TO_WRITE)))
def test_one_webhook_is_not_given_to_two_guilds_however_it_is_written(
    giftping: Run, store: Store, town: StandInDiscord, home: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    url = town.webhook_url(HOOK)
    monkeypatch.setenv("HOOK", f"{url}\n")
    (home / "hook").write_text(f"{url}?thread_id=7019\n", "utf-8")
    (home / "hook").chmod(0o600)
    words = {"url": url, "path": f"{HOOK}/token-of-{HOOK}", "folder": home}
    first, second = WAYS_TO_WRITE[number - 3].format(**words), WAYS_TO_WRITE[number].format(**words)
    store.put_subscriptions(subscription(THERE, destination=Destination(webhook=first)))
    ran = giftping("guilds", "add", str(HERE), "--webhook", second, "--no-check")
    assert ran.exit_code == 2
    assert f"is used by guild {THERE}, too: members would see each code twice" in ran.error
    assert store.subscriptions(HERE) == []
    found = giftping("doctor", "--json").json["findings"]
    (said,) = [one["what"] for one in found if (one["name"], one["subject"]) == ("destination", str(THERE))]
    assert f"is in guild {HERE}" in said


def test_one_channel_is_not_given_to_two_guilds(giftping: Run, store: Store, town: StandInDiscord) -> None:
    store.put_subscriptions(subscription(THERE, destination=Destination(channel_id=CHANNEL)))
    ran = giftping("guilds", "add", str(HERE), "--channel", str(CHANNEL))
    assert ran.exit_code == 2
    assert f"channel {CHANNEL} is used by guild {THERE}, too" in ran.error
    assert store.subscriptions(HERE) == []


def test_the_same_guild_may_be_given_its_own_destination_again(giftping: Run, town: StandInDiscord) -> None:
    for _ in range(2):
        assert giftping("guilds", "add", str(HERE), *hook(town, HOOK)).exit_code == 0


# What could not be found out


UNREACHED = {
    "502": lambda: faults.html(502),
    "503": lambda: faults.status(503),
    "reset": faults.reset,
    "page of a portal": lambda: faults.html(200),
    "garbage": faults.garbage,
    "page of a proxy": lambda: faults.html(403),
    "cloudflare": faults.cloudflare_ban,
}


@pytest.mark.parametrize("fault", UNREACHED)
@pytest.mark.parametrize("by_webhook", [True, False])
def test_a_destination_that_discord_was_not_asked_about_is_taken_and_said_to_be_unchecked(
    giftping: Run, store: Store, town: StandInDiscord, fault: str, by_webhook: bool
) -> None:
    match = Match(webhook_id=HOOK) if by_webhook else Match(channel_id=CHANNEL)
    town.fail(UNREACHED[fault](), match=match, times=None)
    way = hook(town, HOOK) if by_webhook else ("--channel", str(CHANNEL))
    ran = giftping("guilds", "add", str(HERE), *way, "--json")
    assert ran.exit_code == 0
    assert "was not checked: " in ran.json["warning"]
    assert f"giftping guilds test {HERE} --no-post" in ran.error
    assert ran.json["seen"] is None
    assert store.subscriptions(HERE)


def test_a_token_that_discord_refuses_leaves_a_channel_unchecked(
    giftping: Run, town: StandInDiscord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "another-token")
    ran = giftping("guilds", "add", str(HERE), "--channel", str(CHANNEL))
    assert (ran.exit_code, f"channel {CHANNEL} was not checked: HTTP 401" in ran.error) == (0, True)


def test_a_webhook_needs_no_bot_to_be_checked(
    giftping: Run, store: Store, town: StandInDiscord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISCORD_TOKEN")
    assert giftping("guilds", "add", str(HERE), *hook(town, HOOK)).errors == ""
    assert giftping("guilds", "add", str(HERE), *hook(town, ELSEWHERE_HOOK)).exit_code == 2
    (one,) = store.subscriptions(HERE)
    assert str(HOOK) in one.destination.webhook


def test_nothing_is_asked_without_a_check_nor_of_what_stays(giftping: Run, town: StandInDiscord) -> None:
    assert giftping("guilds", "add", str(HERE), "--channel", "7999", "--no-check").errors == ""
    assert giftping("guilds", "add", str(HERE), "--game", "kingshot").exit_code == 0
    # What time it is may well be asked.
    assert {request.template for request in town.requests} <= {"/users/@me"}


def test_a_check_costs_few_requests(giftping: Run, town: StandInDiscord) -> None:
    giftping("guilds", "add", str(THERE), "--channel", str(ELSEWHERE), "--no-check")
    before = len(town.requests)
    giftping("guilds", "add", str(HERE), "--channel", str(CHANNEL), "--mention", str(ROLE))
    assert len(town.requests) - before <= 5
    before = len(town.requests)
    giftping("guilds", "add", str(HERE), *hook(town, HOOK), "--mention", str(ROLE))
    assert len(town.requests) - before <= 4


@pytest.mark.parametrize(
    "value", ["hello", "https://discord.com/api/webhook/1/x", "http://discord.com/api/webhooks/1/x"]
)
def test_a_reference_to_what_is_no_webhook_is_a_mistake_in_the_settings(
    giftping: Run, store: Store, town: StandInDiscord, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("HOOK", value)
    for extra in ((), ("--no-check",)):
        ran = giftping("guilds", "add", str(HERE), "--webhook", "env:HOOK", *extra)
        assert (ran.exit_code, ran.error.startswith("giftping: env:HOOK: the webhook URL does not ")) == (78, True)
    assert store.subscriptions() == []


# Mentions


@pytest.mark.parametrize("mention", [str(HERE), f"<@&{HERE}>"])
def test_the_mention_of_everyone_as_a_role_is_refused(
    giftping: Run, store: Store, town: StandInDiscord, mention: str
) -> None:
    for extra in ((), ("--no-check",)):
        ran = giftping("guilds", "add", str(HERE), "--channel", str(CHANNEL), "--mention", mention, *extra)
        assert (ran.exit_code, "@everyone: write --mention everyone" in ran.error) == (2, True)
    assert store.subscriptions(HERE) == []


@pytest.mark.parametrize(
    ("role", "why"),
    [
        (ROLE + 1, "notifies nobody: not anybody may mention it"),
        (ROLE + 2, f"the guild has no role {ROLE + 2}"),
        (7999, "the guild has no role 7999"),
    ],
)
def test_a_mention_that_cannot_ping_is_told_wherever_one_looks(
    giftping: Run, town: StandInDiscord, role: int, why: str
) -> None:
    ran = giftping("guilds", "add", str(HERE), "--channel", str(CHANNEL), "--mention", str(role))
    assert (ran.exit_code, why in ran.error) == (0, True)
    assert why in giftping("guilds", "add", str(HERE), "--mention", str(role)).error
    tested = giftping("guilds", "test", str(HERE))
    assert (tested.exit_code, why in tested.error) == (0, True)
    (found,) = [one for one in giftping("doctor", "--json").json["findings"] if why in one["what"]]
    assert found["verdict"] == "warn"


def test_a_role_as_discord_copies_it_is_taken_and_pings(giftping: Run, store: Store, town: StandInDiscord) -> None:
    ran = giftping("guilds", "add", str(HERE), "--channel", str(CHANNEL), "--mention", f"<@&{ROLE}>")
    assert (ran.exit_code, ran.errors) == (0, "")
    (one,) = store.subscriptions(HERE)
    assert one.mentions == (str(ROLE),)


def test_who_may_mention_everyone_may_mention_every_role(giftping: Run, town: StandInDiscord) -> None:
    town.set_permissions(CHANNEL, Permission.POSTING | Permission.MENTION_EVERYONE)
    for way in (("--channel", str(CHANNEL)), hook(town, HOOK)):
        ran = giftping("guilds", "add", str(HERE), *way, "--mention", str(ROLE + 1), "--mention", "here")
        assert (ran.exit_code, ran.errors) == (0, "")


@pytest.mark.parametrize("mention", ["everyone", "here"])
def test_that_the_bot_may_not_mention_everyone_is_told(giftping: Run, town: StandInDiscord, mention: str) -> None:
    ran = giftping("guilds", "add", str(HERE), "--channel", str(CHANNEL), "--mention", mention)
    assert (ran.exit_code, f"the mention @{mention} notifies nobody" in ran.error) == (0, True)


def test_a_game_may_go_where_another_game_of_the_guild_goes(giftping: Run, town: StandInDiscord) -> None:
    for game in ("kingshot", "whiteout-survival"):
        ran = giftping("guilds", "add", str(HERE), *hook(town, HOOK), "--game", game)
        assert (ran.exit_code, ran.errors) == (0, "")
    assert giftping("guilds", "test", str(HERE)).exit_code == 0


def test_a_role_that_no_bot_can_see_is_said_not_to_be_checked(
    giftping: Run, town: StandInDiscord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISCORD_TOKEN")
    ran = giftping("guilds", "add", str(HERE), *hook(town, HOOK), "--mention", str(ROLE))
    assert (ran.exit_code, f"{ROLE} was not checked" in ran.output) == (0, True)


@pytest.mark.parametrize("mention", ["<@&>", "<@7100>", "@role", "<#7100>", "0"])
def test_a_mention_that_names_no_role_is_refused(giftping: Run, mention: str) -> None:
    assert giftping("guilds", "add", str(HERE), "--channel", str(CHANNEL), "--mention", mention).exit_code == 2


def test_a_test_pings_whom_announcements_ping_and_says_whom(giftping: Run, town: StandInDiscord) -> None:
    mentions = [word for role in (ROLE, ROLE + 1) for word in ("--mention", str(role))]
    giftping("guilds", "add", str(HERE), "--channel", str(CHANNEL), *mentions)
    ran = giftping("guilds", "test", str(HERE), "--json")
    (tested,) = ran.json["destinations"]
    assert [(one["mention"], one["reaches"]) for one in tested["mentions"]] == [
        (str(ROLE), True),
        (str(ROLE + 1), False),
    ]
    assert f"role {ROLE + 1} notifies nobody" in ran.error
    (posted,) = town.messages(CHANNEL)
    assert posted.content == f"<@&{ROLE}> <@&{ROLE + 1}>\n`SAMPLECODE`"
    assert posted.notified.roles == (ROLE,)
    told = giftping("guilds", "test", str(HERE), "--no-mention").output
    name = tested["mentions"][0]["name"]
    place = f"guild {HERE} (town {HERE}): channel {CHANNEL} (gift-codes)"
    assert told == f"{place} works. whiteout-survival pings role {ROLE} ({name}).\n"
    silent = town.messages(CHANNEL)[-1]
    assert silent.content == posted.content
    assert not silent.notified.roles


def test_a_test_says_where_nobody_can_tell_whether_a_mention_reaches_anybody(
    giftping: Run, town: StandInDiscord, monkeypatch: pytest.MonkeyPatch
) -> None:
    giftping("guilds", "add", str(HERE), *hook(town, HOOK), "--mention", str(ROLE))
    monkeypatch.delenv("DISCORD_TOKEN")
    ran = giftping("guilds", "test", str(HERE), "--no-post")
    assert f"whiteout-survival pings role {ROLE}, if it may be mentioned there." in ran.output
    ((one,),) = [each["mentions"] for each in giftping("guilds", "test", "--no-post", "--json").json["destinations"]]
    assert (one["name"], one["reaches"]) == (None, None)
