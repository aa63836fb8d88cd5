"""A pool's money as lines of fen: every move takes the oldest fen of one line and appends them to the end of another.

A pool has a line of free money, one of what was released and not drawn, and one of what repaid the reserve. Each
voucher is a short line of its own (`voucher_line.py`). A run says that an interval of one line became an interval of
another; runs tile each line they lead to, so a fen has one place before and one after. Amounts and places are fen.

Fen that come back from a voucher are told by where they lay when they were drawn, not by the voucher: so whoever
follows fen goes from run to run, and never has to lay a voucher out on the way, however often they came back.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from greenloop.core.faults import ensure

ORDERS, REFUND = "orders", "refund"
"""Sources that are no lines: what vested orders brought in one alliance cycle, and what a refund was paid with."""
FREE, RELEASED, RESERVE, VOUCHER = "free", "released", "reserve", "voucher"
UNKNOWN = 0
"""The voucher of fen that were drawn before vouchers kept their journals."""
Papers = tuple[tuple[int, int], ...]
"""(voucher, fen) each, in the order in which they move."""


class Piece(NamedTuple):
    """Fen that left a voucher side by side: `at` is where they lay on it when it was drawn."""

    voucher: int
    at: int
    fen: int


class Run(NamedTuple):
    """`fen` from a place of one line on are the fen from a place of another on.

    `source_at` is a place for free and released; for vouchers the place of the released money that was drawn (less
    than 0 where that isn't known); the alliance cycle for orders; the refunded order. `target_at` is a place for free,
    released and reserve, or the voucher.
    """

    source: str
    source_at: int
    target: str
    target_at: int
    fen: int
    journal_id: int


@dataclass(frozen=True, slots=True)
class Ends:
    """How far a pool's lines reach, in fen since the beginning: what ever came in, and what went out again."""

    free_in: int = 0
    free_out: int = 0
    released_in: int = 0
    released_out: int = 0
    reserve_in: int = 0

    @property
    def free_fen(self) -> int:
        """Return what is free."""
        return self.free_in - self.free_out

    @property
    def released_fen(self) -> int:
        """Return what is released and not drawn."""
        return self.released_in - self.released_out


@dataclass(frozen=True, slots=True)
class Moved:
    """What one journal moved in one pool, in fen.

    `returned_fen` went from released to free money, `undone_fen` the other way in the same refund. `paid_fen` was paid
    in by the refund of `order_id` for vouchers that were spent already.
    """

    journal_id: int
    cycle: int = 0
    entered_fen: int = 0
    issued_fen: int = 0
    repaid_fen: int = 0
    drawn: Papers = ()
    expired: tuple[Piece, ...] = ()
    clawed: tuple[Piece, ...] = ()
    order_id: int = 0
    paid_fen: int = 0
    returned_fen: int = 0
    undone_fen: int = 0


def extended(ends: Ends, moves: Iterable[Moved], drawn: Mapping[int, int]) -> tuple[Ends, list[Run]]:
    """Continue a pool's lines by what journals moved, oldest first; return where the lines end now, and the new runs.

    `drawn` are the places of released money from which vouchers were drawn before.

    :raises Breach: a journal moves a negative amount.
    """
    growing = _Growing(ends, drawn)
    for moved in moves:
        growing.add(moved)
    return growing.ends(), growing.runs


class _Growing:
    """Lines while they are continued."""

    def __init__(self, ends: Ends, drawn: Mapping[int, int]) -> None:
        self.drawn = dict(drawn)
        self.into = {FREE: ends.free_in, RELEASED: ends.released_in, RESERVE: ends.reserve_in}
        self.out_of = {FREE: ends.free_out, RELEASED: ends.released_out}
        self.runs: list[Run] = []

    def ends(self) -> Ends:
        into, out_of = self.into, self.out_of
        return Ends(into[FREE], out_of[FREE], into[RELEASED], out_of[RELEASED], into[RESERVE])

    def add(self, moved: Moved) -> None:
        """Append what comes in before what goes out is taken: a refund may return what it has just paid in."""
        number = moved.journal_id
        self._append(ORDERS, moved.cycle, FREE, moved.entered_fen, number)
        for piece in moved.expired:
            self._return(piece, FREE, number)
        for piece in moved.clawed:
            self._return(piece, RELEASED, number)
        self._append(REFUND, moved.order_id, RELEASED, moved.paid_fen, number)
        net_fen = moved.returned_fen - moved.undone_fen
        self._move(FREE, RELEASED, moved.issued_fen + max(0, -net_fen), number)
        self._move(RELEASED, RESERVE, moved.repaid_fen, number)
        for voucher, fen in moved.drawn:
            self._give(voucher, fen, number)
        self._move(RELEASED, FREE, max(0, net_fen), number)

    def _append(self, source: str, source_at: int, target: str, fen: int, journal_id: int) -> None:
        ensure(fen >= 0, f"journal {journal_id} moves {fen} fen to {target}")
        if fen:
            self.runs.append(Run(source, source_at, target, self.into[target], fen, journal_id))
            self.into[target] += fen

    def _move(self, source: str, target: str, fen: int, journal_id: int) -> None:
        self._append(source, self.out_of[source], target, fen, journal_id)
        self.out_of[source] += fen

    def _return(self, piece: Piece, target: str, journal_id: int) -> None:
        """Append fen of a voucher; where they were drawn isn't known of one that isn't known, or of its fen."""
        drawn_at = self.drawn.get(piece.voucher)
        self._append(VOUCHER, -journal_id if drawn_at is None else drawn_at + piece.at, target, piece.fen, journal_id)

    def _give(self, voucher: int, fen: int, journal_id: int) -> None:
        """Give the oldest released fen to a voucher; one that isn't known is told apart by its journal."""
        target_at = voucher if voucher != UNKNOWN else -journal_id
        if voucher != UNKNOWN:
            self.drawn[voucher] = self.out_of[RELEASED]
        self.runs.append(Run(RELEASED, self.out_of[RELEASED], VOUCHER, target_at, fen, journal_id))
        self.out_of[RELEASED] += fen


def untiled_fen(runs: Sequence[tuple[int, int]], end: int) -> int:
    """Return by how much intervals (place, fen), in their order, fail to tile a line from 0 to `end`: 0 if they do."""
    off = place = 0
    for start, fen in runs:
        off += abs(start - place)
        place = start + fen
    return off + abs(end - place)
