"""Roots of what is owed to holders, with the control accounts that each was held against; none is ever changed."""

from typing import Any

from django.db import migrations, models

KEYS: dict[str, tuple[str, ...]] = {"liability_root": ("cycle",), "liability_book": ("cycle", "account_id")}


def sqlite_guards() -> list[str]:
    statements = [
        f"""CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}
            BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"""
        for table in KEYS
        for verb in ("update", "delete")
    ]
    # INSERT OR REPLACE deletes the row in its way without firing delete triggers, so a known key is refused here.
    statements += [
        f"""CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN EXISTS (
                SELECT 1 FROM {table} WHERE {' AND '.join(f'{name} = NEW.{name}' for name in key)})
            BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"""
        for table, key in KEYS.items()
    ]
    return statements


def postgresql_guards() -> list[str]:
    return [
        f"""CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"""
        for table in KEYS
    ]


def raise_guards(apps: Any, schema_editor: Any) -> None:
    guards = postgresql_guards() if schema_editor.connection.vendor == "postgresql" else sqlite_guards()
    with schema_editor.connection.cursor() as cursor:
        for statement in guards:
            cursor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("store", "0013_log")]
    operations = [
        migrations.CreateModel(
            name="LiabilityRoot",
            fields=[
                ("cycle", models.BigIntegerField(primary_key=True, serialize=False)),
                ("day", models.DateField()),
                ("as_of_at", models.DateTimeField()),
                ("journal_id", models.BigIntegerField()),
                ("journal_hash", models.CharField(max_length=64)),
                ("root_hash", models.CharField(max_length=64)),
                ("nonce_hash", models.CharField(max_length=64)),
                ("leaves", models.BigIntegerField()),
                ("holders", models.BigIntegerField()),
                ("total_fen", models.BigIntegerField()),
                ("claimable_fen", models.BigIntegerField()),
                ("unspent_fen", models.BigIntegerField()),
                ("coupon_fen", models.BigIntegerField()),
                ("dues_fen", models.BigIntegerField()),
                ("dust_fen", models.BigIntegerField()),
                ("bank_fen", models.BigIntegerField()),
                ("in_transit_fen", models.BigIntegerField()),
                ("published_at", models.DateTimeField()),
            ],
            options={
                "db_table": "liability_root",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("dust_fen__gte", 0),
                            (
                                "total_fen",
                                models.F("claimable_fen")
                                + models.F("unspent_fen")
                                + models.F("coupon_fen")
                                + models.F("dues_fen"),
                            ),
                        ),
                        name="liability_root_adds_up",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="LiabilityBook",
            fields=[
                ("pk", models.CompositePrimaryKey("cycle", "account_id", blank=True, editable=False, primary_key=True, serialize=False)),
                ("cycle", models.BigIntegerField()),
                ("account_id", models.BigIntegerField()),
                ("debits_fen", models.BigIntegerField()),
                ("credits_fen", models.BigIntegerField()),
                ("posting_id", models.BigIntegerField()),
            ],
            options={"db_table": "liability_book"},
        ),
        migrations.RunPython(raise_guards, migrations.RunPython.noop),
    ]
