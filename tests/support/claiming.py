"""Asking for large draws and spends in a town with a fence, and deciding on them."""

from collections.abc import Callable
from typing import Any

import pytest

from greenloop.core.faults import Refusal
from greenloop.insight.check import check
from greenloop.services.loop.claim import Decided, approve, reject
from greenloop.services.loop.draw import Held
from greenloop.services.loop.take import Sale
from greenloop.services.people.staff import appoint_staff
from greenloop.store.queries import claims
from greenloop.store.queries.wallets import purses_of
from tests.support.ledger import whole_database
from tests.support.town import OPENING_AT, Town, found_town, plain_rules

FENCE_FEN = 150


def fenced_town() -> Town:
    """Mei has 3 yuan to draw; no wallet draws or spends more than 1.50 yuan a day without a second person."""
    town = found_town(plain_rules(large_claim_fen=FENCE_FEN))
    town.sell("mei", "grocer", 100_000)
    town.close_all([1, 2, 3, 4])
    assert town.wallet("mei").claimable_fen == 300
    return town


def prove_claims() -> None:
    proofs = {proof.name: proof for proof in check(replay=False)}
    assert all(proofs[name].holds for name in ("reserved", "covered", "claimed", "let through"))


def staff(name: str, *roles: str) -> str:
    return str(appoint_staff(name=name, roles=list(roles), at=OPENING_AT, password="a long first password"))


def ask(town: Town, amount_fen: int | None = None, ref: str = "mei") -> int:
    """Ask for a draw that is held, and return its claim."""
    held = town.ask(ref, amount_fen)
    assert isinstance(held, Held)
    return held.claim_id


def seen(claim_id: int) -> str:
    return claims.claim(claim_id).content_hash


def yes(town: Town, claim_id: int, by: str = "Ren") -> Decided:
    return approve(claim_id=claim_id, seen=seen(claim_id), by=by, at=town.at)


def no(town: Town, claim_id: int, by: str = "Ren", reason: str = "a raid") -> Decided:
    return reject(claim_id=claim_id, seen=seen(claim_id), reason=reason, by=by, at=town.at)


def spend(town: Town, voucher_fen: int, order_no: str, **facts: Any) -> Sale:
    return town.sale("mei", "baker", voucher_fen=voucher_fen, order_no=order_no, **facts)


def refusal(town: Town, sale: Sale) -> Refusal:
    """Take a sale that is refused, and return why."""
    taking = town.take(sale)
    assert taking.order_ids == [None]
    return taking.refusals[0]


def held_spend(town: Town, voucher_fen: int = 200, order_no: str = "big") -> int:
    """Send an order that is held, and return its claim."""
    found = refusal(town, spend(town, voucher_fen, order_no))
    assert found.code == "claim.held"
    return int(str(found.facts["claim"]))


def reserved(town: Town, ref: str = "mei") -> tuple[int, int]:
    (purse,) = purses_of([town.ids[ref]])[town.ids[ref]]
    return purse.draw_held_fen, purse.spend_held_fen


def refused(code: str, verb: Callable[[], Any]) -> Refusal:
    """Expect a refusal that writes nothing at all."""
    before = whole_database()
    with pytest.raises(Refusal) as caught:
        verb()
    assert caught.value.code == code
    assert whole_database() == before
    return caught.value
