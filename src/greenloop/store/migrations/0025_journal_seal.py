"""Seals over journals: up to which journal each leaf of the public log goes that holds the hash of many. Append-only."""

from typing import Any

from django.db import migrations, models

KEYS = ("number", "until_id")


def sqlite_guards() -> list[str]:
    return [
        *(
            f"""CREATE TRIGGER journal_seal_no_{verb} BEFORE {verb} ON journal_seal
                BEGIN SELECT RAISE(ABORT, 'journal_seal is append-only'); END"""
            for verb in ("update", "delete")
        ),
        # INSERT OR REPLACE deletes the row in its way without firing delete triggers, so a known key is refused here.
        *(
            f"""CREATE TRIGGER journal_seal_no_replace_{key} BEFORE INSERT ON journal_seal WHEN EXISTS (
                    SELECT 1 FROM journal_seal WHERE {key} = NEW.{key})
                BEGIN SELECT RAISE(ABORT, 'journal_seal is append-only'); END"""
            for key in KEYS
        ),
    ]


def postgresql_guards() -> list[str]:
    return [
        """CREATE TRIGGER journal_seal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal_seal
           FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"""
    ]


def raise_guards(apps: Any, schema_editor: Any) -> None:
    guards = postgresql_guards() if schema_editor.connection.vendor == "postgresql" else sqlite_guards()
    with schema_editor.connection.cursor() as cursor:
        for statement in guards:
            cursor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("store", "0024_root_custody")]
    operations = [
        migrations.CreateModel(
            name="JournalSeal",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("until_id", models.BigIntegerField(unique=True)),
                ("journals_until", models.BigIntegerField()),
                ("at", models.DateTimeField()),
            ],
            options={"db_table": "journal_seal"},
        ),
        migrations.RunPython(raise_guards, migrations.RunPython.noop),
    ]
