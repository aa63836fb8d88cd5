"""The triggers of the trust book: what its database refuses, whoever asks, and the totals that it keeps itself."""

from collections.abc import Iterator

from greenloop.core.books.fingerprint import FORM

APPEND_ONLY = ("trust_version", "trust_class", "trust_allowed", "trust_journal", "trust_posting")
_KEYS = {
    "trust_journal": ("number", "key"),
    "trust_posting": ("number, debit, credit",),
    "trust_account": ("name",),
    "trust_class": ("account_class",),
    "trust_version": ("version",),
}

# An account is the only one of its class, or one of a pool: its class, a colon, the pool's name.
_ACCOUNT_KNOWN = """
    SELECT 1 FROM trust_class c WHERE c.account_class = NEW.account_class AND (
        (NOT c.per_pool AND NEW.name = c.account_class)
        OR (c.per_pool AND length(NEW.name) > length(c.account_class) + 1
            AND substr(NEW.name, 1, length(c.account_class) + 1) = c.account_class || ':'))
"""
# Nothing crosses pools (G10): the rest of both names, which is the pool's, is the same.
_LISTED = """
    JOIN trust_account d ON d.name = {posting}.debit JOIN trust_account c ON c.name = {posting}.credit
    LEFT JOIN trust_allowed r
        ON r.kind = j.kind AND r.debit_class = d.account_class AND r.credit_class = c.account_class
        AND (d.name = d.account_class OR c.name = c.account_class
             OR substr(d.name, length(d.account_class) + 1) = substr(c.name, length(c.account_class) + 1))
"""


def sqlite_refuses() -> Iterator[str]:
    """Yield the triggers of a file."""

    def refuse(name: str, when: str, sentence: str, condition: str = "") -> str:
        guard = f"WHEN {condition}" if condition else ""
        return f"CREATE TRIGGER {name} BEFORE {when} {guard} BEGIN SELECT RAISE(ABORT, '{sentence}'); END"

    for table in APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            yield refuse(f"{table}_no_{verb.lower()}", f"{verb} ON {table}", f"{table} is append-only")
    # INSERT OR REPLACE deletes the row in its way without firing delete triggers, so a known key is refused here.
    for table, keys in _KEYS.items():
        for key in keys:
            columns = key.split(", ")
            same = " AND ".join(f"{column} = NEW.{column}" for column in columns)
            known = f"EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608  names are ours
            yield refuse(f"{table}_no_replace_{columns[0]}", f"INSERT ON {table}", f"{table} has this {key}", known)
    for table, condition, sentence in _SQLITE_INSERTS:
        yield refuse(f"{table}_{sentence.split()[0]}_{len(sentence)}", f"INSERT ON {table}", sentence, condition)
    yield refuse("trust_account_stays", "DELETE ON trust_account", "an account is never deleted")
    yield refuse("trust_account_grows", "UPDATE ON trust_account", "totals only grow", _SHRINKS)
    yield """
        CREATE TRIGGER trust_posting_counts AFTER INSERT ON trust_posting BEGIN
            UPDATE trust_account SET debits_fen = debits_fen + NEW.amount_fen WHERE name = NEW.debit;
            UPDATE trust_account SET credits_fen = credits_fen + NEW.amount_fen WHERE name = NEW.credit;
        END"""


_SHRINKS = """
    NEW.debits_fen < OLD.debits_fen OR NEW.credits_fen < OLD.credits_fen
    OR NEW.name <> OLD.name OR NEW.account_class <> OLD.account_class
"""
_SQLITE_INSERTS = (
    (
        "trust_journal",
        "NEW.number <> (SELECT COALESCE(MAX(number), 0) + 1 FROM trust_journal)",
        "numbers follow each other",
    ),
    (
        "trust_account",
        f"NEW.debits_fen <> 0 OR NEW.credits_fen <> 0 OR NOT EXISTS ({_ACCOUNT_KNOWN})",
        "no class allows this account",
    ),
    (
        "trust_posting",
        "NEW.number < (SELECT COALESCE(MAX(number), 0) FROM trust_posting)",
        "earlier journals are complete",
    ),
    (
        "trust_posting",
        f"""NOT EXISTS (SELECT 1 FROM trust_journal j {_LISTED.format(posting="NEW")}
            WHERE j.number = NEW.number AND r.kind IS NOT NULL)""",  # noqa: S608
        "this posting is not on the list",
    ),
)


def postgresql_refuses() -> Iterator[str]:
    """Yield the functions and triggers of a server, and what nobody is granted."""
    yield from _FUNCTIONS
    for table in (*APPEND_ONLY, "trust_account"):
        changes = "DELETE OR TRUNCATE" if table == "trust_account" else "UPDATE OR DELETE OR TRUNCATE"
        yield f"""CREATE TRIGGER {table}_append_only BEFORE {changes} ON {table}
                  FOR EACH STATEMENT EXECUTE FUNCTION trust_append_only()"""
    yield from _TRIGGERS
    for name in ("append_only", "account_opens", "account_grows", "account_covered", "numbered", "moved", "posted"):
        # Else a table of one's own with one of these triggers would move the totals.
        yield f"REVOKE ALL ON FUNCTION trust_{name}() FROM PUBLIC"


def _function(name: str, body: str, *, declare: str = "", definer: bool = False) -> str:
    rights = "SECURITY DEFINER" if definer else ""
    return f"""CREATE FUNCTION trust_{name}() RETURNS trigger LANGUAGE plpgsql {rights}
        SET search_path = pg_catalog, public, pg_temp AS $$ {declare} BEGIN {body} END $$"""


