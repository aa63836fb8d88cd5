"""What people complain of, what they were answered, and what auditors and regulators have looked at."""

from typing import ClassVar

from django.db import models
from django.db.models import CheckConstraint, Q

from greenloop.core.trust.complaints import CATEGORIES, STATES


class Complaint(models.Model):
    """What somebody complains of: `sealed` is their words, under their own key, so that erasure destroys them (G15).

    `about` names what it is about (`order/…`), empty where nothing is. `state` is open, answered or closed.
    """

    id = models.BigIntegerField(primary_key=True)
    account_id = models.BigIntegerField()
    category = models.CharField(max_length=16)
    about = models.CharField(max_length=64, db_default="")
    sealed = models.TextField()
    state = models.CharField(max_length=8)
    filed_at = models.DateTimeField()
    due_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "complaint"
        indexes: ClassVar = [
            models.Index(fields=["account_id", "id"], name="complaint_of_account"),
            models.Index(fields=["due_at"], condition=~Q(state="closed"), name="complaint_open"),
        ]
        constraints: ClassVar = [
            CheckConstraint(condition=Q(category__in=CATEGORIES, state__in=STATES), name="complaint_sound"),
            CheckConstraint(condition=Q(state="closed") ^ Q(closed_at__isnull=True), name="complaint_closed"),
        ]


class ComplaintAnswer(models.Model):
    """One answer to a complaint, sealed under the key of who complained. Append-only. `by` is `account/…`."""

    id = models.BigIntegerField(primary_key=True)
    complaint_id = models.BigIntegerField()
    by = models.CharField(max_length=64)
    sealed = models.TextField()
    at = models.DateTimeField()

    class Meta:
        db_table = "complaint_answer"
        indexes: ClassVar = [models.Index(fields=["complaint_id", "id"], name="complaint_answer_of")]


class PortalView(models.Model):
    """One look of an auditor or a regulator, written before anything is shown. Append-only.

    `page` is the address's own name, `about` what of it was asked for, without anything that tells who a person is.
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    account_id = models.BigIntegerField()
    method = models.CharField(max_length=8)
    page = models.CharField(max_length=64)
    about = models.CharField(max_length=160)
    request_id = models.CharField(max_length=64)

    class Meta:
        db_table = "portal_view"
        indexes: ClassVar = [models.Index(fields=["account_id", "id"], name="portal_view_of_account")]
