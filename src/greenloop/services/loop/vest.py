"""Vest the orders of a cycle at its cut-off: a fixed number of statements, whatever the number of orders."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from greenloop.core.books.accounts import TRUST
from greenloop.core.books.posting import Draft, draft
from greenloop.core.faults import Refusal, ensure, say
from greenloop.core.loop.concession import MIN_CONCESSION_FEN
from greenloop.core.money import WALLET_POINTS_MAX
from greenloop.services.books.institution import instructing
from greenloop.services.books.post import post
from greenloop.services.loop.rules import Ruling, in_force, rulings
from greenloop.services.loop.steps import PoolMove, record_pools
from greenloop.services.outbox import news
from greenloop.services.verb import verb
from greenloop.store import locks, sql
from greenloop.store.models import Cohort, Journal, SettlementRun
from greenloop.store.queries import pools


@dataclass(frozen=True, slots=True)
class Vesting:
    """What vested in one alliance cycle: orders, and in fen their concessions by part."""

    cycle: int
    orders: int
    concession_fen: int
    green_fen: int
    red_fen: int
    coupon_fen: int
    reserve_fen: int
    fee_fen: int


@verb
def vest(*, cycle: int, at: datetime) -> Vesting:
    """Let all orders whose refund window passed before the cycle's cut-off enter their pools, once (R1).

    An order vests when its delivery and its cash are confirmed and it is not held. What comes later joins the next
    cycle; a closed cohort never receives points.

    :raises Refusal: the cut-off is ahead, or an earlier cycle waits to be settled.
    """
    ruling = in_force(rulings(), at)
    cutoff_at = ruling.rules.calendar.cutoff_at(cycle)
    if at < cutoff_at:
        message = say("Cycle {cycle} is open until {cutoff}.")
        raise Refusal("cycle.open", message, field="cycle", cycle=cycle, cutoff=cutoff_at)
    locks.clockwork()
    done = Journal.objects.filter(book="trust", key=f"vest/{cycle}").exists()
    if not done and not SettlementRun.objects.filter(cycle=cycle).exists():
        _enter(cycle, cutoff_at, ruling, at)
    return vested(cycle)


def vested(cycle: int) -> Vesting:
    """Return what vested in one alliance cycle, as it stands."""
    row = sql.rows(_VESTED, [cycle])[0]
    orders, concession, green, red, coupon, fee = (int(value or 0) for value in row)
    reserve = concession - green - red - coupon - fee
    return Vesting(cycle, orders, concession, green, red, coupon, reserve, fee)


def _enter(cycle: int, cutoff_at: datetime, ruling: Ruling, at: datetime) -> None:
    cutoff = sql.instant(cutoff_at)
    marked = sql.run(_MARK, [cycle, cutoff, cutoff])
    locks.grants()
    locks.every_pool()
    pools.check_entry(cycle)
    if not marked:
        return
    # A cycle may have nothing but orders below the least concession: they vest without a cohort.
    if cohorts := _open_cohorts(cycle):
        sql.run(_POSITIONS, {"cycle": cycle, "least": MIN_CONCESSION_FEN})
        sql.run(_WALLETS.format(cohorts=sql.marks(len(cohorts))), cohorts)
        sql.run(_COHORT_POINTS.format(cohorts=sql.marks(len(cohorts))), cohorts)
        _check_wallet_limit(cohorts)
    sql.run(_COUPONS, [cutoff, sql.instant(cutoff_at + timedelta(days=ruling.rules.coupon_days)), cycle])
    drafts = [*_book(cycle), *_rebates(cycle, cutoff_at, ruling)]
    journals = post(drafts, at=at)
    for each in drafts:
        if each.kind == "grant" and each.book == TRUST:
            fen = sum(posting.amount_fen for posting in each.postings)
            facts = {"amount_fen": fen, "subject_id": cycle, "journal_id": journals[each.key]}
            instructing.expect_of_platform(key=each.key, **facts, at=at)
    news.vested(cycle, at=at)


def _open_cohorts(cycle: int) -> list[int]:
    wanted = sql.rows(_ROUTED, [cycle, MIN_CONCESSION_FEN, cycle])
    caps = {plan: json.loads(terms)["cap"] for plan, terms in sql.rows("SELECT id, terms FROM plan")}
    local = {pool: cycle - first + 1 for pool, first in sql.rows("SELECT id, first_cycle FROM pool")}
    made = Cohort.objects.bulk_create(
        Cohort(pool_id=pool, plan_id=plan, entry=local[pool], index_cap=caps[plan]) for pool, plan in sorted(wanted)
    )
    return [cohort.id for cohort in made]


def _check_wallet_limit(cohorts: list[int]) -> None:
    """Keep every wallet small enough for exact 64-bit reads (settlement.md, "huge amounts").

    :raises Refusal: a wallet would hold too many points.
    """
    large = WALLET_POINTS_MAX // 1_000
    accounts = sql.rows(
        f"SELECT account_id FROM position WHERE points > %s AND cohort_id IN ({sql.marks(len(cohorts))})",  # noqa: S608
        [large, *cohorts],
    )
    for account, pool, points in sql.rows_in(_WALLET_POINTS, {row[0] for row in accounts}):
        if points > WALLET_POINTS_MAX:
            message = say("The points of account {account} in pool {pool} would pass {most}. Hold its largest orders.")
            facts = {"account": account, "pool": pool, "most": WALLET_POINTS_MAX}
            raise Refusal("vest.limit", message, field="account", **facts)


def _book(cycle: int) -> list[Draft]:
    names = pools.names()
    pending = "trust:concession_pending"
    amounts: list[tuple[str, str, int]] = []
    inflow: dict[int, int] = {}
    for pool, red_pool, concession, green, red, coupon, fee in sql.rows(_BY_POOL, [cycle]):
        inflow[pool] = inflow.get(pool, 0) + int(green)
        inflow[red_pool] = inflow.get(red_pool, 0) + int(red)
        amounts += [
            (pending, "trust:coupon", int(coupon)),
            (pending, "trust:fee_payable", int(fee)),
            (pending, "trust:reserve", int(concession - green - red - coupon - fee)),
        ]
    inflow = {pool: fen for pool, fen in inflow.items() if fen}
    amounts += [(pending, f"trust:pool:{names[pool]}", fen) for pool, fen in sorted(inflow.items())]
    record_pools({pool: PoolMove(free_fen=fen) for pool, fen in inflow.items()})
    sql.run_many(_INFLOW, [(fen, pool) for pool, fen in sorted(inflow.items())])
    return [draft(key=f"vest/{cycle}", kind="vest", amounts=amounts)] if any(fen for *_, fen in amounts) else []


def _rebates(cycle: int, cutoff_at: datetime, ruling: Ruling) -> list[Draft]:
    """Give first-order rebates from their grants: what refunds left unused first, then the platform's own money."""
    expires = sql.instant(cutoff_at + timedelta(days=ruling.rules.coupon_days))
    due = sql.rows(_REBATE_SUMS, [cycle])
    if not due:
        return []
    sql.run(_REBATES, [sql.instant(cutoff_at), expires, cycle])
    unused_fen = transferred_fen = 0
    for grant, rebate, unused in due:
        reused = min(int(rebate), unused)
        sql.run(_GRANT, [reused, int(rebate) - reused, grant])
        unused_fen += reused
        transferred_fen += int(rebate) - reused
    drafts = []
    if unused_fen:
        amounts = [("trust:grant_unused", "trust:coupon", unused_fen)]
        drafts.append(draft(key=f"rebate/{cycle}", kind="rebate", amounts=amounts))
    if transferred_fen:
        key = f"grant/{cycle}"
        drafts.append(draft(key=key, kind="grant", amounts=[("ops:marketing", "ops:bank", transferred_fen)]))
        drafts.append(draft(key=key, kind="grant", amounts=[("trust:bank", "trust:coupon", transferred_fen)]))
    ensure(unused_fen + transferred_fen > 0, "a rebate of nothing")
    return drafts


