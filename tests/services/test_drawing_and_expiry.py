"""Drawing turns what was released into vouchers; a voucher that nobody spends in its year goes back to its pool."""

import pytest

from greenloop.core.faults import Refusal
from greenloop.services.loop.draw import draw
from greenloop.services.loop.hold import hold_account, release
from tests.support.databases import Database
from tests.support.ledger import fetch, last_postings, whole_database
from tests.support.town import Town, found_town, ledger_moves, plain_rules


def rich(town: Town) -> Town:
    """Let Mei buy for 1 000 yuan at the grocer and two cycles pass: 100 fen each to draw."""
    town.sell("mei", "grocer", 100_000)
    town.close_all([1, 2])
    return town


def test_a_draw_moves_what_was_released_into_vouchers(town: Town) -> None:
    rich(town)
    with ledger_moves() as moved:
        assert (town.draw("mei", 30), town.draw("mei"), town.draw("grocer")) == (30, 70, 100)
    assert moved == {"trust:accrued:green": -200, "trust:voucher:green": 200}
    assert last_postings() == {("trust:accrued:green", "trust:voucher:green"): 100}
    assert fetch("SELECT face_fen, left_fen FROM voucher ORDER BY id") == [(30, 30), (70, 70), (100, 100)]


def test_a_draw_of_nothing_writes_nothing(town: Town) -> None:
    rich(town).draw("mei")
    before = whole_database()
    assert (town.draw("mei"), town.draw("mei", 0), town.draw("bo"), town.draw("mei", pool="red")) == (0, 0, 0, 0)
    assert whole_database() == before


def test_an_amount_that_can_t_be_drawn_is_refused_and_writes_nothing(town: Town) -> None:
    rich(town)
    before = whole_database()
    wrongs: list[tuple[str, object]] = [
        ("mei", 101),
        ("mei", -1),
        ("mei", 10**12),
        ("bo", 1),
        ("bo", -1),
        ("mei", True),
        ("mei", 1.5),
        ("mei", "7"),
    ]
    for ref, amount in wrongs:
        with pytest.raises(Refusal) as refused:
            town.draw(ref, amount)  # type: ignore[arg-type]
        assert refused.value.field == "amount_fen", amount
        assert str(refused.value)
    assert whole_database() == before


def test_nobody_draws_from_a_pool_or_for_an_account_that_isn_t_there(town: Town) -> None:
    rich(town)
    with pytest.raises(Refusal) as refused:
        town.draw("mei", pool="blue")
    assert refused.value.field == "pool"
    with pytest.raises(Refusal) as refused:
        draw(account_id=1, pool="green", at=town.at)
    assert refused.value.field == "account"


def test_a_held_account_can_t_draw_and_loses_nothing_by_it(town: Town) -> None:
    rich(town)
    hold = hold_account(account_id=town.ids["mei"], reason="looks odd", by="risk", at=town.at)
    town.close(3)
    with pytest.raises(Refusal) as refused:
        town.draw("mei")
    assert (refused.value.code, refused.value.field) == ("draw.held", "account")
    release(hold_id=hold, by="risk", at=town.at)
    assert town.draw("mei") == 200


def test_whoever_draws_late_has_the_same_as_whoever_draws_each_cycle(database: Database) -> None:
    town = found_town(plain_rules(cycle_days=1))
    town.sell("mei", "grocer", 12_370)
    town.close(1)
    for cycle in range(2, 12):
        town.close(cycle)
        town.draw("mei")
    # Ten times 1 % of 1 237 points is 123.7, floored once.
    assert (town.wallet("mei").voucher_fen, town.draw("grocer")) == (123, 123)


def test_a_voucher_unspent_after_its_validity_returns_to_its_pool(database: Database) -> None:
    town = rich(found_town(plain_rules(voucher_days=10)))
    # Drawn as day 15 begins; a second one a day later.
    town.draw("mei", 60)
    town.later(days=1).draw("mei", 40)
    town.sell("mei", "baker", voucher_fen=25)
    town.later(days=8, hours=23)
    before = whole_database()
    assert (town.expire().voucher_fen, whole_database()) == (0, before)
    # Of the first, 25 were spent; the other 35 expire as day 25 begins.
    with ledger_moves() as moved:
        assert town.later(hours=1).expire().voucher_fen == 35
    assert moved == {"trust:voucher:green": -35, "trust:pool:green": 35}
    wallet = town.wallet("mei")
    assert (wallet.claimed_fen, wallet.voucher_fen, wallet.redeemed_fen, wallet.expired_fen) == (100, 40, 25, 35)
    assert fetch("SELECT free_fen, backing_fen, spent_fen FROM pool WHERE name = 'green'") == [(5_835, 200, 60)]
    # Nothing is left to expire a second time; what expired can't be spent or drawn again.
    assert town.expire().voucher_fen == 0
    assert town.take(town.sale("mei", "baker", voucher_fen=41)).refusals[0].code == "spend.balance"


def test_an_expired_voucher_s_money_pays_later_releases(database: Database) -> None:
    town = rich(found_town(plain_rules(voucher_days=1)))
    town.draw("mei")
    town.later(days=2).expire()
    assert town.close(3).issued_fen == 200
    assert fetch("SELECT free_fen, backing_fen FROM pool WHERE name = 'green'") == [(6_000 + 100 - 400, 400)]


def test_vouchers_and_coupons_of_many_holders_expire_in_one_call(database: Database) -> None:
    town = found_town(plain_rules(voucher_days=1, coupon_days=8))
    for ref in ("mei", "lin", "bo"):
        town.sell(ref, "grocer", 100_000)
    town.close_all([1, 2])
    for ref in ("mei", "lin", "bo"):
        town.draw(ref)
    town.later(days=1)
    with ledger_moves() as moved:
        expiry = town.expire()
    # 100 each, and coupons of 700 each, eight days after the end of cycle 1.
    assert (expiry.voucher_fen, expiry.coupon_fen, expiry.more) == (300, 2_100, False)
    assert moved == {
        "trust:voucher:green": -300,
        "trust:pool:green": 300,
        "trust:coupon": -2_100,
        "trust:reserve": 2_100,
    }


def test_expiry_goes_on_in_further_calls_when_there_are_too_many_holders(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    from greenloop.services.loop import expire

    rich(town).sell("lin", "grocer", 100_000)
    town.close(3)
    monkeypatch.setattr(expire, "ACCOUNTS_MAX", 1)
    town.later(days=100)
    expiries = [town.expire() for _ in range(3)]
    assert sorted((expiry.coupon_fen, expiry.more) for expiry in expiries) == [(0, False), (700, False), (700, True)]
