"""The lines of a pool: every fen has one order behind it and one place now, whatever was refunded and expired."""

import random
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenloop.core.faults import Breach
from greenloop.core.trust.lineage import Block, Fate, Held, Met, Part, Span, fates, origins
from greenloop.core.trust.trace import (
    FREE,
    RELEASED,
    RESERVE,
    VOUCHER,
    Ends,
    Moved,
    Piece,
    Run,
    extended,
    untiled_fen,
)
from greenloop.core.trust.voucher_line import CLAW, EXPIRE, RETURN, USE, Event, voucher_line

Fen = tuple[int, int]
"""What a clerk would write on a coin: the order that brought it, and which of the order's coins it is."""


@dataclass
class Book:
    """Lines kept in plain lists, read from end to end."""

    runs: list[Run]
    blocks: dict[int, list[tuple[int, int]]]
    faces: dict[int, int]
    events: dict[int, list[Event]]

    def behind(self, line: str, intervals: Sequence[tuple[int, int]]) -> Met:
        del line
        return Met(self.runs, sum(fen for _, fen in intervals))

    def ahead(self, line: str, at: int, fen: int) -> Met:
        del line, at
        return Met(self.runs, fen)

    def entered(self, blocks: Sequence[Block]) -> Sequence[Sequence[Part]]:
        return [list(self.parts(*block)) for block in blocks]

    def parts(self, cycle: int, at: int, fen: int) -> Iterator[Part]:
        place = 0
        for order, part in self.blocks[cycle]:
            start, end = max(at, place), min(at + fen, place + part)
            if start < end:
                yield Part(order, start - place, end - start)
            place += part

    def held(self, vouchers: Collection[int]) -> dict[int, Held]:
        drawn = {run.target_at: run.source_at for run in self.runs if run.target == VOUCHER}
        return {
            voucher: Held(drawn[voucher], voucher_line(self.faces[voucher], self.events.get(voucher, [])))
            for voucher in vouchers
            if voucher in drawn
        }


