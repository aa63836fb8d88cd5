"""The same life gives the same journal, byte for byte, on SQLite, on PostgreSQL and through `recompute`."""

import json
from itertools import count
from pathlib import Path

from greenloop.core.loop.recompute import recompute
from greenloop.insight.journal import loop_journal, product_state
from greenloop.services import ids
from tests.support.databases import Database, Sqlite, point_django_at
from tests.support.life import Life

START_MS = 1_767_542_400_000


def lived(seed: int) -> tuple[str, str]:
    """Live eleven days and return its journal and the state it ends in."""
    clock = count(START_MS)
    before = ids.use(ids.Maker(clock_ms=lambda: next(clock)))
    try:
        Life(seed).live(11, errands=12)
    finally:
        ids.use(before)
    lines = [json.dumps(event, separators=(",", ":")) for event in loop_journal()]
    return "\n".join(lines), json.dumps(product_state())


def test_a_life_leaves_the_same_journal_wherever_it_is_written_down(database: Database, tmp_path: Path) -> None:
    here = lived(11)
    with Sqlite(tmp_path).clone() as other:
        point_django_at(other.url)
        there = lived(11)
        point_django_at(database.url)
    assert here == there
    journal, state = here
    *_, answer = recompute([*journal.splitlines(), '{"kind": "state"}'])
    assert json.dumps(answer) == state
    assert len(journal.splitlines()) > 80
