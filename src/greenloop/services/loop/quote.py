"""What a sale would be: decided by the counter that takes sales, and written nowhere."""

from dataclasses import dataclass, replace
from datetime import datetime

from greenloop.core.loop.fence import OPEN
from greenloop.core.loop.spending import available_fen, pay, place_debt
from greenloop.services.loop.steps import WalletWork
from greenloop.services.loop.taking.counter import Counter
from greenloop.services.loop.taking.facts import Facts, gather
from greenloop.services.loop.taking.sale import Sale, Sold
from greenloop.services.loop.taking.till import Till

__all__ = ["Quote", "quote"]


@dataclass(frozen=True, slots=True)
class Quote:
    """A sale as it would be taken, in fen: how its price is paid, and what of it vouchers and coupons could at most.

    What the member has beyond the price isn't said: a till needs to know what pays this sale, not what somebody owns.
    `held` says that it would wait for a second person's decision first.
    """

    sale: Sale
    sold: Sold
    voucher_max_fen: int
    coupon_max_fen: int
    held: bool


def quote(*, sale: Sale, price_fen: int, use_vouchers: bool, use_coupons: bool, at: datetime) -> Quote:
    """Return what a sale of `price_fen` would be if vouchers and coupons paid as much of it as they can.

    :raises Refusal: the sale would be refused.
    """
    facts = gather([sale._replace(voucher_fen=1)], at=at, look_up=False, to_write=False)
    voucher_max_fen, coupon_max_fen = (min(price_fen, fen) for fen in _most(sale, facts))
    coupon_fen = coupon_max_fen if use_coupons else 0
    voucher_fen = min(price_fen - coupon_fen, voucher_max_fen) if use_vouchers else 0
    cash_fen = price_fen - coupon_fen - voucher_fen
    paid = sale._replace(cash_fen=cash_fen, voucher_fen=voucher_fen, coupon_fen=coupon_fen)
    held = _would_wait(paid, facts)
    return Quote(paid, _rung(paid, replace(facts, fence=OPEN, claims={})), voucher_max_fen, coupon_max_fen, held)


def _would_wait(sale: Sale, facts: Facts) -> bool:
    member = facts.members.get(sale.member)
    purses = place_debt(facts.purses.get(member.id, ())) if member else ()
    return facts.fence.holds_spend(purses, pay(purses, sale.voucher_fen)[1])


def _rung(sale: Sale, facts: Facts) -> Sold:
    work = WalletWork()
    work.open(facts.purses)
    return Counter(facts, Till(facts, work, dict(facts.coupons))).ring_up(0, sale, 0)


def _most(sale: Sale, facts: Facts) -> tuple[int, int]:
    """Return what vouchers and coupons could pay at this merchant at most, in fen."""
    member, merchant = facts.members.get(sale.member), facts.merchants.get(sale.merchant)
    if member is None or merchant is None or member.id in facts.held or (member.id, merchant.id) in facts.own_shops:
        return 0, 0
    purses = place_debt(facts.purses.get(member.id, ()))
    coupons = facts.coupons.get(member.id, ()) if merchant.accepts_coupons else ()
    return sum(map(available_fen, purses)), sum(coupon.left_fen for coupon in coupons)
