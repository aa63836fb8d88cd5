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
    "django_session": {"session_data": EMPTY},
}
"""By table, the columns that are masked, and what stands there instead."""
ONLY: dict[str, str] = {
    "identifier": "kind = 'name'",
    "person_key": "account_id IN (SELECT account_id FROM {schema}.identifier WHERE kind = 'name')",
    "django_session": "1 = 0",
}
"""By table, the only rows that are there."""


def columns(table: str) -> list[str]:
    """Return the columns of one of the tables, in order."""
    model = next(each for each in apps.get_models() if each._meta.db_table == table)  # noqa: SLF001  its public name
    return [str(field.column) for field in model._meta.concrete_fields if field.column]  # noqa: SLF001


def open_columns(table: str) -> list[str]:
    """Return the columns of a table that its view is made from: those that aren't masked."""
    return [name for name in columns(table) if name not in MASKS[table]]


@cache
def views(schema: str) -> str:
    """Return the statements that make the views over the tables of a schema, apart by semicolons."""
    return "; ".join(_view(table, schema) for table in MASKS)


def _view(table: str, schema: str) -> str:
    shown = ", ".join(f"{MASKS[table][name]} AS {name}" if name in MASKS[table] else name for name in columns(table))
    only = f" WHERE {ONLY[table].format(schema=schema)}" if table in ONLY else ""
    return f"CREATE TEMP VIEW {table} AS SELECT {shown} FROM {schema}.{table}{only}"  # noqa: S608  names are ours


def put_on(connection: BaseDatabaseWrapper) -> None:
    """Make the views on a connection, for as long as it lasts, in one way there and back."""
    connection.ensure_connection()
    if connection.vendor == "postgresql":
        connection.connection.execute(views("public"))
    else:
        connection.connection.executescript(views("main"))
