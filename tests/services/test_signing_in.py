"""Who people are: sealed phones and names, seats, staff, and forgetting somebody."""

import base64
import json
from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore

from greenloop.core.faults import Refusal
from greenloop.core.people.roles import ROLES
from greenloop.services.people.enrol import MerchantForm, enrol_merchants
from greenloop.services.people.forget import forget
from greenloop.services.people.sign_in import PhoneForm, end_seat, give_phones, seat, verify_phone
from greenloop.services.people.staff import appoint_staff, dismiss_staff, draw_password, set_up_second_factor
from greenloop.store import sealed
from greenloop.store.models import Account
from greenloop.store.queries import people
from greenloop.store.queries.people import Visitor
from tests.support.databases import Database
from tests.support.ledger import execute, fetch, whole_database
from tests.support.town import OPENING_AT, Town, found_town

MEI, LIN = "+8613800138000", "+8613900139000"
SECRET = "JBSWY3DPEHPK3PXP"
NOW = datetime(2026, 2, 1, tzinfo=UTC)


@pytest.fixture
def town(database: Database) -> Town:
    del database
    return found_town()


def give(town: Town, **phones: str) -> None:
    give_phones(forms=[PhoneForm(town.ids[ref], phone) for ref, phone in phones.items()], at=NOW)


def appoint(name: str, *roles: str, password: str | None = None) -> int:
    return appoint_staff(name=name, roles=roles, at=NOW, password=password)


# --- phones


def test_a_member_is_found_by_her_phone_however_it_was_written(town: Town) -> None:
    give(town, mei="138 0013 8000", lin="1３９-0013-9000")
    assert people.account_by("phone", MEI) == town.ids["mei"]
    assert people.identifier(town.ids["mei"], "phone") == MEI
    assert people.identifier(town.ids["lin"], "phone") == LIN
    assert people.account_by("phone", "+8613700137000") is None
    assert people.identifier(town.ids["bo"], "phone") is None


def test_the_database_alone_tells_no_phone_and_no_name(town: Town) -> None:
    give(town, mei=MEI)
    appoint("Lin Wei", "operator", password=draw_password())
    seat(merchant="grocer", phone=LIN, relation="owner", at=NOW)
    rows = "\n".join(line for lines in whole_database().values() for line in lines)
    for told in (MEI, MEI[3:], LIN[3:], "Lin Wei", "lin wei"):
        assert told not in rows
        assert told.encode().hex() not in rows
        assert base64.b64encode(told.encode()).decode().rstrip("=") not in rows


def test_one_phone_signs_in_one_person_and_a_refusal_does_not_say_whom(town: Town) -> None:
    give(town, mei=MEI)
    before = whole_database()
    with pytest.raises(Refusal) as refused:
        give(town, bo="13700137000", lin=MEI)
    assert (refused.value.code, refused.value.field) == ("phone.taken", "phone")
    assert "mei" not in str(refused.value)
    assert MEI[3:] not in str(refused.value)
    assert str(town.ids["mei"]) not in str(refused.value)
    with pytest.raises(Refusal, match="somebody else"):
        give(town, lin=LIN, bo=LIN)
    assert whole_database() == before, "a call stands or falls whole"


def test_the_same_phone_again_changes_nothing_and_a_new_one_has_to_be_proved_and_ends_old_sessions(town: Town) -> None:
    give(town, mei=MEI)
    mei = town.ids["mei"]
    verify_phone(account_id=mei, at=NOW)
    begun_by = Account.objects.get(id=mei).get_session_auth_hash()
    before = whole_database()
    give(town, mei=MEI)
    assert whole_database() == before
    give(town, mei=LIN)
    assert people.account_by("phone", MEI) is None
    assert people.account_by("phone", LIN) == mei
    assert not people.verified(mei)
    assert Account.objects.get(id=mei).get_session_auth_hash() != begun_by


def test_a_first_proof_of_a_phone_is_kept(town: Town) -> None:
    give(town, mei=MEI)
    verify_phone(account_id=town.ids["mei"], at=NOW)
    verify_phone(account_id=town.ids["mei"], at=NOW.replace(year=2027))
    assert fetch("SELECT COUNT(*) FROM identifier WHERE verified_at < '2026-12-31'") == [(1,)]


def test_only_people_have_phones(town: Town) -> None:
    staff = appoint("Lin", "operator", password=draw_password())
    for number, code in ((town.ids["grocer"], "phone.merchant"), (staff, "phone.staff"), (17, "account.unknown")):
        with pytest.raises(Refusal) as refused:
            give_phones(forms=[PhoneForm(number, MEI)], at=NOW)
        assert refused.value.code == code
    dismiss_staff(name="Lin", at=NOW)
    with pytest.raises(Refusal, match="never by phone"):
        give_phones(forms=[PhoneForm(staff, MEI)], at=NOW)


