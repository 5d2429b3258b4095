"""The `wikitext` kind: rows are templates or rows of wikitables, fields are their parameters or columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

import mwparserfromhell
from mwparserfromhell.nodes import Argument, Comment, ExternalLink, Heading, HTMLEntity, Tag, Template, Text, Wikilink
from mwparserfromhell.wikicode import Wikicode

from giftping.codes.model import Listing
from giftping.codes.sources.bodies import json_of, looks_like_html, text_of
from giftping.codes.sources.kinds import ShapeChangedError
from giftping.codes.sources.rows import listing_of
from giftping.codes.sources.wikimarkup import tamed
from giftping.settings.sources import FieldRule, RowRule, SourceDefinition
from giftping.text import counted

LONGEST_PAGE = 600_000
TABLE = "{|"
_STYLE = re.compile("'{2,5}")
_UNSEEN_TAGS = ("ref", "gallery", "math")


@dataclass(frozen=True, slots=True)
class WikiRow:
    """The named texts of one template or of one row of a table."""

    values: dict[str, str]
    heading: str = ""

    @property
    def text(self) -> str:
        """The texts of the row, one after the other."""
        return " | ".join(self.values.values())

    def find(self, rule: FieldRule) -> list[object]:
        """The parameter or cell of that number or name."""
        if not rule.path:
            return [self.text]
        value = self.values.get(rule.path, self.values.get(rule.path.casefold()))
        return [] if value is None else [value]


@dataclass(slots=True)
class _Page:
    """What was met on a page, in its order: headings and comments, names of templates, rows of tables."""

    wanted: frozenset[str]
    titles: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    rows: list[tuple[str, WikiRow]] = field(default_factory=list)

    @property
    def heading(self) -> str:
        """The nearest heading or comment so far."""
        return self.titles[-1] if self.titles else ""


def parse(definition: SourceDefinition, body: bytes, content_type: str, now: datetime) -> Listing:
    """What a wiki page lists, given as wikitext or as the answer of a MediaWiki api.

    Raise ShapeChangedError where the answer holds no page, or the page has no such heading, anchor or rows.
    """
    try:
        page = _Page(frozenset(_name_of(rule.at) for rule in definition.rows))
        text = _wikitext(text_of(body, content_type), content_type)
        if len(text) > LONGEST_PAGE:
            raise ShapeChangedError(f"the page has {counted(len(text), 'character')}; at most {LONGEST_PAGE} are read")
        _walk(mwparserfromhell.parse(tamed(text), skip_style_tags=True), page)
        return listing_of(definition, list(_rows(definition, page)), now)
    except RecursionError:
        raise ShapeChangedError("the wikitext is nested too deep") from None


def _wikitext(text: str, content_type: str) -> str:
    if not text.strip():
        raise ShapeChangedError("the body is empty; wikitext was expected")
    if "json" in content_type.lower() or re.match(r'\s*\{\s*"', text):
        return _page_of(json_of(text, content_type))
    if looks_like_html(text, content_type):
        raise ShapeChangedError("the body is a web page; wikitext was expected")
    return text


def _page_of(answer: object) -> str:
    """The wikitext in an api's answer to `action=query&prop=revisions` or `action=parse`, in either version."""
    if isinstance(answer, dict) and isinstance(answer.get("error"), dict):
        raise ShapeChangedError(f"the wiki answers with an error: {str(answer['error'].get('info'))[:120]!r}")
    pages = _at(answer, "query", "pages")
    first = next(iter(pages.values()), None) if isinstance(pages, dict) else _at(pages, 0)
    if isinstance(first, dict) and ("missing" in first or "invalid" in first):
        raise ShapeChangedError(f"the wiki has no page {str(first.get('title'))[:80]!r}")
    revision = _at(first, "revisions", 0)
    for holder in (_at(revision, "slots", "main"), revision, _at(answer, "parse", "wikitext"), _at(answer, "parse")):
        for key in ("*", "content", "wikitext"):
            text = _at(holder, key)
            if isinstance(text, str):
                return text
    raise ShapeChangedError("the answer of the wiki holds no wikitext")


