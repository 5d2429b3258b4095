"""What people look at: tables, the preview of a message, progress. The only file that imports rich."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any

from rich import box
from rich.columns import Columns
from rich.console import Console, ConsoleOptions, Group, JustifyMethod, RenderableType
from rich.measure import Measurement
from rich.padding import Padding
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from giftping.output.wrapping import as_written, commands_in, with_whole_commands, wrapped
from giftping.text import NOTHING_BETWEEN, until, when

if TYPE_CHECKING:
    from giftping.discord.message import Embed, EmbedField, LinkButton, Message

PREVIEW_WIDTH = 64

_MARKUP = re.compile(
    r"```\n?(?P<block>.+?)\n?```"
    r"|`(?P<code>[^`\n]+)`"
    r"|\*\*(?P<bold>.+?)\*\*"
    r"|<t:(?P<time>\d{1,11})(?::(?P<style>[tTdDfFR]))?>"
    r"|<@&(?P<role>\d+)>"
    r"|<@(?P<user>\d+)>"
    r"|\[(?P<link>[^\]]+)\]\((?P<url>[^)\s]+)\)"
    r"|\\(?P<escaped>[^\w\s])",
    re.DOTALL,
)


_PLAIN: Any = {"highlight": False, "soft_wrap": False, "markup": False, "emoji": False}
"""What sources and members write is shown: brackets and colons in it are no markup of rich."""


def console(*, stderr: bool = False) -> Console:
    """A console on standard output or standard error that honours NO_COLOR and pipes; texts are just texts."""
    return Console(stderr=stderr, **_PLAIN)


class _RedactingConsole(Console):
    """A console that takes secrets out of each text before it is broken into lines, where none could be found again."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        super().__init__(**_PLAIN)
        self.redact = redact

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """What is written for a renderable; those that hold others render them by this, too."""
        if isinstance(renderable, Text) and (clean := self.redact(renderable.plain)) != renderable.plain:
            # Where its styles begin and end is no longer known, but for that of the whole.
            bare = renderable.blank_copy(clean)
            return super().render(bare, options)
        return super().render(self.redact(renderable) if isinstance(renderable, str) else renderable, options)


def drawn(*renderables: RenderableType, redact: Callable[[str], str] = str) -> str:
    """The text that standard output is to show, without secrets and without the blanks that fill lines up."""
    target = _RedactingConsole(redact)
    with target.capture() as capture:
        for renderable in renderables:
            # What is longer than a line is left whole, for the terminal to break: nothing of it is to be missing.
            target.print(renderable, crop=False)
    return "\n".join(line.rstrip() for line in as_written(capture.get()).splitlines())


NARROW = 60
"""In fewer columns a table that does not fit is written row by row: words would be broken into letters."""


@dataclass(frozen=True, slots=True)
class RowByRow:
    """A table; where it is too wide for what little room there is, each row with a line for each column.

    So it is, too, where a command in it would be broken: nobody could copy that.
    """

    beside: Table
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[RenderableType]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """The table, or its rows."""
        yield Text(self.title, style=Style(bold=True), overflow="fold")
        if self._fits_beside(console, options):
            yield self.beside
            return
        for first, *others in self.rows:
            yield first if isinstance(first, Text) else Text(str(first), overflow="fold")
            for column, cell in zip(self.columns[1:], others, strict=False):
                name = f"{column.lstrip('>')}: " if column.lstrip(">") else ""
                if isinstance(cell, str):
                    # Without secrets before it is broken into lines.
                    clean = console.redact(cell) if isinstance(console, _RedactingConsole) else cell
                    yield from _indented(f"{name}{clean}", options.max_width)
                    continue
                assembled = Text.assemble(name, cell, overflow="fold") if isinstance(cell, Text) else cell
                yield Padding(assembled, (0, 0, 0, _INDENT))

    def _fits_beside(self, console: Console, options: ConsoleOptions) -> bool:
        width = options.max_width
        if width < NARROW and Measurement.get(console, options.update(width=1000), self.beside).maximum > width:
            return False
        commands = [one for row in self.rows for cell in row if isinstance(cell, str) for one in commands_in(cell)]
        lines = console.render_lines(self.beside, options) if commands else []
        shown = "\n".join("".join(segment.text for segment in line) for line in lines)
        return all(one in shown for one in commands)


_INDENT = 2


def _indented(text: str, width: int) -> Iterator[Text]:
    """A text in lines that fit, but for what is one word or one command and longer."""
    for line in text.splitlines():
        for part in wrapped(line, width - _INDENT):
            yield Text(" " * _INDENT + part, no_wrap=True, overflow="ignore")


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[RenderableType]]) -> RowByRow:
    """A table in the house's style: the first column is kept whole, those with a `>` are right-aligned."""
    result = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for number, column in enumerate(columns):
        justify: JustifyMethod = "right" if column.startswith(">") else "left"
        result.add_column(column.lstrip(">"), justify=justify, overflow="fold", no_wrap=not number)
    for row in rows:
        result.add_row(*(with_whole_commands(cell) if isinstance(cell, str) else cell for cell in row))
    return RowByRow(result, title, columns, rows)


