"""What closes a cycle dies at every one of its statements and is run again: the result is the undisturbed one's."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from django.db import connection

from greenloop.services.loop.settle import approve, settle
from tests.faults.profile import PROFILE, SEED, Tally, chance, tallied
from tests.support.databases import Database, Engine, point_django_at
from tests.support.ledger import balances, fetch
from tests.support.life import MEMBERS, MERCHANTS, lively_rules
from tests.support.town import Town, found_town

DAYS = 5 + 3 * (PROFILE.scale > 1)
STATEMENTS_MAX = 500
DAILY_CAP_FEN = 15_000
Verb = Callable[[], object]
Run = Callable[[str, Verb], object]
Picture = dict[str, list[tuple[Any, ...]]]


class Crash(Exception):
    """The process ends here."""


def undisturbed(name: str, verb: Verb) -> object:
    del name
    return verb()


def crashing(tally: Tally, name: str, verb: Verb) -> object:
    """Run a verb that dies at its first statement, at its second, and so on, until it is done; then ask again."""
    for statements in range(STATEMENTS_MAX):
        left = iter(range(statements))

        def pass_or_die(execute: Callable[..., Any], *facts: Any, left: Any = left) -> Any:
            if next(left, None) is None:
                raise Crash
            return execute(*facts)

        try:
            with connection.execute_wrapper(pass_or_die):
                result = verb()
        except Crash:
            tally.counts[f"in_{name}"] += 1
        else:
            tally.acknowledged += 1
            if name not in ("approve", "expire"):  # a second approval is refused, a second expiry finds nothing
                assert verb() == result, name
            return result
    raise AssertionError(name)


def founded() -> Town:
    """Return a town of three pools, whose vouchers are good for three days; a tailor sells in the village's."""
    town = found_town(lively_rules("steady", daily_cap_fen=DAILY_CAP_FEN))
    town.merchant("tailor", city="Village", rate_ppm=123_456)
    return town


def live(run: Run) -> list[object]:
    """Live some days: buy ever more, spend vouchers, close each day's cycle; return what each verb answered."""
    town, dice, told = founded(), chance("settlement steps"), []
    for cycle in range(1, DAYS + 1):
        town.later(hours=1)
        for number in range(6):
            member, merchant = MEMBERS[number % 3], MERCHANTS[number // 2]
            spent_fen = min(5, town.wallet(member).claimable_fen) if number < 2 else 0
            town.sell(member, merchant, dice.randrange(30_000, 60_000) * cycle, voucher_fen=spent_fen)
        if cycle == 3:
            town.draw("bo")
        town.at = town.calendar.cutoff_at(cycle)
        told += [run("vest", partial(town.vest, cycle)), run("settle", partial(settle, cycle=cycle, at=town.at))]
        if fetch("SELECT 1 FROM settlement_run WHERE state = 'held'"):
            told.append(run("approve", partial(approve, cycle=cycle, by="second", at=town.at)))
        told.append(run("fees", partial(town.transfer_fees, cycle)))
        told.append(run("expire", town.expire))
        told.append(run("payout", town.pay_out))
    return told


def picture() -> Picture:
    """Return what settlements have come to, by names: ids may have gaps where a verb died."""
    cohorts = {number: [pool, plan, entry] for number, pool, plan, entry in fetch(_COHORTS)}
    found = {name: sorted(fetch(query)) for name, query in _PICTURE.items()}
    found["indices"] = [
        (*row, json.dumps([[cohorts[number], index] for number, index in json.loads(indices)]))
        for *row, indices in sorted(fetch(_INDICES))
    ]
    found["balances"] = sorted(balances().items())
    return found


def test_a_settlement_that_dies_after_any_of_its_steps_comes_to_the_same_bytes(
    database: Database, db_engine: Engine
) -> None:
    with db_engine.clone() as other:
        point_django_at(other.url)
        answers, wanted = live(undisturbed), picture()
        point_django_at(database.url)
    with tallied("crash after each statement of a settlement", database.engine) as tally:
        assert live(partial(crashing, tally)) == answers, f"seed {SEED}"
        found = picture()
        # Rows that differ from the undisturbed run's are lost, rows beyond them doubled.
        for name, rows in wanted.items():
            tally.lost += sum(row not in found[name] for row in rows)
            tally.doubled += sum(row not in rows for row in found[name])
        assert found == wanted, f"seed {SEED}"
        tally.prove_books()
        assert {name for name, rows in wanted.items() if not rows} == set(), "something was not tried"
        tried = {"in_vest", "in_settle", "in_approve", "in_fees", "in_expire", "in_payout"}
        assert tried <= tally.counts.keys()
        assert any(json.loads(answer)["dividend"] for _, _, answer in wanted["settled"]), "no dividend was paid"
        assert len({pool for pool, *_ in wanted["settled"]}) == 3
        tally.assert_exact()


_COHORTS = """
    SELECT c.id, o.name, p.name, c.entry FROM cohort c JOIN pool o ON o.id = c.pool_id JOIN plan p ON p.id = c.plan_id
"""
_INDICES = "SELECT o.name, s.cycle, s.indices FROM settled_cycle s JOIN pool o ON o.id = s.pool_id"
_PICTURE = {
    "settled": "SELECT o.name, s.cycle, s.answer FROM settled_cycle s JOIN pool o ON o.id = s.pool_id",
    "settled figures": """
        SELECT o.name, s.cycle, s.inflow_fen, s.issued_fen, s.free_fen, s.backing_fen, s.spent_fen
        FROM settled_cycle s JOIN pool o ON o.id = s.pool_id
    """,
    "runs": """
        SELECT cycle, state, issued_fen, cap_fen, proposal, proposed_by, COALESCE(decided_by, '') FROM settlement_run
    """,
    "pools": "SELECT name, entry_cycle, settled_cycle, free_fen, backing_fen, spent_fen FROM pool",
    "cohorts": """
        SELECT o.name, p.name, c.entry, c.points, c.release_index, c.age, c.rate FROM cohort c
        JOIN pool o ON o.id = c.pool_id JOIN plan p ON p.id = c.plan_id
    """,
    "positions": """
        SELECT a.ref, o.name, c.entry, x.points FROM position x JOIN cohort c ON c.id = x.cohort_id
        JOIN pool o ON o.id = c.pool_id JOIN (SELECT account_id, ref FROM member UNION ALL SELECT account_id, ref
        FROM merchant) a ON a.account_id = x.account_id
    """,
    "wallets": """
        SELECT a.ref, o.name, w.claimed_fen, w.voucher_fen, w.redeemed_fen, w.expired_fen, w.debt_fen FROM wallet w
        JOIN pool o ON o.id = w.pool_id JOIN (SELECT account_id, ref FROM member UNION ALL SELECT account_id, ref
        FROM merchant) a ON a.account_id = w.account_id
    """,
    "vouchers": "SELECT m.ref, v.face_fen, v.left_fen FROM voucher v JOIN member m ON m.account_id = v.account_id",
    "coupons": """
        SELECT o.order_no, c.kind, c.face_fen, c.left_fen, c.expired_fen
        FROM coupon c JOIN orders o ON o.id = c.order_id
    """,
    "orders": "SELECT order_no, entry_cycle, kept_fen, red_points FROM orders WHERE entry_cycle IS NOT NULL",
    "payouts": """
        SELECT m.ref, CAST(p.business_date AS VARCHAR(10)), p.amount_fen
        FROM payout p JOIN merchant m ON m.id = p.merchant_id
    """,
    "fees": "SELECT cycle, amount_fen FROM fee_transfer",
}