def _at(value: object, *keys: str | int) -> object:
    for key in keys:
        try:
            value = value[key]  # type: ignore[index]  # whatever the answer holds there
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _walk(code: Wikicode, page: _Page) -> None:
    for node in code.nodes:
        if isinstance(node, Heading):
            page.titles.append(_shown(node.title))
        elif isinstance(node, Comment):
            page.titles.append(str(node.contents).strip()[:200])
        elif isinstance(node, Template):
            name = _name(node.name)
            page.names.add(name)
            if name in page.wanted:
                page.rows.append((name, WikiRow(_parameters(node), page.heading)))
                continue
            for parameter in node.params:
                _walk(parameter.value, page)
        elif isinstance(node, Tag) and node.tag == "table":
            page.names.add(TABLE)
            page.rows += [(TABLE, WikiRow(values, page.heading)) for values in _table(node)]
        elif isinstance(node, Tag) and node.contents is not None:
            _walk(node.contents, page)


def _rows(definition: SourceDefinition, page: _Page) -> Iterator[tuple[RowRule, WikiRow]]:
    for rule in definition.rows:
        wanted = _name_of(rule.at)
        if rule.anchor and _name_of(rule.anchor) not in page.names:
            raise ShapeChangedError(f"the page has no {rule.anchor}")
        if rule.under and not any(re.search(rule.under, title) for title in page.titles):
            raise ShapeChangedError(f"the page has no heading {rule.under!r}")
        if not rule.anchor and not rule.under and wanted not in page.names:
            raise ShapeChangedError(f"the page has no {rule.at}")
        for name, row in page.rows:
            if name == wanted and (not rule.under or re.search(rule.under, row.heading)):
                yield rule, row


def _name_of(notation: str) -> str:
    """The name in `{{Name}}`; a table is written `{|`."""
    return notation if notation == TABLE else _name(notation.strip().removeprefix("{{").removesuffix("}}"))


def _name(name: object) -> str:
    plain = re.sub(r"<!--.*?-->", "", str(name), flags=re.DOTALL)
    plain = " ".join(plain.replace("_", " ").split())
    return plain[:1].upper() + plain[1:]


def _parameters(template: Template) -> dict[str, str]:
    return {_shown(parameter.name): _shown(parameter.value) for parameter in template.params}


def _table(table: Tag) -> Iterator[dict[str, str]]:
    """The rows of a table that have data cells, by column number and by the name that the header gives it."""
    titles: list[str] = []
    for cells in _table_rows(table.contents):
        texts = [_shown(cell.contents) for cell in cells]
        if all(cell.tag == "th" for cell in cells):
            titles = [text.casefold() for text in texts]
            continue
        values = {str(number): text for number, text in enumerate(texts, 1)}
        yield {**dict(zip(titles, texts, strict=False)), **values}


def _table_rows(code: Wikicode) -> Iterator[list[Tag]]:
    tags = [node for node in code.nodes if isinstance(node, Tag)]
    loose = [tag for tag in tags if tag.tag in ("td", "th")]
    if loose:
        yield loose
    for tag in tags:
        cells = [node for node in tag.contents.nodes if isinstance(node, Tag) and node.tag in ("td", "th")]
        if tag.tag == "tr" and cells:
            yield cells


def _shown(code: Wikicode | None) -> str:
    """Wikitext as a reader sees it: links by their text, the items of templates, no comments, no references."""
    if code is None:
        return ""
    return " ".join(_STYLE.sub("", "".join(_shown_node(node) for node in code.nodes)).split())


def _shown_node(node: object) -> str:
    if isinstance(node, Tag):
        if node.tag == "br":
            return "; "
        return "" if node.tag in _UNSEEN_TAGS else _shown(node.contents)
    show = _SHOWN.get(type(node))
    return show(node) if show else ""


def _shown_template(node: Template) -> str:
    return "; ".join(_shown(parameter.value) for parameter in node.params if not parameter.showkey)


_SHOWN: dict[type, Callable[..., str]] = {
    Text: lambda node: str(node.value),
    Wikilink: lambda node: _shown(node.text if node.text is not None else node.title),
    ExternalLink: lambda node: _shown(node.title if node.title is not None else node.url),
    HTMLEntity: lambda node: str(node.normalize()),
    Argument: lambda node: _shown(node.default),
    Template: _shown_template,
}
