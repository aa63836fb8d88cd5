"""Large draws and spends that wait for a second person, and what they reserve."""

from typing import ClassVar

from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint

LIVE = ("held", "approved")
STATES = (*LIVE, "done", "rejected", "withdrawn", "lapsed")


class Claim(models.Model):
    """One draw or spend above the fence, in fen: `amount_fen` is reserved while it is held, or approved and not used.

    `most_fen` is the fence it met, `day_fen` what had left on that day before. A draw has its pool; a spend the sale
    that asked for it, once while it lives. The content of a claim never changes, and an ended one not at all. The
    public log commits to `content_hash` with `salt`, 32 random bytes in hex. `until_at` is when an approval ends.
    """

    id = models.BigIntegerField(primary_key=True)
    kind = models.CharField(max_length=8)
    account_id = models.BigIntegerField()
    pool_id = models.BigIntegerField(null=True)
    merchant_id = models.BigIntegerField(null=True)
    order_no = models.CharField(max_length=64, null=True)  # noqa: DJ001  null means: a draw has no sale
    shop = models.CharField(max_length=64, null=True)  # noqa: DJ001  null means: the sale names no store
    cash_fen = models.BigIntegerField(db_default=0)
    coupon_fen = models.BigIntegerField(db_default=0)
    amount_fen = models.BigIntegerField()
    day_fen = models.BigIntegerField()
    most_fen = models.BigIntegerField()
    content_hash = models.CharField(max_length=64)
    salt = models.CharField(max_length=64)
    asked_by = models.CharField(max_length=64)
    asked_at = models.DateTimeField()
    state = models.CharField(max_length=10)
    decided_by = models.CharField(max_length=64, null=True)  # noqa: DJ001  null means: nobody has decided
    decided_at = models.DateTimeField(null=True)
    reason = models.TextField(db_default="")
    until_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "claim"
        indexes: ClassVar = [
            models.Index(fields=["asked_at", "id"], condition=Q(state="held"), name="claim_waiting"),
            models.Index(fields=["until_at"], condition=Q(state="approved"), name="claim_approved"),
            models.Index(fields=["account_id", "id"], name="claim_of_account"),
            models.Index(fields=["merchant_id", "order_no"], name="claim_of_order"),
        ]
        constraints: ClassVar = [
            UniqueConstraint(fields=["merchant_id", "order_no"], condition=Q(state__in=LIVE), name="claim_order_once"),
            UniqueConstraint(
                fields=["account_id", "pool_id"], condition=Q(state="held", kind="draw"), name="claim_draw_once"
            ),
            CheckConstraint(
                condition=Q(state__in=STATES, amount_fen__gt=0, day_fen__gte=0, most_fen__gte=0)
                & Q(cash_fen__gte=0, coupon_fen__gte=0),
                name="claim_sound",
            ),
            CheckConstraint(
                condition=Q(kind="draw", pool_id__isnull=False, merchant_id__isnull=True, order_no__isnull=True)
                | Q(kind="spend", pool_id__isnull=True, merchant_id__isnull=False, order_no__isnull=False),
                name="claim_kind",
            ),
            CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("asked_by")), name="claim_two_people"
            ),
            CheckConstraint(
                condition=Q(state__in=["held", "withdrawn", "lapsed"])
                | Q(decided_by__isnull=False, decided_at__isnull=False),
                name="claim_decided",
            ),
            CheckConstraint(
                condition=~Q(state="approved") | Q(kind="spend", until_at__isnull=False), name="claim_approval_ends"
            ),
            CheckConstraint(
                condition=Q(state__in=LIVE, ended_at__isnull=True) | (~Q(state__in=LIVE) & Q(ended_at__isnull=False)),
                name="claim_ended",
            ),
        ]


class ClaimPart(models.Model):
    """What a claim reserves in one pool's wallet, in fen. Append-only: it counts while its claim lives."""

    pk = models.CompositePrimaryKey("claim_id", "pool_id")
    claim_id = models.BigIntegerField()
    pool_id = models.BigIntegerField()
    amount_fen = models.BigIntegerField()

    class Meta:
        db_table = "claim_part"
        constraints: ClassVar = [CheckConstraint(condition=Q(amount_fen__gt=0), name="claim_part_positive")]
