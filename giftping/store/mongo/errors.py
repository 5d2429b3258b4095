"""PyMongo's errors in words: away or not, why, and the next step. No text of PyMongo's or of a server's is quoted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bson.errors import BSONError
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    OperationFailure,
    PyMongoError,
)
from pymongo.server_description import ServerDescription

from giftping.store.base import StoreAwayError, StoreError
from giftping.store.documents import COLLECTIONS
from giftping.store.mongo.throttling import BUDGET, DUPLICATE_KEY, OVERLOADED, THROTTLED

_WRONG_USER = {11, 18}
"""UserNotFound, AuthenticationFailed."""

# AtlasError: its own code, which stands for whatever Atlas refuses; its text says what that is.
_ATLAS = 8000

# CommandNotFound, CommandNotSupported, NotImplemented, and Amazon DocumentDB's codes for features that it lacks.
_UNKNOWN_THERE = {59, 115, 238, 303, 304}

_NOT_PERMITTED = {13, 31, 33}
"""Unauthorized, RoleNotFound, CannotAuthenticate."""

_NO_RETRYABLE_WRITES = re.compile(
    "(?i)retryable ?writes.{0,40}(?:not|un)[a-z ]{0,10}(?:supported|implemented|available)|transaction numbers are only"
    "|(?:unknown|unrecognized|unsupported) (?:field|option|argument).{0,20}txnNumber|txnNumber'? is an unknown"
)

_IN_COLLECTION = re.compile(r"to execute command \{ \w+: \"(\w+)\"|on \[[^].]+\.(\w+)\]")
"""Where the text of a refusal names the collection: MongoDB's own, and Atlas's."""

_AWAY = {6, 7, 50, 64, 89, 91, 134, 189, 202, 262, 9001, 10107, 11600, 11602, 13435, 13436}
"""Codes for: not reachable, timed out, no primary (any more), shutting down, no majority in time.

https://github.com/mongodb/mongo/blob/r6.0.5/src/mongo/base/error_codes.yml
"""

_CHECK_REACHABLE = "check that it runs and that this host may connect to it"

_WHY_AWAY = (
    ("Connection refused", "the connection was refused"),
    ("ame or service not known", "the host name cannot be resolved"),
    ("in name resolution", "the host name cannot be resolved"),
    ("No address associated", "the host name cannot be resolved"),
    ("No route to host", "there is no route to the host"),
    ("Network is unreachable", "the network cannot be reached"),
    ("EOF", "it closed the connection during the TLS handshake, as one does that knows no TLS"),
    ("connection closed", "it closed the connection, as one does that expects TLS"),
)
"""What is part of the text that PyMongo keeps of a server's last error, and what to say."""

_WHY_TLS = (
    ("Hostname mismatch", "the server's certificate is for another host name"),
    ("IP address mismatch", "the server's certificate is for another address"),
    ("certificate has expired", "the server's certificate has expired"),
    ("CERTIFICATE_VERIFY_FAILED", "the server's certificate is not trusted here"),
    # Atlas refuses addresses that are not in its access list in this way.
    ("TLSV1_ALERT_INTERNAL_ERROR", "the server broke off the TLS handshake; on Atlas, this host's address is unknown"),
    ("ertificate", "certificates were not accepted"),
)


def explained(error: Exception, name: str, origin: str, servers: Sequence[ServerDescription]) -> StoreError:
    """The store's error for one of PyMongo's; `name` is the store's, `origin` where its URI comes from."""
    if isinstance(error, BSONError | OverflowError | UnicodeError):
        return StoreError(f"{name}: a value cannot be stored ({type(error).__name__}); please report this")
    if isinstance(error, ConnectionFailure):
        return _not_connected(name, origin, [str(server.error) for server in servers if server.error], servers)
    codes = _codes(error)
    if _is_lookup_failure(error):
        return StoreAwayError(f"{name}: the host name cannot be resolved; {_CHECK_REACHABLE}")
    if _is_about_retryable_writes(error, codes):
        return StoreError(f"{name}: it knows no retryable writes; add retryWrites=false to the options in {origin}")
    if THROTTLED in codes or (isinstance(error, PyMongoError) and error.has_error_label(OVERLOADED)):
        return StoreAwayError(
            f"{name}: it takes no more requests for now, also after {BUDGET:.0f} s of waiting; raise its throughput, or"
            " let the timers come less often"
        )
    if _ATLAS in codes and (refused := _refused_by_atlas(error)):
        return StoreError(f"{name}: {refused}")
    if codes & _UNKNOWN_THERE:
        return StoreError(
            f"{name}: it lacks what giftping asks of MongoDB ({_reason(error, codes)}); use a server of MongoDB's own"
        )
    if codes & (_WRONG_USER | {_ATLAS}):
        return StoreError(f"{name}: user name or password is wrong; correct {origin}, and check its authSource")
    if codes & _NOT_PERMITTED:
        return StoreError(f"{name}: {_not_permitted(error)}")
    if _is_away(error, codes):
        return StoreAwayError(f"{name}: it did not confirm in time; {_CHECK_REACHABLE}")
    if DUPLICATE_KEY in codes:
        return StoreError(f"{name}: a unique index other than that of _id refuses a document; remove that index")
    if isinstance(error, ConfigurationError):
        return StoreError(f"{name}: the options in {origin} do not fit this server; check them")
    return StoreError(f"{name}: refused with {_reason(error, codes)}; see the server's log")


