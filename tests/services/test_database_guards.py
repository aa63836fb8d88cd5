"""What the database itself refuses, whoever is connected: raw SQL past every verb."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import DatabaseError, connection, transaction

from greenloop.core.books.accounts import ALLOWED
from greenloop.services.loop import minting
from greenloop.services.people.complaints import answer_complaint, file_complaint
from greenloop.services.trust.log.keeping import sign_log
from greenloop.services.trust.log.sealing import seal_journals
from greenloop.services.trust.looks import note_look
from tests.support.databases import Database
from tests.support.ledger import execute, fetch, whole_database
from tests.support.town import Town

APPEND_ONLY = (
    *("journal", "posting", "posting_rule", "settled_cycle", "rule_version", "wallet_entry", "clawback"),
    "voucher_change",
    "minting",
    *("audit_entry", "log_leaf", "log_node", "log_checkpoint", "journal_seal"),
    *("complaint_answer", "portal_view"),
)
NO_OTHER_KEY = ("posting", "audit_entry", "portal_view", "complaint_answer")
"""Tables whose rows may be the same but for their numbers."""


@contextmanager
def refused() -> Iterator[None]:
    """Expect that the database refuses a statement, and that nothing of it stays."""
    before = whole_database()
    with pytest.raises(DatabaseError), transaction.atomic():
        yield
    assert whole_database() == before


def busy(town: Town) -> Town:
    """Fill every append-only table: orders, settlements, a draw, and a refund that takes vouchers back."""
    order = town.sell("mei", "grocer", 100_000)
    town.sell("bo", "grocer", 100_000, delivered=False)
    town.close_all([1, 2])
    town.draw("mei")
    town.refund(order, 50_000)
    with transaction.atomic():
        minting.write(minting.Draft(mints=False, effective_at=town.at + minting.LEAD), by="Wu", at=town.at)
    seal_journals(at=town.at)
    sign_log(at=town.at)
    complained = file_complaint(account_id=town.ids["bo"], category="data", text="What?", order_id=None, at=town.at)
    answer_complaint(complaint_id=complained, text="This.", close=False, by="console", at=town.at)
    note_look(account_id=town.ids["bo"], method="GET", page="portal", about="", at=town.at)
    for table in APPEND_ONLY:
        assert fetch(f"SELECT COUNT(*) FROM {table}") != [(0,)], table
    return town


def column(table: str) -> str:
    with connection.cursor() as cursor:
        return str(connection.introspection.get_table_description(cursor, table)[-1].name)


def test_history_can_t_be_changed_or_deleted(town: Town) -> None:
    busy(town)
    for table in APPEND_ONLY:
        with refused():
            execute(f"UPDATE {table} SET {column(table)} = {column(table)}")
        with refused():
            execute(f"DELETE FROM {table}")


def test_history_can_t_be_truncated(town: Town) -> None:
    if connection.vendor != "postgresql":
        # SQLite has no TRUNCATE; its nearest is a DELETE without a condition, which the test above tries.
        with pytest.raises(DatabaseError):
            execute("TRUNCATE journal")
        return
    busy(town)
    for table in APPEND_ONLY:
        with refused():
            execute(f"TRUNCATE {table} CASCADE")


def test_history_can_t_be_replaced(town: Town) -> None:
    busy(town)
    for table in (*APPEND_ONLY, "ledger_account"):
        with connection.cursor() as cursor:
            columns = [str(each.name) for each in connection.introspection.get_table_description(cursor, table)]
        names = ", ".join(columns)
        # On PostgreSQL a repeated key is refused by itself; SQLite would delete the row in the way.
        verb = "INSERT" if connection.vendor == "postgresql" else "INSERT OR REPLACE"
        with refused():
            execute(f"{verb} INTO {table} ({names}) SELECT {names} FROM {table}")
        if "id" in columns:
            others = ", ".join("id + 1000000" if name == "id" else name for name in columns)
            if table not in NO_OTHER_KEY:
                with refused():
                    execute(f"{verb} INTO {table} ({names}) SELECT {others} FROM {table}")
        if connection.vendor == "sqlite":
            with refused():
                execute(f"UPDATE OR REPLACE {table} SET {columns[0]} = (SELECT MAX({columns[0]}) FROM {table})")


def account(name: str) -> int:
    return int(fetch("SELECT id FROM ledger_account WHERE name = %s", name)[0][0])


def journal(kind: str, book: str = "trust") -> int:
    execute(
        "INSERT INTO journal (book, key, kind, effective_at, recorded_at) "
        "VALUES (%s, %s, %s, '2026-01-05 00:00:00', '2026-01-05 00:00:00')",
        *(book, f"by-hand/{kind}", kind),
    )
    return int(fetch("SELECT MAX(id) FROM journal")[0][0])


def post_by_hand(kind: str, debit: str, credit: str, *, book: str = "trust", amount_fen: int = 5) -> None:
    execute(
        "INSERT INTO posting (journal_id, debit_id, credit_id, amount_fen) VALUES (%s, %s, %s, %s)",
        *(journal(kind, book), account(debit), account(credit), amount_fen),
    )


def test_a_posting_on_the_allow_list_is_let_through(town: Town) -> None:
    # So that the refusals below are for the right reason. It is taken back, for no total has grown with it.
    with transaction.atomic():
        post_by_hand("confirm", "trust:bank", "trust:in_transit")
        post_by_hand("fee", "ops:bank", "ops:fee_income", book="ops")
        assert fetch("SELECT COUNT(*) FROM posting") == [(2,)]
        transaction.set_rollback(True)


def test_a_posting_off_the_allow_list_is_refused(town: Town) -> None:
    for kind, debit, credit in (
        ("take", "trust:bank", "trust:pool:green"),  # a top-up of a pool
        ("deposit", "trust:bank", "trust:voucher:green"),  # a sale of vouchers
        ("draw", "trust:voucher:green", "trust:voucher:red"),  # from pool to pool
        ("draw", "trust:voucher:green", "trust:bank"),  # a cash-out
        ("settle", "trust:accrued:green", "trust:pool:green"),  # a settlement backwards
        ("expire", "trust:voucher:green", "trust:fee_payable"),  # expired vouchers as income
        ("bonus", "trust:reserve", "trust:bank"),  # a kind that isn't there
    ):
        with refused():
            post_by_hand(kind, debit, credit)


def test_a_posting_that_joins_the_two_books_is_refused_in_either(town: Town) -> None:
    for book in ("trust", "ops"):
        with refused():
            post_by_hand("fee", "trust:fee_payable", "ops:fee_income", book=book)
        with refused():
            post_by_hand("payout", "trust:merchant_payable", "ops:bank", book=book)
    # A posting of one book in a journal of the other is no better.
    with refused():
        post_by_hand("fee", "ops:bank", "ops:fee_income", book="trust")
    with refused():
        post_by_hand("fee", "trust:fee_payable", "trust:bank", book="ops")


def test_a_posting_of_nothing_of_a_negative_amount_or_to_itself_is_refused(town: Town) -> None:
    for amount_fen in (0, -5):
        with refused():
            post_by_hand("confirm", "trust:bank", "trust:in_transit", amount_fen=amount_fen)
    with refused():
        post_by_hand("confirm", "trust:bank", "trust:bank")


def test_the_allow_list_lets_nothing_pass_that_domain_md_doesn_t_name() -> None:
    # No way into a pool but vesting, expiry and refunds; no way to a bank but payouts, fees, refunds, and an advance.
    assert {kind for kind, _, credit in ALLOWED if credit == "trust:pool"} == {"vest", "expire", "refund"}
    assert {kind for kind, _, credit in ALLOWED if credit in ("trust:bank", "ops:bank")} == {
        *("payout", "fee", "refund", "grant", "advance"),
    }
    assert all(debit.split(":")[0] == credit.split(":")[0] for _, debit, credit in ALLOWED)


def test_the_stored_allow_list_is_the_one_in_the_code(database: Database) -> None:
    assert set(fetch("SELECT kind, debit_class, credit_class FROM posting_rule")) == ALLOWED


def test_the_totals_of_an_account_only_grow_and_it_keeps_its_name_and_class(town: Town) -> None:
    busy(town)
    for change in (
        "debits_fen = debits_fen - 1, credits_fen = credits_fen - 1",
        "debits_fen = debits_fen - 1",
        "credits_fen = 0",
        "name = 'trust:other'",
        "account_class = 'trust:reserve'",
        "book = 'ops'",
        "is_asset = NOT is_asset",
    ):
        with refused():
            execute(f"UPDATE ledger_account SET {change} WHERE name = 'trust:bank'")
    with refused():
        execute("DELETE FROM ledger_account WHERE name = 'trust:bank'")
    with refused():
        execute("DELETE FROM ledger_account WHERE name = 'ops:marketing'")


NEGATIVE = (
    "ledger_account SET credits_fen = credits_fen + 1000000000 WHERE name = 'trust:bank'",
    "ledger_account SET debits_fen = debits_fen + 1000000000 WHERE name = 'trust:reserve'",
    "pool SET free_fen = -1",
    "pool SET backing_fen = -1",
    "pool SET entry_cycle = settled_cycle",
    "pool SET entry_cycle = settled_cycle + 3",
    "pool_cycle SET inflow_fen = -1",
    "wallet SET voucher_fen = -1",
    "wallet SET claimed_fen = -1",
    "wallet SET redeemed_fen = -1",
    "wallet SET expired_fen = -1",
    "wallet SET debt_fen = -1",
    "voucher SET left_fen = -1",
    "coupon SET left_fen = -1",
    "position SET points = -1",
    "position SET points = 1840000000001",
    "cohort SET release_index = index_cap + 1",
    "cohort SET release_index = -1",
    "cohort SET points = -1",
    "orders SET cash_fen = -1",
    "orders SET concession_fen = cash_fen + 1",
    "orders SET refunded_fen = cash_fen + voucher_fen + coupon_fen + 1",
    "orders SET concession_lost_fen = concession_fen + 1",
    "refund SET amount_fen = 0",
    "refund SET state = 'lost'",
    "rate_card SET rate_ppm = 29999",
    "rate_card SET rate_ppm = 200001",
    "referral_month SET red_fen = -1",
    "settlement_run SET decided_by = proposed_by",
    "settlement_run SET state = 'lost'",
    "member SET referrer_id = account_id",
)


def test_no_row_can_hold_what_can_t_be_true(town: Town) -> None:
    town.sell("lin", "grocer", 1_000)
    busy(town)
    for change in NEGATIVE:
        with refused():
            assert execute(f"UPDATE {change}") != 0, change


def test_natural_keys_are_used_once(town: Town) -> None:
    busy(town)
    for table, columns in (
        ("orders", "merchant_id, order_no"),
        ("refund", "merchant_id, order_id, refund_no"),
        ("journal", "key, book"),
        ("member", "ref"),
        ("merchant", "ref"),
        ("settlement_run", "cycle"),
        ("cohort", "pool_id, entry, plan_id"),
    ):
        keyed = {name.strip() for name in columns.split(",")}
        with connection.cursor() as cursor:
            names = [str(each.name) for each in connection.introspection.get_table_description(cursor, table)]
        copied = ", ".join(
            f"{name} + 1" if name in ("id", "account_id") and name not in keyed else name for name in names
        )
        with refused():
            execute(f"INSERT INTO {table} ({', '.join(names)}) SELECT {copied} FROM {table}")
