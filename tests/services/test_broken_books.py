"""While the books are broken no money leaves trust, whoever found it out (settlement.md, R11)."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from greenloop.core.faults import Breach, Refusal
from greenloop.services.books import payout
from greenloop.services.books.checked import keep_check, vouch
from greenloop.services.books.fees import transfer_fees_if_sound
from greenloop.services.books.reconcile import reconcile
from greenloop.services.loop import expire
from greenloop.store.queries import clockwork, soundness
from tests.support.ledger import execute, fetch
from tests.support.town import Town


def proved(town: Town, *broken: str, replayed: bool = True) -> None:
    found = [(name, f"{name} holds", 1) for name in broken]
    keep_check(statements=9, broken=found, replayed=replayed, took_ms=1_000, by="wu", at=town.at)


def refused(*calls: Callable[[], object]) -> list[str]:
    codes = []
    for call in calls:
        with pytest.raises(Refusal) as no:
            call()
        codes.append(no.value.code)
    return codes


def test_a_proof_that_does_not_hold_keeps_money_in_trust_until_one_does(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    town.close(1)
    assert soundness.broken() is None
    proved(town, "balance")
    found_at = town.at
    town.later(hours=10)
    assert soundness.broken() == soundness.BrokenRow(found_at, "wu", "statements about the books don't hold: balance")
    assert refused(town.pay_out, lambda: town.transfer_fees(1)) == ["books.broken"] * 2
    assert transfer_fees_if_sound(cycle=1, at=town.at) == 0
    assert clockwork.stopped() == {"payout", "fees"}
    # Half a proof doesn't let it go on, nor does one that began before the finding.
    proved(town, replayed=False)
    keep_check(statements=9, broken=[], replayed=True, took_ms=36_000_001, by="wu", at=town.at)
    assert refused(town.pay_out) == ["books.broken"]
    proved(town)
    assert clockwork.stopped() == frozenset()
    # 1 000.00 less the tenth conceded; a fifth of which is the platform's.
    assert (town.pay_out(), town.transfer_fees(1)) == ({"grocer": 90_000}, 2_000)
    assert fetch("SELECT by, cleared_by FROM books_broken") == [("wu", "wu")]


@pytest.mark.books_broken_on_purpose
def test_a_difference_that_a_person_finds_by_comparing_stops_payouts(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    execute("UPDATE orders SET concession_fen = concession_fen + 1")
    town.day(2, 8)
    assert reconcile(by="lin", at=town.at).differences
    found = soundness.broken()
    assert found is not None
    assert (found.by, "trust:concession_pending" in found.what) == ("lin", True)
    assert refused(town.pay_out) == ["books.broken"]


def test_a_verb_that_breaks_an_invariant_stops_payouts_and_writes_nothing_else(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        execute("UPDATE account SET is_active = is_active")
        raise Breach("a fen is missing")

    town.sell("mei", "grocer", 100_000)
    town.day(2, 8)
    with monkeypatch.context() as patched:
        patched.setattr(payout, "_pay", broken)
        with pytest.raises(Breach):
            town.pay_out()
    found = soundness.broken()
    assert found is not None
    assert (found.by, found.what) == ("payout.pay_out", "a fen is missing")
    # Found as long after the verb's instant as the verb took to find it.
    assert town.at < found.since_at < town.at + timedelta(minutes=1)
    assert refused(town.pay_out) == ["books.broken"]
    assert fetch("SELECT COUNT(*) FROM payout") == [(0,)]
    assert expire.expire(at=town.at).voucher_fen == 0  # all else goes on


def test_somebody_who_has_looked_lets_money_leave_trust_again_and_the_audit_log_keeps_who(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    town.day(2, 8)
    assert not vouch(by="wu", at=town.at)
    proved(town, "balance")
    proved(town.later(minutes=1), "replay")
    proved(town, "balance")
    assert fetch("SELECT COUNT(*) FROM books_broken") == [(2,)]
    assert vouch(by="wu", at=town.at)
    since = (town.at - timedelta(minutes=1)).isoformat()
    assert fetch("SELECT act, detail FROM audit_entry ORDER BY id DESC LIMIT 1") == [
        ("books.vouch", f'{{"since":"{since}"}}')
    ]
    assert town.pay_out() == {"grocer": 90_000}


def test_what_was_paid_already_is_answered_though_the_books_are_broken(town: Town) -> None:
    town.sell("mei", "grocer", 100_000)
    paid = town.day(2, 8).pay_out()
    proved(town, "balance")
    assert town.later(hours=1).pay_out() == paid
