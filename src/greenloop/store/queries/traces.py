"""One order followed through the books: its price, its split, its refunds, and the journals it is part of."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from greenloop.core.faults import Refusal, say
from greenloop.core.loop.concession import MIN_CONCESSION_FEN
from greenloop.store import sql


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order with the names of those who take part; amounts in fen, the split as it stands now.

    `member` is whoever bought: a member, or a merchant that spends what it has earned.
    """

    id: int
    merchant: str
    order_no: str
    member: str
    referrer: str | None
    pool: str
    plan: str
    paid_at: datetime
    confirmed_at: datetime | None
    vests_at: datetime | None
    held: bool
    entry_cycle: int | None
    cash_fen: int
    voucher_fen: int
    coupon_fen: int
    rate_ppm: int
    concession_fen: int
    concession_lost_fen: int
    kept_fen: int | None
    green_part_fen: int
    red_part_fen: int
    coupon_part_fen: int
    fee_part_fen: int
    member_multiple_ppm: int
    merchant_multiple_ppm: int
    red_points: int
    rebate_fen: int
    refunded_fen: int
    payout_id: int | None
    journal_id: int

    @property
    def divided_fen(self) -> int:
        """Return the concession whose parts the split shows: after refunds, as long as the parts could follow."""
        return self.concession_fen - self.concession_lost_fen if self.kept_fen is None else self.kept_fen

    @property
    def reserve_part_fen(self) -> int:
        """Return the reserve's part: what the other four leave."""
        return self.divided_fen - self.green_part_fen - self.red_part_fen - self.coupon_part_fen - self.fee_part_fen


@dataclass(frozen=True, slots=True)
class RefundRow:
    """A refund of the order, in fen and points; `dues_fen` is what it took from the merchant's dues.

    `effect_journal_id` is the journal of what it did to points after a held settlement, None where that moved no money;
    `payout_journal_id` that of the payout which its dues were netted in.
    """

    refund_no: str
    state: str
    amount_fen: int
    cash_fen: int
    voucher_fen: int
    coupon_fen: int
    withheld_fen: int
    concession_lost_fen: int
    member_points_lost: int
    merchant_points_lost: int
    red_points_lost: int
    effect: str
    journal_id: int | None
    effect_journal_id: int | None
    asked_at: datetime
    paid_at: datetime | None
    dues_fen: int
    payout_journal_id: int | None


@dataclass(frozen=True, slots=True)
class JournalRow:
    """A journal that the order is part of, with its postings: (debit, credit, fen), sums over the whole batch."""

    id: int
    book: str
    key: str
    kind: str
    effective_at: datetime
    postings: tuple[tuple[str, str, int], ...]


def order(merchant: str, order_no: str) -> OrderRow:
    """Return an order by its merchant's ref and its number.

    :raises Refusal: the merchant or the order is unknown.
    """
    found = sql.rows(_ORDER, [merchant, order_no])
    if found:
        row = list(found[0])
        row[7:10] = [None if at is None else sql.moment(at) for at in row[7:10]]
        row[10] = bool(row[10])
        return OrderRow(*row)
    if sql.value("SELECT 1 FROM merchant WHERE ref = %s", [merchant]):
        message, field = say("The merchant {merchant} has no order {order_no}."), "order_no"
    else:
        message, field = say("The merchant {merchant} is not enrolled."), "merchant"
    raise Refusal("trace.unknown", message, field=field, merchant=merchant[:64], order_no=order_no[:64])


def refunds(order_id: int) -> list[RefundRow]:
    """Return an order's refunds, oldest first."""
    return [_refund(row) for row in sql.rows(_REFUNDS, [order_id, order_id])]


def _refund(row: sql.Row) -> RefundRow:
    fields = list(row)
    fields[14:16] = [None if at is None else sql.moment(at) for at in row[14:16]]
    return RefundRow(*fields)


def release_index(found: OrderRow) -> int | None:
    """Return what a point of the order has released so far × 10**12, None where it has no points (yet)."""
    value = sql.value(_INDEX, [found.id, MIN_CONCESSION_FEN])
    return None if value is None else int(value)


