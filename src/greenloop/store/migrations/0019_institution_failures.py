"""When an instruction was asked about, cases of those that failed, and days whose statements have the same bytes."""

from django.db import migrations, models

DIFFERENCES = ["timing", "missing", "extra", "wrong_amount", "chargeback", "notice", "failed"]


class Migration(migrations.Migration):
    dependencies = [("store", "0018_proposal_salt")]
    operations = [
        migrations.AddField("paymentinstruction", "asked_at", models.DateTimeField(null=True)),
        migrations.RemoveConstraint("statement", "statement_file_once"),
        migrations.RemoveConstraint("reconciliationcase", "case_sound"),
        migrations.AddConstraint(
            "reconciliationcase",
            models.CheckConstraint(
                condition=models.Q(difference__in=DIFFERENCES, state__in=["open", "closed"]), name="case_sound"
            ),
        ),
    ]
