"""What holders have: purses (wallet, accrued, vouchers) by pool age, and coupons."""

from collections.abc import Collection, Iterable
from datetime import datetime

from greenloop.core.loop.spending import Paper, Purse
from greenloop.core.loop.wallet import LIMB, Wallet, accrued_of_limbs
from greenloop.store import sql

# Two limbs keep points × index exact in 64 bits (settlement.md, "huge amounts"); they are joined and floored once.
_ACCRUED = """
    SELECT p.account_id, c.pool_id, CAST(SUM(p.points * (c.release_index / 1000000)) AS BIGINT),
           CAST(SUM(p.points * (c.release_index %% 1000000)) AS BIGINT)
    FROM position p JOIN cohort c ON c.id = p.cohort_id
    WHERE p.account_id IN ({keys}) AND c.release_index > 0
    GROUP BY p.account_id, c.pool_id
"""
_WALLETS = """
    SELECT w.account_id, w.pool_id, w.claimed_fen, w.voucher_fen, w.redeemed_fen, w.expired_fen, w.debt_fen,
           w.draw_held_fen, w.spend_held_fen, w.day, w.day_drawn_fen, w.day_spent_fen
    FROM wallet w JOIN pool o ON o.id = w.pool_id
    WHERE w.account_id IN ({keys})
    ORDER BY w.account_id, o.first_cycle, o.id
"""
_VOUCHERS = """
    SELECT account_id, pool_id, id, left_fen, expires_at FROM voucher
    WHERE account_id IN ({keys}) AND left_fen > 0
    ORDER BY expires_at, id
"""
_COUPONS = """
    SELECT account_id, order_id, kind, left_fen, expires_at FROM coupon
    WHERE left_fen > 0 AND usable_at <= %s AND expires_at > %s AND account_id IN ({keys})
    ORDER BY expires_at, order_id, kind
"""


def accrued_of(account_ids: Collection[int]) -> dict[tuple[int, int], int]:
    """Return by (account, pool) what has been released to its points, in fen (R9)."""
    return {
        (account, pool): accrued_of_limbs(high, low) for account, pool, high, low in sql.rows_in(_ACCRUED, account_ids)
    }


def released_of(account_ids: Collection[int]) -> dict[tuple[int, int], int]:
    """Return by (account, pool) the exact Σ points × index, in fen × 10**12."""
    return {(account, pool): high * LIMB + low for account, pool, high, low in sql.rows_in(_ACCRUED, account_ids)}


def purses_of(account_ids: Collection[int]) -> dict[int, tuple[Purse, ...]]:
    """Return each account's purses, oldest pool first. An account without a wallet is left out."""
    accrued = accrued_of(account_ids)
    papers: dict[tuple[int, int], list[Paper]] = {}
    for account, pool, number, left, expires in sql.rows_in(_VOUCHERS, account_ids):
        papers.setdefault((account, pool), []).append(Paper(number, left, sql.moment(expires)))
    purses: dict[int, list[Purse]] = {}
    for account, pool, claimed, voucher, redeemed, expired, debt, *fenced in sql.rows_in(_WALLETS, account_ids):
        key = account, pool
        wallet = Wallet(claimed, voucher, redeemed, expired)
        purses.setdefault(account, []).append(
            Purse(pool, accrued.get(key, 0), wallet, debt, tuple(papers.get(key, ())), *fenced)
        )
    return {account: tuple(found) for account, found in purses.items()}


def coupons_of(account_ids: Iterable[int], at: datetime) -> dict[int, tuple[Paper, ...]]:
    """Return the coupons that each account can use at an instant, first to expire first; ids are (order, kind)."""
    now = sql.instant(at)
    coupons: dict[int, list[Paper]] = {}
    for account, order, kind, left, expires in sql.rows_in(_COUPONS, account_ids, (now, now)):
        coupons.setdefault(account, []).append(Paper((order, kind), left, sql.moment(expires)))
    return {account: tuple(found) for account, found in coupons.items()}
