"""Refund orders, in part or whole, at any stage (domain.md, "Refunds"; settlement.md, R10)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from greenloop.core.faults import Refusal, say
from greenloop.services import ids
from greenloop.services.loop.refunding.gathering import gather_orders, lock_orders
from greenloop.services.loop.refunding.one import Paid, RefundForm, refund_one
from greenloop.services.loop.refunding.record import Pending, record_refunds
from greenloop.services.loop.refunding.state import Index, State
from greenloop.services.loop.rules import rulings
from greenloop.services.verb import verb
from greenloop.store.queries import parties, refunds
from greenloop.store.queries.refunds import EarlierRefund, OrderFact

__all__ = ["RefundForm", "Refunded", "refund"]
PENDING = ("refund.dues", "refund.reserve")


@dataclass(frozen=True, slots=True)
class Refunded:
    """What became of each refund of a batch: its id, and `paid`, `pending` (waits for money) or None (refused)."""

    refund_ids: Sequence[int | None]
    states: Sequence[str | None]
    refusals: dict[int, Refusal]


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

    batch = _Batch(at, state, index, orders, known)
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


class _Batch:
    """The refunds of one call, one after the other: later ones see what earlier ones changed."""

    def __init__(
        self,
        at: datetime,
        state: State,
        index: Index,
        orders: dict[tuple[int, str], OrderFact],
        known: dict[tuple[int, str], EarlierRefund],
    ) -> None:
        self.at, self.state, self.index, self.orders, self.known = at, state, index, orders, known
        self.rules = {ruling.id: ruling for ruling in rulings()}
        self.paid: list[Paid] = []
        self.pending: list[Pending] = []
        self.refund_ids: list[int | None] = []
        self.states: list[str | None] = []
        self.refusals: dict[int, Refusal] = {}

    def refuse(self, place: int, refusal: Refusal) -> None:
        self.refund_ids.append(None)
        self.states.append(None)
        self.refusals[place] = refusal

    def take(self, form: RefundForm, key: tuple[int, str], number: int) -> None:
        order = self.orders.get(key)
        if order is None:
            message = say("The merchant has no order {order_no}.")
            raise Refusal("refund.order", message, field="order_no", order_no=form.order_no)
        earlier = self.known.get((order.id, form.refund_no))
        number = earlier.id if earlier else number
        self._check(form, order, earlier)
        if earlier and earlier.state == "paid":
            self._note(number, "paid")
            return
        fork = self.state.fork()
        try:
            paid = refund_one(fork, self.index, order, form, self.rules[order.rules_id], refund_id=number, at=self.at)
        except Refusal as refusal:
            if refusal.code not in PENDING:
                raise
            self.pending.append(Pending(number, order, form, earlier is not None))
            self.known[order.id, form.refund_no] = EarlierRefund(
                number, order.id, form.refund_no, form.amount_fen, "pending"
            )
            self._note(number, "pending")
            return
        self.state.join(fork)
        self.paid.append(paid)
        self.orders[key] = paid.order
        self.known[order.id, form.refund_no] = EarlierRefund(number, order.id, form.refund_no, form.amount_fen, "paid")
        self._note(number, "paid")

    def _note(self, number: int, outcome: str) -> None:
        self.refund_ids.append(number)
        self.states.append(outcome)

    def _check(self, form: RefundForm, order: OrderFact, earlier: EarlierRefund | None) -> None:
        if type(form.amount_fen) is not int or form.amount_fen <= 0:
            message = say("A refund gives back a whole number of fen above 0, not {amount}.")
            raise Refusal("refund.amount", message, field="amount_fen", amount=form.amount_fen)
        if not 0 < len(form.refund_no) <= 64 or "\x00" in form.refund_no:
            message = say("A refund needs a number of 1 to 64 characters.")
            raise Refusal("refund.no", message, field="refund_no")
        if earlier and earlier.amount_fen != form.amount_fen:
            message = say("The refund number {refund_no} was used for another amount. Give this refund its own number.")
            raise Refusal("refund.conflict", message, field="refund_no", refund_no=form.refund_no)
        others = (each for (owner, _), each in self.known.items() if owner == order.id)
        if any(each.state == "pending" and each.refund_no != form.refund_no for each in others):
            message = say("Another refund of the order {order_no} is still pending.")
            raise Refusal("refund.pending", message, field="order_no", order_no=form.order_no)
        left_fen = order.tender.total - order.refunded_fen
        if (earlier is None or earlier.state == "pending") and form.amount_fen > left_fen:
            message = say("{amount} fen is more than the {left} fen that are left of the order. Refund {left} or less.")
            raise Refusal("refund.above_order", message, field="amount_fen", amount=form.amount_fen, left=left_fen)
