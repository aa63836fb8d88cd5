"""What a section of the page is made of: plain values that the template writes out. Texts are already translated."""

from dataclasses import dataclass
from typing import ClassVar

from django.utils.safestring import SafeString


@dataclass(frozen=True, slots=True)
class Text:
    """Paragraphs; `tone` is empty, `note` for small print, `good` or `bad` for a result."""

    kind: ClassVar[str] = "text"
    paragraphs: tuple[str, ...]
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside a section, over what one pool or one question shows."""

    kind: ClassVar[str] = "heading"
    title: str


@dataclass(frozen=True, slots=True)
class Stat:
    """One figure that is read before anything else, with what it means."""

    label: str
    value: str
    note: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Stats:
    """A row of such figures."""

    kind: ClassVar[str] = "stats"
    items: tuple[Stat, ...]


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of a legend: the class that colours the mark, and its name."""

    css: str
    label: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing with its heading, its legend and the sentence below it. A wide one scrolls on a phone."""

    title: str
    svg: SafeString
    keys: tuple[Key, ...] = ()
    note: str = ""
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Figures:
    """Drawings side by side, as many as the page is wide."""

    kind: ClassVar[str] = "figures"
    items: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """A column's heading; figures stand right, words left, and sentences get room."""

    text: str
    figure: bool = True
    sentence: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a table; `share` in ‰ draws a bar behind it, `tone` marks a result good or bad."""

    text: str
    share: int | None = None
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table. The first cell of each row names it; `foot` is the row of sums; a folded one opens on request."""

    kind: ClassVar[str] = "table"
    caption: str
    head: tuple[Head, ...]
    rows: tuple[tuple[Cell, ...], ...]
    foot: tuple[Cell, ...] = ()
    folded: bool = False

    @property
    def lines(self) -> list[list[tuple[Head, Cell]]]:
        """Return each row with the heading of every cell beside it."""
        return [list(zip(self.head, cells, strict=True)) for cells in self.rows]

    @property
    def last_line(self) -> list[tuple[Head, Cell]]:
        """Return the row of sums in the same form."""
        return list(zip(self.head, self.foot, strict=True))


Block = Text | Heading | Stats | Figures | Table


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the page: `key` is its anchor."""

    key: str
    title: str
    blocks: tuple[Block, ...]


def row(*texts: str) -> tuple[Cell, ...]:
    """Return a row of plain cells."""
    return tuple(Cell(text) for text in texts)


def heads(name: str, *figures: str) -> tuple[Head, ...]:
    """Return the headings of a table: what names the rows, then columns of figures."""
    return (Head(name, figure=False), *(Head(text) for text in figures))
