"""What this database knows of the trust book's own: what that one has yet to hold, and how far it has come."""

from django.db import models


class PendingJournal(models.Model):
    """A journal of the trust book that the trust book's own database isn't known to hold.

    `sha256` is that of its canonical form (core/books/fingerprint.py), in hex; empty where it was posted before there
    was such a database, or is handed over once more.
    """

    journal_id = models.BigIntegerField(primary_key=True)
    sha256 = models.CharField(max_length=64)

    class Meta:
        db_table = "pending_journal"


class TrustHead(models.Model):
    """One row: the newest number that the trust book gave, as its keeper told it, and who keeps it until when.

    Every journal up to `number` is in this database too, and isn't pending. `key` and `sha256` are those of the journal
    that has the number.
    """

    id = models.SmallIntegerField(primary_key=True)
    number = models.BigIntegerField(db_default=0)
    key = models.CharField(max_length=128, db_default="")
    sha256 = models.CharField(max_length=64, db_default="")
    kept_at = models.DateTimeField(null=True)
    holder = models.CharField(max_length=64, db_default="")
    leased_until_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "trust_head"
