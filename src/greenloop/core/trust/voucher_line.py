"""One voucher as a line of fen: what it was drawn as, and what refunds gave back, which is spent again or expires.

A use, an expiry and a clawback take the oldest fen; what a refund gives back of a use is appended to the end, its first
fen first. Places are fen from the voucher's beginning.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from greenloop.core.faults import ensure

RETURN, CLAW, USE, EXPIRE = "return", "claw", "use", "expire"
_RANKS = {RETURN: 0, CLAW: 1, USE: 2, EXPIRE: 3}


class Event(NamedTuple):
    """One movement of a voucher by one journal, in fen; `order_id` is the order that it paid for, or that was refunded.

    An expiry has no order: 0.
    """

    journal_id: int
    kind: str
    order_id: int
    fen: int


class Stay(NamedTuple):
    """An interval of a voucher's line; `back_at` is where the same fen lay before, None if they were drawn."""

    at: int
    fen: int
    back_at: int | None


class Exit(NamedTuple):
    """An interval that left the voucher: how, for which order, and by which journal."""

    at: int
    fen: int
    kind: str
    order_id: int
    journal_id: int


class Lot(NamedTuple):
    """Fen of a voucher and what became of them for good: `left` is None while they are unspent. `at` is their place."""

    at: int
    fen: int
    left: Exit | None


@dataclass(frozen=True, slots=True)
class VoucherLine:
    """A voucher's line: its stays tile it from 0, its exits tile it from 0 to what is still unspent."""

    stays: Sequence[Stay]
    exits: Sequence[Exit]

    @property
    def left_fen(self) -> int:
        """Return what is unspent."""
        return sum(stay.fen for stay in self.stays) - sum(out.fen for out in self.exits)

    def fates(self, at: int, fen: int) -> Iterator[Lot]:
        """Yield what became of an interval, whose fen may have come back and left again, in its order."""
        for out in self.exits:
            start, end = max(at, out.at), min(at + fen, out.at + out.fen)
            if start < end:
                yield from self._left(out, start, end)
        start = max(at, sum(out.fen for out in self.exits))
        if start < at + fen:
            yield Lot(start, at + fen - start, None)

    def _left(self, out: Exit, start: int, end: int) -> Iterator[Lot]:
        """Yield what became of [start, end), which left by `out`: fen that a refund gave back are followed on."""
        for stay in self.stays:
            if stay.back_at is None:
                continue
            first, last = max(start, stay.back_at), min(end, stay.back_at + stay.fen)
            if first < last:
                if start < first:
                    yield Lot(start, first - start, out)
                yield from self.fates(stay.at + first - stay.back_at, last - first)
                start = last
        if start < end:
            yield Lot(start, end - start, out)

    def drawn(self, at: int, fen: int) -> Iterator[tuple[int, int]]:
        """Yield the intervals (place, fen) in which the fen of an interval were drawn, in its order."""
        for stay in self.stays:
            start, end = max(at, stay.at), min(at + fen, stay.at + stay.fen)
            if start >= end:
                continue
            if stay.back_at is None:
                yield start, end - start
            else:
                yield from self.drawn(stay.back_at + start - stay.at, end - start)

    def exit_by(self, journal_id: int, kind: str) -> Exit:
        """Return what left by a journal.

        :raises Breach: nothing did.
        """
        found = [out for out in self.exits if (out.journal_id, out.kind) == (journal_id, kind)]
        ensure(len(found) == 1, f"a voucher's {kind} of journal {journal_id} is not in its line")
        return found[0]


def voucher_line(face_fen: int, events: Iterable[Event]) -> VoucherLine:
    """Lay a voucher of `face_fen` out as a line, from what happened to it.

    :raises Breach: more leaves than there is, or more comes back of an order than it took.
    """
    stays, exits = [Stay(0, face_fen, None)], list[Exit]()
    end, place = face_fen, 0
    given: dict[int, int] = {}
    # An order's exit is unique: one order takes of one voucher once. Within a journal what returns comes first.
    for event in sorted(events, key=lambda each: (each.journal_id, _RANKS[each.kind], each.order_id)):
        if event.kind == RETURN:
            uses = [out for out in exits if out.kind == USE and out.order_id == event.order_id]
            before = given.get(event.order_id, 0)
            took_fen = sum(use.fen for use in uses)
            ensure(before + event.fen <= took_fen, f"order {event.order_id} returns more of a voucher than it took")
            stays.append(Stay(end, event.fen, uses[0].at + before))
            given[event.order_id] = before + event.fen
            end += event.fen
        else:
            exits.append(Exit(place, event.fen, event.kind, event.order_id, event.journal_id))
            place += event.fen
            ensure(place <= end, "more left a voucher than it held")
    return VoucherLine(stays, exits)
