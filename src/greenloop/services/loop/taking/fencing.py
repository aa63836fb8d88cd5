"""Spends above the fence: which sale has an approval, and what is said to one that has none."""

from collections.abc import Sequence
from typing import NoReturn

from greenloop.core.faults import Refusal, say
from greenloop.core.loop.spending import Purse
from greenloop.services.loop.claiming import NewClaim, next_id
from greenloop.services.loop.taking.facts import Facts
from greenloop.services.loop.taking.sale import Sale
from greenloop.store.models.claims import LIVE
from greenloop.store.queries.claims import Known
from greenloop.store.queries.parties import MemberFact, MerchantFact

NOBODY_LOOKED = 0


def waits(claim_id: int) -> Refusal:
    """Return the refusal of a spend that waits for a second person."""
    message = say(
        "This spend is held for review. The vouchers are reserved; send the same order again once it is approved."
    )
    return Refusal("claim.held", message, field="voucher_fen", claim=str(claim_id))


def approved(
    facts: Facts,
    held: Sequence[NewClaim],
    sale: Sale,
    merchant: MerchantFact,
    member: MemberFact,
    *,
    purses: Sequence[Purse],
) -> Known | None:
    """Return the approval of a sale that may be used now, if there is one.

    Whoever has spends that are held or approved may be paying one of them, though on a new day it is a small one.

    :raises Refusal: the same sale still waits, or its approval has ended: what is reserved for it is not there to pay.
        Where nobody has looked for claims yet and there may be one, so that the batch is taken again.
    """
    if facts.claims is None and sale.voucher_fen and any(purse.spend_held_fen for purse in purses):
        raise waits(NOBODY_LOOKED)
    found = _known(facts, held, sale, merchant) if facts.claims or held else None
    if found is None or found.state not in LIVE or not _same(found, sale, member):
        return None
    if found.state == "held":
        raise waits(found.id)
    if found.until_at is None or facts.at >= found.until_at:
        _no("claim.expired", say("The approval of this spend has ended. Send the order again in an hour."), found)
    return found


def asked_for(
    facts: Facts,
    held: Sequence[NewClaim],
    sale: Sale,
    merchant: MerchantFact,
    member: MemberFact,
    *,
    parts: tuple[tuple[int, int], ...],
    day_fen: int,
) -> NewClaim:
    """Return the claim that a sale above the fence asks for.

    :raises Refusal: it was asked for before, and waits, was turned down or has ended; or its number is held for another
        sale. Where nobody has looked for claims yet, so that the batch is taken again.
    """
    if facts.claims is None:
        raise waits(NOBODY_LOOKED)
    known = _known(facts, held, sale, merchant)
    if known is not None:
        _say_again(known, same=_same(known, sale, member))
    return NewClaim(
        id=next_id(),
        kind="spend",
        account_id=member.id,
        parts=parts,
        day_fen=day_fen,
        most_fen=facts.fence.most_fen or 0,
        asked_by=f"merchant/{merchant.id}",
        merchant_id=merchant.id,
        order_no=sale.order_no,
        shop=sale.shop,
        cash_fen=sale.cash_fen,
        coupon_fen=sale.coupon_fen,
    )


def _known(facts: Facts, held: Sequence[NewClaim], sale: Sale, merchant: MerchantFact) -> Known | None:
    key = merchant.id, sale.order_no
    mine = [each.known() for each in held if (each.merchant_id, each.order_no) == key]
    return mine[-1] if mine else (facts.claims or {}).get(key)


def _same(known: Known, sale: Sale, member: MemberFact) -> bool:
    return known.is_of(member.id, sale.shop, sale.cash_fen, sale.coupon_fen, sale.voucher_fen)


def _say_again(known: Known, *, same: bool) -> None:
    """Say what became of the claim of this order number, unless it is over and another may be asked for.

    :raises Refusal: it isn't.
    """
    if known.state in LIVE:  # the same sale was told so before
        _no(
            "claim.conflict",
            say("This order number is held for another sale. Give this sale a number of its own."),
            known,
        )
    if known.state == "rejected" and same:
        _no("claim.rejected", say("This spend was turned down. Pay it with fewer vouchers, or in cash."), known)


def _no(code: str, message: str, known: Known) -> NoReturn:
    raise Refusal(code, message, field="order_no", claim=str(known.id))
