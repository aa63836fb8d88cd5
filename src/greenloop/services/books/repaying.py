"""Advances come back from the merchant's next dues, before these are paid out. Inside the payout's transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from greenloop.core.books.posting import Draft, draft
from greenloop.services import ids
from greenloop.store import sql


@dataclass(frozen=True, slots=True)
class Repayment:
    """What of one advance a merchant's dues give back, in fen; `id` is that of the entry among its deposits."""

    id: int
    merchant_id: int
    refund_id: int
    amount_fen: int


def repayments(owed: Mapping[int, int]) -> list[Repayment]:
    """Return what merchants give back out of what they are owed, oldest advance first."""
    left = dict(owed)
    found: list[tuple[int, int, int]] = []
    for merchant, refund, fen in sql.rows_in(_OPEN, owed):
        if (part := min(int(fen), left[merchant])) > 0:
            left[merchant] -= part
            found.append((merchant, refund, part))
    return [Repayment(number, *each) for number, each in zip(ids.block(len(found)), found, strict=True)]


def key_of(given: Sequence[Repayment]) -> str:
    """Return the key of the journals that take repayments back."""
    return f"advance-repaid/{given[0].id}"


def drafts(given: Sequence[Repayment]) -> list[Draft]:
    """Return the journals that take repayments from the merchants' dues to the platform."""
    if not given:
        return []
    fen = sum(each.amount_fen for each in given)
    return [
        draft(key=key_of(given), kind="advance", amounts=[("trust:merchant_payable", "trust:bank", fen)]),
        draft(key=key_of(given), kind="advance", amounts=[("ops:bank", "ops:receivable", fen)]),
    ]


def record(given: Sequence[Repayment], journals: Mapping[str, int], payouts: Mapping[int, int]) -> None:
    """Write repayments among the merchants' deposits, settled by the payouts of the day where there are such."""
    lines = [
        (
            *(each.id, each.merchant_id, f"advance-repaid/{each.id}", -each.amount_fen),
            *(journals[key_of(given)], payouts.get(each.merchant_id), each.refund_id),
        )
        for each in given
    ]
    sql.load("deposit", _COLUMNS, lines)


_COLUMNS = ("id", "merchant_id", "deposit_no", "amount_fen", "journal_id", "payout_id", "advance_of")
_OPEN = """
    SELECT merchant_id, advance_of, SUM(amount_fen) FROM deposit
    WHERE advance_of IS NOT NULL AND merchant_id IN ({keys})
    GROUP BY merchant_id, advance_of HAVING SUM(amount_fen) > 0 ORDER BY merchant_id, advance_of
"""
