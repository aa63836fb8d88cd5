"""What pays for a price: vouchers of several pools by age, drawn as they are needed, and shopping coupons.

A purse is what one holder has in one pool. A debt (what the reserve once paid for it, domain.md "Refunds") is repaid
out of the next draw, before anything else.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from greenloop.core.loop import wallet as wallets
from greenloop.core.loop.wallet import Wallet


@dataclass(frozen=True, slots=True)
class Paper:
    """One voucher or coupon: what is left of it, in fen, and when that expires."""

    id: object
    left_fen: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Purse:
    """One holder's wallet in one pool with what it has accrued (R9), its debt, and its vouchers, oldest first.

    `draw_held_fen` and `spend_held_fen` are reserved for draws and spends that a second person decides on. The last
    three say what was drawn and spent on the local day `day` without one (`fence`).
    """

    pool_id: int
    accrued_fen: int
    wallet: Wallet
    debt_fen: int
    vouchers: tuple[Paper, ...] = ()
    draw_held_fen: int = 0
    spend_held_fen: int = 0
    day: int = 0
    day_drawn_fen: int = 0
    day_spent_fen: int = 0


@dataclass(frozen=True, slots=True)
class Use:
    """What was taken from one voucher or coupon, in fen."""

    paper: Any
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """A draw in fen: `repaid_fen` went to the reserve for an old debt, `drawn_fen` became vouchers."""

    repaid_fen: int
    drawn_fen: int


@dataclass(frozen=True, slots=True)
class Spent:
    """What one purse pays towards a price, in fen: first unspent vouchers, then what had to be drawn for it."""

    pool_id: int
    drawn: Drawn
    amount_fen: int
    uses: tuple[Use, ...]


def available_fen(purse: Purse) -> int:
    """Return what the purse can pay: unspent vouchers and what can be drawn after its debt is repaid.

    What is held for a second person is reserved, and pays for nothing else.
    """
    claimable = wallets.claimable(purse.wallet, purse.accrued_fen)
    there_fen = purse.wallet.voucher_fen + max(0, claimable - purse.debt_fen)
    return max(0, there_fen - purse.draw_held_fen - purse.spend_held_fen)


def drawable_fen(purse: Purse) -> int:
    """Return what can be drawn of a purse after its debt is repaid, beside what is held."""
    return max(0, wallets.claimable(purse.wallet, purse.accrued_fen) - kept_fen(purse) - purse.debt_fen)


def kept_fen(purse: Purse) -> int:
    """Return what of the claimable must stay for draws and spends held; unspent vouchers serve a spend first."""
    return purse.draw_held_fen + max(0, purse.spend_held_fen - purse.wallet.voucher_fen)


def place_debt(purses: Sequence[Purse]) -> tuple[Purse, ...]:
    """Place a holder's debts where its next draws will meet them: in the order given, up to what each can draw.

    A debt is the holder's, not the pool's, so it may move between the holder's purses; the sum stays. It isn't placed
    on what is held, where no draw would meet it.
    """
    debt_fen = sum(purse.debt_fen for purse in purses)
    if not debt_fen:
        return tuple(purses)
    placed: list[Purse] = []
    for place, purse in enumerate(purses, 1):
        claimable = wallets.claimable(purse.wallet, purse.accrued_fen)
        part = debt_fen if place == len(purses) else min(debt_fen, max(0, claimable - kept_fen(purse)))
        placed.append(replace(purse, debt_fen=part))
        debt_fen -= part
    return tuple(placed)


def take_from(papers: Sequence[Paper], amount_fen: int) -> tuple[tuple[Paper, ...], tuple[Use, ...]]:
    """Take an amount from vouchers or coupons in the order given; return what is left of them and what was used."""
    left: list[Paper] = []
    uses: list[Use] = []
    for paper in papers:
        part = min(paper.left_fen, amount_fen)
        amount_fen -= part
        if part:
            uses.append(Use(paper.id, part))
        if paper.left_fen > part:
            left.append(replace(paper, left_fen=paper.left_fen - part))
    return tuple(left), tuple(uses)


def draw(purse: Purse, amount_fen: int | None) -> tuple[Purse, Drawn]:
    """Draw vouchers (all that is claimable where no amount is given); the debt is repaid first.

    The new vouchers are not in the purse's papers yet: the caller gives them their id and expiry.

    :raises Refusal: the amount is more than can be drawn after the debt.
    """
    kept = kept_fen(purse)
    repaid = min(purse.debt_fen, max(0, wallets.claimable(purse.wallet, purse.accrued_fen) - kept))
    after, _ = wallets.draw(purse.wallet, purse.accrued_fen, repaid)
    after = wallets.spend(after, purse.accrued_fen, repaid)[0] if repaid else after
    after, drawn = wallets.draw(after, purse.accrued_fen, amount_fen, kept_fen=kept)
    return replace(purse, wallet=after, debt_fen=purse.debt_fen - repaid), Drawn(repaid, drawn)


def pay(purses: Sequence[Purse], amount_fen: int) -> tuple[tuple[Purse, ...], tuple[Spent, ...]]:
    """Pay an amount from purses in the order given (pools by age); return the purses after it and what each paid.

    In each purse unspent vouchers go first, then exactly what is missing is drawn. The caller has checked that the
    purses hold enough.
    """
    after: list[Purse] = []
    spent: list[Spent] = []
    for purse in purses:
        part = min(available_fen(purse), amount_fen)
        amount_fen -= part
        left = purse
        if part:
            left, paid = _pay_from(purse, part)
            spent.append(paid)
        after.append(left)
    return tuple(after), tuple(spent)


def _pay_from(purse: Purse, amount_fen: int) -> tuple[Purse, Spent]:
    missing = max(0, amount_fen - purse.wallet.voucher_fen)
    left, uses = take_from(purse.vouchers, amount_fen - missing)
    drawn = Drawn(0, 0)
    if missing:
        purse, drawn = draw(purse, missing)
    paid, _ = wallets.spend(purse.wallet, purse.accrued_fen, amount_fen)
    return replace(purse, wallet=paid, vouchers=left), Spent(purse.pool_id, drawn, amount_fen, uses)
