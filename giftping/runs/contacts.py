"""Who is told how runs go, as the settings name them: the monitors and the operator, and whether they can be reached.

Nobody is told anything by a look, and nothing is posted or pinged.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from giftping.runs.heartbeat import url_mistake
from giftping.runs.operator import SECONDS
from giftping.settings.secrets import SecretError

if TYPE_CHECKING:
    from giftping.settings.keys import Settings

OPERATOR = "operator.webhook"
"""The key of the operator's webhook."""


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody who is told."""

    key: str
    """The dotted key by which the settings name them."""
    reference: str
    """What that key says: where the address is."""


@dataclass(frozen=True, slots=True)
class ContactLook:
    """What a look at a contact found."""

    contact: Contact
    mistake: str = ""
    """What is wrong with the address itself, so that it is to be mended in the settings; empty for nothing."""
    trouble: str = ""
    """Why it cannot be reached though it may well be right; empty where it can."""
    mend: str = ""
    """What to do about the trouble."""
    is_refused: bool = False
    """Whether that was a no, and not that this machine cannot find out now."""


def contacts(settings: Settings) -> Iterator[Contact]:
    """Everybody whom the settings name."""
    for key, reference in (
        ("heartbeat.codes", settings.heartbeat.codes),
        ("heartbeat.todo", settings.heartbeat.todo),
        (OPERATOR, settings.operator.webhook),
    ):
        if reference:
            yield Contact(key, reference)


def contact_mistakes(settings: Settings) -> Iterator[ContactLook]:
    """The contacts whose address is none, or is not there; nobody is asked."""
    for contact in contacts(settings):
        if why := _mistake(settings, contact):
            yield ContactLook(contact, mistake=why)


def look_at_contacts(settings: Settings) -> Iterator[ContactLook]:
    """Every contact: Discord is asked for the operator's webhook, and a monitor's host is looked up."""
    for contact in contacts(settings):
        if why := _mistake(settings, contact):
            yield ContactLook(contact, mistake=why)
        elif contact.key == OPERATOR:
            yield _look_at_operator(settings, contact)
        else:
            yield _look_at_monitor(settings, contact)


def _mistake(settings: Settings, contact: Contact) -> str:
    from giftping.discord.webhook import parse_webhook_url

    try:
        url = settings.secret(contact.reference).reveal()
    except SecretError as error:
        return error.reason
    if contact.key != OPERATOR:
        return f"what {contact.reference} holds {why}" if (why := url_mistake(url)) else ""
    try:
        parse_webhook_url(url, api=settings.discord.api)
    except ValueError as error:
        return f"what {contact.reference} holds cannot be used: {error}"
    return ""


def _look_at_operator(settings: Settings, contact: Contact) -> ContactLook:
    from giftping.discord.http import DiscordHttp
    from giftping.discord.meanings import meaning_of
    from giftping.discord.outcome import Refused, Unclear
    from giftping.discord.webhook import WebhookRoute, parse_webhook_url

    address = parse_webhook_url(settings.secret(contact.reference).reveal(), api=settings.discord.api)
    with DiscordHttp(settings.discord.api, token=None, budget=timedelta(seconds=SECONDS), total=SECONDS) as http:
        found = WebhookRoute(http, address, None).look()
    if not isinstance(found, Refused | Unclear):
        return ContactLook(contact)
    said = ContactLook(contact, trouble=f"webhook {address.id}: {found.reason}")
    if isinstance(found, Unclear) or found.status is None:
        return said
    return replace(said, mend=meaning_of(found.status, found.code, by_webhook=True).mend, is_refused=True)


def _look_at_monitor(settings: Settings, contact: Contact) -> ContactLook:
    parts = urlsplit(settings.secret(contact.reference).reveal())
    host = parts.hostname or ""
    try:
        socket.getaddrinfo(host, parts.port or parts.scheme)
    except OSError:
        # The host alone: whoever has the rest of the address can ping.
        return ContactLook(contact, trouble=f"the host name {host} cannot be resolved", mend="correct the address")
    return ContactLook(contact)
