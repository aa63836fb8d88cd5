"""Writes about claims that several verbs share: asking for one, using one, ending it. No transaction here.

Whoever holds the lock of a claim's holder (`locks.holders`) holds its claims too.
"""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from greenloop.core.faults import ensure
from greenloop.core.trust.commitment import SALT_BYTES
from greenloop.services import ids
from greenloop.services.trust.steps import canonical
from greenloop.store import sql
from greenloop.store.queries.claims import Known


@dataclass(frozen=True, slots=True)
class Held:
    """What wasn't drawn or spent, for it waits for a second person: its claim, and the fen that are reserved."""

    claim_id: int
    amount_fen: int


@dataclass(frozen=True, slots=True)
class NewClaim:
    """A claim that is asked for, in fen. `parts` are (pool, fen); a draw has `pool_id`, a spend the sale's facts."""

    id: int
    kind: str
    account_id: int
    parts: tuple[tuple[int, int], ...]
    day_fen: int
    most_fen: int
    asked_by: str
    pool_id: int | None = None
    merchant_id: int | None = None
    order_no: str | None = None
    shop: str | None = None
    cash_fen: int = 0
    coupon_fen: int = 0

    @property
    def amount_fen(self) -> int:
        """Return what is asked for, over all pools."""
        return sum(fen for _, fen in self.parts)

    def known(self) -> Known:
        """Return the claim as sales behind it in a batch find it."""
        sale = self.shop, self.cash_fen, self.coupon_fen
        return Known(self.id, self.account_id, "held", *sale, self.amount_fen, None, self.parts)


def next_id() -> int:
    """Return the number of a new claim."""
    return ids.block(1)[0]


def write_claims(claims: Sequence[NewClaim], *, at: datetime) -> None:
    """Write new claims with what they reserve; the wallets are written by whoever asks."""
    now = sql.instant(at)
    lines = [
        (
            *(each.id, each.kind, each.account_id, each.pool_id, each.merchant_id, each.order_no, each.shop),
            *(each.cash_fen, each.coupon_fen, each.amount_fen, each.day_fen, each.most_fen),
            *(_hash(each, at), secrets.token_hex(SALT_BYTES), each.asked_by, now, "held"),
        )
        for each in claims
    ]
    sql.load("claim", _CLAIM, lines)
    sql.load("claim_part", _PART, [(each.id, pool, fen) for each in claims for pool, fen in each.parts])


def _hash(claim: NewClaim, at: datetime) -> str:
    """Return the SHA-256 of what is asked for: whoever decides says by it what they have seen."""
    told = {name: getattr(claim, name) for name in _TOLD}
    return sha256(canonical({**told, "asked_at": at.isoformat()}).encode()).hexdigest()


def use_claims(claim_ids: Sequence[int], *, at: datetime) -> None:
    """Note that approved claims were used, each once; the spend has taken what they reserved out of the wallets.

    :raises Breach: one was used or ended meanwhile, which the lock of its holder should have kept out.
    """
    now = sql.instant(at)
    used = sql.run_many(_USED, [(now, number) for number in claim_ids])
    ensure(used == len(claim_ids), "an approved claim was used twice")


def let_go(claims: Collection[tuple[int, str]]) -> None:
    """Give back to the wallets what claims, (number, kind), reserve; the claims end in the same transaction."""
    for kind, statement in _LET_GO.items():
        numbers = [number for number, of in claims if of == kind]
        parts = sql.rows_in(_PARTS, numbers)
        touched = sql.run_many(statement, sorted((fen, account, pool) for account, pool, fen in parts))
        ensure(touched == len(parts), "a claim reserved what its wallet doesn't know of")


_CLAIM = (
    *("id", "kind", "account_id", "pool_id", "merchant_id", "order_no", "shop"),
    *("cash_fen", "coupon_fen", "amount_fen", "day_fen", "most_fen"),
    *("content_hash", "salt", "asked_by", "asked_at", "state"),
)
_TOLD = (
    *("id", "kind", "account_id", "parts", "pool_id", "merchant_id", "order_no", "shop", "cash_fen", "coupon_fen"),
    *("day_fen", "most_fen", "asked_by"),
)
_PART = ("claim_id", "pool_id", "amount_fen")
_USED = "UPDATE claim SET state = 'done', ended_at = %s WHERE id = %s AND state = 'approved'"
_PARTS = """
    SELECT c.account_id, p.pool_id, p.amount_fen FROM claim_part p JOIN claim c ON c.id = p.claim_id
    WHERE p.claim_id IN ({keys})
"""
_LET_GO = {
    "draw": "UPDATE wallet SET draw_held_fen = draw_held_fen - %s WHERE account_id = %s AND pool_id = %s",
    "spend": "UPDATE wallet SET spend_held_fen = spend_held_fen - %s WHERE account_id = %s AND pool_id = %s",
}
