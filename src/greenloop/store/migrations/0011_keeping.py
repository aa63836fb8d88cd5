"""What the trust book's own database has yet to hold: at first every journal there is."""

from django.db import migrations, models

# Their hashes are computed when they are handed over: a migration reads each row once and no more.
ALL_THERE_ARE = "INSERT INTO pending_journal (journal_id, sha256) SELECT id, '' FROM journal WHERE book = 'trust'"


class Migration(migrations.Migration):
    dependencies = [("store", "0010_backlog")]
    operations = [
        migrations.CreateModel(
            name="PendingJournal",
            fields=[
                ("journal_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("sha256", models.CharField(max_length=64)),
            ],
            options={"db_table": "pending_journal"},
        ),
        migrations.CreateModel(
            name="TrustHead",
            fields=[
                ("id", models.SmallIntegerField(primary_key=True, serialize=False)),
                ("number", models.BigIntegerField(db_default=0)),
                ("key", models.CharField(max_length=128, db_default="")),
                ("sha256", models.CharField(max_length=64, db_default="")),
                ("kept_at", models.DateTimeField(null=True)),
                ("holder", models.CharField(max_length=64, db_default="")),
                ("leased_until_at", models.DateTimeField(null=True)),
            ],
            options={"db_table": "trust_head"},
        ),
        migrations.RunSQL(ALL_THERE_ARE, migrations.RunSQL.noop),
        migrations.RunSQL("INSERT INTO trust_head (id) VALUES (1)", migrations.RunSQL.noop),
    ]
