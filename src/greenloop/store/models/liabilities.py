"""What was published of the proofs of liabilities. The trees themselves are files beside the database."""

from typing import ClassVar

from django.db import models
from django.db.models import CheckConstraint, F, Q


class LiabilityRoot(models.Model):
    """The root of all that was owed to holders after one cycle's settlement. Append-only.

    `day` is the local day of the cycle's cut-off; `as_of_at` when the books were read, up to the trust book's journal
    `journal_id` with its SHA-256. `total_fen` is the sum of what holders can draw, unspent vouchers, coupons and dues;
    `dust_fen` is what is accrued beyond. `bank_fen` and `in_transit_fen` are the cash of that moment in the ledger.

    `form` says what its leaf in the public log tells: 1 nothing of what follows. `trust_number` is the trust book's
    newest number with that journal's SHA-256, and `trust_pending` how many journals it has yet to hold. `statements`
    are the custodians' own closing balances, as JSON.
    """

    cycle = models.BigIntegerField(primary_key=True)
    day = models.DateField()
    as_of_at = models.DateTimeField()
    journal_id = models.BigIntegerField()
    journal_hash = models.CharField(max_length=64)
    root_hash = models.CharField(max_length=64)
    nonce_hash = models.CharField(max_length=64)
    leaves = models.BigIntegerField()
    holders = models.BigIntegerField()
    total_fen = models.BigIntegerField()
    claimable_fen = models.BigIntegerField()
    unspent_fen = models.BigIntegerField()
    coupon_fen = models.BigIntegerField()
    dues_fen = models.BigIntegerField()
    dust_fen = models.BigIntegerField()
    bank_fen = models.BigIntegerField()
    in_transit_fen = models.BigIntegerField()
    form = models.SmallIntegerField(db_default=1)
    trust_number = models.BigIntegerField(db_default=0)
    trust_hash = models.CharField(max_length=64, db_default="")
    trust_pending = models.BigIntegerField(db_default=0)
    statements = models.TextField(db_default="[]")
    published_at = models.DateTimeField()

    class Meta:
        db_table = "liability_root"
        constraints: ClassVar = [
            CheckConstraint(
                condition=Q(
                    total_fen=F("claimable_fen") + F("unspent_fen") + F("coupon_fen") + F("dues_fen"), dust_fen__gte=0
                ),
                name="liability_root_adds_up",
            )
        ]


class LiabilityBook(models.Model):
    """One control account as a root found it: its two totals, and the last posting that was in them. Append-only."""

    pk = models.CompositePrimaryKey("cycle", "account_id")
    cycle = models.BigIntegerField()
    account_id = models.BigIntegerField()
    debits_fen = models.BigIntegerField()
    credits_fen = models.BigIntegerField()
    posting_id = models.BigIntegerField()

    class Meta:
        db_table = "liability_book"
