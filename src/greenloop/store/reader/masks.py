"""What those who only read see in place of what tells who a person is: views of a session, by the tables' own names.

A query that names a table finds the view first, on either database, whichever page or route it belongs to. A member is
called by the account's number, which says nothing about anybody (G15); names at work stay, phones are not there.
"""

from functools import cache

from django.apps import apps
from django.db.backends.base.base import BaseDatabaseWrapper

EMPTY = "''"
MASKS: dict[str, dict[str, str]] = {
    "member": {"ref": "CAST(account_id AS varchar(64))"},
    "identifier": {},
    "person_key": {},
    "account": {"password": EMPTY},
    "complaint": {"sealed": EMPTY},
    "complaint_answer": {"sealed": EMPTY},
    "statement_line": {"text": EMPTY},
    "stored_answer": {"body": EMPTY},
    "api_key": {"sealed_secret": EMPTY},
    "webhook_endpoint": {"sealed_secret": EMPTY, "old_sealed_secret": EMPTY},
    "django_session": {"session_key": EMPTY, "session_data": EMPTY},
    "mfa_authenticator": {"data": "'{}'"},
}
"""By table, the columns that are masked, and what stands there instead."""
CLOSED = frozenset(
    {"cache", "axes_accessattempt", "axes_accessattemptexpiration", "axes_accessfailurelog", "axes_accesslog"}
    | {"account_emailaddress", "account_emailconfirmation"}
)
"""Tables that no page of theirs reads: what counts sign-ins, and what the library for them might keep."""
ONLY: dict[str, str] = {
    "identifier": "kind = 'name'",
    "person_key": "account_id IN (SELECT account_id FROM {schema}.identifier WHERE kind = 'name')",
    "django_session": "1 = 0",
}
"""By table, the only rows that are there. On a file they are copied: whoever reads the table itself reads all of it."""

LENT = ("identifier", "person_key")
"""Tables that a role may read none of: a function of the owner's lends it the rows that are there."""


def columns(table: str) -> list[str]:
    """Return the columns of one of the tables, in order."""
    model = next(each for each in apps.get_models() if each._meta.db_table == table)  # noqa: SLF001  its public name
    return [str(field.column) for field in model._meta.concrete_fields if field.column]  # noqa: SLF001


def open_columns(table: str) -> list[str]:
    """Return the columns of a table that its view is made from: those that aren't masked."""
    return [name for name in columns(table) if name not in MASKS[table]]


def lent(table: str) -> str:
    """Return the name of the function that lends a role of the reader's own the rows of `ONLY`, and no others."""
    return f"lent_{table}"


@cache
def views(schema: str, *, on_file: bool, by_role: bool) -> str:
    """Return the statements that put something in front of the tables of a schema, apart by semicolons."""
    return "; ".join(_view(table, schema, on_file=on_file, by_role=by_role) for table in MASKS)


def only(table: str, schema: str) -> str:
    """Return the condition of the only rows of a table that are there."""
    return ONLY[table].format(schema=schema)


def _view(table: str, schema: str, *, on_file: bool, by_role: bool) -> str:
    shown = ", ".join(f"{MASKS[table][name]} AS {name}" if name in MASKS[table] else name for name in columns(table))
    where = f" WHERE {only(table, schema)}" if table in ONLY else ""
    kind, source = "VIEW", f"{schema}.{table}"
    if on_file and table in ONLY:
        kind = "TABLE"
    elif by_role and table in LENT:
        source, where = f"{schema}.{lent(table)}()", ""
    return f"CREATE TEMP {kind} {table} AS SELECT {shown} FROM {source}{where}"  # noqa: S608  names are ours


def put_on(connection: BaseDatabaseWrapper, *, by_role: bool = False) -> None:
    """Make the views on a connection, for as long as it lasts, in one way there and back."""
    connection.ensure_connection()
    if connection.vendor == "postgresql":
        connection.connection.execute(views("public", on_file=False, by_role=by_role))
    else:
        connection.connection.executescript(views("main", on_file=True, by_role=False))
