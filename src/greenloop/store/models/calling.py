"""Who calls the API: clients with their keys, what they may see, and the answers that they were given."""

from typing import ClassVar

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint


class ApiClient(models.Model):
    """A caller of the API: a merchant's tills, or a partner (a mall, a mini-program) that acts for merchants."""

    id = models.BigIntegerField(primary_key=True)
    kind = models.CharField(max_length=8)
    name = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "api_client"
        constraints: ClassVar = [CheckConstraint(condition=Q(kind__in=["merchant", "partner"]), name="api_client_kind")]


class ClientMerchant(models.Model):
    """A merchant that a client acts for."""

    pk = models.CompositePrimaryKey("client_id", "merchant_id")
    client_id = models.BigIntegerField()
    merchant_id = models.BigIntegerField()

    class Meta:
        db_table = "client_merchant"
        indexes: ClassVar = [models.Index(fields=["merchant_id"], name="client_merchant_of")]


class ClientMember(models.Model):
    """A member who enrolled through a client, which may read what that member has."""

    pk = models.CompositePrimaryKey("client_id", "account_id")
    client_id = models.BigIntegerField()
    account_id = models.BigIntegerField()

    class Meta:
        db_table = "client_member"
        indexes: ClassVar = [models.Index(fields=["account_id"], name="client_member_of")]


class ApiKey(models.Model):
    """A key of a client. Its secret is sealed, because signatures are checked with the secret itself.

    `scopes` are words apart by spaces. At most two keys of a client live at a time, so that one can take over from
    the other. A key that `must_sign` is refused as a bearer.
    """

    id = models.BigIntegerField(primary_key=True)
    client = models.ForeignKey(ApiClient, on_delete=models.PROTECT)
    sealed_secret = models.TextField()
    scopes = models.TextField()
    must_sign = models.BooleanField()
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=64)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "api_key"


class Nonce(models.Model):
    """A nonce that a signed request has used; forgotten once its request's time is out of the window."""

    pk = models.CompositePrimaryKey("key_id", "nonce")
    key_id = models.BigIntegerField()
    nonce = models.CharField(max_length=64)
    seen_at = models.DateTimeField()

    class Meta:
        db_table = "nonce"
        indexes: ClassVar = [models.Index(fields=["seen_at"], name="nonce_seen")]


class StoredAnswer(models.Model):
    """The answer to one write, kept in the transaction that did it, so that the same request gets it again.

    `caller` is who asked (`client/…` or `account/…`), `request_hash` the SHA-256 of method, path and body, in hex.
    """

    pk = models.CompositePrimaryKey("caller", "key")
    caller = models.CharField(max_length=32)
    key = models.CharField(max_length=64)
    request_hash = models.CharField(max_length=64)
    status = models.IntegerField()
    body = models.TextField()
    at = models.DateTimeField()

    class Meta:
        db_table = "stored_answer"
        indexes: ClassVar = [models.Index(fields=["at"], name="stored_answer_at")]


class WebhookEndpoint(models.Model):
    """Where a client wants to be told of events. `kinds` are words apart by spaces; the secret signs what is sent.

    While a secret is changed, the old one signs as well until `old_until_at`. Who sends to an endpoint holds it until
    `leased_until_at`: one at a time. After a failure it is left alone until `rests_until_at`. `ended_why` is asked,
    gone (it said so itself), or key (no live key could have registered it any more).
    """

    id = models.BigIntegerField(primary_key=True)
    client = models.ForeignKey(ApiClient, on_delete=models.PROTECT)
    url = models.TextField()
    kinds = models.TextField()
    sealed_secret = models.TextField()
    old_sealed_secret = models.TextField(db_default="")
    old_until_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    leased_until_at = models.DateTimeField()
    rests_until_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_why = models.CharField(max_length=8, db_default="")

    class Meta:
        db_table = "webhook_endpoint"


class OutboxEvent(models.Model):
    """Something that happened, written in the transaction that made it happen, for one client that asked to be told.

    `about` names what happened among events of its kind: told once, it is not told again. `body` is what is sent.
    """

    id = models.BigIntegerField(primary_key=True)
    client_id = models.BigIntegerField()
    kind = models.CharField(max_length=32)
    about = models.CharField(max_length=96)
    body = models.TextField()
    at = models.DateTimeField()

    class Meta:
        db_table = "outbox_event"
        indexes: ClassVar = [models.Index(fields=["client_id", "id"], name="outbox_event_of_client")]
        constraints: ClassVar = [
            UniqueConstraint(fields=["client_id", "kind", "about"], name="outbox_event_once"),
        ]


class Delivery(models.Model):
    """One event on its way to one endpoint: `state` is waiting, done, or given_up after the last retry.

    `attempts` numbers the tries that were begun: who crashed in one wrote no row about it. `retries` counts those since
    the event was written or sent again by hand: it says how long the next waits.
    """

    id = models.BigIntegerField(primary_key=True)
    event = models.ForeignKey(OutboxEvent, on_delete=models.PROTECT)
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.PROTECT, db_index=False)
    state = models.CharField(max_length=8)
    attempts = models.IntegerField(db_default=0)
    retries = models.IntegerField(db_default=0)
    next_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "delivery"
        indexes: ClassVar = [
            models.Index(fields=["endpoint", "next_at", "id"], condition=Q(state="waiting"), name="delivery_due"),
            models.Index(fields=["endpoint", "id"], name="delivery_to"),
        ]
        constraints: ClassVar = [
            UniqueConstraint(fields=["event", "endpoint"], name="delivery_once"),
            CheckConstraint(condition=Q(state__in=["waiting", "done", "given_up"]), name="delivery_state"),
        ]


class DeliveryAttempt(models.Model):
    """One try of a delivery: the answer's status (null: there was none), how long it took, what went wrong."""

    pk = models.CompositePrimaryKey("delivery_id", "number")
    delivery_id = models.BigIntegerField()
    number = models.IntegerField()
    at = models.DateTimeField()
    status = models.IntegerField(null=True)
    took_ms = models.IntegerField()
    fault = models.TextField()

    class Meta:
        db_table = "delivery_attempt"
