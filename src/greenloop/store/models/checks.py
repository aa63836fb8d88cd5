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


class BooksBroken(models.Model):
    """The books are broken since `since_at`, as `by` found out: a person, the scheduler, or the verb that stopped.

    While a row isn't cleared no payout and no fee leave trust. `cleared_by` is who proved that they hold, or vouched.
    """

    id = models.BigAutoField(primary_key=True)
    since_at = models.DateTimeField()
    by = models.CharField(max_length=64)
    what = models.TextField()
    cleared_at = models.DateTimeField(null=True)
    cleared_by = models.CharField(max_length=64, db_default="")

    class Meta:
        db_table = "books_broken"


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


class BankStatement(models.Model):
    """What a bank statement was asked to confirm: the SHA-256 of its orders, or of the time up to which all are meant.

    It is known by the journal that confirmed the cash.
    """

    journal_id = models.BigIntegerField(primary_key=True)
    asked_hash = models.CharField(max_length=64)

    class Meta:
        db_table = "bank_statement"
