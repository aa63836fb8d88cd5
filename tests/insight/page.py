"""A report as a reader's machine takes it apart: its tags, its tables by caption, its drawings."""

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "input", "img", "hr"}
SPACE = re.compile(r"\s+")


@dataclass
class Page:
    """What a page holds: (tag, attributes) in order, tables by caption, the text that people see."""

    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    tables: dict[str, list[list[str]]] = field(default_factory=dict)
    drawings: list[ET.Element] = field(default_factory=list)
    text: str = ""

    @property
    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.tags if "id" in attributes]

    def row(self, caption: str, name: str) -> list[str]:
        """Return the cells of a table's row behind the one that names it."""
        return next(cells[1:] for cells in self.tables[caption] if cells[0] == name)


class _Reader(HTMLParser):
    """Collects, and insists that every tag that opens closes in order."""

    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.caption = ""
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.page.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.rows = []
        if tag == "tr":
            self.rows.append([])
        if tag in {"th", "td"}:
            self.rows[-1].append("")
        if tag in {"caption", "summary"}:
            self.caption = ""

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.page.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1] == tag, f"</{tag}> closes <{self.open[-1]}>"
        self.open.pop()
        if tag == "table":
            self.page.tables[self.caption] = self.rows

    def handle_data(self, data: str) -> None:
        inside = set(self.open)
        if inside & {"style", "title", "desc"}:
            return
        if inside & {"caption", "summary"}:
            self.caption += data
        if inside & {"th", "td"}:
            self.rows[-1][-1] += plain(data)
        self.words.append(data)


def plain(text: str) -> str:
    """Write a text with common blanks only."""
    return SPACE.sub(" ", text).strip()


def read(html: str) -> Page:
    """Take a page apart; fails where tags don't match."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    reader.page.text = plain(" ".join(reader.words))
    for svg in re.findall(r"<svg.*?</svg>", html, re.DOTALL):
        reader.page.drawings.append(ET.fromstring(unescape_nothing(svg)))  # noqa: S314  our own file
    return reader.page


def unescape_nothing(svg: str) -> str:
    """Return a drawing as XML: the few entities of HTML that it may use are characters there."""
    return re.sub(r"&(?!amp;|lt;|gt;|quot;|#)\w+;", lambda hit: unescape(hit.group()), svg)
