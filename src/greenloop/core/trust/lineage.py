"""Following fen along the lines of a pool: back to the order that paid them in, on to where they are now.

Each step finds the runs that overlap an interval and goes on with its pieces. Fen that came back, by a refund or an
expiry, are followed through every round they made. Places are fen.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from greenloop.core.faults import ensure
from greenloop.core.trust.trace import FREE, ORDERS, REFUND, RELEASED, RESERVE, UNKNOWN, VOUCHER, Run
from greenloop.core.trust.voucher_line import CLAW, EXPIRE, USE, Exit, VoucherLine

ROUNDS_MAX = 200
"""Steps of one fen: each round through a pool takes it three, and a voucher lives for a year."""


class Part(NamedTuple):
    """Fen that one order brought into a pool: which of its own, from `at` on."""

    order_id: int
    at: int
    fen: int


class Held(NamedTuple):
    """A voucher on the lines of its pool: its own line, where the released fen lie that it was drawn from, and whose.

    `holder` is an account's number.
    """

    released_at: int
    line: VoucherLine
    holder: int = 0


class Lines(Protocol):
    """The lines of one pool, wherever they are kept. Intervals are (place, fen); what is returned is in their order."""

    def into(self, target: str, at: int, fen: int) -> Sequence[Run]:
        """Return the runs that end in an interval of free or released money."""

    def out_of(self, source: str, at: int, fen: int) -> Sequence[Run]:
        """Return the runs that begin in an interval of free or released money."""

    def entered(self, cycle: int, at: int, fen: int) -> Sequence[Part]:
        """Return the parts that orders brought in one alliance cycle, for an interval of them; they tile it."""

    def held(self, voucher: int) -> Held | None:
        """Return a voucher, None if it isn't on the lines."""

    def left_by(self, voucher: int, journal_id: int) -> Run | None:
        """Return the run by which a voucher's fen returned to the pool, None if it isn't on the lines yet."""


class Span(NamedTuple):
    """An interval of a line; `voucher` says whose, where the line is a voucher's."""

    line: str
    at: int
    fen: int
    voucher: int = 0


class Origin(NamedTuple):
    """Where fen came from. `kind` is `orders`, `refund` (paid in for vouchers already spent) or `unknown`.

    `order_at` is their place among the fen that the order brought; `issues` are the journals by which they were
    released, the latest first.
    """

    fen: int
    kind: str
    order_id: int
    order_at: int
    issues: tuple[int, ...]


class Fate(NamedTuple):
    """What became of fen. `kind` is `free`, `released`, `unspent`, `use`, `reserve` or `returning`.

    `stops` are the places they were at, oldest first; the last is where they are. `issue` is the journal by which they
    were released last, 0 where they never were. `exit` is how they left a voucher, where they did: `returning` fen have
    left it and are on a line again once that is traced.
    """

    fen: int
    kind: str
    stops: tuple[Span, ...]
    issue: int = 0
    exit: Exit | None = None

    @property
    def drawn(self) -> bool:
        """Whether a voucher has held these fen."""
        return any(stop.line == VOUCHER for stop in self.stops)


def origins(lines: Lines, span: Span, issues: tuple[int, ...] = (), rounds: int = 0) -> Iterator[Origin]:
    """Yield where the fen of an interval came from, in its order.

    :raises Breach: the lines have a gap, or lead nowhere.
    """
    ensure(rounds < ROUNDS_MAX, f"{span} leads round and round")
    if span.line == VOUCHER:
        held = lines.held(span.voucher)
        if held is None:
            yield Origin(span.fen, "unknown", 0, 0, issues)
            return
        for at, fen in held.line.drawn(span.at, span.fen):
            yield from origins(lines, Span(RELEASED, held.released_at + at, fen), issues, rounds + 1)
        return
    place = span.at
    for run in lines.into(span.line, span.at, span.fen):
        start, end = max(span.at, run.target_at), min(span.at + span.fen, run.target_at + run.fen)
        ensure(start == place, f"the line of {span.line} money has a gap at {place}")
        yield from _before(lines, run, Span(span.line, start, end - start), issues, rounds)
        place = end
    ensure(place == span.at + span.fen, f"the line of {span.line} money ends at {place}")


