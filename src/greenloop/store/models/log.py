"""The public log: its leaves, complete subtrees, what was signed of it, which journals it seals. All append-only."""

from typing import ClassVar

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint


class LogLeaf(models.Model):
    """One leaf, by its number from 0: `body` is canonical JSON without personal data, `leaf_hash` its hash in hex.

    What it tells of is told once: `about` is unique among the leaves of a kind. `at` is when it was appended.
    """

    number = models.BigIntegerField(primary_key=True)
    kind = models.CharField(max_length=32)
    about = models.CharField(max_length=128)
    body = models.TextField()
    leaf_hash = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        db_table = "log_leaf"
        constraints: ClassVar = [
            CheckConstraint(condition=Q(number__gte=0), name="log_leaf_from_zero"),
            UniqueConstraint(fields=["kind", "about"], name="log_leaf_once"),
        ]


class LogNode(models.Model):
    """A complete subtree of two leaves or more, by its place (core/trust/log.py); `node_hash` is in hex."""

    place = models.BigIntegerField(primary_key=True)
    node_hash = models.CharField(max_length=64)

    class Meta:
        db_table = "log_node"


class LogCheckpoint(models.Model):
    """A size of the log and its root, as signed: `signature` is 64 bytes and `public_key` 32, both in hex.

    `key_id` is the hash by which notes name the key.
    """

    size = models.BigIntegerField(primary_key=True)
    root_hash = models.CharField(max_length=64)
    origin = models.CharField(max_length=128)
    key_id = models.CharField(max_length=8)
    public_key = models.CharField(max_length=64)
    signature = models.CharField(max_length=128)
    at = models.DateTimeField()

    class Meta:
        db_table = "log_checkpoint"
        constraints: ClassVar = [CheckConstraint(condition=Q(size__gt=0), name="log_checkpoint_of_something")]


class JournalSeal(models.Model):
    """Journals that one leaf of the public log seals together: those above the seal before it, up to `until_id`.

    Seals are numbered from 1; `journals_until` counts the journals that this one and those before it seal.
    """

    number = models.BigIntegerField(primary_key=True)
    until_id = models.BigIntegerField(unique=True)
    journals_until = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        db_table = "journal_seal"
