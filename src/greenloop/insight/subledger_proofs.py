"""Each control account equals its subledger, to the fen (invariant 8)."""

from collections.abc import Iterator

from greenloop.core.faults import say
from greenloop.insight.proof import Proof, equal, no_rows
from greenloop.store import sql
from greenloop.store.queries import subledgers


def proofs() -> Iterator[Proof]:
    """Prove each control account against its rows."""
    now = subledgers.balances()
    for pair in subledgers.pairs():
        yield equal("8", pair.account, pair.what, pair.ledger_fen, pair.subledger_fen)
    yield from _pools(now)
    what = say("Each merchant's dues are not negative.")
    yield no_rows("2", "dues", what, _NEGATIVE_DUES, "SELECT COUNT(*) FROM merchant")
    what = say("Each payout is the sum of what it paid for.")
    yield no_rows("8", "payouts", what, _PAYOUTS, "SELECT COUNT(*) FROM payout")
    what = say("What orders took in vouchers and coupons is what was used for them.")
    yield no_rows("7", "uses", what, _USES, "SELECT COUNT(*) FROM orders WHERE voucher_fen + coupon_fen > 0")


def _pools(now: dict[str, int]) -> Iterator[Proof]:
    wallets = {row[0]: [int(value) for value in row[1:]] for row in sql.rows(_WALLET_SUMS)}
    for pool, name, spent in sql.rows("SELECT id, name, spent_fen FROM pool ORDER BY id"):
        used, accrued, claimed, holders = wallets.get(pool, [0, 0, 0, 0])
        what = say("What is spent of the backing is what wallets claimed and no longer hold.")
        yield equal("8", f"spent:{name}", what, spent, used)
        dust = now[f"trust:accrued:{name}"] - (accrued - claimed)
        what = say("Released and not drawn exceeds what holders can claim by less than a fen a wallet.")
        yield Proof("8", f"dust:{name}", what, holders, 0 if 0 <= dust < holders + 1 else abs(dust) + 1, f"{dust} fen")


_WALLET_SUMS = """
    SELECT w.pool_id, SUM(w.claimed_fen - w.voucher_fen),
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
