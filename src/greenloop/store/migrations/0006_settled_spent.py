"""What of the backing was spent when a cycle was settled, so that its coverage is read and not added up again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("store", "0005_seats_by_account")]
    operations = [
        migrations.AddField(
            model_name="settledcycle",
            name="spent_fen",
            field=models.BigIntegerField(null=True),
        ),
    ]
