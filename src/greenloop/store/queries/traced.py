"""What tracing says of orders, vouchers and settlements beside their fen: names, instants, payments, statements."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from greenloop.core.faults import Refusal, say
from greenloop.store import sql
from greenloop.store.queries.moved import kept_until

NEWEST = 50


@dataclass(frozen=True, slots=True)
class PayerRow:
    """An order that paid into a pool, its payment at the institution, and the statement line that confirmed its cash.

    Payments that no institution collected have neither a number nor a line.
    """

    id: int
    member_id: int
    merchant: str
    order_no: str
    paid_at: datetime
    confirmed_at: datetime | None
    cash_fen: int
    concession_fen: int
    payment: str | None
    statement: str | None
    line: str | None


@dataclass(frozen=True, slots=True)
class VoucherRow:
    """A voucher as it stands, in fen."""

    id: int
    account_id: int
    pool_id: int
    pool: str
    face_fen: int
    left_fen: int
    drawn_at: datetime
    expires_at: datetime
    journal_id: int | None


@dataclass(frozen=True, slots=True)
class EnteredRow:
    """An order in the pools that it brought money into: the one it was routed to, and that of red points."""

    id: int
    cycle: int | None
    pool_id: int
    pool: str
    green_fen: int
    red_pool_id: int
    red_pool: str
    red_fen: int


def payers(order_ids: Iterable[int]) -> dict[int, PayerRow]:
    """Return orders by id, as those who paid."""
    found = {}
    for row in sql.rows_in(_PAYERS, set(order_ids)):
        paid_at, confirmed_at = sql.moment(row[4]), None if row[5] is None else sql.moment(row[5])
        fields = (*row[:4], paid_at, confirmed_at, *row[6:])
        found[row[0]] = PayerRow(*fields)
    return found


def vouchers(account_id: int, limit: int = NEWEST) -> list[VoucherRow]:
    """Return a holder's vouchers, newest first."""
    return [_voucher(row) for row in sql.rows(f"{_VOUCHER} WHERE v.account_id = %s {_LATEST}", [account_id, limit])]


def voucher(voucher_id: int) -> VoucherRow:
    """Return a voucher.

    :raises Refusal: there is none.
    """
    found = sql.rows(f"{_VOUCHER} WHERE v.id = %s", [voucher_id])
    if not found:
        message = say("There is no voucher {voucher}.")
        raise Refusal("voucher.unknown", message, field="voucher", voucher=str(voucher_id))
    return _voucher(found[0])


def kept(journal_id: int | None) -> bool:
    """Tell whether lines are kept up to a journal."""
    return journal_id is not None and journal_id <= kept_until()


def entered(order_id: int) -> EnteredRow:
    """Return what an order brought into the pools, as it stands."""
    return EnteredRow(*sql.rows(_ENTERED, [order_id])[0])


def cycles_of(journal_ids: Collection[int]) -> dict[int, int]:
    """Return the alliance cycles of settlements by their journals; other journals have none."""
    first: dict[str, int] = dict(sql.rows("SELECT name, first_cycle FROM pool"))
    found = {}
    for number, key in sql.rows_in("SELECT id, key FROM journal WHERE kind = 'settle' AND id IN ({keys})", journal_ids):
        _, _, of = key.partition("/")
        pool, _, own = of.rpartition("/")
        found[number] = first[pool] + int(own) - 1
    return found


def _voucher(row: sql.Row) -> VoucherRow:
    fields = (*row[:6], sql.moment(row[6]), sql.moment(row[7]), row[8])
    return VoucherRow(*fields)


_PAYERS = """
    SELECT o.id, o.member_id, m.ref, o.order_no, o.paid_at, o.confirmed_at, o.cash_fen, o.concession_fen, i.number,
        s.name, l.trade_no
    FROM orders o JOIN merchant m ON m.id = o.merchant_id
    LEFT JOIN payment_instruction i
        ON i.merchant_id = o.merchant_id AND i.order_no = o.order_no AND i.kind = 'collect'
    LEFT JOIN statement_line l ON l.number = i.number AND l.account = 'institution' AND l.kind = 'payment'
    LEFT JOIN payment_statement s ON s.id = l.statement_id
    WHERE o.id IN ({keys})
"""
_VOUCHER = """
    SELECT v.id, v.account_id, v.pool_id, p.name, v.face_fen, v.left_fen, v.drawn_at, v.expires_at, v.journal_id
    FROM voucher v JOIN pool p ON p.id = v.pool_id
"""
_LATEST = "ORDER BY v.id DESC LIMIT %s"
_ENTERED = """
    SELECT o.id, o.entry_cycle, o.pool_id, p.name, o.green_part_fen, v.red_pool_id, r.name, o.red_part_fen
    FROM orders o JOIN pool p ON p.id = o.pool_id JOIN rule_version v ON v.id = o.rules_id
    JOIN pool r ON r.id = v.red_pool_id WHERE o.id = %s
"""
