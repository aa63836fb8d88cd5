"""An order's own share of each journal that it is part of.

Journals post the sums of whole batches; what of them is this order's follows from its row. A refund's journals are its
own, whole.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from greenloop.store.queries.journeys import Journey, Tender
from greenloop.store.queries.traces import JournalRow, RefundRow

PAYABLE = "trust:merchant_payable"
Amounts = tuple[tuple[str, str, int], ...]
"""Postings: (debit, credit, fen)."""


@dataclass(frozen=True, slots=True)
class Share:
    """One journal and this order's part of its postings; `batch` is the whole of them, where it is asked for.

    `number` and `key` are None for the journal of a bank statement: orders don't name the one that confirmed them.
    """

    kind: str
    number: int | None
    key: str | None
    at: datetime
    own: Amounts
    batch: Amounts = ()

    @property
    def lines(self) -> list[tuple[str, str, int | None, int | None]]:
        """Return (debit, credit, own fen, the batch's fen) of each posting; None where the order has no part in it."""
        own, batch = _summed(self.own), _summed(self.batch)
        return [(*pair, own.get(pair), batch.get(pair)) for pair in dict.fromkeys([*own, *batch])]


def needed(journey: Journey, refunds: Iterable[RefundRow]) -> tuple[set[int], set[str]]:
    """Return the numbers and the keys of the journals behind an order."""
    numbers = {journey.order.journal_id}
    for refund in refunds:
        all_three = refund.journal_id, refund.effect_journal_id, refund.payout_journal_id
        numbers |= {number for number in all_three if number is not None}
    numbers |= {mark.journal_id for mark in (journey.vested, journey.fee, journey.payout) if mark}
    keys = {f"{kind}/{journey.order.entry_cycle}" for kind in ("rebate", "grant")} if journey.rebate else set()
    return numbers, keys


def shares(
    journey: Journey, refunds: Sequence[RefundRow], vouchers: Sequence[Tender], journals: Sequence[JournalRow]
) -> list[Share]:
    """Return the order's share of each journal, oldest first."""
    found = {journal.id: journal for journal in journals}
    order = journey.order
    own: dict[int, Amounts] = {order.journal_id: _taken(journey, vouchers)}
    if journey.vested:
        own[journey.vested.journal_id] = _vested(journey, list(refunds))
    if journey.fee and order.fee_part_fen:
        own[journey.fee.journal_id] = (("trust:fee_payable", "trust:bank", order.fee_part_fen),)
    own |= _paid_out(journey, refunds)
    rebates = {journal.id: journal for journal in journals if journal.kind in {"rebate", "grant"}}
    own |= _rebates(journey, rebates)
    mine = {number for refund in refunds for number in (refund.journal_id, refund.effect_journal_id)}
    refunded = {number: found[number].postings for number in mine if number in found and found[number].kind == "refund"}
    own |= refunded
    told = [
        Share(each.kind, number, each.key, each.effective_at, _some(own[number]), each.postings)
        for number, each in found.items()
        if number in own
    ]
    told += _confirmed(journey, refunded.values())
    # What has no number comes after the payment, which may be of the same instant.
    return sorted(told, key=lambda share: (share.at, share.kind != "take", share.number or 0))


def _summed(amounts: Amounts) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for debit, credit, fen in amounts:
        found[debit, credit] = found.get((debit, credit), 0) + fen
    return found


def _some(amounts: Amounts) -> Amounts:
    return tuple(posting for posting in amounts if posting[2])


def _taken(journey: Journey, vouchers: Sequence[Tender]) -> Amounts:
    order = journey.order
    return (
        ("trust:in_transit", PAYABLE, order.cash_fen - order.concession_fen),
        ("trust:in_transit", "trust:concession_pending", order.concession_fen),
        *((f"trust:accrued:{each.pool}", "trust:reserve", each.repaid_fen) for each in vouchers),
        *((f"trust:accrued:{each.pool}", f"trust:voucher:{each.pool}", each.drawn_fen) for each in vouchers),
        *((f"trust:voucher:{each.pool}", PAYABLE, each.amount_fen) for each in vouchers),
        ("trust:coupon", PAYABLE, order.coupon_fen),
    )


def _confirmed(journey: Journey, refunded: Iterable[Amounts]) -> list[Share]:
    """Return what arrived at the bank: the cash, less what refunds gave back while it was on its way."""
    order = journey.order
    if order.confirmed_at is None:
        return []
    back_fen = sum(fen for amounts in refunded for _debit, credit, fen in amounts if credit == "trust:in_transit")
    amounts = _some((("trust:bank", "trust:in_transit", order.cash_fen - back_fen),))
    return [Share("confirm", None, None, order.confirmed_at, amounts)] if amounts else []


def _vested(journey: Journey, refunds: list[RefundRow]) -> Amounts:
    parts = journey.entered(refunds)
    if parts is None:
        return ()
    pending = "trust:concession_pending"
    return (
        (pending, f"trust:pool:{journey.order.pool}", parts.green_fen),
        (pending, f"trust:pool:{journey.red_pool}", parts.red_fen),
        (pending, "trust:coupon", parts.coupon_fen),
        (pending, "trust:reserve", parts.reserve_fen),
        (pending, "trust:fee_payable", parts.fee_fen),
    )


def _paid_out(journey: Journey, refunds: Iterable[RefundRow]) -> dict[int, Amounts]:
    """Return what payouts paid for the order: what it earned, in each less the refunds that it was netted with."""
    paid_fen = {} if journey.payout is None else {journey.payout.journal_id: journey.earned_fen}
    for refund in refunds:
        if refund.payout_journal_id is not None:
            paid_fen[refund.payout_journal_id] = paid_fen.get(refund.payout_journal_id, 0) - refund.dues_fen
    return {number: ((PAYABLE, "trust:bank", fen),) for number, fen in paid_fen.items() if fen}


def _rebates(journey: Journey, journals: Mapping[int, JournalRow]) -> dict[int, Amounts]:
    """Return the first-order rebate. Where a cycle's rebates had two sources, the order's own isn't told apart."""
    if journey.rebate is None:
        return {}
    trust = {number: each for number, each in journals.items() if each.book == "trust"}
    if len(trust) > 1:
        return dict.fromkeys(trust, ())
    source = {"rebate": "trust:grant_unused", "grant": "trust:bank"}
    own: dict[int, Amounts] = {
        number: ((source[each.kind], "trust:coupon", journey.rebate.face_fen),) for number, each in trust.items()
    }
    ops = {number for number, each in journals.items() if each.book == "ops"}
    return own | dict.fromkeys(ops, (("ops:marketing", "ops:bank", journey.rebate.face_fen),))
