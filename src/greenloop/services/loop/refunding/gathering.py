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
    locks.holders(accounts_of(orders.values(), merchant_accounts))
    locks.grants()
    locks.every_pool()
    return read_orders(orders, merchant_accounts)


def read_orders(orders: dict[tuple[int, str], OrderFact], merchant_accounts: dict[int, int]) -> tuple[State, Index]:
    """Read all that refunds of orders may change, for somebody who only looks: nothing is locked."""
    accounts = accounts_of(orders.values(), merchant_accounts)
    return gather(
        order_ids=sorted(order.id for order in orders.values()),
        accounts=sorted(accounts),
        merchant_accounts=merchant_accounts,
    )


def accounts_of(orders: Iterable[OrderFact], merchant_accounts: dict[int, int]) -> set[int]:
    """Return the holders whose points and vouchers refunds of orders may change."""
    accounts = set(merchant_accounts.values())
    for order in orders:
        accounts |= {order.member_id} if order.referrer_id is None else {order.member_id, order.referrer_id}
    return accounts