_MARK = """
    UPDATE orders SET entry_cycle = %s, red_points = red_part_fen,
        entered_fen = concession_fen - concession_lost_fen, kept_fen = concession_fen - concession_lost_fen
    WHERE entry_cycle IS NULL AND vests_at <= %s AND confirmed_at <= %s AND NOT held
"""
_VESTED = """
    SELECT COUNT(*), SUM(kept_fen), SUM(green_part_fen), SUM(red_part_fen), SUM(coupon_part_fen), SUM(fee_part_fen)
    FROM orders WHERE entry_cycle = %s
"""
_ROUTED = """
    SELECT pool_id, plan_id FROM orders WHERE entry_cycle = %s AND entered_fen >= %s
    UNION
    SELECT v.red_pool_id, v.red_plan_id FROM orders o JOIN rule_version v ON v.id = o.rules_id
    WHERE o.entry_cycle = %s AND o.red_part_fen > 0
"""
_BY_POOL = """
    SELECT o.pool_id, v.red_pool_id, SUM(o.entered_fen), SUM(o.green_part_fen), SUM(o.red_part_fen),
           SUM(o.coupon_part_fen), SUM(o.fee_part_fen)
    FROM orders o JOIN rule_version v ON v.id = o.rules_id
    WHERE o.entry_cycle = %s GROUP BY o.pool_id, v.red_pool_id ORDER BY o.pool_id, v.red_pool_id
"""
_POSITIONS = """
    INSERT INTO position (account_id, cohort_id, points)
    SELECT account_id, cohort_id, SUM(points) FROM (
        SELECT o.member_id AS account_id, c.id AS cohort_id, o.entered_fen * o.member_multiple_ppm / 1000000 AS points
        FROM orders o JOIN pool p ON p.id = o.pool_id
        JOIN cohort c ON c.pool_id = o.pool_id AND c.plan_id = o.plan_id AND c.entry = o.entry_cycle - p.first_cycle + 1
        WHERE o.entry_cycle = %(cycle)s AND o.entered_fen >= %(least)s
        UNION ALL
        SELECT m.account_id, c.id, o.entered_fen * o.merchant_multiple_ppm / 1000000
        FROM orders o JOIN pool p ON p.id = o.pool_id JOIN merchant m ON m.id = o.merchant_id
        JOIN cohort c ON c.pool_id = o.pool_id AND c.plan_id = o.plan_id AND c.entry = o.entry_cycle - p.first_cycle + 1
        WHERE o.entry_cycle = %(cycle)s AND o.entered_fen >= %(least)s
        UNION ALL
        SELECT o.referrer_id, c.id, o.red_part_fen
        FROM orders o JOIN rule_version v ON v.id = o.rules_id JOIN pool p ON p.id = v.red_pool_id
        JOIN cohort c ON c.pool_id = p.id AND c.plan_id = v.red_plan_id AND c.entry = o.entry_cycle - p.first_cycle + 1
        WHERE o.entry_cycle = %(cycle)s AND o.red_part_fen > 0
    ) AS lots
    GROUP BY account_id, cohort_id
"""
_WALLETS = """
    INSERT INTO wallet (account_id, pool_id)
    SELECT DISTINCT p.account_id, c.pool_id FROM position p JOIN cohort c ON c.id = p.cohort_id
    WHERE p.cohort_id IN ({cohorts})
    ON CONFLICT (account_id, pool_id) DO NOTHING
"""
_COHORT_POINTS = """
    UPDATE cohort SET points = (SELECT SUM(points) FROM position WHERE position.cohort_id = cohort.id)
    WHERE id IN ({cohorts})
"""
_WALLET_POINTS = """
    SELECT p.account_id, c.pool_id, SUM(p.points) FROM position p JOIN cohort c ON c.id = p.cohort_id
    WHERE p.account_id IN ({keys}) GROUP BY p.account_id, c.pool_id
"""
_INFLOW = """
    INSERT INTO pool_cycle (inflow_fen, pool_id, cycle) SELECT %s, id, entry_cycle FROM pool WHERE id = %s
    ON CONFLICT (pool_id, cycle) DO UPDATE SET inflow_fen = pool_cycle.inflow_fen + excluded.inflow_fen
"""
_COUPONS = """
    INSERT INTO coupon (account_id, order_id, kind, face_fen, left_fen, usable_at, expires_at)
    SELECT member_id, id, 'earned', coupon_part_fen, coupon_part_fen, %s, %s FROM orders
    WHERE entry_cycle = %s AND coupon_part_fen > 0
"""
_REBATE_SUMS = """
    SELECT g.id, SUM(o.rebate_fen), g.unused_fen FROM orders o JOIN marketing_grant g ON g.id = o.grant_id
    WHERE o.entry_cycle = %s AND o.rebate_fen > 0 GROUP BY g.id, g.unused_fen ORDER BY g.id
"""
_REBATES = """
    INSERT INTO coupon (account_id, order_id, kind, grant_id, face_fen, left_fen, usable_at, expires_at)
    SELECT member_id, id, 'grant', grant_id, rebate_fen, rebate_fen, %s, %s FROM orders
    WHERE entry_cycle = %s AND rebate_fen > 0
"""
_GRANT = "UPDATE marketing_grant SET unused_fen = unused_fen - %s, transferred_fen = transferred_fen + %s WHERE id = %s"
