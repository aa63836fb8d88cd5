"""Let vouchers and coupons expire that nobody spent in time."""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime

from greenloop.core.books.posting import draft
from greenloop.core.loop import wallet as wallets_core
from greenloop.services import ids
from greenloop.services.books.post import post
from greenloop.services.loop.steps import WalletWork, lock_pools, record_wallets
from greenloop.services.verb import verb
from greenloop.store import locks, sql
from greenloop.store.queries import pools, wallets

ACCOUNTS_MAX = 5_000


@dataclass(frozen=True, slots=True)
class Expiry:
    """What expired, in fen. `more` says that holders are left for another call."""

    voucher_fen: int
    coupon_fen: int
    more: bool


@verb
def expire(*, at: datetime) -> Expiry:
    """Expire what is past its day, for up to 5 000 holders: vouchers to their pool's money, coupons to the reserve.

    The vouchers of a wallet that is to pay a spend which a second person looks at wait until that is over.
    Nothing is left to expire a second time, so a repeated call is harmless.
    """
    now = sql.instant(at)
    holders = [row[0] for row in sql.rows(_HOLDERS, [now, now, ACCOUNTS_MAX + 1])]
    more, holders = len(holders) > ACCOUNTS_MAX, holders[:ACCOUNTS_MAX]
    if not holders:
        return Expiry(0, 0, False)
    locks.holders(holders)
    names = pools.names()
    work = WalletWork()
    work.open(wallets.purses_of(holders))

    expired: dict[tuple[int, int], int] = defaultdict(int)
    for account, pool, fen in sql.rows_in(_VOUCHERS, holders, [now]):
        expired[account, pool] += fen
    by_pool: dict[int, int] = defaultdict(int)
    for (account, pool), fen in sorted(expired.items()):
        purse = work.after[account][pool]
        work.put(account, replace(purse, wallet=wallets_core.expire(purse.wallet, fen)))
        work.entry(account, pool, "expire", fen)
        by_pool[pool] += fen
        move = work.move(pool)
        move.free_fen += fen
        move.spent_fen += fen
    coupon_fen = sum(fen for (fen,) in sql.rows_in(_COUPONS, holders, [now]))

    # Between finding the holders and locking them, what was about to expire may have been spent.
    if not by_pool and not coupon_fen:
        return Expiry(0, 0, more)
    amounts = [(f"trust:voucher:{names[pool]}", f"trust:pool:{names[pool]}", fen) for pool, fen in by_pool.items()]
    key = f"expire/{ids.block(1)[0]}"
    amounts.append(("trust:coupon", "trust:reserve", coupon_fen))
    lock_pools(work)
    journal_id = post([draft(key=key, kind="expire", amounts=amounts)], at=at)[key]
    record_wallets(work, journal_id=journal_id)
    sql.rows_in(_CHANGES, holders, [journal_id, now])
    sql.rows_in(_VOUCHERS_GONE, holders, [now])
    sql.rows_in(_COUPONS_GONE, holders, [now])
    return Expiry(sum(by_pool.values()), coupon_fen, more)


_GONE = """left_fen > 0 AND expires_at <= %s AND NOT EXISTS (
        SELECT 1 FROM wallet w
        WHERE w.account_id = voucher.account_id AND w.pool_id = voucher.pool_id AND w.spend_held_fen > 0
    )"""
_HOLDERS = f"""
    SELECT DISTINCT account_id FROM (
        SELECT account_id FROM voucher WHERE {_GONE}
        UNION ALL SELECT account_id FROM coupon WHERE left_fen > 0 AND expires_at <= %s
    ) AS gone
    ORDER BY account_id LIMIT %s
"""  # noqa: S608  constants of this file
_VOUCHERS = f"SELECT account_id, pool_id, left_fen FROM voucher WHERE {_GONE} AND account_id IN ({{keys}})"  # noqa: S608
_COUPONS = "SELECT left_fen FROM coupon WHERE left_fen > 0 AND expires_at <= %s AND account_id IN ({keys})"
_CHANGES = f"""
    INSERT INTO voucher_change (account_id, voucher_id, journal_id, kind, pool_id, amount_fen)
    SELECT account_id, id, %s, 'expire', pool_id, left_fen FROM voucher
    WHERE {_GONE} AND account_id IN ({{keys}}) RETURNING voucher_id
"""  # noqa: S608  constants of this file
_VOUCHERS_GONE = f"UPDATE voucher SET left_fen = 0 WHERE {_GONE} AND account_id IN ({{keys}}) RETURNING id"  # noqa: S608
_COUPONS_GONE = """
    UPDATE coupon SET expired_fen = expired_fen + left_fen, left_fen = 0
    WHERE left_fen > 0 AND expires_at <= %s AND account_id IN ({keys}) RETURNING order_id
"""
