"""After the load: every answer held against the books, and the books proved."""

from collections.abc import Iterable
from typing import Any

import msgspec

from bench.driving import Answer
from greenloop.insight.check import check
from greenloop.store import sql

_STORED = """
    SELECT o.id, m.ref, o.order_no, o.cash_fen, o.concession_fen, o.rate_ppm FROM orders o
    JOIN merchant m ON m.id = o.merchant_id WHERE o.order_no LIKE %s
"""


def taken(answers: Iterable[Answer]) -> list[dict[str, Any]]:
    """Return the orders that the answers acknowledge; a refused one is none of what was asked for."""
    found: list[dict[str, Any]] = []
    for answer in answers:
        told = msgspec.json.decode(answer.body)
        if answer.status == 201:
            found.append(told)
            continue
        assert answer.status == 200, (answer.status, answer.body[:300])
        for item in told["results"]:
            assert item["status"] == 201, item
            found.append(item["order"])
    return found


def prove(answers: list[Answer]) -> tuple[int, int]:
    """Hold the answers to orders against the books; return how many orders were answered, how many answers kept.

    Every acknowledged order is there under its id with its amounts, none is there twice, none is there that nobody was
    told of, each kept answer is what was sent word for word, and all that `greenloop check` proves holds.
    """
    told = taken(answers)
    stored = {row[0]: row[1:] for row in sql.rows(_STORED, ["load-%"])}
    by_id = {int(order["id"]): order for order in told}
    assert len(told) == len(by_id) == len(stored), (len(told), len(by_id), len(stored))
    assert len({row[:2] for row in stored.values()}) == len(stored), "an order number is there twice"
    for number, order in by_id.items():
        said = tuple(order[name] for name in ("merchant", "order_no", "cash_fen", "concession_fen", "rate_ppm"))
        assert said == stored[number], (number, said, stored[number])
    sent = {answer.request.key: (answer.status, answer.body.decode()) for answer in answers if answer.request.key}
    kept = {key: (status, body) for key, status, body in sql.rows("SELECT key, status, body FROM stored_answer")}
    assert kept == sent, f"{len(kept)} answers are kept, {len(sent)} were sent"
    broken = [str(proof) for proof in check() if not proof.holds]
    assert not broken, broken
    return len(told), len(kept)