@dataclass
class Clerk:
    """A pool kept with coins: each fen is an object, moved by hand from the front of one heap to another's end."""

    chance: random.Random
    free: deque[Fen] = field(default_factory=deque)
    released: deque[Fen] = field(default_factory=deque)
    reserve: list[Fen] = field(default_factory=list)
    papers: dict[int, deque[Fen]] = field(default_factory=dict)
    faces: dict[int, list[Fen]] = field(default_factory=dict)
    spent: dict[tuple[int, int], deque[Fen]] = field(default_factory=dict)
    events: dict[int, list[Event]] = field(default_factory=dict)
    blocks: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    paid_in: dict[int, int] = field(default_factory=dict)
    moves: list[Moved] = field(default_factory=list)
    number: int = 0

    def some(self, heap: deque[Fen]) -> int:
        return self.chance.randint(0, len(heap))

    def live(self, days: int) -> None:
        for _ in range(days):
            self.number += 1
            doing = (self.enter, self.issue, self.draw, self.draw, self.use, self.use, self.expire, self.refund)
            if moved := self.chance.choice(doing)():
                self.moves.append(moved)

    def enter(self) -> Moved:
        parts = [(self.number * 100 + n, self.chance.choice((0, 1, 3, 17))) for n in range(self.chance.randint(0, 5))]
        self.blocks[self.number] = parts
        self.free += [(order, n) for order, part in parts for n in range(part)]
        return Moved(self.number, cycle=self.number, entered_fen=sum(part for _, part in parts))

    def issue(self) -> Moved:
        fen = self.some(self.free)
        self.released += [self.free.popleft() for _ in range(fen)]
        return Moved(self.number, issued_fen=fen)

    def draw(self) -> Moved:
        repaid = min(self.some(self.released), self.chance.choice((0, 0, 2)))
        self.reserve += [self.released.popleft() for _ in range(repaid)]
        drawn = []
        for voucher in (self.number * 10, self.number * 10 + 1):
            if fen := self.some(self.released):
                self.papers[voucher] = deque(self.released.popleft() for _ in range(fen))
                self.faces[voucher] = list(self.papers[voucher])
                drawn.append((voucher, fen))
        return Moved(self.number, repaid_fen=repaid, drawn=tuple(drawn))

    def one_paper(self) -> int | None:
        full = [voucher for voucher, heap in self.papers.items() if heap]
        return self.chance.choice(full) if full else None

    def note(self, voucher: int, kind: str, order: int, fen: int) -> None:
        if fen:
            self.events.setdefault(voucher, []).append(Event(self.number, kind, order, fen))

    def use(self) -> None:
        if (voucher := self.one_paper()) is None:
            return
        heap = self.papers[voucher]
        fen = self.chance.randint(1, len(heap))
        self.spent[voucher, self.number] = deque(heap.popleft() for _ in range(fen))
        self.note(voucher, USE, self.number, fen)

    def leave(self, voucher: int, coins: Sequence[Fen]) -> tuple[Piece, ...]:
        """Return coins of a voucher by where they lay on it when it was drawn, those side by side together."""
        pieces: list[Piece] = []
        for coin in coins:
            at = self.faces[voucher].index(coin)
            if pieces and pieces[-1].at + pieces[-1].fen == at:
                pieces[-1] = pieces[-1]._replace(fen=pieces[-1].fen + 1)
            else:
                pieces.append(Piece(voucher, at, 1))
        return tuple(pieces)

    def expire(self) -> Moved | None:
        if (voucher := self.one_paper()) is None:
            return None
        coins = list(self.papers[voucher])
        self.free += coins
        self.papers[voucher].clear()
        self.note(voucher, EXPIRE, 0, len(coins))
        return Moved(self.number, expired=self.leave(voucher, coins))

    def refund(self) -> Moved:
        """A refund gives vouchers back, claws some, is paid in for others, and returns backing to the pool."""
        if self.spent and self.chance.random() < 0.7:
            (voucher, order), heap = self.chance.choice(list(self.spent.items()))
            fen = self.some(heap)
            self.papers[voucher] += [heap.popleft() for _ in range(fen)]
            self.note(voucher, RETURN, order, fen)
        clawed: tuple[Piece, ...] = ()
        if (unspent := self.one_paper()) is not None:
            heap = self.papers[unspent]
            coins = [heap.popleft() for _ in range(self.some(heap))]
            self.released += coins
            self.note(unspent, CLAW, self.number, len(coins))
            clawed = self.leave(unspent, coins)
        paid = self.chance.choice((0, 0, 4))
        self.paid_in[self.number] = paid
        self.released += [(-self.number, n) for n in range(paid)]
        undone = min(1, len(self.free)) * self.chance.randint(0, 1)
        returned = self.chance.randint(0, len(self.released))
        if returned >= undone:
            self.free += [self.released.popleft() for _ in range(returned - undone)]
        else:
            self.released += [self.free.popleft() for _ in range(undone - returned)]
        facts = {"clawed": clawed, "order_id": self.number, "paid_fen": paid}
        return Moved(self.number, returned_fen=returned, undone_fen=undone, **facts)  # type: ignore[arg-type]

    def book(self) -> tuple[Ends, Book]:
        """Let the lines be kept from what was noted, in three goes."""
        ends, runs = Ends(), list[Run]()
        third = len(self.moves) // 3
        for part in (self.moves[:third], self.moves[third : 2 * third], self.moves[2 * third :]):
            drawn = {run.target_at: run.source_at for run in runs if run.target == VOUCHER}
            ends, more = extended(ends, part, drawn)
            runs += more
        return ends, Book(runs, self.blocks, {voucher: len(face) for voucher, face in self.faces.items()}, self.events)


def coins_of(book: Book, span: Span) -> list[Fen]:
    """Return the coins that the lines say an interval is made of."""
    found: list[Fen] = []
    for origin in origins(book, span):
        sign = -1 if origin.kind == "refund" else 1
        found += [(sign * origin.order_id, origin.order_at + n) for n in range(origin.fen)]
    return found


