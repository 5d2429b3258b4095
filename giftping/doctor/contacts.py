"""Who is told how runs go: the monitors and the operator that the settings name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from giftping.doctor.judgement import Checks, Judgement, fail, ok
from giftping.runs.contacts import OPERATOR, look_at_contacts

if TYPE_CHECKING:
    from giftping.runs.contacts import ContactLook
    from giftping.settings.keys import Settings


@dataclass(frozen=True, slots=True)
class ContactsFacts:
    """What a look at each of them has found; of those that the settings do not name there is none."""

    heartbeat: tuple[ContactLook, ...] = ()
    operator: tuple[ContactLook, ...] = ()


def look_at_who_is_told(settings: Settings) -> ContactsFacts:
    """How the monitors and the operator are; nothing is pinged or posted."""
    looks = tuple(look_at_contacts(settings))
    return ContactsFacts(
        heartbeat=tuple(one for one in looks if one.contact.key != OPERATOR),
        operator=tuple(one for one in looks if one.contact.key == OPERATOR),
    )


def judge_heartbeat(facts: ContactsFacts) -> list[Judgement]:
    """Whether each monitor has an address that can be one."""
    said = "the monitors' hosts are there; giftping heartbeat test pings them"
    return _judged(facts.heartbeat, said, "giftping heartbeat test")


def judge_operator(facts: ContactsFacts) -> list[Judgement]:
    """Whether Discord knows the operator's webhook."""
    said = "the operator's webhook is there; giftping operator test posts by it"
    return _judged(facts.operator, said, "giftping operator test")


def _judged(looks: tuple[ContactLook, ...], well: str, test: str) -> list[Judgement]:
    wrong = []
    for look in looks:
        if look.mistake or look.trouble:
            step = f"{look.mend or 'set it right'}, then: {test}"
            wrong.append(fail(f"{look.contact.key}: {look.mistake or look.trouble}", step, look.contact.key))
    return wrong or ([ok(well)] if looks else [])


CONTACTS_CHECKS: Checks[ContactsFacts] = (
    ("heartbeat", judge_heartbeat),
    ("operator", judge_operator),
)
