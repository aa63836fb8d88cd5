"""Following fen along the lines of a pool: back to the order that paid them in, on to where they are now.

All runs that fen came by, or went by, are gathered at once; here they are put together. Fen that came back, by a
refund or an expiry, are followed through every round they made. Places are fen.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from greenloop.core.faults import breach, ensure
from greenloop.core.trust.trace import FREE, ORDERS, REFUND, RELEASED, VOUCHER, Run
from greenloop.core.trust.voucher_line import USE, Exit, VoucherLine

TURNS_MAX = 3
"""Runs of one journal that a fen may take: taken back from a voucher, and returned to the pool by the same refund."""


class Part(NamedTuple):
    """Fen that one order brought into a pool: which of its own, from `at` on."""

    order_id: int
    at: int
    fen: int


class Block(NamedTuple):
    """An interval of what orders brought in one alliance cycle."""

    cycle: int
    at: int
    fen: int


class Held(NamedTuple):
    """A voucher on the lines of its pool: its own line, where the released fen lie that it was drawn from, and whose.

    `holder` is an account's number.
    """

    released_at: int
    line: VoucherLine
    holder: int = 0


class Met(NamedTuple):
    """The runs that fen took, in any order, others maybe among them: for the first `fen` of those asked for."""

    runs: Iterable[Run]
    fen: int


class Lines(Protocol):
    """The lines of one pool, wherever they are kept. Intervals are (place, fen)."""

    def behind(self, line: str, intervals: Sequence[tuple[int, int]]) -> Met:
        """Return the runs by which fen of a line came there, back to where they entered."""

    def ahead(self, line: str, at: int, fen: int) -> Met:
        """Return the runs by which fen of a line went on, to where they are."""

    def entered(self, blocks: Sequence[Block]) -> Sequence[Sequence[Part]]:
        """Return, for each interval, the parts of orders that tile it, in their order."""

    def held(self, vouchers: Collection[int]) -> Mapping[int, Held]:
        """Return vouchers by number, those that are on the lines."""


class Span(NamedTuple):
    """An interval of a line; `voucher` says whose, where the line is a voucher's."""

    line: str
    at: int
    fen: int
    voucher: int = 0


class Origin(NamedTuple):
    """Where fen came from. `kind` is `orders`, `refund` (paid in for vouchers already spent) or `unknown`.

    `order_at` is their place among the fen that the order brought; `issue` is the journal that released them last, 0
    where none did.
    """

    fen: int
    kind: str
    order_id: int
    order_at: int
    issue: int


class Stop(NamedTuple):
    """A place where fen were, and the one before it. `shift` is the place of the first fen that was asked for."""

    line: str
    shift: int
    voucher: int
    before: "Stop | None"


class Fate(NamedTuple):
    """What became of fen. `kind` is `free`, `released`, `unspent`, `use`, `reserve` or `returning`.

    `offset` counts from the first fen that was asked for. `issue` is the journal by which they were released last, 0
    where they never were. `exit` is how they left a voucher, where they did: `returning` fen have left it and are on a
    line again once that is traced.
    """

    fen: int
    kind: str
    offset: int
    last: Stop
    issue: int = 0
    exit: Exit | None = None

    @property
    def stops(self) -> tuple[Span, ...]:
        """Return the places they were at, oldest first; the last is where they are."""
        found = [Span(each.line, each.shift + self.offset, self.fen, each.voucher) for each in self._back()]
        return tuple(reversed(found))

    @property
    def voucher(self) -> int:
        """Return the voucher that held them last, 0 where none did."""
        return next((stop.voucher for stop in self._back() if stop.line == VOUCHER), 0)

    @property
    def rounds(self) -> int:
        """Return how often they came back into the pool's free money."""
        return sum(stop.line == FREE for stop in self._back()) - 1

    def _back(self) -> Iterator[Stop]:
        stop: Stop | None = self.last
        while stop is not None:
            yield stop
            stop = stop.before