def lived(seed: int, days: int = 60) -> tuple[Clerk, Ends, Book]:
    clerk = Clerk(random.Random(seed))
    clerk.live(days)
    return clerk, *clerk.book()


def test_an_example_that_a_clerk_can_follow() -> None:
    # Order 7 brings 30 fen, order 8 20. The issue takes 40: all of 7 and half of 8. Mei draws 35, order 9 takes 5.
    moves = [
        Moved(1, cycle=1, entered_fen=50),
        Moved(2, issued_fen=40),
        Moved(3, drawn=((70, 35),)),
        Moved(4, expired=(Piece(70, 5, 30),)),
    ]
    ends, runs = extended(Ends(), moves, {})
    assert ends == Ends(free_in=80, free_out=40, released_in=40, released_out=35)
    spent = [Event(3, USE, 9, 5), Event(4, EXPIRE, 0, 30)]
    book = Book(runs, {1: [(7, 30), (8, 20)]}, {70: 35}, {70: spent})
    assert coins_of(book, Span(VOUCHER, 28, 4, 70)) == [(7, 28), (7, 29), (8, 0), (8, 1)]
    # What expired lies behind what was never issued: place 50 is the 6th fen of order 7, which wasn't spent.
    assert coins_of(book, Span(FREE, 40, 11)) == [*((8, n) for n in range(10, 20)), (7, 5)]
    assert [(each.fen, each.kind) for each in fates(book, Span(FREE, 0, 50))] == [
        (5, "use"),
        (30, "free"),
        (5, "released"),
        (10, "free"),
    ]


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9))
def test_every_fen_is_the_coin_that_a_clerk_would_hold(seed: int) -> None:
    clerk, ends, book = lived(seed)
    assert (ends.free_fen, ends.released_fen, ends.reserve_in) == (
        len(clerk.free),
        len(clerk.released),
        len(clerk.reserve),
    )
    assert coins_of(book, Span(FREE, ends.free_out, ends.free_fen)) == list(clerk.free)
    assert coins_of(book, Span(RELEASED, ends.released_out, ends.released_fen)) == list(clerk.released)
    for voucher, face in clerk.faces.items():
        assert coins_of(book, Span(VOUCHER, 0, len(face), voucher)) == face
    for target in (FREE, RELEASED, RESERVE):
        runs = [(run.target_at, run.fen) for run in book.runs if run.target == target]
        assert untiled_fen(runs, sum(fen for _, fen in runs)) == 0


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**9))
def test_every_fen_of_every_order_is_found_where_it_is_now(seed: int) -> None:
    clerk, _, book = lived(seed)
    now = dict.fromkeys(clerk.free, ("free", 0)) | dict.fromkeys(clerk.released, ("released", 0))
    now |= dict.fromkeys(clerk.reserve, ("reserve", 0))
    now |= {coin: ("unspent", voucher) for voucher, heap in clerk.papers.items() for coin in heap}
    now |= {coin: ("use", order) for (_, order), heap in clerk.spent.items() for coin in heap}
    for cycle, parts in clerk.blocks.items():
        block = [run for run in book.runs if (run.source, run.source_at) == ("orders", cycle)]
        place = block[0].target_at if block else 0
        for order, part in parts:
            found = [
                (fate.kind, _whose(fate)) for fate in fates(book, Span(FREE, place, part)) for _ in range(fate.fen)
            ]
            assert found == [now[order, n] for n in range(part)]
            place += part


def _whose(fate: Fate) -> int:
    if fate.kind == "unspent":
        return fate.stops[-1].voucher
    return fate.exit.order_id if fate.kind == "use" and fate.exit else 0


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**9))
def test_where_a_fen_is_now_leads_back_to_it(seed: int) -> None:
    _, ends, book = lived(seed)
    for fate in fates(book, Span(FREE, 0, ends.free_in)):
        coins = coins_of(book, fate.stops[0])
        assert {stop.fen for stop in fate.stops} == {fate.fen} == {len(coins)}
        for stop in fate.stops:
            # Nothing is asked of the reserve: what is in it is traced no further.
            assert stop.line == RESERVE or coins_of(book, stop) == coins


