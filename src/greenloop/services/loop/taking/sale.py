"""A sale as a till reports it, and what is refused before anything is looked up."""

from datetime import datetime
from typing import NamedTuple, NoReturn

from greenloop.core.faults import Refusal, say
from greenloop.core.loop.concession import points_of
from greenloop.core.money import AMOUNT_FEN_MAX

TEXT_MAX = 64


class Sale(NamedTuple):
    """One sale. The parts of its price are fen: cash, vouchers, shopping coupons.

    `delivered` says that the goods went over the counter: the refund window runs from `paid_at`. A tuple, because one
    is made for every order.
    """

    merchant: str
    order_no: str
    member: str
    paid_at: datetime
    cash_fen: int
    voucher_fen: int = 0
    coupon_fen: int = 0
    shop: str | None = None
    delivered: bool = False


class Sold(NamedTuple):
    """What a sale became: its order, the rate and the concession in fen, and both sides' multiples, all fixed by then.

    `delivered` is what the books say now. A tuple, because one is made for every order.
    """

    order_id: int
    rate_ppm: int
    concession_fen: int
    member_multiple_ppm: int
    merchant_multiple_ppm: int
    delivered: bool

    @property
    def member_points(self) -> int:
        """Return the points that vesting gives the shopper, in 1/100 point."""
        return points_of(self.concession_fen, self.member_multiple_ppm)

    @property
    def merchant_points(self) -> int:
        """Return the points that vesting gives the merchant, in 1/100 point."""
        return points_of(self.concession_fen, self.merchant_multiple_ppm)


def no(code: str, message: str, field: str, value: object) -> NoReturn:
    """Refuse a sale for one field; `{value}` in the message is what the till sent.

    :raises Refusal: always.
    """
    raise Refusal(code, message, field=field, value=value)


def check_sale(sale: Sale) -> None:
    """Accept a sale whose fields can be true at all.

    :raises Refusal: an amount is not whole, negative or huge; the price is 0; the order number is empty or too long.
    """
    cash_fen, voucher_fen, coupon_fen = sale.cash_fen, sale.voucher_fen, sale.coupon_fen
    # One line for the till's every-day sale; the fields are told apart only when something is wrong.
    if type(cash_fen) is type(voucher_fen) is type(coupon_fen) is int and voucher_fen >= 0 and coupon_fen >= 0:
        total_fen = cash_fen + voucher_fen + coupon_fen
        if cash_fen >= 0 and 0 < total_fen <= AMOUNT_FEN_MAX and _sound_no(sale.order_no) and _sound_time(sale.paid_at):
            return
    for field in ("cash_fen", "voucher_fen", "coupon_fen"):
        value = getattr(sale, field)
        if type(value) is not int or not 0 <= value <= AMOUNT_FEN_MAX:
            no(
                "order.amount",
                say("The amount {value} is not a whole number of fen from 0 to 10 billion yuan."),
                field,
                value,
            )
    if not _sound_no(sale.order_no):
        no("order.no", say("An order needs a number of 1 to 64 characters, not {value}."), "order_no", sale.order_no)
    if not _sound_time(sale.paid_at):
        no("order.paid_at", say("The time of payment {value} names no time zone."), "paid_at", sale.paid_at)
    if cash_fen + voucher_fen + coupon_fen == 0:
        no("order.zero", say("A sale of {value} yuan has nothing to take. Leave it out."), "cash_fen", 0)
    no(
        "order.amount",
        say("The price {value} fen is above 10 billion yuan."),
        "cash_fen",
        cash_fen + voucher_fen + coupon_fen,
    )


def _sound_time(at: object) -> bool:
    return isinstance(at, datetime) and at.tzinfo is not None


def _sound_no(text: object) -> bool:
    return isinstance(text, str) and 0 < len(text) <= TEXT_MAX and "\x00" not in text
