"""When a process that keeps the clock was last at it, so that pages and probes see whether one lives."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("store", "0007_calling")]
    operations = [
        migrations.CreateModel(
            name="Beat",
            fields=[
                ("what", models.CharField(max_length=16, primary_key=True, serialize=False)),
                ("holder", models.CharField(max_length=64)),
                ("at", models.DateTimeField()),
            ],
            options={"db_table": "beat"},
        ),
    ]
