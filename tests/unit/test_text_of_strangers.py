"""What strangers write, made safe for each place where it is shown."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest
from fakes.strangers import HIDDEN, live, texts
from hypothesis import given
from hypothesis import strategies as st

from giftping.demo.notifying import Notified, notified_by
from giftping.demo.rules import AllowedMentions
from giftping.discord.limits import shown_whole, text_length, truncate
from giftping.text import escape_markdown, file_name, for_terminal, in_code_marks, json_for_terminal, look_alike


@given(text=texts())
def test_nothing_that_a_stranger_writes_is_more_than_text(text: str) -> None:
    for shown in (escape_markdown(text), look_alike(text), shown_whole(text, 60), truncate(escape_markdown(text), 20)):
        # Beside other text, at the beginning of a line, and in the middle of one.
        for message in ({"content": f"{shown} and"}, {"content": f"so\n{shown}"}, {"content": f"x: {shown}"}):
            assert live(message) == []
        assert notified_by(shown, AllowedMentions()) == Notified()
        assert not HIDDEN.search(shown)


@given(text=texts())
def test_what_looks_alike_is_no_longer_than_what_was_written(text: str) -> None:
    assert len(look_alike(text)) <= len(text)


@given(text=st.text(max_size=200) | texts(40), limit=st.integers(5, 300))
def test_what_is_shown_whole_fits_and_loses_nothing_that_would_fit_as_it_is(text: str, limit: int) -> None:
    shown = shown_whole(text, limit)
    assert text_length(shown) <= limit
    if text_length(text) <= limit:
        assert "…" not in shown.replace("…", "", text.count("…"))


@given(code=st.from_regex(r"[A-Za-z0-9_.!?&' -]{3,40}", fullmatch=True).map(str.strip))
def test_a_code_can_be_copied_as_it_is_out_of_code_marks(code: str) -> None:
    assert in_code_marks(code) == code


@given(text=texts())
def test_nothing_ends_code_marks(text: str) -> None:
    shown = in_code_marks(text)
    assert "`" not in shown
    assert "\n" not in shown


@given(name=texts(), plain=st.booleans())
def test_a_file_name_is_a_name_wherever_it_goes(name: str, plain: bool) -> None:
    for given_name in (name, f"{name}.PDF", f"../{name}", f".{name}.png"):
        shown = file_name(given_name, plain=plain)
        marks = "" if plain else "".join(one for one in shown if unicodedata.category(one).startswith("M"))
        assert re.fullmatch(rf"[\w-][\w.{marks}-]*", shown, re.ASCII if plain else 0)
        assert len(shown.encode()) <= 255
    assert file_name(f"{name}.pdf").endswith(".pdf")


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("планы.pdf", "планы.pdf"),
        ("my plan (2).txt", "my_plan__2_.txt"),
        ("読書.md", "読書.md"),
        ("a\u202egpj.exe", "agpj.exe"),
        ("योजना.pdf", "योजना.pdf"),
        ("แผนที่.pdf", "แผนที่.pdf"),
        ("Pla\u0308ne.txt", "Pla\u0308ne.txt"),
        (".\u0308.txt", "_.txt"),
    ],
)
def test_a_file_name_keeps_the_letters_of_its_script(name: str, kept: str) -> None:
    assert file_name(name) == kept


@given(text=texts() | st.text())
def test_a_terminal_is_given_nothing_to_obey_and_json_says_the_same(text: str) -> None:
    assert not HIDDEN.search(for_terminal(text))
    assert for_terminal("a\n\tb") == "a\n\tb"
    written = json_for_terminal(json.dumps({"text": text}, ensure_ascii=False))
    assert not HIDDEN.search(written)
    assert json.loads(written) == {"text": text}
