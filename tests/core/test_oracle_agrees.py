"""Long random journals through the product and the per-lot oracle: every answer is the same, to the last fen."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given

from greenloop.core.loop.recompute import recompute
from tests.oracle.clerk import Clerk
from tests.oracle.histories import histories, random_history

SHORT = range(4)
LONG = range(100, 124)


def comparable(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without the wording of its error, which is the product's own; there has to be one."""
    if "error" not in answer:
        return answer
    assert list(answer) == ["error", "field", "line"]
    assert answer["error"].endswith(".")
    return {"field": answer["field"], "line": answer["line"]}


def compare(clerk: Clerk) -> list[dict[str, Any]]:
    """Replay a journal and hold every line's answer against the oracle's; return the product's answers."""
    answers = list(recompute(clerk.lines))
    wanted = ((line, answer) for line, answer in zip(clerk.lines, clerk.given, strict=True) if answer is not None)
    for (line, oracle), product in zip(wanted, answers, strict=True):
        if "error" in oracle:
            assert "error" in product, line
            oracle = {"field": oracle["field"], "line": oracle["line"]}
        assert comparable(product) == oracle, line
    return answers


def tally(answers: Iterable[dict[str, Any]]) -> Counter[str]:
    """What happened in a journal, by its answers."""
    seen: Counter[str] = Counter()
    for answer in answers:
        seen["errors"] += "error" in answer
        if "moved_fen" in answer:
            seen["settlements"] += 1
            seen["scaled"] += answer["scaled"]
            seen["dividends"] += answer["dividend"] > 0
        for taken in answer.get("clawback", {}).values():
            seen["from vouchers"] += taken["voucher_fen"] > 0
            seen["in cash"] += taken["cash_fen"] > 0
            seen["from expired"] += not any(taken.values())
    return seen


@pytest.mark.parametrize("seed", SHORT)
def test_hundreds_of_events_replayed_agree_with_the_per_lot_oracle(seed: int) -> None:
    compare(random_history(seed, events=400, state_every=5))


@pytest.mark.long
@pytest.mark.parametrize("seed", LONG)
def test_thousands_of_events_replayed_agree_with_the_per_lot_oracle(seed: int) -> None:
    answers = compare(random_history(seed, events=2_000 + 3_000 * (seed % 6 == 0)))
    seen = tally(answers)
    # The journals are steered so that rare things happen often; a journal without them would prove little.
    assert seen["settlements"] > 100
    for rare in ("errors", "scaled", "from vouchers", "in cash", "from expired"):
        assert seen[rare] >= 3, rare


@pytest.mark.long
def test_a_journal_of_one_pool_and_one_of_many_agree_too() -> None:
    compare(random_history(7, events=2_000, pools=1, state_every=10))
    compare(random_history(8, events=3_000, pools=9, state_every=40))


@given(clerk=histories())
def test_any_small_history_agrees_with_the_per_lot_oracle_after_every_event(clerk: Clerk) -> None:
    compare(clerk)


def test_the_same_seed_writes_the_same_journal() -> None:
    assert random_history(3, events=300).lines == random_history(3, events=300).lines
    assert random_history(3, events=300).lines != random_history(4, events=300).lines
