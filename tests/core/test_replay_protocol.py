"""How a journal is read: what is accepted, what is refused by which field, and that a wrong line changes nothing."""

import json
from typing import Any

import pytest

from greenloop.core.faults import Refusal
from greenloop.core.loop.recompute import recompute
from greenloop.core.loop.replay import Replay

from .office import PLAN, POOL, Office, S, line, run

SALE: dict[str, Any] = {
    "order": "o9",
    "pool": "city",
    "plan": "plan",
    "member": "mei",
    "merchant": "shop",
    "concession_fen": 100,
}
GONE = object()


def office_at_work() -> Office:
    """One order of 10.00 in its second cycle; mei has 3 vouchers, 1 spent, 1 not drawn yet."""
    office = Office()
    office.sale("o1", 1000, merchant="shop")
    office.settle_times(2)
    office.draw(amount_fen=4)
    office.spend(1)
    return office


def changed(fields: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Fields with some changed, or gone."""
    return {name: value for name, value in (fields | changes).items() if value is not GONE}


def refused(office: Office, kind: str, field: str | None, fields: dict[str, Any]) -> None:
    """The line is refused by that field with a sentence and the line's number, and nothing has changed."""
    before = office.state()
    number = len(office.lines) + 1
    answer = office.tell(kind, **fields)
    assert list(answer) == ["error", "field", "line"]
    assert (answer["field"], answer["line"]) == (field, number)
    assert answer["error"].endswith(".")
    assert "{" not in answer["error"]
    assert office.state() == before


NO_RATIO: list[Any] = [
    [2, 1], [0, 0], [-1, 1], [1], [1, 2, 3], [1.0, 2], ["1", 2], [True, 2], None, "1/2", 1, {},
]  # fmt: skip
NO_INTEGER: list[Any] = [True, 1.0, "1", None, [1], {}]
NO_NAME: list[Any] = ["", 7, None, True, ["city"], GONE]


@pytest.mark.parametrize(
    "text", ["{", "nonsense", "[]", "[{}]", "null", "7", '"state"', "{} {}", '{"kind":"state"', "\ufeff{}x"]
)
def test_a_line_that_is_no_object_is_refused_without_a_field(text: str) -> None:
    office = office_at_work()
    before = office.state()
    number = len(office.lines) + 1
    answer = office.raw(text)
    assert (answer["field"], answer["line"]) == (None, number)
    assert answer["error"].endswith(".")
    assert office.state() == before


def test_bytes_that_are_no_text_are_refused_without_a_field() -> None:
    answers = list(recompute([b'{"kind":"state"}', b'{"kind":"\xff"}', b'{"kind":"state"}']))
    assert [answer.get("line") for answer in answers] == [None, 2, None]
    assert answers[1]["field"] is None


def test_a_journal_may_come_as_text_or_as_bytes() -> None:
    lines = office_at_work().lines
    assert list(recompute(lines)) == list(recompute([text.encode() for text in lines]))
    assert list(recompute(lines)) == list(recompute([text + "\n" for text in lines]))
    assert list(recompute(lines)) == list(recompute([text + "\r\n" for text in lines]))


@pytest.mark.parametrize("kind", ["", "top-up", "Settle", 7, None, GONE])
def test_an_unknown_event_is_refused_by_its_kind(kind: object) -> None:
    office = Office()
    answer = office.raw(json.dumps(changed({"kind": kind, "pool": "city", "cycle": 1})))
    assert (answer["field"], answer["line"]) == ("kind", 3)


def test_blank_lines_are_counted_and_not_answered() -> None:
    answers = run("", line("state"), "   ", "\t\n", "oops", line("state"))
    assert len(answers) == 3
    assert answers[1]["line"] == 5


def test_unknown_fields_are_ignored() -> None:
    office = Office()
    office.sale("o1", 1000, note="周末促销", cashier={"id": 7})
    assert office.tell("state", please=True)["pools"]["city"]["free_fen"] == 600


@pytest.mark.parametrize("key", ["allot", "spend", "dividend_threshold", "dividend_share", "window"])
def test_a_pool_needs_every_field(key: str) -> None:
    refused(Office(), "pool", key, {"name": "new"} | changed(POOL, **{key: GONE}))


@pytest.mark.parametrize(
    "key, value",
    [
        *[(ratio, value) for ratio in ("allot", "spend", "dividend_share") for value in NO_RATIO],
        *[("cycle_cap_fen", value) for value in (-1, 1.0, "1", True, [1])],
        *[("dividend_threshold", value) for value in (-S - 1, *NO_INTEGER)],
        *[("window", value) for value in (0, -1, *NO_INTEGER)],
    ],
)  # fmt: skip
def test_a_pool_with_a_wrong_field_is_refused_by_it(key: str, value: object) -> None:
    refused(Office(), "pool", key, {"name": "new"} | POOL | {key: value})


@pytest.mark.parametrize("value", NO_NAME)
@pytest.mark.parametrize("kind, fields", [("pool", POOL), ("plan", PLAN)])
def test_pools_and_plans_need_a_name(kind: str, fields: dict[str, Any], value: object) -> None:
    refused(Office(), kind, "name", changed(fields, name=value))


@pytest.mark.parametrize("kind, name, fields", [("pool", "city", POOL), ("plan", "plan", PLAN)])
def test_a_known_name_again_is_an_error(kind: str, name: str, fields: dict[str, Any]) -> None:
    refused(office_at_work(), kind, "name", {"name": name} | fields)


@pytest.mark.parametrize(
    "terms", [{"allot": [0, 1]}, {"spend": [0, 1]}, {"dividend_threshold": -S}, {"cycle_cap_fen": 0}]
)
def test_terms_at_the_edge_of_their_range_are_accepted(terms: dict[str, Any]) -> None:
    assert Office().tell("pool", name="new", **(POOL | terms)) == {}


@pytest.mark.parametrize("key", ["cycles", "r0", "cap", "coupling", "fixed_cycles"])
def test_a_plan_needs_every_field(key: str) -> None:
    refused(Office(), "plan", key, {"name": "new"} | changed(PLAN, **{key: GONE}))


@pytest.mark.parametrize(
    "kind, fields, key",
    [
        ("pool", {"name": "new"} | POOL, "cycle_cap_fen"),
        *[("plan", {"name": "new"} | PLAN, key) for key in ("g_min", "g_max", "r_max")],
        ("concession", SALE, "merchant"),
    ],
)
def test_what_may_be_null_may_be_left_out(kind: str, fields: dict[str, Any], key: str) -> None:
    assert Office().tell(kind, **changed(fields, **{key: GONE})) == {}
    assert Office().tell(kind, **changed(fields, **{key: None})) == {}


@pytest.mark.parametrize(
    "key, value",
    [
        *[("cycles", value) for value in (0, -1, *NO_INTEGER)],
        *[(key, value) for key in ("r0", "cap", "fixed_cycles") for value in (-1, *NO_INTEGER)],
        *[("coupling", value) for value in ("", "FLAT", "linear", 1, None, ["flat"])],
        *[(key, value) for key in ("g_min", "g_max", "r_max") for value in (1.0, "1", True, [1])],
        ("r_max", -1),
    ],
)
def test_a_plan_with_a_wrong_field_is_refused_by_it(key: str, value: object) -> None:
    refused(Office(), "plan", key, {"name": "new"} | PLAN | {key: value})


def test_a_clamp_needs_its_lower_end_below_its_upper_one() -> None:
    office = Office()
    answer = office.tell("plan", name="new", **(PLAN | {"g_min": 5, "g_max": 4}))
    assert answer["field"] in ("g_min", "g_max")
    assert office.tell("plan", name="new", **(PLAN | {"g_min": 5, "g_max": 5})) == {}


@pytest.mark.parametrize("coupling", ["flat", "chain", "level", "share"])
def test_every_coupling_is_accepted_without_limits(coupling: str) -> None:
    assert Office().tell("plan", name="new", **(PLAN | {"coupling": coupling})) == {}


@pytest.mark.parametrize("key", ["order", "pool", "plan", "member"])
@pytest.mark.parametrize("value", NO_NAME)
def test_a_concession_needs_its_names(key: str, value: object) -> None:
    refused(Office(), "concession", key, changed(SALE, **{key: value}))


@pytest.mark.parametrize(
    "key, value",
    [
        ("order", "o1"),
        ("pool", "nowhere"),
        ("plan", "nothing"),
        ("merchant", ""),
        ("merchant", 7),
        ("concession_fen", GONE),
        ("concession_fen", 9),
        ("concession_fen", -100),
        *[("concession_fen", value) for value in NO_INTEGER],
    ],
)
def test_a_wrong_concession_is_refused_by_its_field(key: str, value: object) -> None:
    refused(office_at_work(), "concession", key, changed(SALE, **{key: value}))


@pytest.mark.parametrize("points", [[], 7, "mei", {"mei": -1}, {"mei": 1.5}, {"mei": True}, {"mei": "5"}, {"": 5}])
def test_explicit_points_must_be_whole_numbers_by_account(points: object) -> None:
    office = office_at_work()
    before = office.state()
    answer = office.tell("concession", **(SALE | {"points": points}))
    assert str(answer["field"]).startswith("points")
    assert office.state() == before


def test_a_refused_order_may_come_again_in_a_right_line() -> None:
    office = Office()
    refused(office, "concession", "concession_fen", SALE | {"concession_fen": 9})
    assert office.tell("concession", **SALE) == {}


@pytest.mark.parametrize(
    "kind, key, value",
    [
        *[("settle", "cycle", value) for value in (4, 0, -1, GONE, *NO_INTEGER)],
        *[("settle", "pool", value) for value in ("nowhere", *NO_NAME)],
        *[("cap", "cycle", value) for value in (2, 0, -1, GONE, *NO_INTEGER)],
        *[("cap", "cap_fen", value) for value in (-1, GONE, *NO_INTEGER)],
        *[("cap", "pool", value) for value in ("nowhere", *NO_NAME)],
        *[("draw", "amount_fen", value) for value in (2, -1, True, 1.0, "1", [1])],
        *[("spend", "amount_fen", value) for value in (5, -1, GONE, *NO_INTEGER)],
        *[("expire", "amount_fen", value) for value in (4, -1, GONE, *NO_INTEGER)],
        *[("return", "amount_fen", value) for value in (2, -1, GONE, *NO_INTEGER)],
        *[("refund", "points_fen", value) for value in (1001, -1, GONE, *NO_INTEGER)],
        *[("refund", "order", value) for value in ("unheard-of", *NO_NAME)],
        *[(kind, key, value) for kind in ("draw", "spend", "expire", "return")
          for key, values in (("account", NO_NAME), ("pool", ["nowhere", *NO_NAME])) for value in values],
    ],
)  # fmt: skip
def test_a_wrong_line_is_refused_by_its_field_and_changes_nothing(kind: str, key: str, value: object) -> None:
    right: dict[str, dict[str, Any]] = {
        "settle": {"pool": "city", "cycle": 3},
        "cap": {"pool": "city", "cycle": 3, "cap_fen": 10},
        "draw": {"account": "mei", "pool": "city", "amount_fen": 1},
        "spend": {"account": "mei", "pool": "city", "amount_fen": 4},
        "expire": {"account": "mei", "pool": "city", "amount_fen": 3},
        "return": {"account": "mei", "pool": "city", "amount_fen": 1},
        "refund": {"order": "o1", "points_fen": 1000},
    }
    office = office_at_work()
    refused(office, kind, key, changed(right[kind], **{key: value}))
    # The right one, at the edge of what is there, is accepted.
    assert "error" not in office.tell(kind, **right[kind])


def test_amounts_of_zero_are_accepted_and_change_nothing() -> None:
    office = office_at_work()
    before = office.state()
    assert office.draw(amount_fen=0) == 0
    office.spend(0)
    office.expire(0)
    office.give_back(0)
    assert office.refund("o1", 0) == {}
    assert office.state() == before


def test_answers_have_the_fields_of_the_protocol_in_their_order() -> None:
    office = office_at_work()
    assert office.tell("draw", account="mei", pool="city") == {"drawn_fen": 1}
    assert json.dumps(office.tell("settle", pool="city", cycle=3)) == json.dumps(
        {
            "driver": 0,
            "growth": None,
            "budget_fen": 590,
            "need": 10 * S,
            "scaled": False,
            "dividend": 0,
            "moved_fen": 10,
            "free_fen": 580,
            "backing_fen": 20,
        }
    )
    office.spend(4)
    assert json.dumps(office.tell("refund", order="o1", points_fen=1000)) == json.dumps(
        {"clawback": {"mei": {"voucher_fen": 0, "cash_fen": 5}}}
    )
    assert json.dumps(office.state()) == json.dumps(
        {
            "accounts": {
                "mei": {"city": {"accrued_fen": 0, "claimed_fen": 0, "voucher_fen": 0}},
                "shop": {"city": {"accrued_fen": 0, "claimed_fen": 0, "voucher_fen": 0}},
            },
            "pools": {"city": {"cycle": 4, "free_fen": 600, "backing_fen": 0}},
            "liability_fen": 0,
            "dust_fen": 0,
            "trust_fen": 600,
        }
    )


def test_accounts_and_pools_come_sorted() -> None:
    office = Office()
    for pool in ("west", "east"):
        office.pool(pool)
        for member in ("lin", "an", "苏"):
            office.sale(f"{pool}-{member}", 100, member=member, pool=pool)
    state = office.state()
    assert list(state["accounts"]) == ["an", "lin", "苏"]
    assert list(state["accounts"]["an"]) == ["east", "west"]
    assert list(state["pools"]) == ["city", "east", "west"]


def test_an_empty_journal_has_no_answers() -> None:
    assert run() == []
    assert run("", " ") == []


def test_the_state_of_nothing_is_zero() -> None:
    assert run(line("state")) == [
        {"accounts": {}, "pools": {}, "liability_fen": 0, "dust_fen": 0, "trust_fen": 0},
    ]


def test_answers_come_one_by_one_while_the_journal_is_still_being_written() -> None:
    office = Office()
    assert office.tell("state")["trust_fen"] == 0  # the next line isn't there yet, and the answer is


SAFE_POOL = POOL | {"allot": [3, 5], "dividend_share": [1, 2]}
SALE_OF_NEW = ("concession", SALE | {"order": "o1", "plan": "new"})
UNSAFE: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "a cap above five-fold": [("plan", PLAN | {"name": "new", "cap": 5 * S + 1})],
    "a dividend that makes pumping pay": [("pool", POOL | {"name": "new", "dividend_share": [3, 4]})],
    "a first rate above payout through 2 N": [("plan", PLAN | {"name": "new", "r0": S // 100}), SALE_OF_NEW],
    "a chain that can never fall": [("plan", PLAN | {"name": "new", "coupling": "chain", "g_min": 0})],
    "a self-funded plan beside a chained one": [
        ("plan", PLAN | {"name": "new", "coupling": "chain"}),
        SALE_OF_NEW,
        ("concession", SALE),
    ],
    "multiples above what the cap leaves room for": [("concession", SALE | {"points": {"mei": 101, "shop": 100}})],
}


@pytest.mark.parametrize("what", UNSAFE)
def test_rules_outside_the_safety_condition_are_accepted_with_a_warning(what: str) -> None:
    office = Office()
    assert office.warnings == []
    for kind, fields in UNSAFE[what]:
        assert office.tell(kind, **fields) == {}
    assert len(office.warnings) == 1
    assert office.warnings[0].startswith(f"line {len(office.lines)}: warning: ")
    # Once is enough.
    assert office.tell("concession", **(SALE | {"order": "again"})) == {}
    assert len(office.warnings) == 1


def test_rules_inside_the_safety_condition_raise_no_warning() -> None:
    office = Office(pool=SAFE_POOL)
    office.sale("o1", 1000, merchant="shop")
    office.settle_times(3)
    assert office.warnings == []


def test_warnings_need_not_be_listened_to() -> None:
    lines = [line("plan", name="new", **(PLAN | {"cap": 9 * S})), line("state")]
    assert next(iter(recompute(lines))) == {}


@pytest.mark.parametrize("mark", ["\ufeff", b"\xef\xbb\xbf"])
def test_a_byte_order_mark_before_the_first_line_is_no_fault(mark: str | bytes) -> None:
    first = line("pool", name="city", **POOL)
    assert list(recompute([mark + first if isinstance(mark, str) else mark + first.encode()])) == [{}]


def test_what_a_replay_refuses_has_a_stable_code() -> None:
    with pytest.raises(Refusal) as caught:
        Replay(lambda _: None).pool("nowhere")
    assert (caught.value.code, caught.value.facts) == ("replay.refused", {"name": "nowhere"})
