from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from todo_stage import GUILD, LOOKS_AT_MEMBER, NOT_PERMITTED, ROLE, Stage

from giftping.demo import faults
from giftping.demo.log import Match
from giftping.discord.members import MembersClient
from giftping.todo.membership import LIST_FROM, MembershipReader
from giftping.todo.model import Membership

LISTS_MEMBERS = Match("GET", "/guilds/{guild_id}/members")
EVERYBODY = range(101, 101 + LIST_FROM)


@pytest.fixture
def memberships(stage: Stage) -> Iterator[MembershipReader]:
    def one_by_one(look, user_ids: Sequence[int]) -> list[Membership | str]:
        return [look(user_id) for user_id in user_ids]

    with stage.wiring() as wiring:
        yield MembershipReader(MembersClient(wiring.todo_client().http), stage.clock, GUILD, ROLE, one_by_one)


@pytest.fixture
def here(stage: Stage) -> Membership:
    return Membership(stage.clock(), in_guild=True, has_role=True)


def test_a_member_is_seen_with_role_or_without_as_a_bot_or_not_at_all(
    stage: Stage, memberships: MembershipReader, here: Membership
) -> None:
    stage.discord.add_member(GUILD, 101, roles=(ROLE,))
    stage.discord.add_member(GUILD, 102)
    stage.discord.add_member(GUILD, 103, is_bot=True)
    assert memberships.look([104, 103, 102, 101]) == {
        101: here,
        102: Membership(stage.clock(), in_guild=True),
        103: Membership(stage.clock(), in_guild=True, is_bot=True),
        104: Membership(stage.clock(), in_guild=False),
    }


def test_few_members_are_asked_for_one_by_one(stage: Stage, memberships: MembershipReader) -> None:
    stage.discord.members_intent = True
    few = list(EVERYBODY)[1:]
    assert memberships.sees_all(few)
    memberships.look(few)
    assert (stage.discord.count(LOOKS_AT_MEMBER), stage.discord.count(LISTS_MEMBERS)) == (LIST_FROM - 1, 0)


def test_many_members_are_asked_for_at_once(stage: Stage, memberships: MembershipReader, here: Membership) -> None:
    stage.discord.members_intent = True
    for user_id in EVERYBODY[1:]:
        stage.discord.add_member(GUILD, user_id, roles=(ROLE,))
    assert memberships.sees_all(EVERYBODY)
    found = memberships.look(EVERYBODY)
    assert found[101] == Membership(stage.clock(), in_guild=False)
    assert [found[user_id] for user_id in EVERYBODY[1:]] == [here] * (LIST_FROM - 1)
    assert (stage.discord.count(LOOKS_AT_MEMBER), stage.discord.count(LISTS_MEMBERS)) == (0, 1)


def test_without_the_privileged_intent_each_is_asked_for_alone(
    stage: Stage, memberships: MembershipReader, here: Membership
) -> None:
    for user_id in EVERYBODY:
        stage.discord.add_member(GUILD, user_id, roles=(ROLE,))
    assert not memberships.sees_all(EVERYBODY)
    assert memberships.look(EVERYBODY) == dict.fromkeys(EVERYBODY, here)


def test_a_list_that_failed_is_nobodys_leaving(stage: Stage, memberships: MembershipReader) -> None:
    stage.discord.members_intent = True
    stage.fail(faults.status(500), LISTS_MEMBERS)
    assert memberships.sees_all(EVERYBODY)
    assert memberships.look(EVERYBODY) == dict.fromkeys(EVERYBODY, "HTTP 500")
    assert stage.discord.count(LOOKS_AT_MEMBER) == 0


def test_a_list_with_members_that_cannot_be_read_is_nobodys_leaving(
    stage: Stage, memberships: MembershipReader
) -> None:
    stage.discord.members_intent = True
    stage.fail(faults.garbage(b'[{"user": {}}]'), LISTS_MEMBERS, after=True)
    assert memberships.sees_all(EVERYBODY)
    found = memberships.look(EVERYBODY)
    assert all(isinstance(reason, str) for reason in found.values())


@pytest.mark.parametrize(("code", "is_gone"), [(10007, True), (10013, True), (10004, False), (0, False)])
def test_only_discords_word_that_there_is_no_such_member_means_that(
    stage: Stage, memberships: MembershipReader, code: int, is_gone: bool
) -> None:
    stage.fail(faults.status(404, code), LOOKS_AT_MEMBER)
    found = memberships.look([101])[101]
    assert (found == Membership(stage.clock(), in_guild=False)) is is_gone
    assert isinstance(found, str) is not is_gone


def test_one_who_cannot_be_asked_for_does_not_hide_the_others(
    stage: Stage, memberships: MembershipReader, here: Membership
) -> None:
    for user_id in (101, 102):
        stage.discord.add_member(GUILD, user_id, roles=(ROLE,))
    stage.fail(NOT_PERMITTED, Match("GET", LOOKS_AT_MEMBER.template, user_id=101))
    assert memberships.look([101, 102]) == {101: "HTTP 403 Missing Permissions (50013)", 102: here}


def test_without_a_named_role_nobody_has_it(stage: Stage, memberships: MembershipReader) -> None:
    stage.discord.add_member(GUILD, 101, roles=(ROLE,))
    roleless = MembershipReader(memberships.members, memberships.clock, GUILD, None, memberships.side_by_side)
    assert roleless.look([101]) == {101: Membership(stage.clock(), in_guild=True)}
