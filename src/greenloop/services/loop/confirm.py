"""What has to be true before an order's points count: the cash has arrived, the goods were delivered."""

import hashlib
import json
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from greenloop.core.books.posting import draft
from greenloop.core.faults import Refusal, say
from greenloop.services.books.post import post
from greenloop.services.loop.rules import rulings
from greenloop.services.verb import verb
from greenloop.store import locks, sql
from greenloop.store.models import BankStatement, Journal


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

    A statement counts once: asked again, the answer is the same and nothing moves. Orders paid through the payment
    institution are left alone: the lines of its own statement confirm them, each for itself (G1).

    :raises Refusal: neither orders nor a time is named, or the statement was there for others.
    """
    which, params = _selection(order_ids, paid_until_at)
    asked = _asked(order_ids, paid_until_at)
    locks.dues()
    key = f"confirm/{statement}"
    if earlier := Journal.objects.filter(book="trust", key=key).first():
        _check_same(statement, earlier.id, asked)
        return int(sql.value("SELECT SUM(amount_fen) FROM posting WHERE journal_id = %s", [earlier.id]))
    arrived: list[sql.Row] = sql.rows(
        "UPDATE orders SET confirmed_at = %s WHERE entry_cycle IS NULL AND confirmed_at IS NULL "  # noqa: S608
        f"AND {which} AND {_PAID_ELSEWHERE} RETURNING cash_fen - refunded_cash_fen",
        [sql.instant(at), *params],
    )
    amount_fen = sum(int(row[0]) for row in arrived)
    if amount_fen:
        amounts = [("trust:bank", "trust:in_transit", amount_fen)]
        journals = post([draft(key=key, kind="confirm", amounts=amounts)], at=at)
        BankStatement.objects.create(journal_id=journals[key], asked_hash=asked)
    return amount_fen


_PAID_ELSEWHERE = """NOT EXISTS (
    SELECT 1 FROM payment_instruction i
    WHERE i.kind = 'collect' AND i.merchant_id = orders.merchant_id AND i.order_no = orders.order_no)"""


def _asked(order_ids: Collection[int] | None, paid_until_at: datetime | None) -> str:
    """Return the SHA-256 of what a statement was asked to confirm, in hex."""
    whose = sorted(set(order_ids or ())) if paid_until_at is None else paid_until_at.astimezone(UTC).isoformat()
    return hashlib.sha256(json.dumps(whose).encode()).hexdigest()


def _check_same(statement: str, journal_id: int, asked: str) -> None:
    # What a statement was asked to confirm before that was kept isn't known any more: it counts as the same.
    before = BankStatement.objects.filter(journal_id=journal_id).first()
    if before is not None and before.asked_hash != asked:
        message = say("The statement {statement} has confirmed other orders. Give this one a name of its own.")
        raise Refusal("confirm.conflict", message, field="statement", statement=statement)


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
