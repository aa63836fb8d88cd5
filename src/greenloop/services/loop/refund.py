"""Refund orders, in part or whole, at any stage (domain.md, "Refunds"; settlement.md, R10)."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from greenloop.core.faults import Refusal, say
from greenloop.services import ids
from greenloop.services.books.institution.instructing import CHARGEBACK
from greenloop.services.loop.refunding.batch import CANCEL, Batch
from greenloop.services.loop.refunding.gathering import gather_orders, lock_orders
from greenloop.services.loop.refunding.one import RefundForm
from greenloop.services.loop.refunding.record import record_refunds
from greenloop.services.verb import verb
from greenloop.store.queries import parties, refunds

__all__ = ["CANCEL", "RefundForm", "Refunded", "refund", "refund_due", "unreserved"]
log = logging.getLogger("greenloop.refunds")


@dataclass(frozen=True, slots=True)
class Refunded:
    """What became of each refund of a batch: its id, and `paid`, `pending` (waits for money) or None (refused)."""

    refund_ids: Sequence[int | None]
    states: Sequence[str | None]
    refusals: dict[int, Refusal]


def unreserved(refund_no: str) -> str:
    """Return a number that a merchant gives a refund.

    :raises Refusal: it is the one of cancelled orders, or of payments that were charged back.
    """
    if refund_no == CANCEL:
        message = say("The refund number {number} is that of a cancelled order. Choose another.")
        raise Refusal("refund.reserved", message, field="refund_no", number=CANCEL)
    if refund_no == CHARGEBACK:
        message = say("The refund number {number} is that of a payment that was charged back. Choose another.")
        raise Refusal("refund.reserved", message, field="refund_no", number=CHARGEBACK)
    return refund_no


def refund_due(*, forms: Sequence[RefundForm], at: datetime) -> Refunded:
    """Refund what is due though nobody asks: what was charged back, what nobody paid. What is refused is logged."""
    done = refund(forms=forms, at=at)
    for place, refusal in done.refusals.items():
        log.error("%s of %s can't be booked: %s", forms[place].refund_no, forms[place].order_no, refusal.code)
    return done


@verb
def refund(*, forms: Sequence[RefundForm], at: datetime) -> Refunded:
    """Refund orders, each once per refund number; asked again, a paid refund gives the same answer.

    A refund that the merchant's dues (or the reserve) can't fund yet is kept as pending and posts nothing; ask again
    once there is money. Each refund of the batch stands or falls alone.
    """
    merchants = parties.merchants({form.merchant for form in forms})
    keys = [(merchants[form.merchant].id, form.order_no) for form in forms if form.merchant in merchants]
    orders = refunds.orders(sorted(set(keys)))
    lock_orders(orders.values())
    orders = refunds.orders(sorted(set(keys)))
    known = {(each.order_id, each.refund_no): each for each in refunds.earlier([order.id for order in orders.values()])}
    state, index = gather_orders(orders, {fact.id: fact.account_id for fact in merchants.values()})

    batch = Batch(at, state, index, orders, known)
    numbers = ids.block(len(forms))
    for place, (form, number) in enumerate(zip(forms, numbers, strict=True)):
        try:
            merchant = merchants.get(form.merchant)
            if merchant is None:
                message = say("The merchant {merchant} is not enrolled.")
                raise Refusal("refund.merchant", message, field="merchant", merchant=form.merchant)
            batch.take(form, (merchant.id, form.order_no), number)
        except Refusal as refusal:
            batch.refuse(place, refusal)

    record_refunds(batch.paid, batch.pending, state, at=at)
    return Refunded(batch.refund_ids, batch.states, batch.refusals)
