"""The platform's people sign in by name, password and second factor."""

import re
import time
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from allauth.mfa.totp.internal import auth
from django.core.cache import cache, caches
from django.test import Client, RequestFactory
from django.utils import timezone

from greenloop.config import accounts
from greenloop.services.people.staff import appoint_staff, dismiss_staff, set_up_second_factor
from greenloop.store.queries import people, trust
from tests.support.databases import Database
from tests.support.ledger import fetch
from tests.support.signing import MEI, NOW, PASSWORD, SECRET, Sent, ask, at_work, code_of, page, signed_in, totp, wrong
from tests.support.town import Town


def test_staff_sign_in_by_name_password_and_a_code_of_their_app(operator: int) -> None:
    client = Client()
    answer = at_work(client, " lin  WEI ")
    assert (answer.status_code, answer["Location"]) == (302, "/sign-in/second-factor/")
    assert signed_in(client) is None
    assert client.get("/home/")["Location"].startswith("/sign-in/")
    answer = client.post("/sign-in/second-factor/", {"code": totp()})
    assert (answer.status_code, answer["Location"]) == (302, "/home/")
    assert signed_in(client) == operator
    assert client.get("/home/")["Location"] == "/overview/"


def test_a_code_of_the_app_works_once_for_as_long_as_it_is_taken(operator: int, later: list[int]) -> None:
    code = totp()
    for seconds, expected in ((0, operator), (0, None), (31, None), (60, None)):
        client = Client()
        later.append(seconds)
        at_work(client)
        client.post("/sign-in/second-factor/", {"code": code})
        assert signed_in(client) == expected


def test_a_code_typed_slowly_or_on_a_clock_that_is_a_little_ahead_is_taken(operator: int) -> None:
    for steps in (-1, 1):
        client = Client()
        at_work(client)
        client.post("/sign-in/second-factor/", {"code": totp(steps=steps)})
        assert signed_in(client) == operator


def test_a_code_of_another_time_or_none_is_refused(operator: int) -> None:
    del operator
    client = Client()
    at_work(client)
    for posted in ({"code": totp(steps=-2)}, {"code": totp(steps=2)}, {"code": "x"}, {"code": ""}, {}):
        assert client.post("/sign-in/second-factor/", posted).status_code == 200
    assert signed_in(client) is None


def test_a_recovery_code_works_once(operator: int) -> None:
    code = set_up_second_factor(account_id=operator, secret=SECRET, at=NOW).recovery_codes[3]
    for client, expected in ((Client(), operator), (Client(), None)):
        at_work(client)
        client.post("/sign-in/second-factor/", {"code": code})
        assert signed_in(client) == expected


def test_second_factors_cannot_be_guessed_one_after_the_other(operator: int) -> None:
    del operator
    client = Client()
    at_work(client)
    for _ in range(5):
        client.post("/sign-in/second-factor/", {"code": wrong(totp())})
    answer = client.post("/sign-in/second-factor/", {"code": totp()})
    assert "too often" in page(answer)
    assert signed_in(client) is None


