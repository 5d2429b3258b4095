from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from fakes.records import NOON
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.panel import Panel
from rich.text import Text

from giftping.discord.message import Embed, EmbedField, ForumPost, LinkButton, Message
from giftping.output.render import bars, drawn, facts, preview, progress, table
from giftping.settings.secrets import Redactor
from giftping.text import escape_markdown


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


def seen(message: Message) -> str:
    return drawn(preview(message, ZoneInfo("Asia/Kolkata"), now=NOON))


def card(value: str) -> Message:
    return Message(embeds=(Embed("🎁 A title", fields=(EmbedField("Code:", value),), footer="The foot"),))


def test_a_preview_shows_a_message_as_discord_will() -> None:
    instant = int((NOON + timedelta(days=2)).timestamp())
    shown = seen(
        card(f"```\nGift100\n```\n**Rewards:** a \\* b\n<t:{instant}:f> (<t:{instant}:R>)\n[Redeem](https://a.b)")
    )
    for part in (
        "🎁 A title",
        " Gift100\n",
        "Rewards: a * b",
        "2026-05-06 17:30 IST (in 2 days)",
        "Redeem",
        "The foot",
    ):
        assert part in shown
    for markup in ("```", "**", "<t:", "](", "https://a.b"):
        assert markup not in shown


def test_a_preview_shows_who_is_mentioned() -> None:
    assert "@role 42" in seen(Message(embeds=card("x").embeds, content="<@&42>", mention_roles=(42,)))


def test_a_preview_shows_members_by_name_where_it_is_known() -> None:
    message = Message(embeds=card("<@7>, hand in").embeds, content="<@7> <@8>", mention_users=(7, 8))
    shown = drawn(preview(message, None, now=NOON, names={7: "Asha"}))
    assert "@Asha @user 8" in shown
    assert "@Asha, hand in" in shown
    assert "<@" not in shown


def test_a_preview_shows_fields_side_by_side_as_far_as_they_stand_together() -> None:
    fields = [EmbedField(f"Name {number}", f"value {number}", inline=number != 4) for number in range(6)]
    shown = seen(Message(embeds=(Embed("A title", fields=tuple(fields)),)))
    names = [line.split("Name")[1:] for line in shown.splitlines() if "Name" in line]
    assert [len(row) for row in names] == [3, 1, 1, 1]


def test_a_preview_shows_author_picture_and_time() -> None:
    embed = Embed("A title", author="Asha", image="attachment://plan.png", footer="The foot", timestamp=NOON)
    shown = seen(Message(embeds=(embed,)))
    assert "[image: plan.png]" in shown
    assert "The foot · 2026-05-04 17:30 IST" in shown
    assert shown.index("Asha") < shown.index("A title")


BUTTONS = tuple(LinkButton(f"Redeem GIFT{number}", "https://a.b") for number in range(7))


