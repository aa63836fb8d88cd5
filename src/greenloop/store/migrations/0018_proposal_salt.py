"""A salt for each proposal, old ones too: the public log commits to a content, and lets nobody guess at it."""

import secrets
from typing import Any

from django.db import migrations, models

SALT_BYTES = 32


def draw_salts(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT id FROM proposal")
        drawn = [(secrets.token_hex(SALT_BYTES), number) for (number,) in cursor.fetchall()]
        if drawn:
            cursor.executemany("UPDATE proposal SET salt = %s WHERE id = %s", drawn)


class Migration(migrations.Migration):
    dependencies = [("store", "0017_pools_apart")]
    operations = [
        migrations.AddField("proposal", "salt", models.CharField(db_default="", max_length=64)),
        migrations.RunPython(draw_salts, migrations.RunPython.noop),
    ]
