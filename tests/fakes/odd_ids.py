"""Ids that documents in MongoDB may have, and that are no texts."""

from __future__ import annotations

from datetime import datetime

from bson import Binary, Code, DatetimeMS, Decimal128, Int64, MaxKey, MinKey, ObjectId, Timestamp

ODD_IDS = {
    "nothing": None,
    "a number": 5,
    "a long number": Int64(5),
    "a fraction": 0.5,
    "a decimal": Decimal128("5"),
    "a truth": True,
    "a sub-document": {"a": "5"},
    "a list within one": {"a": [5, {"b": 1}]},
    "bytes": b"5",
    "a UUID": Binary(bytes(16), 4),
    "an ObjectId": ObjectId(),
    "a date": datetime(2026, 1, 29),  # noqa: DTZ001 -- as PyMongo gives it
    "a date that no calendar has": DatetimeMS(2**60),
    "a timestamp": Timestamp(5, 1),
    "code": Code("5"),
    "the least": MinKey(),
    "the greatest": MaxKey(),
}
"""An `_id` of every type that BSON has but for texts, and for lists and patterns, which MongoDB refuses."""
