"""Since when the books are broken; when a run's holder was last at it; what a bank statement was asked to confirm."""

from typing import Any

from django.db import migrations, models


def remember(apps: Any, schema_editor: Any) -> None:
    """Let payouts stand still as they did: the books are broken where a run of the clock found it out."""
    run, broken = apps.get_model("store", "Run"), apps.get_model("store", "BooksBroken")
    first = run.objects.filter(state="failed", outcome__startswith="breach").order_by("id").first()
    if first is not None:
        since_at = first.finished_at or first.started_at
        broken.objects.create(since_at=since_at, by=first.holder, what=f"{first.task}/{first.slot}: {first.outcome}")


class Migration(migrations.Migration):
    dependencies = [("store", "0008_beat")]
    operations = [
        migrations.AddField(model_name="run", name="seen_at", field=models.DateTimeField(null=True)),
        migrations.CreateModel(
            name="BooksBroken",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("since_at", models.DateTimeField()),
                ("by", models.CharField(max_length=64)),
                ("what", models.TextField()),
                ("cleared_at", models.DateTimeField(null=True)),
                ("cleared_by", models.CharField(db_default="", max_length=64)),
            ],
            options={"db_table": "books_broken"},
        ),
        migrations.CreateModel(
            name="BankStatement",
            fields=[
                ("journal_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("asked_hash", models.CharField(max_length=64)),
            ],
            options={"db_table": "bank_statement"},
        ),
        migrations.RunPython(remember, migrations.RunPython.noop),
    ]
