"""Instructions written in the transaction that causes them. Nothing here sends: that comes after the commit."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from greenloop.core.books.instructions import content_hash
from greenloop.services import ids
from greenloop.store import sql

COLLECT, SPLIT, REFUND, PAYOUT, FEE, BRING, BACK = "collect", "split", "refund", "payout", "fee", "bring", "back"
CHARGEBACK = "chargeback"
"""The refund number of a payment that its payer's bank took back: the institution has moved that money already."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One instruction to be written: its natural key, whom and what it is for, and its amount in fen.

    `expires_at` is until when a payment can be made, None where it isn't a till's.
    """

    kind: str
    key: str
    amount_fen: int
    merchant_id: int | None = None
    order_no: str = ""
    subject_id: int | None = None
    payment: str = ""
    journal_id: int | None = None
    expires_at: datetime | None = None


def write(wishes: Sequence[Wish], *, at: datetime) -> list[str]:
    """Write instructions inside the caller's transaction and return their numbers, in the order of the wishes."""
    numbers = [f"{wish.kind[0]}{number}" for wish, number in zip(wishes, ids.block(len(wishes)), strict=True)]
    now = sql.instant(at)
    lines = [_line(wish, number, now) for wish, number in zip(wishes, numbers, strict=True)]
    sql.load("payment_instruction", _COLUMNS, lines)
    return numbers


def _line(wish: Wish, number: str, now: object) -> sql.Row:
    told: dict[str, str | int] = {
        "kind": wish.kind,
        "number": number,
        "amount_fen": wish.amount_fen,
        "merchant_id": wish.merchant_id or 0,
        "order_no": wish.order_no,
        "payment": wish.payment,
    }
    state = "done" if wish.kind in {BRING, BACK} else "waiting"
    expires = None if wish.expires_at is None else sql.instant(wish.expires_at)
    return (
        *(int(number[1:]), wish.kind, wish.key, number, wish.payment, wish.merchant_id, wish.order_no),
        *(wish.subject_id, wish.amount_fen, wish.journal_id, content_hash(told), now, now, state, expires, expires),
    )


def pay_out(payouts: Mapping[int, tuple[int, int]], *, journal_id: int, at: datetime) -> None:
    """Tell the institution to pay merchants: (merchant, fen) by payout."""
    write(
        [
            Wish(PAYOUT, f"payout/{number}", fen, merchant_id=merchant, subject_id=number, journal_id=journal_id)
            for number, (merchant, fen) in payouts.items()
        ],
        at=at,
    )


def pay_fee(*, cycle: int, amount_fen: int, journal_id: int, at: datetime) -> None:
    """Tell the institution to pay the platform its fee of a cycle."""
    write([Wish(FEE, f"fee/{cycle}", amount_fen, subject_id=cycle, journal_id=journal_id)], at=at)


def expect(*, deposit_id: int, merchant_id: int, amount_fen: int, journal_id: int, at: datetime) -> None:
    """Expect on a statement what a merchant brings."""
    wish = Wish(BRING, f"deposit/{deposit_id}", amount_fen, merchant_id, subject_id=deposit_id, journal_id=journal_id)
    write([wish], at=at)


def expect_of_platform(
    *, key: str, amount_fen: int, subject_id: int, journal_id: int, at: datetime, merchant_id: int | None = None
) -> None:
    """Expect on a statement what the platform moves at its own bank: a grant of a cycle, or an advance to a merchant.

    The books count it from now on; what never arrives is missing on the statements, and so a case.
    """
    write([Wish(BRING, key, amount_fen, merchant_id, subject_id=subject_id, journal_id=journal_id)], at=at)


@dataclass(frozen=True, slots=True)
class Back:
    """Cash that a refund gives back, in fen: of which order, and by which journal."""

    refund_id: int
    order_id: int
    merchant_id: int
    order_no: str
    refund_no: str
    cash_fen: int
    journal_id: int


def refund(backs: Iterable[Back], *, at: datetime) -> None:
    """Tell the institution to give back cash of orders that were paid through it; others' tills do it themselves.

    What was charged back is written and never sent: the institution has moved that money already.
    """
    owed = [back for back in backs if back.cash_fen]
    paid = payments([(back.merchant_id, back.order_no) for back in owed])
    write(
        [
            Wish(
                kind=BACK if back.refund_no == CHARGEBACK else REFUND,
                key=f"refund/{back.refund_id}",
                amount_fen=back.cash_fen,
                merchant_id=back.merchant_id,
                order_no=back.order_no,
                subject_id=back.refund_id,
                payment=paid[back.merchant_id, back.order_no],
                journal_id=back.journal_id,
            )
            for back in owed
            if (back.merchant_id, back.order_no) in paid
        ],
        at=at,
    )


@dataclass(frozen=True, slots=True)
class Divided:
    """An order whose cash was confirmed: the concession that is left of it, in fen."""

    order_id: int
    merchant_id: int
    order_no: str
    concession_fen: int


def split(orders: Iterable[Divided], *, journal_id: int, at: datetime) -> None:
    """Tell the institution to divide the payments of orders: the concession to the trust account."""
    shared = [order for order in orders if order.concession_fen]
    paid = payments([(order.merchant_id, order.order_no) for order in shared])
    write(
        [
            Wish(
                *(SPLIT, f"split/{order.order_id}", order.concession_fen, order.merchant_id, order.order_no),
                order.order_id,
                payment=paid[order.merchant_id, order.order_no],
                journal_id=journal_id,
            )
            for order in shared
            if (order.merchant_id, order.order_no) in paid
        ],
        at=at,
    )


def payments(orders: Sequence[tuple[int, str]]) -> dict[tuple[int, str], str]:
    """Return the numbers of the collections of orders, by (merchant, order number), where there are any.

    A payment that was closed is none: nobody has paid it.
    """
    keys = {f"collect/{merchant}/{order_no}": (merchant, order_no) for merchant, order_no in orders}
    query = "SELECT key, number FROM payment_instruction WHERE key IN ({keys}) AND state <> 'closed'"
    return {keys[key]: number for key, number in sql.rows_in(query, list(keys))}


def unpaid(orders: Sequence[tuple[int, str]]) -> dict[tuple[int, str], str]:
    """Return the states of the payments, by (merchant, order number), that a till asked for and nobody has made yet.

    One that is closed is among them until its order is cancelled.
    """
    keys = {f"collect/{merchant}/{order_no}": (merchant, order_no) for merchant, order_no in orders}
    return {keys[key]: state for key, state in sql.rows_in(_UNPAID, list(keys))}


_COLUMNS = (
    *("id", "kind", "key", "number", "payment", "merchant_id", "order_no"),
    *("subject_id", "amount_fen", "journal_id", "content_hash", "made_at", "next_at", "state"),
    *("expires_at", "close_at"),
)
_UNPAID = """
    SELECT key, state FROM payment_instruction WHERE key IN ({keys}) AND expires_at IS NOT NULL
        AND (state IN ('waiting', 'sent', 'failed') OR state = 'closed' AND close_at IS NOT NULL)
"""
