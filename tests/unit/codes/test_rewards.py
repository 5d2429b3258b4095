import pytest
from hypothesis import given
from hypothesis import strategies as st

from giftping.codes.rewards import clean_text, visible

NAMES = st.sampled_from(["Gems", "Credit", "T-Credits", "Mythic Shard", "原石", "Алмазы", "Speedup 5m"])
AMOUNTS = st.integers(2, 9_999_999)
WRITINGS = st.sampled_from(["{name} x{number}", "{name} ×{number:,}", "x{number} {name}", "{number:,} {name}",
                            "**{name}** x{number}", "{name} (x{number:,})", "{name}*{number}"])  # fmt: skip
PLACEHOLDERS = [
    "Not Specified Yet", "Free items", "free items.", "Unknown reward (3f9a)", "Unknown", "N/A", "-", "…"[:0],
    "Rewards vary by code and account", "Rewards not specified", "TBA", "Unknown reward (508229…) x5",
    "Unknown item ×3",    "To be announced", "No reward information available", "Please check your in-game mail", "???",
    "報酬情報を確認してください", "報酬不明", "未定", "未知奖励", "奖励待确认", "暂无",
    "보상 정보를 확인해 주세요", "알 수 없음",
    "unbekannte Belohnung", "récompense inconnue", "recompensa desconocida", "Награда неизвестна", "ödül bilinmiyor",
]  # fmt: skip


def test_invisible_characters_are_taken_out_of_a_text():
    assert visible("\u200bKING\u200dSHOT\u202e\ufeff888\x00\x1b") == "KINGSHOT888"
    assert visible("  two\u00a0 \n words\t") == "two words"


@pytest.mark.parametrize("text", PLACEHOLDERS)
def test_rewards_that_only_hold_a_place_become_empty(text):
    assert clean_text(text, 100) == ""


@pytest.mark.parametrize("text", PLACEHOLDERS)
def test_what_holds_a_place_is_left_out_beside_real_rewards(text):
    assert clean_text(f"Gems x5\n{text}\nMeat x2") == "Gems x5, Meat x2"


@pytest.mark.parametrize(
    "text", ["Free items for everyone: 10 Gems", "確認の宝石 x5", "Surprise Box x1", "5000", "Unknown Relic x1"]
)
def test_rewards_that_are_named_stay_whatever_words_are_beside_them(text):
    assert clean_text(text) == text


def test_rewards_are_shown_in_bounded_length_with_amounts_as_such():
    assert clean_text("Primogem*60;Mora*20,000", 100) == "Primogem ×60, Mora ×20,000"
    assert clean_text("a" * 50, 10) == "a" * 9 + "…"
    assert clean_text("Gems x1, " * 400) == "Gems x1"
    assert clean_text("Chest (Gold, Silver) x2, 1K Gems") == "Chest (Gold, Silver) x2, 1K Gems"


def test_a_reward_is_shown_once_however_its_amount_is_written():
    assert clean_text("Credit x50,000\nCredit x50000\n50k Credit") == "Credit x50,000"
    assert clean_text("Gems x5, Gems x50, Gem x5") == "Gems x5, Gems x50, Gem x5"
    assert clean_text("Gold x1234567, Gold x1234568") == "Gold x1234567, Gold x1234568"


@given(NAMES, AMOUNTS, st.lists(WRITINGS, min_size=1, max_size=5))
def test_the_same_reward_in_any_writing_is_one(name, number, writings):
    written = [writing.format(name=name, number=number) for writing in writings]
    assert clean_text("\n".join(written)) == clean_text(written[0])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("**71600 T-Credits**", "71600 T-Credits"), ("Get **71600 T-Credits**", "Get 71600 T-Credits"),
        ("*Gems* x100, __Meat__ x5", "Gems x100, Meat x5"), ("- Gems x1\n• Meat x2", "Gems x1, Meat x2"),
        ("[Gems](https://wiki.example/Gems) x5", "Gems x5"), ("Gems * 100", "Gems ×100"), ("`Gems`", "Gems"),
    ],
)  # fmt: skip
def test_marks_of_markdown_are_not_shown(text, shown):
    assert clean_text(text) == shown


@given(st.text(), st.integers(1, 50))
def test_a_cleaned_text_is_never_longer_than_its_limit(text, limit):
    assert len(clean_text(text, limit)) <= limit


@given(st.text(alphabet="Gems x5*_`,;()\n ", max_size=60))
def test_no_asterisk_is_ever_left(text):
    assert "*" not in clean_text(text)
