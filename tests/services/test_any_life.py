"""The laws over any history: whatever people do, in whatever order, the books hold and the journal replays."""

import pytest

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
    # Vouchers exist only with a fen of cash behind them.
    paid_in, issued = fetch("SELECT SUM(inflow_fen), (SELECT SUM(issued_fen) FROM settled_cycle) FROM pool_cycle")[0]
    expired = int(str(fetch("SELECT COALESCE(SUM(expired_fen), 0) FROM wallet")[0][0]))
    assert 0 < int(issued) <= int(paid_in) + expired
    assert min(balances().values()) >= 0
