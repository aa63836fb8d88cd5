"""What a check has found: one statement about the books, how much was looked at, and what is wrong with it."""

from dataclasses import dataclass

from greenloop.store import sql


@dataclass(frozen=True, slots=True)
class Proof:
    """One proved or broken statement.

    `law` names the invariant of domain.md it belongs to, `what` says it in a sentence, `looked_at` counts rows or
    amounts compared, `difference` is the sum of what is off (rows or fen), 0 where the statement holds.
    """

    law: str
    name: str
    what: str
    looked_at: int
    difference: int
    detail: str = ""

    @property
    def holds(self) -> bool:
        """Whether nothing is off."""
        return self.difference == 0


def none_of(law: str, name: str, what: str, table: str, condition: str) -> Proof:
    """Prove that no row of a table meets a condition."""
    total, wrong = sql.rows(
        f"SELECT COUNT(*), COALESCE(SUM(CASE WHEN {condition} THEN 1 ELSE 0 END), 0) FROM {table}"  # noqa: S608
    )[0]
    return Proof(law, name, what, int(total), int(wrong))


def no_rows(law: str, name: str, what: str, query: str, looked_at: str) -> Proof:
    """Prove that a query which lists offenders lists none; `looked_at` is a query that counts what was compared."""
    offenders = sql.rows(f"{query} LIMIT 1000")
    detail = ", ".join(map(str, offenders[0])) if offenders else ""
    return Proof(law, name, what, int(sql.value(looked_at) or 0), len(offenders), detail)


def equal(law: str, name: str, what: str, ledger_fen: int, other_fen: int) -> Proof:
    """Prove that two amounts in fen are equal."""
    return Proof(law, name, what, abs(ledger_fen), abs(ledger_fen - other_fen), f"{ledger_fen} / {other_fen}")
