"""Holds on orders and accounts: who placed and released them, and why."""

from dataclasses import dataclass
from datetime import datetime

from greenloop.core.faults import Refusal, say
from greenloop.store import sql

LAST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class HoldRow:
    """A hold on an order or an account, standing or released."""

    id: int
    order_id: int | None
    account_id: int | None
    reason: str
    placed_by: str
    placed_at: datetime
    released_by: str | None
    released_at: datetime | None


def holds(*, standing: bool, before: int = LAST, limit: int) -> list[HoldRow]:
    """Return holds, newest first, of ids below `before`; only those that stand, or all."""
    which = "AND released_at IS NULL" if standing else ""
    return [
        _hold(row) for row in sql.rows(f"{_HOLDS} WHERE id < %s {which} ORDER BY id DESC LIMIT %s", [before, limit])
    ]


def hold(hold_id: int) -> HoldRow:
    """Return a hold.

    :raises Refusal: there is none.
    """
    if found := sql.rows(f"{_HOLDS} WHERE id = %s", [hold_id]):
        return _hold(found[0])
    raise Refusal("hold.unknown", say("There is no hold {hold}."), field="hold_id", hold=hold_id)


def stands(*, order_id: int, account_id: int) -> bool:
    """Tell whether an order or an account is held now."""
    which = "WHERE released_at IS NULL AND (order_id = %s OR account_id = %s)"
    return bool(sql.rows(f"{_HOLDS} {which}", [order_id, account_id]))


def _hold(row: sql.Row) -> HoldRow:
    number, order_id, account_id, reason, placed_by, placed, released_by, released = row
    released_at = None if released is None else sql.moment(released)
    return HoldRow(number, order_id, account_id, reason, placed_by, sql.moment(placed), released_by, released_at)


_HOLDS = "SELECT id, order_id, account_id, reason, placed_by, placed_at, released_by, released_at FROM hold"
