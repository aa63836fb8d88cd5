"""What differs between two documents is told value by value, for somebody who has to agree to it."""

from hypothesis import given
from hypothesis import strategies as st

from greenloop.core.trust.difference import Difference, differences

plain = st.none() | st.booleans() | st.integers() | st.text(max_size=4)
names = st.text("abc", min_size=1, max_size=2)
documents = st.dictionaries(
    names, st.recursive(plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3))
)


def test_a_changed_an_added_and_a_removed_value_are_told_with_their_paths() -> None:
    before = {"split": {"fee_ppm": 200_000}, "routes": [{"pool": "green"}], "cap_fen": None, "cities": ["A"]}
    after = {"split": {"fee_ppm": 190_000}, "routes": [{"pool": "green"}, {"pool": "b"}], "cities": ["A", "B"]}
    assert differences(before, after) == (
        Difference("cap_fen", "null", None),
        Difference("cities", '["A"]', '["A", "B"]'),
        Difference("routes[1].pool", None, '"b"'),
        Difference("split.fee_ppm", "200000", "190000"),
    )


def test_places_in_a_list_are_told_in_the_order_of_their_numbers() -> None:
    before = {"routes": [{"pool": "x"} for _ in range(11)]}
    after = {"routes": [{"pool": "y"} for _ in range(11)]}
    assert [each.path for each in differences(before, after)] == [f"routes[{place}].pool" for place in range(11)]


def test_true_is_not_one() -> None:
    assert differences({"a": True}, {"a": 1}) == (Difference("a", "true", "1"),)


@given(document=documents)
def test_a_document_does_not_differ_from_itself(document: dict[str, object]) -> None:
    assert differences(document, document) == ()


@given(before=documents, after=documents)
def test_the_way_back_tells_the_same_values_the_other_way_round(
    before: dict[str, object], after: dict[str, object]
) -> None:
    there, back = differences(before, after), differences(after, before)
    assert [(each.path, each.after, each.before) for each in there] == [
        (each.path, each.before, each.after) for each in back
    ]
