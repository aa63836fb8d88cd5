"""The trust book's tables and what they refuse, on either kind of database, as its owner makes them once.

What both refuse: changed history, postings off the list or across pools, an account that no class allows, a number out
of its turn. PostgreSQL also recomputes each journal's SHA-256, refuses a negative account when a pass commits, and lets
the keeper write nothing else (roles.py). A file has no roles: whoever may write it may do anything.
"""

from greenloop.core.books.accounts import ALLOWED, PER_POOL, SINGLE, TRUST, book_of, is_asset
from greenloop.core.faults import Refusal, say
from greenloop.store.trustbook.refusing import postgresql_refuses, sqlite_refuses
from greenloop.store.trustbook.session import Session

VERSION = 1
CLASSES = tuple((name, is_asset(name), name in PER_POOL) for name in (*SINGLE, *PER_POOL) if book_of(name) == TRUST)
"""Each class of account: its name, whether it grows by debits, whether each pool has one of it."""
TRIPLES = tuple(sorted(each for each in ALLOWED if book_of(each[1]) == TRUST))
"""(kind, debit class, credit class): what a posting may be. Nothing here leads to the operating book but by a bank."""

_TABLES = (
    "CREATE TABLE trust_version (version INTEGER PRIMARY KEY)",
    """CREATE TABLE trust_class (
           account_class VARCHAR(64) PRIMARY KEY, is_asset BOOLEAN NOT NULL, per_pool BOOLEAN NOT NULL)""",
    """CREATE TABLE trust_allowed (
           kind VARCHAR(16) NOT NULL, debit_class VARCHAR(64) NOT NULL REFERENCES trust_class,
           credit_class VARCHAR(64) NOT NULL REFERENCES trust_class, PRIMARY KEY (kind, debit_class, credit_class))""",
    """CREATE TABLE trust_account (
           name VARCHAR(96) PRIMARY KEY, account_class VARCHAR(64) NOT NULL REFERENCES trust_class,
           debits_fen BIGINT NOT NULL DEFAULT 0, credits_fen BIGINT NOT NULL DEFAULT 0)""",
    """CREATE TABLE trust_journal (
           number BIGINT PRIMARY KEY, key VARCHAR(128) NOT NULL UNIQUE, sha256 VARCHAR(64) NOT NULL,
           kind VARCHAR(16) NOT NULL, effective_at {instant} NOT NULL, recorded_at {instant} NOT NULL,
           kept_at {instant} NOT NULL DEFAULT {now}, CHECK (length(sha256) = 64), CHECK (length(key) > 0))""",
    """CREATE TABLE trust_posting (
           number BIGINT NOT NULL REFERENCES trust_journal, debit VARCHAR(96) NOT NULL REFERENCES trust_account,
           credit VARCHAR(96) NOT NULL REFERENCES trust_account, amount_fen BIGINT NOT NULL,
           PRIMARY KEY (number, debit, credit), CHECK (amount_fen > 0), CHECK (debit <> credit))""",
)
_DIALECT = {
    True: {"instant": "TIMESTAMP WITH TIME ZONE", "now": "now()"},
    False: {"instant": "VARCHAR(32)", "now": "(strftime('%Y-%m-%d %H:%M:%f', 'now'))"},
}
# In a file a row's hidden number is one more key by which INSERT OR REPLACE would delete what is in its way.
_STORED = {True: "", False: "WITHOUT ROWID"}


def version(session: Session) -> int | None:
    """Return the version of the tables there are, None before any."""
    known = (
        "SELECT 1 FROM pg_tables WHERE schemaname = 'public' AND tablename = 'trust_version'"
        if session.is_postgresql
        else "SELECT 1 FROM sqlite_master WHERE name = 'trust_version'"
    )
    return int(session.value("SELECT MAX(version) FROM trust_version")) if session.value(known) else None


def ensure_version(session: Session) -> None:
    """Accept the tables of this release.

    :raises Refusal: there are none, or they are of another.
    """
    found = version(session)
    if found != VERSION:
        message = say("The trust book's tables are of version {found}; this release wants {wanted}.")
        raise Refusal("trust.version", message, field="GREENLOOP_TRUST_URL", found=found or 0, wanted=VERSION)


def make(session: Session) -> bool:
    """Make the tables, unless they are there; tell whether they were made. As their owner.

    Where they are there, what this release lists and an earlier one didn't is added to the lists; nothing is taken off.
    """
    with session.transaction():
        if version(session) is not None:
            ensure_version(session)
            _extend(session)
            return False
        for statement in _TABLES:
            table = statement.format(**_DIALECT[session.is_postgresql])
            session.run(f"{table} {_STORED[session.is_postgresql]}")
        session.load("trust_class", ("account_class", "is_asset", "per_pool"), CLASSES)
        session.load("trust_allowed", ("kind", "debit_class", "credit_class"), TRIPLES)
        for statement in postgresql_refuses() if session.is_postgresql else sqlite_refuses():
            session.run(statement)
        session.load("trust_version", ("version",), [(VERSION,)])
    return True


def _extend(session: Session) -> None:
    for table, columns, lines in (
        ("trust_class", ("account_class", "is_asset", "per_pool"), CLASSES),
        ("trust_allowed", ("kind", "debit_class", "credit_class"), TRIPLES),
    ):
        keys = columns[:1] if table == "trust_class" else columns
        known = set(session.rows(f"SELECT {', '.join(keys)} FROM {table}"))  # noqa: S608  names are ours
        session.load(table, columns, [line for line in lines if line[: len(keys)] not in known])
