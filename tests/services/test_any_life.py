"""The laws over any history: whatever people do, in whatever order, the books hold and the journal replays."""

import pytest

from greenloop.insight.check import check
from tests.support.databases import Database
from tests.support.ledger import balances, fetch
from tests.support.life import Life


@pytest.mark.parametrize(
    ("seed", "preset", "daily_cap_fen"), [(1, "steady", None), (2, "published", 3_000), (3, "hybrid", 20_000)]
)
def test_whatever_is_done_in_eleven_days_the_books_hold(
    database: Database, seed: int, preset: str, daily_cap_fen: int | None
) -> None:
    # The proofs of the books, a replay of the whole journal among them, run after every test.
    life = Life(seed, preset=preset, daily_cap_fen=daily_cap_fen)
    life.live(11, errands=13)
    assert {"buy", "refund", "draw", "close"} <= set(life.done)
    assert_backed()


@pytest.mark.parametrize(("seed", "preset", "large_claim_fen"), [(12, "steady", 100), (8, "hybrid", 2_000)])
def test_whatever_waits_for_a_second_person_the_books_hold(
    database: Database, seed: int, preset: str, large_claim_fen: int
) -> None:
    life = Life(seed, preset=preset, daily_cap_fen=20_000, large_claim_fen=large_claim_fen)
    for _ in range(11):
        life.live(1, errands=13)
        assert all(proof.holds for proof in check(replay=False))
    assert {"buy", "refund", "ask", "draw approved", "spend approved", "rejected", "withdrawn"} <= set(life.done)
    assert life.done["came again"]
    assert life.refused["claim.held"]
    assert_backed()


def assert_backed() -> None:
    # Vouchers exist only with a fen of cash behind them.
    paid_in, issued = fetch("SELECT SUM(inflow_fen), (SELECT SUM(issued_fen) FROM settled_cycle) FROM pool_cycle")[0]
    expired = int(str(fetch("SELECT COALESCE(SUM(expired_fen), 0) FROM wallet")[0][0]))
    assert 0 < int(issued) <= int(paid_in) + expired
    assert min(balances().values()) >= 0
