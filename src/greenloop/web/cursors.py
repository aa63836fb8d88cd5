"""Where a long list goes on: cursors in the address, read without trust. One that can't be read is the beginning."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from django.http import Http404, HttpRequest

NUMBER_MAX = 2**63 - 1
DIGITS_MAX = 19
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Sheets:
    """Where one is in a list that is all in memory: the sheet's number, from 1, and of how many."""

    here: int
    all: int

    @property
    def older(self) -> int | None:
        """Return the next sheet's number."""
        return self.here + 1 if self.here < self.all else None

    @property
    def newer(self) -> int | None:
        """Return the sheet's number before."""
        return self.here - 1 if self.here > 1 else None


def number(request: HttpRequest) -> int | None:
    """Return the number that the list goes on before."""
    return whole(request.GET.get("before", ""))


def known(number: int) -> int:
    """Return a number of an address, one that a row may have.

    :raises Http404: none has it.
    """
    if not 0 < number <= NUMBER_MAX:
        raise Http404
    return number


def pair(request: HttpRequest) -> tuple[int, str]:
    """Return the two parts of a cursor, as in `12.kind` or `12.3`; (0, "") for none."""
    first, _, second = request.GET.get("before", "").partition(".")
    found = whole(first)
    known = second.isascii() and second.isalnum() and len(second) <= DIGITS_MAX
    return (found, second) if found and known else (0, "")


def page(rows: Sequence[Row], most: int) -> tuple[Sequence[Row], Row | None]:
    """Return the rows to show and, where one more row was found, the last of them: older ones lie before it."""
    return rows[:most], rows[most - 1] if len(rows) > most else None


def sheet(request: HttpRequest, rows: Sequence[Row], most: int) -> tuple[Sequence[Row], Sheets]:
    """Return the rows of the sheet that the address names."""
    count = max(1, -(-len(rows) // most))
    here = min(count, max(1, whole(request.GET.get("page", "")) or 1))
    return rows[(here - 1) * most : here * most], Sheets(here, count)


def whole(text: str) -> int | None:
    """Return a number above 0 that a database takes, None for anything else."""
    if not (text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX):
        return None
    return min(int(text), NUMBER_MAX) or None
