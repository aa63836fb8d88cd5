"""Orders and what follows from them: uses of vouchers and coupons, refunds, clawbacks, payouts, fee transfers."""

from typing import ClassVar

from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint


class Order(models.Model):
    """One sale, its tender, concession and split, and how far it has come.

    Amounts are fen. `*_part_fen` are the split of the concession as it stands (a refund recomputes them until the
    entry cycle closes); the reserve's part is what they leave. `entered_fen` is the concession that vested in the
    alliance's cycle `entry_cycle`, `kept_fen` what of it still lies in its parts; each side's lot is the concession
    that is left times its multiple, the referrer's is `red_points`.
    """

    id = models.BigIntegerField(primary_key=True)
    merchant_id = models.BigIntegerField()
    order_no = models.CharField(max_length=64)
    shop_id = models.BigIntegerField(null=True)
    member_id = models.BigIntegerField()
    referrer_id = models.BigIntegerField(null=True)
    rules_id = models.BigIntegerField()
    pool_id = models.BigIntegerField()
    plan_id = models.BigIntegerField()
    journal_id = models.BigIntegerField()
    paid_at = models.DateTimeField()
    cash_fen = models.BigIntegerField()
    voucher_fen = models.BigIntegerField()
    coupon_fen = models.BigIntegerField()
    rate_ppm = models.IntegerField()
    concession_fen = models.BigIntegerField()
    green_part_fen = models.BigIntegerField()
    red_part_fen = models.BigIntegerField()
    coupon_part_fen = models.BigIntegerField()
    fee_part_fen = models.BigIntegerField()
    member_multiple_ppm = models.IntegerField()
    merchant_multiple_ppm = models.IntegerField()
    grant_id = models.BigIntegerField(null=True)
    rebate_fen = models.BigIntegerField(db_default=0)
    # How far it has come.
    confirmed_at = models.DateTimeField(null=True)
    vests_at = models.DateTimeField(null=True)
    held = models.BooleanField(db_default=False)
    entry_cycle = models.BigIntegerField(null=True)
    entered_fen = models.BigIntegerField(null=True)
    kept_fen = models.BigIntegerField(null=True)
    red_points = models.BigIntegerField(db_default=0)
    payout_id = models.BigIntegerField(null=True)
    # What refunds took back, cumulative.
    refunded_fen = models.BigIntegerField(db_default=0)
    refunded_cash_fen = models.BigIntegerField(db_default=0)
    refunded_voucher_fen = models.BigIntegerField(db_default=0)
    concession_lost_fen = models.BigIntegerField(db_default=0)

    class Meta:
        db_table = "orders"
        indexes: ClassVar = [
            models.Index(fields=["id"], condition=Q(entry_cycle__isnull=True), name="orders_waiting"),
            # These are filled when orders are confirmed and vest, by thousands at a time: taking an order
            # must not touch random pages of an index for it.
            models.Index(
                fields=["merchant_id"],
                condition=Q(confirmed_at__isnull=False, payout_id__isnull=True),
                name="orders_unpaid",
            ),
            models.Index(fields=["member_id"], condition=Q(entry_cycle__isnull=False), name="orders_of_member"),
            models.Index(
                fields=["entry_cycle", "pool_id", "id"], condition=Q(entry_cycle__isnull=False), name="orders_entered"
            ),
            models.Index(fields=["referrer_id"], condition=Q(red_points__gt=0), name="orders_of_referrer"),
            models.Index(
                fields=["merchant_id", "paid_at"], condition=Q(confirmed_at__isnull=False), name="orders_of_merchant"
            ),
            # On PostgreSQL only (0003): small while orders vest in time, so it stays in memory there. On SQLite the few
            # that wait are scanned through orders_waiting; kept there, it cost a fifth of taking (measured).
            models.Index(fields=["member_id"], condition=Q(entry_cycle__isnull=True), name="orders_to_vest"),
        ]
        constraints: ClassVar = [
            UniqueConstraint(fields=["merchant_id", "order_no"], name="orders_no_once"),
            CheckConstraint(
                condition=Q(cash_fen__gte=0, voucher_fen__gte=0, coupon_fen__gte=0)
                & Q(concession_fen__lte=F("cash_fen"), concession_lost_fen__lte=F("concession_fen"))
                & Q(refunded_fen__lte=F("cash_fen") + F("voucher_fen") + F("coupon_fen")),
                name="orders_amounts",
            ),
        ]


class VoucherUse(models.Model):
    """What one order took from one voucher, and how much of it came back by refunds."""

    pk = models.CompositePrimaryKey("account_id", "order_id", "line")
    account_id = models.BigIntegerField()
    order_id = models.BigIntegerField()
    line = models.IntegerField()
    voucher_id = models.BigIntegerField()
    pool_id = models.BigIntegerField()
    amount_fen = models.BigIntegerField()
    returned_fen = models.BigIntegerField(db_default=0)

    class Meta:
        db_table = "voucher_use"
        constraints: ClassVar = [
            CheckConstraint(
                condition=Q(returned_fen__gte=0, returned_fen__lte=F("amount_fen")), name="voucher_use_back"
            )
        ]