class _Tiles:
    """Runs by the line that they lead to, or begin at."""

    def __init__(self, runs: Iterable[Run], *, by_target: bool) -> None:
        found: dict[str, list[tuple[int, Run]]] = {}
        for run in runs:
            line, place = (run.target, run.target_at) if by_target else (run.source, run.source_at)
            found.setdefault(line, []).append((place, run))
        self.places: dict[str, list[int]] = {}
        self.runs: dict[str, list[Run]] = {}
        for line, each in found.items():
            each.sort()
            self.places[line], self.runs[line] = [place for place, _ in each], [run for _, run in each]

    def over(self, line: str, at: int, fen: int) -> Iterator[tuple[Run | None, int, int]]:
        """Yield (run, offset in it, fen) of an interval, in its order; the run is None where there is none."""
        places, runs = self.places.get(line, []), self.runs.get(line, [])
        index, place, end = max(0, bisect_right(places, at) - 1), at, at + fen
        while place < end:
            start = places[index] if index < len(places) else end
            stop = min(end, start + runs[index].fen) if index < len(places) else end
            if start > place:
                yield None, 0, min(start, end) - place
                place = min(start, end)
            elif stop > place:
                yield runs[index], place - start, stop - place
                place = stop
            else:
                index += 1


class _Step(NamedTuple):
    """Where a fen has got to, and how often one journal has moved it on end."""

    run: Run
    offset: int
    fen: int
    issue: int
    turns: int


def origins(lines: Lines, span: Span) -> list[Origin]:
    """Return where the fen of an interval came from, in its order: of the first of them, if they took very many runs.

    :raises Breach: the lines have a gap, or lead nowhere.
    """
    line, intervals = span.line, [(span.at, span.fen)]
    if span.line == VOUCHER:
        held = lines.held([span.voucher]).get(span.voucher)
        if held is None:
            return [Origin(span.fen, "unknown", 0, 0, 0)]
        line = RELEASED
        intervals = [(held.released_at + at, fen) for at, fen in held.line.drawn(span.at, span.fen)]
    met = lines.behind(line, intervals)
    tiles, rest, roots = _Tiles(met.runs, by_target=True), met.fen, list[_Step]()
    for at, fen in intervals:
        roots += _roots(tiles, line, at, min(fen, rest))
        rest -= min(fen, rest)
    return list(_named(lines, roots))


def _roots(tiles: _Tiles, line: str, at: int, fen: int) -> Iterator[_Step]:
    """Yield the runs by which the fen of an interval entered the pool, in its order."""
    waiting = list(_back(tiles, line, at, fen, None))
    while waiting:
        step = waiting.pop()
        run = step.run
        if run.source in {ORDERS, REFUND} or (run.source == VOUCHER and run.source_at < 0):
            yield step
        else:
            before = RELEASED if run.source == VOUCHER else run.source
            waiting += _back(tiles, before, run.source_at + step.offset, step.fen, step)


def _back(tiles: _Tiles, line: str, at: int, fen: int, after: _Step | None) -> list[_Step]:
    """Return one step back for each run that fen of an interval came by, the last first."""
    found, place = list[_Step](), at
    for run, offset, part in tiles.over(line, at, fen):
        if run is None:
            breach(f"the line of {line} money has a gap at {place}")
        turns = 1 if after is None or run.journal_id < after.run.journal_id else after.turns + 1
        in_order = after is None or run.journal_id <= after.run.journal_id
        ensure(in_order and turns <= TURNS_MAX, f"fen {place} of {line} money leads round and round")
        issue = after.issue if after else 0
        if run.source == FREE and not issue:
            issue = run.journal_id
        found.append(_Step(run, offset, part, issue, turns))
        place += part
    return found[::-1]


