"""Regulators, complaints with their answers, and what was looked at. Answers and looks are append-only."""

from typing import Any

from django.db import migrations, models

KEPT = ("complaint_answer", "portal_view")
ROLES = ("operator", "finance", "risk", "marketing", "auditor", "regulator")
CATEGORIES = ("order", "refund", "points", "voucher", "referral", "merchant", "data", "other")
STATES = ("open", "answered", "closed")


def guard(apps: Any, schema_editor: Any) -> None:
    """Let nobody change or delete an answer or a look, nor delete a complaint."""
    if schema_editor.connection.vendor == "postgresql":
        statements = [
            f"""CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
                FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"""
            for table in KEPT
        ]
        statements.append(
            """CREATE TRIGGER complaint_stays BEFORE DELETE OR TRUNCATE ON complaint
               FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"""
        )
    else:
        statements = [
            f"""CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}
                BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"""
            for table in KEPT
            for verb in ("update", "delete")
        ]
        statements.append(
            """CREATE TRIGGER complaint_no_delete BEFORE DELETE ON complaint
               BEGIN SELECT RAISE(ABORT, 'complaint stays'); END"""
        )
        # INSERT OR REPLACE deletes the row in its way without firing delete triggers, so a known key is refused here.
        statements += [
            f"""CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table}
                WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id)
                BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"""
            for table in (*KEPT, "complaint")
        ]
    with schema_editor.connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("store", "0020_claims")]
    operations = [
        migrations.RemoveConstraint("staffrole", "staff_role_known"),
        migrations.AddConstraint(
            "staffrole", models.CheckConstraint(condition=models.Q(role__in=ROLES), name="staff_role_known")
        ),
        migrations.CreateModel(
            name="Complaint",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("account_id", models.BigIntegerField()),
                ("category", models.CharField(max_length=16)),
                ("about", models.CharField(max_length=64, db_default="")),
                ("sealed", models.TextField()),
                ("state", models.CharField(max_length=8)),
                ("filed_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                ("answered_at", models.DateTimeField(null=True)),
                ("closed_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "complaint",
                "indexes": [
                    models.Index(fields=["account_id", "id"], name="complaint_of_account"),
                    models.Index(fields=["due_at"], condition=~models.Q(state="closed"), name="complaint_open"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(category__in=CATEGORIES, state__in=STATES), name="complaint_sound"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(state="closed") ^ models.Q(closed_at__isnull=True), name="complaint_closed"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ComplaintAnswer",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("complaint_id", models.BigIntegerField()),
                ("by", models.CharField(max_length=64)),
                ("sealed", models.TextField()),
                ("at", models.DateTimeField()),
            ],
            options={
                "db_table": "complaint_answer",
                "indexes": [models.Index(fields=["complaint_id", "id"], name="complaint_answer_of")],
            },
        ),
        migrations.CreateModel(
            name="PortalView",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("account_id", models.BigIntegerField()),
                ("method", models.CharField(max_length=8)),
                ("page", models.CharField(max_length=64)),
                ("about", models.CharField(max_length=160)),
                ("request_id", models.CharField(max_length=64)),
            ],
            options={
                "db_table": "portal_view",
                "indexes": [models.Index(fields=["account_id", "id"], name="portal_view_of_account")],
            },
        ),
        migrations.RunPython(guard, migrations.RunPython.noop),
    ]
