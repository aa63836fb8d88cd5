"""The product's own journal of the loop, in the form that `greenloop recompute` replays (R12), and what must come out.

Events are ordered by the cycle in which they take effect, a cycle's settlement last, then by journal and line.
"""

import json
from collections.abc import Iterator
from typing import Any

from greenloop.core.loop.concession import MIN_CONCESSION_FEN
from greenloop.core.money import SCALE, ceil_div, share_ppm
from greenloop.store import sql

Event = dict[str, Any]
Placed = tuple[tuple[int, int, int], Event]
PPM = 1_000_000
AFTER_ENTRIES = 1_000_000_000
"""Within one refund's journal: vouchers return first, then the lots shrink."""


def loop_journal() -> Iterator[Event]:
    """Yield the events of everything that has taken effect so far, oldest first.

    While a settlement is held, it and all that waits behind it are left out.
    """
    yield from _terms()
    names = {pool: (name, first) for pool, name, first in sql.rows("SELECT id, name, first_cycle FROM pool")}
    last = sql.value("SELECT MAX(first_cycle + settled_cycle) FROM pool") or 1
    held = {row[0] for row in sql.rows("SELECT cycle FROM settlement_run WHERE state = 'held'")}
    for cycle in range(1, last + 1):
        placed = [*_caps(cycle), *_concessions(cycle), *_entries(cycle), *_refunds(cycle)]
        yield from (event for _, event in sorted(placed, key=lambda item: item[0]))
        if cycle in held:
            return
        for pool, own in sql.rows(_SETTLED, [cycle]):
            yield {"kind": "settle", "pool": names[pool][0], "cycle": own}


def _terms() -> Iterator[Event]:
    for name, terms in sql.rows("SELECT name, terms FROM pool ORDER BY id"):
        yield {"kind": "pool", "name": name, **json.loads(terms)}
    for name, terms in sql.rows("SELECT name, terms FROM plan ORDER BY id"):
        yield {"kind": "plan", **json.loads(terms), "name": name}


def _caps(cycle: int) -> Iterator[Placed]:
    for name, own, cap_fen in sql.rows(_CAPS, [cycle]):
        yield (0, 0, 0), {"kind": "cap", "pool": name, "cycle": own, "cap_fen": cap_fen}


def _concessions(cycle: int) -> Iterator[Placed]:
    journal = sql.value("SELECT id FROM journal WHERE book = 'trust' AND key = %s", [f"vest/{cycle}"])
    for line, row in enumerate(sql.rows(_CONCESSIONS, [cycle])):
        order, pool, plan, member, merchant, entered_fen, of_member, of_merchant, *red = row
        referrer, red_fen, red_pool, red_plan = red
        if entered_fen >= MIN_CONCESSION_FEN:
            event: Event = {"kind": "concession", "order": str(order), "pool": pool, "plan": plan}
            event |= {"member": str(member), "merchant": str(merchant), "concession_fen": entered_fen}
            if (of_member, of_merchant) != (PPM, PPM):
                event["points"] = _points(entered_fen, (member, of_member), (merchant, of_merchant))
            yield (journal, line, 0), event
        if red_fen:
            event = {"kind": "concession", "order": f"{order}/red", "pool": red_pool, "plan": red_plan}
            event |= {"member": str(referrer), "merchant": None, "concession_fen": int(red_fen)}
            yield (journal, line, 1), event | {"points": {str(referrer): int(red_fen)}}


def _points(concession_fen: int, *sides: tuple[int, int]) -> dict[str, int]:
    points: dict[str, int] = {}
    for account, multiple_ppm in sides:
        points[str(account)] = points.get(str(account), 0) + share_ppm(concession_fen, multiple_ppm)
    return points


def _entries(cycle: int) -> Iterator[Placed]:
    for account, journal, line, pool, kind, amount_fen in sql.rows(_ENTRIES, [cycle]):
        event = {"account": str(account), "pool": pool, "amount_fen": amount_fen}
        if kind == "repay":
            # The reserve is paid back in vouchers drawn and spent at once.
            yield (journal, line, 0), {"kind": "draw", **event}
            yield (journal, line, 1), {"kind": "spend", **event}
        else:
            yield (journal, line, 0), {"kind": kind, **event}


def _refunds(cycle: int) -> Iterator[Placed]:
    for place, row in enumerate(sql.rows(_REFUNDS, [cycle])):
        journal, order, less_fen, left_fen, member, merchant, of_member, of_merchant, red_lost = row
        event: Event = {"kind": "refund", "order": str(order), "points_fen": less_fen}
        if (of_member, of_merchant) != (PPM, PPM):
            event["points"] = _points(int(left_fen), (member, of_member), (merchant, of_merchant))
        if less_fen:
            yield (journal, AFTER_ENTRIES, 2 * place), event
        if red_lost:
            yield (
                (journal, AFTER_ENTRIES, 2 * place + 1),
                {"kind": "refund", "order": f"{order}/red", "points_fen": red_lost},
            )


