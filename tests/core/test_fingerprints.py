"""The canonical form of a journal: written out by hand, and the same whatever the order its postings come in."""

import hashlib
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from greenloop.core.books.fingerprint import Entry, totals
from greenloop.core.books.posting import Posting

AT = datetime(2026, 1, 5, 12, 0, 0, 250, UTC)
BANK = Posting("trust:bank", "trust:in_transit", 9_000)
TAKEN = (Posting("trust:in_transit", "trust:merchant_payable", 90_000), Posting("trust:in_transit", "trust:a", 10_000))


def entry(**changes: object) -> Entry:
    told: dict[str, object] = {"key": "order-batch/1", "kind": "take", "effective_at": AT, "recorded_at": AT}
    return Entry(**(told | {"postings": TAKEN} | changes))  # type: ignore[arg-type]


def test_the_form_is_the_one_that_the_docs_write_out() -> None:
    # 2026-01-05T12:00:00.000250Z is 1 767 614 400 seconds and 250 microseconds after 1970.
    form = (
        '["greenloop-journal-1","order-batch/1","take",1767614400000250,1767614400000250,'
        '[["trust:in_transit","trust:a",10000],["trust:in_transit","trust:merchant_payable",90000]]]'
    )
    assert entry().canonical().decode() == form
    assert entry().sha256() == hashlib.sha256(form.encode()).hexdigest()


def test_letters_of_any_language_stand_as_they_are_and_quotes_are_escaped() -> None:
    assert '"deposit/1/退款 \\"A\\"\\n"' in entry(key='deposit/1/退款 "A"\n').canonical().decode()


@given(st.permutations(TAKEN), st.integers(-12, 14))
def test_neither_the_order_of_postings_nor_the_zone_of_a_clock_changes_it(postings: list[Posting], hours: int) -> None:
    there = AT.astimezone(timezone(timedelta(hours=hours)))
    assert entry(postings=tuple(postings), effective_at=there).sha256() == entry().sha256()


def test_every_fact_changes_it() -> None:
    later = AT + timedelta(microseconds=1)
    changed = [
        entry(key="order-batch/2"),
        entry(kind="deposit"),
        entry(effective_at=later),
        entry(recorded_at=later),
        entry(postings=TAKEN[:1]),
        entry(postings=(*TAKEN, BANK)),
        entry(postings=(TAKEN[0], Posting("trust:in_transit", "trust:a", 10_001))),
        entry(postings=(TAKEN[0], Posting("trust:in_transit", "trust:b", 10_000))),
        entry(postings=(TAKEN[0], Posting("trust:bank", "trust:a", 10_000))),
    ]
    assert len({each.sha256() for each in (entry(), *changed)}) == len(changed) + 1


def test_totals_add_up_both_sides_of_all_postings() -> None:
    assert totals([entry(), entry(postings=(BANK,))]) == {
        "trust:in_transit": (100_000, 9_000),
        "trust:merchant_payable": (0, 90_000),
        "trust:a": (0, 10_000),
        "trust:bank": (9_000, 0),
    }
