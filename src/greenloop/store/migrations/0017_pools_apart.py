"""What the database itself refuses: a posting between the accounts of two pools (G10)."""

from typing import Any

from django.db import migrations

from greenloop.core.books.accounts import PER_POOL

CLASSES = ", ".join(f"'{each}'" for each in PER_POOL)
POOL = "SUBSTR({0}.name, LENGTH({0}.account_class) + 2)"
CROSSES = f"""
    SELECT 1 FROM ledger_account d, ledger_account c
    WHERE d.id = NEW.debit_id AND c.id = NEW.credit_id
      AND d.account_class IN ({CLASSES}) AND c.account_class IN ({CLASSES})
      AND {POOL.format("d")} <> {POOL.format("c")}
"""  # noqa: S608  the classes are ours
REFUSED = "no posting joins two pools"

SQLITE = f"""
    CREATE TRIGGER posting_within_pool BEFORE INSERT ON posting WHEN EXISTS ({CROSSES})
    BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END
"""
POSTGRESQL = f"""
    CREATE FUNCTION posting_within_pool() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN
      IF EXISTS ({CROSSES}) THEN
        RAISE EXCEPTION '{REFUSED}';
      END IF;
      RETURN NEW;
    END $$;
    CREATE TRIGGER posting_within_pool BEFORE INSERT ON posting
    FOR EACH ROW EXECUTE FUNCTION posting_within_pool()
"""


def raise_guard(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(POSTGRESQL if schema_editor.connection.vendor == "postgresql" else SQLITE)


class Migration(migrations.Migration):
    dependencies = [("store", "0016_directory")]
    operations = [migrations.RunPython(raise_guard, migrations.RunPython.noop)]
