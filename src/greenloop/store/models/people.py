"""Who takes part: accounts, members, merchants, stores, rate cards, holds, grants."""

from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from greenloop.core.people.roles import ROLES


class Account(AbstractBaseUser):
    """A holder of points and vouchers, and later a sign-in: an opaque id, no name, no e-mail, no phone."""

    id = models.BigIntegerField(primary_key=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    USERNAME_FIELD = "id"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["created_at"]
    objects = BaseUserManager()

    class Meta:
        db_table = "account"


class StaffRole(models.Model):
    """What a person of the platform may do; one account may have several roles."""

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    role = models.CharField(max_length=16)

    class Meta:
        db_table = "staff_role"
        constraints: ClassVar = [
            UniqueConstraint(fields=["account", "role"], name="staff_role_once"),
            CheckConstraint(condition=Q(role__in=ROLES), name="staff_role_known"),
        ]


class PersonKey(models.Model):
    """The key that one person's identifiers are sealed with, itself sealed by the product's own (G15).

    Destroying the row makes everything sealed with it unreadable for ever; the books stay whole.
    """

    account = models.OneToOneField(Account, on_delete=models.PROTECT, primary_key=True)
    sealed_key = models.TextField()

    class Meta:
        db_table = "person_key"


class Identifier(models.Model):
    """What a person signs in by: a phone number, or a name at work. Sealed, beside an HMAC to look it up by."""

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    kind = models.CharField(max_length=8)
    lookup = models.CharField(max_length=64)
    sealed = models.TextField()
    verified_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "identifier"
        constraints: ClassVar = [
            UniqueConstraint(fields=["account", "kind"], name="identifier_once_per_kind"),
            UniqueConstraint(fields=["kind", "lookup"], name="identifier_of_one_person"),
            CheckConstraint(condition=Q(kind__in=["phone", "name"]), name="identifier_kind"),
        ]


class Member(models.Model):
    """A shopper: an account that has enrolled, with at most one direct referrer and nothing above (G5).

    `first_order_id` is the first order that a rebate could be for: none that was paid while nothing was minted.
    """

    account = models.OneToOneField(Account, on_delete=models.PROTECT, primary_key=True)
    ref = models.CharField(max_length=64, unique=True)
    city = models.CharField(max_length=64)
    enrolled_at = models.DateTimeField()
    referrer_id = models.BigIntegerField(null=True)
    first_order_id = models.BigIntegerField(null=True)

    class Meta:
        db_table = "member"
        constraints: ClassVar = [
            CheckConstraint(
                condition=Q(referrer_id__isnull=True) | ~Q(referrer_id=models.F("account_id")),
                name="member_not_own_referrer",
            )
        ]


class Merchant(models.Model):
    """A business of the alliance; `account` holds its points and vouchers."""

    id = models.BigIntegerField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT)
    ref = models.CharField(max_length=64, unique=True)
    city = models.CharField(max_length=64)
    grade = models.CharField(max_length=16)
    multiple_ppm = models.BigIntegerField()
    accepts_coupons = models.BooleanField(default=True)
    enrolled_at = models.DateTimeField()

    class Meta:
        db_table = "merchant"


class MerchantLink(models.Model):
    """An account that owns, works for or is linked to a merchant: its vouchers are refused there (G6).

    An `owner` or `clerk` signs in to the merchant's pages; who is only `linked` doesn't.
    """

    id = models.BigAutoField(primary_key=True)
    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT)
    account_id = models.BigIntegerField()
    relation = models.CharField(max_length=16)

    class Meta:
        db_table = "merchant_link"
        # Asked at every request: what may this account see?
        indexes: ClassVar = [models.Index(fields=["account_id"], name="merchant_link_of_account")]
        constraints: ClassVar = [UniqueConstraint(fields=["merchant", "account_id"], name="merchant_link_once")]


