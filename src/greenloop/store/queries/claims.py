"""Claims that wait for a second person: as sales look them up, and as lists and decisions show them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from greenloop.core.faults import Refusal, say
from greenloop.store import sql
from greenloop.store.queries.holdings import HOLDS, HoldRow

LAST = 2**63 - 1
OrderKey = tuple[int, str]
"""(merchant, order_no): which sale."""


@dataclass(frozen=True, slots=True)
class Known:
    """The newest claim of one sale, as the till that repeats it finds it. `parts` are (pool, fen) that it reserves."""

    id: int
    account_id: int
    state: str
    shop: str | None
    cash_fen: int
    coupon_fen: int
    amount_fen: int
    until_at: datetime | None
    parts: tuple[tuple[int, int], ...]

    def is_of(self, account_id: int, shop: str | None, cash_fen: int, coupon_fen: int, amount_fen: int) -> bool:
        """Tell whether it was asked for by the same sale: by whom, where, and how its price is paid.

        When it is paid is no part of it: a sale that was held is paid once somebody has looked.
        """
        mine = self.account_id, self.shop, self.cash_fen, self.coupon_fen, self.amount_fen
        return mine == (account_id, shop, cash_fen, coupon_fen, amount_fen)


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """A claim as it stands, in fen. A draw names its pool, a spend its merchant and its order number.

    `day_fen` had left the wallet on that day without a second person; `most_fen` is the fence.
    """

    id: int
    kind: str
    account_id: int
    pool: str | None
    merchant_id: int | None
    merchant: str | None
    order_no: str | None
    shop: str | None
    cash_fen: int
    coupon_fen: int
    amount_fen: int
    day_fen: int
    most_fen: int
    content_hash: str
    asked_by: str
    asked_at: datetime
    state: str
    decided_by: str | None
    decided_at: datetime | None
    reason: str
    until_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class OwnRow:
    """A claim as its holder reads it, in fen: a draw from a pool, or a spend at a merchant, which `place` names."""

    id: int
    reason: str
    kind: str
    asked_at: datetime
    place: str
    order_no: str | None
    amount_fen: int
    state: str
    until_at: datetime | None


def of_orders(keys: Iterable[OrderKey]) -> Mapping[OrderKey, Known]:
    """Return the newest claim of each sale that ever had one, in two statements."""
    wanted = set(keys)
    merchants = sorted({merchant for merchant, _ in wanted})
    found = (
        sql.rows_in(
            _OF_ORDERS.format(merchants=sql.marks(len(merchants)), keys="{keys}"),
            {order_no for _, order_no in wanted},
            merchants,
        )
        if wanted
        else []
    )
    newest = {
        (merchant, order_no): rest for merchant, order_no, *rest in sorted(found) if (merchant, order_no) in wanted
    }
    parts: dict[int, list[tuple[int, int]]] = {}
    for claim, pool, fen in sql.rows_in(_PARTS, {number for number, *_ in newest.values()}):
        parts.setdefault(claim, []).append((pool, fen))
    return {
        key: Known(*(number, *told, _moment(until), tuple(parts[number])))
        for key, (number, *told, until) in newest.items()
    }


def held_draw(account_id: int, pool_id: int) -> int | None:
    """Return the number of the large draw from a pool that is held, if one is."""
    found: int | None = sql.value(_HELD_DRAW, [account_id, pool_id])
    return found


def parts(claim_id: int) -> tuple[tuple[int, int], ...]:
    """Return what a claim reserves, (pool, fen), while it lives."""
    return tuple((pool, fen) for _, pool, fen in sorted(sql.rows_in(_PARTS, [claim_id])))


def claim(claim_id: int) -> ClaimRow:
    """Return one claim.

    :raises Refusal: there is none by that number.
    """
    found = sql.rows(f"{_COLUMNS} WHERE c.id = %s", [claim_id])
    if not found:
        raise unknown(claim_id)
    return _row(found[0])


def unknown(claim_id: int) -> Refusal:
    """Return why a claim can't be shown or decided on: there is none by that number."""
    return Refusal("claim.unknown", say("There is no claim {claim}."), field="claim", claim=str(claim_id))


