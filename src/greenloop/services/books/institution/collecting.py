"""Ask payers for the price of orders through the payment institution, which holds what they pay."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from greenloop.core.faults import Refusal, say
from greenloop.core.money import AMOUNT_FEN_MAX
from greenloop.services.books.institution.instructing import COLLECT, Wish, write
from greenloop.services.verb import verb
from greenloop.store import locks, sql
from greenloop.store.queries import parties

ORDER_NO_MAX = 64


@dataclass(frozen=True, slots=True)
class Bill:
    """What a payer is asked for: a merchant's order, by its number, and the cash part of its price in fen."""

    merchant: str
    order_no: str
    cash_fen: int


@verb
def collect(*, bills: Sequence[Bill], at: datetime) -> list[str]:
    """Write collections, once per order for ever, and return their numbers; asked again, they are the same.

    They are sent after the commit. The till reports the order itself once it has been paid.

    :raises Refusal: a merchant is unknown, an amount or an order number can't be one, or an order number stands for
        another amount. Nothing is written then.
    """
    merchants = parties.merchants({bill.merchant for bill in bills})
    for bill in bills:
        _check(bill, merchants)
    locks.merchants(each.id for each in merchants.values())
    keys = [f"collect/{merchants[bill.merchant].id}/{bill.order_no}" for bill in bills]
    query = "SELECT key, number, amount_fen FROM payment_instruction WHERE key IN ({keys})"
    known = {key: (number, fen) for key, number, fen in sql.rows_in(query, keys)}
    fresh: dict[str, Wish] = {}
    for bill, key in zip(bills, keys, strict=True):
        stands_fen = known[key][1] if key in known else fresh[key].amount_fen if key in fresh else bill.cash_fen
        if stands_fen != bill.cash_fen:
            message = say(
                "The order {order_no} is to be paid by another amount already. Give this sale its own number."
            )
            raise Refusal("collect.conflict", message, field="cash_fen", order_no=bill.order_no)
        if key not in known:
            fresh[key] = Wish(COLLECT, key, bill.cash_fen, merchants[bill.merchant].id, bill.order_no)
    numbers = dict(zip(fresh, write(list(fresh.values()), at=at), strict=True))
    return [numbers[key] if key in numbers else known[key][0] for key in keys]


def _check(bill: Bill, merchants: dict[str, parties.MerchantFact]) -> None:
    if bill.merchant not in merchants:
        message = say("The merchant {merchant} is not enrolled.")
        raise Refusal("collect.merchant", message, field="merchant", merchant=bill.merchant)
    if type(bill.cash_fen) is not int or not 0 < bill.cash_fen <= AMOUNT_FEN_MAX:
        message = say("A payment is a whole number of fen above 0, not {amount}.")
        raise Refusal("collect.amount", message, field="cash_fen", amount=bill.cash_fen)
    if not 0 < len(bill.order_no) <= ORDER_NO_MAX or "\x00" in bill.order_no:
        message = say("An order needs a number of 1 to 64 characters, not {value}.")
        raise Refusal("collect.no", message, field="order_no", value=bill.order_no)