def facts(pairs: Sequence[tuple[str, RenderableType]]) -> Table:
    """Names and values side by side, without any lines."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in pairs:
        grid.add_row(name, value)
    return grid


def preview(
    message: Message,
    zone: tzinfo | None,
    *,
    now: datetime,
    heading: str = "",
    names: Mapping[int, str] | None = None,
) -> RenderableType:
    """A message as Discord will show it: its content, its embeds as cards with a coloured edge, and its buttons.

    Before that the post that it opens in a forum, and the name and the picture under which a webhook posts it.

    `names` are those of users who are mentioned; others are shown by their ids.
    """
    reading = _Reading(zone, now, names or {})
    parts: list[RenderableType] = []
    if heading:
        parts.append(Text(heading, style="dim"))
    if message.post is not None:
        tags = "".join(f" [tag {tag}]" for tag in message.post.tags)
        parts.append(Text(message.post.name, style="bold").append(tags, style="not bold dim"))
    if message.username:
        parts.append(Text(message.username, style="bold"))
    if message.avatar_url:
        parts.append(Text(f"[picture: {message.avatar_url}]", style="italic", overflow="fold"))
    if message.content:
        parts.append(reading.inline(message.content))
    parts += [reading.card(embed) for embed in message.embeds]
    parts += [
        Columns([Text(f"[{one.label} ↗]", overflow="fold") for one in row]) for row in _button_rows(message.buttons)
    ]
    return Padding(Group(*parts), (0, 0, 1, 2))


_EDGE = box.Box("▌   \n▌   \n▌   \n▌   \n▌   \n▌   \n▌   \n▌   \n")

_ABREAST = 3
"""How many inline fields Discord puts side by side."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """One reader's view of messages: their zone, their now, and whom they know by name."""

    zone: tzinfo | None
    now: datetime
    names: Mapping[int, str]

    def card(self, embed: Embed) -> RenderableType:
        lines: list[RenderableType] = [Text(embed.author, style="dim")] if embed.author else []
        lines.append(Text(embed.title, style="bold"))
        if embed.description:
            lines.append(self.inline(embed.description))
        for fields in _rows(embed.fields):
            lines += [Text(""), self.row(fields)]
        for what, address in (("thumbnail", embed.thumbnail), ("image", embed.image)):
            if address:
                shown = Text(f"[{what}: {address.removeprefix('attachment://')}]", style="italic", overflow="fold")
                lines += [Text(""), shown]
        sent_at = when(embed.timestamp, self.zone) if embed.timestamp else ""
        if foot := " · ".join(filter(None, (embed.footer, sent_at))):
            lines += [Text(""), Text(foot, style="dim")]
        edge = Style(color=f"#{embed.color:06x}")
        return Panel(Group(*lines), box=_EDGE, border_style=edge, width=PREVIEW_WIDTH, padding=(0, 1))

    def row(self, fields: Sequence[EmbedField]) -> RenderableType:
        grid = Table.grid(padding=(0, 2), expand=len(fields) > 1)
        for _ in fields:
            grid.add_column(ratio=1, overflow="fold")
        grid.add_row(*(Group(Text(field.name, style="bold"), self.inline(field.value)) for field in fields))
        return grid

    def inline(self, text: str) -> Text:
        text = text.replace(NOTHING_BETWEEN, "")
        result = Text()
        position = 0
        for match in _MARKUP.finditer(text):
            result.append(text[position : match.start()])
            position = match.end()
            if match["block"]:
                result.append(f" {match['block']} ", style="reverse")
            elif match["code"]:
                result.append(match["code"], style="reverse")
            elif match["bold"]:
                result.append(match["bold"], style="bold")
            elif match["time"]:
                instant = datetime.fromtimestamp(int(match["time"]), tz=self.now.tzinfo)
                result.append(until(instant, self.now) if match["style"] == "R" else when(instant, self.zone))
            elif match["role"]:
                result.append(f"@role {match['role']}", style="bold blue")
            elif match["user"]:
                name = self.names.get(int(match["user"]), f"user {match['user']}")
                result.append(f"@{name}", style="bold blue")
            elif match["link"]:
                result.append(match["link"], style="underline")
            else:
                result.append(match["escaped"])
        result.append(text[position:])
        return result


def _button_rows(buttons: Sequence[LinkButton]) -> Iterator[Sequence[LinkButton]]:
    """Buttons as they stand below a message."""
    from giftping.discord.message import BUTTONS_IN_ROW

    return (buttons[start : start + BUTTONS_IN_ROW] for start in range(0, len(buttons), BUTTONS_IN_ROW))


def _rows(fields: Sequence[EmbedField]) -> Iterator[list[EmbedField]]:
    """Fields as they stand below each other: inline ones up to three abreast, every other one alone."""
    row: list[EmbedField] = []
    for field in fields:
        if row and (not field.inline or not row[-1].inline or len(row) == _ABREAST):
            yield row
            row = []
        row.append(field)
    if row:
        yield row


def bars(counts: Sequence[tuple[str, int]], *, width: int = 30) -> Table:
    """A small bar chart of counts by name."""
    top = max((count for _, count in counts), default=0) or 1
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(justify="right")
    grid.add_column(no_wrap=True)
    for name, count in counts:
        grid.add_row(name, str(count), Text("█" * max(round(count / top * width), 1 if count else 0), style="green"))
    return grid


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A function that shows how many of how many are done, on a terminal's standard error."""
    target = console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=target, transient=True, disable=not target.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
