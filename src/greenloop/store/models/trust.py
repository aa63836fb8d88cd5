"""Who did what with more than a member's rights, what waits for a second person, and what the clock ran."""

from typing import ClassVar

from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint


class AuditEntry(models.Model):
    """One privileged act, written in the transaction that did it. Append-only.

    `actor` is `account/…`, `client/…`, `scheduler` or `console`; `act` a word such as `settlement.approve`; `about`
    what it was done to; `detail` canonical JSON without personal data.
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    actor = models.CharField(max_length=64)
    act = models.CharField(max_length=32)
    about = models.CharField(max_length=128)
    detail = models.TextField()
    request_id = models.CharField(max_length=64)

    class Meta:
        db_table = "audit_entry"
        indexes: ClassVar = [
            models.Index(fields=["actor", "id"], name="audit_entry_of_actor"),
            models.Index(fields=["about", "id"], name="audit_entry_about"),
        ]


class Proposal(models.Model):
    """What one person proposed and another has to approve: executed is the content with this SHA-256, or nothing.

    `content` is canonical JSON. The public log commits to its hash with `salt`, 32 random bytes in hex, which are told
    to those alone who may read the content. `state` is open, done, rejected or withdrawn; one that is open past
    `expires_at` has expired.
    """

    id = models.BigIntegerField(primary_key=True)
    kind = models.CharField(max_length=32)
    about = models.CharField(max_length=128)
    content = models.TextField()
    content_hash = models.CharField(max_length=64)
    salt = models.CharField(max_length=64, db_default="")
    reason = models.TextField()
    state = models.CharField(max_length=12)
    proposed_by = models.CharField(max_length=64)
    proposed_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    decided_by = models.CharField(max_length=64, null=True)  # noqa: DJ001  null means: nobody has decided
    decided_at = models.DateTimeField(null=True)
    outcome = models.TextField(db_default="")

    class Meta:
        db_table = "proposal"
        indexes: ClassVar = [models.Index(fields=["expires_at"], condition=Q(state="open"), name="proposal_open")]
        constraints: ClassVar = [
            CheckConstraint(condition=Q(state__in=["open", "done", "rejected", "withdrawn"]), name="proposal_state"),
            CheckConstraint(
                condition=Q(decided_by__isnull=True) | Q(state="withdrawn") | ~Q(decided_by=F("proposed_by")),
                name="proposal_two_people",
            ),
        ]


class Run(models.Model):
    """One piece of the clock's work, done once: a task and the slot that it is for (`settle`, `53`).

    `state` is running, done or failed; a failed one is tried again, and so is one whose process died: its holder says
    each minute that it is at it, by `seen_at`.
    """

    id = models.BigAutoField(primary_key=True)
    task = models.CharField(max_length=32)
    slot = models.CharField(max_length=32)
    due_at = models.DateTimeField()
    state = models.CharField(max_length=8)
    attempts = models.IntegerField()
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    holder = models.CharField(max_length=64)
    outcome = models.TextField(db_default="")

    class Meta:
        db_table = "run"
        indexes: ClassVar = [models.Index(fields=["started_at"], name="run_started")]
        constraints: ClassVar = [
            UniqueConstraint(fields=["task", "slot"], name="run_once"),
            CheckConstraint(condition=Q(state__in=["running", "done", "failed"]), name="run_state"),
        ]


class Beat(models.Model):
    """When somebody was last at a work that never ends: `what` is `clock`, `holder` the machine and its process."""

    what = models.CharField(max_length=16, primary_key=True)
    holder = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        db_table = "beat"
