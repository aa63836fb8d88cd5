"""The pools' lines of fen, kept behind the books and made again from them at any time; and how each voucher moved."""

from typing import ClassVar

from django.db import models
from django.db.models import CheckConstraint, Q


class VoucherChange(models.Model):
    """What one journal did to one voucher other than spend it: give fen back, expire or claw them. Append-only.

    `order_id` is the order that was refunded, 0 for an expiry.
    """

    pk = models.CompositePrimaryKey("account_id", "voucher_id", "journal_id", "kind")
    account_id = models.BigIntegerField()
    voucher_id = models.BigIntegerField()
    journal_id = models.BigIntegerField()
    kind = models.CharField(max_length=8)
    pool_id = models.BigIntegerField()
    order_id = models.BigIntegerField(db_default=0)
    amount_fen = models.BigIntegerField()

    class Meta:
        db_table = "voucher_change"
        indexes: ClassVar = [models.Index(fields=["journal_id"], name="voucher_change_by")]
        constraints: ClassVar = [
            CheckConstraint(
                condition=Q(kind__in=["return", "expire", "claw"], amount_fen__gt=0), name="voucher_change_kind"
            )
        ]


class FenLine(models.Model):
    """How far one pool's lines reach, in fen since the beginning, as of a journal.

    Pool 0 is none: its journal is the one up to which all lines are kept.
    """

    pool_id = models.BigIntegerField(primary_key=True)
    journal_id = models.BigIntegerField()
    free_in = models.BigIntegerField()
    free_out = models.BigIntegerField()
    released_in = models.BigIntegerField()
    released_out = models.BigIntegerField()
    reserve_in = models.BigIntegerField()

    class Meta:
        db_table = "fen_line"


class FenRun(models.Model):
    """One move: an interval of one line became an interval of another; core/trust/trace.py says what places are."""

    pk = models.CompositePrimaryKey("pool_id", "target", "target_at")
    pool_id = models.BigIntegerField()
    target = models.CharField(max_length=8)
    target_at = models.BigIntegerField()
    source = models.CharField(max_length=8)
    source_at = models.BigIntegerField()
    amount_fen = models.BigIntegerField()
    journal_id = models.BigIntegerField()

    class Meta:
        db_table = "fen_run"
        indexes: ClassVar = [models.Index(fields=["pool_id", "source", "source_at"], name="fen_run_from")]
        constraints: ClassVar = [CheckConstraint(condition=Q(amount_fen__gt=0), name="fen_run_positive")]


class LineMark(models.Model):
    """Where among the fen that vested in one alliance cycle an order's part begins: kept for one order of so many.

    Orders enter a pool's line by the pool that they were routed to, then by id.
    """

    pk = models.CompositePrimaryKey("pool_id", "cycle", "route_pool_id", "order_id")
    pool_id = models.BigIntegerField()
    cycle = models.BigIntegerField()
    route_pool_id = models.BigIntegerField()
    order_id = models.BigIntegerField()
    start_fen = models.BigIntegerField()

    class Meta:
        db_table = "line_mark"
        indexes: ClassVar = [
            models.Index(fields=["pool_id", "cycle", "start_fen", "route_pool_id", "order_id"], name="line_mark_at")
        ]
