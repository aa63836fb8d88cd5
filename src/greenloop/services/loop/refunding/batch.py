"""The refunds of one call, decided one after the other on a working state; recorded, or only looked at, by others."""

from datetime import datetime

from greenloop.core.faults import Refusal, say
from greenloop.services.books.institution import instructing
from greenloop.services.loop.refunding.one import Paid, RefundForm, refund_one
from greenloop.services.loop.refunding.record import Pending
from greenloop.services.loop.refunding.state import Index, State
from greenloop.services.loop.rules import rulings
from greenloop.store.queries.refunds import EarlierRefund, OrderFact

PENDING = ("refund.dues", "refund.reserve")
CANCEL = "cancel"
"""The refund number of a cancelled order: no other refund may have it."""


class Batch:
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
        self.unpaid = instructing.unpaid(sorted(orders))

    def refuse(self, place: int, refusal: Refusal) -> None:
        """Note that the refund at a place of the call is refused."""
        self.refund_ids.append(None)
        self.states.append(None)
        self.refusals[place] = refusal

    def take(self, form: RefundForm, key: tuple[int, str], number: int) -> None:
        """Decide one refund of an order, by (merchant, order number); `number` is its id if it is new.

        :raises Refusal: it can't be, whatever money there is.
        """
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
        if not order.confirmed and not self._may_go(form, order):
            message = say(
                "The payment of the order {order_no} is under way. Cancel the payment: its order goes with it."
            )
            raise Refusal("refund.unpaid", message, field="order_no", order_no=form.order_no)
        others = (each for (owner, _), each in self.known.items() if owner == order.id)
        if any(each.state == "pending" and each.refund_no != form.refund_no for each in others):
            message = say("Another refund of the order {order_no} is still pending.")
            raise Refusal("refund.pending", message, field="order_no", order_no=form.order_no)
        left_fen = order.tender.total - order.refunded_fen
        if (earlier is None or earlier.state == "pending") and form.amount_fen > left_fen:
            message = say("{amount} fen is more than the {left} fen that are left of the order. Refund {left} or less.")
            raise Refusal("refund.above_order", message, field="amount_fen", amount=form.amount_fen, left=left_fen)

    def _may_go(self, form: RefundForm, order: OrderFact) -> bool:
        """Tell whether nobody can be paying the order any more: it was paid, or is cancelled since nobody has."""
        state = self.unpaid.get((order.merchant_id, order.order_no))
        return state is None or (state == "closed" and form.refund_no == CANCEL)
