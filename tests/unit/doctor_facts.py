"""Facts of an installation on which all is well, for tests that spoil one of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from giftping.doctor.contacts import ContactsFacts
from giftping.doctor.deliveries import DeliveriesFacts
from giftping.doctor.destinations import DestinationsFacts
from giftping.doctor.discord import BotFacts, ChannelFacts, DiscordFacts, GuildFacts, RoleFacts
from giftping.doctor.examine import CodesFacts, Facts, TodoFacts, judge
from giftping.doctor.hosts import HostsFacts
from giftping.doctor.judgement import Checks, Judgement, Part, Verdict
from giftping.doctor.last_check import LastCheckFacts
from giftping.doctor.ledger import LedgerFacts
from giftping.doctor.mongo import MongoFacts
from giftping.doctor.older_bot import OlderBotFacts
from giftping.doctor.one_destination import DestinationFacts
from giftping.doctor.settings import FileFacts, SettingsFacts
from giftping.doctor.sources import SourceFacts, SourcesFacts
from giftping.doctor.state_folder import StateFolderFacts
from giftping.doctor.todo_direct_messages import DirectMessagesFacts
from giftping.doctor.todo_guild import TodoGuildFacts
from giftping.doctor.todo_roster import RosterFacts
from giftping.doctor.todo_sweeps import SweepsFacts
from giftping.runs.contacts import Contact, ContactLook
from giftping.settings.keys import TodoSettings

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MIB = 2**20
OK, WARN, FAIL = Verdict.OK, Verdict.WARN, Verdict.FAIL

SETTINGS = SettingsFacts("giftping.toml", files=(FileFacts("giftping.toml"),))
FOLDER = StateFolderFacts("/srv/state", is_writable=True, free=5000 * MIB, mode=0o700)
MONGO = MongoFacts(NOW, "MongoDB gifts at db", clock_offset=timedelta(0), in_step=True)
DISCORD = DiscordFacts(bot=5, clock_offset=timedelta(0))

SOURCE = SourceFacts("a-list", count=3, listed_at=NOW - MINUTE, changed_at=NOW - 4 * HOUR)
SOURCES = SourcesFacts(NOW, (SOURCE,))
WEBHOOK = DestinationFacts(11, "webhook 31", is_webhook=True)
CHANNEL = DestinationFacts(12, "channel 22", channel_guild_id=12)
DESTINATIONS = DestinationsFacts(NOW, (WEBHOOK, CHANNEL))
LAST_CHECK = LastCheckFacts(NOW, NOW - 4 * MINUTE, every=5 * MINUTE)
CODES = CodesFacts(SOURCES, DESTINATIONS, LAST_CHECK, DeliveriesFacts())

GUILD = TodoGuildFacts(
    guild_id=11,
    channel_id=21,
    role_id=41,
    guild=GuildFacts("Snow", RoleFacts("TODO", 1), BotFacts(manages_roles=True, position=10)),
    channel=ChannelFacts(11),
    lists_members=True,
    roster_size=8,
)
MESSAGES = DirectMessagesFacts(NOW, most_new=10, roster_size=8, zone=UTC)
ROSTER = RosterFacts(size=8)
SWEEPS = SweepsFacts(NOW, TodoSettings().remind_every, last=NOW - 4 * MINUTE)
TODO = TodoFacts(GUILD, MESSAGES, ROSTER, SWEEPS)

CONTACTS = ContactsFacts(
    (ContactLook(Contact("heartbeat.codes", "env:BEAT")),), (ContactLook(Contact("operator.webhook", "env:TELL")),)
)

FACTS = Facts(
    SETTINGS,
    FOLDER,
    LedgerFacts("the ledger"),
    MONGO,
    HostsFacts(NOW),
    DISCORD,
    CODES,
    TODO,
    CONTACTS,
    OlderBotFacts(),
)


def judged(checks: Checks[Part], facts: Part) -> dict[str, Judgement]:
    """What checks make of facts, by name; for checks that come to one judgement at the most."""
    found = {name: check(facts) for name, check in checks}
    return {name: one for name, one in found.items() if isinstance(one, Judgement)}


def names(facts: Facts) -> list[str]:
    """The names of the checks that find something, in the order in which it is told."""
    return [finding.name for finding in judge(facts)]
