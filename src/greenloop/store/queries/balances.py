"""What holders have, read for many at once: a fixed number of statements, whatever the number of holders.

Each figure comes from one statement, so a wallet is never read half before and half after something that changed it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from greenloop.core.loop import spending
from greenloop.core.loop.spending import Purse
from greenloop.core.loop.wallet import Wallet, accrued_of_limbs
from greenloop.store import sql
from greenloop.store.queries import parties


@dataclass(frozen=True, slots=True)
class PoolBalance:
    """What a holder has in one pool: points in 1/100 point, all else in fen.

    `drawable_fen` is what can be drawn once the debt is repaid; the debt stands where the next draws will meet it.
    `reserved_fen` waits for a second person, and neither what is drawable nor what is unspent pays for it twice.
    """

    pool: str
    is_red: bool
    points: int
    released_fen: int
    unspent_fen: int
    drawable_fen: int
    spent_fen: int
    expired_fen: int
    debt_fen: int
    reserved_fen: int


@dataclass(frozen=True, slots=True)
class Balances:
    """What a holder has in every pool, oldest pool first; `coupon_fen` can be used now; `held` blocks draws and spends.

    The last two are None where a past instant was asked for: they are not kept.
    """

    account_id: int
    pools: tuple[PoolBalance, ...]
    coupon_fen: int | None
    held: bool | None


@dataclass(frozen=True, slots=True)
class Held:
    """A pool of a holder as it is read: its name, its points, and the purse with the debt where it was booked."""

    pool: str
    is_red: bool
    points: int
    purse: Purse


def balances(account_ids: Collection[int], *, at: datetime) -> dict[int, Balances]:
    """Return what accounts have now, in three statements; an account that never had points has no pools."""
    wanted = set(account_ids)
    found: dict[int, list[Held]] = {}
    for account, pool, name, is_red, *kept, debt, draws, spends, points, high, low in sql.rows_in(_WALLETS, wanted):
        released_fen = accrued_of_limbs(int(high or 0), int(low or 0))
        purse = Purse(pool, released_fen, Wallet(*kept), debt, draw_held_fen=draws, spend_held_fen=spends)
        found.setdefault(account, []).append(Held(name, bool(is_red), int(points or 0), purse))
    now = sql.instant(at)
    coupons = {account: int(fen) for account, fen in sql.rows_in(_COUPONS, wanted, [now, now])}
    held = parties.held_accounts(wanted)
    return {
        account: Balances(account, placed(found.get(account, ())), coupons.get(account, 0), account in held)
        for account in wanted
    }


def placed(pools: Sequence[Held]) -> tuple[PoolBalance, ...]:
    """Return a holder's pools with its debts where its next draws will meet them."""
    return tuple(
        PoolBalance(
            held.pool,
            held.is_red,
            held.points,
            released_fen=purse.accrued_fen,
            unspent_fen=purse.wallet.voucher_fen,
            drawable_fen=spending.drawable_fen(purse),
            spent_fen=purse.wallet.redeemed_fen,
            expired_fen=purse.wallet.expired_fen,
            debt_fen=purse.debt_fen,
            reserved_fen=purse.draw_held_fen + purse.spend_held_fen,
        )
        for held, purse in zip(pools, spending.place_debt([held.purse for held in pools]), strict=True)
    )


def enrolled(account_ids: Collection[int]) -> frozenset[tuple[int, int]]:
    """Return (client, account) of the members among accounts that enrolled through a client."""
    found = sql.rows_in("SELECT client_id, account_id FROM client_member WHERE account_id IN ({keys})", account_ids)
    return frozenset((client, account) for client, account in found)


def merchants(account_ids: Collection[int]) -> dict[int, frozenset[str]]:
    """Return by account the merchants (refs) whose points and vouchers it holds."""
    found: dict[int, set[str]] = {}
    for account, ref in sql.rows_in("SELECT account_id, ref FROM merchant WHERE account_id IN ({keys})", account_ids):
        found.setdefault(account, set()).add(ref)
    return {account: frozenset(refs) for account, refs in found.items()}


def whose(account_id: int) -> tuple[bool, frozenset[str]]:
    """Return whether an account is a member's, and the merchants (refs) whose points and vouchers it holds."""
    found = sql.rows(_WHOSE, [account_id, account_id])
    return any(ref is None for (ref,) in found), frozenset(ref for (ref,) in found if ref is not None)


# A position is met once for each pool of its holder, which are few, and counts in its own.
_WALLETS = """
    SELECT w.account_id, w.pool_id, o.name, o.is_red, w.claimed_fen, w.voucher_fen, w.redeemed_fen, w.expired_fen,
           w.debt_fen, w.draw_held_fen, w.spend_held_fen, SUM(CASE WHEN c.id IS NULL THEN 0 ELSE p.points END),
           SUM(p.points * (c.release_index / 1000000)), SUM(p.points * (c.release_index %% 1000000))
    FROM wallet w JOIN pool o ON o.id = w.pool_id
    LEFT JOIN position p ON p.account_id = w.account_id
    LEFT JOIN cohort c ON c.id = p.cohort_id AND c.pool_id = w.pool_id
    WHERE w.account_id IN ({keys})
    GROUP BY w.account_id, w.pool_id, o.id ORDER BY w.account_id, o.first_cycle, o.id
"""
_COUPONS = """
    SELECT account_id, SUM(left_fen) FROM coupon
    WHERE left_fen > 0 AND usable_at <= %s AND expires_at > %s AND account_id IN ({keys}) GROUP BY account_id
"""
_WHOSE = """
    SELECT NULL AS ref FROM member WHERE account_id = %s UNION ALL SELECT ref FROM merchant WHERE account_id = %s
"""
