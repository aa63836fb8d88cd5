"""Claims that wait for a second person, what they reserve in wallets, and what leaves a wallet on a day."""

from typing import Any

from django.db import migrations, models

CONTENT = (
    *("id", "kind", "account_id", "pool_id", "merchant_id", "order_no", "shop", "cash_fen", "coupon_fen"),
    *("amount_fen", "day_fen", "most_fen", "content_hash", "salt", "asked_by", "asked_at"),
)
"""What of a claim never changes."""


def sqlite_guards() -> list[str]:
    changed = " OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in CONTENT)
    return [
        f"""CREATE TRIGGER claim_stays BEFORE UPDATE ON claim WHEN OLD.ended_at IS NOT NULL OR {changed}
            BEGIN SELECT RAISE(ABORT, 'a claim stays as it was asked and decided'); END""",
        """CREATE TRIGGER claim_no_delete BEFORE DELETE ON claim
            BEGIN SELECT RAISE(ABORT, 'a claim is never deleted'); END""",
        # INSERT OR REPLACE deletes the row in its way without firing delete triggers.
        """CREATE TRIGGER claim_no_replace BEFORE INSERT ON claim WHEN EXISTS (
                SELECT 1 FROM claim WHERE id = NEW.id OR (ended_at IS NULL AND NEW.ended_at IS NULL AND (
                    (merchant_id = NEW.merchant_id AND order_no = NEW.order_no)
                    OR (kind = 'draw' AND NEW.kind = 'draw' AND account_id = NEW.account_id AND pool_id = NEW.pool_id))))
            BEGIN SELECT RAISE(ABORT, 'a claim like this stands already'); END""",
        *(
            f"""CREATE TRIGGER claim_part_no_{verb} BEFORE {verb} ON claim_part
                BEGIN SELECT RAISE(ABORT, 'claim_part is append-only'); END"""
            for verb in ("update", "delete")
        ),
        """CREATE TRIGGER claim_part_no_replace BEFORE INSERT ON claim_part WHEN EXISTS (
                SELECT 1 FROM claim_part WHERE claim_id = NEW.claim_id AND pool_id = NEW.pool_id)
            BEGIN SELECT RAISE(ABORT, 'claim_part is append-only'); END""",
    ]


def postgresql_guards() -> list[str]:
    changed = " OR ".join(f"NEW.{name} IS DISTINCT FROM OLD.{name}" for name in CONTENT)
    return [
        f"""CREATE FUNCTION claim_stays() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN
             IF OLD.ended_at IS NOT NULL OR {changed} THEN
               RAISE EXCEPTION 'a claim stays as it was asked and decided';
             END IF;
             RETURN NEW;
           END $$""",
        "CREATE TRIGGER claim_stays BEFORE UPDATE ON claim FOR EACH ROW EXECUTE FUNCTION claim_stays()",
        """CREATE TRIGGER claim_no_delete BEFORE DELETE OR TRUNCATE ON claim
           FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()""",
        """CREATE TRIGGER claim_part_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON claim_part
           FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()""",
    ]


def raise_guards(apps: Any, schema_editor: Any) -> None:
    guards = postgresql_guards() if schema_editor.connection.vendor == "postgresql" else sqlite_guards()
    with schema_editor.connection.cursor() as cursor:
        for statement in guards:
            cursor.execute(statement)


