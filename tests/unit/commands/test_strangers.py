"""What pages and members write, through all of giftping to what Discord makes of it: text, and nothing but text."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from fakes.strangers import HIDDEN, all_texts, live, texts, would_notify
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from past import ASHA, BEN, CHANNEL, GUILD, HOUR, OWNER, ROLE, Past
from ran import Ran

from giftping.demo.discord import StandInDiscord
from giftping.demo.log import visible_codes
from giftping.demo.notifying import Notified
from giftping.demo.sources import StandInSources
from giftping.demo.world import StoredMessage

Run = Callable[..., Ran]

# To make an example of a failure smaller would take minutes.
PLAYED = settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

HOOKED, HOOKED_CHANNEL, HOOK = 5, 50, 500

SETTINGS = """\
time_zone = "UTC"

[codes]
built_in_sources = false

[games.odd]
title = "Odd"
redeem_url = "https://odd.example/redeem?code={{code}}"
code_pattern = '[^\\n]{{3,40}}'

[sources.page]
kind = "json"
game = "odd"
url = "{url}"
min_interval = "0s"
rows = {{ at = "codes", code = "code", rewards = "rewards", expires = "expires", region = "region" }}
"""

OURS = re.compile(r"<t:\d+:[fR]>|\[Redeem\]\(https://odd\.example/redeem\?code=[\w.~%-]+\)")


@pytest.fixture
def page(giftping: Run, home: Path, discord: StandInDiscord) -> Iterator[StandInSources]:
    """The one page that lists codes, for a guild by its bot and one by a webhook, which mentions everyone."""
    discord.add_guild(HOOKED)
    discord.add_channel(HOOKED_CHANNEL, HOOKED)
    discord.add_webhook(HOOK, "token-of-hook", HOOKED_CHANNEL)
    discord.add_role(HOOKED, ROLE)
    with StandInSources() as sources:
        (home / "giftping.toml").write_text(SETTINGS.format(url=sources.url("/codes")), "utf-8")
        sources.set("/codes", '{"codes": []}', "application/json")
        game = ("--game", "odd", "--mention", str(ROLE), "--announce-current")
        everyone = ("--mention", "everyone")
        assert giftping("guilds", "add", str(GUILD), "--channel", str(CHANNEL), *game).errors == ""
        assert (
            giftping("guilds", "add", str(HOOKED), "--webhook", discord.webhook_url(HOOK), *game, *everyone).errors
            == ""
        )
        assert giftping("codes", "check").exit_code == 0
        yield sources


def as_json(message: StoredMessage) -> dict[str, object]:
    return {"content": message.content, "embeds": list(message.embeds)}


ROWS = st.fixed_dictionaries({"code": texts(4), "rewards": texts(), "expires": texts(3), "region": texts(3)})

numbers = count()


@PLAYED
@given(rows=st.lists(ROWS, min_size=1, max_size=5))
def test_what_a_page_writes_notifies_nobody_and_leads_nowhere(
    giftping: Run, discord: StandInDiscord, page: StandInSources, rows: list[dict[str, str]]
) -> None:
    seen = {channel: len(discord.messages(channel)) for channel in (CHANNEL, HOOKED_CHANNEL)}
    # Each list has something that goes out, whatever becomes of the codes that were drawn.
    whole = {"code": f"REAL{next(numbers):04}CODE", "rewards": rows[0]["rewards"]}
    page.set("/codes", json.dumps({"codes": [*rows, whole]}), "application/json")
    told = [giftping("codes", "check"), giftping("codes", "list", "--all"), giftping("sources", "test", "page")]
    assert not HIDDEN.search("".join(ran.output + ran.errors for ran in told))
    for channel, before in seen.items():
        arrived = discord.messages(channel)[before:]
        assert arrived
        for number, message in enumerate(arrived):
            meant = Notified(roles=(ROLE,), everyone=channel == HOOKED_CHANNEL) if not number else Notified()
            assert message.notified == meant
            lines = message.content.splitlines()
            meant_for = [line for line in lines if set(line.split()) <= {f"<@&{ROLE}>", "@everyone"}]
            assert lines == [*meant_for, *(f"`{code}`" for code in visible_codes(message))]
            beside = as_json(message) | {"content": "\n".join(lines[len(meant_for) :])}
            assert would_notify(beside) == Notified()
            assert [one for one in live(beside) if not OURS.fullmatch(one)] == []
            assert not any(HIDDEN.search(text) for text in all_texts(as_json(message)))
        assert any(str(whole["code"]) in str(message.embeds) for message in arrived)


@pytest.fixture
def members(discord: StandInDiscord, past: Past) -> None:
    for user_id, name in ((ASHA, "Asha"), (BEN, "Ben")):
        discord.add_member(GUILD, user_id, roles=(ROLE,), name=name)
        past.member(user_id, name, silent=30 * HOUR)


@PLAYED
@given(name=texts(), lists=st.lists(texts(), min_size=3, max_size=3), file=texts(3), for_other=st.booleans())
@pytest.mark.usefixtures("members")
def test_what_a_member_writes_notifies_nobody_and_leads_nowhere(
    giftping: Run,
    discord: StandInDiscord,
    home: Path,
    name: str,
    lists: list[str],
    file: str,
    for_other: bool,
) -> None:
    stem = re.sub("[/\0\ud800-\udfff]", "", file)[:30]
    path = home / f"{stem}.png"
    path.write_bytes(b"\x89PNG")
    before = len(discord.messages(CHANNEL))
    wanted = {"must_do": f"Read {next(numbers)} pages {lists[0]}", "can_do": lists[1], "dont_do": lists[2]}
    given_ = {"name": f"Asha {name}"[:80], **{key: text.replace("\0", "") for key, text in wanted.items()}}
    whose = {"for": str(BEN), "by": str(OWNER)} if for_other else {"user_id": str(ASHA)}
    (home / "todo.json").write_text(json.dumps(given_ | whose), "utf-8")
    ran = giftping("todo", "submit", "--file", str(home / "todo.json"), "--attach", str(path))
    assert not HIDDEN.search(ran.output + ran.errors)
    (message,) = discord.messages(CHANNEL)[before:]
    meant = Notified(users=(BEN,)) if for_other else Notified()
    assert message.notified == meant
    people = {f"<@{ASHA}>", f"<@{BEN}>", f"<@{OWNER}>"}
    assert set(live(as_json(message))) <= people
    assert would_notify(as_json(message)).roles == ()
    assert not would_notify(as_json(message)).everyone
    assert not any(HIDDEN.search(text) for text in all_texts(as_json(message)))
    (attachment,) = message.attachments
    assert re.fullmatch(r"[\w-][\w.-]*", attachment.filename)
    assert message.embeds[0]["image"]["url"] == f"attachment://{attachment.filename}"
