"""The role on PostgreSQL by which auditors' and regulators' requests read: it may select what isn't masked, no more."""

import secrets
from dataclasses import dataclass

from django.db import connection
from psycopg import sql

from greenloop.core.faults import Refusal, say
from greenloop.store.reader import masks
from greenloop.store.sql import is_postgresql, rows, run, value


@dataclass(frozen=True, slots=True)
class Granted:
    """What was done: the role, how many tables it reads, and its password where it was drawn just now."""

    role: str
    tables: int
    password: str | None


def grant(role: str) -> Granted:
    """Make the role unless it is there, take all it had, and let it read, inside the caller's transaction.

    :raises Refusal: the database is a file, which has no roles.
    """
    if not is_postgresql():
        message = say("A file has no roles: there, who only reads has a connection that is opened read-only.")
        raise Refusal("reader.file", message)
    known = value("SELECT rolsuper OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = %s", [role])
    if known:
        message = say("The role {role} may do more than read. Name another.")
        raise Refusal("reader.role", message, field="role", role=role)
    password = None if known is not None else secrets.token_urlsafe(24)
    if password:
        _run("CREATE ROLE {} LOGIN NOINHERIT PASSWORD {}", sql.Identifier(role), sql.Literal(password))
    named, database = sql.Identifier(role), sql.Identifier(str(value("SELECT current_database()")))
    _run("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}", database, named)
    _run("REVOKE ALL ON SCHEMA public FROM {}", named)
    _run("GRANT USAGE ON SCHEMA public TO {}", named)
    _run("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {}", named)
    tables = [str(name) for (name,) in rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    open_ones = [table for table in tables if table not in masks.CLOSED]
    for table in open_ones:
        _let_read(table, named)
    return Granted(role, len(open_ones), password)


def withheld(role: str) -> list[str] | None:
    """Return the tables that the role should read and may not, as after a migration; None where there is no such role.

    Asked of a server alone.
    """
    if value("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]) is None:
        return None
    wanted = [(table, name) for table in masks.MASKS if table not in masks.LENT for name in masks.open_columns(table)]
    tables, names = [table for table, _ in wanted], [name for _, name in wanted]
    others = [*masks.CLOSED, *masks.MASKS]
    functions = [f"public.{masks.lent(table)}()" for table in masks.LENT]
    asked = [role, others, tables, names, role, list(masks.LENT), functions, role]
    return [str(table) for (table,) in rows(_WITHHELD, asked)]


def _let_read(table: str, named: sql.Identifier) -> None:
    if table in masks.LENT:
        _lend(table, named)
        return
    if table not in masks.MASKS:
        _run("GRANT SELECT ON {} TO {}", sql.Identifier(table), named)
        return
    names = sql.SQL(", ").join(map(sql.Identifier, masks.open_columns(table)))
    _run("GRANT SELECT ({}) ON {} TO {}", names, sql.Identifier(table), named)


def _lend(table: str, named: sql.Identifier) -> None:
    """Let the role read some rows of a table through a function that runs as its owner, and the table itself not."""
    function, lines = sql.Identifier(masks.lent(table)), sql.Identifier(table)
    body = f"SELECT * FROM public.{table} WHERE {masks.only(table, 'public')}"  # noqa: S608  names are ours
    _run(
        "CREATE OR REPLACE FUNCTION public.{}() RETURNS SETOF public.{} LANGUAGE sql STABLE SECURITY DEFINER "
        "SET search_path = public, pg_temp AS {}",
        function,
        lines,
        sql.Literal(body),
    )
    _run("REVOKE ALL ON FUNCTION public.{}() FROM PUBLIC", function)
    _run("GRANT EXECUTE ON FUNCTION public.{}() TO {}", function, named)


def _run(statement: str, *parts: sql.Composable) -> None:
    run(sql.SQL(statement).format(*parts).as_string(connection.connection))


_WITHHELD = """
    SELECT c.relname FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND NOT has_table_privilege(%s, c.oid, 'SELECT')
        AND NOT c.relname = ANY(%s)
    UNION
    SELECT wanted.named FROM unnest(%s::text[], %s::text[]) AS wanted(named, part)
    WHERE NOT has_column_privilege(%s, 'public.' || wanted.named, wanted.part, 'SELECT')
    UNION
    SELECT lent.named FROM unnest(%s::text[], %s::text[]) AS lent(named, function)
    WHERE NOT COALESCE(has_function_privilege(%s, to_regprocedure(lent.function)::oid, 'EXECUTE'), false)
    ORDER BY 1
"""
