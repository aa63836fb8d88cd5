"""What refunds may change: locked in order, then read."""

from collections.abc import Iterable

from greenloop.services.loop.refunding.state import Index, State, gather
from greenloop.store import locks
from greenloop.store.queries.refunds import OrderFact


def lock_orders(orders: Iterable[OrderFact]) -> None:
    """Lock orders that are to be refunded, and their merchants; no cycle closes meanwhile."""
    facts = list(orders)
    locks.beside_the_clockwork()
    locks.merchants(order.merchant_id for order in facts)
    locks.orders(order.id for order in facts)


def gather_orders(orders: dict[tuple[int, str], OrderFact], merchant_accounts: dict[int, int]) -> tuple[State, Index]:
    """Lock all else that refunds of locked orders may change, and read it."""
    accounts = {order.member_id for order in orders.values()} | set(merchant_accounts.values())
    accounts |= {order.referrer_id for order in orders.values() if order.referrer_id is not None}
    locks.holders(accounts)
    locks.grants()
    locks.every_pool()
    return gather(
        order_ids=sorted(order.id for order in orders.values()),
        accounts=sorted(accounts),
        merchant_accounts=merchant_accounts,
    )
