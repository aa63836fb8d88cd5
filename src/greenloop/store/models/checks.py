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
