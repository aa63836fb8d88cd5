"""Pools, plans, cohorts, positions, settlements, wallets, vouchers and coupons."""

from typing import ClassVar

from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint


class RuleVersion(models.Model):
    """One published rule set, whole, as canonical JSON. Append-only; in force from `effective_at`.

    `red_pool_id` and `red_plan_id` are where the red points of orders taken under it go.
    """

    id = models.BigAutoField(primary_key=True)
    document = models.TextField()
    red_pool_id = models.BigIntegerField()
    red_plan_id = models.BigIntegerField()
    effective_at = models.DateTimeField(unique=True)
    published_by = models.CharField(max_length=64)
    published_at = models.DateTimeField()

    class Meta:
        db_table = "rule_version"


class Minting(models.Model):
    """A decision of two people that purchases make points no more from an instant on, or do so again. Append-only."""

    id = models.BigAutoField(primary_key=True)
    mints = models.BooleanField()
    effective_at = models.DateTimeField(unique=True)
    decided_by = models.CharField(max_length=64)
    decided_at = models.DateTimeField()

    class Meta:
        db_table = "minting"


class Plan(models.Model):
    """A release plan, fixed once it exists: running cohorts keep their plan."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=64, unique=True)
    terms = models.TextField()

    class Meta:
        db_table = "plan"


class Pool(models.Model):
    """A pool's money in fen: free, backing of what was released, and the part of that backing already spent.

    `entry_cycle` is the open cycle, counted from 1 at the alliance's cycle `first_cycle`.
    """

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=64, unique=True)
    is_red = models.BooleanField()
    terms = models.TextField()
    first_cycle = models.BigIntegerField()
    entry_cycle = models.BigIntegerField(db_default=1)
    settled_cycle = models.BigIntegerField(db_default=0)
    free_fen = models.BigIntegerField(db_default=0)
    backing_fen = models.BigIntegerField(db_default=0)
    spent_fen = models.BigIntegerField(db_default=0)

    class Meta:
        db_table = "pool"
        constraints: ClassVar = [
            CheckConstraint(condition=Q(free_fen__gte=0, backing_fen__gte=0), name="pool_not_negative"),
            CheckConstraint(
                condition=Q(entry_cycle__gt=F("settled_cycle"), entry_cycle__lte=F("settled_cycle") + 2),
                name="pool_settles_in_order",
            ),
        ]


class PoolCycle(models.Model):
    """What entered a pool in one of its cycles (F), and the cap of that cycle where one was set."""

    pk = models.CompositePrimaryKey("pool_id", "cycle")
    pool = models.ForeignKey(Pool, on_delete=models.PROTECT)
    cycle = models.BigIntegerField()
    inflow_fen = models.BigIntegerField(db_default=0)
    cap_fen = models.BigIntegerField(null=True)

    class Meta:
        db_table = "pool_cycle"
        constraints: ClassVar = [CheckConstraint(condition=Q(inflow_fen__gte=0), name="pool_cycle_not_negative")]


class SettledCycle(models.Model):
    """The result of one settlement, for ever (R8). Append-only; `answer` is its canonical JSON.

    `spent_fen` is what of the backing was spent by then (backing less spent is what the pool owed right after it);
    null in rows that are older than the column.
    """

    pk = models.CompositePrimaryKey("pool_id", "cycle")
    pool = models.ForeignKey(Pool, on_delete=models.PROTECT)
    cycle = models.BigIntegerField()
    cutoff_at = models.DateTimeField()
    inflow_fen = models.BigIntegerField()
    issued_fen = models.BigIntegerField()
    free_fen = models.BigIntegerField()
    backing_fen = models.BigIntegerField()
    spent_fen = models.BigIntegerField(null=True)
    answer = models.TextField()
    indices = models.TextField()
    journal_id = models.BigIntegerField(null=True)

    class Meta:
        db_table = "settled_cycle"


class SettlementRun(models.Model):
    """The settlement of one alliance cycle over all pools, and who let it through when it was held."""

    id = models.BigAutoField(primary_key=True)
    cycle = models.BigIntegerField(unique=True)
    state = models.CharField(max_length=8)
    issued_fen = models.BigIntegerField()
    cap_fen = models.BigIntegerField(null=True)
    proposal = models.TextField()
    proposed_by = models.CharField(max_length=64)
    proposed_at = models.DateTimeField()
    decided_by = models.CharField(max_length=64, null=True)  # noqa: DJ001  null means: nobody had to decide
    decided_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "settlement_run"
        constraints: ClassVar = [
            CheckConstraint(condition=Q(state__in=["held", "posted"]), name="settlement_run_state"),
            CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("proposed_by")), name="settlement_run_two_people"
            ),
        ]


class Cohort(models.Model):
    """All lots that entered one pool in one cycle under one plan; `release_index` is vouchers per point × 10**12."""

    id = models.BigAutoField(primary_key=True)
    pool = models.ForeignKey(Pool, on_delete=models.PROTECT)
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT)
    entry = models.BigIntegerField()
    points = models.BigIntegerField(db_default=0)
    release_index = models.BigIntegerField(db_default=0)
    index_cap = models.BigIntegerField()
    age = models.BigIntegerField(db_default=0)
    rate = models.BigIntegerField(db_default=0)
    base = models.BigIntegerField(null=True)

    class Meta:
        db_table = "cohort"
        constraints: ClassVar = [
            UniqueConstraint(fields=["pool", "entry", "plan"], name="cohort_once"),
            CheckConstraint(
                condition=Q(release_index__gte=0, release_index__lte=F("index_cap"), points__gte=0),
                name="cohort_index_within_cap",
            ),
        ]


class Position(models.Model):
    """One holder's points in one cohort, in 1/100 point."""

    pk = models.CompositePrimaryKey("account_id", "cohort_id")
    account_id = models.BigIntegerField()
    cohort_id = models.BigIntegerField()
    points = models.BigIntegerField()

    class Meta:
        db_table = "position"
        indexes: ClassVar = [models.Index(fields=["cohort_id"], name="position_of_cohort")]
        constraints: ClassVar = [
            CheckConstraint(condition=Q(points__gte=0, points__lte=1_840_000_000_000), name="position_within_limit")
        ]


