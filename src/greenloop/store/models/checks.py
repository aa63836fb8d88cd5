"""What checks of the books have found, kept."""

from django.db import models


class Reconciliation(models.Model):
    """One comparison of the ledger with its subledgers: when, by whom, and what differed, as JSON."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    by = models.CharField(max_length=64)
    accounts = models.IntegerField()
    differences = models.TextField()

    class Meta:
        db_table = "reconciliation"


class BookCheck(models.Model):
    """One proof of all invariants: when, by whom, how long it took, how many statements, and which broke, as JSON."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    by = models.CharField(max_length=64)
    took_ms = models.BigIntegerField()
    replayed = models.BooleanField()
    statements = models.IntegerField()
    broken = models.TextField()

    class Meta:
        db_table = "book_check"
