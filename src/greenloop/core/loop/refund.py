"""Undoing an order in part or whole: what the shopper gets back, what the lots lose, what is taken back (R10).

Points leave retroactively, on the same index path, so a wallet ends as if they had never been. All amounts are fen.
"""

from dataclasses import dataclass

from greenloop.core.faults import Refusal, say
from greenloop.core.loop.wallet import Wallet
from greenloop.core.money import half_up_ppm


@dataclass(frozen=True, slots=True)
class Tender:
    """What an order was paid with, or what a refund returns, in fen."""

    cash_fen: int
    voucher_fen: int
    coupon_fen: int

    @property
    def total(self) -> int:
        """Return the price, in fen."""
        return self.cash_fen + self.voucher_fen + self.coupon_fen


@dataclass(frozen=True, slots=True)
class Clawback:
    """What is taken back from a holder who had claimed more than the lots that remain have released, in fen.

    `voucher_fen` comes from unspent vouchers; `expired_fen` from vouchers that had expired, no money moves;
    `cash_fen` must be paid to trust in cash.
    """

    voucher_fen: int = 0
    expired_fen: int = 0
    cash_fen: int = 0

    @property
    def total(self) -> int:
        """Return the over-claim, in fen."""
        return self.voucher_fen + self.expired_fen + self.cash_fen


def refund_tender(*, order: Tender, refunded_total_fen: int) -> Tender:
    """Divide the cumulative refund of an order over what it was paid with (domain.md, Refunds).

    Vouchers and coupons come back in proportion, rounded down, cash is the rest. Two roundings can leave a rest above
    the cash that was paid; that fen comes back as a voucher, for vouchers never turn into cash.

    :raises Refusal: the cumulative refund is negative or above the price.
    """
    price_fen = order.total
    if not 0 <= refunded_total_fen <= price_fen:
        raise Refusal(
            "refund.above_order",
            say("The refunds of an order of {price} fen can't add up to {refunded} fen; refund {price} at most."),
            field="refund_fen",
            price=price_fen,
            refunded=refunded_total_fen,
        )
    if price_fen == 0:
        return Tender(0, 0, 0)
    voucher_fen = order.voucher_fen * refunded_total_fen // price_fen
    coupon_fen = order.coupon_fen * refunded_total_fen // price_fen
    cash_fen = min(order.cash_fen, refunded_total_fen - voucher_fen - coupon_fen)
    voucher_fen = min(order.voucher_fen, refunded_total_fen - cash_fen - coupon_fen)
    return Tender(cash_fen, voucher_fen, refunded_total_fen - cash_fen - voucher_fen)


def next_tender(*, order: Tender, returned: Tender, refund_fen: int) -> Tender:
    """Divide one more refund of `refund_fen`, when earlier ones have `returned` so much.

    It is what `refund_tender` owes for the sum, less what was returned. Where rounding would ask a part back from the
    shopper, that part is 0 and another gives less, cash last.

    :raises Refusal: the refund is negative, or above what is left of the price.
    """
    if refund_fen < 0:
        raise Refusal(
            "refund.negative",
            say("A refund can't be negative, as {refund} fen is; write the amount that the shopper gets back."),
            field="refund_fen",
            refund=refund_fen,
        )
    owed = refund_tender(order=order, refunded_total_fen=returned.total + refund_fen)
    coupon_fen = max(0, owed.coupon_fen - returned.coupon_fen)
    voucher_fen = max(0, owed.voucher_fen - returned.voucher_fen)
    cash_fen = max(0, owed.cash_fen - returned.cash_fen)
    coupon_fen -= min(coupon_fen, coupon_fen + voucher_fen + cash_fen - refund_fen)
    voucher_fen -= min(voucher_fen, coupon_fen + voucher_fen + cash_fen - refund_fen)
    return Tender(refund_fen - coupon_fen - voucher_fen, voucher_fen, coupon_fen)


def concession_after(*, cash_left_fen: int, rate_ppm: int) -> int:
    """Return the concession on the cash that remains after a refund, rounded half up."""
    return half_up_ppm(cash_left_fen, rate_ppm)


def points_after(original_points: int, concession_fen: int, concession_left_fen: int) -> int:
    """Return what a lot keeps, in 1/100 point, when its order's concession falls to `concession_left_fen`."""
    return original_points * concession_left_fen // concession_fen


def allotment_returned(*, allot_fen: int, allot_left_fen: int, free_fen: int) -> int:
    """Return what leaves the pool's free money and inflow when an order shrinks in its entry cycle, in fen (R10).

    Free money never falls below 0: what is missing, after an expired voucher was taken back, stays allotted.
    """
    return min(allot_fen - allot_left_fen, free_fen)


def claw_back(wallet: Wallet, accrued: int, free_fen: int) -> tuple[Wallet, Clawback]:
    """Take back what a holder claimed above `accrued`, after its lots shrank (R10).

    First from unspent vouchers; then from expired ones, which take as much from `free_fen`, the pool's free money; the
    rest in cash. The caller lowers the pool's free money by the expired part.
    """
    excess_fen = wallet.claimed_fen - accrued
    if excess_fen <= 0:
        return wallet, Clawback()
    voucher_fen = min(excess_fen, wallet.voucher_fen)
    expired_fen = min(excess_fen - voucher_fen, wallet.expired_fen, free_fen)
    taken = Clawback(voucher_fen, expired_fen, excess_fen - voucher_fen - expired_fen)
    left = Wallet(accrued, wallet.voucher_fen - voucher_fen, wallet.redeemed_fen, wallet.expired_fen - expired_fen)
    return left, taken