def test_staff_without_a_second_factor_set_one_up_before_they_see_anything(
    database: Database, later: list[int]
) -> None:
    del database, later
    lin = appoint_staff(name="Lin Wei", roles=["operator"], at=NOW, password=PASSWORD)
    client = Client()
    assert at_work(client)["Location"] == "/home/"
    for path in ("/overview/", "/settlements/", "/search/"):
        assert client.get(path)["Location"] == "/sign-in/second-factor/set-up/"
    shown = client.get("/sign-in/second-factor/set-up/").content.decode()
    assert "<svg" in shown
    assert " style=" not in shown
    found = re.search(r'class="secret">([A-Z2-7 ]+)<', shown)
    assert found
    secret = found.group(1).replace(" ", "")
    answer = client.post("/sign-in/second-factor/set-up/", {"code": "000000"})
    assert answer.status_code == 200
    assert secret in answer.content.decode().replace(" ", ""), "a wrong code keeps the secret that the app has read"
    code = auth.format_hotp_value(auth.hotp_value(secret, int(time.time()) // 30))
    answer = client.post("/sign-in/second-factor/set-up/", {"code": code})
    assert answer["Location"] == "/my/sign-in/recovery-codes/"
    codes = re.findall(r"<code>(\d{8})</code>", client.get("/my/sign-in/recovery-codes/").content.decode())
    assert len(set(codes)) == 10
    assert people.visitor(lin).has_second_factor
    assert newest_entry() == ("factor.set_up", f"account/{lin}", f"account/{lin}")
    again = Client()
    at_work(again)
    assert again.post("/sign-in/second-factor/", {"code": code}).status_code == 200, "the code that set it up is used"
    assert signed_in(again) is None
    assert client.get("/sign-in/second-factor/set-up/")["Location"] == "/my/sign-in/"
    assert "10" in page(client.get("/my/sign-in/"))


def test_a_session_from_before_the_second_factor_shows_nothing_until_it_has_passed_it(
    town: Town, later: list[int]
) -> None:
    del town
    appoint_staff(name="Lin Wei", roles=["operator"], at=NOW, password=PASSWORD)
    early, own = Client(), Client()
    for client in (early, own):
        assert at_work(client)["Location"] == "/home/"
    own.get("/sign-in/second-factor/set-up/")
    secret = own.session["mfa.totp.secret"]

    def shown() -> str:
        return str(auth.format_hotp_value(auth.hotp_value(secret, int(time.time()) // 30)))

    own.post("/sign-in/second-factor/set-up/", {"code": shown()})
    assert own.get("/overview/").status_code == 200
    for path in (
        *("/overview/", "/settlements/", "/settlements/1/approve/", "/search/?q=mei", "/holders/mei/"),
        *("/merchants/grocer/statement/", "/merchants/grocer/statement.csv", "/orders/grocer/1/"),
        *("/my/sign-in/", "/my/sign-in/recovery-codes/", "/my/sign-in/recovery-codes/new/"),
    ):
        assert early.get(path)["Location"] == f"/sign-in/again/code/?next={quote(path)}"
        assert early.post(path).status_code in (302, 405)
    later.append(120)
    answer = early.post("/sign-in/again/code/?next=/overview/", {"code": shown()})
    assert answer["Location"] == "/overview/"
    assert early.get("/overview/").status_code == 200


def test_a_wrong_password_and_a_name_that_nobody_has_are_answered_alike(operator: int) -> None:
    del operator
    appoint_staff(name="Gone", roles=["finance"], at=NOW, password=PASSWORD)
    dismiss_staff(name="Gone", at=NOW)
    answers = {
        (answer.status_code, page(answer))
        for answer in (
            at_work(Client(), name, password)
            for name, password in (("Lin Wei", "wrong"), ("Nobody", PASSWORD), ("Gone", PASSWORD), ("\u200b", PASSWORD))
        )
    }
    assert len(answers) == 1
    assert "don&#39;t belong together" in answers.pop()[1]


def test_an_unknown_name_costs_as_many_hashes_as_a_known_one(operator: int, monkeypatch: pytest.MonkeyPatch) -> None:
    del operator
    from django.contrib.auth.hashers import Argon2PasswordHasher

    hashed: list[str] = []

    def counting(method: str) -> Any:
        kept = getattr(Argon2PasswordHasher, method)

        def run(*args: Any) -> Any:
            hashed.append(method)
            return kept(*args)

        return run

    for method in ("encode", "verify"):
        monkeypatch.setattr(Argon2PasswordHasher, method, counting(method))
    counts = []
    for name in ("Lin Wei", "Nobody", "\u200b"):
        hashed.clear()
        assert accounts.StaffBackend().authenticate(None, username=name, password="wrong") is None
        counts.append(len(hashed))
    assert counts == [1, 1, 1]


def test_five_wrong_passwords_close_a_name_for_a_quarter_of_an_hour(
    operator: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    appoint_staff(name="Bo", roles=["finance"], at=NOW, password=PASSWORD)
    assert [at_work(Client(), password="wrong").status_code for _ in range(5)] == [200, 200, 200, 200, 429]
    answer = at_work(Client(), "LIN wei")
    assert (answer.status_code, answer["Retry-After"]) == (429, "900")
    assert "15 minutes" in page(answer)
    assert at_work(Client(), "Bo").status_code == 302, "others are not closed out"
    assert Client().get("/sign-in/staff/").status_code == 200
    # What is tried meanwhile doesn't keep the name closed for longer.
    passed = timezone.now() + timedelta(minutes=16)
    monkeypatch.setattr("django.core.cache.backends.db.tz_now", lambda: passed)
    client = Client()
    assert at_work(client)["Location"] == "/sign-in/second-factor/"
    client.post("/sign-in/second-factor/", {"code": totp()})
    assert signed_in(client) == operator


def test_a_name_is_counted_as_one_however_it_is_written(operator: int) -> None:
    del operator
    written = ("Ｌin Wei", "L𝐢n Wei", "lin\u3000wei", "LIN WEI", "Lin Ｗei", "𝓛in Wei")
    assert all(accounts.account_named(name) == accounts.account_named("Lin Wei") for name in written)
    assert [at_work(Client(), name, "wrong").status_code for name in written] == [200, 200, 200, 200, 429, 429]


def test_no_flood_of_attempts_clears_the_count_of_others(operator: int, monkeypatch: pytest.MonkeyPatch) -> None:
    del operator
    monkeypatch.setattr(caches["default"], "_max_entries", 10)
    for _ in range(5):
        at_work(Client(), password="wrong")
    for number in range(40):
        cache.set(f"flood/{number}", 1, timeout=60)
    assert at_work(Client()).status_code == 429
    passed = timezone.now() + timedelta(minutes=16)
    monkeypatch.setattr("django.core.cache.backends.db.tz_now", lambda: passed)
    cache.set("later", 1, timeout=3600)
    assert len(fetch("SELECT 1 FROM cache")) == 1, "what is over is cleared away"


def test_a_good_sign_in_forgets_the_failures_before_it(operator: int) -> None:
    del operator
    for _ in range(4):
        at_work(Client(), password="wrong")
    client = Client()
    at_work(client)
    client.post("/sign-in/second-factor/", {"code": totp()})
    assert at_work(Client(), password="wrong").status_code == 200


def test_members_have_no_password_to_guess(town: Town) -> None:
    for name in (MEI, str(town.ids["mei"]), "mei"):
        answer = at_work(Client(), name, "")
        assert answer.status_code == 200


def test_a_member_finds_nothing_of_the_staffs_sign_in(town: Town, sent: Sent) -> None:
    del town
    client = Client()
    ask(client)
    client.post("/sign-in/code/", {"code": code_of(sent)})
    for path in (
        *("/sign-in/second-factor/set-up/", "/my/sign-in/", "/my/sign-in/password/"),
        *("/my/sign-in/recovery-codes/", "/my/sign-in/recovery-codes/new/"),
        *("/sign-in/again/", "/sign-in/again/code/"),
    ):
        assert client.get(path).status_code == 403, path


def test_a_stranger_is_led_to_the_sign_in(database: Database) -> None:
    del database
    for path in ("/sign-in/second-factor/set-up/", "/my/sign-in/", "/my/sign-in/password/"):
        assert Client().get(path)["Location"] == f"/sign-in/staff/?next={path}"


def test_who_is_dismissed_is_out_at_once(operator: int) -> None:
    del operator
    client = Client()
    at_work(client)
    client.post("/sign-in/second-factor/", {"code": totp()})
    dismiss_staff(name="Lin Wei", at=NOW)
    assert client.get("/home/")["Location"].startswith("/sign-in/")


def test_a_host_that_is_not_ours_gets_a_page_that_says_so(database: Database) -> None:
    del database
    answer = Client(SERVER_NAME="example.org").get("/sign-in/")
    assert answer.status_code == 400
    assert "<h1" in answer.content.decode()


# --- what matters is asked again


def newest_entry() -> tuple[str, str, str]:
    """Return what the newest entry of the audit log says: what was done, by whom, about what."""
    (row,) = trust.audit(limit=1)
    return row.act, row.actor, row.about


def test_recovery_codes_and_new_ones_are_shown_only_to_who_was_asked_lately(operator: int, later: list[int]) -> None:
    client = Client()
    at_work(client)
    client.post("/sign-in/second-factor/", {"code": totp()})
    assert client.get("/my/sign-in/recovery-codes/").status_code == 200
    later.append(601)
    answer = client.get("/my/sign-in/recovery-codes/")
    assert answer["Location"].startswith("/sign-in/again/?next=")
    assert "Is it still you?" in page(client.get(answer["Location"]))
    assert "not your password" in page(client.post(answer["Location"], {"password": "wrong"}))
    done = client.post(answer["Location"], {"password": PASSWORD})
    assert done["Location"] == "/my/sign-in/recovery-codes/"
    assert client.get(done["Location"]).status_code == 200
    old = re.findall(r"<code>(\d{8})</code>", client.get("/my/sign-in/recovery-codes/").content.decode())
    before = fetch("SELECT COUNT(*) FROM audit_entry")
    assert client.post("/my/sign-in/recovery-codes/new/")["Location"] == "/my/sign-in/recovery-codes/"
    assert fetch("SELECT COUNT(*) FROM audit_entry") == [(before[0][0] + 1,)]
    assert newest_entry() == ("factor.codes", f"account/{operator}", f"account/{operator}")
    new = re.findall(r"<code>(\d{8})</code>", client.get("/my/sign-in/recovery-codes/").content.decode())
    assert len(new) == 10
    assert not set(old) & set(new)


def test_a_code_of_the_second_factor_answers_as_well(operator: int, later: list[int]) -> None:
    del operator
    client = Client()
    at_work(client)
    client.post("/sign-in/second-factor/", {"code": totp()})
    later.append(601)
    answer = client.post("/sign-in/again/code/?next=/my/sign-in/recovery-codes/", {"code": totp()})
    assert answer.status_code == 302
    assert client.get("/my/sign-in/recovery-codes/").status_code == 200


def test_a_new_password_ends_all_other_sessions(operator: int) -> None:
    first, second = Client(), Client()
    code = set_up_second_factor(account_id=operator, secret=SECRET, at=NOW).recovery_codes
    for client, each in ((first, code[0]), (second, code[1])):
        at_work(client)
        client.post("/sign-in/second-factor/", {"code": each})
    new = "another long password"
    told = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    for wrong_one in ({"oldpassword": "x"}, {"password2": "x"}, {"password1": "short", "password2": "short"}):
        assert first.post("/my/sign-in/password/", told | wrong_one).status_code == 200
    assert first.post("/my/sign-in/password/", told)["Location"] == "/my/sign-in/"
    assert first.get("/my/sign-in/").status_code == 200
    assert second.get("/my/sign-in/")["Location"].startswith("/sign-in/staff/")
    assert at_work(Client()).status_code == 200
    assert at_work(Client(), password=new).status_code == 302


def test_a_new_password_ends_sign_ins_that_have_begun_by_the_old_one(operator: int) -> None:
    codes = set_up_second_factor(account_id=operator, secret=SECRET, at=NOW).recovery_codes
    early, own = Client(), Client()
    for client in (early, own):
        assert at_work(client)["Location"] == "/sign-in/second-factor/"
    own.post("/sign-in/second-factor/", {"code": codes[0]})
    new = "another long password"
    own.post("/my/sign-in/password/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert early.post("/sign-in/second-factor/", {"code": codes[1]})["Location"] == "/sign-in/staff/"
    assert "don&#39;t belong together" in page(early.get("/sign-in/staff/"))
    assert signed_in(early) is None


def test_an_address_is_counted_as_one_however_it_is_written_and_a_network_of_ipv6_too(database: Database) -> None:
    del database
    counted = {
        address: accounts.AccountAdapter().get_client_ip(RequestFactory().get("/", REMOTE_ADDR=address))
        for address in ("192.0.2.1", "::ffff:192.0.2.1", "::ffff:192.0.2.2", "2001:db8::1", "2001:db8::2")
    }
    assert counted["192.0.2.1"] == counted["::ffff:192.0.2.1"] != counted["::ffff:192.0.2.2"]
    assert counted["2001:db8::1"] == counted["2001:db8::2"]


def test_every_page_of_the_sign_in_is_kept_by_nobody_and_carries_no_inline_style(operator: int, town: Town) -> None:
    del operator, town
    client = Client()
    for path in ("/sign-in/", "/sign-in/staff/", "/sign-up/", "/sign-in/inactive/"):
        answer = client.get(path)
        assert "no-store" in answer["Cache-Control"], path
        assert not re.search(r"\sstyle=|\son\w+=", answer.content.decode())
    at_work(client)
    assert "no-store" in client.get("/sign-in/second-factor/")["Cache-Control"]
    client.post("/sign-in/second-factor/", {"code": totp()})
    for path in (
        "/my/sign-in/",
        "/my/sign-in/password/",
        "/my/sign-in/recovery-codes/",
        "/sign-in/again/",
        "/sign-out/",
    ):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "no-store" in answer["Cache-Control"], path
        assert len(re.findall("<h1", answer.content.decode())) == 1
