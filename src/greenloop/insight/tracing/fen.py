"""Where fen came from and where they went, told in orders, cycles and counts of holders instead of places on lines."""

from collections.abc import Sequence
from dataclasses import dataclass

from greenloop.core.trust.lineage import Fate, Origin, Span, fates, origins
from greenloop.core.trust.trace import FREE, VOUCHER
from greenloop.store.queries import traced
from greenloop.store.queries.lines import PoolLines, lines_of
from greenloop.store.queries.traced import PayerRow, VoucherRow

STATES = ("free", "released", "unspent", "use", "returning", "reserve")
"""What becomes of fen: not released yet, released and not drawn, in a voucher, spent, on their way back, repaid."""
FEN_MAX = 100_000
"""Fen that one answer follows: 1 000 yuan."""
PAYERS_MAX = 1_000
"""Orders that one answer tells of."""


@dataclass(frozen=True, slots=True)
class Payer:
    """Fen of a voucher that one order paid in: those of its part from `order_at` on, from place `at` of the voucher.

    `kind` is `orders`, `refund` (its refund paid them in for vouchers that were spent already) or `unknown`, without an
    order. `cycle` is the alliance's cycle whose settlement released them, None for fen that none did.
    """

    at: int
    fen: int
    kind: str
    order: PayerRow | None
    order_at: int
    cycle: int | None


@dataclass(frozen=True, slots=True)
class PaidBy:
    """Which orders paid for some of a voucher's fen; `traced` says whether its lines are kept by now.

    `next_place` is the place that the next answer goes on from, None at the voucher's end.
    """

    voucher: VoucherRow
    traced: bool
    payers: Sequence[Payer]
    next_place: int | None = None


@dataclass(frozen=True, slots=True)
class Went:
    """Fen of an order's part that were released last in one cycle (None: not yet) and are in one state by now.

    `holders` counts the accounts that drew them; `rounds` how often at most they came back into the pool before.
    """

    cycle: int | None
    state: str
    fen: int
    holders: int
    rounds: int


@dataclass(frozen=True, slots=True)
class PartWent:
    """Where fen went of the part that an order brought into one pool: `fen` of them from `at` on.

    `traced` is False while the part isn't on the pool's line.
    """

    pool: str
    is_red: bool
    part_fen: int
    traced: bool
    went: Sequence[Went]
    at: int = 0
    fen: int = 0


@dataclass(frozen=True, slots=True)
class Followed:
    """Where an order's fen went, green ones first, then red ones.

    `next_place` is the place among all of them that the next answer goes on from, None at their end.
    """

    parts: Sequence[PartWent]
    next_place: int | None


def paid_by(voucher: VoucherRow, *, at: int = 0, fen: int = FEN_MAX) -> PaidBy:
    """Return which orders paid for fen of a voucher from a place on, or for as many of them as one answer tells of."""
    if not traced.kept(voucher.journal_id):
        return PaidBy(voucher, False, ())
    fen = min(fen, max(0, voucher.face_fen - at))
    found = _joined(origins(lines_of(voucher.pool_id), Span(VOUCHER, at, fen, voucher.id)))[:PAYERS_MAX]
    orders = traced.payers(each.order_id for each in found if each.order_id)
    cycles = traced.cycles_of({each.issue for each in found if each.issue})
    payers, place = [], at
    for each in found:
        order, cycle = orders.get(each.order_id), cycles.get(each.issue)
        payers.append(Payer(place, each.fen, each.kind, order, each.order_at, cycle))
        place += each.fen
    return PaidBy(voucher, True, payers, place if place < voucher.face_fen else None)


def _joined(found: list[Origin]) -> list[Origin]:
    """Join fen that follow each other in one order and were released by one settlement."""
    joined: list[Origin] = []
    for each in found:
        last = joined[-1] if joined else None
        if last and _follows(last, each):
            joined[-1] = last._replace(fen=last.fen + each.fen)
        else:
            joined.append(each)
    return joined


def _follows(last: Origin, each: Origin) -> bool:
    same = (last.kind, last.order_id, last.issue) == (each.kind, each.order_id, each.issue)
    return same and last.order_at + last.fen == each.order_at


def went(order_id: int, *, at: int = 0, fen: int = FEN_MAX) -> Followed:
    """Return where fen went that an order brought into its pools, from a place among them on.

    Fewer are told of where one answer would be too long; orders without a part in a pool have none there.
    """
    row = traced.entered(order_id)
    parts = [(row.pool_id, row.pool, False, row.green_fen), (row.red_pool_id, row.red_pool, True, row.red_fen)]
    found, begin, place = [], 0, at
    for pool_id, pool, is_red, part_fen in parts:
        first, asked = place - begin, min(begin + part_fen, at + fen) - place
        begin += part_fen
        if place >= begin or asked <= 0:
            continue
        lines = lines_of(pool_id)
        start = None if row.cycle is None else lines.place_of(order_id, row.cycle, row.pool_id)
        if start is None:
            found.append(PartWent(pool, is_red, part_fen, False, (), first, part_fen - first))
            place = begin
            continue
        pieces = fates(lines, Span(FREE, start + first, asked))
        told = sum(fate.fen for fate in pieces)
        found.append(PartWent(pool, is_red, part_fen, True, _gathered(lines, pieces), first, told))
        place += told
        if told < asked:
            break
    return Followed(found, place if place < row.green_fen + row.red_fen else None)


def _gathered(lines: PoolLines, found: Sequence[Fate]) -> list[Went]:
    cycles = traced.cycles_of({fate.issue for fate in found if fate.issue})
    held = lines.held({voucher for fate in found if (voucher := fate.voucher) > 0})
    groups: dict[tuple[int, str], list[Fate]] = {}
    for fate in found:
        # Fen that came back and wait are told apart from those that were never released by their cycle.
        groups.setdefault((cycles.get(fate.issue, 0), fate.kind), []).append(fate)
    return [
        Went(
            cycle or None,
            state,
            sum(fate.fen for fate in group),
            len({held[fate.voucher].holder for fate in group if fate.voucher in held}),
            max(fate.rounds for fate in group),
        )
        for (cycle, state), group in sorted(groups.items(), key=lambda each: (each[0][0] or 10**9, _rank(each[0][1])))
    ]


def _rank(state: str) -> int:
    return STATES.index(state)
