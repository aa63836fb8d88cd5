"""What a root tells of the cash beside the ledger's own word: the trust book's number, and the custodians' balances.

A root that was published before has the form 1 and tells none of it. Columns are added in place: a table that SQLite
makes anew would lose its guards.
"""

from typing import ClassVar

from django.db import migrations, models


COLUMNS = (
    ("form", "smallint NOT NULL DEFAULT 1", models.SmallIntegerField(db_default=1)),
    ("trust_number", "bigint NOT NULL DEFAULT 0", models.BigIntegerField(db_default=0)),
    ("trust_hash", "varchar(64) NOT NULL DEFAULT ''", models.CharField(db_default="", max_length=64)),
    ("trust_pending", "bigint NOT NULL DEFAULT 0", models.BigIntegerField(db_default=0)),
    ("statements", "text NOT NULL DEFAULT '[]'", models.TextField(db_default="[]")),
)


class Migration(migrations.Migration):
    dependencies: ClassVar = [("store", "0023_payments_of_tills")]
    operations: ClassVar = [
        migrations.RunSQL(
            f"ALTER TABLE liability_root ADD COLUMN {name} {kind}",
            f"ALTER TABLE liability_root DROP COLUMN {name}",
            state_operations=[migrations.AddField("liabilityroot", name, field)],
        )
        for name, kind, field in COLUMNS
    ]
