"""How a trust book is set up: whether it is apart from the business, and who may touch it."""

from dataclasses import dataclass

from django.db import DatabaseError

from greenloop.core.faults import Refusal
from greenloop.store import sql
from greenloop.store.trustbook import place, roles, tables
from greenloop.store.trustbook.session import opened


@dataclass(frozen=True, slots=True)
class Looked:
    """A trust book as it says of itself; `fault` is why nobody could look, empty where somebody could.

    `open_to_business`: the business's role may connect. `owns`: the role in use could switch off what guards the book.
    """

    fault: str = ""
    version: int | None = None
    owns: bool = False
    open_to_business: bool = False
    same_database: bool = False


def look() -> Looked | None:
    """Look at the trust book in use, None where none is named."""
    url = place.address()
    if url is None:
        return None
    try:
        with opened(url) as session:
            if not session.is_postgresql:
                return Looked(version=tables.version(session))
            version = tables.version(session)
            return Looked(
                version=version,
                owns=version is not None and roles.may_do_more(session),
                open_to_business=bool(session.value(_MAY_CONNECT, [_business("SELECT current_user")])),
                same_database=session.value(_WHERE) == _business(_WHERE),
            )
    except (DatabaseError, Refusal) as fault:
        return Looked(fault=" ".join(str(fault).split()))


def _business(query: str) -> object:
    """Return what the business's server answers; None where the business is a file."""
    return sql.value(query) if sql.is_postgresql() else None


# One database of one cluster: its own number, and when its server's files were made.
_WHERE = """
    SELECT current_database() || '/' || (SELECT system_identifier FROM pg_control_system())
"""
_MAY_CONNECT = """
    SELECT has_database_privilege(rolname, current_database(), 'CONNECT') FROM pg_roles WHERE rolname = %s
"""
