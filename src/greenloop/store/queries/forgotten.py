"""Who was forgotten by this database's own audit log, and who is known in it though a list says otherwise."""

from collections.abc import Mapping
from datetime import datetime

from greenloop.store import sql

FORGET = "person.forget"
ACCOUNT = "account/"


def told() -> dict[int, datetime]:
    """Return who was forgotten, by the audit log, and when last."""
    found = sql.rows("SELECT about, MAX(at) FROM audit_entry WHERE act = %s GROUP BY about", [FORGET])
    return {int(about.removeprefix(ACCOUNT)): sql.moment(at) for about, at in found}


def brought_back(named: Mapping[int, datetime]) -> list[int]:
    """Return the accounts that a list names and of whom something is known, in order.

    Who was forgotten here at that instant or since and is known again has enrolled again, and is left alone; so is an
    account that is younger than its line: the line is another database's.
    """
    own = told()
    missed = [number for number, at in named.items() if number not in own or own[number] < at]
    return sorted(number for number, made_at in sql.rows_in(_KNOWN, missed) if sql.moment(made_at) <= named[number])


_KNOWN = """
    SELECT a.id, a.created_at FROM account a WHERE a.id IN ({keys}) AND (
        EXISTS (SELECT 1 FROM person_key k WHERE k.account_id = a.id)
        OR EXISTS (SELECT 1 FROM identifier i WHERE i.account_id = a.id)
        OR EXISTS (SELECT 1 FROM staff_role r WHERE r.account_id = a.id)
    )
"""
