"""Who takes part: enrolled once, with facts that don't change behind anybody's back."""

from datetime import timedelta

import pytest

from greenloop.core.faults import Refusal
from greenloop.services.people.enrol import MemberForm, MerchantForm, enrol_members, enrol_merchants, set_rate
from tests.support.ledger import fetch, whole_database
from tests.support.town import OPENING_AT, Town


def member_form(ref: str, **facts: object) -> MemberForm:
    return MemberForm(**({"ref": ref, "city": "Hangzhou", "enrolled_at": OPENING_AT} | facts))  # type: ignore[arg-type]


def merchant_form(ref: str, **facts: object) -> MerchantForm:
    told = {"ref": ref, "city": "Hangzhou", "enrolled_at": OPENING_AT, "rate_ppm": 100_000} | facts
    return MerchantForm(**told)  # type: ignore[arg-type]


def test_a_member_enrolled_twice_the_same_is_one_member_and_nothing_is_written_the_second_time(town: Town) -> None:
    forms = [member_form("ann"), member_form("ben", referrer="ann")]
    first = enrol_members(forms=forms, at=town.at)
    before = whole_database()
    assert enrol_members(forms=forms, at=town.later(days=3).at) == first
    assert enrol_members(forms=[*forms, forms[0]], at=town.at) == first
    assert whole_database() == before


def test_a_member_enrolled_again_with_other_facts_is_refused(town: Town) -> None:
    enrol_members(forms=[member_form("ann", referrer="lin")], at=town.at)
    before = whole_database()
    others: list[dict[str, object]] = [
        {"city": "Ningbo"},
        {"referrer": "mei"},
        {"referrer": None},
        {"enrolled_at": OPENING_AT + timedelta(days=1)},
    ]
    for other in others:
        with pytest.raises(Refusal) as refused:
            enrol_members(forms=[member_form("eve"), member_form("ann", **({"referrer": "lin"} | other))], at=town.at)
        assert (refused.value.code, refused.value.field) == ("member.known", "ref"), other
    assert whole_database() == before


def test_two_forms_with_one_ref_and_different_facts_in_one_call_are_refused(town: Town) -> None:
    with pytest.raises(Refusal, match="ann"):
        enrol_members(forms=[member_form("ann"), member_form("ann", city="Ningbo")], at=town.at)
    with pytest.raises(Refusal, match="inn"):
        enrol_merchants(forms=[merchant_form("inn"), merchant_form("inn", city="Ningbo")], at=town.at)


def test_a_referrer_must_be_enrolled_and_nobody_refers_itself(town: Town) -> None:
    for referrer in ("nobody", "ann"):
        with pytest.raises(Refusal) as refused:
            enrol_members(forms=[member_form("ann", referrer=referrer)], at=town.at)
        assert (refused.value.code, refused.value.field) == ("member.referrer", "referrer")


def test_a_referrer_stands_before_the_member_it_brought(town: Town) -> None:
    with pytest.raises(Refusal) as refused:
        enrol_members(forms=[member_form("ann", referrer="ben"), member_form("ben")], at=town.at)
    assert refused.value.code == "member.referrer"
    assert fetch("SELECT ref FROM member WHERE ref IN ('ann', 'ben')") == []
    ids = enrol_members(forms=[member_form("ben"), member_form("ann", referrer="ben")], at=town.at)
    assert fetch("SELECT referrer_id FROM member WHERE ref = 'ann'") == [(ids["ben"],)]


def test_a_member_and_a_merchant_need_a_ref(town: Town) -> None:
    with pytest.raises(Refusal, match="number"):
        enrol_members(forms=[member_form("")], at=town.at)
    with pytest.raises(Refusal, match="number"):
        enrol_merchants(forms=[merchant_form("")], at=town.at)


def test_a_concession_rate_outside_3_to_20_percent_is_refused(town: Town) -> None:
    before = whole_database()
    for rate_ppm in (0, 29_999, 200_001, -100_000, 1_000_000):
        with pytest.raises(Refusal) as refused:
            enrol_merchants(forms=[merchant_form("inn"), merchant_form("bar", rate_ppm=rate_ppm)], at=town.at)
        assert (refused.value.code, refused.value.field) == ("concession.rate", "rate_ppm")
        with pytest.raises(Refusal, match="ppm"):
            set_rate(merchant="grocer", rate_ppm=rate_ppm, valid_from_at=town.at, at=town.at)
    assert whole_database() == before
    # 3 % and 20 % themselves are rates.
    enrol_merchants(forms=[merchant_form("inn", rate_ppm=30_000), merchant_form("bar", rate_ppm=200_000)], at=town.at)


def test_a_merchant_enrolled_twice_the_same_is_one_merchant(town: Town) -> None:
    form = merchant_form("inn", shops=("east", "west"), linked=("mei",))
    first = enrol_merchants(forms=[form], at=town.at)
    before = whole_database()
    assert enrol_merchants(forms=[form, form], at=town.later(days=3).at) == first
    assert whole_database() == before


def test_a_merchant_enrolled_again_with_other_facts_is_refused(town: Town) -> None:
    enrol_merchants(forms=[merchant_form("inn", shops=("east",))], at=town.at)
    before = whole_database()
    others: list[dict[str, object]] = [
        {"city": "Ningbo"},
        {"grade": "B"},
        {"multiple_ppm": 2_000_000},
        {"enrolled_at": OPENING_AT + timedelta(days=1)},
        {"rate_ppm": 50_000},
        {"accepts_coupons": False},
        {"shops": ("east", "west")},
        {"linked": ("mei",)},
    ]
    for other in others:
        with pytest.raises(Refusal) as refused:
            enrol_merchants(forms=[merchant_form("inn", **({"shops": ("east",)} | other))], at=town.at)
        assert (refused.value.code, refused.value.field) == ("merchant.known", "ref"), other
    assert whole_database() == before


def test_a_merchant_s_linked_member_must_be_enrolled(town: Town) -> None:
    with pytest.raises(Refusal) as refused:
        enrol_merchants(forms=[merchant_form("inn", linked=("mei", "nobody"))], at=town.at)
    assert (refused.value.code, refused.value.field) == ("merchant.linked", "linked")
    assert fetch("SELECT id FROM merchant WHERE ref = 'inn'") == []


def test_a_new_rate_card_lies_ahead_and_is_set_once(town: Town) -> None:
    on_friday = town.instant(5, 0)
    set_rate(merchant="grocer", rate_ppm=50_000, valid_from_at=on_friday, at=town.at)
    before = whole_database()
    set_rate(merchant="grocer", rate_ppm=50_000, valid_from_at=on_friday, at=town.at)
    for rate_ppm, when in ((60_000, on_friday), (60_000, town.instant(1, 11))):
        with pytest.raises(Refusal) as refused:
            set_rate(merchant="grocer", rate_ppm=rate_ppm, valid_from_at=when, at=town.at)
        assert (refused.value.code, refused.value.field) == ("rate.past", "valid_from_at")
    with pytest.raises(Refusal) as refused:
        set_rate(merchant="nobody", rate_ppm=60_000, valid_from_at=on_friday, at=town.at)
    assert (refused.value.code, refused.value.field) == ("merchant.unknown", "merchant")
    assert whole_database() == before
