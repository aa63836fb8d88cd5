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
    """Which orders paid for a voucher, or for some of its fen; `traced` says whether its lines are kept by now."""

    voucher: VoucherRow
    traced: bool
    payers: Sequence[Payer]


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
    """Where the part went that an order brought into one pool; `traced` is False while it isn't on the pool's line."""

    pool: str
    is_red: bool
    part_fen: int
    traced: bool
    went: Sequence[Went]


def paid_by(voucher: VoucherRow, *, at: int = 0, fen: int | None = None) -> PaidBy:
    """Return which orders paid for fen of a voucher from a place on: for all of them where no number is given."""
    if not traced.kept(voucher.journal_id):
        return PaidBy(voucher, False, ())
    span = Span(VOUCHER, at, voucher.face_fen - at if fen is None else fen, voucher.id)
    found = _joined(list(origins(lines_of(voucher.pool_id), span)))
    orders = traced.payers(each.order_id for each in found if each.order_id)
    cycles = traced.cycles_of({each.issues[0] for each in found if each.issues})
    payers, place = [], at
    for each in found:
        cycle = cycles.get(each.issues[0]) if each.issues else None
        payers.append(Payer(place, each.fen, each.kind, orders.get(each.order_id), each.order_at, cycle))
        place += each.fen
    return PaidBy(voucher, True, payers)


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
    same = (last.kind, last.order_id, last.issues[:1]) == (each.kind, each.order_id, each.issues[:1])
    return same and last.order_at + last.fen == each.order_at


def went(order_id: int) -> list[PartWent]:
    """Return where the fen went that an order brought into its pools; orders without a part there have none."""
    row = traced.entered(order_id)
    parts = [(row.pool_id, row.pool, False, row.green_fen), (row.red_pool_id, row.red_pool, True, row.red_fen)]
    found = []
    for pool_id, pool, is_red, part_fen in parts:
        if not part_fen:
            continue
        lines = lines_of(pool_id)
        place = None if row.cycle is None else lines.place_of(order_id, row.cycle, row.pool_id)
        pieces = [] if place is None else _gathered(lines, list(fates(lines, Span(FREE, place, part_fen))))
        found.append(PartWent(pool, is_red, part_fen, place is not None, pieces))
    return found


def _gathered(lines: PoolLines, found: Sequence[Fate]) -> list[Went]:
    cycles = traced.cycles_of({fate.issue for fate in found if fate.issue})
    groups: dict[tuple[int, str], list[Fate]] = {}
    for fate in found:
        # Fen that came back and wait are told apart from those that were never released by their cycle.
        groups.setdefault((cycles.get(fate.issue, 0), fate.kind), []).append(fate)
    return [
        Went(
            cycle or None,
            state,
            sum(fate.fen for fate in group),
            len({_holder(lines, fate) for fate in group} - {0}),
            max(sum(stop.line == FREE for stop in fate.stops) - 1 for fate in group),
        )
        for (cycle, state), group in sorted(groups.items(), key=lambda each: (each[0][0] or 10**9, _rank(each[0][1])))
    ]


def _rank(state: str) -> int:
    return STATES.index(state)


def _holder(lines: PoolLines, fate: Fate) -> int:
    """Return the account that drew fen last, 0 where none did."""
    last = next((stop for stop in reversed(fate.stops) if stop.line == VOUCHER), None)
    held = lines.held(last.voucher) if last and last.voucher > 0 else None
    return held.holder if held else 0
