"""Who may do what in a trust book on PostgreSQL: its owner, its keeper, its readers, and nobody else.

The keeper may add accounts, journals and postings, and read. It may set neither totals nor the instant at which a
journal was kept: the database does. Nobody but the owner may make tables there, temporary ones included.
"""

import secrets

from psycopg import sql

from greenloop.store.trustbook.session import Session

_KEEPER = {
    "trust_account": ("name", "account_class"),
    "trust_journal": ("number", "key", "sha256", "kind", "effective_at", "recorded_at"),
    "trust_posting": ("number", "debit", "credit", "amount_fen"),
}
"""The columns that the keeper may insert."""


def grant(session: Session, *, keeper: str, reader: str) -> dict[str, str]:
    """Make the roles that aren't there yet and give each what it may; return the passwords that were drawn, by role.

    Whoever else was let into the database is let out.
    """
    drawn = {}
    with session.transaction():
        for role in (keeper, reader):
            if session.value("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]) is None:
                drawn[role] = secrets.token_urlsafe(24)
                _run(session, "CREATE ROLE {} LOGIN PASSWORD {}", sql.Identifier(role), sql.Literal(drawn[role]))
        database = sql.Identifier(session.value("SELECT current_database()"))
        _run(session, "REVOKE ALL ON DATABASE {} FROM PUBLIC", database)
        for (other,) in session.rows(_LET_IN, [keeper, reader]):
            _run(session, "REVOKE ALL ON DATABASE {} FROM {} CASCADE", database, sql.Identifier(other))
        _run(session, "REVOKE ALL ON SCHEMA public FROM PUBLIC")
        _run(session, "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC")
        for named in map(sql.Identifier, (keeper, reader)):
            _run(session, "GRANT CONNECT ON DATABASE {} TO {}", database, named)
            _run(session, "GRANT USAGE ON SCHEMA public TO {}", named)
            _run(session, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}", named)
        for table, columns in _KEEPER.items():
            names = sql.SQL(", ").join(map(sql.Identifier, columns))
            _run(session, "GRANT INSERT ({}) ON {} TO {}", names, sql.Identifier(table), sql.Identifier(keeper))
    return drawn


def _run(session: Session, statement: str, *parts: sql.Composable) -> None:
    session.run(sql.SQL(statement).format(*parts).as_string())


def may_keep(session: Session) -> bool:
    """Tell whether the role that has connected may add journals; whoever opens a file may."""
    if not session.is_postgresql:
        return True
    return bool(session.value("SELECT has_column_privilege('trust_journal', 'number', 'INSERT')"))


def may_do_more(session: Session) -> bool:
    """Tell whether the role that has connected could switch off what guards the trust book: its owner, a superuser."""
    return bool(session.value(_OWNS)) if session.is_postgresql else False


_LET_IN = """
    SELECT DISTINCT r.rolname FROM pg_database d, aclexplode(d.datacl) a JOIN pg_roles r ON r.oid = a.grantee
    WHERE d.datname = current_database() AND r.oid <> d.datdba AND r.rolname NOT IN (%s, %s)
"""
_OWNS = """
    SELECT r.rolsuper OR pg_has_role(c.relowner, 'MEMBER') FROM pg_roles r, pg_class c
    WHERE r.rolname = current_user AND c.oid = 'public.trust_journal'::regclass
"""
