"""Move the platform's fee from the trust book to the operating book: one of the few transfers there are."""

from datetime import datetime

from greenloop.core.books.posting import draft
from greenloop.core.faults import Refusal, say
from greenloop.services.books.institution import instructing
from greenloop.services.books.post import post
from greenloop.services.soundness import may_leave_trust
from greenloop.services.verb import verb
from greenloop.store import locks, sql
from greenloop.store.models import FeeTransfer, SettlementRun
from greenloop.store.queries.soundness import broken


def transfer_fees_if_sound(*, cycle: int, at: datetime) -> int:
    """Transfer a cycle's fee, or leave it to the clock while the books are broken; return the fen moved.

    :raises Refusal: the cycle is not settled yet.
    """
    return 0 if broken() else transfer_fees(cycle=cycle, at=at)


@verb
def transfer_fees(*, cycle: int, at: datetime) -> int:
    """Transfer the fee of all orders that entered in one alliance cycle, once it is settled; return the fen moved.

    Once per cycle: two journals with one key, one in each book.

    :raises Refusal: the cycle is not settled yet, or the books are broken (settlement.md, R11).
    """
    locks.clockwork()
    if earlier := FeeTransfer.objects.filter(cycle=cycle).first():
        return earlier.amount_fen
    if not SettlementRun.objects.filter(cycle=cycle, state="posted").exists():
        message = say("Cycle {cycle} is not settled yet. Its fee moves once it is.")
        raise Refusal("fee.cycle", message, field="cycle", cycle=cycle)
    amount_fen = int(sql.value("SELECT SUM(fee_part_fen) FROM orders WHERE entry_cycle = %s", [cycle]) or 0)
    if not amount_fen:
        return 0
    may_leave_trust()
    key = f"fee/{cycle}"
    drafts = [
        draft(key=key, kind="fee", amounts=[("trust:fee_payable", "trust:bank", amount_fen)]),
        draft(key=key, kind="fee", amounts=[("ops:bank", "ops:fee_income", amount_fen)]),
    ]
    journal_id = post(drafts, at=at)[key]
    FeeTransfer.objects.create(cycle=cycle, amount_fen=amount_fen, journal_id=journal_id)
    instructing.pay_fee(cycle=cycle, amount_fen=amount_fen, journal_id=journal_id, at=at)
    return amount_fen
