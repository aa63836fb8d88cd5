"""The table of Django's own cache in the database: counters of failed sign-ins, for all processes to see."""

from typing import Any

from django.core.management import call_command
from django.db import migrations


def make(apps: Any, editor: Any) -> None:
    call_command("createcachetable", "cache", database=editor.connection.alias, verbosity=0)


class Migration(migrations.Migration):
    dependencies = [("store", "0003_people_sign_in")]
    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
