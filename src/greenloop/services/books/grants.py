"""Marketing grants for first-order rebates: proposed by one person, approved by another, paid by the platform."""

from datetime import datetime

from greenloop.core.faults import Refusal, say
from greenloop.core.people import refs
from greenloop.core.trust.words import check_copy
from greenloop.services.again import begun_again
from greenloop.services.trust.steps import may, note, other_than
from greenloop.services.verb import verb
from greenloop.store import locks, sql
from greenloop.store.models import Grant


@begun_again
@verb
def propose_grant(*, ref: str, amount_fen: int, rebate_fen: int, by: str, at: datetime) -> int:
    """Propose a budget of `amount_fen` that gives `rebate_fen` to each new member's first order; return its number.

    :raises Refusal: an amount is not positive, the budget is below one rebate, the ref is no good, promises a return
        (G12) or stands for another grant, or `by` has no role that proposes grants.
    """
    may(by, "marketing", "operator", "finance")
    refs.check(ref, "grant.ref")
    check_copy(ref, "ref")
    if type(amount_fen) is not int or type(rebate_fen) is not int or not 0 < rebate_fen <= amount_fen:
        message = say("A grant needs a rebate above 0 and a budget of at least one rebate, in whole fen.")
        raise Refusal("grant.amount", message, field="rebate_fen")
    if earlier := Grant.objects.filter(ref=ref).first():
        if (earlier.amount_fen, earlier.rebate_fen) == (amount_fen, rebate_fen):
            return earlier.id
        message = say("The grant {ref} exists with other amounts.")
        raise Refusal("grant.conflict", message, field="ref", ref=ref)
    grant = Grant.objects.create(ref=ref, amount_fen=amount_fen, rebate_fen=rebate_fen, proposed_by=by, proposed_at=at)
    detail = {"amount_fen": amount_fen, "rebate_fen": rebate_fen}
    note(act="grant.propose", about=f"grant/{ref}", detail=detail, at=at, by=by)
    return grant.id


@verb
def approve_grant(*, ref: str, by: str, at: datetime) -> None:
    """Let a grant be used. The platform's bank must hold all that approved grants have still to pay.

    :raises Refusal: there is no such grant, `by` proposed it or has no role that approves grants, or the money is not
        there.
    """
    may(by, "operator", "finance")
    # All of them: two that are approved at once share what the platform's bank holds.
    locks.grants()
    grant = Grant.objects.filter(ref=ref).first()
    if grant is None:
        raise Refusal("grant.unknown", say("There is no grant {ref}."), field="ref", ref=ref)
    if grant.approved_by is not None:
        return
    message = say("{by} proposed this grant; another person has to approve it.")
    other_than(proposed_by=grant.proposed_by, by=by, code="grant.two_people", message=message)
    bank_fen = int(sql.value("SELECT debits_fen - credits_fen FROM ledger_account WHERE name = 'ops:bank'"))
    owed_fen = int(
        sql.value(
            "SELECT COALESCE(SUM(amount_fen - transferred_fen), 0) FROM marketing_grant WHERE approved_by IS NOT NULL"
        )
    )
    if owed_fen + grant.amount_fen > bank_fen:
        message = say("The platform holds {bank} fen, of which {owed} are granted already. Grant less, or later.")
        raise Refusal("grant.funds", message, field="amount_fen", bank=bank_fen, owed=owed_fen)
    Grant.objects.filter(id=grant.id).update(approved_by=by, approved_at=at)
    note(act="grant.approve", about=f"grant/{ref}", detail={"amount_fen": grant.amount_fen}, at=at, by=by)
