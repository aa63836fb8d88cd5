"""Auditors and regulators change nothing: a view of theirs that tries is refused by the database, on either kind.

The attempts are a table, each made inside a page that such a person opens, past every check that pages make.
"""

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError, OperationalError, connection, transaction
from django.test import Client
from django.urls import get_resolver

from greenloop.insight.deploy.database import findings, of_reader
from greenloop.services.loop.draw import draw
from greenloop.services.loop.hold import hold_account
from greenloop.services.people.staff import appoint_staff
from greenloop.services.trust.log.keeping import sign_log
from greenloop.services.trust.readers import grant_reader
from greenloop.store import sql
from greenloop.store.models import Complaint, StaffRole
from greenloop.store.reader import connection as reading_connection
from greenloop.store.reader.role import withheld
from tests.support.databases import Database
from tests.support.ledger import execute, fetch, whole_database
from tests.support.signing import NOW, page
from tests.support.town import Town
from tests.web.staff import at_work, person

ROLES = ("auditor", "regulator")
Attempt = Callable[[Town], object]


def said(statement: str) -> Attempt:
    def make(_: Town) -> object:
        on_server = sql.is_postgresql()
        trigger = "audit_entry_append_only ON audit_entry" if on_server else "audit_entry_no_delete"
        return execute(statement.format(schema="public" if on_server else "main", trigger=trigger))

    return make


ATTEMPTS: dict[str, Attempt] = {
    "make oneself an operator": said("UPDATE staff_role SET role = 'operator'"),
    "the same by a model": lambda _: StaffRole.objects.update(role="operator"),
    "take somebody's role": said("DELETE FROM staff_role"),
    "change an amount of an order": said("UPDATE orders SET cash_fen = cash_fen + 1"),
    "enrol a member": said(
        "INSERT INTO member (account_id, ref, city, enrolled_at) VALUES (1, 'x', 'x', '2026-01-01 00:00:00')"
    ),
    "rename a member": said("UPDATE member SET ref = 'x'"),
    "rename a member under the mask": said("UPDATE {schema}.member SET ref = 'x'"),
    "grow an account": said("UPDATE ledger_account SET debits_fen = debits_fen + 1"),
    "post a journal's line": said(
        "INSERT INTO posting (journal_id, debit_id, credit_id, amount_fen) VALUES (1, 1, 2, 5)"
    ),
    "give oneself vouchers": said("UPDATE wallet SET voucher_fen = voucher_fen + 1"),
    "add to the audit log": said(
        "INSERT INTO audit_entry (at, actor, act, about, detail, request_id) "
        "VALUES ('2026-01-01 00:00:00', 'console', 'x', 'x', '{{}}', '')"
    ),
    "hide a look": said("DELETE FROM portal_view"),
    "note a look of somebody else": said(
        "INSERT INTO portal_view (at, account_id, method, page, about, request_id) "
        "VALUES ('2026-01-01 00:00:00', 1, 'GET', 'x', '', '')"
    ),
    "sign somebody out": said("DELETE FROM django_session"),
    "make a table": said("CREATE TABLE mine (id int)"),
    "take a table away": said("DROP TABLE hold"),
    "take a guard away": said("DROP TRIGGER {trigger}"),
    "begin a transaction that writes": lambda _: written_inside_a_transaction(),
    "save a model": lambda town: Complaint(
        id=1, account_id=town.ids["mei"], category="other", sealed="", state="open", filed_at=NOW, due_at=NOW
    ).save(force_insert=True),
    "call a verb: hold an account": lambda town: hold_account(
        account_id=town.ids["mei"], reason="x", by="console", at=town.at
    ),
    "call a verb: appoint somebody": lambda town: appoint_staff(
        name="Eve", roles=["operator"], at=town.at, password="a long first password"
    ),
    "call a verb: draw a member's vouchers": lambda town: draw(
        account_id=town.ids["mei"], pool="green", amount_fen=None, at=town.at
    ),
    "call a verb: sign the log": lambda town: sign_log(at=town.at),
}
"""What is tried inside a page."""
ON_FILES: dict[str, Attempt] = {
    "lift what keeps it from writing": lambda _: both("PRAGMA query_only = OFF", "UPDATE orders SET cash_fen = 1"),
    "open the file a second time": lambda _: both(
        f"ATTACH '{connection.settings_dict['NAME'].removeprefix('file:').partition('?')[0]}' AS again",
        "UPDATE again.orders SET cash_fen = 1",
    ),
    "look under the mask": said("SELECT ref FROM main.member"),
    "read phones under the mask": said("SELECT sealed FROM main.identifier"),
    "read phones under a name of one's own": said("WITH x AS (SELECT sealed FROM main.identifier) SELECT * FROM x"),
    "read keys of people": said("WITH x AS (SELECT sealed_key FROM main.person_key) SELECT * FROM x"),
    "read keys of sessions": said("WITH x AS (SELECT session_key FROM main.django_session) SELECT * FROM x"),
    "read what second factors are made from": said("SELECT data FROM main.mfa_authenticator"),
    "read who signed in from where": said("SELECT ip_address FROM axes_accesslog"),
}
BY_ROLE: dict[str, Attempt] = {
    "let the session write again": lambda _: both(
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE", "UPDATE orders SET cash_fen = 1"
    ),
    "look under the mask": said("SELECT ref FROM public.member"),
    "read phones under the mask": said("SELECT sealed FROM public.identifier"),
    "read keys of people": said("SELECT sealed_key FROM public.person_key"),
    "read keys of sessions": said("SELECT session_key FROM public.django_session"),
    "read what second factors are made from": said("SELECT data FROM public.mfa_authenticator"),
    "read who signed in from where": said("SELECT ip_address FROM axes_accesslog"),
    "take the owner's role": lambda _: both(f"SET ROLE {owner()}", "UPDATE orders SET cash_fen = 1"),
}
"""What only a role of its own withstands."""


