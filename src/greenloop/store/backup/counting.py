"""How many rows each table has: what a copy and a restore say of themselves."""

from collections.abc import Mapping

from django.db import connection

from greenloop.store import sql


def rows() -> Mapping[str, int]:
    """Return the rows of every table of the database in use, in one statement, so of one moment."""
    with connection.cursor() as cursor:
        names = sorted(connection.introspection.table_names(cursor))
    quoted = connection.ops.quote_name
    counts = ", ".join(f"(SELECT COUNT(*) FROM {quoted(name)})" for name in names)  # noqa: S608  names are the schema's
    return dict(zip(names, map(int, sql.rows(f"SELECT {counts}")[0]), strict=True)) if names else {}
