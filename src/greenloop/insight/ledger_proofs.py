"""The general ledger: totals rebuilt, books balanced, history closed (invariants 1 and 2, G4, G9)."""

from collections.abc import Iterator

from django.db import connection

from greenloop.core.books.accounts import ALLOWED, OPS, TRANSFERS, TRUST, book_of
from greenloop.core.books.posting import trial_balance
from greenloop.core.faults import say
from greenloop.insight.proof import Proof, equal, no_rows, none_of
from greenloop.store import sql
from greenloop.store.queries import subledgers

GUARDED = (
    *("journal", "posting", "posting_rule", "settled_cycle", "rule_version", "wallet_entry", "clawback"),
    "voucher_change",
    "minting",
    *("audit_entry", "log_leaf", "log_node", "log_checkpoint", "journal_seal", "liability_root", "liability_book"),
)


def proofs() -> Iterator[Proof]:
    """Prove the general ledger."""
    now = subledgers.balances()
    yield no_rows("1", "totals", say("Each account's totals are the sums of its postings."), _TOTALS, _ACCOUNTS)
    what = say("No journal is without postings, and none joins two books.")
    yield no_rows("1", "journals", what, _JOURNALS, "SELECT COUNT(*) FROM journal")
    yield _allow_list()
    yield _closed_history()
    what = say("Bank and money in transit equal all that the trust book owes.")
    yield equal("2", "trust", what, *trial_balance(now, TRUST))
    what = say("The operating book's assets and costs equal its income.")
    yield equal("2", "ops", what, *trial_balance(now, OPS))
    what = say("No control account is negative.")
    yield Proof("2", "accounts", what, len(now), sum(fen < 0 for fen in now.values()))
    for table, columns in _NOT_NEGATIVE.items():
        what = say("No amount is negative.")
        yield none_of("2", table, what, table, " OR ".join(f"{column} < 0" for column in columns))
    what = say("Pools, vouchers, coupons, reserve and fees are covered by confirmed cash (G1).")
    owed = sum(fen for name, fen in now.items() if book_of(name) == TRUST and name.split(":")[1] in _COVERED)
    yield Proof("G1", "custody", what, owed, max(0, owed - now["trust:bank"]))
    yield _transfers()


def _allow_list() -> Proof:
    stored = {tuple(row) for row in sql.rows("SELECT kind, debit_class, credit_class FROM posting_rule")}
    what = say("The database lets exactly the postings of the allow-list pass, and has no other (G4, G9).")
    strays = sql.value(_STRAYS)
    return Proof("6", "allow-list", what, len(stored), len(stored ^ ALLOWED) + int(strays))


def _closed_history() -> Proof:
    query = (
        "SELECT DISTINCT event_object_table FROM information_schema.triggers WHERE trigger_name LIKE '%%append_only' "
        if connection.vendor == "postgresql"
        else "SELECT DISTINCT tbl_name FROM sqlite_master WHERE type = 'trigger' AND name LIKE '%%_no_update'"
    )
    closed = {row[0] for row in sql.rows(query)}
    what = say("Journals, postings, settlements, rules, wallet entries and the audit log can't be changed or deleted.")
    return Proof("1", "append-only", what, len(GUARDED), len(set(GUARDED) - closed))


def _transfers() -> Proof:
    """Each transfer between the books is two journals with one key and one amount."""
    sums: dict[str, dict[str, int]] = {}
    found = sql.rows(_TRANSFERS.format(kinds=sql.marks(len(TRANSFERS))), sorted(TRANSFERS))
    for key, book, fen in found:
        sums.setdefault(key, {})[book] = int(fen)
    wrong = sum(set(each) != {TRUST, OPS} or each[TRUST] != each[OPS] for each in sums.values())
    what = say("A transfer between the books is two journals with one key and one amount.")
    return Proof("1", "transfers", what, len(sums), wrong)


_ACCOUNTS = "SELECT COUNT(*) FROM ledger_account"
_TOTALS = """
    SELECT a.name FROM ledger_account a
    LEFT JOIN (SELECT debit_id, SUM(amount_fen) AS fen FROM posting GROUP BY debit_id) d ON d.debit_id = a.id
    LEFT JOIN (SELECT credit_id, SUM(amount_fen) AS fen FROM posting GROUP BY credit_id) c ON c.credit_id = a.id
    WHERE a.debits_fen <> COALESCE(d.fen, 0) OR a.credits_fen <> COALESCE(c.fen, 0)
"""
_JOURNALS = """
    SELECT j.key FROM journal j LEFT JOIN posting p ON p.journal_id = j.id
    LEFT JOIN ledger_account d ON d.id = p.debit_id LEFT JOIN ledger_account c ON c.id = p.credit_id
    WHERE p.id IS NULL OR d.book <> j.book OR c.book <> j.book
"""
_STRAYS = """
    SELECT COUNT(*) FROM posting p JOIN journal j ON j.id = p.journal_id
    JOIN ledger_account d ON d.id = p.debit_id JOIN ledger_account c ON c.id = p.credit_id
    LEFT JOIN posting_rule r
        ON r.kind = j.kind AND r.debit_class = d.account_class AND r.credit_class = c.account_class
    WHERE r.id IS NULL
"""
_TRANSFERS = """
    SELECT j.key, j.book, SUM(p.amount_fen) FROM journal j JOIN posting p ON p.journal_id = j.id
    WHERE j.kind IN ({kinds}) GROUP BY j.key, j.book
"""
_COVERED = ("pool", "accrued", "voucher", "coupon", "reserve", "fee_payable", "grant_unused")
_NOT_NEGATIVE = {
    "pool": ("free_fen", "backing_fen"),
    "wallet": ("claimed_fen", "voucher_fen", "redeemed_fen", "expired_fen", "debt_fen"),
    "voucher": ("left_fen",),
    "coupon": ("left_fen", "expired_fen"),
}
