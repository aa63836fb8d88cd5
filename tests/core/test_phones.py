"""How phone numbers and names at work are read: one person, one way to be found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenloop.core.faults import Refusal
from greenloop.core.people.phone import masked, normalised
from greenloop.core.people.work_name import cleaned, found_by

LIN = "+8613800138000"


@pytest.mark.parametrize(
    "written",
    [
        "13800138000",
        " 138 0013 8000 ",
        "138-0013-8000",
        "138.0013.8000",
        "+86 138 0013 8000",
        "+86-138-0013-8000",
        "(+86) 13800138000",
        "8613800138000",
        "0086 138 0013 8000",
        "１３８００１３８０００",
        "＋８６　１３８　００１３　８０００",
        "138–0013–8000",
    ],
)
def test_a_mainland_mobile_is_the_same_number_however_it_is_typed(written: str) -> None:
    assert normalised(written) == LIN


@pytest.mark.parametrize(
    ("written", "number"),
    [("+852 5123 4567", "+85251234567"), ("0044 20 7946 0000", "+442079460000"), ("+1 (202) 555-0123", "+12025550123")],
)
def test_a_number_from_elsewhere_needs_its_country(written: str, number: str) -> None:
    assert normalised(written) == number


@pytest.mark.parametrize(
    "written",
    [
        *("", " ", "+", "abc", "1380013800", "138001380001", "12800138000", "+8612800138000", "+86 10 6552 9988"),
        *("01012345678", "5123 4567", "+0123456789", "+12345", "+1234567890123456", "1380013800O", "-1", "+86"),
        *("13800138000\x00", "13800138000,13900139000", "٠١٢٣٤٥٦٧٨٩١", "9" * 10_000),
    ],
)
def test_what_no_text_message_reaches_is_refused_with_the_way_out(written: str) -> None:
    with pytest.raises(Refusal) as refused:
        normalised(written)
    assert refused.value.field == "phone"
    assert "11 digits" in str(refused.value)
    # A refusal is logged and shown; the number itself has no place in it.
    assert refused.value.facts == {}


@given(written=st.text(max_size=40))
def test_whatever_is_typed_ends_in_a_number_or_a_refusal_and_a_number_stays_what_it_is(written: str) -> None:
    try:
        number = normalised(written)
    except Refusal:
        return
    assert normalised(number) == number
    assert number[0] == "+"
    assert number[1:].isascii()
    assert number[1:].isdigit()


def test_who_has_a_number_recognises_it_masked_and_nobody_else_learns_it() -> None:
    assert masked(LIN) == "138****8000"
    assert masked("+85251234567") == "+85*****4567"
    assert masked("+1234567") == "+1****67"


def test_capital_letters_and_double_blanks_make_no_other_name_at_work() -> None:
    assert cleaned("  Lin   Wei ") == "Lin Wei"
    assert found_by(cleaned("LIN wei")) == found_by("Lin Wei")
    assert found_by(cleaned("Ｌｉｎ Wei")) == found_by("Lin Wei")
    assert cleaned("林伟") == "林伟"


@pytest.mark.parametrize("written", ["", "   ", "a" * 65, "Lin\u200bWei", "Lin\x00", "\u202eLin"])
def test_a_name_that_cannot_be_seen_or_is_endless_is_refused(written: str) -> None:
    with pytest.raises(Refusal) as refused:
        cleaned(written)
    assert refused.value.field == "name"
