"""The payment institution: what it was told to do, what it said, what its statements list, and what doesn't agree."""

from typing import ClassVar

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

KINDS = ("collect", "split", "refund", "payout", "fee", "bring", "back")
STATES = ("waiting", "sent", "done", "failed", "disputed", "closed")


class PaymentInstruction(models.Model):
    """One instruction to the payment institution, written in the transaction that causes it; amounts are fen.

    `key` is its natural key, once for ever; `number` is what the institution and its statements know it by. `payment`
    is the number of the collection that a split or a refund is part of. `subject_id` is the order, refund, payout or
    cycle it is for. `content_hash` is the SHA-256 of what is sent. `state` follows from its notices alone once it was
    sent: `waiting` until the institution accepted it, then sent, done, failed or disputed. It goes out only when the
    trust book holds its journal. What others move is expected and never sent:
    a deposit that a merchant brings (`bring`), a payment that went `back` to its payer's bank.

    A payment that a till asks for is `show`n to its payer and can be made until it `expires_at`; after that it is never
    sent again, and `closed` for ever once the institution takes no money for it. `close_at` is when that is seen to
    next; it is empty once there is nothing left to do about it.
    """

    id = models.BigIntegerField(primary_key=True)
    kind = models.CharField(max_length=8)
    key = models.CharField(max_length=160, unique=True)
    number = models.CharField(max_length=32, unique=True)
    payment = models.CharField(max_length=32, db_default="")
    merchant_id = models.BigIntegerField(null=True)
    order_no = models.CharField(max_length=64, db_default="")
    subject_id = models.BigIntegerField(null=True)
    amount_fen = models.BigIntegerField()
    journal_id = models.BigIntegerField(null=True)
    content_hash = models.CharField(max_length=64)
    made_at = models.DateTimeField()
    state = models.CharField(max_length=8, db_default="waiting")
    attempts = models.IntegerField(db_default=0)
    next_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    asked_at = models.DateTimeField(null=True)
    fault = models.CharField(max_length=200, db_default="")
    reconciled_at = models.DateTimeField(null=True)
    show = models.CharField(max_length=512, db_default="")
    expires_at = models.DateTimeField(null=True)
    close_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "payment_instruction"
        indexes: ClassVar = [
            models.Index(fields=["next_at", "id"], condition=Q(state="waiting"), name="instruction_due"),
            models.Index(fields=["sent_at"], condition=Q(state="sent"), name="instruction_silent"),
            models.Index(fields=["number"], condition=Q(reconciled_at__isnull=True), name="instruction_open"),
            models.Index(fields=["merchant_id", "order_no"], condition=Q(kind="collect"), name="instruction_of_order"),
            models.Index(fields=["journal_id"], name="instruction_of_journal"),
            models.Index(fields=["close_at"], condition=Q(close_at__isnull=False), name="instruction_closing"),
        ]
        constraints: ClassVar = [
            CheckConstraint(
                condition=Q(kind__in=KINDS, amount_fen__gt=0, state__in=STATES),
                name="payment_instruction_sound",
            ),
        ]


class PaymentNotice(models.Model):
    """What the institution said about one instruction, once per notice id. Append-only.

    `outcome` is success, failed, or back (a payment that was charged back); `source` is notice or answer (it was
    asked). `body_hash` is the SHA-256 of the signed body.
    """

    id = models.BigIntegerField(primary_key=True)
    notice_id = models.CharField(max_length=64, unique=True)
    number = models.CharField(max_length=32)
    trade_no = models.CharField(max_length=64)
    outcome = models.CharField(max_length=8)
    amount_fen = models.BigIntegerField()
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    source = models.CharField(max_length=8)
    body_hash = models.CharField(max_length=64)

    class Meta:
        db_table = "payment_notice"
        indexes: ClassVar = [models.Index(fields=["number"], name="payment_notice_of")]
        constraints: ClassVar = [
            CheckConstraint(
                condition=Q(outcome__in=["success", "failed", "back"], source__in=["notice", "answer"]),
                name="payment_notice_sound",
            )
        ]


class Statement(models.Model):
    """One file that lists what moved in an account with the custodian: the institution's, or the bank's.

    `balance_fen` is what the file says is left after its last line, where it says so; `until_at` when that was booked.
    """

    id = models.BigIntegerField(primary_key=True)
    account = models.CharField(max_length=16)
    name = models.CharField(max_length=64)
    file_hash = models.CharField(max_length=64)
    lines = models.IntegerField()
    total_fen = models.BigIntegerField()
    balance_fen = models.BigIntegerField(null=True)
    until_at = models.DateTimeField()
    taken_at = models.DateTimeField()
    taken_by = models.CharField(max_length=64)

    class Meta:
        db_table = "payment_statement"
        constraints: ClassVar = [
            UniqueConstraint(fields=["account", "name"], name="statement_name_once"),
            CheckConstraint(condition=Q(account__in=["institution", "bank"]), name="statement_account"),
        ]


class StatementLine(models.Model):
    """One line of a statement: in above 0, out below. `number` is the instruction, transfer or day that it is for.

    `trade_no` is the custodian's own number: a line that comes again in a later file is the same line.
    """

    id = models.BigIntegerField(primary_key=True)
    statement_id = models.BigIntegerField()
    account = models.CharField(max_length=16)
    kind = models.CharField(max_length=16)
    number = models.CharField(max_length=160)
    trade_no = models.CharField(max_length=64)
    amount_fen = models.BigIntegerField()
    booked_at = models.DateTimeField()
    text = models.CharField(max_length=200, db_default="")
    settled_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "statement_line"
        indexes: ClassVar = [
            models.Index(fields=["number"], name="statement_line_of"),
            models.Index(fields=["number"], condition=Q(settled_at__isnull=True), name="statement_line_open"),
            models.Index(fields=["statement_id"], name="statement_line_in"),
        ]
        constraints: ClassVar = [
            UniqueConstraint(fields=["account", "trade_no", "kind"], name="statement_line_once"),
            CheckConstraint(condition=~Q(amount_fen=0), name="statement_line_moves"),
        ]


class ReconciliationCase(models.Model):
    """One thing on which books and statements don't agree: what we expect in fen, and what the statements list.

    `difference` is timing, missing, extra, wrong_amount, chargeback, notice or failed. `state` is open or closed, by
    lines or books that came later (`closed_by` is `lines`) or by two people. `run_id` is the reconciliation that last
    found it.
    """

    id = models.BigAutoField(primary_key=True)
    account = models.CharField(max_length=16)
    kind = models.CharField(max_length=16)
    number = models.CharField(max_length=160)
    difference = models.CharField(max_length=16)
    expected_fen = models.BigIntegerField()
    found_fen = models.BigIntegerField()
    state = models.CharField(max_length=8)
    since_at = models.DateTimeField()
    opened_at = models.DateTimeField()
    run_id = models.BigIntegerField()
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=160, db_default="")
    outcome = models.TextField(db_default="")

    class Meta:
        db_table = "reconciliation_case"
        indexes: ClassVar = [models.Index(fields=["opened_at"], condition=Q(state="open"), name="case_open")]
        constraints: ClassVar = [
            UniqueConstraint(fields=["account", "kind", "number"], name="case_once"),
            CheckConstraint(
                condition=Q(
                    difference__in=["timing", "missing", "extra", "wrong_amount", "chargeback", "notice", "failed"],
                    state__in=["open", "closed"],
                ),
                name="case_sound",
            ),
        ]