@pytest.mark.parametrize(("columns", "rows"), [("80", [4, 1, 2]), ("40", [2, 2, 1, 2])])
def test_a_preview_shows_buttons_below_each_other_where_they_have_no_room(
    monkeypatch: pytest.MonkeyPatch, columns: str, rows: list[int]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    shown = seen(Message(embeds=card("x").embeds, content="`GIFT0`", buttons=BUTTONS)).splitlines()
    assert "  GIFT0" in shown
    assert [line.count("↗]") for line in shown if "↗" in line] == rows
    assert all(f"[{one.label} ↗]" in "\n".join(shown) for one in BUTTONS)
    assert max(map(cell_len, shown)) <= int(columns)


def test_a_preview_shows_a_games_pictures() -> None:
    shown = seen(Message(embeds=(Embed("A title", thumbnail="https://a.b/c.png", image="https://a.b/d.png"),)))
    assert "[thumbnail: https://a.b/c.png]" in shown
    assert "[image: https://a.b/d.png]" in shown


def test_a_preview_shows_the_post_that_a_message_opens_and_who_posts_it() -> None:
    post = ForumPost("Kingshot: GIFT2026", ("71", "72"))
    message = Message(
        content="`GIFT2026`", post=post, username="Town crier", avatar_url="https://pictures.example/a.png"
    )
    lines = [line.strip() for line in seen(message).splitlines()]
    assert [line for line in lines if line] == [
        "Kingshot: GIFT2026 [tag 71] [tag 72]",
        "Town crier",
        "[picture: https://pictures.example/a.png]",
        "GIFT2026",
    ]


def test_a_command_in_a_text_is_shown_without_its_quotes() -> None:
    assert "Hand in with /todo." in seen(card("Hand in with `/todo`."))


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cs")), min_size=1, max_size=30))
def test_whatever_a_source_wrote_can_be_previewed(text: str) -> None:
    assert "Rewards:" in seen(card(f"**Rewards:** {escape_markdown(text)}"))


def test_a_time_that_no_calendar_holds_does_not_break_a_preview() -> None:
    assert "<t:" in seen(card("<t:99999999999999:f>"))


def test_markup_of_the_terminal_library_in_a_table_is_text() -> None:
    shown = drawn(table("a [red]title[/red]", ["A"], [["[bold]x[/bold] :gift: [/]"]]), facts([("[b]", "[/i]")]))
    for text in ("a [red]title[/red]", "[bold]x[/bold] :gift: [/]", "[b]  [/i]"):
        assert text in shown


def test_a_table_keeps_its_first_column_whole_and_fits_the_terminal() -> None:
    shown = drawn(table("2 codes", ["Code", "Why"], [["WINTERFESTIVAL2026WITHALONGNAME", "word " * 40]]))
    assert "WINTERFESTIVAL2026WITHALONGNAME" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_what_is_drawn_ends_its_lines_where_the_text_ends() -> None:
    shown = drawn(table("1 code", ["Code", "State"], [["A", "valid"]]), facts([("Guild", "1")]))
    assert [line for line in shown.splitlines() if line != line.rstrip()] == []


def test_facts_stand_side_by_side() -> None:
    assert drawn(facts([("Guild", "1"), ("Codes sent", "23")])).splitlines() == ["Guild       1", "Codes sent  23"]


def test_bars_are_as_long_as_their_counts_and_never_vanish() -> None:
    lines = drawn(bars([("a", 300), ("b", 150), ("c", 1), ("d", 0)])).splitlines()
    assert [line.count("█") for line in lines] == [30, 15, 1, 0]
    assert drawn(bars([])) == ""


def test_progress_is_for_terminals_only(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("Guilds") as told:
        told(1, 3)
    assert capsys.readouterr().err.strip() == ""


def test_a_secret_that_a_table_would_break_into_lines_is_taken_out_before() -> None:
    url = f"https://discord.com/api/webhooks/123456789012345678/{'s3cret' * 11}"
    cells = [["word " * 9, f"see {url} for more"], ["b", Text(url, style="bold")]]
    renderables = (table("t", ["A", "B"], cells), facts([("at", url)]), Panel(url, title=url, width=40), url)
    shown = drawn(*renderables, redact=Redactor())
    assert "s3cret" not in "".join(shown.split())
    assert shown.count("***") == 6
    assert "s3cret" in "".join(drawn(*renderables).split())


# Few columns

CELLS = st.lists(
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=40), min_size=3, max_size=3
)


@given(st.lists(CELLS, min_size=1, max_size=4), st.integers(40, 100))
@settings(max_examples=25)
def test_a_table_fits_whatever_is_in_it(rows: list[list[str]], width: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(width))
        shown = drawn(table("A title", ["Code", ">Count", "State"], rows))
    assert max(map(cell_len, shown.splitlines())) <= width


def test_in_few_columns_a_table_that_does_not_fit_is_written_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [["OFFICIALSTORE20260905", "until 2027-01-05", "manual"], ["GIFT", "valid", "website"]]
    wide = drawn(table("2 codes", ["Code", "State", ""], rows))
    assert wide.splitlines()[3].split() == ["OFFICIALSTORE20260905", "until", "2027-01-05", "manual"]
    monkeypatch.setenv("COLUMNS", "40")
    assert drawn(table("2 codes", ["Code", "State", ""], rows)).splitlines() == [
        "2 codes",
        "OFFICIALSTORE20260905",
        "  State: until 2027-01-05",
        "  manual",
        "GIFT",
        "  State: valid",
        "  website",
    ]


def test_a_secret_in_a_narrow_table_is_taken_out_before_it_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    secret = "s3cr3t-" * 9
    rows = [["A title that is long", f"a text before {secret}", secret]]
    shown = drawn(table("x", ["Code", "State", ""], rows), redact=Redactor([secret]))
    assert "s3cr3t" not in shown