class Migration(migrations.Migration):

    dependencies = [
        ('store', '0019_institution_failures'),
    ]

    operations = [
        migrations.CreateModel(
            name='Claim',
            fields=[
                ('id', models.BigIntegerField(primary_key=True, serialize=False)),
                ('kind', models.CharField(max_length=8)),
                ('account_id', models.BigIntegerField()),
                ('pool_id', models.BigIntegerField(null=True)),
                ('merchant_id', models.BigIntegerField(null=True)),
                ('order_no', models.CharField(max_length=64, null=True)),
                ('shop', models.CharField(max_length=64, null=True)),
                ('cash_fen', models.BigIntegerField(db_default=0)),
                ('coupon_fen', models.BigIntegerField(db_default=0)),
                ('amount_fen', models.BigIntegerField()),
                ('day_fen', models.BigIntegerField()),
                ('most_fen', models.BigIntegerField()),
                ('content_hash', models.CharField(max_length=64)),
                ('salt', models.CharField(max_length=64)),
                ('asked_by', models.CharField(max_length=64)),
                ('asked_at', models.DateTimeField()),
                ('state', models.CharField(max_length=10)),
                ('decided_by', models.CharField(max_length=64, null=True)),
                ('decided_at', models.DateTimeField(null=True)),
                ('reason', models.TextField(db_default='')),
                ('until_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
            ],
            options={
                'db_table': 'claim',
            },
        ),
        migrations.CreateModel(
            name='ClaimPart',
            fields=[
                ('pk', models.CompositePrimaryKey('claim_id', 'pool_id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('claim_id', models.BigIntegerField()),
                ('pool_id', models.BigIntegerField()),
                ('amount_fen', models.BigIntegerField()),
            ],
            options={
                'db_table': 'claim_part',
            },
        ),
        migrations.AddField(
            model_name='wallet',
            name='day',
            field=models.IntegerField(db_default=0),
        ),
        migrations.AddField(
            model_name='wallet',
            name='day_drawn_fen',
            field=models.BigIntegerField(db_default=0),
        ),
        migrations.AddField(
            model_name='wallet',
            name='day_spent_fen',
            field=models.BigIntegerField(db_default=0),
        ),
        migrations.AddField(
            model_name='wallet',
            name='draw_held_fen',
            field=models.BigIntegerField(db_default=0),
        ),
        migrations.AddField(
            model_name='wallet',
            name='spend_held_fen',
            field=models.BigIntegerField(db_default=0),
        ),
        migrations.AddConstraint(
            model_name='wallet',
            constraint=models.CheckConstraint(condition=models.Q(('day_drawn_fen__gte', 0), ('day_spent_fen__gte', 0), ('draw_held_fen__gte', 0), ('spend_held_fen__gte', 0)), name='wallet_holds_not_negative'),
        ),
        migrations.AddIndex(
            model_name='claim',
            index=models.Index(condition=models.Q(('state', 'held')), fields=['asked_at', 'id'], name='claim_waiting'),
        ),
        migrations.AddIndex(
            model_name='claim',
            index=models.Index(condition=models.Q(('state', 'approved')), fields=['until_at'], name='claim_approved'),
        ),
        migrations.AddIndex(
            model_name='claim',
            index=models.Index(fields=['account_id', 'id'], name='claim_of_account'),
        ),
        migrations.AddIndex(
            model_name='claim',
            index=models.Index(fields=['merchant_id', 'order_no'], name='claim_of_order'),
        ),
        migrations.AddConstraint(
            model_name='claim',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ('held', 'approved'))), fields=('merchant_id', 'order_no'), name='claim_order_once'),
        ),
        migrations.AddConstraint(
            model_name='claim',
            constraint=models.UniqueConstraint(condition=models.Q(('kind', 'draw'), ('state', 'held')), fields=('account_id', 'pool_id'), name='claim_draw_once'),
        ),
        migrations.AddConstraint(
            model_name='claim',
            constraint=models.CheckConstraint(condition=models.Q(('amount_fen__gt', 0), ('day_fen__gte', 0), ('most_fen__gte', 0), ('state__in', ('held', 'approved', 'done', 'rejected', 'withdrawn', 'lapsed')), ('cash_fen__gte', 0), ('coupon_fen__gte', 0)), name='claim_sound'),
        ),
        migrations.AddConstraint(
            model_name='claim',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'draw'), ('merchant_id__isnull', True), ('order_no__isnull', True), ('pool_id__isnull', False)), models.Q(('kind', 'spend'), ('merchant_id__isnull', False), ('order_no__isnull', False), ('pool_id__isnull', True)), _connector='OR'), name='claim_kind'),
        ),
        migrations.AddConstraint(
            model_name='claim',
            constraint=models.CheckConstraint(condition=models.Q(('decided_by__isnull', True), models.Q(('decided_by', models.F('asked_by')), _negated=True), _connector='OR'), name='claim_two_people'),
        ),
        migrations.AddConstraint(
            model_name='claim',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['held', 'withdrawn', 'lapsed']), models.Q(('decided_at__isnull', False), ('decided_by__isnull', False)), _connector='OR'), name='claim_decided'),
        ),
        migrations.AddConstraint(
            model_name='claim',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'approved'), _negated=True), models.Q(('kind', 'spend'), ('until_at__isnull', False)), _connector='OR'), name='claim_approval_ends'),
        ),
        migrations.AddConstraint(
            model_name='claim',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('state__in', ('held', 'approved'))), models.Q(models.Q(('state__in', ('held', 'approved')), _negated=True), ('ended_at__isnull', False)), _connector='OR'), name='claim_ended'),
        ),
        migrations.AddConstraint(
            model_name='claimpart',
            constraint=models.CheckConstraint(condition=models.Q(('amount_fen__gt', 0)), name='claim_part_positive'),
        ),
        migrations.RunPython(raise_guards, migrations.RunPython.noop),
    ]
