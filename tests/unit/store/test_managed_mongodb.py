"""Servers of others that speak MongoDB's language: what they lack is named, and their limits are waited for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from pymongo import DeleteOne, InsertOne
from pymongo.errors import BulkWriteError, OperationFailure

from giftping.store.base import StoreAwayError, StoreError
from giftping.store.mongo.errors import explained
from giftping.store.mongo.throttling import BUDGET, THROTTLED, Patience, put_batch, remove_batch

NAME, ORIGIN = "MongoDB x at h", "environment variable MONGODB_URI"
RETRYABLE = "add retryWrites=false to the options in environment variable MONGODB_URI"
COSMOS = "Error=16500, RetryAfterMs=34, Details='Response status code does not indicate success: TooManyRequests (429)'"


def failure(code: int, text: str) -> OperationFailure:
    return OperationFailure(text, code, {"code": code, "errmsg": text})


def batch_failure(*refused: tuple[int, int, str], removed: int = 0) -> BulkWriteError:
    errors = [{"index": index, "code": code, "errmsg": text} for index, code, text in refused]
    return BulkWriteError({"writeErrors": errors, "writeConcernErrors": [], "nRemoved": removed})


WITHOUT_RETRYABLE_WRITES = [
    failure(301, "Retryable writes are not supported"),
    failure(2, 'Retryable writes are not supported. Please disable retryable writes by specifying "retrywrites=false"'),
    failure(20, "Transaction numbers are only allowed on a replica set member or mongos"),
    failure(238, "retryableWrites is not yet supported"),
    failure(40415, "BSON field 'insert.txnNumber' is an unknown field."),
    failure(40415, "unknown field 'txnNumber'"),
    failure(72, "Retryable writes are unsupported by this server"),
    batch_failure((0, 301, "")),
    batch_failure((0, 2, "Retryable writes are not supported")),
]


@pytest.mark.parametrize("error", WITHOUT_RETRYABLE_WRITES)
def test_a_server_without_retryable_writes_is_told_with_the_option_that_it_needs(error: Exception) -> None:
    told = explained(error, NAME, ORIGIN, [])
    assert str(told) == f"{NAME}: it knows no retryable writes; {RETRYABLE}"
    assert not isinstance(told, StoreAwayError)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (2, "$in needs an array"),
        (20, "$in needs an array"),
        (225, "Retryable write with txnNumber 3 is prohibited because a newer retryable write has already started"),
    ],
)
def test_another_refusal_is_not_taken_for_that(code: int, text: str) -> None:
    assert RETRYABLE not in str(explained(failure(code, text), NAME, ORIGIN, []))


ATLAS = {
    "bad auth : authentication failed": "user name or password is wrong",
    "user is not allowed to do action [insert] on [x.y]": "grant it the role readWrite",
    "you are over your space quota, using 513 MB of 512 MB": "its space is used up",
}


@pytest.mark.parametrize("text", ATLAS)
def test_what_atlas_refuses_is_told_apart(text: str) -> None:
    assert ATLAS[text] in str(explained(failure(8000, text), NAME, ORIGIN, []))


@pytest.mark.parametrize("code", [59, 115, 238, 303])
def test_a_feature_that_is_not_there_is_no_fault_of_the_settings(code: int) -> None:
    told = explained(failure(code, "Feature not supported: x"), NAME, ORIGIN, [])
    assert type(told) is StoreError
    assert "it lacks what giftping asks of MongoDB" in str(told)


# Throttling


def test_a_server_that_says_it_is_overloaded_is_asked_again_and_counts_as_away_by_whatever_code() -> None:
    details = {"code": 462, "errmsg": "no room", "errorLabels": ["SystemOverloadedError", "RetryableError"]}
    waits, answers = list[float](), [OperationFailure("no room", 462, details), 5]

    def ask() -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert Patience(waits.append).ask(ask) == 5
    assert len(waits) == 1
    told = explained(OperationFailure("no room", 462, details), NAME, ORIGIN, [])
    assert isinstance(told, StoreAwayError)
    assert "it takes no more requests for now" in str(told)


class Throttling:
    """A collection of a server that has room for so many writes at a time; it notes what it was asked."""

    def __init__(self, room: int, taken: Sequence[str] = ()) -> None:
        self.room = room
        self.ids = set(taken)
        self.asked: list[list[str]] = []

    def bulk_write(self, writes: Sequence[Any], *, ordered: bool) -> Any:
        assert not ordered
        ids = [(one._doc if isinstance(one, InsertOne) else one._filter)["_id"] for one in writes]
        self.asked.append(ids)
        refused, done = [], 0
        for index, (write, id_) in enumerate(zip(writes, ids, strict=True)):
            if index >= self.room:
                refused.append((index, THROTTLED, COSMOS))
            elif isinstance(write, InsertOne) and id_ in self.ids:
                refused.append((index, 11000, "E11000 duplicate key"))
            elif isinstance(write, InsertOne):
                self.ids.add(id_)
            else:
                done += id_ in self.ids
                self.ids.discard(id_)
        if refused:
            raise batch_failure(*refused, removed=done)
        return type("Result", (), {"deleted_count": done})


def test_of_a_batch_only_what_had_no_room_is_asked_again_and_each_is_told_rightly() -> None:
    waits: list[float] = []
    there: Any = Throttling(2, taken=["b"])
    put = put_batch(there, {id_: InsertOne({"_id": id_}) for id_ in "abcde"}, Patience(waits.append))
    assert put == {"a", "c", "d", "e"}
    assert there.asked == [["a", "b", "c", "d", "e"], ["c", "d", "e"], ["e"]]
    assert waits == [0.1, 0.2]


def test_of_removals_each_is_counted_once() -> None:
    there: Any = Throttling(2, taken=["a", "c", "e"])
    assert remove_batch(there, [DeleteOne({"_id": id_}) for id_ in "abcde"], Patience(lambda _: None)) == 3
    assert there.ids == set()


def test_a_request_is_made_again_when_the_server_says_and_in_all_no_longer_than_the_budget() -> None:
    waits: list[float] = []
    text = COSMOS.replace("34", "1500")

    def refused() -> None:
        raise failure(THROTTLED, text)

    patience = Patience(waits.append)
    with pytest.raises(OperationFailure) as caught:
        patience.ask(refused)
    assert waits[:2] == [1.5, 1.5]
    assert sum(waits) <= BUDGET
    # The waits of a run are limited, not those of each request.
    before = len(waits)
    with pytest.raises(OperationFailure):
        patience.ask(refused)
    assert sum(waits) <= BUDGET
    assert len(waits) - before < 3
    told = explained(caught.value, NAME, ORIGIN, [])
    assert isinstance(told, StoreAwayError)
    assert "raise its throughput" in str(told)


def test_an_answer_after_some_waits_is_the_answer() -> None:
    tries = iter([failure(THROTTLED, COSMOS), failure(THROTTLED, COSMOS), None])

    def answer() -> str:
        if (error := next(tries)) is not None:
            raise error
        return "there"

    assert Patience(lambda _: None).ask(answer) == "there"


@pytest.mark.parametrize(
    "ask", [lambda: failure(13, "no"), lambda: batch_failure((0, 11000, ""), (1, THROTTLED, COSMOS))]
)
def test_nothing_else_is_asked_again(ask: Callable[[], Exception]) -> None:
    def refused() -> None:
        raise ask()

    waits: list[float] = []
    with pytest.raises(OperationFailure):
        Patience(waits.append).ask(refused)
    assert waits == []
