from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from giftping.discord.outcome import Refused, Unclear
from giftping.discord.pacing import Hold, hold_of
from giftping.discord.refusals import (
    REASON_LENGTH,
    ApiError,
    Scope,
    api_error,
    clean,
    error_reason,
    read_refusal,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(st.sampled_from(["_errors", "message", "code", "errors", "0"]), below, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (403, {"code": 50013, "message": "Missing Permissions"}, "HTTP 403 Missing Permissions (50013)"),
        (401, {"code": 0, "message": "401: Unauthorized"}, "HTTP 401 Unauthorized"),
        (500, None, "HTTP 500"),
        (400, ["no", "object"], "HTTP 400"),
        (400, {"code": True, "message": "x"}, "HTTP 400"),
        (400, {"code": 1}, "HTTP 400"),
        (
            400,
            {
                "code": 50035,
                "message": "Invalid Form Body",
                "errors": {"embeds": {"0": {"title": {"_errors": [{"code": "X", "message": "Too long."}]}}}},
            },
            "HTTP 400 Invalid Form Body (50035): embeds.0.title: Too long.",
        ),
        (
            400,
            {"code": 50035, "message": "Invalid Form Body", "errors": {"_errors": [{"message": "Empty."}, 3, {}]}},
            "HTTP 400 Invalid Form Body (50035): Empty.",
        ),
        (400, {"code": 70000, "message": "a\x1b[31m\n\u202eb"}, "HTTP 400 a [31m b (70000)"),
        (404, {"code": 404, "message": "no Route matched"}, "HTTP 404"),
        (404, {"code": -1, "message": "x"}, "HTTP 404"),
    ],
)
def test_an_error_answer_is_told_in_words(status, body, reason):
    assert error_reason(status, api_error(body)) == reason


@given(JSON)
def test_no_answer_breaks_the_reading_of_errors(body):
    reason = error_reason(400, api_error(body))
    assert reason.startswith("HTTP 400")
    assert len(reason) <= REASON_LENGTH
    assert isinstance(hold_of({}, body, 1), Hold)


def test_a_deep_tree_of_errors_is_not_followed_to_its_end():
    tree: object = {"_errors": [{"message": "deep"}]}
    for _ in range(500):
        tree = {"x": tree}
    assert error_reason(400, api_error({"code": 50035, "message": "m", "errors": tree})) == "HTTP 400 m (50035)"


def test_a_secret_that_comes_back_is_hidden():
    assert clean("no webhook 1/s3cret here", ("s3cret", "")) == "no webhook 1/[hidden] here"


NO_TOKEN = ApiError(0, "401: Unauthorized")


@pytest.mark.parametrize(
    ("status", "error", "as_bot", "refused", "scope"),
    [
        (403, ApiError(50013, "x"), True, Refused("HTTP 403 x (50013)", 403, 50013, lasting=True), Scope.REQUEST),
        (404, ApiError(10003, "x"), True, Refused("HTTP 404 x (10003)", 404, 10003, lasting=True), Scope.REQUEST),
        (
            404,
            ApiError(10015, "x"),
            False,
            Refused("HTTP 404 x (10015)", 404, 10015, lasting=True),
            Scope.DESTINATION,
        ),
        (400, ApiError(50035, "x"), True, Refused("HTTP 400 x (50035)", 400, 50035), Scope.REQUEST),
        (401, NO_TOKEN, False, Refused("HTTP 401 Unauthorized", 401, 0, lasting=True), Scope.DESTINATION),
        (
            401,
            NO_TOKEN,
            True,
            Refused("HTTP 401 Unauthorized", 401, 0, lasting=True, everywhere=True),
            Scope.SENDER,
        ),
        (
            403,
            ApiError(40333, "No"),
            True,
            Refused("HTTP 403 No (40333)", 403, 40333, everywhere=True),
            Scope.EVERYTHING,
        ),
        (
            429,
            None,
            False,
            Refused("HTTP 429, Cloudflare blocks this address for a while", 429, everywhere=True),
            Scope.EVERYTHING,
        ),
        (
            407,
            None,
            True,
            Unclear("HTTP 407, and the answer is not Discord's"),
            Scope.SENDER,
        ),
        (400, None, True, Unclear("HTTP 400, and the answer is not Discord's"), Scope.REQUEST),
        (408, ApiError(0, "408: Timeout"), True, Unclear("HTTP 408 Timeout"), Scope.REQUEST),
        (400, ApiError(220001, "x"), False, Refused("HTTP 400 x (220001)", 400, 220001, lasting=True), Scope.REQUEST),
        (403, ApiError(20016, "x"), True, Refused("HTTP 403 x (20016)", 403, 20016), Scope.REQUEST),
    ],
)
def test_a_refusal_holds_for_as_much_as_it_is_about(
    status: int, error: ApiError | None, as_bot: bool, refused: Refused | Unclear, scope: Scope
) -> None:
    assert read_refusal(status, error, as_bot=as_bot) == (refused, scope)


@pytest.mark.parametrize("within", [lambda errors: errors, lambda errors: {"message": errors}], ids=["message", "post"])
def test_which_parts_of_a_message_were_refused_is_known_also_where_it_opens_a_post(within):
    errors = {"components": {"0": {"_errors": [{"code": "X", "message": "no"}]}}, "content": {"_errors": []}}
    error = api_error({"code": 50035, "message": "Invalid Form Body", "errors": within(errors)})
    assert set(error.parts) == {"components", "content"}
    refused, _ = read_refusal(400, error, as_bot=True)
    assert "components" in refused.parts