_REFUSE = "USING ERRCODE = 'integrity_constraint_violation'"
# The canonical form of core/books/fingerprint.py, computed by the database from its own rows.
_SEALED = f"""
    SELECT j.key INTO wrong FROM trust_journal j JOIN (
        SELECT p.number, string_agg('[' || to_json(p.debit::text) || ',' || to_json(p.credit::text) || ','
            || p.amount_fen || ']', ',' ORDER BY p.debit COLLATE "C", p.credit COLLATE "C") AS lines
        FROM trust_posting p WHERE p.number IN (SELECT number FROM added) GROUP BY p.number
    ) s ON s.number = j.number
    WHERE j.sha256 <> encode(sha256(convert_to('["{FORM}",' || to_json(j.key::text) || ',' || to_json(j.kind::text)
        || ',' || (extract(epoch FROM j.effective_at) * 1000000)::bigint
        || ',' || (extract(epoch FROM j.recorded_at) * 1000000)::bigint || ',[' || s.lines || ']]', 'UTF8')), 'hex')
    LIMIT 1;
"""  # noqa: S608
_FUNCTIONS = (
    _function("append_only", f"RAISE EXCEPTION '% is append-only', TG_TABLE_NAME {_REFUSE};"),
    _function(
        "account_opens",
        f"""IF NEW.debits_fen <> 0 OR NEW.credits_fen <> 0 OR NOT EXISTS ({_ACCOUNT_KNOWN}) THEN
                RAISE EXCEPTION 'no class allows the account %', NEW.name {_REFUSE};
            END IF; RETURN NEW;""",
    ),
    _function("account_grows", f"IF {_SHRINKS} THEN RAISE EXCEPTION 'totals only grow' {_REFUSE}; END IF; RETURN NEW;"),
    _function(
        "account_covered",
        f"""IF EXISTS (SELECT 1 FROM trust_account a JOIN trust_class c USING (account_class)
                WHERE a.name = NEW.name AND CASE WHEN c.is_asset THEN a.debits_fen < a.credits_fen
                                                 ELSE a.credits_fen < a.debits_fen END) THEN
                RAISE EXCEPTION '% would be negative', NEW.name {_REFUSE};
            END IF; RETURN NULL;""",  # noqa: S608
    ),
    _function(
        "numbered",
        f"""SELECT COALESCE(MIN(number), 0), COALESCE(MAX(number), 0), COUNT(*) INTO lowest, highest, added_rows
                FROM added;
            SELECT COALESCE(MAX(number), 0) INTO newest FROM trust_journal WHERE number < lowest;
            IF added_rows > 0 AND (lowest <> newest + 1 OR highest <> newest + added_rows) THEN
                RAISE EXCEPTION 'numbers follow each other: the next is %', newest + 1 {_REFUSE};
            END IF; RETURN NULL;""",  # noqa: S608
        declare="DECLARE lowest bigint; highest bigint; newest bigint; added_rows bigint;",
    ),
    _function(
        "moved",
        f"""IF NOT EXISTS (SELECT 1 FROM trust_posting WHERE number = NEW.number) THEN
                RAISE EXCEPTION 'the journal % moves nothing', NEW.key {_REFUSE};
            END IF; RETURN NULL;""",  # noqa: S608
    ),
    _function(
        "posted",
        f"""SELECT a.debit, a.credit, j.kind INTO wrong
                FROM added a JOIN trust_journal j ON j.number = a.number {_LISTED.format(posting="a")}
                WHERE r.kind IS NULL LIMIT 1;
            IF FOUND THEN
                RAISE EXCEPTION 'no % debits % and credits %', wrong.kind, wrong.debit, wrong.credit {_REFUSE};
            END IF;
            {_SEALED}
            IF FOUND THEN RAISE EXCEPTION 'the journal % is not what its SHA-256 says', wrong.key {_REFUSE}; END IF;
            UPDATE trust_account a
                SET debits_fen = a.debits_fen + s.debits, credits_fen = a.credits_fen + s.credits
                FROM (SELECT name, SUM(debits) AS debits, SUM(credits) AS credits FROM (
                        SELECT debit AS name, amount_fen AS debits, 0 AS credits FROM added
                        UNION ALL SELECT credit, 0, amount_fen FROM added) AS sides GROUP BY name) AS s
                WHERE a.name = s.name;
            RETURN NULL;""",  # noqa: S608
        declare="DECLARE wrong record;",
        definer=True,
    ),
)
_TRIGGERS = (
    """CREATE TRIGGER trust_account_opens BEFORE INSERT ON trust_account
       FOR EACH ROW EXECUTE FUNCTION trust_account_opens()""",
    """CREATE TRIGGER trust_account_grows BEFORE UPDATE ON trust_account
       FOR EACH ROW EXECUTE FUNCTION trust_account_grows()""",
    """CREATE CONSTRAINT TRIGGER trust_account_covered AFTER UPDATE ON trust_account
       DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION trust_account_covered()""",
    """CREATE TRIGGER trust_journal_numbered AFTER INSERT ON trust_journal REFERENCING NEW TABLE AS added
       FOR EACH STATEMENT EXECUTE FUNCTION trust_numbered()""",
    """CREATE CONSTRAINT TRIGGER trust_journal_moved AFTER INSERT ON trust_journal
       DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION trust_moved()""",
    """CREATE TRIGGER trust_posting_posted AFTER INSERT ON trust_posting REFERENCING NEW TABLE AS added
       FOR EACH STATEMENT EXECUTE FUNCTION trust_posted()""",
)
