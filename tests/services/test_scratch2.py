import os
import pytest
from tests.support.databases import Database
from tests.support.life import Life
from django.db import connections
SEEDS=int(os.environ.get("SEEDS","3"))
@pytest.mark.parametrize("preset", ["steady","published","hybrid"])
@pytest.mark.parametrize("cap", [None, 3000])
@pytest.mark.parametrize("seed", range(SEEDS))
def test_life(database: Database, preset: str, cap: int|None, seed:int) -> None:
    life = Life(seed, preset=preset, daily_cap_fen=cap)
    from greenloop.insight.check import check
    def prove(when):
        broken=[str(p) for p in check(replay=True) if not p.holds]
        assert not broken, (when, broken)
    for d in range(15):
        life.live(1, errands=12)
        prove(d)
    print(life.done, life.refused)
