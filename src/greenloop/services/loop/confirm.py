"""What has to be true before an order's points count: the cash has arrived, the goods were delivered."""

from collections.abc import Collection
from datetime import datetime, timedelta

from greenloop.core.books.posting import draft
from greenloop.core.faults import Refusal, say
from greenloop.services.books.post import post
from greenloop.services.loop.rules import rulings
from greenloop.services.verb import verb
from greenloop.store import locks, sql
from greenloop.store.models import Journal


def _selection(order_ids: Collection[int] | None, paid_until_at: datetime | None) -> tuple[str, list[object]]:
    if order_ids is not None and len(order_ids) > sql.IN_MAX:
        message = say("Confirm at most {most} orders at once; split the list.")
        raise Refusal("confirm.many", message, field="order_ids", most=sql.IN_MAX)
    if order_ids:
        return f"id IN ({sql.marks(len(order_ids))})", list(order_ids)
    if paid_until_at is not None and order_ids is None:
        return "paid_at <= %s", [sql.instant(paid_until_at)]
    message = say("Name the orders, or the time up to which all are meant.")
    raise Refusal("confirm.none", message, field="order_ids")


@verb
def confirm_cash(
    *,
    statement: str,
    at: datetime,
    order_ids: Collection[int] | None = None,
    paid_until_at: datetime | None = None,
) -> int:
    """Confirm that the cash of orders stands on a statement of the custody account; return its amount in fen.

    A statement counts once: asked again, the answer is the same and nothing moves.

    :raises Refusal: neither orders nor a time is named.
    """
    which, params = _selection(order_ids, paid_until_at)
    locks.dues()
    key = f"confirm/{statement}"
    if earlier := Journal.objects.filter(book="trust", key=key).first():
        return int(sql.value("SELECT SUM(amount_fen) FROM posting WHERE journal_id = %s", [earlier.id]))
    arrived: list[sql.Row] = sql.rows(
        "UPDATE orders SET confirmed_at = %s WHERE entry_cycle IS NULL AND confirmed_at IS NULL "  # noqa: S608
        f"AND {which} RETURNING cash_fen - refunded_cash_fen",
        [sql.instant(at), *params],
    )
    amount_fen = sum(int(row[0]) for row in arrived)
    if amount_fen:
        post([draft(key=key, kind="confirm", amounts=[("trust:bank", "trust:in_transit", amount_fen)])], at=at)
    return amount_fen


@verb
def confirm_delivery(
    *, at: datetime, order_ids: Collection[int] | None = None, paid_until_at: datetime | None = None
) -> int:
    """Confirm that orders were delivered: their refund windows run from now. Return how many were new.

    :raises Refusal: neither orders nor a time is named.
    """
    which, params = _selection(order_ids, paid_until_at)
    return sum(
        sql.run(
            "UPDATE orders SET vests_at = %s WHERE entry_cycle IS NULL AND vests_at IS NULL "  # noqa: S608
            f"AND rules_id = %s AND {which}",
            [sql.instant(at + timedelta(days=ruling.rules.refund_days)), ruling.id, *params],
        )
        for ruling in rulings()
    )
