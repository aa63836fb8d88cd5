"""Decisions that purchases make points no more, or again: append-only, and noted where batches look for changes."""

from typing import Any

from django.db import migrations, models

KEYS = ("id", "effective_at")
NOTED = "UPDATE directory SET version = random()"


def sqlite_guards() -> list[str]:
    return [
        *(
            f"""CREATE TRIGGER minting_no_{verb} BEFORE {verb} ON minting
                BEGIN SELECT RAISE(ABORT, 'minting is append-only'); END"""
            for verb in ("update", "delete")
        ),
        # INSERT OR REPLACE deletes the row in its way without firing delete triggers, so a known key is refused here.
        *(
            f"""CREATE TRIGGER minting_no_replace_{key} BEFORE INSERT ON minting WHEN EXISTS (
                    SELECT 1 FROM minting WHERE {key} = NEW.{key})
                BEGIN SELECT RAISE(ABORT, 'minting is append-only'); END"""
            for key in KEYS
        ),
        f"CREATE TRIGGER minting_insert_noted AFTER INSERT ON minting BEGIN {NOTED}; END",
    ]


def postgresql_guards() -> list[str]:
    return [
        """CREATE TRIGGER minting_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON minting
           FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()""",
        # The function of 0016, which draws the directory's version anew.
        "CREATE TRIGGER minting_noted AFTER INSERT ON minting FOR EACH STATEMENT EXECUTE FUNCTION note_in_directory()",
    ]


def raise_guards(apps: Any, schema_editor: Any) -> None:
    guards = postgresql_guards() if schema_editor.connection.vendor == "postgresql" else sqlite_guards()
    with schema_editor.connection.cursor() as cursor:
        for statement in guards:
            cursor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("store", "0021_portal")]
    operations = [
        migrations.CreateModel(
            name="Minting",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("mints", models.BooleanField()),
                ("effective_at", models.DateTimeField(unique=True)),
                ("decided_by", models.CharField(max_length=64)),
                ("decided_at", models.DateTimeField()),
            ],
            options={"db_table": "minting"},
        ),
        migrations.RunPython(raise_guards, migrations.RunPython.noop),
    ]
