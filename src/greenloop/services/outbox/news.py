"""What verbs tell of: one function for each kind of events, called inside the verb's transaction.

Amounts are fen. Nothing here says who a person is: a member is the number of an account. Why somebody is held or a
refund was asked for stays in the house.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime

from greenloop.services.outbox.steps import News, tell, tell_together
from greenloop.store import sql


def vested(cycle: int, *, at: datetime) -> None:
    """Tell each client how many orders of its merchants have vested in a cycle, and what they conceded."""

    def news() -> Iterator[News]:
        for merchant, ref, orders, cash, concession in sql.rows(_VESTED, [cycle]):
            facts = {"orders": int(orders), "cash_fen": int(cash), "concession_fen": int(concession)}
            yield News(ref, {"merchant": ref, **facts}, merchant_id=merchant)

    tell_together("orders.vested", f"cycle/{cycle}", news, lambda each: {"cycle": cycle, "merchants": each}, at=at)


def settled(cycle: int, issued_fen: int, *, at: datetime) -> None:
    """Tell everybody that a cycle is settled."""
    tell("settlement.posted", lambda: [News(f"cycle/{cycle}", {"cycle": cycle, "issued_fen": issued_fen})], at=at)


def refunds_paid(numbers: Sequence[int], *, at: datetime) -> None:
    """Tell of refunds, by their numbers, that were paid in this transaction."""
    if numbers:
        tell("refund.paid", lambda: _refunds(numbers), at=at)


def refunds_pending(numbers: Sequence[int], *, at: datetime) -> None:
    """Tell of refunds, by their numbers, that wait for money since this transaction."""
    if numbers:
        tell("refund.pending", lambda: _refunds(numbers), at=at)


def _refunds(numbers: Sequence[int]) -> Iterator[News]:
    for number, merchant, *told in sorted(sql.rows_in(_REFUNDS, numbers)):
        ref, order_no, refund_no, state, *amounts = told
        data: dict[str, object] = {"merchant": ref, "order_no": order_no, "refund_no": refund_no}
        names = ("amount_fen", "cash_fen", "voucher_fen", "coupon_fen", "withheld_fen", "concession_lost_fen")
        shown = names if state == "paid" else names[:1]
        yield News(
            f"refund/{number}",
            data | {n: int(fen) for n, fen in zip(shown, amounts, strict=False)},
            merchant_id=merchant,
        )


def payments(state: str, numbers: Collection[str], *, at: datetime) -> None:
    """Tell of payments of orders, by their numbers, that are `paid`, `closed` or `failed` since this transaction."""

    def news() -> Iterator[News]:
        stands = "done" if state == "paid" else state
        for number, merchant, ref, order_no, fen in sorted(sql.rows_in(_PAYMENTS, sorted(numbers), [stands])):
            data = {"merchant": ref, "order_no": order_no, "amount_fen": int(fen)}
            yield News(f"payment/{number}", data, merchant_id=merchant)

    if numbers:
        tell(f"payment.{state}", news, at=at)


def paid_out(owed: Mapping[int, int], business_date: date, *, at: datetime) -> None:
    """Tell merchants' clients what each was paid."""
    if owed:
        tell("payout.paid", lambda: _payouts(owed, business_date), at=at)


def _payouts(owed: Mapping[int, int], business_date: date) -> Iterable[News]:
    day = business_date.isoformat()
    for merchant, ref in sorted(sql.rows_in(_REFS, owed)):
        data = {"merchant": ref, "business_date": day, "amount_fen": owed[merchant]}
        yield News(f"payout/{day}/{merchant}", data, merchant_id=merchant)


def rate_set(merchant_id: int, rate_ppm: int, valid_from_at: datetime, *, at: datetime) -> None:
    """Tell a merchant's clients of its new rate."""
    since = valid_from_at.isoformat()

    def news() -> Iterable[News]:
        for _, ref in sql.rows_in(_REFS, [merchant_id]):
            data = {"merchant": ref, "rate_ppm": rate_ppm, "valid_from_at": since}
            yield News(f"rate/{merchant_id}/{since}", data, merchant_id=merchant_id)

    tell("rate.set", news, at=at)


def rules_published(number: int, effective_at: datetime, *, at: datetime) -> None:
    """Tell everybody of new rules."""
    data = {"rules": str(number), "effective_at": effective_at.isoformat()}
    tell("rules.published", lambda: [News(f"rules/{number}", data)], at=at)


def minting_turned(number: int, *, mints: bool, effective_at: datetime, at: datetime) -> None:
    """Tell everybody that purchases make points no more from an instant on, or do so again."""
    data = {"mints": mints, "effective_at": effective_at.isoformat()}
    tell("minting.turned", lambda: [News(f"minting/{number}", data)], at=at)


def claim(what: str, claim_id: int, *, at: datetime) -> None:
    """Tell the clients of a merchant that a large spend there was `approved` or `rejected`; draws concern no till."""

    def news() -> Iterable[News]:
        for merchant, ref, order_no in sql.rows(_SALE_OF, [claim_id]):
            data = {"merchant": ref, "order_no": order_no, "claim": str(claim_id)}
            yield News(f"claim/{claim_id}", data, merchant_id=merchant)

    tell(f"claim.{what}", news, at=at)


def hold(what: str, hold_id: int, account_id: int | None, *, at: datetime) -> None:
    """Tell a merchant's clients that its account was `placed` on hold, or `released`; other holds concern nobody."""
    if account_id is None:
        return

    def news() -> Iterable[News]:
        for merchant, ref in sql.rows(_MERCHANT_OF, [account_id]):
            yield News(f"hold/{hold_id}", {"merchant": ref, "hold": str(hold_id)}, merchant_id=merchant)

    tell(f"hold.{what}", news, at=at)


_VESTED = """
    SELECT m.id, m.ref, COUNT(*), SUM(o.cash_fen - o.refunded_cash_fen), SUM(o.kept_fen)
    FROM orders o JOIN merchant m ON m.id = o.merchant_id WHERE o.entry_cycle = %s GROUP BY m.id, m.ref ORDER BY m.id
"""
_REFUNDS = """
    SELECT r.id, r.merchant_id, m.ref, o.order_no, r.refund_no, r.state, r.amount_fen, r.cash_fen, r.voucher_fen,
           r.coupon_fen, r.withheld_fen, r.concession_lost_fen
    FROM refund r JOIN orders o ON o.id = r.order_id JOIN merchant m ON m.id = r.merchant_id WHERE r.id IN ({keys})
"""
_PAYMENTS = """
    SELECT i.number, m.id, m.ref, i.order_no, i.amount_fen
    FROM payment_instruction i JOIN orders o ON o.merchant_id = i.merchant_id AND o.order_no = i.order_no
        JOIN merchant m ON m.id = o.merchant_id
    WHERE i.kind = 'collect' AND i.expires_at IS NOT NULL AND i.state = %s AND i.number IN ({keys})
"""
_REFS = "SELECT id, ref FROM merchant WHERE id IN ({keys})"
_SALE_OF = "SELECT m.id, m.ref, c.order_no FROM claim c JOIN merchant m ON m.id = c.merchant_id WHERE c.id = %s"
_MERCHANT_OF = "SELECT id, ref FROM merchant WHERE account_id = %s"
