"""The general ledger: control accounts, journals, postings and which postings may be. Only `post` writes here."""

from typing import ClassVar

from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint


class LedgerAccount(models.Model):
    """A control account: two growing totals, whose difference is its balance. It never goes negative."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=96, unique=True)
    account_class = models.CharField(max_length=64)
    book = models.CharField(max_length=8)
    is_asset = models.BooleanField()
    debits_fen = models.BigIntegerField(db_default=0)
    credits_fen = models.BigIntegerField(db_default=0)

    class Meta:
        db_table = "ledger_account"
        constraints: ClassVar = [
            CheckConstraint(
                condition=Q(is_asset=True, debits_fen__gte=F("credits_fen"))
                | Q(is_asset=False, credits_fen__gte=F("debits_fen")),
                name="ledger_account_not_negative",
            )
        ]


class Journal(models.Model):
    """One balanced entry of one book. Append-only; its number is taken under the locks of the accounts it moves."""

    id = models.BigAutoField(primary_key=True)
    book = models.CharField(max_length=8)
    key = models.CharField(max_length=128)
    kind = models.CharField(max_length=16)
    effective_at = models.DateTimeField()
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "journal"
        constraints: ClassVar = [UniqueConstraint(fields=["key", "book"], name="journal_key_once")]


class Posting(models.Model):
    """One positive amount from one control account to another. Append-only."""

    id = models.BigAutoField(primary_key=True)
    journal = models.ForeignKey(Journal, on_delete=models.PROTECT)
    debit = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="+")
    credit = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="+")
    amount_fen = models.BigIntegerField()

    class Meta:
        db_table = "posting"
        constraints: ClassVar = [
            CheckConstraint(condition=Q(amount_fen__gt=0), name="posting_positive"),
            CheckConstraint(condition=~Q(debit=F("credit")), name="posting_two_accounts"),
        ]


class PostingRule(models.Model):
    """A (kind, debit class, credit class) that the database lets a posting have; every other is refused by trigger."""

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=16)
    debit_class = models.CharField(max_length=64)
    credit_class = models.CharField(max_length=64)

    class Meta:
        db_table = "posting_rule"
        constraints: ClassVar = [
            UniqueConstraint(fields=["kind", "debit_class", "credit_class"], name="posting_rule_once")
        ]
