"""What waits for an endpoint is read oldest first by the index alone; a failed endpoint's rest is no sender's lease."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("store", "0009_books_broken")]
    operations = [
        migrations.AddField("webhookendpoint", "rests_until_at", models.DateTimeField(null=True)),
        migrations.RemoveIndex("delivery", "delivery_due"),
        migrations.AddIndex(
            "delivery",
            models.Index(
                fields=["endpoint", "next_at", "id"], condition=models.Q(("state", "waiting")), name="delivery_due"
            ),
        ),
    ]
