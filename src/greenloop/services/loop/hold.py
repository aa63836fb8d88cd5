"""Hold orders and accounts, and release them."""

from datetime import datetime

from greenloop.core.faults import Refusal, say
from greenloop.core.people.roles import HOLDERS
from greenloop.services.again import begun_again
from greenloop.services.outbox import news
from greenloop.services.trust.steps import may, note
from greenloop.services.verb import verb
from greenloop.store.models import Account, Hold, Order


@begun_again
@verb
def hold_order(*, order_id: int, reason: str, by: str, at: datetime) -> int:
    """Keep an order from vesting until the hold is released; return the hold's number. Held twice is held once.

    An order that has vested keeps its points: the hold then blocks draws and spends of all it gave points to.

    :raises Refusal: the order is unknown, or `by` has no role that holds.
    """
    may(by, *HOLDERS)
    order = Order.objects.select_for_update().filter(id=order_id).first()
    if order is None:
        raise Refusal("hold.order", say("There is no order {order}."), field="order_id", order=order_id)
    if earlier := Hold.objects.filter(order_id=order_id, released_at=None).first():
        return earlier.id
    Order.objects.filter(id=order_id).update(held=True)
    return _placed(f"order/{order_id}", Hold(order_id=order_id, reason=reason[:200], placed_by=by, placed_at=at))


@begun_again
@verb
def hold_account(*, account_id: int, reason: str, by: str, at: datetime) -> int:
    """Keep an account from drawing and spending until the hold is released; return the hold's number.

    :raises Refusal: the account is unknown, or `by` has no role that holds.
    """
    may(by, *HOLDERS)
    if not Account.objects.filter(id=account_id).exists():
        raise Refusal("hold.account", say("There is no account {account}."), field="account_id", account=account_id)
    if earlier := Hold.objects.filter(account_id=account_id, released_at=None).first():
        return earlier.id
    hold = Hold(account_id=account_id, reason=reason[:200], placed_by=by, placed_at=at)
    return _placed(f"account/{account_id}", hold)


def _placed(about: str, hold: Hold) -> int:
    hold.save(force_insert=True)
    note(act="hold.place", about=about, detail={"hold": str(hold.id)}, at=hold.placed_at, by=hold.placed_by)
    news.hold("placed", hold.id, hold.account_id, at=hold.placed_at)
    return hold.id


@verb
def release(*, hold_id: int, by: str, at: datetime) -> None:
    """Release a hold. Released twice is released once.

    :raises Refusal: there is no such hold, or `by` has no role that holds.
    """
    may(by, *HOLDERS)
    hold = Hold.objects.select_for_update().filter(id=hold_id).first()
    if hold is None:
        raise Refusal("hold.unknown", say("There is no hold {hold}."), field="hold_id", hold=hold_id)
    if hold.released_at is not None:
        return
    if hold.order_id is not None:
        Order.objects.filter(id=hold.order_id).update(held=False)
    Hold.objects.filter(id=hold_id).update(released_by=by, released_at=at)
    about = f"account/{hold.account_id}" if hold.order_id is None else f"order/{hold.order_id}"
    note(act="hold.release", about=about, detail={"hold": str(hold_id)}, at=at, by=by)
    news.hold("released", hold_id, hold.account_id, at=at)
