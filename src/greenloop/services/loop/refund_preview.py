"""What a refund would do: decided by the code that refunds, and written nowhere."""

from dataclasses import dataclass
from datetime import datetime

from greenloop.core.faults import Refusal, say
from greenloop.services.loop.refunding.batch import Batch
from greenloop.services.loop.refunding.gathering import read_orders
from greenloop.services.loop.refunding.one import Paid, RefundForm
from greenloop.store.queries import parties, refunds

__all__ = ["Preview", "RefundForm", "preview"]
NOBODY = 0
"""The number of a refund that is only looked at."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What would become of a refund: `paid` with all it moves, or `pending`. `earlier` is one that is there already."""

    state: str
    paid: Paid | None
    earlier: int | None


def preview(*, form: RefundForm, at: datetime) -> Preview:
    """Return what a refund would do as things stand; nothing is locked or written.

    :raises Refusal: the refund would be refused.
    """
    merchants = parties.merchants([form.merchant])
    merchant = merchants.get(form.merchant)
    if merchant is None:
        message = say("The merchant {merchant} is not enrolled.")
        raise Refusal("refund.merchant", message, field="merchant", merchant=form.merchant)
    key = merchant.id, form.order_no
    orders = refunds.orders([key])
    known = {(each.order_id, each.refund_no): each for each in refunds.earlier([order.id for order in orders.values()])}
    state, index = read_orders(orders, {merchant.id: merchant.account_id})

    batch = Batch(at, state, index, orders, known)
    batch.take(form, key, NOBODY)

    number = batch.refund_ids[0]
    return Preview(str(batch.states[0]), batch.paid[0] if batch.paid else None, number or None)
