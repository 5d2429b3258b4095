from __future__ import annotations

from typing import Any

import pytest

from giftping.store.documents import COLLECTIONS, MIRROR
from giftping.store.mongo.look import NEEDED, lacking_rights

DATABASE = "gifts"


def info(*privileges: tuple[dict[str, Any], list[str]], users: int = 1) -> dict[str, Any]:
    return {
        "authenticatedUsers": [{"user": "app", "db": "admin"}] * users,
        "authenticatedUserPrivileges": [{"resource": resource, "actions": actions} for resource, actions in privileges],
    }


@pytest.mark.parametrize(
    "resource",
    [{"db": DATABASE, "collection": ""}, {"db": "", "collection": ""}, {"anyResource": True}],
)
def test_a_user_who_may_write_wherever_the_ledger_is_lacks_nothing(resource: dict[str, Any]) -> None:
    assert lacking_rights(info((resource, list(NEEDED))), DATABASE) == ()


def test_a_user_who_may_only_read_lacks_the_rights_to_write() -> None:
    granted = info(({"db": DATABASE, "collection": ""}, ["find", "listCollections"]))
    assert lacking_rights(granted, DATABASE) == ("insert", "update", "remove", "createIndex")


def test_rights_in_another_database_or_the_cluster_are_none_here() -> None:
    granted = info(({"db": "other", "collection": ""}, list(NEEDED)), ({"cluster": True}, ["listDatabases"]))
    assert lacking_rights(granted, DATABASE) == NEEDED


@pytest.mark.parametrize("collection", [name for name in COLLECTIONS if name != MIRROR])
def test_what_is_lacked_in_one_collection_is_said_with_it(collection: str) -> None:
    others = [name for name in (*COLLECTIONS, "of_another_program") if name != collection]
    granted = [({"db": DATABASE, "collection": name}, list(NEEDED)) for name in others]
    reads = ({"db": DATABASE, "collection": collection}, ["find"])
    assert lacking_rights(info(*granted, reads), DATABASE) == tuple(
        f"{action} in {collection}" for action in ("insert", "update", "remove")
    )
    writes = ({"db": DATABASE, "collection": collection}, ["insert", "update", "remove"])
    assert lacking_rights(info(*granted, reads, writes), DATABASE) == ()


def test_any_action_is_every_right() -> None:
    assert lacking_rights(info(({"anyResource": True}, ["anyAction"])), DATABASE) == ()


def test_a_server_that_asks_for_no_user_grants_everything() -> None:
    assert lacking_rights(info(users=0), DATABASE) == ()