def test_intervals_that_leave_a_gap_or_overlap_are_told() -> None:
    assert untiled_fen([(0, 5), (5, 2)], 7) == 0
    assert untiled_fen([(0, 5), (6, 2)], 8) == 1
    assert untiled_fen([(0, 5), (4, 2)], 6) == 1
    assert untiled_fen([(0, 5)], 7) == 2
    assert untiled_fen([], 3) == 3


def test_a_line_with_a_gap_is_a_breach() -> None:
    ends, runs = extended(Ends(), [Moved(1, cycle=1, entered_fen=5), Moved(2, cycle=2, entered_fen=5)], {})
    blocks = {1: [(7, 5)], 2: [(8, 5)]}
    for broken in (runs[:1], runs[1:]):
        with pytest.raises(Breach, match="free money"):
            list(origins(Book(broken, blocks, {}, {}), Span(FREE, 0, ends.free_in)))


def test_a_fen_that_leads_round_and_round_is_a_breach() -> None:
    runs = [Run(FREE, 0, RELEASED, 0, 1, 1), Run(RELEASED, 0, FREE, 0, 1, 2)]
    with pytest.raises(Breach, match="round"):
        list(origins(Book(runs, {}, {}, {}), Span(FREE, 0, 1)))
    with pytest.raises(Breach, match="round"):
        list(fates(Book(runs, {}, {}, {}), Span(FREE, 0, 1)))


def test_a_journal_that_moves_less_than_nothing_is_a_breach() -> None:
    with pytest.raises(Breach, match="-3 fen"):
        extended(Ends(), [Moved(1, cycle=1, entered_fen=-3)], {})


def test_vouchers_of_before_lead_to_nobody_and_lose_no_fen() -> None:
    moves = [
        Moved(1, cycle=1, entered_fen=9),
        Moved(2, issued_fen=9),
        Moved(3, drawn=((0, 4),)),
        Moved(4, expired=(Piece(0, 0, 4),)),
    ]
    ends, runs = extended(Ends(), moves, {})
    book = Book(runs, {1: [(7, 9)]}, {}, {})
    assert [(each.fen, each.kind) for each in origins(book, Span(FREE, 9, 4))] == [(4, "unknown")]
    assert [(each.fen, each.kind) for each in fates(book, Span(FREE, 0, 9))] == [(4, "unspent"), (5, "released")]
    assert ends.free_in == 13


def test_a_voucher_spent_twice_comes_back_twice() -> None:
    # 10 fen; order 1 takes 6, a refund gives 4 back; order 2 takes 6: 4 that never left and 2 that came back.
    events = [
        Event(1, USE, 1, 6),
        Event(2, RETURN, 1, 3),
        Event(3, RETURN, 1, 1),
        Event(4, USE, 2, 6),
        Event(5, EXPIRE, 0, 2),
    ]
    line = voucher_line(10, events)
    assert line.left_fen == 0
    assert [(lot.fen, lot.left.order_id if lot.left else None) for lot in line.fates(0, 10)] == [
        (2, 2),
        (1, 0),
        (1, 0),
        (2, 1),
        (4, 2),
    ]
    assert list(line.drawn(8, 6)) == [(8, 2), (0, 3), (3, 1)]


def test_a_voucher_never_loses_more_than_it_held() -> None:
    with pytest.raises(Breach):
        voucher_line(3, [Event(1, USE, 1, 4)])
    with pytest.raises(Breach):
        voucher_line(3, [Event(1, USE, 1, 2), Event(2, RETURN, 1, 3)])
    with pytest.raises(Breach):
        voucher_line(3, []).exit_by(1, EXPIRE)
