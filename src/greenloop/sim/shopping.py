"""How a day's baskets are paid: vouchers and coupons first where the household likes to, cash for the rest."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from greenloop.core.loop.spending import available_fen
from greenloop.core.money import share_ppm
from greenloop.services.loop.take import Sale
from greenloop.sim.groceries import Basket
from greenloop.sim.habits import household_ref, store_ref
from greenloop.store.queries import wallets


def sales(
    *, baskets: Sequence[Basket], wishes_ppm: Sequence[int], accounts: Mapping[str, int], at: datetime
) -> list[Sale]:
    """Turn baskets into sales; `wishes_ppm` is the part of each price that goes on vouchers and coupons if it can.

    All wallets are looked into at once, as they stand before the batch; what one basket takes is gone for the next.
    """
    spenders = {
        accounts[household_ref(basket.household)] for basket, wish in zip(baskets, wishes_ppm, strict=True) if wish
    }
    vouchers = {account: sum(map(available_fen, purses)) for account, purses in wallets.purses_of(spenders).items()}
    coupons = {
        account: sum(coupon.left_fen for coupon in found) for account, found in wallets.coupons_of(spenders, at).items()
    }
    found = []
    for basket, wish_ppm in zip(baskets, wishes_ppm, strict=True):
        member = household_ref(basket.household)
        wanted_fen = share_ppm(max(0, basket.price_fen), wish_ppm)
        # Coupons run out first, so they are spent first.
        coupon_fen = _take(coupons, accounts[member], wanted_fen)
        voucher_fen = _take(vouchers, accounts[member], wanted_fen - coupon_fen)
        found.append(
            Sale(
                merchant=store_ref(basket.store),
                order_no=str(basket.number),
                member=member,
                paid_at=basket.paid_at,
                cash_fen=basket.price_fen - coupon_fen - voucher_fen,
                voucher_fen=voucher_fen,
                coupon_fen=coupon_fen,
                shop=store_ref(basket.store),
                delivered=True,
            )
        )
    return found


def _take(balances: dict[int, int], account: int, wanted_fen: int) -> int:
    """Take up to an amount from a balance and return what there was."""
    fen = min(wanted_fen, balances.get(account, 0))
    if fen:
        balances[account] -= fen
    return fen
