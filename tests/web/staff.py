"""People of the platform and of the town, signed in without their pages: what they may see is under test here."""

from datetime import UTC, datetime

from django.test import Client

from greenloop.services.people.staff import appoint_staff, set_up_second_factor
from greenloop.store.queries import people
from tests.support.signing import SECRET
from tests.support.visiting import visit

QUERIES_MAX = 12
"""A page asks the database no more, who is asking included."""
PASSWORD = "a long first password"
AT = datetime(2026, 1, 5, tzinfo=UTC)


def person(role: str) -> int:
    """Return the account of the person who is called as their role, appointed when first asked for."""
    name = role.capitalize()
    for row in people.staff():
        if row.name == name:
            return row.account_id
    number = appoint_staff(name=name, roles=[role], at=AT, password=PASSWORD)
    set_up_second_factor(account_id=number, secret=SECRET, at=AT)
    return number


def at_work(role: str) -> Client:
    """Return a browser in which somebody of the platform is signed in."""
    return visit(person(role))


def by_phone(account_id: int) -> Client:
    """Return a browser in which a member is signed in."""
    return visit(account_id)
