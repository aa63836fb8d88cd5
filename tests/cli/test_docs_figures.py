"""Every figure of the docs comes out of the program: the worked order, its split, its journal, what is said of it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from greenloop.core.loop.concession import DEFAULT_SPLIT, concession_fen, split_concession
from greenloop.core.loop.recompute import recompute
from greenloop.core.money import PPM, SCALE, ceil_div, yuan

DOCS = Path(__file__).resolve().parents[2] / "docs"
HOW = (DOCS / "how-it-works.md").read_text("utf-8")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def steps(page: str) -> Iterator[tuple[list[str], list[str]]]:
    """Yield the journal lines of a page, block by block, each with the answers that the page shows next."""
    events: list[str] = []
    for language, block in FENCE.findall((DOCS / page).read_text("utf-8")):
        if language == "jsonl":
            events = block.splitlines()
        elif language == "json":
            yield events, block.splitlines()


def compact(answer: object) -> str:
    return json.dumps(answer, separators=(",", ":"), ensure_ascii=False)


@pytest.mark.parametrize("page", ["how-it-works.md", "recompute.md"])
def test_each_answer_on_a_page_is_the_program_s(page: str) -> None:
    shown = list(steps(page))
    answers = recompute(line for events, _ in shown for line in events)
    assert shown
    for _, told in shown:
        assert [compact(next(answers)) for _ in told] == told
    assert list(answers) == []


def test_the_file_beside_the_page_is_the_page_s_journal() -> None:
    told = [line for events, _ in steps("how-it-works.md") for line in events]
    assert (DOCS / "worked-order.jsonl").read_text("utf-8").splitlines() == told


def test_the_split_of_the_worked_order_is_told_to_the_fen() -> None:
    conceded_fen = concession_fen(cash_fen=12850, rate_ppm=80_000)
    parts = split_concession(conceded_fen, DEFAULT_SPLIT, red_room_fen=conceded_fen)
    rows = re.findall(r"^\| (\w+) \| (\d+) % \| ([\d.]+) \|", HOW, re.MULTILINE)
    wanted = {
        name.removesuffix("_fen"): (getattr(DEFAULT_SPLIT, name.replace("_fen", "_ppm")) * 100 // PPM, yuan(fen))
        for name, fen in parts._asdict().items()
    }
    assert {name: (int(share), amount) for name, share, amount in rows} == wanted | {"together": (100, "10.28")}
    assert conceded_fen == parts.total == 1028
    assert f"The baker is owed the rest, {yuan(12850 - conceded_fen)} yuan" in HOW


def test_the_sentences_about_the_second_settlement_add_up() -> None:
    fixed = 2056 * 5 * SCALE // 1000
    later, entered = 35 * fixed, 36 * 6000 * 5 * SCALE // 1000
    budget_fen = 616 + 1800
    spare = budget_fen * SCALE - fixed - later - entered
    told = (yuan(part * 100 // SCALE) for part in (fixed, later, entered, spare))
    first, set_aside, newest, left = told
    assert f"2056 points × 0.005 = {first} fen" in HOW
    assert (
        f"35 more for the first cohort, {set_aside} fen, and 36\n  for the one that has just entered, {newest}" in HOW
    )
    assert f"Spare: 2416 − {first} − {set_aside} − {newest} = {left} fen" in HOW
    dividend_fen = spare // SCALE // 2
    assert f"965 // 2 = {dividend_fen} fen" in HOW
    index = (fixed + dividend_fen * SCALE) // 2056
    assert f"is now 0.{index:012d}" in HOW
    assert f"2056 × index = {yuan(2056 * index * 100 // SCALE)}…, rounded up once" in HOW
    assert f"{ceil_div(2056 * index, SCALE)} fen move from free to backing" in HOW
    assert f"1028 × 0.{index:012d} = {yuan(1028 * index * 100 // SCALE)}… fen" in HOW
    assert 800 * index // SCALE == 191


def test_the_sentences_about_the_refund_and_the_end_add_up() -> None:
    fall_fen = concession_fen(cash_fen=12850, rate_ppm=80_000) - concession_fen(cash_fen=10000, rate_ppm=80_000)
    assert f"it falls by {fall_fen} fen" in HOW
    state = json.loads(list(steps("how-it-works.md"))[-1][1][-1])
    assert state["trust_fen"] == 616 + 1800 - 140 == 2276
    assert state["liability_fen"] == 191 + 51
    assert state["pools"]["green"]["free_fen"] + state["liability_fen"] + state["dust_fen"] == state["trust_fen"]


def test_what_the_docs_say_about_5_times_follows_from_the_defaults() -> None:
    bound_ppm = DEFAULT_SPLIT.green_ppm // 2
    assert f"at most **{yuan(bound_ppm * 100 // PPM)}** vouchers per point" in HOW
    assert f"36 × 0.5 % = **{yuan(36 * 5 * 100 // 1000)}** per point" in HOW
    readme = (DOCS.parent / "README.md").read_text("utf-8")
    assert "0.30 vouchers per point on average" in readme
    assert "plan is 0.18" in readme
