import httpx
from fakes.patience import PATIENT

from giftping.demo.discord import StandInDiscord

GUILD, CHANNEL, WEBHOOK, WEBHOOK_TOKEN = 11, 21, 31, "hook-secret"


def furnish(discord: StandInDiscord) -> StandInDiscord:
    discord.add_guild(GUILD)
    discord.add_channel(CHANNEL, GUILD)
    discord.add_webhook(WEBHOOK, WEBHOOK_TOKEN, CHANNEL)
    return discord


def client_of(discord: StandInDiscord, *, token: str | None = None) -> httpx.Client:
    headers = {
        "User-Agent": "DiscordBot (https://example.org/giftping, 1.0)",
        "Authorization": f"Bot {token or discord.bot_token}",
    }
    transport = httpx.HTTPTransport(verify=False, limits=httpx.Limits(keepalive_expiry=None))
    return httpx.Client(base_url=discord.api, headers=headers, transport=transport, timeout=PATIENT)
