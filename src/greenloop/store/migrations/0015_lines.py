"""The pools' lines of fen, and what happens to single vouchers: from now on. Older vouchers have no journal."""

from typing import Any

from django.db import migrations, models

KEY = ("account_id", "voucher_id", "journal_id", "kind")


def guard(apps: Any, schema_editor: Any) -> None:
    """Let nobody change or delete what happened to a voucher."""
    if schema_editor.connection.vendor == "postgresql":
        statements = ["""CREATE TRIGGER voucher_change_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON voucher_change
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"""]
    else:
        statements = [
            f"""CREATE TRIGGER voucher_change_no_{verb} BEFORE {verb} ON voucher_change
                BEGIN SELECT RAISE(ABORT, 'voucher_change is append-only'); END"""
            for verb in ("update", "delete")
        ]
        known = " AND ".join(f"{name} = NEW.{name}" for name in KEY)
        statements.append(
            f"""CREATE TRIGGER voucher_change_no_replace BEFORE INSERT ON voucher_change
                WHEN EXISTS (SELECT 1 FROM voucher_change WHERE {known})
                BEGIN SELECT RAISE(ABORT, 'voucher_change is append-only'); END"""
        )
    with schema_editor.connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("store", "0014_liability_roots")]
    operations = [
        migrations.CreateModel(
            name="VoucherChange",
            fields=[
                ("pk", models.CompositePrimaryKey(*KEY, blank=True, editable=False, primary_key=True, serialize=False)),
                ("account_id", models.BigIntegerField()),
                ("voucher_id", models.BigIntegerField()),
                ("journal_id", models.BigIntegerField()),
                ("kind", models.CharField(max_length=8)),
                ("pool_id", models.BigIntegerField()),
                ("order_id", models.BigIntegerField(db_default=0)),
                ("amount_fen", models.BigIntegerField()),
            ],
            options={
                "db_table": "voucher_change",
                "indexes": [models.Index(fields=["journal_id"], name="voucher_change_by")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount_fen__gt", 0), ("kind__in", ["return", "expire", "claw"])),
                        name="voucher_change_kind",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="FenLine",
            fields=[
                ("pool_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("journal_id", models.BigIntegerField()),
                ("free_in", models.BigIntegerField()),
                ("free_out", models.BigIntegerField()),
                ("released_in", models.BigIntegerField()),
                ("released_out", models.BigIntegerField()),
                ("reserve_in", models.BigIntegerField()),
            ],
            options={"db_table": "fen_line"},
        ),
        migrations.CreateModel(
            name="FenRun",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "pool_id", "target", "target_at", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("pool_id", models.BigIntegerField()),
                ("target", models.CharField(max_length=8)),
                ("target_at", models.BigIntegerField()),
                ("source", models.CharField(max_length=8)),
                ("source_at", models.BigIntegerField()),
                ("amount_fen", models.BigIntegerField()),
                ("journal_id", models.BigIntegerField()),
            ],
            options={
                "db_table": "fen_run",
                "indexes": [models.Index(fields=["pool_id", "source", "source_at"], name="fen_run_from")],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("amount_fen__gt", 0)), name="fen_run_positive")
                ],
            },
        ),
        migrations.CreateModel(
            name="LineMark",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        *("pool_id", "cycle", "route_pool_id", "order_id"),
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("pool_id", models.BigIntegerField()),
                ("cycle", models.BigIntegerField()),
                ("route_pool_id", models.BigIntegerField()),
                ("order_id", models.BigIntegerField()),
                ("start_fen", models.BigIntegerField()),
            ],
            options={
                "db_table": "line_mark",
                "indexes": [
                    models.Index(
                        fields=["pool_id", "cycle", "start_fen", "route_pool_id", "order_id"], name="line_mark_at"
                    )
                ],
            },
        ),
        migrations.AddField(model_name="voucher", name="journal_id", field=models.BigIntegerField(null=True)),
        migrations.AddIndex(
            model_name="voucher", index=models.Index(fields=["journal_id"], name="voucher_drawn_by")
        ),
        migrations.RemoveIndex(model_name="order", name="orders_entered"),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("entry_cycle__isnull", False)),
                fields=["entry_cycle", "pool_id", "id"],
                name="orders_entered",
            ),
        ),
        migrations.RunPython(guard, migrations.RunPython.noop),
    ]