def owner() -> str:
    return str(fetch("SELECT tableowner FROM pg_tables WHERE tablename = 'orders'")[0][0])


def both(*statements: str) -> None:
    for statement in statements:
        sql.run(statement)


def written_inside_a_transaction() -> None:
    with transaction.atomic():
        execute("UPDATE orders SET cash_fen = cash_fen + 1")


@pytest.fixture
def sold(town: Town) -> Town:
    """Give the town with an order that has vested, so that there is a row to change in each table."""
    town.sell("mei", "grocer", 100_000)
    town.close_all([1, 2])
    for each in ROLES:
        person(each)
    return town


def refused_all(
    town: Town, client: Client, attempts: Mapping[str, Attempt], monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """Make attempts in the overview of somebody who reads; return what the database said to each. Nothing changes."""
    said: dict[str, str] = {}
    before = unseen()
    for name, attempt in attempts.items():
        monkeypatch.setattr("greenloop.web.loop.overview.overview.pools", lambda _="", attempt=attempt: attempt(town))
        try:
            answer = client.get("/overview/")
        except DatabaseError as refusal:
            said[name] = str(refusal).splitlines()[0]
        else:
            pytest.fail(f"{name}: {answer.status_code}")
    monkeypatch.undo()
    assert unseen() == before
    return said


def unseen() -> dict[str, Any]:
    """Return the whole database but for what was looked at, which each request adds to."""
    found = dict(whole_database())
    found.pop("portal_view")
    return found


@pytest.mark.parametrize("who", ROLES)
def test_whatever_a_page_tries_under_their_session_the_database_refuses(
    sold: Town, who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, more = at_work(who), {} if sql.is_postgresql() else ON_FILES
    said = refused_all(sold, client, {**ATTEMPTS, **more}, monkeypatch)
    words = (
        "read-only transaction|of view" if sql.is_postgresql() else "readonly database|prohibited|authorized|is a view"
    )
    assert {name for name, why in said.items() if not re.search(words, why)} == set()


def addresses() -> Iterator[tuple[str, str]]:
    """Yield each page's name and an address of it; the API has tests of its own for every operation."""
    given = {"int": "1", "str": "x", "text": "x"}

    def walk(patterns: Any, before: str) -> Iterator[tuple[str, str]]:
        for each in patterns:
            route = before + str(each.pattern)
            if hasattr(each, "url_patterns"):
                yield from walk(each.url_patterns, route)
            elif not route.startswith("v1/"):
                yield str(each.name), "/" + re.sub(r"<(\w+):\w+>", lambda found: given[found[1]], route)

    yield from walk(get_resolver().url_patterns, "")


def test_no_form_of_any_page_is_taken_from_them_but_those_of_their_own_sign_in(sold: Town) -> None:
    client = at_work("regulator")
    before = unseen()
    found = {name: client.post(path).status_code for name, path in addresses() if not own(path)}
    assert len(found) > 60
    # What is revealed is asked for by a form, which without its fields is refused as unfilled.
    assert {name: code for name, code in found.items() if code != 403} == {"portal_reveal": 422}
    assert unseen() == before
    assert client.post("/choose/", {"language": "zh-hans"}).status_code == 302
    assert client.post("/sign-out/").status_code == 302
    assert client.get("/portal/").status_code == 302


def own(path: str) -> bool:
    return path == "/" or path.startswith(("/sign-", "/my/", "/choose/", "/home/"))


@pytest.fixture
def reader(sold: Town, database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Make a role of the reader's own, and let requests of auditors and regulators use it; a server is needed."""
    del sold
    if database.engine != "postgresql":
        pytest.skip("a file has no roles")
    named = f"reader_{secrets.token_hex(4)}"
    made = grant_reader(role=named)
    base = database.url.partition("://")[2].rpartition("@")[2]
    monkeypatch.setattr(settings, "GREENLOOP_READER_URL", f"postgresql://{named}:{made.password}@{base}")
    yield named
    connection.close()
    execute(f"DROP OWNED BY {named}")
    execute(f"DROP ROLE {named}")


def test_a_role_of_its_own_withstands_what_knows_the_session_s_ways(
    sold: Town, reader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = at_work("regulator")
    assert "Overview" in page(client.get("/overview/"))
    said = refused_all(sold, client, {**ATTEMPTS, **BY_ROLE}, monkeypatch)
    assert said["look under the mask"] == "permission denied for table member"
    assert grant_reader(role=reader).password is None


def test_a_reader_s_role_that_lacks_tables_or_isn_t_there_is_told_before_going_live(reader: str) -> None:
    address = str(settings.GREENLOOP_READER_URL)
    assert list(of_reader(address)) == []
    execute(f"REVOKE SELECT ON orders FROM {reader}")
    execute(f"REVOKE SELECT (account_id) ON member FROM {reader}")
    (found,) = of_reader(address)
    assert (found.code, found.facts["tables"]) == ("reader.behind", "member, orders")
    execute(f"REVOKE EXECUTE ON FUNCTION lent_identifier() FROM {reader}")
    execute("DROP FUNCTION lent_person_key()")
    (found,) = of_reader(address)
    assert found.facts["tables"] == "identifier, member, orders"
    assert withheld(reader) == ["identifier", "member", "orders", "person_key"]
    grant_reader(role=reader)
    assert list(of_reader(address)) == []
    assert [each.code for each in of_reader("")] == ["reader.none"]
    assert [each.code for each in of_reader(address.replace(reader, "nobody_known"))] == ["reader.unknown"]
    own_role = str(fetch("SELECT current_user")[0][0])
    assert [each.code for each in of_reader(address.replace(reader, own_role))] == ["reader.same"]


@pytest.mark.books_broken_on_purpose
def test_of_a_database_of_an_older_release_the_reader_s_role_is_not_asked(reader: str) -> None:
    """The tables that it should read aren't all there yet."""
    del reader
    execute("DROP TABLE complaint_answer")
    execute("DELETE FROM django_migrations WHERE app = 'store' AND name LIKE '0025%%'")
    assert {each.code for each in findings(lambda: NOW)} >= {"database.migrations"}


def test_what_reads_for_too_long_is_stopped(reader: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_connection, "PATIENCE", "50ms")
    with reading_connection.only_reading(), pytest.raises(OperationalError, match="statement timeout"):
        fetch("SELECT pg_sleep(5)")
    assert fetch("SELECT current_user") != [(reader,)]