def _is_about_retryable_writes(error: Exception, codes: set[int]) -> bool:
    """Whether that is what is refused: by a code of Amazon DocumentDB's, or by whatever code another server has."""
    texts = [str(error), *(str(part) for part in _parts(error))]
    return 301 in codes or any(map(_NO_RETRYABLE_WRITES.search, texts))


def _not_permitted(error: Exception) -> str:
    """What a user may not do, with the next step; the collection by name where the server says it."""
    texts = [str(error), *(str(part) for part in _parts(error))]
    named = [found[1] or found[2] for text in texts for found in _IN_COLLECTION.finditer(text)]
    collection = next((one for one in named if one in COLLECTIONS), "")
    where = f" in the collection {collection}" if collection else ""
    return f"its user may not do this{where}; grant it the role readWrite on the database"


def _refused_by_atlas(error: Exception) -> str:
    """What Atlas refuses other than a name or a password, with the next step; empty for those."""
    text = str(error)
    if "space quota" in text:
        return "its space is used up; make room, or choose a larger cluster in Atlas"
    if "not allowed" in text or "not authorized" in text:
        return _not_permitted(error)
    return ""


def _not_connected(name: str, origin: str, texts: Sequence[str], servers: Sequence[ServerDescription]) -> StoreError:
    if tls := _first_match(_WHY_TLS, [text for text in texts if "SSL" in text and "EOF" not in text]):
        return StoreError(f"{name}: no TLS connection: {tls}; check the certificates and the tls options in {origin}")
    if any(server.server_type_name.startswith("RS") for server in servers):
        return StoreAwayError(f"{name}: none of its members is primary now; it elects one when most of them run")
    if not servers:
        return StoreError(f"{name}: not a member of the replica set that {origin} names; correct replicaSet= in it")
    why = _first_match(_WHY_AWAY, texts) or "it does not answer"
    return StoreAwayError(f"{name}: {why}; {_CHECK_REACHABLE}")


def _first_match(table: Sequence[tuple[str, str]], texts: Sequence[str]) -> str:
    return next((words for part, words in table for text in texts if part in text), "")


def _is_lookup_failure(error: Exception) -> bool:
    """Whether the hosts behind a mongodb+srv name could not be looked up."""
    return isinstance(error, ConfigurationError) and type(error.__cause__).__module__.startswith("dns.")


def _is_away(error: Exception, codes: set[int]) -> bool:
    if not isinstance(error, PyMongoError):
        return False
    unconfirmed = isinstance(error, BulkWriteError) and bool(error.details.get("writeConcernErrors"))
    return error.timeout or unconfirmed or bool(codes & _AWAY) or error.has_error_label("RetryableWriteError")


def _codes(error: Exception) -> set[int]:
    """The server's error codes in an error, those of the parts of a batch too."""
    if not isinstance(error, OperationFailure):
        return set()
    found = {part.get("code") for part in _parts(error)} | {error.code}
    if isinstance(error, BulkWriteError):
        found.discard(65)  # PyMongo's own number for "a batch failed", which says nothing.
    return {code for code in found if isinstance(code, int)}


def _parts(error: Exception) -> list[Mapping[str, Any]]:
    """What is said of the parts of a batch."""
    details = (error.details if isinstance(error, OperationFailure) else None) or {}
    return [*details.get("writeErrors", ()), *details.get("writeConcernErrors", ())]


def _reason(error: Exception, codes: set[int]) -> str:
    details = error.details if isinstance(error, OperationFailure) else None
    named = (details or {}).get("codeName")
    return str(named or ", ".join(f"error {code}" for code in sorted(codes)) or type(error).__name__)
