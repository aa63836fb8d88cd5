"""The supervision report on some days of a town."""

from datetime import UTC, datetime, timedelta

from greenloop.insight.supervision.report import STAFF, Report, report
from greenloop.store import sql
from greenloop.store.queries.statements import Period
from tests.support.town import OPENS_DATE

MADE_AT = datetime(2027, 1, 1, tzinfo=UTC)


def over(first: int, last: int, form: str = STAFF, made_at: datetime = MADE_AT) -> Report:
    """Return the report on local days counted from the opening, which is day 1."""
    period = Period(OPENS_DATE + timedelta(days=first - 1), OPENS_DATE + timedelta(days=last - 1), 480)
    with sql.snapshot():
        return report(period=period, form=form, made_at=made_at)
