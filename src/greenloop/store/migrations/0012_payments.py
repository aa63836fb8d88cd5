"""What the payment institution is told and says, what statements list, and the cases that open where they differ."""

from typing import Any

from django.db import migrations, models


def guard(apps: Any, schema_editor: Any) -> None:
    """Let nobody change or delete what the institution said."""
    if schema_editor.connection.vendor == "postgresql":
        statements = ["""CREATE TRIGGER payment_notice_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payment_notice
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"""]
    else:
        statements = [
            f"""CREATE TRIGGER payment_notice_no_{verb} BEFORE {verb} ON payment_notice
                BEGIN SELECT RAISE(ABORT, 'payment_notice is append-only'); END"""
            for verb in ("update", "delete")
        ]
        # A notice that comes again is passed over, also where a statement says OR REPLACE.
        statements += [
            f"""CREATE TRIGGER payment_notice_no_replace_{key} BEFORE INSERT ON payment_notice
                WHEN EXISTS (SELECT 1 FROM payment_notice WHERE {key} = NEW.{key})
                BEGIN SELECT RAISE(IGNORE); END"""
            for key in ("id", "notice_id")
        ]
    with schema_editor.connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


class Migration(migrations.Migration):

    dependencies = [
        ('store', '0011_keeping'),
    ]

    operations = [
        migrations.CreateModel(
            name='PaymentInstruction',
            fields=[
                ('id', models.BigIntegerField(primary_key=True, serialize=False)),
                ('kind', models.CharField(max_length=8)),
                ('key', models.CharField(max_length=160, unique=True)),
                ('number', models.CharField(max_length=32, unique=True)),
                ('payment', models.CharField(db_default='', max_length=32)),
                ('merchant_id', models.BigIntegerField(null=True)),
                ('order_no', models.CharField(db_default='', max_length=64)),
                ('subject_id', models.BigIntegerField(null=True)),
                ('amount_fen', models.BigIntegerField()),
                ('journal_id', models.BigIntegerField(null=True)),
                ('content_hash', models.CharField(max_length=64)),
                ('made_at', models.DateTimeField()),
                ('state', models.CharField(db_default='waiting', max_length=8)),
                ('attempts', models.IntegerField(db_default=0)),
                ('next_at', models.DateTimeField()),
                ('sent_at', models.DateTimeField(null=True)),
                ('fault', models.CharField(db_default='', max_length=200)),
                ('reconciled_at', models.DateTimeField(null=True)),
            ],
            options={
                'db_table': 'payment_instruction',
                'indexes': [models.Index(condition=models.Q(('state', 'waiting')), fields=['next_at', 'id'], name='instruction_due'), models.Index(condition=models.Q(('state', 'sent')), fields=['sent_at'], name='instruction_silent'), models.Index(condition=models.Q(('reconciled_at__isnull', True)), fields=['number'], name='instruction_open'), models.Index(condition=models.Q(('kind', 'collect')), fields=['merchant_id', 'order_no'], name='instruction_of_order'), models.Index(fields=['journal_id'], name='instruction_of_journal')],
                'constraints': [models.CheckConstraint(condition=models.Q(('amount_fen__gt', 0), ('kind__in', ('collect', 'split', 'refund', 'payout', 'fee', 'bring', 'back')), ('state__in', ['waiting', 'sent', 'done', 'failed', 'disputed'])), name='payment_instruction_sound')],
            },
        ),
        migrations.CreateModel(
            name='PaymentNotice',
            fields=[
                ('id', models.BigIntegerField(primary_key=True, serialize=False)),
                ('notice_id', models.CharField(max_length=64, unique=True)),
                ('number', models.CharField(max_length=32)),
                ('trade_no', models.CharField(max_length=64)),
                ('outcome', models.CharField(max_length=8)),
                ('amount_fen', models.BigIntegerField()),
                ('occurred_at', models.DateTimeField()),
                ('received_at', models.DateTimeField()),
                ('source', models.CharField(max_length=8)),
                ('body_hash', models.CharField(max_length=64)),
            ],
            options={
                'db_table': 'payment_notice',
                'indexes': [models.Index(fields=['number'], name='payment_notice_of')],
                'constraints': [models.CheckConstraint(condition=models.Q(('outcome__in', ['success', 'failed', 'back']), ('source__in', ['notice', 'answer'])), name='payment_notice_sound')],
            },
        ),
        migrations.CreateModel(
            name='ReconciliationCase',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('account', models.CharField(max_length=16)),
                ('kind', models.CharField(max_length=16)),
                ('number', models.CharField(max_length=160)),
                ('difference', models.CharField(max_length=16)),
                ('expected_fen', models.BigIntegerField()),
                ('found_fen', models.BigIntegerField()),
                ('state', models.CharField(max_length=8)),
                ('since_at', models.DateTimeField()),
                ('opened_at', models.DateTimeField()),
                ('run_id', models.BigIntegerField()),
                ('closed_at', models.DateTimeField(null=True)),
                ('closed_by', models.CharField(db_default='', max_length=160)),
                ('outcome', models.TextField(db_default='')),
            ],
            options={
                'db_table': 'reconciliation_case',
                'indexes': [models.Index(condition=models.Q(('state', 'open')), fields=['opened_at'], name='case_open')],
                'constraints': [models.UniqueConstraint(fields=('account', 'kind', 'number'), name='case_once'), models.CheckConstraint(condition=models.Q(('difference__in', ['timing', 'missing', 'extra', 'wrong_amount', 'chargeback', 'notice']), ('state__in', ['open', 'closed'])), name='case_sound')],
            },
        ),
        migrations.CreateModel(
            name='Statement',
            fields=[
                ('id', models.BigIntegerField(primary_key=True, serialize=False)),
                ('account', models.CharField(max_length=16)),
                ('name', models.CharField(max_length=64)),
                ('file_hash', models.CharField(max_length=64)),
                ('lines', models.IntegerField()),
                ('total_fen', models.BigIntegerField()),
                ('balance_fen', models.BigIntegerField(null=True)),
                ('until_at', models.DateTimeField()),
                ('taken_at', models.DateTimeField()),
                ('taken_by', models.CharField(max_length=64)),
            ],
            options={
                'db_table': 'payment_statement',
                'constraints': [models.UniqueConstraint(fields=('account', 'name'), name='statement_name_once'), models.UniqueConstraint(fields=('account', 'file_hash'), name='statement_file_once'), models.CheckConstraint(condition=models.Q(('account__in', ['institution', 'bank'])), name='statement_account')],
            },
        ),
        migrations.CreateModel(
            name='StatementLine',
            fields=[
                ('id', models.BigIntegerField(primary_key=True, serialize=False)),
                ('statement_id', models.BigIntegerField()),
                ('account', models.CharField(max_length=16)),
                ('kind', models.CharField(max_length=16)),
                ('number', models.CharField(max_length=160)),
                ('trade_no', models.CharField(max_length=64)),
                ('amount_fen', models.BigIntegerField()),
                ('booked_at', models.DateTimeField()),
                ('text', models.CharField(db_default='', max_length=200)),
                ('settled_at', models.DateTimeField(null=True)),
            ],
            options={
                'db_table': 'statement_line',
                'indexes': [models.Index(fields=['number'], name='statement_line_of'), models.Index(condition=models.Q(('settled_at__isnull', True)), fields=['number'], name='statement_line_open'), models.Index(fields=['statement_id'], name='statement_line_in')],
                'constraints': [models.UniqueConstraint(fields=('account', 'trade_no', 'kind'), name='statement_line_once'), models.CheckConstraint(condition=models.Q(('amount_fen', 0), _negated=True), name='statement_line_moves')],
            },
        ),
        migrations.RunPython(guard, migrations.RunPython.noop),
    ]
