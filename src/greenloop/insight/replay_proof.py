"""The strongest proof: the whole journal, replayed through core alone, ends in the product's own state, to the fen."""

import json
from collections.abc import Iterable, Iterator

from greenloop.core.faults import say
from greenloop.core.loop.recompute import recompute
from greenloop.insight.journal import Event, loop_journal, product_state
from greenloop.insight.proof import Proof
from greenloop.store import sql


def replayed() -> Iterator[Proof]:
    """Prove that recomputing the journal gives each settlement's stored answer and the state of every wallet and pool.

    While a settlement is held, the journal ends before it and only the settlements are compared.
    """
    stored = {(name, cycle): answer for name, cycle, answer in sql.rows(_STORED)}
    events: list[Event] = [*loop_journal(), {"kind": "state"}]
    failed = wrong = 0
    state: object = None
    detail = ""
    for event, answer in zip(events, recompute(_lines(events)), strict=True):
        if "error" in answer:
            failed += 1
            detail = detail or f"{answer['line']}: {answer['error']}"
        elif event["kind"] == "settle":
            text = json.dumps(answer, separators=(",", ":"))
            wrong += stored.pop((str(event["pool"]), event["cycle"]), None) != text
        elif event["kind"] == "state":
            state = answer
    what = say("Every event of the journal replays without fault.")
    yield Proof("R12", "journal", what, len(events), failed, detail)
    what = say("Every settlement comes out again as it was stored, byte for byte.")
    yield Proof("R12", "settlements", what, len(events), wrong + len(stored))
    if not sql.value("SELECT 1 FROM settlement_run WHERE state = 'held'"):
        mine = product_state()
        what = say("Every wallet and every pool of the replay is the product's own.")
        yield Proof("R12", "state", what, len(mine["accounts"]), int(state != mine))


def _lines(events: Iterable[object]) -> Iterator[str]:
    return (json.dumps(event, separators=(",", ":")) for event in events)


_STORED = "SELECT p.name, s.cycle, s.answer FROM settled_cycle s JOIN pool p ON p.id = s.pool_id"