def journals(found: OrderRow) -> list[JournalRow]:
    """Return the journals that an order is part of, oldest first."""
    numbers = {found.journal_id}
    for refund in refunds(found.id):
        numbers |= {number for number in (refund.journal_id, refund.effect_journal_id) if number is not None}
    if found.payout_id is not None:
        numbers.add(sql.value("SELECT journal_id FROM payout WHERE id = %s", [found.payout_id]))
    keys: list[str] = []
    if found.entry_cycle is not None:
        keys = [f"vest/{found.entry_cycle}", f"fee/{found.entry_cycle}", *_settlements(found)]
    return journals_of(numbers, keys)


def _settlements(found: OrderRow) -> list[str]:
    return [f"settle/{found.pool}/{own}" for (own,) in sql.rows(_SETTLED, [found.pool, found.entry_cycle])]


def journals_of(numbers: Collection[int], keys: Collection[str]) -> list[JournalRow]:
    """Return journals by their numbers and keys, with all their postings."""
    rows = {row[0]: row for row in sql.rows_in(f"{_JOURNAL} WHERE id IN ({{keys}})", numbers)}
    rows |= {row[0]: row for row in sql.rows_in(f"{_JOURNAL} WHERE key IN ({{keys}})", keys)}
    postings: dict[int, list[tuple[str, str, int]]] = {}
    for journal, debit, credit, fen in sql.rows_in(_POSTINGS, rows):
        postings.setdefault(journal, []).append((debit, credit, fen))
    return [
        JournalRow(number, book, key, kind, sql.moment(at), tuple(postings.get(number, ())))
        for number, book, key, kind, at in (rows[number] for number in sorted(rows))
    ]


_ORDER = """
    SELECT o.id, m.ref, o.order_no,
           COALESCE(b.ref, (SELECT MIN(x.ref) FROM merchant x WHERE x.account_id = o.member_id)), r.ref, p.name, l.name,
           o.paid_at, o.confirmed_at, o.vests_at, o.held, o.entry_cycle, o.cash_fen, o.voucher_fen, o.coupon_fen,
           o.rate_ppm, o.concession_fen, o.concession_lost_fen, o.kept_fen, o.green_part_fen, o.red_part_fen,
           o.coupon_part_fen, o.fee_part_fen, o.member_multiple_ppm, o.merchant_multiple_ppm, o.red_points,
           o.rebate_fen, o.refunded_fen, o.payout_id, o.journal_id
    FROM orders o JOIN merchant m ON m.id = o.merchant_id LEFT JOIN member b ON b.account_id = o.member_id
    LEFT JOIN member r ON r.account_id = o.referrer_id JOIN pool p ON p.id = o.pool_id JOIN plan l ON l.id = o.plan_id
    WHERE m.ref = %s AND o.order_no = %s
"""
# Asked for by its merchant too, an order's refunds are found in an index; by the order alone, all there are are read.
_REFUNDS = """
    SELECT r.refund_no, r.state, r.amount_fen, r.cash_fen, r.voucher_fen, r.coupon_fen, r.withheld_fen,
           r.concession_lost_fen, r.member_points_lost, r.merchant_points_lost, r.red_points_lost, r.effect,
           r.journal_id, e.id, r.asked_at, r.paid_at, r.dues_fen, y.journal_id
    FROM refund r LEFT JOIN payout y ON y.id = r.payout_id
    LEFT JOIN journal e ON e.id = r.effect_journal_id AND e.key = 'refund-effect/' || r.id
    WHERE r.merchant_id = (SELECT merchant_id FROM orders WHERE id = %s) AND r.order_id = %s ORDER BY r.id
"""
_INDEX = """
    SELECT c.release_index FROM orders o JOIN pool p ON p.id = o.pool_id
    JOIN cohort c ON c.pool_id = o.pool_id AND c.plan_id = o.plan_id AND c.entry = o.entry_cycle - p.first_cycle + 1
    WHERE o.id = %s AND o.entered_fen >= %s
"""
_SETTLED = """
    SELECT s.cycle FROM settled_cycle s JOIN pool p ON p.id = s.pool_id
    WHERE p.name = %s AND p.first_cycle + s.cycle - 1 >= %s ORDER BY s.cycle
"""
_JOURNAL = "SELECT id, book, key, kind, effective_at FROM journal"
_POSTINGS = """
    SELECT p.journal_id, d.name, c.name, p.amount_fen FROM posting p
    JOIN ledger_account d ON d.id = p.debit_id JOIN ledger_account c ON c.id = p.credit_id
    WHERE p.journal_id IN ({keys}) ORDER BY p.id
"""