def test_nothing_is_sealed_with_a_key_that_nobody_keeps(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "GREENLOOP_IDENTITY_KEY_KEPT", False)
    before = whole_database()
    for verb in (
        lambda: give(town, mei=MEI),
        lambda: appoint("Lin", "operator", password="x" * 20),
        lambda: seat(merchant="grocer", phone=MEI, relation="owner", at=NOW),
    ):
        with pytest.raises(Refusal, match="greenloop migrate") as refused:
            verb()
        assert refused.value.field == "GREENLOOP_IDENTITY_KEY"
    assert whole_database() == before


def test_with_another_key_nobody_is_found_and_nothing_is_read(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    give(town, mei=MEI)
    monkeypatch.setattr(settings, "GREENLOOP_IDENTITY_KEY", "another key, of the same length as any other")
    assert people.account_by("phone", MEI) is None
    with pytest.raises(Refusal, match="another key"):
        people.identifier(town.ids["mei"], "phone")


def test_a_phone_moved_to_another_person_in_the_database_cannot_be_read(town: Town) -> None:
    give(town, mei=MEI, lin=LIN)
    execute(
        "UPDATE identifier SET sealed = (SELECT sealed FROM identifier WHERE account_id = %s) WHERE account_id = %s",
        *(town.ids["mei"], town.ids["lin"]),
    )
    with pytest.raises(Refusal, match="another key"):
        people.identifier(town.ids["lin"], "phone")


# --- seats


def test_a_person_is_seated_at_a_merchant_by_phone_and_again_as_something_else(town: Town) -> None:
    owner = seat(merchant="grocer", phone="139 0013 9000", relation="owner", at=NOW)
    assert people.visitor(owner) == Visitor(owner, frozenset(), None, (("grocer", "owner"),), False)
    assert seat(merchant="grocer", phone=LIN, relation="owner", at=NOW) == owner
    assert seat(merchant="baker", phone=LIN, relation="clerk", at=NOW) == owner
    assert seat(merchant="grocer", phone=LIN, relation="clerk", at=NOW) == owner
    assert people.visitor(owner).merchants == (("baker", "clerk"), ("grocer", "clerk"))


def test_a_member_who_is_seated_stays_the_member_and_cannot_spend_there(town: Town) -> None:
    give(town, mei=MEI)
    assert seat(merchant="grocer", phone=MEI, relation="clerk", at=NOW) == town.ids["mei"]
    assert people.visitor(town.ids["mei"]).member_ref == "mei"
    town.sell("mei", "baker", 100_000)
    town.close_all(range(1, 3))
    with pytest.raises(Refusal) as refused:
        town.sell("mei", "grocer", 0, voucher_fen=1)
    assert refused.value.code == "spend.own_shop"


def test_a_merchant_can_be_enrolled_again_after_its_owner_was_seated(town: Town) -> None:
    baker = MerchantForm("florist", "Hangzhou", OPENING_AT, 100_000, linked=("bo",))
    ids = enrol_merchants(forms=[baker], at=NOW)
    give(town, bo=MEI)
    seat(merchant="florist", phone=LIN, relation="owner", at=NOW)
    assert enrol_merchants(forms=[baker], at=NOW) == ids
    seat(merchant="florist", phone=MEI, relation="owner", at=NOW)
    assert enrol_merchants(forms=[baker], at=NOW) == ids
    with pytest.raises(Refusal, match="other facts"):
        enrol_merchants(forms=[MerchantForm("florist", "Hangzhou", OPENING_AT, 100_000, linked=("lin",))], at=NOW)


def test_a_seat_that_ends_takes_the_merchants_pages_and_nothing_else(town: Town) -> None:
    give(town, mei=MEI)
    seat(merchant="grocer", phone=MEI, relation="clerk", at=NOW)
    assert end_seat(merchant="grocer", phone="138 0013 8000", at=NOW) == town.ids["mei"]
    assert people.visitor(town.ids["mei"]).merchants == ()
    assert people.visitor(town.ids["mei"]).member_ref == "mei"
    for merchant, phone in (("grocer", MEI), ("nobody", MEI), ("grocer", LIN)):
        with pytest.raises(Refusal, match="has a seat"):
            end_seat(merchant=merchant, phone=phone, at=NOW)


def test_who_is_only_linked_has_no_seat_to_end(town: Town) -> None:
    town.merchant("tailor", linked=("bo",))
    give(town, bo=LIN)
    with pytest.raises(Refusal, match="has a seat"):
        end_seat(merchant="tailor", phone=LIN, at=NOW)


def test_a_seat_needs_a_merchant_a_phone_and_a_relation(town: Town) -> None:
    del town
    for merchant, phone, relation, field in (
        ("nobody", MEI, "owner", "merchant"),
        ("grocer", "12", "owner", "phone"),
        ("grocer", MEI, "linked", "relation"),
    ):
        with pytest.raises(Refusal) as refused:
            seat(merchant=merchant, phone=phone, relation=relation, at=NOW)
        assert refused.value.field == field
    assert fetch("SELECT COUNT(*) FROM identifier") == [(0,)]


# --- staff


def test_staff_are_appointed_by_name_and_more_roles_are_added(town: Town) -> None:
    del town
    lin = appoint("Lin Wei", "operator", password=draw_password())
    assert appoint(" LIN  wei", "finance") == lin
    assert appoint("Lin Wei", "finance") == lin
    assert people.visitor(lin) == Visitor(lin, frozenset({"operator", "finance"}), None, (), False)
    assert [(row.name, row.roles) for row in people.staff()] == [("Lin Wei", ("finance", "operator"))]
    assert people.names([lin, 17]) == {lin: "Lin Wei"}


def test_who_only_reads_has_no_other_role_and_every_role_is_known(town: Town) -> None:
    del town
    appoint("An", "auditor", password=draw_password())
    for name, roles, code in (
        ("An", ("operator",), "staff.auditor"),
        ("Bo", ("operator", "auditor"), "staff.auditor"),
        ("Bo", ("regulator", "finance"), "staff.auditor"),
        ("Bo", ("regulator", "auditor"), "staff.auditor"),
        ("Bo", ("owner",), "staff.role"),
        ("Bo", (), "staff.role"),
        ("Bo", ("operator",), "staff.password"),
    ):
        with pytest.raises(Refusal) as refused:
            appoint(name, *roles)
        assert refused.value.code == code
    assert [row.name for row in people.staff()] == ["An"]


def test_a_new_first_password_ends_the_old_one_and_the_second_factor(town: Town) -> None:
    del town
    lin = appoint("Lin", "operator", password="first password")
    factor = set_up_second_factor(account_id=lin, secret=SECRET, at=NOW)
    assert (factor.secret, len(factor.recovery_codes)) == (SECRET, 10)
    assert people.visitor(lin).has_second_factor
    appoint("Lin", "finance")
    assert Account.objects.get(id=lin).check_password("first password")
    assert people.visitor(lin).has_second_factor
    appoint("Lin", "operator", password="second password")
    assert Account.objects.get(id=lin).check_password("second password")
    assert not people.visitor(lin).has_second_factor


def test_secrets_of_second_factors_are_sealed(town: Town) -> None:
    del town
    lin = appoint("Lin", "operator", password=draw_password())
    set_up_second_factor(account_id=lin, secret=SECRET, at=NOW)
    rows = whole_database()["mfa_authenticator"]
    assert len(rows) == 2
    assert SECRET not in "".join(rows)


def test_who_is_dismissed_keeps_the_name_beside_what_they_decided_and_nothing_else(town: Town) -> None:
    del town
    lin = appoint("Lin", "operator", password="a first password")
    set_up_second_factor(account_id=lin, secret=SECRET, at=NOW)
    assert dismiss_staff(name="lin", at=NOW) == lin
    assert people.visitor(lin) == Visitor(lin, frozenset(), None, (), False)
    assert not Account.objects.get(id=lin).has_usable_password()
    assert people.names([lin]) == {lin: "Lin"}
    with pytest.raises(Refusal, match="Nobody"):
        dismiss_staff(name="nobody", at=NOW)
    assert appoint("Lin", "finance", password=draw_password()) == lin


def test_drawn_passwords_differ_and_hold_no_letters_that_look_alike() -> None:
    drawn = {draw_password() for _ in range(200)}
    assert len(drawn) == 200
    assert all(len(each) == 23 and not set("01lio") & set(each) for each in drawn)


# --- what a visitor is


def test_what_a_visitor_may_see_is_asked_in_one_statement(town: Town) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    give(town, mei=MEI)
    seat(merchant="baker", phone=MEI, relation="owner", at=NOW)
    with CaptureQueriesContext(connection) as asked:
        found = people.visitor(town.ids["mei"])
    assert len(asked) == 1
    assert found == Visitor(town.ids["mei"], frozenset(), "mei", (("baker", "owner"),), False)
    assert people.visitor(17) == Visitor(17, frozenset(), None, (), False)


def test_who_is_only_linked_to_a_merchant_does_not_act_for_it(town: Town) -> None:
    town.merchant("florist", linked=("bo",))
    assert people.visitor(town.ids["bo"]).merchants == ()


def test_every_role_that_a_verb_gives_is_one_that_the_database_takes(town: Town) -> None:
    del town
    for role in ROLES:
        assert people.visitor(appoint(role, role, password=draw_password())).staff == {role}


# --- forgetting


def test_who_is_forgotten_can_not_be_read_or_found_and_the_books_stay_whole(town: Town) -> None:
    give(town, mei=MEI, lin=LIN)
    town.sell("mei", "baker", 100_000)
    town.close(1)
    mei = town.ids["mei"]
    kept = {table: rows for table, rows in whole_database().items() if table not in IDENTITY}
    key = fetch("SELECT sealed_key FROM person_key WHERE account_id = %s", mei)[0][0]
    text = fetch("SELECT sealed FROM identifier WHERE account_id = %s", mei)[0][0]
    assert sealed.unseal(text, sealed.unwrap(key, mei), f"phone/{mei}") == MEI
    assert forget(account_id=mei, at=NOW)
    assert people.account_by("phone", MEI) is None
    assert people.identifier(mei, "phone") is None
    rows = "".join(line for lines in whole_database().values() for line in lines)
    assert key not in rows
    assert text not in rows
    assert {table: rows for table, rows in whole_database().items() if table not in IDENTITY} == kept
    assert people.identifier(town.ids["lin"], "phone") == LIN
    assert not forget(account_id=mei, at=NOW)
    give(town, bo=MEI)
    assert people.account_by("phone", MEI) == town.ids["bo"]


IDENTITY = {"account", "identifier", "person_key", "django_session", "sqlite_sequence", "audit_entry"}


def test_forgetting_ends_sessions_and_deletes_those_that_hold_a_number(town: Town) -> None:
    give(town, mei=MEI, lin=LIN)
    for ref in ("mei", "lin"):
        store = SessionStore()
        store["account_login"] = {"state": {"phone": [ref]}, "user": {"id": str(town.ids[ref])}}
        store.save()
    begun_by = Account.objects.get(id=town.ids["mei"]).get_session_auth_hash()
    forget(account_id=town.ids["mei"], at=NOW)
    assert Account.objects.get(id=town.ids["mei"]).get_session_auth_hash() != begun_by
    left = fetch("SELECT session_data FROM django_session")
    assert len(left) == 1
    assert SessionStore().decode(left[0][0])["account_login"]["state"]["phone"] == ["lin"]


def test_nobody_is_forgotten_twice_and_an_unknown_account_is_refused(town: Town) -> None:
    lin = appoint("Lin", "operator", password=draw_password())
    assert forget(account_id=lin, at=NOW)
    assert people.staff() == []
    with pytest.raises(Refusal, match="no account"):
        forget(account_id=17, at=NOW)
    assert not forget(account_id=town.ids["grocer"], at=NOW)


# --- sealing


def test_a_session_is_unreadable_without_the_key_and_empty_with_another(monkeypatch: pytest.MonkeyPatch) -> None:
    serializer = sealed.SealedSerializer()
    told = {"phone": MEI, "code": "123456", "list": [1, {"a": None}]}
    data = serializer.dumps(told)
    assert json.dumps(told).encode() not in data
    assert b"123456" not in data
    assert serializer.loads(data) == told
    assert serializer.dumps(told) != data, "the same session twice looks like two sessions"
    monkeypatch.setattr(settings, "GREENLOOP_IDENTITY_KEY", "another key, of the same length as any other")
    assert serializer.loads(data) == {}


def test_each_purpose_has_a_key_of_its_own() -> None:
    purposes = (sealed.PERSON, sealed.LOOKUP, sealed.SESSION, sealed.FACTOR, sealed.CACHE)
    assert len({sealed.product_key(purpose) for purpose in purposes}) == len(purposes)
    assert sealed.look_up("phone", MEI) != sealed.look_up("name", MEI)
    text = sealed.seal("told", sealed.product_key(sealed.FACTOR), "this")
    for key, about in ((sealed.product_key(sealed.FACTOR), "that"), (sealed.product_key(sealed.SESSION), "this")):
        with pytest.raises(Refusal, match="another key"):
            sealed.unseal(text, key, about)
    with pytest.raises(Refusal, match="another key"):
        sealed.unseal("no base64 at all", sealed.product_key(sealed.FACTOR), "this")
