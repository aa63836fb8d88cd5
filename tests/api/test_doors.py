"""What holds at the door for all who call: their limits, the sentences and headers of answers, refs in addresses."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings

from greenloop.api import limits
from greenloop.cli.reading import instant
from greenloop.core.faults import Refusal
from greenloop.services.books.grants import propose_grant
from greenloop.services.loop.rules import publish_rules
from greenloop.services.outbox.endpoints import write_endpoint
from greenloop.services.people.enrol import MemberForm, MerchantForm, add_shop, enrol_members, enrol_merchants, set_rate
from tests.api.test_taking_orders import order
from tests.support.calling import NOW, Answer, Caller, by_client, till_of
from tests.support.looking import staff_of
from tests.support.town import Town, plain_rules


def said(answer: Answer) -> tuple[int, str, str | None]:
    return answer.status, answer.json["code"], answer.json.get("field")


# --- limits


def test_refused_calls_and_sessions_count_like_others(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "GREENLOOP_CALLS_PER_SECOND", 1)
    monkeypatch.setattr(limits, "BURST_S", 4)
    weak, risk = till_of("grocer", scopes=("orders:read",)), staff_of("risk")
    for get, refused in ((weak.get, "auth.scope"), (risk.get, "auth.role")):
        path = "/v1/webhooks"
        assert [get(path).code for _ in range(6)] == [refused] * 4 + ["limit.calls"] * 2


def test_who_changes_things_too_often_waits_and_may_go_on_reading(
    town: Town, till: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CHANGES_PER_SECOND", 1)
    monkeypatch.setattr(limits, "CHANGES_BURST_S", 3)
    told = [till.post("/v1/merchants/grocer/shops", {"ref": f"s{number}"}) for number in range(5)]
    assert [each.status for each in told] == [201] * 3 + [429] * 2
    assert (told[-1].code, told[-1].headers["retry-after"]) == ("limit.changes", "1")
    assert till.get("/v1/merchants/grocer").status == 200
    assert till.post("/v1/orders", order(town)).status == 201


# --- who may call


def test_a_good_key_where_only_people_may_call_is_told_so(town: Town, till: Caller) -> None:
    for answer in (till.get("/v1/audit"), till.post("/v1/clients", {"name": "x", "kind": "partner"})):
        assert said(answer) == (403, "auth.person", None)
    till.signs = True
    assert till.get("/v1/audit").code == "auth.person"
    assert Caller("glk_1_x").get("/v1/audit").code == "auth.key"
    assert Caller().get("/v1/audit").code == "auth.none"


# --- answers


def test_no_answer_is_kept_by_a_cache(town: Town, till: Caller) -> None:
    wallet = f"/v1/wallets/{town.ids['lin']}/positions"
    answers = [till.get(path) for path in ("/v1/merchants/grocer", "/v1/nothing", wallet, "/v1/openapi.json")]
    answers += [staff_of("auditor").get("/v1/exports/orders.ndjson"), Caller().get("/v1/audit")]
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


ANN = {"ref": "ann", "city": "Hangzhou", "enrolled_at": "2026-01-05T09:00:00+08:00"}


@pytest.mark.parametrize(
    ("changes", "field", "sentence", "chinese"),
    [
        ({"city": None}, "city", "city must be a text.", "city 必须是文本。"),
        ({"ref": ""}, "ref", "ref has 1 characters at least.", None),
        ({"ref": "x" * 65}, "ref", "ref has 64 characters at most.", None),
        ({"ref": "\0"}, "ref", "ref is not of the form that is read here.", None),
        ({"colour": "red"}, "colour", "colour is not known here; remove it.", None),
        ({"enrolled_at": 253402300799999}, "enrolled_at", "enrolled_at must be an instant written as RFC 3339", None),
        ({"enrolled_at": "20000000000000"}, "enrolled_at", "enrolled_at must be an instant written as", None),
        ({"enrolled_at": "9999-12-31T23:59:59+08:00"}, "enrolled_at", "enrolled_at must be an instant", None),
    ],
)
def test_a_body_at_fault_is_told_in_our_own_sentences(
    town: Town, till: Caller, changes: dict[str, Any], field: str, sentence: str, chinese: str | None
) -> None:
    answer = till.post("/v1/members", ANN | changes)
    assert said(answer) == (422, "body.invalid", field)
    assert answer.json["detail"].startswith(sentence)


def test_what_is_missing_and_what_is_no_number_is_told_on_both_lanes(town: Town, till: Caller) -> None:
    sale = order(town)
    for ahead in (True, False):
        till.ahead = ahead
        for changed, field, sentence in (
            ({name: sale[name] for name in sale if name != "member"}, "member", "member is missing; add it."),
            (sale | {"cash_fen": "1"}, "cash_fen", "cash_fen must be a whole number, written without quotes"),
            (sale | {"cash_fen": -1}, "cash_fen", "cash_fen must be at least 0."),
            (sale | {"paid_at": 1}, "paid_at", "paid_at must be an instant written as RFC 3339 does"),
            (sale | {"colour": 1}, "colour", "colour is not known here; remove it."),
        ):
            answer = till.post("/v1/orders", changed)
            assert said(answer) == (422, "body.invalid", field)
            assert answer.json["detail"].startswith(sentence)
    assert till.post("/v1/orders/confirm", {"orders": "A-1"}).json["detail"] == (
        "orders must be a list, written in brackets."
    )


def test_no_refusal_of_a_body_passes_a_library_s_english_on(town: Town, till: Caller) -> None:
    till.headers["accept-language"] = "zh"
    bodies: tuple[Any, ...] = ({"cash_fen": 1}, [], {"merchant": 1}, b"{", b"\xff")
    for body in bodies:
        for path in ("/v1/orders", "/v1/members", "/v1/refunds"):
            answer = till.post(path, body)
            if answer.status in {400, 422}:
                detail = answer.json["detail"]
                assert not any(word in detail for word in ("Input", "Expected", "Object", "JSON is", "Field")), detail


def test_rules_hold_no_text_that_a_database_can_t(town: Town, clock: Callable[[datetime], None]) -> None:
    finance = staff_of("finance")
    clock(town.at)
    told = {"effective_at": (town.at + timedelta(days=9)).isoformat(), "reason": "x"}
    answer = finance.post("/v1/rules", told | {"document": plain_rules() | {"name": "a\0b"}})
    assert said(answer) == (422, "body.invalid", "document")
    far = told | {"effective_at": "9999-12-31T23:00:00+08:00", "document": plain_rules()}
    assert said(finance.post("/v1/rules", far)) == (422, "body.invalid", "effective_at")
    content = {"document": plain_rules(), "effective_at": "9999-12-31T23:00:00+08:00"}
    asked = {"kind": "rules.publish", "content": content, "reason": "x"}
    assert said(finance.post("/v1/proposals", asked))[::2] == (422, "effective_at")


def test_no_rule_and_no_rate_begins_in_a_year_that_no_page_could_show(town: Town) -> None:
    far = datetime(9999, 12, 31, 23, tzinfo=UTC)
    for act in (
        lambda: publish_rules(document=plain_rules(), effective_at=far, by="console", at=town.at),
        lambda: set_rate(merchant="grocer", rate_ppm=100_000, valid_from_at=far, at=town.at),
    ):
        with pytest.raises(Refusal) as refused:
            act()
        assert refused.value.code == "time.year"
    with pytest.raises(Refusal) as unread:
        instant(far.isoformat(), "--from")
    assert unread.value.code == "time.unreadable"


# --- lists


def test_webhooks_are_listed_page_by_page_ended_ones_too(town: Town, till: Caller) -> None:
    hook: dict[str, Any] = {"client": "tills of grocer", "kinds": ("order.taken",), "by": "console", "at": NOW}
    made = [str(write_endpoint(url=f"https://example.com/{number}", **hook).id) for number in range(3)]
    assert till.post(f"/v1/webhooks/{made[0]}/end").status == 200
    first = till.get("/v1/webhooks?limit=2").json
    last = till.get(f"/v1/webhooks?limit=2&cursor={first['next_cursor']}").json
    assert [each["id"] for each in first["items"] + last["items"]] == made[::-1]
    assert last["next_cursor"] is None
    # Whoever looks after all of them sees those that live.
    assert [each["id"] for each in staff_of("auditor").get("/v1/webhooks").json["items"]] == made[:0:-1]


# --- refs


@pytest.mark.parametrize("ref", ["a/b", "/", ".", ".."])
def test_a_ref_that_no_address_can_name_is_refused(town: Town, till: Caller, ref: str) -> None:
    assert said(till.post("/v1/members", ANN | {"ref": ref})) == (422, "member.ref", "ref")
    assert said(till.post("/v1/merchants/grocer/shops", {"ref": ref})) == (422, "shop.ref", "ref")
    member, merchant = MemberForm(ref, "Hangzhou", NOW), MerchantForm(ref, "Hangzhou", NOW, 100_000)
    for code, act in (
        ("member.ref", lambda: enrol_members(forms=[member], at=NOW)),
        ("merchant.ref", lambda: enrol_merchants(forms=[merchant], at=NOW)),
        ("shop.ref", lambda: add_shop(merchant="grocer", ref=ref, at=NOW)),
        ("grant.ref", lambda: propose_grant(ref=ref, amount_fen=100, rebate_fen=10, by="console", at=NOW)),
    ):
        with pytest.raises(Refusal) as refused:
            act()
        assert refused.value.code == code


@pytest.mark.parametrize("ref", ["A-1_2.3:4", "a b", "a+b", "100%", "杭州", "a#b", "a%2Bb", "~!$&'()*,;=@"])
def test_any_other_ref_is_found_under_its_address_signed_or_not(town: Town, till: Caller, ref: str) -> None:
    assert till.post("/v1/members", ANN | {"ref": ref}).status == 201
    for signs in (False, True):
        assert by_client(till.token, signs=signs).read_member(ref)["ref"] == ref
