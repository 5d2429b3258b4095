from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from giftping.discord.snowflake import snowflake_at, snowflake_time


def test_the_example_of_discords_documents_has_the_time_it_says():
    assert snowflake_time(175928847299117063) == datetime(2016, 4, 30, 11, 18, 25, 796000, UTC)


@given(st.integers(1, 2**63))
def test_the_id_of_an_instant_is_the_smallest_of_its_millisecond(snowflake):
    instant = snowflake_time(snowflake)
    assert snowflake_at(instant) <= snowflake < snowflake_at(instant + timedelta(milliseconds=1))


def test_before_discord_there_are_no_ids():
    assert snowflake_at(datetime(2000, 1, 1, tzinfo=UTC)) == 0