class Shop(models.Model):
    """A store of a merchant, where its customers are served."""

    id = models.BigAutoField(primary_key=True)
    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT)
    ref = models.CharField(max_length=64)

    class Meta:
        db_table = "shop"
        constraints: ClassVar = [UniqueConstraint(fields=["merchant", "ref"], name="shop_ref_once")]


class RateCard(models.Model):
    """The concession rate of a merchant from an instant on; history is kept."""

    id = models.BigAutoField(primary_key=True)
    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT)
    rate_ppm = models.BigIntegerField()
    valid_from_at = models.DateTimeField()

    class Meta:
        db_table = "rate_card"
        constraints: ClassVar = [
            UniqueConstraint(fields=["merchant", "valid_from_at"], name="rate_card_once"),
            CheckConstraint(condition=Q(rate_ppm__gte=30_000, rate_ppm__lte=200_000), name="rate_card_3_to_20_percent"),
        ]


class Directory(models.Model):
    """The version of all merchants, rate cards and stores together: the database draws it anew when any changes."""

    id = models.SmallIntegerField(primary_key=True)
    version = models.BigIntegerField()

    class Meta:
        db_table = "directory"


class ReferralMonth(models.Model):
    """What a referrer's direct members have earned it in red points in one month, in fen."""

    pk = models.CompositePrimaryKey("account_id", "month")
    account_id = models.BigIntegerField()
    month = models.CharField(max_length=7)
    red_fen = models.BigIntegerField()

    class Meta:
        db_table = "referral_month"
        constraints: ClassVar = [CheckConstraint(condition=Q(red_fen__gte=0), name="referral_month_not_negative")]


class Hold(models.Model):
    """A stop on one order (it won't vest) or one account (it can't draw or spend) until somebody releases it."""

    id = models.BigAutoField(primary_key=True)
    order_id = models.BigIntegerField(null=True)
    account_id = models.BigIntegerField(null=True)
    reason = models.CharField(max_length=200)
    placed_by = models.CharField(max_length=64)
    placed_at = models.DateTimeField()
    released_by = models.CharField(max_length=64, null=True)  # noqa: DJ001  null means: still held
    released_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "hold"
        constraints: ClassVar = [
            UniqueConstraint(fields=["order_id"], condition=Q(released_at__isnull=True), name="hold_order_once"),
            UniqueConstraint(fields=["account_id"], condition=Q(released_at__isnull=True), name="hold_account_once"),
            CheckConstraint(
                condition=Q(order_id__isnull=False, account_id__isnull=True)
                | Q(order_id__isnull=True, account_id__isnull=False),
                name="hold_one_target",
            ),
        ]


class Grant(models.Model):
    """A marketing budget for first-order rebates: proposed by one person, usable once another has approved it."""

    id = models.BigAutoField(primary_key=True)
    ref = models.CharField(max_length=64, unique=True)
    amount_fen = models.BigIntegerField()
    rebate_fen = models.BigIntegerField()
    committed_fen = models.BigIntegerField(db_default=0)
    transferred_fen = models.BigIntegerField(db_default=0)
    unused_fen = models.BigIntegerField(db_default=0)
    proposed_by = models.CharField(max_length=64)
    proposed_at = models.DateTimeField()
    approved_by = models.CharField(max_length=64, null=True)  # noqa: DJ001  null means: not approved
    approved_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "marketing_grant"
        constraints: ClassVar = [
            CheckConstraint(
                condition=Q(committed_fen__gte=0, committed_fen__lte=models.F("amount_fen"), unused_fen__gte=0),
                name="grant_within_budget",
            ),
            CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=models.F("proposed_by")),
                name="grant_two_people",
            ),
        ]


class Worker(models.Model):
    """A number that one process at a time holds, so that the ids it makes are its own."""

    number = models.IntegerField(primary_key=True)
    holder = models.CharField(max_length=64)
    leased_until_at = models.DateTimeField()
    last_ms = models.BigIntegerField(db_default=0)

    class Meta:
        db_table = "worker"
