"""Money in and out: payouts with what they are made of, deposits, fees and grants; newest first, page by page."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from greenloop.core.faults import Refusal, say
from greenloop.store import sql

LAST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class PayoutRow:
    """One payment of a merchant's dues."""

    id: int
    merchant: str
    business_date: date
    amount_fen: int
    journal_id: int | None


@dataclass(frozen=True, slots=True)
class Parts:
    """What one payout is made of, in fen: sales less their concession, less refunds, and what the merchant brought.

    `repaid_fen` is what it gave back of advances. The amount is sales − refunds + deposits − repaid.
    """

    orders: int
    sales_fen: int
    refunds: int
    refunds_fen: int
    deposits: int
    deposits_fen: int
    repaid_fen: int


@dataclass(frozen=True, slots=True)
class DepositRow:
    """Money that a merchant brought back; `payout_id` is the payout that it went into, None until then."""

    id: int
    merchant: str
    deposit_no: str
    amount_fen: int
    payout_id: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class FeeRow:
    """The platform's fee of all orders that entered in one cycle, moved into its own book."""

    cycle: int
    amount_fen: int
    journal_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class GrantRow:
    """A marketing budget for first-order rebates, in fen; usable once another person has approved it."""

    id: int
    ref: str
    amount_fen: int
    rebate_fen: int
    committed_fen: int
    transferred_fen: int
    unused_fen: int
    proposed_by: str
    proposed_at: datetime
    approved_by: str | None
    approved_at: datetime | None


def payouts(
    *, merchants: Collection[str] | None, on: date | None = None, before: int = LAST, limit: int
) -> list[PayoutRow]:
    """Return payouts, newest first: those to merchants (refs), or all; of one business date where one is named."""
    first, last = (on or date.min).isoformat(), (on or date.max).isoformat()
    return [_payout(row) for row in _of_merchants(_PAYOUTS, "p.id", merchants, [before, first, last], limit)]


def payout(payout_id: int) -> PayoutRow:
    """Return one payout.

    :raises Refusal: there is none.
    """
    found = sql.rows(_PAYOUT, [payout_id])
    if not found:
        message = say("There is no payout {payout}.")
        raise Refusal("payout.unknown", message, field="payout", payout=str(payout_id))
    return _payout(found[0])


def parts(row: PayoutRow) -> Parts:
    """Return what a payout is made of. The merchant's orders, refunds and deposits are looked through for it."""
    found = {kind: numbers for kind, *numbers in sql.rows(_PARTS, [row.merchant, row.id] * 4)}
    (orders, sales), (refunds, back) = found["orders"], found["refunds"]
    (deposits, brought), (_, repaid) = found["deposits"], found["repaid"]
    return Parts(orders, int(sales), refunds, int(back), deposits, int(brought), -int(repaid))


def deposits(*, merchants: Collection[str] | None, before: int = LAST, limit: int) -> list[DepositRow]:
    """Return deposits, newest first: those of merchants (refs), or all. Advances are not among them."""
    found = _of_merchants(_DEPOSITS, "d.id", merchants, [before], limit)
    return [_deposit(row) for row in found]


def has_grant(ref: str) -> bool:
    """Tell whether a grant with this ref was proposed."""
    return bool(sql.rows(_GRANT, [ref]))


def fees(*, before: int = LAST, limit: int) -> list[FeeRow]:
    """Return fee transfers, newest cycle first."""
    found = sql.rows(_FEES, [before, limit])
    return [FeeRow(cycle, fen, journal, sql.moment(at)) for cycle, fen, journal, at in found]


def grants(*, before: int = LAST, limit: int) -> list[GrantRow]:
    """Return grants, newest first."""
    return [_grant(row) for row in sql.rows(_GRANTS, [before, limit])]


def grant(ref: str) -> GrantRow:
    """Return one grant.

    :raises Refusal: there is none.
    """
    found = sql.rows(_GRANT, [ref])
    if not found:
        raise Refusal("grant.unknown", say("There is no grant {ref}."), field="ref", ref=ref)
    return _grant(found[0])