class Wallet(models.Model):
    """One holder's vouchers of one pool, in fen: drawn so far (net of clawback), unspent, redeemed, expired, owed.

    Two amounts are reserved for claims that a second person decides on (`claim_part`). The last three columns are what
    was drawn and spent without one on the local day `day`, counted from the year 1; 0 while rules set no fence.
    """

    pk = models.CompositePrimaryKey("account_id", "pool_id")
    account_id = models.BigIntegerField()
    pool_id = models.BigIntegerField()
    claimed_fen = models.BigIntegerField(db_default=0)
    voucher_fen = models.BigIntegerField(db_default=0)
    redeemed_fen = models.BigIntegerField(db_default=0)
    expired_fen = models.BigIntegerField(db_default=0)
    debt_fen = models.BigIntegerField(db_default=0)
    draw_held_fen = models.BigIntegerField(db_default=0)
    spend_held_fen = models.BigIntegerField(db_default=0)
    day = models.IntegerField(db_default=0)
    day_drawn_fen = models.BigIntegerField(db_default=0)
    day_spent_fen = models.BigIntegerField(db_default=0)

    class Meta:
        db_table = "wallet"
        constraints: ClassVar = [
            CheckConstraint(
                condition=Q(claimed_fen__gte=0, voucher_fen__gte=0, redeemed_fen__gte=0)
                & Q(expired_fen__gte=0, debt_fen__gte=0),
                name="wallet_not_negative",
            ),
            CheckConstraint(
                condition=Q(draw_held_fen__gte=0, spend_held_fen__gte=0, day_drawn_fen__gte=0, day_spent_fen__gte=0),
                name="wallet_holds_not_negative",
            ),
        ]


class WalletEntry(models.Model):
    """One movement of one wallet. Append-only; read in order of (cycle, journal, line) it replays the wallet (R12)."""

    pk = models.CompositePrimaryKey("account_id", "journal_id", "line")
    account_id = models.BigIntegerField()
    journal_id = models.BigIntegerField()
    line = models.IntegerField()
    pool_id = models.BigIntegerField()
    cycle = models.BigIntegerField()
    kind = models.CharField(max_length=8)
    amount_fen = models.BigIntegerField()
    order_id = models.BigIntegerField(null=True)

    class Meta:
        db_table = "wallet_entry"
        indexes: ClassVar = [models.Index(fields=["cycle"], name="wallet_entry_in_cycle")]
        constraints: ClassVar = [
            CheckConstraint(
                condition=Q(kind__in=["draw", "repay", "spend", "return", "expire", "claw"], amount_fen__gt=0),
                name="wallet_entry_kind",
            )
        ]


class Voucher(models.Model):
    """Vouchers drawn at one time, by one journal: they are spent, and expire, oldest first.

    Rows that are older than the column have no journal.
    """

    id = models.BigIntegerField(primary_key=True)
    account_id = models.BigIntegerField()
    pool_id = models.BigIntegerField()
    face_fen = models.BigIntegerField()
    left_fen = models.BigIntegerField()
    drawn_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    journal_id = models.BigIntegerField(null=True)

    class Meta:
        db_table = "voucher"
        indexes: ClassVar = [
            models.Index(fields=["journal_id"], name="voucher_drawn_by"),
            models.Index(fields=["account_id"], condition=Q(left_fen__gt=0), name="voucher_unspent"),
            models.Index(fields=["expires_at"], condition=Q(left_fen__gt=0), name="voucher_expiring"),
        ]
        constraints: ClassVar = [CheckConstraint(condition=Q(left_fen__gte=0), name="voucher_not_negative")]


class Coupon(models.Model):
    """A shopping coupon of one order: earned as its second reward, or the first-order rebate from a grant."""

    pk = models.CompositePrimaryKey("account_id", "order_id", "kind")
    account_id = models.BigIntegerField()
    order_id = models.BigIntegerField()
    kind = models.CharField(max_length=8)
    grant_id = models.BigIntegerField(null=True)
    face_fen = models.BigIntegerField()
    left_fen = models.BigIntegerField()
    expired_fen = models.BigIntegerField(db_default=0)
    usable_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "coupon"
        indexes: ClassVar = [
            models.Index(fields=["expires_at"], condition=Q(left_fen__gt=0), name="coupon_expiring"),
            models.Index(fields=["account_id"], condition=Q(left_fen__gt=0), name="coupon_usable"),
        ]
        constraints: ClassVar = [
            CheckConstraint(condition=Q(left_fen__gte=0, expired_fen__gte=0), name="coupon_not_negative"),
            CheckConstraint(condition=Q(kind__in=["earned", "grant"]), name="coupon_kind"),
        ]
