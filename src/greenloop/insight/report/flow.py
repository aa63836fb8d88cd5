"""A flow from left to right: where amounts come from and where they went, each as thick as it is large."""

from collections.abc import Sequence
from dataclasses import dataclass

from greenloop.insight.drawing import number, tag, text

WIDTH, HEIGHT = 880.0, 470.0
NODE = 12.0
GAP = 36.0
LAST = 150.0
TOP = 8.0
THIN = 1.5


@dataclass(frozen=True, slots=True)
class Node:
    """An amount in one column, with its two lines of label; columns are counted from 0, nodes stand in order."""

    key: str
    column: int
    fen: int
    label: str
    figure: str
    css: str


@dataclass(frozen=True, slots=True)
class Link:
    """The part of one node's amount that went to another."""

    source: str
    target: str
    fen: int


def flow(nodes: Sequence[Node], links: Sequence[Link]) -> str:
    """Draw the nodes that hold anything, and the links between them."""
    nodes = [node for node in nodes if node.fen > 0]
    scale = _scale(nodes)
    places = _places(nodes, scale)
    css = {node.key: node.css for node in nodes}
    left = {node.key: places[node.key][1] for node in nodes}
    came = dict(left)
    marks = []
    for link in links:
        if link.fen > 0 and link.source in places and link.target in places:
            thick = link.fen * scale
            start = places[link.source][0] + NODE, left[link.source]
            end = places[link.target][0], came[link.target]
            marks.append(tag("path", css=f"link {css[link.target]}", d=_band(start, end, thick)))
            left[link.source] += thick
            came[link.target] += thick
    for node in nodes:
        x, y = places[node.key]
        high = max(THIN, node.fen * scale)
        marks.append(tag("rect", css=f"node {node.css}", x=x, y=y, width=NODE, height=high))
        middle = max(y + 11, y + high / 2 - 2)
        marks.append(text(node.label, x + NODE + 6, middle, css="halo strong"))
        marks.append(text(node.figure, x + NODE + 6, middle + 15, css="halo"))
    return "".join(marks)


def _columns(nodes: Sequence[Node]) -> dict[int, list[Node]]:
    found: dict[int, list[Node]] = {}
    for node in nodes:
        found.setdefault(node.column, []).append(node)
    return found


def _scale(nodes: Sequence[Node]) -> float:
    room = HEIGHT - 2 * TOP - 20
    sizes = [(room - GAP * (len(column) - 1)) / sum(node.fen for node in column) for column in _columns(nodes).values()]
    return min(sizes, default=1.0)


def _places(nodes: Sequence[Node], scale: float) -> dict[str, tuple[float, float]]:
    columns = _columns(nodes)
    step = (WIDTH - LAST - NODE) / max(1, max(columns, default=1))
    places = {}
    for number_of, column in columns.items():
        y = TOP
        for node in column:
            places[node.key] = (number_of * step, y)
            y += max(THIN, node.fen * scale) + GAP
    return places


def _band(start: tuple[float, float], end: tuple[float, float], thick: float) -> str:
    (x0, y0), (x1, y1) = start, end
    middle = number((x0 + x1) / 2)
    a, b, c, d = number(x0), number(y0), number(x1), number(y1)
    low, high = number(y0 + thick), number(y1 + thick)
    return f"M{a} {b}C{middle} {b} {middle} {d} {c} {d}V{high}C{middle} {high} {middle} {low} {a} {low}z"
