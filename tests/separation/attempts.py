"""What somebody would try: each a change that must not happen, as SQL in the trust book's database."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import psycopg

from greenloop.core.books.accounts import account_class
from greenloop.core.books.fingerprint import Entry
from greenloop.core.books.posting import Posting
from tests.separation.vault import CASH, KEEPER, OWNER, SALE

Try = Callable[[psycopg.Connection], None]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: what it would do, and how."""

    name: str
    make: Try


def statement(name: str, *sql: str) -> Attempt:
    def make(connection: psycopg.Connection) -> None:
        for each in sql:
            connection.execute(each)

    return Attempt(name, make)


def journal(name: str, *, number: int = 3, sha256: str = "", more: str = "", **changes: object) -> Attempt:
    """Return the attempt to add a journal like the second one, but for what is changed; its hash fits, unless told."""
    entry = replace(CASH, **({"key": "forged/1"} | changes))  # type: ignore[arg-type]

    def make(connection: psycopg.Connection) -> None:
        add(connection, entry, number=number, sha256=sha256 or entry.sha256(), more=more)

    return Attempt(name, make)


def add(connection: psycopg.Connection, entry: Entry, *, number: int, sha256: str, more: str = "") -> None:
    if more:
        connection.execute(more)
    for name in {name for each in entry.postings for name in (each.debit, each.credit)}:
        connection.execute(
            "INSERT INTO trust_account (name, account_class) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            [name, account_class(name)],
        )
    connection.execute(
        "INSERT INTO trust_journal (number, key, sha256, kind, effective_at, recorded_at) "
        "VALUES (%s, %s, %s, %s, %s, %s)",
        [number, entry.key, sha256, entry.kind, entry.effective_at, entry.recorded_at],
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO trust_posting (number, debit, credit, amount_fen) VALUES (%s, %s, %s, %s)",
            [(number, each.debit, each.credit, each.amount_fen) for each in entry.postings],
        )


def moves(debit: str, credit: str, fen: int = 1_000) -> tuple[Posting, ...]:
    return (Posting(debit, credit, fen),)


OWN_TRIGGER = (
    "CREATE TEMPORARY TABLE trap (number bigint, debit text, credit text, amount_fen bigint)",
    """CREATE TRIGGER trap AFTER INSERT ON trap REFERENCING NEW TABLE AS added
       FOR EACH STATEMENT EXECUTE FUNCTION trust_posted()""",
    "INSERT INTO trap VALUES (2, 'trust:bank', 'trust:in_transit', 5)",
)
BY_ANYBODY = (
    statement("change a posted amount", "UPDATE trust_posting SET amount_fen = amount_fen + 1"),
    statement("change an account's total", "UPDATE trust_account SET debits_fen = debits_fen + 1"),
    statement("change a journal's hash", "UPDATE trust_journal SET sha256 = repeat('0', 64)"),
    statement("delete a posting", "DELETE FROM trust_posting WHERE number = 2"),
    statement("delete a journal", "DELETE FROM trust_journal WHERE number = 2"),
    statement("empty the journal", "TRUNCATE trust_journal CASCADE"),
    statement("drop a table", "DROP TABLE trust_posting"),
    statement("change a table", "ALTER TABLE trust_posting DROP CONSTRAINT trust_posting_amount_fen_check"),
    statement("switch triggers off", "ALTER TABLE trust_posting DISABLE TRIGGER ALL"),
    statement("drop a trigger", "DROP TRIGGER trust_posting_posted ON trust_posting"),
    statement("replay without triggers", "SET session_replication_role = replica"),
    statement(
        "replace a function",
        "CREATE OR REPLACE FUNCTION trust_append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    ),
    statement("become the owner", f"SET ROLE {OWNER}"),
    statement("make oneself a superuser", "ALTER ROLE CURRENT_USER SUPERUSER"),
    statement(
        "grant oneself more", "GRANT ALL ON trust_journal TO CURRENT_USER", "UPDATE trust_journal SET kind = 'x'"
    ),
    statement("make a table", "CREATE TABLE public.mine (n int)"),
    statement("make a schema", "CREATE SCHEMA mine"),
    statement("use the book's trigger on a table of one's own", *OWN_TRIGGER),
    statement("load an extension", "CREATE EXTENSION dblink"),
    statement("copy out through a program", "COPY trust_journal TO PROGRAM 'cat'"),
    statement("read the server's files", "SELECT pg_read_file('postgresql.conf')"),
    statement("list another posting", "INSERT INTO trust_allowed VALUES ('bonus', 'trust:reserve', 'trust:bank')"),
    statement("give another version", "INSERT INTO trust_version VALUES (2)"),
    journal("post a kind that isn't there", kind="bonus", postings=moves("trust:reserve", "trust:bank")),
    journal("pay the platform more than its fee", kind="fee", postings=moves("trust:reserve", "trust:bank")),
    journal("pay the platform's account", kind="fee", postings=moves("ops:bank", "trust:bank")),
    journal("top up a pool", kind="deposit", postings=moves("trust:bank", "trust:pool:green")),
    journal("move money from pool to pool", kind="draw", postings=moves("trust:accrued:a", "trust:voucher:b")),
    journal("post a negative amount", postings=moves("trust:bank", "trust:in_transit", -1_000)),
    journal("post nothing", postings=moves("trust:bank", "trust:in_transit", 0)),
    journal("add a journal without postings", postings=()),
    journal("use a key again with another amount", key=CASH.key, postings=moves("trust:bank", "trust:in_transit")),
    journal("post to an account that isn't there", postings=moves("trust:bank", "trust:slush")),
    journal("open a second bank account", postings=moves("trust:bank:mine", "trust:in_transit")),
    journal("overdraw an account", kind="payout", postings=moves("trust:merchant_payable", "trust:bank", 90_001)),
    journal("take a number twice", number=2),
    journal("take a number from before the first", number=0),
    journal("leave a number out", number=9),
    journal("say another hash", sha256=SALE.sha256()),
    statement(
        "add to a journal that is complete",
        "INSERT INTO trust_account (name, account_class) VALUES ('trust:coupon', 'trust:coupon')",
        "INSERT INTO trust_posting VALUES (1, 'trust:coupon', 'trust:merchant_payable', 1)",
    ),
    statement(
        "open an account with money in it",
        "INSERT INTO trust_account (name, account_class, debits_fen) VALUES ('trust:reserve', 'trust:reserve', 5)",
    ),
    statement(
        "say when a journal was kept",
        "INSERT INTO trust_journal (number, key, sha256, kind, effective_at, recorded_at, kept_at) "
        "VALUES (3, 'forged/1', repeat('0', 64), 'confirm', now(), now(), '2020-01-01')",
    ),
)
"""Nobody may do these, whoever gets in: the business's role, a reader, the keeper itself."""

BY_BUSINESS = (
    statement("connect", "SELECT 1"),
    statement("read", "SELECT * FROM trust_journal"),
    journal("add a journal that would be right", postings=moves("trust:bank", "trust:in_transit", 1), kind="confirm"),
    statement("become the keeper", f"SET ROLE {KEEPER}"),
)
"""The keeper may connect and read, and is what it is; the business's role isn't."""