class CouponUse(models.Model):
    """What one order took from one coupon, and how much of it came back by refunds."""

    pk = models.CompositePrimaryKey("account_id", "order_id", "line")
    account_id = models.BigIntegerField()
    order_id = models.BigIntegerField()
    line = models.IntegerField()
    coupon_order_id = models.BigIntegerField()
    coupon_kind = models.CharField(max_length=8)
    amount_fen = models.BigIntegerField()
    returned_fen = models.BigIntegerField(db_default=0)

    class Meta:
        db_table = "coupon_use"
        constraints: ClassVar = [
            CheckConstraint(condition=Q(returned_fen__gte=0, returned_fen__lte=F("amount_fen")), name="coupon_use_back")
        ]


class Refund(models.Model):
    """One refund of one order. `pending` posts nothing and waits for the merchant's dues; `paid` is final.

    `cash_fen`, `voucher_fen`, `coupon_fen` are what the price gave back; `withheld_fen` of the cash paid for what the
    shopper no longer had. `dues_fen` is what it took from the merchant's dues. `cycle` is the alliance's cycle in which
    it takes effect on points; `effect` is `applied`, `waiting` (a held settlement goes first) or empty (no points yet).
    """

    id = models.BigIntegerField(primary_key=True)
    merchant_id = models.BigIntegerField()
    order_id = models.BigIntegerField()
    refund_no = models.CharField(max_length=64)
    amount_fen = models.BigIntegerField()
    state = models.CharField(max_length=8)
    asked_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True)
    journal_id = models.BigIntegerField(null=True)
    cycle = models.BigIntegerField(null=True)
    cash_fen = models.BigIntegerField(db_default=0)
    voucher_fen = models.BigIntegerField(db_default=0)
    coupon_fen = models.BigIntegerField(db_default=0)
    withheld_fen = models.BigIntegerField(db_default=0)
    concession_lost_fen = models.BigIntegerField(db_default=0)
    member_points_lost = models.BigIntegerField(db_default=0)
    merchant_points_lost = models.BigIntegerField(db_default=0)
    red_points_lost = models.BigIntegerField(db_default=0)
    effect = models.CharField(max_length=8, db_default="")
    effect_journal_id = models.BigIntegerField(null=True)
    dues_fen = models.BigIntegerField(db_default=0)
    payout_id = models.BigIntegerField(null=True)

    class Meta:
        db_table = "refund"
        indexes: ClassVar = [
            models.Index(fields=["merchant_id"], condition=Q(payout_id__isnull=True), name="refund_unpaid_dues"),
            models.Index(fields=["merchant_id", "paid_at"], name="refund_of_merchant"),
        ]
        constraints: ClassVar = [
            UniqueConstraint(fields=["merchant_id", "order_id", "refund_no"], name="refund_no_once"),
            CheckConstraint(condition=Q(state__in=["pending", "paid"], amount_fen__gt=0), name="refund_state"),
        ]


class Clawback(models.Model):
    """Over-claimed vouchers that a refund took back from one wallet, and who paid for those already spent."""

    pk = models.CompositePrimaryKey("account_id", "refund_id", "pool_id")
    account_id = models.BigIntegerField()
    refund_id = models.BigIntegerField()
    pool_id = models.BigIntegerField()
    voucher_fen = models.BigIntegerField()
    expired_fen = models.BigIntegerField()
    cash_fen = models.BigIntegerField()
    dues_fen = models.BigIntegerField()
    reserve_fen = models.BigIntegerField()

    class Meta:
        db_table = "clawback"


class Deposit(models.Model):
    """Money brought into a merchant's dues, so that its refunds can be paid.

    The merchant brings it, or the platform advances it for the refund `advance_of`; below 0, an advance goes back.
    """

    id = models.BigIntegerField(primary_key=True)
    merchant_id = models.BigIntegerField()
    deposit_no = models.CharField(max_length=64)
    amount_fen = models.BigIntegerField()
    journal_id = models.BigIntegerField()
    payout_id = models.BigIntegerField(null=True)
    advance_of = models.BigIntegerField(null=True)

    class Meta:
        db_table = "deposit"
        indexes: ClassVar = [
            models.Index(fields=["merchant_id"], condition=Q(advance_of__isnull=False), name="deposit_advances")
        ]
        constraints: ClassVar = [
            UniqueConstraint(fields=["merchant_id", "deposit_no"], name="deposit_no_once"),
            CheckConstraint(
                condition=Q(amount_fen__gt=0) | Q(amount_fen__lt=0, advance_of__isnull=False), name="deposit_positive"
            ),
        ]


class Payout(models.Model):
    """One payment of a merchant's dues: the orders, refunds and deposits that name it add up to it."""

    id = models.BigIntegerField(primary_key=True)
    merchant_id = models.BigIntegerField()
    business_date = models.DateField()
    amount_fen = models.BigIntegerField()
    journal_id = models.BigIntegerField(null=True)

    class Meta:
        db_table = "payout"
        constraints: ClassVar = [
            UniqueConstraint(fields=["merchant_id", "business_date"], name="payout_once_a_day"),
            CheckConstraint(condition=Q(amount_fen__gt=0), name="payout_positive"),
        ]


class FeeTransfer(models.Model):
    """The platform's fee of all orders that entered in one alliance cycle, moved once that cycle is settled."""

    cycle = models.BigIntegerField(primary_key=True)
    amount_fen = models.BigIntegerField()
    journal_id = models.BigIntegerField()

    class Meta:
        db_table = "fee_transfer"
