"""Payments that tills ask for: what is shown to their payers, until when they can be made, and that they are closed."""

from django.db import migrations, models

KINDS = ["collect", "split", "refund", "payout", "fee", "bring", "back"]
STATES = ["waiting", "sent", "done", "failed", "disputed", "closed"]


class Migration(migrations.Migration):
    dependencies = [("store", "0022_minting")]
    operations = [
        migrations.AddField("paymentinstruction", "show", models.CharField(db_default="", max_length=512)),
        migrations.AddField("paymentinstruction", "expires_at", models.DateTimeField(null=True)),
        migrations.AddField("paymentinstruction", "close_at", models.DateTimeField(null=True)),
        migrations.RemoveConstraint("paymentinstruction", "payment_instruction_sound"),
        migrations.AddConstraint(
            "paymentinstruction",
            models.CheckConstraint(
                condition=models.Q(kind__in=KINDS, amount_fen__gt=0, state__in=STATES),
                name="payment_instruction_sound",
            ),
        ),
        migrations.AddIndex(
            "paymentinstruction",
            models.Index(fields=["close_at"], condition=models.Q(close_at__isnull=False), name="instruction_closing"),
        ),
    ]
