"""What a holder can draw and spend from one pool: points × index, one floor, less what was claimed (R9).

Settlements never write a wallet. All amounts are fen of vouchers.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from greenloop.core.faults import Refusal, say
from greenloop.core.money import SCALE

LIMB = 10**6


@dataclass(frozen=True, slots=True)
class Wallet:
    """One holder's claims on one pool, in fen.

    `claimed_fen` was drawn over time, net of clawback; `voucher_fen` of it is unspent. `redeemed_fen` is what was spent
    net of what refunds gave back, `expired_fen` what expired. claimed − voucher is this wallet's part of the pool's
    `spent` (R11).
    """

    claimed_fen: int = 0
    voucher_fen: int = 0
    redeemed_fen: int = 0
    expired_fen: int = 0


def accrued_fen(positions: Iterable[tuple[int, int]]) -> int:
    """Return what `positions`, pairs of points and index, have released in all: one floor per wallet, cumulative."""
    return sum(points * index for points, index in positions) // SCALE


def accrued_of_limbs(high: int, low: int) -> int:
    """Return what was released, from two sums a 64-bit database can hold.

    `high` is Σ points × (index // 10^6), `low` is Σ points × (index % 10^6); exact up to WALLET_POINTS_MAX.
    """
    return (high + low // LIMB) // LIMB


def claimable(wallet: Wallet, accrued: int) -> int:
    """Return what the holder may draw now, in fen; `accrued` is what the wallet's positions have released."""
    return accrued - wallet.claimed_fen


def draw(wallet: Wallet, accrued: int, amount_fen: int | None = None, *, kept_fen: int = 0) -> tuple[Wallet, int]:
    """Move claimable vouchers into the unspent balance, `amount_fen` of them or all; return also the fen drawn.

    `kept_fen` of what is claimable is reserved for something else, and stays.

    :raises Refusal: `amount_fen` is negative or more than is claimable.
    """
    most_fen = max(0, claimable(wallet, accrued) - kept_fen)
    drawn_fen = most_fen if amount_fen is None else _within(amount_fen, most_fen, _CLAIMABLE)
    if drawn_fen == 0:
        return wallet, 0
    drawn = Wallet(
        wallet.claimed_fen + drawn_fen, wallet.voucher_fen + drawn_fen, wallet.redeemed_fen, wallet.expired_fen
    )
    return drawn, drawn_fen


def spend(wallet: Wallet, accrued: int, amount_fen: int) -> tuple[Wallet, int]:
    """Pay with vouchers: the unspent balance first, then exactly what is missing is drawn; return also the fen drawn.

    :raises Refusal: `amount_fen` is negative or more than both together.
    """
    _within(amount_fen, wallet.voucher_fen + max(0, claimable(wallet, accrued)), _SPENDABLE)
    drawn_fen = max(0, amount_fen - wallet.voucher_fen)
    spent = Wallet(
        wallet.claimed_fen + drawn_fen,
        wallet.voucher_fen + drawn_fen - amount_fen,
        wallet.redeemed_fen + amount_fen,
        wallet.expired_fen,
    )
    return spent, drawn_fen


def expire(wallet: Wallet, amount_fen: int) -> Wallet:
    """Let drawn vouchers expire unspent; the caller returns the same amount to the pool's free money (R9).

    :raises Refusal: `amount_fen` is negative or more than the unspent balance.
    """
    _within(amount_fen, wallet.voucher_fen, _UNSPENT)
    return Wallet(
        wallet.claimed_fen, wallet.voucher_fen - amount_fen, wallet.redeemed_fen, wallet.expired_fen + amount_fen
    )


def give_back(wallet: Wallet, amount_fen: int) -> Wallet:
    """Return redeemed vouchers to the unspent balance, because what they paid for was refunded.

    :raises Refusal: `amount_fen` is negative or more than was redeemed and not yet given back.
    """
    _within(amount_fen, wallet.redeemed_fen, _REDEEMED)
    return Wallet(
        wallet.claimed_fen, wallet.voucher_fen + amount_fen, wallet.redeemed_fen - amount_fen, wallet.expired_fen
    )


_CLAIMABLE = say("{amount} fen is more than the {most} fen that can be drawn; draw {most} or less.")
_SPENDABLE = say("{amount} fen is more than the {most} fen of vouchers there are; spend {most} or less.")
_UNSPENT = say("{amount} fen is more than the {most} fen of unspent vouchers; let {most} or less expire.")
_REDEEMED = say("{amount} fen is more than the {most} fen that were redeemed; give back {most} or less.")


def _within(amount_fen: int, most_fen: int, message: str) -> int:
    if amount_fen < 0:
        raise Refusal(
            "wallet.negative",
            say("An amount of vouchers can't be negative, as {amount} is; write 0 or more."),
            field="amount_fen",
            amount=amount_fen,
        )
    if amount_fen > most_fen:
        raise Refusal("wallet.short", message, field="amount_fen", amount=amount_fen, most=most_fen)
    return amount_fen
