"""Write a batch of decided refunds: journals first, then every table once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from greenloop.core.books.posting import Draft, draft
from greenloop.services.books.institution import instructing
from greenloop.services.books.post import post
from greenloop.services.loop.refunding.one import Paid, RefundForm
from greenloop.services.loop.refunding.state import Change, Entry, State
from greenloop.services.loop.steps import ENTRY
from greenloop.services.outbox import news
from greenloop.store import sql
from greenloop.store.queries.refunds import OrderFact
from greenloop.store.sql import Row


@dataclass(frozen=True, slots=True)
class Pending:
    """A refund that waits for money; `known` says that it is recorded already."""

    id: int
    order: OrderFact
    form: RefundForm
    known: bool


def record_refunds(
    paid: Sequence[Paid], pending: Sequence[Pending], state: State, *, at: datetime, beside: Sequence[Draft] = ()
) -> Mapping[str, int]:
    """Record what was paid, what waits, and all that changed in `state`; return the journals' numbers by key.

    The journals of `beside` are written with them: accounts are locked in one order, once.
    """
    keys = {each.id: f"refund/{each.order.id}/{each.form.refund_no}" for each in paid}
    drafts = [draft(key=keys[each.id], kind="refund", amounts=each.amounts) for each in paid]
    journals = post([*beside, *drafts], at=at)
    numbers = {number: journals[key] for number, key in keys.items()}
    now = sql.instant(at)
    sql.run_many(_PAID, [_paid_row(each, numbers[each.id], now) for each in paid])
    sql.run_many(
        "INSERT INTO refund (id, merchant_id, order_id, refund_no, amount_fen, state, asked_at) "
        "VALUES (%s, %s, %s, %s, %s, 'pending', %s)",
        [
            (each.id, each.order.merchant_id, each.order.id, each.form.refund_no, each.form.amount_fen, now)
            for each in pending
            if not each.known
        ],
    )
    last = {each.order.id: each.order for each in paid}
    sql.run_many(_ORDER, [_order_row(order) for _, order in sorted(last.items())])
    sql.load("clawback", CLAWBACK, [row for each in paid for row in each.clawbacks])
    record_entries(((numbers[each.id], each.entries) for each in paid), state)
    record_changes((numbers[each.id], each.changes) for each in paid)
    record_state(state)
    instructing.refund((_back(each, numbers[each.id]) for each in paid), at=at)
    news.refunds_paid([each.id for each in paid], at=at)
    news.refunds_pending([each.id for each in pending if not each.known], at=at)
    return journals


def _back(each: Paid, journal_id: int) -> instructing.Back:
    """Return the cash that a paid refund gives back, for the payment institution."""
    return instructing.Back(
        refund_id=each.id,
        order_id=each.order.id,
        merchant_id=each.order.merchant_id,
        order_no=each.form.order_no,
        refund_no=each.form.refund_no,
        cash_fen=each.tender.cash_fen - each.withheld_fen,
        journal_id=journal_id,
    )


def record_entries(movements: Iterable[tuple[int, Sequence[Entry]]], state: State) -> None:
    """Write wallet entries, (journal, movements) each, in the cycles in which they take effect."""
    lines = [
        (account, journal, line, pool, state.pools[pool].entry_cycle, kind, fen, order)
        for journal, entries in movements
        for line, (account, pool, kind, fen, order) in enumerate(entries)
    ]
    sql.load("wallet_entry", ENTRY, lines)


def record_changes(movements: Iterable[tuple[int, Sequence[Change]]]) -> None:
    """Write what happened to single vouchers, (journal, movements) each."""
    lines = [
        (account, voucher, journal, kind, pool, order, fen)
        for journal, changes in movements
        for account, voucher, pool, kind, fen, order in changes
    ]
    sql.load("voucher_change", _CHANGE, lines)


def record_state(state: State) -> None:
    """Write all that changed in wallets, pools, cohorts, positions, vouchers, coupons and grants."""
    wallets = state.wallets.maps[0]
    sql.run_many(
        _WALLET,
        [
            (
                *(now.wallet.claimed_fen, now.wallet.voucher_fen, now.wallet.redeemed_fen, now.wallet.expired_fen),
                *(now.debt_fen, *holding),
            )
            for holding, now in sorted(wallets.items(), key=lambda item: item[0])
        ],
    )
    pools = sorted(state.pools.maps[0].items())
    sql.run_many(
        "UPDATE pool SET free_fen = %s, backing_fen = %s, spent_fen = %s WHERE id = %s",
        [(now.free_fen, now.backing_fen, now.spent_fen, pool) for pool, now in pools],
    )
    sql.run_many(
        "UPDATE cohort SET points = %s WHERE id = %s",
        [(cohort.points, number) for number, cohort in sorted(state.cohorts.maps[0].items())],
    )
    sql.run_many(
        "UPDATE position SET points = points - %s WHERE account_id = %s AND cohort_id = %s",
        [(points, *key) for key, points in sorted(state.lost_points.maps[0].items())],
    )
    sql.run_many(
        "UPDATE pool_cycle SET inflow_fen = inflow_fen + %s WHERE pool_id = %s AND cycle = %s",
        [(fen, pool, state.pools[pool].entry_cycle) for pool, fen in sorted(state.inflow_fen.maps[0].items())],
    )
    _record_papers(state)


def _record_papers(state: State) -> None:
    sql.run_many(
        "UPDATE voucher SET left_fen = %s, expires_at = %s WHERE id = %s",
        [(now.left_fen, sql.instant(now.expires_at), key) for key, now in sorted(state.vouchers.maps[0].items())],
    )
    sql.run_many(
        "UPDATE coupon SET left_fen = %s, expires_at = %s WHERE account_id = %s AND order_id = %s AND kind = %s",
        [(now.left_fen, sql.instant(now.expires_at), *key) for key, now in sorted(state.coupons.maps[0].items())],
    )
    returned = sorted(state.returned_fen.maps[0].items())
    for kind in ("voucher", "coupon"):
        sql.run_many(
            f"UPDATE {kind}_use SET returned_fen = %s WHERE order_id = %s AND line = %s "  # noqa: S608  two known names
            "AND account_id = (SELECT member_id FROM orders WHERE id = %s)",
            [(fen, order, line, order) for (of, order, line), fen in returned if of == kind],
        )
    for column in ("committed", "unused"):
        sql.run_many(
            f"UPDATE marketing_grant SET {column}_fen = {column}_fen + %s WHERE id = %s",  # noqa: S608
            [(fen, grant) for (grant, name), fen in sorted(state.grants_fen.maps[0].items()) if name == column],
        )


def _paid_row(paid: Paid, journal_id: int, now: object) -> Row:
    tender = paid.tender
    return (
        *(paid.id, paid.order.merchant_id, paid.order.id, paid.form.refund_no, paid.form.amount_fen, now, now),
        *(journal_id, paid.cycle, tender.cash_fen, tender.voucher_fen, tender.coupon_fen, paid.withheld_fen),
        *(paid.concession_lost_fen, *paid.points_lost, paid.effect, paid.dues_fen),
    )


def _order_row(order: OrderFact) -> Row:
    return (
        *(order.green_part_fen, order.red_part_fen, order.coupon_part_fen, order.fee_part_fen),
        *(order.grant_id, order.rebate_fen, order.kept_fen, order.red_points, order.refunded_fen),
        *(order.refunded_cash_fen, order.refunded_voucher_fen, order.concession_lost_fen, order.id),
    )


_PAID = """
    INSERT INTO refund (id, merchant_id, order_id, refund_no, amount_fen, asked_at, paid_at, state, journal_id, cycle,
        cash_fen, voucher_fen, coupon_fen, withheld_fen, concession_lost_fen,
        member_points_lost, merchant_points_lost, red_points_lost, effect, dues_fen)
    VALUES (%s, %s, %s, %s, %s, %s, %s, 'paid', %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (id) DO UPDATE SET state = 'paid', paid_at = excluded.paid_at, journal_id = excluded.journal_id,
        cycle = excluded.cycle, cash_fen = excluded.cash_fen, voucher_fen = excluded.voucher_fen,
        coupon_fen = excluded.coupon_fen, withheld_fen = excluded.withheld_fen,
        concession_lost_fen = excluded.concession_lost_fen, member_points_lost = excluded.member_points_lost,
        merchant_points_lost = excluded.merchant_points_lost, red_points_lost = excluded.red_points_lost,
        effect = excluded.effect, dues_fen = excluded.dues_fen
"""
_ORDER = """
    UPDATE orders SET green_part_fen = %s, red_part_fen = %s, coupon_part_fen = %s, fee_part_fen = %s, grant_id = %s,
        rebate_fen = %s, kept_fen = %s, red_points = %s, refunded_fen = %s, refunded_cash_fen = %s,
        refunded_voucher_fen = %s, concession_lost_fen = %s
    WHERE id = %s
"""
_WALLET = """
    UPDATE wallet SET claimed_fen = %s, voucher_fen = %s, redeemed_fen = %s, expired_fen = %s, debt_fen = %s
    WHERE account_id = %s AND pool_id = %s
"""
_CHANGE = ("account_id", "voucher_id", "journal_id", "kind", "pool_id", "order_id", "amount_fen")
CLAWBACK = (
    *("account_id", "refund_id", "pool_id", "voucher_fen", "expired_fen"),
    *("cash_fen", "dues_fen", "reserve_fen"),
)
