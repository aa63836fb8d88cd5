"""The public log: leaves numbered without gaps, subtrees and checkpoints, none of which is ever changed or deleted."""

from typing import Any

from django.db import migrations, models

KEYS: dict[str, list[tuple[str, ...]]] = {
    "log_leaf": [("number",), ("kind", "about")],
    "log_node": [("place",)],
    "log_checkpoint": [("size",)],
}
GAP = "NEW.number <> 0 AND NOT EXISTS (SELECT 1 FROM log_leaf WHERE number = NEW.number - 1)"


def sqlite_guards() -> list[str]:
    statements = [
        f"""CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}
            BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"""
        for table in KEYS
        for verb in ("update", "delete")
    ]
    # INSERT OR REPLACE deletes the row in its way without firing delete triggers, so a known key is refused here.
    statements += [
        f"""CREATE TRIGGER {table}_no_replace_{key[0]} BEFORE INSERT ON {table} WHEN EXISTS (
                SELECT 1 FROM {table} WHERE {' AND '.join(f'{name} = NEW.{name}' for name in key)})
            BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"""
        for table, keys in KEYS.items()
        for key in keys
    ]
    statements.append(
        f"""CREATE TRIGGER log_leaf_no_gap BEFORE INSERT ON log_leaf WHEN {GAP}
            BEGIN SELECT RAISE(ABORT, 'the log has no gaps'); END"""
    )
    return statements


def postgresql_guards() -> list[str]:
    return [
        *(
            f"""CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
                FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"""
            for table in KEYS
        ),
        f"""CREATE FUNCTION log_leaf_no_gap() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN
              IF {GAP} THEN
                RAISE EXCEPTION 'the log has no gaps';
              END IF;
              RETURN NEW;
            END $$""",
        "CREATE TRIGGER log_leaf_no_gap BEFORE INSERT ON log_leaf FOR EACH ROW EXECUTE FUNCTION log_leaf_no_gap()",
    ]


def raise_guards(apps: Any, schema_editor: Any) -> None:
    guards = postgresql_guards() if schema_editor.connection.vendor == "postgresql" else sqlite_guards()
    with schema_editor.connection.cursor() as cursor:
        for statement in guards:
            cursor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("store", "0012_payments")]
    operations = [
        migrations.CreateModel(
            name="LogLeaf",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=32)),
                ("about", models.CharField(max_length=128)),
                ("body", models.TextField()),
                ("leaf_hash", models.CharField(max_length=64)),
                ("at", models.DateTimeField()),
            ],
            options={
                "db_table": "log_leaf",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("number__gte", 0)), name="log_leaf_from_zero"),
                    models.UniqueConstraint(fields=("kind", "about"), name="log_leaf_once"),
                ],
            },
        ),
        migrations.CreateModel(
            name="LogNode",
            fields=[
                ("place", models.BigIntegerField(primary_key=True, serialize=False)),
                ("node_hash", models.CharField(max_length=64)),
            ],
            options={"db_table": "log_node"},
        ),
        migrations.CreateModel(
            name="LogCheckpoint",
            fields=[
                ("size", models.BigIntegerField(primary_key=True, serialize=False)),
                ("root_hash", models.CharField(max_length=64)),
                ("origin", models.CharField(max_length=128)),
                ("key_id", models.CharField(max_length=8)),
                ("public_key", models.CharField(max_length=64)),
                ("signature", models.CharField(max_length=128)),
                ("at", models.DateTimeField()),
            ],
            options={
                "db_table": "log_checkpoint",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("size__gt", 0)), name="log_checkpoint_of_something")
                ],
            },
        ),
        migrations.RunPython(raise_guards, migrations.RunPython.noop),
    ]
