"""The portal: what regulators supervise by, who was looked at noted, people masked, exports that prove themselves."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from greenloop.config import clock as worker
from greenloop.services.loop.hold import hold_account
from greenloop.services.people.complaints import answer_complaint, file_complaint
from greenloop.services.people.forget import forget
from greenloop.services.trust.log.keeping import sign_log
from greenloop.services.trust.log.sealing import seal_journals
from greenloop.store import sql
from greenloop.store.queries import complaints, concentration, portal, trust
from greenloop.store.queries.clockwork import Slot
from greenloop.store.queries.concentration import Concentration
from greenloop.web import clock
from tests.support.ledger import execute, fetch
from tests.support.signing import MEI, page
from tests.support.town import Town
from tests.support.visiting import counted, said, seated
from tests.web.staff import QUERIES_MAX, at_work, by_phone, person

PAGES = (
    *("/portal/", "/portal/rules/", "/portal/held/", "/portal/concentration/", "/portal/views/", "/portal/exports/"),
    *("/complaints/all/", "/portal/reveal/"),
)
FAST = {"category": "order", "text": "The shop took the money twice."}


@pytest.fixture
def busy(town: Town) -> Town:
    """Give the town with two settled cycles, a draw, a hold and a signed log; Bo was brought by Mei."""
    town.sell("mei", "grocer", 100_000)
    town.sell("bo", "grocer", 60_000)
    town.close_all([1, 2])
    town.draw("mei")
    hold_account(account_id=town.ids["bo"], reason="looks odd", by="console", at=town.at)
    seal_journals(at=town.at)
    sign_log(at=town.at)
    return town


@pytest.mark.parametrize("who", ["regulator", "auditor"])
def test_every_page_is_for_auditors_and_regulators(busy: Town, who: str) -> None:
    client = at_work(who)
    for path in PAGES:
        assert client.get(path).status_code == 200, path
    assert client.get("/home/")["Location"] == "/portal/"


def test_operators_see_what_they_see_and_nobody_else_does(busy: Town) -> None:
    clients = {role: at_work(role) for role in ("operator", "finance", "risk", "marketing")}
    for path in PAGES:
        found = {role: client.get(path).status_code for role, client in clients.items()}
        first = 403 if path == "/portal/reveal/" else 200
        assert found == {"operator": first, "finance": 403, "risk": 403, "marketing": 403}, path
        assert by_phone(busy.ids["mei"]).get(path).status_code == 403
        assert Client().get(path)["Location"].startswith("/sign-in/")


def test_no_page_asks_the_database_often(busy: Town) -> None:
    client = at_work("operator")
    number = file_complaint(account_id=busy.ids["mei"], **FAST, order_id=None, at=busy.at)
    for path in (*PAGES[:-1], f"/complaints/{number}/"):
        with counted() as queries:
            assert client.get(path).status_code == 200
        assert len(queries) <= QUERIES_MAX, (path, len(queries))


# --- money


def test_coverage_is_free_accrued_and_vouchers_by_what_is_owed(busy: Town) -> None:
    found = {each.name: each for each in portal.pools()}
    green = found["green"]
    balances = dict(fetch("SELECT name, credits_fen - debits_fen FROM ledger_account WHERE book = 'trust'"))
    assert green.free_fen == balances["trust:pool:green"] > 0
    assert green.accrued_fen == balances["trust:accrued:green"]
    assert green.voucher_fen == balances["trust:voucher:green"] > 0
    owed = green.accrued_fen + green.voucher_fen
    assert green.coverage_ppm == (green.free_fen + owed) * 1_000_000 // owed
    text = said(at_work("regulator"), "/portal/")
    assert "equal to all that is owed" in text
    assert "Inflow and issue of all pools by cycle" in text
    cycles = portal.cycles(limit=9)
    assert [each.cycle for each in cycles] == [1, 2]
    assert cycles[0].inflow_fen == sum(fen for (fen,) in fetch("SELECT inflow_fen FROM settled_cycle WHERE cycle = 1"))


# --- concentration and depth


def measured_now() -> Concentration:
    found = concentration.newest(clock.now())
    assert found is not None
    return found


def test_a_large_alliance_is_measured_by_the_clock_and_by_no_page(busy: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    small = measured_now()
    monkeypatch.setattr(concentration, "SMALL", 1)
    assert "Nothing is measured yet" in said(at_work("regulator"), "/portal/concentration/")
    night = busy.calendar.midnight_at(busy.calendar.local_date(busy.at)) + timedelta(days=1, hours=3)
    slot = Slot("measure", night.date().isoformat(), night)
    monkeypatch.setattr(worker, "now", lambda: night)
    assert worker._done(slot, "w") == 1
    found = measured_now()
    assert found.at == night
    assert (found.measures, found.reach) == (small.measures, small.reach)
    monkeypatch.setattr(concentration, "measured", lambda _: pytest.fail("a page has measured"))
    assert "Shares of the few" in said(at_work("regulator"), "/portal/concentration/")


def test_shares_and_gini_are_what_a_clerk_finds(busy: Town) -> None:
    found = measured_now()
    bought = next(each for each in found.measures if each.what == "bought")
    # Mei conceded 10 000 fen, Bo 6 000: shares 62.5 % and 37.5 %; Gini 2 × (1 × 6 + 2 × 10) / (2 × 16) − 3/2 = 0.125.
    assert (bought.holders, bought.total, bought.first_ppm, bought.percent_ppm) == (2, 16_000, 625_000, 625_000)
    assert bought.ten_ppm == 1_000_000
    assert bought.gini_ppm == 125_000
    assert bought.hhi == round((0.625**2 + 0.375**2) * 10_000)
    sold = next(each for each in found.measures if each.what == "sold")
    assert (sold.holders, sold.gini_ppm, sold.hhi) == (1, 0, 10_000)


def referred(town: Town) -> Town:
    """Let Mei bring Ann, who brings Kit, who buys."""
    town.member("child", referrer="mei")
    town.member("grandchild", referrer="child")
    town.sell("grandchild", "grocer", 100_000)
    town.close(1)
    return town


@pytest.mark.books_broken_on_purpose
def test_referral_depth_is_measured_from_rows(town: Town) -> None:
    referred(town)
    reach = measured_now().reach
    assert (reach.by_depth, reach.beyond, reach.unearned, reach.deepest) == ((1, 0, 0, 0), 0, 0, 1)
    assert reach.red_ppm > 0
    # Had the reward gone one step further, the measure would say so: it is no constant.
    execute(f"UPDATE orders SET referrer_id = {town.ids['mei']} WHERE member_id = {town.ids['grandchild']}")
    wrong = measured_now().reach
    assert (wrong.by_depth, wrong.deepest) == ((0, 1, 0, 0), 5)
    assert wrong.unearned == 1
    assert "beyond 4" in said(at_work("regulator"), "/portal/concentration/")


# --- masks, looks, reveals


def test_people_are_numbers_wherever_a_regulator_looks(busy: Town) -> None:
    client, mei = at_work("regulator"), busy.ids["mei"]
    assert said(client, f"/holders/{mei}/").count(str(mei)) > 0
    order = "/orders/grocer/1/"
    for path in (f"/holders/{mei}/", f"/holders/{mei}/orders/", order, "/search/?q=" + str(mei), "/portal/held/"):
        html = client.get(path).content.decode()
        assert not re.search(r"\b(mei|bo)\b", html), path
        assert MEI[-8:] not in html, path
    assert client.get("/holders/mei/").status_code == 404
    assert "/holders/" not in client.get("/search/?q=mei").content.decode()
    assert client.post("/search/", {"q": MEI}).status_code == 403
    operator = at_work("operator")
    assert re.search(r"\bmei\b", operator.get(order).content.decode())


def test_the_api_masks_people_as_well(busy: Town) -> None:
    told = at_work("regulator").get("/v1/members").json()["items"]
    assert {each["ref"] for each in told} == {each["account_id"] for each in told}
    assert at_work("regulator").get("/v1/members/mei").status_code == 404


def test_each_look_is_noted_before_it_is_shown_and_tells_nothing_of_anybody(busy: Town) -> None:
    client = at_work("regulator")
    for path in ("/portal/", "/holders/mei/", "/search/?q=13800138000", "/orders/grocer/1/", "/v1/members/mei"):
        client.get(path)
    client.get("/sign-in/")
    found = portal.looks(account_id=person("regulator"), limit=9)
    assert [(each.page, each.about) for each in reversed(found)] == [
        ("portal", ""),
        ("holder_wallet", "ref=…"),
        ("search", "q=…"),
        ("order", "merchant=grocer order_no=1"),
        ("read_member", "ref=…"),
    ]
    text = said(at_work("operator"), "/portal/views/")
    assert "holder_wallet" in text
    assert "Regulator" in text


def test_a_phone_that_is_typed_into_an_address_is_not_kept(busy: Town) -> None:
    client, mei = at_work("regulator"), busy.ids["mei"]
    typed = ("/holders/13800138000/", "/v1/members/13800138000", "/portal/views/?of=13800138000&day=2026-01-05")
    for path in (*typed, f"/holders/{mei}/"):
        client.get(path)
    found = portal.looks(account_id=person("regulator"), limit=9)
    assert [each.about for each in reversed(found)] == ["ref=…", "ref=…", "of=… day=2026-01-05", f"ref={mei}"]


def test_what_cannot_be_noted_is_not_shown(busy: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    client = at_work("regulator")

    def fails(**_: Any) -> int:
        raise OSError("the disk is full")

    monkeypatch.setattr("greenloop.web.looking.note_look", fails)
    with pytest.raises(OSError, match="disk"):
        client.get("/portal/")


ASK = {"kind": "account", "case": "沪市监〔2026〕12号", "reason": "a complaint about a refund"}


def test_a_person_is_revealed_for_a_case_once_and_the_audit_log_has_it(busy: Town) -> None:
    client, mei = at_work("regulator"), busy.ids["mei"]
    text = page(client.post("/portal/reveal/", {**ASK, "number": str(mei)}))
    assert MEI in text
    assert "mei" in text
    (entry,) = trust.audit(about=f"account/{mei}", limit=1)
    assert (entry.act, entry.actor) == ("portal.reveal", f"account/{person('regulator')}")
    assert json.loads(entry.detail) == {"case": ASK["case"], "reason": ASK["reason"]}
    assert MEI not in page(client.get("/portal/reveal/"))
    shown = said(at_work("operator"), "/portal/views/")
    assert ASK["case"] in shown
    assert MEI not in shown


def test_without_a_case_or_a_reason_nobody_is_revealed(busy: Town) -> None:
    client, mei = at_work("auditor"), busy.ids["mei"]
    for lacking in ({"case": ""}, {"reason": ""}, {"case": "x"}, {"reason": "why"}, {"kind": "phone"}, {"number": "0"}):
        answer = client.post("/portal/reveal/", {**ASK, "number": str(mei), **lacking})
        assert answer.status_code == 422, lacking
        assert MEI not in answer.content.decode()
    assert client.post("/portal/reveal/", {**ASK, "number": "17"}).status_code == 422
    assert fetch("SELECT COUNT(*) FROM audit_entry WHERE act = 'portal.reveal'") == [(0,)]
    assert at_work("operator").post("/portal/reveal/", {**ASK, "number": str(mei)}).status_code == 403


def test_reveals_are_found_without_going_through_the_audit_log(busy: Town) -> None:
    if sql.is_postgresql():
        pytest.skip("its plan of a small table says nothing about a large one")
    plan = " ".join(str(row[-1]) for row in fetch(f"EXPLAIN QUERY PLAN {portal._REVEALS.replace('%s', '20')}"))
    assert "audit_entry USING INDEX audit_entry_of_actor" in plan
    assert "SCAN audit_entry" not in plan


def test_nobody_has_more_than_twenty_people_revealed_in_a_day(busy: Town) -> None:
    client, mei = at_work("regulator"), busy.ids["mei"]
    codes = [client.post("/portal/reveal/", {**ASK, "number": str(mei)}).status_code for _ in range(21)]
    assert codes == [200] * 20 + [422]


# --- complaints


def test_a_member_complains_an_operator_answers_and_a_regulator_sees_no_words(busy: Town) -> None:
    member, operator, regulator = by_phone(busy.ids["mei"]), at_work("operator"), at_work("regulator")
    path = member.post("/complaints/", {**FAST, "order": ""})["Location"]
    number = int(path.strip("/").rpartition("/")[2])
    assert FAST["text"] in said(member, path)
    assert FAST["text"] in said(operator, path)
    seen = said(regulator, path)
    assert FAST["text"] not in seen
    assert "The words are masked" in seen
    operator.post(f"{path}answer/", {"text": "We gave it back.", "close": "yes"})
    assert "We gave it back." in said(member, path)
    (entry,) = trust.audit(about=f"complaint/{number}", limit=1)
    assert entry.act == "complaint.close"
    assert "gave" not in entry.detail
    told = page(regulator.post("/portal/reveal/", {**ASK, "kind": "complaint", "number": str(number)}))
    assert FAST["text"] in told
    for other in (by_phone(busy.ids["bo"]), seated("grocer"), at_work("finance"), at_work("risk")):
        assert other.get(path).status_code == 404
    assert operator.post(f"{path}answer/", {"text": "More."}).status_code == 302
    assert fetch("SELECT COUNT(*) FROM complaint_answer") == [(1,)]


def test_words_are_sealed_and_erasure_destroys_them(busy: Town) -> None:
    mei = busy.ids["mei"]
    number = file_complaint(account_id=mei, **FAST, order_id=None, at=busy.at)
    answer_complaint(complaint_id=number, text="We look into it.", close=False, by="console", at=busy.at)
    stored = str(fetch("SELECT * FROM complaint")) + str(fetch("SELECT * FROM complaint_answer"))
    assert "twice" not in stored
    assert "look into" not in stored
    assert complaints.words(number).text == FAST["text"]
    forget(account_id=mei, at=busy.at)
    gone = complaints.words(number)
    assert (gone.text, [each.text for each in gone.answers]) == (None, [None])


def test_what_can_t_be_filed_is_refused(busy: Town) -> None:
    member = by_phone(busy.ids["bo"])
    theirs = fetch(f"SELECT id FROM orders WHERE member_id = {busy.ids['mei']}")[0][0]
    for wrong in ({"text": " "}, {"category": "x"}, {"order": str(theirs)}, {"text": "a" * 2_001}, {"order": "1x"}):
        assert member.post("/complaints/", {**FAST, "order": "", **wrong}).status_code == 422, wrong
    assert fetch("SELECT COUNT(*) FROM complaint") == [(0,)]
    mine = fetch(f"SELECT id FROM orders WHERE member_id = {busy.ids['bo']}")[0][0]
    said_so = [{**FAST, "order": str(mine), "text": f"Number {number}."} for number in range(6)]
    codes = [member.post("/complaints/", each).status_code for each in said_so]
    assert codes == [302] * 5 + [422]
    assert seated("grocer").post("/complaints/", {**FAST, "order": str(theirs)}).status_code == 302


def test_a_form_sent_twice_leads_to_one_complaint(busy: Town) -> None:
    member = by_phone(busy.ids["mei"])
    first, second = (member.post("/complaints/", {**FAST, "order": ""}) for _ in range(2))
    assert (second.status_code, second["Location"]) == (302, first["Location"])
    assert fetch("SELECT COUNT(*) FROM complaint") == [(1,)]


def test_a_complaint_that_waits_longer_than_15_days_is_late(busy: Town) -> None:
    number = file_complaint(account_id=busy.ids["mei"], **FAST, order_id=None, at=busy.at)
    in_time, over = busy.at + timedelta(days=15), busy.at + timedelta(days=15, seconds=1)
    assert [complaints.standing(at=at)["order"].late for at in (in_time, over)] == [0, 1]
    answer_complaint(complaint_id=number, text="At last.", close=False, by="console", at=over)
    found = complaints.standing(at=over)["order"]
    assert (found.open, found.answered, found.late) == (0, 1, 1)
    assert complaints.complaint(number, at=over).late
