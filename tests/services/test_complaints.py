"""A complaint that is sent twice is filed once: a double click, a page sent again, a slow connection."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from greenloop.core.faults import Refusal
from greenloop.services.people.complaints import answer_complaint, file_complaint
from greenloop.services.people.forget import forget
from greenloop.services.people.sign_in import PhoneForm, give_phones
from tests.support.ledger import fetch
from tests.support.signing import MEI
from tests.support.threads import at_once
from tests.support.town import Town

TEXT = "The shop took the money twice."


def filed(town: Town, who: str = "mei", **other: Any) -> int:
    asked = {"category": "order", "text": TEXT, "order_id": None, "at": town.at}
    return file_complaint(account_id=town.ids[who], **{**asked, **other})


def count() -> int:
    return int(fetch("SELECT COUNT(*) FROM complaint")[0][0])


def test_the_same_complaint_sent_twice_is_one_and_counts_once(town: Town) -> None:
    entries = fetch("SELECT COUNT(*) FROM audit_entry")
    number = filed(town)
    later = town.at + timedelta(minutes=9, seconds=59)
    assert [filed(town, at=at, text=text) for at, text in ((town.at, f" {TEXT}\n"), (later, TEXT))] == [number] * 2
    assert count() == 1
    assert fetch("SELECT COUNT(*) FROM audit_entry") == entries
    for words in "abcd":
        filed(town, text=words)
    # Five are filed: there is room for no other, and the first and the fifth are known still.
    assert (filed(town), count()) == (number, 5)
    with pytest.raises(Refusal, match="5 complaints"):
        filed(town, text="e")


def test_whatever_differs_is_another_complaint(town: Town) -> None:
    order = town.sell("mei", "grocer", 1_000)
    number = filed(town)
    others: list[dict[str, Any]] = [
        {"text": f"{TEXT}!"},
        {"category": "other"},
        {"order_id": order},
        {"at": town.at + timedelta(minutes=10)},
    ]
    numbers = [number, *(filed(town, **other) for other in others), filed(town, "bo")]
    assert len(set(numbers)) == count() == len(others) + 2


@pytest.mark.parametrize("close", [False, True])
def test_what_was_answered_may_be_said_again(town: Town, close: bool) -> None:
    number = filed(town)
    answer_complaint(complaint_id=number, text="Sorry.", close=close, by="console", at=town.at)
    assert filed(town) != number


def test_who_was_forgotten_and_comes_back_complains_anew(town: Town) -> None:
    number = filed(town)
    forget(account_id=town.ids["mei"], at=town.at)
    give_phones(forms=[PhoneForm(town.ids["mei"], MEI)], at=town.at)
    assert filed(town) != number


def test_a_complaint_sent_several_times_at_once_is_one(town: Town) -> None:
    numbers = at_once([partial(filed, town)] * 4 + [partial(filed, town, "bo")])
    assert len(set(numbers)) == count() == 2
    assert len(set(numbers[:4])) == 1