def claims(*, state: str = "held", before: int = LAST, limit: int) -> list[ClaimRow]:
    """Return claims, newest first, from the one before `before` on; those in a state, or all where none is named."""
    return [_row(row) for row in sql.rows(_CLAIMS, [before, state, state, limit])]


def in_the_way(account_id: int, *, limit: int) -> tuple[tuple[HoldRow, ...], tuple[OwnRow, ...]]:
    """Return what keeps an account from drawing and spending, and its claims, in one statement.

    Claims that live come first, for they reserve something and can be taken back; then the newest that ended.
    """
    holds, own = [], []
    for is_claim, number, why, what, since, place, order_no, *told, until in sql.rows(
        _IN_THE_WAY, [account_id, limit, *[account_id] * 4]
    ):
        if is_claim:
            own.append(OwnRow(*(number, why, what, sql.moment(since), place, order_no, *told, _moment(until))))
        else:
            holds.append(HoldRow(number, why, what, sql.moment(since), place, order_no))
    return tuple(holds), tuple(own)


def behind(account_id: int, merchant_id: int | None) -> frozenset[int]:
    """Return the accounts of everybody who draws or sells here: the holder, and who is at its shop or the seller's."""
    found = sql.rows(_BEHIND, [account_id, account_id, merchant_id, merchant_id])
    return frozenset(number for (number,) in found)


def _row(row: sql.Row) -> ClaimRow:
    *told, asked_at, state, decided_by, decided_at, reason, until_at, ended_at = row
    decided = state, decided_by, _moment(decided_at), reason, _moment(until_at), _moment(ended_at)
    return ClaimRow(*(*told, sql.moment(asked_at), *decided))


def _moment(raw: Any) -> datetime | None:
    return None if raw is None else sql.moment(raw)


_OF_ORDERS = """
    SELECT merchant_id, order_no, id, account_id, state, shop, cash_fen, coupon_fen, amount_fen, until_at FROM claim
    WHERE merchant_id IN ({merchants}) AND order_no IN ({keys})
"""
_PARTS = "SELECT claim_id, pool_id, amount_fen FROM claim_part WHERE claim_id IN ({keys})"
_HELD_DRAW = "SELECT id FROM claim WHERE kind = 'draw' AND state = 'held' AND account_id = %s AND pool_id = %s"
_COLUMNS = """
    SELECT c.id, c.kind, c.account_id, p.name, c.merchant_id, m.ref, c.order_no, c.shop, c.cash_fen, c.coupon_fen,
           c.amount_fen, c.day_fen, c.most_fen, c.content_hash, c.asked_by, c.asked_at, c.state, c.decided_by,
           c.decided_at, c.reason, c.until_at, c.ended_at
    FROM claim c LEFT JOIN pool p ON p.id = c.pool_id LEFT JOIN merchant m ON m.id = c.merchant_id
"""
_CLAIMS = f"{_COLUMNS} WHERE c.id < %s AND (%s = '' OR c.state = %s) ORDER BY c.id DESC LIMIT %s"
# Claims come first: their columns say of what types the holds' missing ones are.
_IN_THE_WAY = f"""
    SELECT 1, c.id, c.reason, c.kind, c.asked_at, COALESCE(p.name, m.ref), c.order_no, c.amount_fen, c.state, c.until_at
    FROM (
        SELECT * FROM claim WHERE account_id = %s
        ORDER BY CASE WHEN ended_at IS NULL THEN 0 ELSE 1 END, id DESC LIMIT %s
    ) c
    LEFT JOIN pool p ON p.id = c.pool_id LEFT JOIN merchant m ON m.id = c.merchant_id
    UNION ALL SELECT 0, h.*, NULL, NULL, NULL FROM ({HOLDS}) h
    ORDER BY 1, 2
"""  # noqa: S608  constants of these files
_BEHIND = """
    SELECT %s UNION SELECT l.account_id FROM merchant_link l JOIN merchant m ON m.id = l.merchant_id
    WHERE m.account_id = %s OR m.id = %s
    UNION SELECT account_id FROM merchant WHERE id = %s
"""
