"""What the database itself refuses: changed history, postings off the allow-list, shrinking totals."""

from typing import Any

from django.db import migrations

from greenloop.core.books.accounts import ALLOWED, SINGLE, account_class, book_of, is_asset

APPEND_ONLY = ("journal", "posting", "posting_rule", "settled_cycle", "rule_version", "wallet_entry", "clawback")

KEYS: dict[str, list[tuple[str, ...]]] = {
    "journal": [("id",), ("key", "book")],
    "posting": [("id",)],
    "posting_rule": [("id",), ("kind", "debit_class", "credit_class")],
    "settled_cycle": [("pool_id", "cycle")],
    "rule_version": [("id",), ("effective_at",)],
    "wallet_entry": [("account_id", "journal_id", "line")],
    "clawback": [("account_id", "refund_id", "pool_id")],
    "ledger_account": [("id",), ("name",)],
}

POSTING_ALLOWED = """
    SELECT 1 FROM journal j, ledger_account d, ledger_account c, posting_rule r
    WHERE j.id = NEW.journal_id AND d.id = NEW.debit_id AND c.id = NEW.credit_id
      AND d.book = j.book AND c.book = j.book
      AND r.kind = j.kind AND r.debit_class = d.account_class AND r.credit_class = c.account_class
"""


def sqlite_guards() -> list[str]:
    statements = [
        f"""CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}
            BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"""
        for table in APPEND_ONLY
        for verb in ("update", "delete")
    ]
    # INSERT OR REPLACE deletes the row in its way without firing delete triggers, so a known key is refused here.
    statements.extend(
        f"""CREATE TRIGGER {table}_no_replace_{key[0]} BEFORE INSERT ON {table} WHEN EXISTS (
                SELECT 1 FROM {table} WHERE {' AND '.join(f'{name} = NEW.{name}' for name in key)})
            BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"""
        for table, keys in KEYS.items()
        for key in keys
    )
    statements.append(
        f"""CREATE TRIGGER posting_allowed BEFORE INSERT ON posting WHEN NOT EXISTS ({POSTING_ALLOWED})
            BEGIN SELECT RAISE(ABORT, 'this posting is not on the allow-list'); END"""
    )
    statements.append(
        """CREATE TRIGGER ledger_account_grows BEFORE UPDATE ON ledger_account
           WHEN NEW.debits_fen < OLD.debits_fen OR NEW.credits_fen < OLD.credits_fen OR NEW.id <> OLD.id
             OR NEW.name <> OLD.name OR NEW.account_class <> OLD.account_class OR NEW.book <> OLD.book
             OR NEW.is_asset <> OLD.is_asset
           BEGIN SELECT RAISE(ABORT, 'the totals of a control account only grow'); END"""
    )
    statements.append(
        """CREATE TRIGGER ledger_account_stays BEFORE DELETE ON ledger_account
           BEGIN SELECT RAISE(ABORT, 'a control account is never deleted'); END"""
    )
    return statements


def postgresql_guards() -> list[str]:
    statements = [
        """CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$""",
        f"""CREATE FUNCTION posting_allowed() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN
             IF NOT EXISTS ({POSTING_ALLOWED}) THEN
               RAISE EXCEPTION 'this posting is not on the allow-list';
             END IF;
             RETURN NEW;
           END $$""",
        """CREATE FUNCTION ledger_account_grows() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN
             IF NEW.debits_fen < OLD.debits_fen OR NEW.credits_fen < OLD.credits_fen OR NEW.id <> OLD.id
                OR NEW.name <> OLD.name OR NEW.account_class <> OLD.account_class OR NEW.book <> OLD.book
                OR NEW.is_asset <> OLD.is_asset THEN
               RAISE EXCEPTION 'the totals of a control account only grow';
             END IF;
             RETURN NEW;
           END $$""",
        "CREATE TRIGGER posting_allowed BEFORE INSERT ON posting FOR EACH ROW EXECUTE FUNCTION posting_allowed()",
        """CREATE TRIGGER ledger_account_grows BEFORE UPDATE ON ledger_account
           FOR EACH ROW EXECUTE FUNCTION ledger_account_grows()""",
        """CREATE TRIGGER ledger_account_stays BEFORE DELETE OR TRUNCATE ON ledger_account
           FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()""",
    ]
    statements.extend(
        f"""CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"""
        for table in APPEND_ONLY
    )
    return statements


def raise_guards(apps: Any, schema_editor: Any) -> None:
    guards = postgresql_guards() if schema_editor.connection.vendor == "postgresql" else sqlite_guards()
    with schema_editor.connection.cursor() as cursor:
        for statement in guards:
            cursor.execute(statement)


def open_books(apps: Any, schema_editor: Any) -> None:
    rule = apps.get_model("store", "PostingRule")
    rule.objects.bulk_create(
        rule(kind=kind, debit_class=debit, credit_class=credit) for kind, debit, credit in sorted(ALLOWED)
    )
    account = apps.get_model("store", "LedgerAccount")
    account.objects.bulk_create(
        account(name=name, account_class=account_class(name), book=book_of(name), is_asset=is_asset(name))
        for name in SINGLE
    )


class Migration(migrations.Migration):
    dependencies = [("store", "0001_initial")]
    operations = [
        migrations.RunPython(open_books, migrations.RunPython.noop),
        migrations.RunPython(raise_guards, migrations.RunPython.noop),
    ]
