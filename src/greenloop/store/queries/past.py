"""What a holder had at a past instant, to the fen: worked out from what is kept for ever, in four statements.

Points are what is there now and what refunds took since; an index is the one after the last settlement that was posted
by then; vouchers are the sum of the movements until then.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from greenloop.core.loop.spending import Purse
from greenloop.core.loop.wallet import Wallet, accrued_fen
from greenloop.store import sql
from greenloop.store.queries import holdings
from greenloop.store.queries.balances import Balances, Held, placed
from greenloop.store.queries.holdings import CohortRow

Lots = tuple[int, int, int]
"""(pool, plan, alliance's cycle of entry): what names a cohort in an order."""


def balances(account_id: int, *, at: datetime) -> Balances:
    """Return what an account had in every pool at an instant, which has passed."""
    found = cohorts(account_id, at=at)
    sums = _movements(account_id, at)
    held: dict[int, Held] = {}
    for row in sorted(found, key=lambda row: (row.first_cycle, row.pool_id)):
        if row.pool_id in held:
            continue
        own = [each for each in found if each.pool_id == row.pool_id]
        purse = _purse(row.pool_id, own, sums)
        held[row.pool_id] = Held(row.pool, row.is_red, sum(each.points for each in own), purse)
    return Balances(account_id, placed(list(held.values())), None, None)


def cohorts(account_id: int, *, at: datetime) -> tuple[CohortRow, ...]:
    """Return an account's cohorts, newest first, as they stood at an instant that has passed."""
    rows = holdings.cohorts(account_id)
    vested = _vested({row.cycle for row in rows}, at)
    rows = tuple(row for row in rows if row.cycle in vested)
    settled, indices = _settled({row.pool_id for row in rows}, at)
    lost = _lost_since(account_id, at, red=any(row.is_red for row in rows))
    return tuple(
        replace(
            row,
            points=row.points + lost.get((row.pool_id, row.plan_id, row.cycle), 0),
            release_index=_index(row, settled, indices),
            age=max(0, min(row.age, settled.get(row.pool_id, 0) - row.entry)),
        )
        for row in rows
    )


def _index(row: CohortRow, settled: dict[int, int], indices: dict[int, int]) -> int:
    last = settled.get(row.pool_id, 0)
    if last <= row.entry:
        return 0
    # A cohort changes at each settlement until its plan ends: the last one was that of its age.
    return row.release_index if row.entry + row.age <= last else indices[row.id]


def _purse(pool: int, own: Sequence[CohortRow], sums: dict[tuple[int, str], int]) -> Purse:
    def of(*kinds: str) -> int:
        return sum(sums.get((pool, kind), 0) for kind in kinds)

    wallet = Wallet(
        claimed_fen=of("draw", "repay") - of("claw"),
        voucher_fen=of("draw", "return") - of("spend", "expire", "clawed unspent"),
        redeemed_fen=of("spend", "repay") - of("return"),
        expired_fen=of("expire") - of("clawed expired"),
    )
    released_fen = accrued_fen((row.points, row.release_index) for row in own)
    # A debt is the holder's: which purse it was booked in doesn't matter, its sum is placed afterwards.
    return Purse(pool, released_fen, wallet, of("lent") - of("repay"))


def _vested(cycles: Collection[int], at: datetime) -> frozenset[int]:
    """Return those of the alliance's cycles whose orders had vested by an instant."""
    keys = [f"vest/{cycle}" for cycle in cycles]
    found = sql.rows_in(_VESTED, keys, [sql.instant(at)])
    return frozenset(int(key.partition("/")[2]) for (key,) in found)


def _settled(pools: Collection[int], at: datetime) -> tuple[dict[int, int], dict[int, int]]:
    """Return by pool its own last settled cycle at an instant, and by cohort the index that it left."""
    settled: dict[int, int] = {}
    indices: dict[int, int] = {}
    for pool, cycle, text in sql.rows_in(_SETTLED, pools, [sql.instant(at)]):
        settled[pool] = cycle
        indices |= dict(json.loads(text))
    return settled, indices


def _lost_since(account_id: int, at: datetime, *, red: bool) -> dict[Lots, int]:
    """Return the points that refunds took from an account's cohorts after an instant; `red` asks for red ones too."""
    lost: dict[Lots, int] = {}
    query, arms = (f"{_LOST} UNION ALL {_LOST_RED}", 3) if red else (_LOST, 2)
    for pool, plan, cycle, points in sql.rows(query, [account_id, sql.instant(at)] * arms):
        lost[pool, plan, cycle] = lost.get((pool, plan, cycle), 0) + int(points)
    return lost


def _movements(account_id: int, at: datetime) -> dict[tuple[int, str], int]:
    instant = sql.instant(at)
    found = sql.rows(_MOVEMENTS, [account_id, instant, account_id, instant])
    sums: dict[tuple[int, str], int] = {}
    for pool, kind, fen, unspent, expired, lent in found:
        for name, part in ((kind, fen), ("clawed unspent", unspent), ("clawed expired", expired), ("lent", lent)):
            sums[pool, name] = sums.get((pool, name), 0) + int(part)
    return sums


_VESTED = "SELECT key FROM journal WHERE book = 'trust' AND effective_at <= %s AND key IN ({keys})"
_SETTLED = """
    SELECT s.pool_id, s.cycle, s.indices FROM settled_cycle s JOIN pool p ON p.id = s.pool_id
    WHERE p.first_cycle + s.cycle - 1 = (
        SELECT MAX(cycle) FROM settlement_run WHERE state = 'posted' AND COALESCE(decided_at, proposed_at) <= %s
    ) AND s.pool_id IN ({keys})
"""
# A refund takes its points when it is paid, or, where it had to wait for a held settlement, when that is posted.
_POSTED = "LEFT JOIN settlement_run s ON s.cycle = r.cycle - 1 AND r.effect_journal_id IS NOT NULL"
_SINCE = "r.effect = 'applied' AND COALESCE(s.decided_at, s.proposed_at, r.paid_at) > %s"
_TAKEN = f"JOIN refund r ON r.merchant_id = o.merchant_id AND r.order_id = o.id {_POSTED}"
# A merchant has many orders and few refunds: CROSS JOIN keeps SQLite from starting at the orders.
_LOST = f"""
    SELECT o.pool_id, o.plan_id, o.entry_cycle, r.member_points_lost FROM orders o {_TAKEN}
    WHERE o.member_id = %s AND o.entry_cycle IS NOT NULL AND {_SINCE}
    UNION ALL
    SELECT o.pool_id, o.plan_id, o.entry_cycle, r.merchant_points_lost
    FROM merchant m CROSS JOIN refund r CROSS JOIN orders o {_POSTED}
    WHERE m.account_id = %s AND r.merchant_id = m.id AND o.id = r.order_id AND o.entry_cycle IS NOT NULL AND {_SINCE}
"""  # noqa: S608  constants of this file
# This begins at the people whom the account brought: an order that has lost all its red points is in no index of it.
_LOST_RED = f"""
    SELECT v.red_pool_id, v.red_plan_id, o.entry_cycle, r.red_points_lost
    FROM member b JOIN orders o ON o.member_id = b.account_id JOIN rule_version v ON v.id = o.rules_id {_TAKEN}
    WHERE b.referrer_id = %s AND o.entry_cycle IS NOT NULL AND r.red_points_lost > 0 AND {_SINCE}
"""  # noqa: S608
_MOVEMENTS = """
    SELECT e.pool_id, e.kind, SUM(e.amount_fen), 0, 0, 0 FROM wallet_entry e JOIN journal j ON j.id = e.journal_id
    WHERE e.account_id = %s AND j.effective_at <= %s GROUP BY e.pool_id, e.kind
    UNION ALL
    SELECT b.pool_id, '', 0, SUM(b.voucher_fen), SUM(b.expired_fen), SUM(b.reserve_fen)
    FROM clawback b JOIN refund r ON r.id = b.refund_id
    JOIN journal j ON j.id = COALESCE(r.effect_journal_id, r.journal_id)
    WHERE b.account_id = %s AND j.effective_at <= %s GROUP BY b.pool_id
"""
