"""What the platform advances so that a pending refund can be paid: found out, and written with the refund itself.

Inside a transaction of two people's approval (docs/decisions/0015-advances.md).
"""

from dataclasses import dataclass
from datetime import datetime

from greenloop.core.books.posting import draft
from greenloop.core.faults import Refusal, say
from greenloop.services import ids
from greenloop.services.books.institution import instructing
from greenloop.services.loop.refunding.gathering import gather_orders, lock_orders
from greenloop.services.loop.refunding.one import Paid, RefundForm, refund_one
from greenloop.services.loop.refunding.record import record_refunds
from greenloop.services.loop.refunding.state import State
from greenloop.services.loop.rules import rulings
from greenloop.store import sql
from greenloop.store.models import Deposit
from greenloop.store.queries import parties, refunds
from greenloop.store.queries.refunds import EarlierRefund, OrderFact


@dataclass(frozen=True, slots=True)
class Advance:
    """A pending refund as it would be paid, and what of it the platform has to advance, in fen."""

    merchant_id: int
    paid: Paid
    state: State
    amount_fen: int


def checked(*, merchant: str, order_no: str, refund_no: str, amount_fen_max: int, at: datetime) -> Advance:
    """Return what a pending refund lacks, at most `amount_fen_max`; nothing is written.

    :raises Refusal: there is no such pending refund, the merchant's own dues pay it, it takes more than that, the
        reserve is short, or the platform hasn't as much.
    """
    found = parties.merchants({merchant}).get(merchant)
    if found is None:
        message = say("The merchant {merchant} is not enrolled.")
        raise Refusal("refund.merchant", message, field="merchant", merchant=merchant)
    key = (found.id, order_no)
    lock_orders(refunds.orders([key]).values())
    orders = refunds.orders([key])
    if key not in orders:
        message = say("The merchant has no order {order_no}.")
        raise Refusal("refund.order", message, field="order_no", order_no=order_no)
    order, pending = orders[key], _pending(orders[key], refund_no)
    state, index = gather_orders(orders, {found.id: found.account_id})
    own_fen = state.dues_fen[found.id]
    state.dues_fen[found.id] = own_fen + amount_fen_max
    form = RefundForm(merchant, order_no, refund_no, pending.amount_fen)
    ruling = next(each for each in rulings() if each.id == order.rules_id)
    try:
        paid = refund_one(state, index, order, form, ruling, refund_id=pending.id, at=at)
    except Refusal as refusal:
        if refusal.code != "refund.dues":
            raise
        message = say("{amount} fen are not enough for this refund. Propose more.")
        raise Refusal("advance.short", message, field="amount_fen", amount=amount_fen_max) from refusal
    lacking_fen = amount_fen_max - state.dues_fen[found.id]
    if lacking_fen <= 0:
        message = say("The merchant's own dues pay this refund now. Ask for the refund again; no advance is needed.")
        raise Refusal("advance.needless", message, field="refund_no")
    _check_funds(lacking_fen)
    return Advance(found.id, paid, state, lacking_fen)


def write(advance: Advance, *, at: datetime) -> None:
    """Write an advance that was checked in the same transaction, and pay the refund out of it."""
    refund_id = advance.paid.id
    key = f"advance/{refund_id}"
    drafts = [
        draft(key=key, kind="advance", amounts=[("ops:receivable", "ops:bank", advance.amount_fen)]),
        draft(key=key, kind="advance", amounts=[("trust:bank", "trust:merchant_payable", advance.amount_fen)]),
    ]
    journals = record_refunds([advance.paid], [], advance.state, at=at, beside=drafts)
    Deposit.objects.create(
        id=ids.block(1)[0],
        merchant_id=advance.merchant_id,
        deposit_no=key,
        amount_fen=advance.amount_fen,
        journal_id=journals[key],
        advance_of=refund_id,
    )
    facts = {"subject_id": refund_id, "journal_id": journals[key], "merchant_id": advance.merchant_id}
    instructing.expect_of_platform(key=key, amount_fen=advance.amount_fen, **facts, at=at)


def _pending(order: OrderFact, refund_no: str) -> EarlierRefund:
    for each in refunds.earlier([order.id]):
        if each.refund_no == refund_no and each.state == "pending":
            return each
    message = say("The order has no pending refund {refund_no}.")
    raise Refusal("advance.refund", message, field="refund_no", refund_no=refund_no)


def _check_funds(fen: int) -> None:
    bank_fen, granted_fen = (int(value or 0) for value in sql.rows(_FUNDS)[0])
    if fen > bank_fen - granted_fen:
        message = say("The platform holds {bank} fen, of which {granted} are granted already; this takes {amount}.")
        raise Refusal("advance.funds", message, field="amount_fen", bank=bank_fen, granted=granted_fen, amount=fen)


_FUNDS = """
    SELECT (SELECT debits_fen - credits_fen FROM ledger_account WHERE name = 'ops:bank'),
           (SELECT SUM(amount_fen - transferred_fen) FROM marketing_grant WHERE approved_by IS NOT NULL)
"""
