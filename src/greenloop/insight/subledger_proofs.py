"""Each control account equals its subledger, to the fen (invariant 8)."""

from collections.abc import Iterator

from greenloop.core.faults import say
from greenloop.insight.ledger_proofs import balances
from greenloop.insight.proof import Proof, equal, no_rows
from greenloop.store import sql

_CONTROL = {
    "trust:in_transit": (
        say("Money in transit is the cash of orders that no statement has confirmed."),
        "SELECT SUM(cash_fen - refunded_cash_fen) FROM orders WHERE confirmed_at IS NULL",
    ),
    "trust:concession_pending": (
        say("Pending concessions are those of orders that have not vested."),
        "SELECT SUM(concession_fen - concession_lost_fen) FROM orders WHERE entry_cycle IS NULL",
    ),
    "trust:coupon": (say("Coupons owed are what is left of each coupon."), "SELECT SUM(left_fen) FROM coupon"),
    "trust:grant_unused": (
        say("Unused grants are what refunds gave back to each grant."),
        "SELECT SUM(unused_fen) FROM marketing_grant",
    ),
    "trust:fee_payable": (
        say("Fees payable are those of orders whose cycle has not transferred them."),
        """SELECT SUM(fee_part_fen) FROM orders
           WHERE entry_cycle IS NOT NULL AND entry_cycle NOT IN (SELECT cycle FROM fee_transfer)""",
    ),
}
_PARTS = {
    "trust:merchant_payable": (
        say("What merchants are owed is their unpaid orders, less refunds, plus deposits."),
        (
            "SELECT SUM(cash_fen - concession_fen + voucher_fen + coupon_fen) FROM orders WHERE payout_id IS NULL",
            "SELECT -SUM(dues_fen) FROM refund WHERE payout_id IS NULL",
            "SELECT SUM(amount_fen) FROM deposit WHERE payout_id IS NULL",
        ),
    ),
    "trust:reserve": (
        say("The reserve is its parts of orders, expired coupons and repaid debts, less what it covered."),
        (
            """SELECT SUM(kept_fen - green_part_fen - red_part_fen - coupon_part_fen - fee_part_fen) FROM orders
               WHERE entry_cycle IS NOT NULL""",
            "SELECT SUM(expired_fen) FROM coupon",
            "SELECT SUM(amount_fen) FROM wallet_entry WHERE kind = 'repay'",
            "SELECT -SUM(reserve_fen) FROM clawback",
        ),
    ),
}


def proofs() -> Iterator[Proof]:
    """Prove each control account against its rows."""
    now = balances()
    for name, (what, query) in _CONTROL.items():
        yield equal("8", name, what, now[name], int(sql.value(query) or 0))
    for name, (what, queries) in _PARTS.items():
        yield equal("8", name, what, now[name], sum(int(sql.value(query) or 0) for query in queries))
    yield from _pools(now)
    what = say("Each merchant's dues are not negative.")
    yield no_rows("2", "dues", what, _NEGATIVE_DUES, "SELECT COUNT(*) FROM merchant")
    what = say("Each payout is the sum of what it paid for.")
    yield no_rows("8", "payouts", what, _PAYOUTS, "SELECT COUNT(*) FROM payout")
    what = say("What orders took in vouchers and coupons is what was used for them.")
    yield no_rows("7", "uses", what, _USES, "SELECT COUNT(*) FROM orders WHERE voucher_fen + coupon_fen > 0")


def _pools(now: dict[str, int]) -> Iterator[Proof]:
    wallets = {row[0]: [int(value) for value in row[1:]] for row in sql.rows(_WALLET_SUMS)}
    for pool, name, free, backing, spent in sql.rows("SELECT id, name, free_fen, backing_fen, spent_fen FROM pool"):
        voucher, used, accrued, claimed, holders = wallets.get(pool, [0, 0, 0, 0, 0])
        what = say("The pool's free money is its control account.")
        yield equal("8", f"trust:pool:{name}", what, now[f"trust:pool:{name}"], free)
        what = say("Drawn, unspent vouchers are the wallets' balances.")
        yield equal("8", f"trust:voucher:{name}", what, now[f"trust:voucher:{name}"], voucher)
        what = say("Backing, less what was spent and what is drawn, is what is released and not drawn.")
        yield equal("8", f"trust:accrued:{name}", what, now[f"trust:accrued:{name}"], backing - spent - voucher)
        what = say("What is spent of the backing is what wallets claimed and no longer hold.")
        yield equal("8", f"spent:{name}", what, spent, used)
        dust = now[f"trust:accrued:{name}"] - (accrued - claimed)
        what = say("Released and not drawn exceeds what holders can claim by less than a fen a wallet.")
        yield Proof("8", f"dust:{name}", what, holders, 0 if 0 <= dust < holders + 1 else abs(dust) + 1, f"{dust} fen")


_WALLET_SUMS = """
    SELECT w.pool_id, SUM(w.voucher_fen), SUM(w.claimed_fen - w.voucher_fen),
           SUM(COALESCE((a.high + a.low / 1000000) / 1000000, 0)), SUM(w.claimed_fen), COUNT(*)
    FROM wallet w LEFT JOIN (
        SELECT p.account_id, c.pool_id, CAST(SUM(p.points * (c.release_index / 1000000)) AS BIGINT) AS high,
               CAST(SUM(p.points * (c.release_index %% 1000000)) AS BIGINT) AS low
        FROM position p JOIN cohort c ON c.id = p.cohort_id GROUP BY p.account_id, c.pool_id
    ) a ON a.account_id = w.account_id AND a.pool_id = w.pool_id
    GROUP BY w.pool_id
"""
_NEGATIVE_DUES = """
    SELECT merchant_id FROM (
        SELECT merchant_id, cash_fen - concession_fen + voucher_fen + coupon_fen AS fen FROM orders
        WHERE payout_id IS NULL
        UNION ALL SELECT merchant_id, -dues_fen FROM refund WHERE payout_id IS NULL
        UNION ALL SELECT merchant_id, amount_fen FROM deposit WHERE payout_id IS NULL
    ) AS dues GROUP BY merchant_id HAVING SUM(fen) < 0
"""
_PAYOUTS = """
    SELECT p.id FROM payout p LEFT JOIN (
        SELECT payout_id, SUM(fen) AS fen FROM (
            SELECT payout_id, cash_fen - concession_fen + voucher_fen + coupon_fen AS fen FROM orders
            UNION ALL SELECT payout_id, -dues_fen FROM refund
            UNION ALL SELECT payout_id, amount_fen FROM deposit
        ) AS lines GROUP BY payout_id
    ) s ON s.payout_id = p.id
    WHERE s.fen IS NULL OR s.fen <> p.amount_fen
"""
_USES = """
    SELECT o.id FROM orders o
    LEFT JOIN (SELECT order_id, SUM(amount_fen) AS fen, SUM(returned_fen) AS back FROM voucher_use GROUP BY order_id) v
        ON v.order_id = o.id
    LEFT JOIN (SELECT order_id, SUM(amount_fen) AS fen, SUM(returned_fen) AS back FROM coupon_use GROUP BY order_id) c
        ON c.order_id = o.id
    WHERE o.voucher_fen <> COALESCE(v.fen, 0) OR o.coupon_fen <> COALESCE(c.fen, 0)
        OR o.refunded_voucher_fen <> COALESCE(v.back, 0)
        OR o.refunded_fen - o.refunded_cash_fen - o.refunded_voucher_fen <> COALESCE(c.back, 0)
"""