def _named(lines: Lines, roots: Sequence[_Step]) -> Iterator[Origin]:
    """Yield roots as origins; orders are asked for together."""
    blocks = [Block(step.run.source_at, step.offset, step.fen) for step in roots if step.run.source == ORDERS]
    parts = iter(lines.entered(blocks) if blocks else ())
    for step in roots:
        if step.run.source == ORDERS:
            found = next(parts)
            ensure(sum(part.fen for part in found) == step.fen, f"cycle {step.run.source_at} has fen of no order")
            yield from (Origin(part.fen, ORDERS, part.order_id, part.at, step.issue) for part in found)
        elif step.run.source == REFUND:
            yield Origin(step.fen, REFUND, step.run.source_at, step.offset, step.issue)
        else:
            yield Origin(step.fen, "unknown", 0, 0, step.issue)


class _Reached(NamedTuple):
    """Fen on their way: the line and place to go on from (no line where they are there), and what is told of them.

    Fen in a voucher go on from the released money that they were drawn from.
    """

    line: str
    at: int
    fate: Fate
    journal_id: int = 0
    turns: int = 0


def fates(lines: Lines, span: Span) -> list[Fate]:
    """Return what became of free or released fen, in their order: of the first of them, if they took very many runs.

    :raises Breach: the lines lead round and round.
    """
    met = lines.ahead(span.line, span.at, span.fen)
    tiles, found = _Tiles(met.runs, by_target=False), list[Fate]()
    first = Fate(met.fen, span.line, 0, Stop(span.line, span.at, 0, None))
    waiting = [_Reached(span.line, span.at, first)]
    while waiting:
        here = waiting.pop()
        if here.line:
            waiting += _onward(tiles, here)
        else:
            found.append(here.fate)
    held = lines.held({voucher for fate in found if (voucher := fate.voucher) > 0})
    return [each for fate in found for each in _of_voucher(held, fate)]


def _onward(tiles: _Tiles, here: _Reached) -> list[_Reached]:
    """Return one step on for each run that fen went by, or none for those that went no further, the last first."""
    found, place = list[_Reached](), 0
    for run, skipped, fen in tiles.over(here.line, here.at, here.fate.fen):
        fate = here.fate._replace(fen=fen, offset=here.fate.offset + place)
        still = _Reached("", here.at + place, fate, here.journal_id, here.turns)
        found.append(still if run is None else _by(run, skipped, still))
        place += fen
    return found[::-1]


def _by(run: Run, skipped: int, here: _Reached) -> _Reached:
    """Return where fen are by a run, of which they are not the first `skipped`."""
    turns = 1 if run.journal_id > here.journal_id else here.turns + 1
    ensure(run.journal_id >= here.journal_id and turns <= TURNS_MAX, f"fen {here.at} leads round and round")
    fate, drawn = here.fate, run.target == VOUCHER
    place, voucher = (skipped, run.target_at) if drawn else (run.target_at + skipped, 0)
    stop = Stop(run.target, place - fate.offset, voucher, fate.last)
    issue = run.journal_id if (run.source, run.target) == (FREE, RELEASED) else fate.issue
    # Of a voucher from before vouchers were traced nothing more is known.
    kind = "unspent" if voucher < 0 else run.target
    line = run.target if kind in {FREE, RELEASED, VOUCHER} else ""
    told = fate._replace(kind=kind, last=stop, issue=issue)
    return _Reached(line, here.at if drawn else place, told, run.journal_id, turns)


def _of_voucher(held: Mapping[int, Held], fate: Fate) -> Iterator[Fate]:
    """Yield what became of fen that a voucher held last: they are in it, were spent, or are on their way back."""
    if fate.kind != VOUCHER:
        yield fate
        return
    stop, offset = fate.last, fate.offset
    if stop.voucher not in held:
        yield fate._replace(kind="unspent")
        return
    for lot in held[stop.voucher].line.fates(stop.shift + offset, fate.fen):
        kind = "unspent" if lot.left is None else USE if lot.left.kind == USE else "returning"
        # Fen that a refund gave back lie elsewhere on the voucher by now.
        last = stop._replace(shift=lot.at - offset)
        yield fate._replace(fen=lot.fen, kind=kind, offset=offset, last=last, exit=lot.left)
        offset += lot.fen
