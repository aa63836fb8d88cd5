"""What is in the books afterwards, beside what the tills were told: plain SQL, nothing of the product's reads."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connections

from tests.faults.profile import SEED, Tally
from tests.faults.tills import Till
from tests.faults.trade import Batch, batch
from tests.support.ledger import fetch

Key = tuple[str, ...]

_ORDERS = """
    SELECT m.ref, o.order_no, o.id, o.cash_fen, o.voucher_fen FROM orders o JOIN merchant m ON m.id = o.merchant_id
"""
_REFUNDS = """
    SELECT m.ref, o.order_no, r.refund_no, r.id, r.amount_fen, r.state FROM refund r
    JOIN orders o ON o.id = r.order_id JOIN merchant m ON m.id = o.merchant_id
"""
_SPENT_TWICE = """
    SELECT COUNT(*) FROM (
        SELECT account_id, SUM(spent_fen) AS spent_fen FROM (
            SELECT member_id AS account_id, voucher_fen AS spent_fen FROM orders UNION ALL
            SELECT o.member_id, -r.voucher_fen FROM refund r JOIN orders o ON o.id = r.order_id
        ) AS movement GROUP BY account_id
    ) AS shopper JOIN (
        SELECT account_id, SUM(redeemed_fen) AS redeemed_fen, SUM(claimed_fen - voucher_fen - expired_fen) AS gone_fen
        FROM wallet GROUP BY account_id
    ) AS purse ON purse.account_id = shopper.account_id
    WHERE shopper.spent_fen <> purse.redeemed_fen OR shopper.spent_fen > purse.gone_fen
"""


def count(tally: Tally, tills: Iterable[Till]) -> None:
    """Hold what the tills were told against the books that Django is pointed at, and prove those.

    Whoever spent more vouchers than its wallet gave is counted as having spent one twice. A batch that nobody was told
    about is there whole or not at all.
    """
    connections.close_all()  # the server at their other end may have died since
    orders, refunds = _found(_ORDERS, 2), _found(_REFUNDS, 3)
    for each in (orders, refunds):
        tally.doubled += sum(len(rows) - 1 for rows in each.values())
    for till in tills:
        tally.counts["errors"] += till.errors.total()
        for number in range(1, till.next_batch() + 1):
            sold = batch(seed=SEED, till=till.name, number=number)
            _count_batch(tally, sold, till, orders, refunds)
    tally.double_spent += int(fetch(_SPENT_TWICE)[0][0])
    tally.prove_books()
    assert tally.counts.pop("half_written") == 0, f"seed {SEED}: a batch is there in part: {tally}"


def _found(query: str, key_columns: int) -> dict[Key, list[tuple[Any, ...]]]:
    found: dict[Key, list[tuple[Any, ...]]] = {}
    for row in fetch(query):
        found.setdefault(tuple(row[:key_columns]), []).append(row[key_columns:])
    return found


def _count_batch(
    tally: Tally,
    sold: Batch,
    till: Till,
    orders: dict[Key, list[tuple[Any, ...]]],
    refunds: dict[Key, list[tuple[Any, ...]]],
) -> None:
    wanted_orders = {(s.merchant, s.order_no): (s.cash_fen, s.voucher_fen) for s in sold.sales}
    wanted_refunds = {(f.merchant, f.order_no, f.refund_no): (f.amount_fen, "paid") for f in sold.refunds}
    for wanted, told, there in (
        (wanted_orders, till.taken.get(sold.number), orders),
        (wanted_refunds, till.refunded.get(sold.number), refunds),
    ):
        present = [there[key][0][1:] == facts for key, facts in wanted.items() if key in there]
        whole = not present or (len(present) == len(wanted) and all(present))
        tally.counts["half_written"] += not whole
        if told is not None:
            assert told["refused"] == [], f"seed {SEED}: the till asks for what can be had: {told}"
            tally.acknowledged += len(wanted)
            tally.lost += _lost(wanted, told["ids"], there)


def _lost(wanted: dict[Any, Any], ids: Sequence[int], there: dict[Key, list[tuple[Any, ...]]]) -> int:
    """Count what was acknowledged and isn't there, under its id, with its amounts."""
    lost: Counter[bool] = Counter()
    for (key, facts), number in zip(wanted.items(), ids, strict=True):
        lost[(number, *facts) not in there.get(key, [])] += 1
    return lost[True]