def product_state() -> Event:
    """Return what the event `state` has to answer at the end of `loop_journal`, from the product's own tables."""
    accounts: dict[str, dict[str, Event]] = {}
    liability_fen = 0
    for account, pool, high, low, claimed_fen, voucher_fen in sql.rows(_WALLETS):
        accrued_fen = (int(high) * PPM + int(low)) // SCALE
        liability_fen += accrued_fen - claimed_fen + voucher_fen
        accounts.setdefault(str(account), {})[pool] = {
            "accrued_fen": accrued_fen,
            "claimed_fen": claimed_fen,
            "voucher_fen": voucher_fen,
        }
    rows = sql.rows("SELECT name, settled_cycle + 1, free_fen, backing_fen, spent_fen FROM pool ORDER BY name")
    pools = {name: {"cycle": cycle, "free_fen": free, "backing_fen": back} for name, cycle, free, back, _ in rows}
    backing_fen, spent_fen = sum(row[3] for row in rows), sum(row[4] for row in rows)
    return {
        "accounts": {account: dict(sorted(wallets.items())) for account, wallets in sorted(accounts.items())},
        "pools": pools,
        "liability_fen": liability_fen,
        "dust_fen": backing_fen - spent_fen - liability_fen,
        "trust_fen": sum(row[2] for row in rows) + backing_fen - spent_fen,
    }


def backing_of_cohorts() -> dict[int, int]:
    """Return by pool what must back its cohorts: ⌈Σ points × index⌉, one rounding up (R8)."""
    sums: dict[int, int] = {}
    for pool, points, index in sql.rows("SELECT pool_id, points, release_index FROM cohort"):
        sums[pool] = sums.get(pool, 0) + points * index
    return {pool: ceil_div(total, SCALE) for pool, total in sums.items()}


_CAPS = """
    SELECT p.name, c.cycle, c.cap_fen FROM pool_cycle c JOIN pool p ON p.id = c.pool_id
    WHERE c.cap_fen IS NOT NULL AND p.first_cycle + c.cycle - 1 = %s ORDER BY p.id
"""
_CONCESSIONS = """
    SELECT o.id, p.name, l.name, o.member_id, m.account_id, o.entered_fen, o.member_multiple_ppm,
           o.merchant_multiple_ppm, o.referrer_id, o.red_points + COALESCE(r.lost, 0), rp.name, rl.name
    FROM orders o JOIN pool p ON p.id = o.pool_id JOIN plan l ON l.id = o.plan_id
    JOIN merchant m ON m.id = o.merchant_id
    JOIN rule_version v ON v.id = o.rules_id JOIN pool rp ON rp.id = v.red_pool_id JOIN plan rl ON rl.id = v.red_plan_id
    LEFT JOIN (SELECT order_id, SUM(red_points_lost) AS lost FROM refund GROUP BY order_id) r
        ON r.order_id = o.id
    WHERE o.entry_cycle = %s ORDER BY o.id
"""
_ENTRIES = """
    SELECT e.account_id, e.journal_id, e.line, p.name, e.kind, e.amount_fen
    FROM wallet_entry e JOIN pool p ON p.id = e.pool_id
    WHERE p.first_cycle + e.cycle - 1 = %s AND e.kind <> 'claw'
"""
_REFUNDS = """
    SELECT COALESCE(r.effect_journal_id, r.journal_id), r.order_id, r.concession_lost_fen,
           o.concession_fen - (SELECT SUM(b.concession_lost_fen) FROM refund b
                               WHERE b.order_id = r.order_id AND b.state = 'paid' AND b.journal_id <= r.journal_id),
           o.member_id, m.account_id, o.member_multiple_ppm, o.merchant_multiple_ppm, r.red_points_lost
    FROM refund r JOIN orders o ON o.id = r.order_id JOIN merchant m ON m.id = o.merchant_id
    WHERE r.effect = 'applied' AND r.cycle = %s AND o.entered_fen >= 10
    ORDER BY r.id
"""
_SETTLED = """
    SELECT s.pool_id, s.cycle FROM settled_cycle s JOIN pool p ON p.id = s.pool_id
    WHERE p.first_cycle + s.cycle - 1 = %s ORDER BY s.pool_id
"""
_WALLETS = """
    SELECT w.account_id, o.name, COALESCE(a.high, 0), COALESCE(a.low, 0), w.claimed_fen, w.voucher_fen
    FROM wallet w JOIN pool o ON o.id = w.pool_id LEFT JOIN (
        SELECT p.account_id, c.pool_id, SUM(p.points * (c.release_index / 1000000)) AS high,
               SUM(p.points * (c.release_index %% 1000000)) AS low
        FROM position p JOIN cohort c ON c.id = p.cohort_id GROUP BY p.account_id, c.pool_id
    ) a ON a.account_id = w.account_id AND a.pool_id = w.pool_id
"""
