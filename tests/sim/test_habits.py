"""What the seed makes up around the baskets: plausible, and the same for the same seed."""

from greenloop.core.cycle import Calendar
from greenloop.sim import habits
from greenloop.sim.groceries import UTC_OFFSET_MINUTES
from tests.sim.baskets import OPENS, made_up

CALENDAR = Calendar(OPENS.date(), UTC_OFFSET_MINUTES, 7)
CITIES = {habits.store_ref(number): "Linfen" for number in range(5)}


def test_every_store_has_a_rate_card_of_3_to_20_percent_from_the_first_day() -> None:
    forms = habits.store_forms(made_up(100), seed=1, enrolled_at=OPENS)
    assert [form.ref for form in forms] == [f"store-{number}" for number in range(5)]
    assert all(30_000 <= form.rate_ppm <= 200_000 and form.enrolled_at == OPENS for form in forms)


def test_a_household_joins_with_its_first_basket_brought_by_one_that_joined_before() -> None:
    baskets = made_up(4_000, households=2_000)
    forms = habits.household_forms(baskets, seed=1, cities=CITIES)
    joined: set[str] = set()
    for place, form in forms.items():
        assert form.enrolled_at == baskets[place].paid_at
        assert form.referrer is None or form.referrer in joined
        joined.add(form.ref)
    assert len(joined) == 2_000
    assert 540 <= sum(form.referrer is not None for form in forms.values()) <= 660  # 30 % of 2 000


def test_about_one_basket_in_a_hundred_comes_back_never_for_more_than_its_price() -> None:
    baskets = made_up(20_000)
    found = habits.returns(baskets, seed=1, calendar=CALENDAR)
    back: dict[int, int] = {}
    for each in found:
        back[each.basket.number] = back.get(each.basket.number, 0) + each.form.amount_fen
        assert each.asked_date > CALENDAR.local_date(each.basket.paid_at)
    assert 150 <= len(back) <= 250
    assert all(0 < fen <= 2_000 for fen in back.values())
    assert len(found) > len(back)
    assert any(fen == 2_000 for fen in back.values())
    assert any((each.asked_date - CALENDAR.local_date(each.basket.paid_at)).days > 14 for each in found)


def test_a_basket_without_a_price_never_comes_back() -> None:
    assert habits.returns(made_up(5_000, price_fen=0), seed=1, calendar=CALENDAR) == []


def test_some_households_never_think_of_their_vouchers() -> None:
    baskets = made_up(5_000)
    wishes = habits.voucher_wishes(baskets, seed=1)
    thrifty = {basket.household for basket, wish in zip(baskets, wishes, strict=True) if wish}
    assert 15 <= len(thrifty) <= 45
    assert all(wish == 0 or 200_000 <= wish <= 1_000_000 for wish in wishes)


def test_one_seed_one_story_another_seed_another() -> None:
    baskets = made_up(1_000)
    once, twice, other = (
        (
            habits.store_forms(baskets, seed=seed, enrolled_at=OPENS),
            habits.household_forms(baskets, seed=seed, cities=CITIES),
            habits.voucher_wishes(baskets, seed=seed),
            habits.returns(baskets, seed=seed, calendar=CALENDAR),
        )
        for seed in (1, 1, 2)
    )
    assert once == twice
    assert all(one != another for one, another in zip(once, other, strict=True))
