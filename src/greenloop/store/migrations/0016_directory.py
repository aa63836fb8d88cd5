"""One number that the database draws anew whenever a merchant, a rate card or a store changes, whoever changes it."""

from typing import Any

from django.db import migrations, models

TABLES = ("merchant", "rate_card", "shop")
# Drawn, not counted: a database that was restored to an earlier day has no version in common with what came after it.
SQLITE = "UPDATE directory SET version = random()"
POSTGRESQL = "UPDATE directory SET version = (random() * 9e15)::bigint * 1000 + (random() * 999)::bigint"


def sqlite_triggers() -> list[str]:
    return [
        f"CREATE TRIGGER {table}_{verb}_noted AFTER {verb} ON {table} BEGIN {SQLITE}; END"
        for table in TABLES
        for verb in ("insert", "update", "delete")
    ]


def postgresql_triggers() -> list[str]:
    return [
        f"""CREATE FUNCTION note_in_directory() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN {POSTGRESQL}; RETURN NULL; END $$""",
        *(
            f"""CREATE TRIGGER {table}_noted AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}
                FOR EACH STATEMENT EXECUTE FUNCTION note_in_directory()"""
            for table in TABLES
        ),
    ]


def note_changes(apps: Any, schema_editor: Any) -> None:
    on_postgresql = schema_editor.connection.vendor == "postgresql"
    first = "INSERT INTO directory (id, version) VALUES (1, 0)"
    draw = POSTGRESQL if on_postgresql else SQLITE
    with schema_editor.connection.cursor() as cursor:
        for statement in [first, draw, *(postgresql_triggers() if on_postgresql else sqlite_triggers())]:
            cursor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("store", "0015_lines")]
    operations = [
        migrations.CreateModel(
            name="Directory",
            fields=[
                ("id", models.SmallIntegerField(primary_key=True, serialize=False)),
                ("version", models.BigIntegerField()),
            ],
            options={"db_table": "directory"},
        ),
        migrations.RunPython(note_changes, migrations.RunPython.noop),
    ]
