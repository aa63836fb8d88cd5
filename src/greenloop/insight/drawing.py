"""Static SVG: axes with round ticks, columns, lines, rules. Colours are the page's, by class, so both themes fit.

A drawing is 360 units wide and shown at about that many pixels, side by side where there is room: its text stays
readable on a phone, which scaled-down wide charts don't.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

WIDTH, HEIGHT = 360, 214
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 10, 36
TICKS = 4
TITLED_MAX = 130
FLAT = 1e-9
Point = tuple[float, float | None]


def tag(name: str, content: str = "", /, **attributes: object) -> str:
    """Write one element; `css` becomes class, underscores become hyphens, numbers keep one decimal."""
    words = []
    for key, value in attributes.items():
        text = number(value) if isinstance(value, float) else str(value)
        words.append(f'{"class" if key == "css" else key.replace("_", "-")}="{escape(text)}"')
    return f"<{' '.join([name, *words])}>{content}</{name}>"


def text(words: str, x: float, y: float, **attributes: object) -> str:
    """Write a label at a place."""
    return tag("text", str(escape(words)), x=float(x), y=float(y), **attributes)


def number(value: float) -> str:
    """Write a coordinate with at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")


def picture(
    marks: Iterable[str], *, title: str, about: str, name: str, width: float = WIDTH, height: float
) -> SafeString:
    """Return a drawing that says what it shows to those who don't see it; `name` is unique on the page."""
    return format_html(
        '<svg viewBox="0 0 {} {}" role="img" aria-labelledby="{}-t {}-d"><title id="{}-t">{}</title>'
        '<desc id="{}-d">{}</desc>{}</svg>',
        *(number(width), number(height), name, name, name, title, name, about),
        mark_safe("".join(marks)),  # noqa: S308  every label went through escape()  # nosec B308
    )


def round_ticks(low: float, high: float, most: int = TICKS) -> tuple[float, ...]:
    """Return round numbers (1, 2 or 5 × 10^n) that cover low … high in at most about `most` steps."""
    if high - low < FLAT:
        high = low + 1
    rough = (high - low) / most
    size = 10 ** floor(log10(rough))
    step = next(size * by for by in (1, 2, 5, 10) if size * by >= rough * 0.999)
    first, last = floor(low / step), -floor(-high / step)
    return tuple(round(step * at, 12) for at in range(first, last + 1))


def power_ticks(high: float) -> tuple[float, ...]:
    """Return 1, 2, 5, 10, 20 … up to the first that reaches `high`; whole powers of ten only where they are many."""
    decades = max(1, ceil(log10(max(high, 2.0))))
    fine = [float(by * 10**at) for at in range(decades + 1) for by in (1, 2, 5)]
    reach = next(place for place, tick in enumerate(fine) if tick >= max(high, 2.0))
    if reach <= TICKS + 1:
        return tuple(fine[: reach + 1])
    return tuple(float(10**at) for at in range(decades + 1))


@dataclass(frozen=True, slots=True)
class Frame:
    """Where values stand: `columns` places side by side from the number `first` on, heights between two ticks."""

    columns: int
    ticks: tuple[float, ...]
    first: int = 1
    log: bool = False
    height: float = HEIGHT

    @property
    def band(self) -> float:
        """Return the width of one place."""
        return (WIDTH - LEFT - RIGHT) / max(1, self.columns)

    def x(self, place: float) -> float:
        """Return the middle of a place, counted from 0."""
        return LEFT + (place + 0.5) * self.band

    def y(self, value: float) -> float:
        """Return the height of a value; what lies outside is put on the edge."""
        low, high = self.ticks[0], self.ticks[-1]
        inside = min(high, max(low, value))
        part = log10(inside / low) / log10(high / low) if self.log else (inside - low) / (high - low)
        return self.height - BOTTOM - part * (self.height - TOP - BOTTOM)

    def grid(self, label: Callable[[float], str], *, below: str, names: Sequence[str] = ()) -> str:
        """Draw the horizontal lines with their values, the places' numbers (or `names`), and what they count."""
        marks = []
        for tick in self.ticks:
            level = self.y(tick)
            marks.append(tag("path", css="grid", d=f"M{LEFT} {number(level)}H{WIDTH - RIGHT}"))
            marks.append(text(label(tick), LEFT - 6, level + 3.5, text_anchor="end"))
        base = self.height - BOTTOM
        for place in self._shown():
            name = names[place] if names else str(place + self.first)
            marks.append(text(name, self.x(place), base + 14, text_anchor="middle"))
        marks.append(text(below, (LEFT + WIDTH - RIGHT) / 2, base + 30, text_anchor="middle", css="soft"))
        return "".join(marks)

    def _shown(self) -> list[int]:
        step = int(next(by for by in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if self.columns <= by * 9))
        round_ones = [place for place in range(self.columns) if (place + self.first) % step == 0]
        return round_ones if round_ones and round_ones[0] < 2 else [0, *round_ones]

    def bars(self, values: Sequence[float | None], css: str) -> str:
        """Draw one column for each value, from 0 (or the lowest tick) up or down."""
        zero = self.y(max(self.ticks[0], 0.0))
        gap = min(2.0, self.band * 0.2)
        path = []
        for place, value in enumerate(values):
            if value is None or abs(self.y(value) - zero) < 0.05:
                continue
            left, right = self.x(place) - self.band / 2 + gap / 2, self.x(place) + self.band / 2 - gap / 2
            path.append(f"M{number(left)} {number(zero)}V{number(self.y(value))}H{number(right)}V{number(zero)}z")
        return tag("path", css=css, d="".join(path))

    def line(self, points: Iterable[Point], css: str) -> str:
        """Draw a line through the points (place, value); a value that is None breaks it."""
        path, pen = [], "M"
        for place, value in points:
            if value is None:
                pen = "M"
                continue
            path.append(f"{pen}{number(self.x(place))} {number(self.y(value))}")
            pen = "L"
        return tag("path", css=css, d="".join(path))

    def rule(self, value: float, words: str, css: str = "rule") -> str:
        """Draw a level across, with its name above it (below, where there is no room)."""
        level = self.y(value)
        label = level - 4 if level > TOP + 12 else level + 11
        return tag("path", css=css, d=f"M{LEFT} {number(level)}H{WIDTH - RIGHT}") + text(
            words, WIDTH - RIGHT, label, text_anchor="end", css="halo"
        )

    def titles(self, words: Sequence[str]) -> str:
        """Lay an unseen field over each place, whose words a pointer brings up; none where the places are many."""
        if self.columns > TITLED_MAX:
            return ""
        high = self.height - TOP - BOTTOM
        return "".join(
            tag(
                *("rect", tag("title", str(escape(said)))),
                css="hit",
                x=self.x(place) - self.band / 2,
                y=float(TOP),
                width=self.band,
                height=high,
            )
            for place, said in enumerate(words)
        )