def _before(lines: Lines, run: Run, here: Span, issues: tuple[int, ...], rounds: int) -> Iterator[Origin]:
    offset, fen = here.at - run.target_at, here.fen
    if run.source == ORDERS:
        for part in lines.entered(run.source_at, offset, fen):
            yield Origin(part.fen, ORDERS, part.order_id, part.at, issues)
    elif run.source == REFUND:
        yield Origin(fen, REFUND, run.source_at, offset, issues)
    elif run.source == VOUCHER:
        held = None if run.source_at == UNKNOWN else lines.held(run.source_at)
        if held is None:
            yield Origin(fen, "unknown", 0, 0, issues)
            return
        out = held.line.exit_by(run.journal_id, EXPIRE if run.target == FREE else CLAW)
        yield from origins(lines, Span(VOUCHER, out.at + offset, fen, run.source_at), issues, rounds + 1)
    else:
        passed = (*issues, run.journal_id) if run.source == FREE else issues
        yield from origins(lines, Span(run.source, run.source_at + offset, fen), passed, rounds + 1)


def fates(lines: Lines, span: Span, stops: tuple[Span, ...] = (), issue: int = 0) -> Iterator[Fate]:
    """Yield what became of the fen of an interval, in its order.

    :raises Breach: the lines lead round and round.
    """
    ensure(len(stops) < ROUNDS_MAX, f"{span} leads round and round")
    if span.line == VOUCHER:
        yield from _of_voucher(lines, span, stops, issue)
        return
    place, end = span.at, span.at + span.fen
    for run in lines.out_of(span.line, span.at, span.fen):
        start, stop = max(place, run.source_at), min(end, run.source_at + run.fen)
        here = _narrowed((*stops, span), start - span.at, stop - start)
        yield from _after(lines, run, start - run.source_at, here, issue)
        place = stop
    if place < end:
        yield Fate(end - place, span.line, _narrowed((*stops, span), place - span.at, end - place), issue)


def _after(lines: Lines, run: Run, offset: int, stops: tuple[Span, ...], issue: int) -> Iterator[Fate]:
    fen = stops[-1].fen
    if run.target == VOUCHER:
        yield from fates(lines, Span(VOUCHER, offset, fen, run.target_at), stops, issue)
    elif run.target == RESERVE:
        yield Fate(fen, RESERVE, (*stops, Span(RESERVE, run.target_at + offset, fen)), issue)
    else:
        released_by = run.journal_id if run.target == RELEASED else issue
        yield from fates(lines, Span(run.target, run.target_at + offset, fen), stops, released_by)


def _of_voucher(lines: Lines, span: Span, stops: tuple[Span, ...], issue: int) -> Iterator[Fate]:
    held = None if span.voucher < 0 else lines.held(span.voucher)
    if held is None:
        yield Fate(span.fen, "unspent", (*stops, span), issue)
        return
    offset = 0
    for lot in held.line.fates(span.at, span.fen):
        # Fen that came back lie elsewhere on the voucher by now; the stops before are those of the same fen.
        here = (*_narrowed(stops, offset, lot.fen), Span(VOUCHER, lot.at, lot.fen, span.voucher))
        offset += lot.fen
        if lot.left is None:
            yield Fate(lot.fen, "unspent", here, issue)
        elif lot.left.kind == USE:
            yield Fate(lot.fen, USE, here, issue, lot.left)
        elif run := lines.left_by(span.voucher, lot.left.journal_id):
            at = run.target_at + lot.at - lot.left.at
            yield from fates(lines, Span(run.target, at, lot.fen), here, issue)
        else:
            yield Fate(lot.fen, "returning", here, issue, lot.left)


def _narrowed(stops: tuple[Span, ...], offset: int, fen: int) -> tuple[Span, ...]:
    """Return places of the same fen for a part of them."""
    return tuple(stop._replace(at=stop.at + offset, fen=fen) for stop in stops)
