"""Addresses, cookies and forms that nobody sends by mistake: each is answered, and nothing breaks."""

from urllib.parse import quote

from django.test import Client

from tests.support.town import Town
from tests.support.visiting import seated, visit
from tests.web.staff import person

ODD = (
    "\0",
    "a\0b",
    "9" * 20,
    "9" * 5000,
    "-1",
    "１２",
    "\r\nX: y",
    "x" * 9000,
    "%s",
    "{0.__class__}",
    "'--",
    "\uffff",
    "💥",
)
OF_STAFF = (
    *("/overview/?pool={}", "/settlements/?before={}", "/settlements/1/?pool={}", "/settlements/{}/", "/search/?q={}"),
    *("/holders/{}/", "/holders/{}/orders/", "/holders/mei/orders/?before={}", "/holders/mei/points/?page={}"),
    *(
        "/holders/mei/ledger/?before={}",
        "/holders/mei/ledger/?of=coupons&before={}",
        "/holders/mei/ledger/?before=1.{}",
    ),
    *("/merchants/{}/statement/", "/merchants/{}/statement.csv", "/merchants/{}/statement.xlsx"),
    *("/orders/{}/1/", "/orders/grocer/{}/", "/orders/a/b/{}/c/"),
)
OF_MERCHANTS = (
    *("/merchants/{}/statement/", "/merchants/grocer/statement/?month={}", "/merchants/grocer/statement.csv?since={}"),
    *("/merchants/grocer/statement/{}/", "/merchants/grocer/statement/2026-01-05/?before={}", "/orders/grocer/{}/"),
)
OF_MEMBERS = (
    *("/wallet/?amount={}", "/wallet/quote/?amount={}", "/wallet/orders/?before={}", "/wallet/orders/?of={}"),
    *("/wallet/points/?page={}", "/wallet/ledger/?before={}", "/orders/{}/1/", "/holders/{}/"),
)
OF_ALL = ("/{}", "/sign-in/?next={}", "/sign-in/staff/?next={}", "/home/?x={}", "/bound/?x={}", "/static/{}")


def test_no_address_breaks_a_page(town: Town) -> None:
    staff, merchant, member = visit(person("operator")), seated("grocer"), visit(town.ids["mei"])
    for client, paths in ((staff, OF_STAFF), (merchant, OF_MERCHANTS), (member, OF_MEMBERS), (Client(), OF_ALL)):
        for path in paths:
            for odd in ODD:
                asked = path.format(quote(odd, safe=""))
                assert client.get(asked).status_code < 500, asked[:99]


def test_no_cookie_and_no_form_breaks_a_page(town: Town) -> None:
    del town
    for name in ("greenloop", "csrftoken", "theme", "django_language"):
        for value in ('"\\000\\000\\000\\000\\000\\000\\000\\000\\000"', "x" * 5000, "é"):
            for path in ("/", "/home/", "/sign-in/"):
                assert Client().get(path, headers={"cookie": f"{name}={value}"}).status_code < 500, (name, value, path)
    for number, odd in enumerate(ODD):
        client = Client(REMOTE_ADDR=f"192.0.2.{number}")
        for path, fields in (
            ("/sign-in/", ("phone", "next")),
            ("/sign-in/code/", ("code", "action", "next")),
            ("/sign-in/staff/", ("name", "password", "next")),
            ("/choose/", ("back", "language", "theme")),
        ):
            assert client.post(path, dict.fromkeys(fields, odd)).status_code < 500, (path, odd[:9])
