"""What `giftping operator test` and `heartbeat test` do: they tell whom a run would tell, and say how that went."""

from __future__ import annotations

from typing import TYPE_CHECKING

from giftping.errors import EXIT_FINE, EXIT_TROUBLE
from giftping.runs.contacts import OPERATOR, contacts
from giftping.settings.file import Mistake, SettingsError
from giftping.text import counted

if TYPE_CHECKING:
    from giftping.commands.session import Session

TEST = "a test: this is where giftping tells of trouble"


def test_operator(session: Session) -> int:
    """The exit code, once a real message was posted by the operator's webhook. Raise SettingsError without one."""
    from giftping.runs.operator import tell_operator_by, title_of

    settings = session.settings
    if not settings.operator.webhook:
        raise _not_named(session, OPERATOR, 'webhook = "env:OPERATOR_WEBHOOK" in [operator]')
    why = session.settings.redactor()(tell_operator_by(settings, title_of("operator test"), [TEST]))
    exit_code = EXIT_TROUBLE if why else EXIT_FINE
    session.give({"exit_code": exit_code, "told": not why, "reason": why})
    if why:
        session.trouble(f"the operator could not be told: {why}; giftping config check looks closer")
    else:
        session.tell("The operator was told: look for the message in the channel of the webhook.")
    return exit_code


def test_heartbeat(session: Session) -> int:
    """The exit code, once every monitor was told of a failed run and of a good one. Raise SettingsError without any."""
    from giftping.runs.heartbeat import FAIL, START, SUCCESS, ping_by

    settings = session.settings
    monitors = [one for one in contacts(settings) if one.key != OPERATOR]
    if not monitors:
        raise _not_named(session, "heartbeat.codes", 'codes = "env:HEARTBEAT_CODES" in [heartbeat]')
    # The good one last: the alarm that the other raises is over with it.
    kinds = (*((START,) if settings.heartbeat.start else ()), FAIL, SUCCESS)
    pings = [
        (one.key, kind or "success", ping_by(settings, one.reference, f"giftping heartbeat test: {TEST}", kind=kind))
        for one in monitors
        for kind in kinds
    ]
    failed = [(key, kind, why) for key, kind, why in pings if why]
    exit_code = EXIT_TROUBLE if failed else EXIT_FINE
    told = [{"key": key, "kind": kind, "told": not why, "reason": why} for key, kind, why in pings]
    session.give({"exit_code": exit_code, "pings": told})
    for key, kind, why in failed:
        session.trouble(f"{key}: the ping {kind} did not reach its monitor: {why}; giftping config check looks closer")
    if not failed:
        kinds_said = ", ".join(kind or "success" for kind in kinds)
        session.tell(f"{counted(len(monitors), 'monitor')} pinged: {kinds_said}.")
    return exit_code


def _not_named(session: Session, key: str, how: str) -> SettingsError:
    place = str(session.settings.file or "giftping.toml")
    return SettingsError([Mistake(place, key, f"is not set, so that nobody is told; write {how}")])