def _of_merchants(
    query: str, key: str, merchants: Collection[str] | None, params: list[object], limit: int
) -> list[sql.Row]:
    """Return rows of merchants, of all where they are None, by falling `key`, which is the first column."""
    end = f"ORDER BY {key} DESC LIMIT {int(limit)}"
    if merchants is None:
        return sql.rows(f"{query} {end}", params)
    found = sql.rows_in(f"{query} AND m.ref IN ({{keys}}) {end}", sorted(merchants), params)
    return sorted(found, key=lambda row: -int(row[0]))[:limit]


def _payout(row: sql.Row) -> PayoutRow:
    number, merchant, day, fen, journal = row
    return PayoutRow(number, merchant, sql.day(day), fen, journal)


def _deposit(row: sql.Row) -> DepositRow:
    number, merchant, deposit_no, fen, payout_id, at = row
    return DepositRow(number, merchant, deposit_no, fen, payout_id, sql.moment(at))


def _grant(row: sql.Row) -> GrantRow:
    number, ref, amount, rebate, committed, transferred, unused, by, proposed_at, approved_by, approved_at = row
    return GrantRow(
        *(number, ref, amount, rebate, committed, transferred, unused, by),
        proposed_at=sql.moment(proposed_at),
        approved_by=approved_by,
        approved_at=None if approved_at is None else sql.moment(approved_at),
    )


_PAYOUT_OF = """
    SELECT p.id, m.ref, p.business_date, p.amount_fen, p.journal_id
    FROM payout p JOIN merchant m ON m.id = p.merchant_id
"""
_PAYOUTS = f"{_PAYOUT_OF} WHERE p.id < %s AND p.business_date BETWEEN %s AND %s"
_PAYOUT = f"{_PAYOUT_OF} WHERE p.id = %s"
_OF = "WHERE {of}.merchant_id = (SELECT id FROM merchant WHERE ref = %s) AND {of}.payout_id = %s"
_PARTS = f"""
    SELECT 'orders', COUNT(*), COALESCE(SUM(o.cash_fen - o.concession_fen + o.voucher_fen + o.coupon_fen), 0)
    FROM orders o {_OF.format(of="o")} AND o.confirmed_at IS NOT NULL
    UNION ALL SELECT 'refunds', COUNT(*), COALESCE(SUM(r.dues_fen), 0) FROM refund r {_OF.format(of="r")}
    UNION ALL SELECT 'deposits', COUNT(*), COALESCE(SUM(d.amount_fen), 0) FROM deposit d {_OF.format(of="d")}
        AND d.amount_fen > 0
    UNION ALL SELECT 'repaid', COUNT(*), COALESCE(SUM(d.amount_fen), 0) FROM deposit d {_OF.format(of="d")}
        AND d.amount_fen < 0
"""  # noqa: S608  constants of this file
_DEPOSIT_OF = """
    SELECT d.id, m.ref, d.deposit_no, d.amount_fen, d.payout_id, j.effective_at
    FROM deposit d JOIN merchant m ON m.id = d.merchant_id JOIN journal j ON j.id = d.journal_id
"""
_DEPOSITS = f"{_DEPOSIT_OF} WHERE d.advance_of IS NULL AND d.id < %s"
_FEES = """
    SELECT f.cycle, f.amount_fen, f.journal_id, j.effective_at FROM fee_transfer f JOIN journal j ON j.id = f.journal_id
    WHERE f.cycle < %s ORDER BY f.cycle DESC LIMIT %s
"""
_GRANT_OF = """
    SELECT id, ref, amount_fen, rebate_fen, committed_fen, transferred_fen, unused_fen, proposed_by, proposed_at,
           approved_by, approved_at
    FROM marketing_grant
"""
_GRANTS = f"{_GRANT_OF} WHERE id < %s ORDER BY id DESC LIMIT %s"
_GRANT = f"{_GRANT_OF} WHERE ref = %s"
