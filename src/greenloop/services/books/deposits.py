"""Money that a merchant brings: checked and written inside its caller's transaction, by one person's verb or two's."""

from dataclasses import dataclass
from datetime import datetime

from greenloop.core.books.posting import draft
from greenloop.core.faults import Refusal, say
from greenloop.core.money import AMOUNT_FEN_MAX
from greenloop.services import ids
from greenloop.services.books.institution import instructing
from greenloop.services.books.post import post
from greenloop.store import locks
from greenloop.store.models import Deposit, Merchant


@dataclass(frozen=True, slots=True)
class Brought:
    """Money that may be taken into a merchant's dues, in fen; `known` is the deposit that it was before, if it was."""

    merchant_id: int
    deposit_no: str
    amount_fen: int
    known: int | None


def checked(*, merchant: str, deposit_no: str, amount_fen: int) -> Brought:
    """Return what a merchant brings; its dues are locked until the transaction ends.

    :raises Refusal: the merchant is unknown, the amount is not positive, or the number stands for another amount.
    """
    found = Merchant.objects.filter(ref=merchant).first()
    if found is None:
        message = say("The merchant {merchant} is not enrolled.")
        raise Refusal("deposit.merchant", message, field="merchant", merchant=merchant)
    if type(amount_fen) is not int or not 0 < amount_fen <= AMOUNT_FEN_MAX:
        message = say("A deposit is a whole number of fen above 0, not {amount}.")
        raise Refusal("deposit.amount", message, field="amount_fen", amount=amount_fen)
    locks.merchants([found.id])
    earlier = Deposit.objects.filter(merchant_id=found.id, deposit_no=deposit_no).first()
    if earlier and earlier.amount_fen != amount_fen:
        message = say("The deposit number {number} was used for another amount.")
        raise Refusal("deposit.conflict", message, field="deposit_no", number=deposit_no)
    return Brought(found.id, deposit_no, amount_fen, earlier.id if earlier else None)


def write(brought: Brought, *, at: datetime) -> int:
    """Take money that was checked in the same transaction, unless it was taken before; return the deposit's id."""
    if brought.known is not None:
        return brought.known
    number, key = ids.block(1)[0], f"deposit/{brought.merchant_id}/{brought.deposit_no}"
    amounts = [("trust:bank", "trust:merchant_payable", brought.amount_fen)]
    journal_id = post([draft(key=key, kind="deposit", amounts=amounts)], at=at)[key]
    Deposit.objects.create(
        id=number,
        merchant_id=brought.merchant_id,
        deposit_no=brought.deposit_no,
        amount_fen=brought.amount_fen,
        journal_id=journal_id,
    )
    facts = {"merchant_id": brought.merchant_id, "amount_fen": brought.amount_fen, "journal_id": journal_id}
    instructing.expect(deposit_id=number, **facts, at=at)
    return number
