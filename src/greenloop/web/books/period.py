"""Which days a statement shows: a month, or some days from the address; and the way to the months beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from greenloop.core.cycle import YEAR_MAX, YEAR_MIN
from greenloop.store.queries.statements import Period, Span

DAYS_MAX = 92
FIRST, LAST = date(YEAR_MIN, 1, 1), date(YEAR_MAX, 12, 31)


class PeriodForm(forms.Form):
    """A month as 2017-05, or the first and the last day."""

    month = forms.RegexField(regex=r"\A[0-9]{4}-(0[1-9]|1[0-2])\Z", required=False)
    since = forms.DateField(label=_("First day"), required=False, widget=forms.DateInput({"type": "date"}))
    until = forms.DateField(label=_("Last day"), required=False, widget=forms.DateInput({"type": "date"}))

    def clean(self) -> dict[str, Any]:
        """Accept days that are in order, not too many, and of this age."""
        told = super().clean() or {}
        since, until = told.get("since"), told.get("until")
        if month := told.get("month"):
            # A year that dates don't have is refused here, before a date is made of it.
            since = until = date(int(month[:4]), int(month[5:]), 1) if month[:4] != "0000" else date.min
        if since and until:
            if not FIRST <= since <= until <= LAST:
                raise forms.ValidationError(_("The first day lies before the last, and both in this age."))
            if (until - since).days >= DAYS_MAX:
                message = _("A statement shows {most} days at most. Choose fewer.")
                raise forms.ValidationError(str(message).format(most=DAYS_MAX))
        elif since or until:
            raise forms.ValidationError(_("Give both the first and the last day."))
        return told

    def period(self, newest: date, offset_minutes: int) -> Period:
        """Return the days asked for; without any, the month of the newest."""
        told = self.cleaned_data if self.is_bound and self.is_valid() else {}
        if told.get("month"):
            year, month = told["month"].split("-")
            return month_of(date(int(year), int(month), 1), offset_minutes)
        if told.get("since") and told.get("until"):
            return Period(told["since"], told["until"], offset_minutes)
        return month_of(newest, offset_minutes)


@dataclass(frozen=True, slots=True)
class Months:
    """The months before and after a period in which something moved, as addresses name them; None at the ends."""

    older: str | None
    newer: str | None


def asked(query: Mapping[str, str]) -> PeriodForm:
    """Return the form as the address fills it; a plain address asks for nothing."""
    wanted = {name: query[name] for name in ("month", "since", "until") if query.get(name)}
    return PeriodForm(wanted or None)


def month_of(day: date, offset_minutes: int) -> Period:
    """Return the month that a day lies in."""
    return Period(day.replace(day=1), _next_month(day) - timedelta(days=1), offset_minutes)


def beside(period: Period, span: Span | None) -> Months:
    """Return the months beside a period, as far as anything moved."""
    if span is None:
        return Months(None, None)
    before = period.first_date.replace(day=1) - timedelta(days=1)
    after = _next_month(period.last_date)
    older = before if before >= span.first_date.replace(day=1) else None
    newer = after if after <= span.last_date else None
    return Months(*(f"{each:%Y-%m}" if each else None for each in (older, newer)))


def _next_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)
