"""Refunds whose effect on points waited for a held settlement."""

from datetime import datetime

from greenloop.core.books.posting import draft
from greenloop.core.faults import Refusal
from greenloop.services.books.post import post
from greenloop.services.loop.refunding.effects import Effect, shrink
from greenloop.services.loop.refunding.lots import shrink_of
from greenloop.services.loop.refunding.record import CLAWBACK, record_changes, record_entries, record_state
from greenloop.services.loop.refunding.state import State, gather
from greenloop.services.loop.rules import rulings
from greenloop.store import locks, sql
from greenloop.store.queries import parties, refunds
from greenloop.store.queries.refunds import OrderFact


def lock_waiting() -> None:
    """Lock the merchants and wallets that waiting refunds will change, before the pools are locked."""
    if waiting := sql.rows(_WAITING):
        _lock_parties(refunds.by_id({row[1] for row in waiting}))


def _lock_parties(orders: dict[int, OrderFact]) -> tuple[dict[int, int], list[int]]:
    merchants = parties.accounts_of_merchants({order.merchant_id for order in orders.values()})
    accounts = {order.member_id for order in orders.values()} | set(merchants.values())
    accounts |= {order.referrer_id for order in orders.values() if order.referrer_id is not None}
    locks.merchants(merchants)
    locks.holders(accounts)
    return merchants, sorted(accounts)


def apply_waiting(*, at: datetime) -> int:
    """Apply what refunds still owe to the points, oldest first, inside the caller's transaction; return their number.

    Their cash and the merchant's dues are settled long since: what was claimed too much falls on the reserve and is
    the holder's debt.
    """
    waiting = sql.rows(_WAITING)
    if not waiting:
        return 0
    orders = refunds.by_id({row[1] for row in waiting})
    merchants, accounts = _lock_parties(orders)
    state, index = gather(order_ids=[], accounts=accounts, merchant_accounts=merchants)
    rules = {ruling.id: ruling for ruling in rulings()}
    done: list[tuple[int, Effect, State]] = []
    stuck: set[int] = set()
    for number, order_id, *points in waiting:
        if order_id in stuck:
            continue
        fork = state.fork()
        order = orders[order_id]
        lost = points[0], points[1], points[2]
        what = shrink_of(
            index, order, rules[order.rules_id], lost, refund_id=number, cash_fen=0, merchant_pays=False, at=fork
        )
        try:
            effect = shrink(fork, index, what)
        except Refusal:
            # The reserve is short: this refund goes on waiting, and later ones of its order with it.
            stuck.add(order_id)
            continue
        state.join(fork)
        done.append((number, effect, fork))
    _record(done, state, at=at)
    return len(done)


def _record(done: list[tuple[int, Effect, State]], state: State, *, at: datetime) -> None:
    keys = {number: f"refund-effect/{number}" for number, effect, _ in done if any(fen for *_, fen in effect.amounts)}
    drafts = [
        draft(key=keys[number], kind="refund", amounts=effect.amounts) for number, effect, _ in done if number in keys
    ]
    journals = post(drafts, at=at)
    numbers = {number: journals[key] for number, key in keys.items()}
    latest = sql.value("SELECT MAX(id) FROM journal")
    sql.run_many(
        "UPDATE refund SET effect = 'applied', effect_journal_id = %s, "
        "cycle = (SELECT p.first_cycle + p.entry_cycle - 1 "
        "FROM pool p JOIN orders o ON o.pool_id = p.id WHERE o.id = refund.order_id) WHERE id = %s",
        # An effect that moved no money still has its place in the order of things (R12): after the latest journal.
        [(numbers.get(number, latest), number) for number, _, _ in done],
    )
    sql.load("clawback", CLAWBACK, [row for _, effect, _ in done for row in effect.clawbacks])
    record_entries(((numbers[number], fork.entries) for number, _, fork in done if fork.entries), state)
    record_changes((numbers[number], fork.changes) for number, _, fork in done if fork.changes)
    record_state(state)


_WAITING = """
    SELECT id, order_id, member_points_lost, merchant_points_lost, red_points_lost FROM refund
    WHERE effect = 'waiting' ORDER BY id
"""
